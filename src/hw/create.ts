/**
 * Makes a machine: its linear memory, its hart, its modification log.
 *
 * Implements the contract of machine.ts. Everything mutable lies in the linear memory, except which address space owns
 * which TLB set, which is derived. Called by the entry point and by the bare runner; takes no effects.
 */
import { assert, present } from '../base/assert.ts';
import { lowHalf } from '../base/integer.ts';
import { PAGE_SHIFT, PAGE_SIZE } from '../base/limits.ts';
import { createCopier } from './copier.ts';
import { writeDecoderTables } from './decoder.ts';
import { type AddressSpaces, ModelHart } from './hart.ts';
import {
  at,
  type LinearMemory,
  operations,
  placeLinearMemory,
  REGION_RECORDS,
  REGIONS_MAX,
  regionRecord,
  STRADDLE_SLOT,
  slot,
  TLB_ENTRIES,
  TLB_ENTRY_SHIFT,
  TLB_ENTRY_SIZE,
  TLB_INVALID_BYTE,
  TLB_OFF,
  TLB_SETS,
  TLBS,
  tlbSet,
} from './layout.ts';
import { ModelLog } from './log.ts';
import type { Machine, MachineOptions } from './machine.ts';
import { exportHartState, importHartState } from './state.ts';
import { createTiers, type Tiers } from './tiers.ts';

/** The linear memory and its views; shared by the parts of one machine. */
interface Core {
  readonly memory: WebAssembly.Memory;
  readonly place: LinearMemory;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly words: Uint32Array;
  readonly tiers: Tiers;
}

function writeStraddleSlot(view: DataView): void {
  for (let entry = slot.entrySize; entry <= slot.entriesEnd; entry += slot.entrySize) {
    view.setUint32(STRADDLE_SLOT + entry, operations.pageEnd, true);
  }
}

function createCore(ramBytes: number, options: MachineOptions): Core {
  const place = placeLinearMemory(ramBytes);
  const pages = place.size / 65536;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const bytes = new Uint8Array(memory.buffer);
  const view = new DataView(memory.buffer);
  const words: readonly (readonly [number, number])[] = [
    [at.frameCount, place.frameCount],
    [at.ramOffset, place.ramOffset],
    [at.logIndexes, place.logIndexes],
    [at.frameSlots, place.frameSlots],
    [at.log, place.log],
    [at.slots, place.slots],
    [at.slotCount, place.slotCount],
    [at.rootFrame, 0xffff_ffff],
    [at.tlb, TLB_OFF],
  ];
  for (const [address, value] of words) view.setUint32(address, value, true);
  view.setBigInt64(at.reservation, -1n, true);
  for (let set = 0; set <= TLB_SETS; set++) {
    const start = TLBS + set * tlbSet.size;
    bytes.fill(TLB_INVALID_BYTE, start, start + tlbSet.written);
  }
  writeDecoderTables(view);
  writeStraddleSlot(view);
  const tiers = createTiers(memory, view, options);
  return { memory, place, bytes, view, words: new Uint32Array(memory.buffer), tiers };
}

/** Which address space owns a TLB set, and the stamp of its tables. Derived: forgetting it costs refills only. */
interface SetOwner {
  asid: number;
  rootFrame: number;
  stamp: number;
  /** True while nothing can have been put into the set since it was flushed: it was not the current one. */
  isClean: boolean;
}

const NONE = -1;
const ASIDS = 0x1_0000;

/** In the low word of a tag: no page has it. */
const INVALID_WORD = TLB_INVALID_BYTE * 0x0101_0101;

function createAddressSpaces({ view, words, place }: Core): AddressSpaces {
  const owners: SetOwner[] = Array.from({ length: TLB_SETS }, () => ({
    asid: NONE,
    rootFrame: NONE,
    stamp: 0,
    isClean: true,
  }));
  /** The set of each address space identifier. */
  const setOf = new Int8Array(ASIDS).fill(NONE);
  let hand = 0;
  /** What the hart was pointed at last. The set of that space is its own until another is asked for. */
  let currentRoot = NONE;
  let currentAsid = NONE;
  const setStart = (index: number): number => TLBS + index * tlbSet.size;
  const ownerAt = (index: number): SetOwner => present(owners[index], 'hart: a TLB set has an owner record');
  let lastStamp = 0;
  /** Tells translated code that pages of this address space may lie elsewhere now. */
  const stamp = (index: number): void => {
    if (lastStamp === 0xffff_ffff) {
      // After 2^32 fences the stamps begin anew: no region may keep one from before.
      for (let region = 0; region < REGIONS_MAX; region++)
        view.setUint32(REGION_RECORDS + region * regionRecord.size + regionRecord.offset.stamp, 0, true);
      lastStamp = 0;
      owners.forEach((owner, each) => {
        owner.stamp = ++lastStamp;
        if (view.getUint32(at.tlb, true) === setStart(each)) view.setUint32(at.stamp, owner.stamp, true);
      });
    }
    ownerAt(index).stamp = ++lastStamp;
    if (words[at.tlb / 4] === setStart(index)) words[at.stamp / 4] = lastStamp;
  };
  const flush = (index: number): void => {
    const start = setStart(index);
    stamp(index);
    const owner = ownerAt(index);
    if (owner.isClean) return;
    owner.isClean = view.getUint32(at.tlb, true) !== start;
    // The low word of a tag is enough; to fill all of it byte by byte takes thirteen times as long.
    const end = (start + tlbSet.written) / 4;
    for (let word = start / 4; word < end; word += TLB_ENTRY_SIZE / 4) words[word] = INVALID_WORD;
    view.setUint32(start + tlbSet.written, 0, true);
    view.setUint32(start + tlbSet.large, 0, true);
  };
  const indexOf = (asid: number): number => setOf[asid] ?? NONE;
  /** Gives the next set in turn to an address space. */
  const take = (asid: number): number => {
    const index = hand;
    hand = (hand + 1) % TLB_SETS;
    flush(index);
    const owner = ownerAt(index);
    if (owner.asid !== NONE) setOf[owner.asid] = NONE;
    owner.asid = asid;
    setOf[asid] = index;
    return index;
  };
  return {
    setAddressSpace(rootFrame, asid) {
      if (rootFrame === currentRoot && asid === currentAsid) return;
      currentRoot = rootFrame;
      currentAsid = asid;
      if (rootFrame === -1) {
        view.setUint32(at.rootFrame, 0xffff_ffff, true);
        view.setUint32(at.tlb, TLB_OFF, true);
        return;
      }
      assert(rootFrame >= 0 && rootFrame < place.frameCount, 'hart: the root table is a frame of RAM');
      assert(asid >= 0 && asid < ASIDS, 'hart: an address space identifier has 16 bits');
      let index = indexOf(asid);
      if (index === NONE) index = take(asid);
      else if (ownerAt(index).rootFrame !== rootFrame) flush(index);
      ownerAt(index).rootFrame = rootFrame;
      ownerAt(index).isClean = false;
      words[at.rootFrame / 4] = rootFrame;
      words[at.tlb / 4] = setStart(index);
      words[at.stamp / 4] = ownerAt(index).stamp;
    },
    fenceAll() {
      for (let index = 0; index < TLB_SETS; index++) if (ownerAt(index).asid !== NONE) flush(index);
    },
    fenceSpace(asid) {
      const index = indexOf(asid);
      if (index !== NONE) flush(index);
    },
    fencePage(asid, address) {
      const index = indexOf(asid);
      if (index === NONE) return;
      const start = setStart(index);
      if (words[(start + tlbSet.large) / 4] !== 0) {
        flush(index);
        return;
      }
      stamp(index);
      const entry =
        start +
        ((lowHalf(address) >>> (PAGE_SHIFT - TLB_ENTRY_SHIFT)) & ((TLB_ENTRIES - 1) * TLB_ENTRY_SIZE));
      words[(entry + tlbSet.read) / 4] = INVALID_WORD;
      words[(entry + tlbSet.write) / 4] = INVALID_WORD;
      words[(entry + tlbSet.execute) / 4] = INVALID_WORD;
    },
  };
}

/** Makes a machine with this many bytes of RAM: zeros, like its registers; address translation is off. */
export function createMachine(ramBytes: number, options: MachineOptions = {}): Machine {
  const core = createCore(ramBytes, options);
  const { memory, place, bytes, view, tiers } = core;
  const frameChanged = (frame: number): void => {
    const decoded = view.getUint32(place.frameSlots + frame * 4, true);
    if (decoded === 0) return;
    bytes.fill(0, decoded, decoded + slot.entriesEnd);
    tiers.codeChanged(decoded);
    // What was counted, or found to be untranslatable, was other code.
    bytes.fill(0, decoded + slot.arrivals, decoded + slot.size);
  };
  return {
    memory,
    bytes,
    view,
    words: core.words,
    longs: new BigUint64Array(memory.buffer),
    ramOffset: place.ramOffset,
    frameCount: place.frameCount,
    hart: new ModelHart(memory.buffer, tiers.run, createAddressSpaces(core), frameChanged),
    log: new ModelLog(view, place, () => tiers.flushWrites(), frameChanged),
    frame(frame) {
      assert(frame >= 0 && frame < place.frameCount, 'machine: the frame is one of RAM');
      const start = place.ramOffset + frame * PAGE_SIZE;
      return bytes.subarray(start, start + PAGE_SIZE);
    },
    copier(target) {
      const copy = createCopier(memory, target);
      return (frame, to) => {
        assert(frame >= 0 && frame < place.frameCount, 'machine: the frame is one of RAM');
        copy(to, place.ramOffset + frame * PAGE_SIZE, PAGE_SIZE);
      };
    },
    exportState: () => exportHartState(view),
    importState: (state) => importHartState(view, state),
    setTier: (tier) => tiers.setTier(tier),
    tierStatistics: () => tiers.statistics(),
  };
}
