/**
 * Regions: ranges of a space that may be mapped elsewhere; their state, protect and search.
 *
 * A change takes out of the page tables what is seen through the region, in every space that does. Search is a cursor in the caller's
 * registers, in address order, and never scans what it has reported (fluke.md A.5).
 * Called by the dispatcher, state-calls.ts and lifecycle.ts; `detachRegion` also when its space goes away.
 */
import { isAligned } from '../../base/integer.ts';
import { OBJECT_SIZE, PAGE_SIZE, STAGE_BYTES, STAGE_WORK, STEPS_PER_WORK } from '../../base/limits.ts';
import { faults, outcomes } from '../abi/codes.ts';
import { item, itemKinds } from '../abi/memory.ts';
import { states, typeNumbers } from '../abi/types.ts';
import { addLinker, removeLinker } from '../links.ts';
import { resolve, stretchAt } from '../memory/chain.ts';
import { countCollector, isNested, mayCollect, settle, touch } from '../memory/changed.ts';
import { type ChangedItem, dropChangedFrom, emptyOrder } from '../memory/changed-order.ts';
import { openWrite, writeWindow } from '../memory/copy.ts';
import { forgetRegion } from '../memory/forget.ts';
import { addLimit, removeLimit } from '../memory/limits.ts';
import { addSpan, emptySpans, moveSpan, removeSpan } from '../memory/spans.ts';
import { firstObject, named } from '../names.ts';
import { NumberTable } from '../number-table.ts';
import { argument, setArgument } from '../registers.ts';
import { results } from '../results.ts';
import { type KernelState, live, type Port, type Region, type Space, type Thread } from '../state.ts';
import { addressEnd, BOTTOM_ADDRESS_END } from './mapping.ts';
import { isProtection, readNumber, type TypeOperations, writeNumber } from './operations.ts';

const at = states.region.offset;
/** Items that one stage writes. */
export const STAGE_ITEMS = Math.floor(STAGE_BYTES / item.size);

/** What was seen through the region goes out of the tables, and it counts as no collector until it has its new words. */
function leaveTables(k: KernelState, region: Region): void {
  if (k.nestedCollectingCount > 0) settle(k);
  forgetRegion(k, region);
  countCollector(k, region, -1);
}

/** Takes the region out of its space, and what was seen through it out of the tables. */
export function detachRegion(k: KernelState, region: Region): void {
  leaveTables(k, region);
  const space = live(region.space);
  if (space === null) return;
  removeSpan(space.regions, region.startAddress, region.rank);
  if (space.bottom !== null) removeLimit(space.bottom, region);
}

/** The region stays in the list of its space, where it began at `before`. */
function relocate(k: KernelState, region: Region, before: number): void {
  const { startAddress: start, size, serial } = region;
  const space = live(region.space);
  if (space !== null) moveSpan(space.regions, before, region.rank, start, start + size, serial);
  region.rank = serial;
  countCollector(k, region, 1);
}

function attachRegion(k: KernelState, region: Region): void {
  region.rank = region.serial;
  countCollector(k, region, 1);
  const space = live(region.space);
  if (space === null) return;
  const { startAddress: start, size, rank } = region;
  addSpan(space.regions, start, start + size, rank, region);
  if (space.bottom !== null) addLimit(space.bottom, region);
}

/** Caps what every mapping of the region may do. */
function setProtection(k: KernelState, region: Region, bits: number): void {
  if ((region.protection & ~bits) !== 0) forgetRegion(k, region);
  region.protection = bits;
  touch(k, region);
}

/** region_protect */
export function protect(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const region = named(k, caller, argument(registers, 0), typeNumbers.region);
  if (typeof region === 'number') return region;
  const bits = argument(registers, 1);
  if (!isProtection(bits)) return faults.invalidState;
  setProtection(k, region, bits);
  return outcomes.success;
}

/** Writes items as records, one after another. */
export function itemBytes(items: readonly ChangedItem[]): Uint8Array {
  const bytes = new Uint8Array(items.length * item.size);
  const view = new DataView(bytes.buffer);
  let base = 0;
  for (const entry of items) {
    writeNumber(view, base + item.offset.offset, entry.offset);
    writeNumber(view, base + item.offset.pc, entry.pc);
    view.setUint32(base + item.offset.kind, entry.kind, true);
    view.setUint32(base + item.offset.type, entry.type, true);
    base += item.size;
  }
  return bytes;
}

/** Objects of the region from `start` to `end`, at most `room`, and where the search stopped. */
function find(k: KernelState, region: Region, start: number, end: number, room: number) {
  const found: ChangedItem[] = [];
  const space = live(region.space);
  let position = start;
  if (space === null) return { found, position: end };
  while (position < end && found.length < room && k.work < STAGE_WORK) {
    k.work += 1;
    const from = region.startAddress + position;
    const length = stretchAt(space, from, end - position);
    const bottom = resolve(k.chain, space, from, 0) ? (k.chain.space?.bottom ?? null) : null;
    k.work += Math.floor(k.chain.depth / STEPS_PER_WORK);
    const base = k.chain.address;
    let address = base;
    while (bottom !== null && found.length < room) {
      const object = firstObject(bottom, address, base + length);
      if (object === null) break;
      const offset = position + (object.address - base);
      found.push({ offset, pc: 0, kind: itemKinds.object, type: object.type });
      address = object.address + OBJECT_SIZE;
    }
    if (found.length === room && bottom !== null) return { found, position: position + (address - base) };
    position += length;
  }
  return { found, position };
}

/** region_search */
export function search(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const region = named(k, caller, argument(registers, 0), typeNumbers.region);
  if (typeof region === 'number') return region;
  const start = argument(registers, 1);
  const size = argument(registers, 2);
  const items = argument(registers, 3);
  const itemCount = argument(registers, 4);
  if (start < 0 || size < 0 || start + size > region.size || itemCount < 0) return faults.invalidAddress;
  const end = start + size;
  const { found, position } = find(k, region, start, end, Math.min(itemCount, STAGE_ITEMS));
  const bytes = itemBytes(found);
  const opened = openWrite(k, k.window, caller, items, bytes.length);
  if (opened !== 0) return opened;
  // Commit: the registers hold the rest of the search.
  writeWindow(k, k.window, caller, bytes);
  setArgument(registers, 1, Math.min(position, end));
  setArgument(registers, 2, Math.max(0, end - position));
  setArgument(registers, 3, items + bytes.length);
  setArgument(registers, 4, itemCount - found.length);
  return position >= end || itemCount === found.length ? outcomes.success : results.stage;
}

export const regionOperations: TypeOperations<Region> = {
  make: (fields, k) => ({
    ...fields,
    type: typeNumbers.region,
    startAddress: 0,
    size: 0,
    protection: 0,
    space: null,
    keeper: null,
    collecting: false,
    objectLimit: 0,
    threadLimit: 0,
    changedPages: new NumberTable(k.hashWords),
    changedObjects: new NumberTable(k.hashWords),
    changedOrder: emptyOrder(),
    mappings: emptySpans(),
    rank: 0,
    objectCount: 0,
    threadCount: 0,
  }),
  write(_k, region, view) {
    writeNumber(view, at.startAddress, region.startAddress);
    writeNumber(view, at.size, region.size);
    writeNumber(view, at.protection, region.protection);
    writeNumber(view, at.collecting, region.collecting ? 1 : 0);
    writeNumber(view, at.objectLimit, region.objectLimit);
    writeNumber(view, at.threadLimit, region.threadLimit);
  },
  links: (_k, region) => [live(region.space), live(region.keeper)],
  check(k, region, view, given) {
    const newSpace = given[0];
    const space = (newSpace === undefined ? live(region.space) : newSpace) as Space | null;
    const start = view === null ? region.startAddress : readNumber(view, at.startAddress);
    const size = view === null ? region.size : readNumber(view, at.size);
    if (start < 0 || size < 0) return faults.invalidAddress;
    if (!isAligned(start, PAGE_SIZE) || !isAligned(size, PAGE_SIZE)) return faults.notAligned;
    if (start + size > (space === null ? BOTTOM_ADDRESS_END : addressEnd(space)))
      return faults.invalidAddress;
    const isCounted = region.collecting && isNested(live(region.space));
    const willCollect = view === null ? region.collecting : readNumber(view, at.collecting) === 1;
    if (willCollect && !isCounted && !mayCollect(k, space)) return outcomes.noMemory;
    if (view === null) return 0;
    if (!isProtection(readNumber(view, at.protection))) return faults.invalidState;
    const collecting = readNumber(view, at.collecting);
    const isBounded = readNumber(view, at.objectLimit) >= 0 && readNumber(view, at.threadLimit) >= 0;
    return isBounded && (collecting === 0 || collecting === 1) ? 0 : faults.invalidState;
  },
  load(k, region, view, given) {
    const space = given[0] as Space | null | undefined;
    const keeper = given[1] as Port | null | undefined;
    const stays = live(region.space) !== null && (space === undefined || space === region.space);
    // The limits of a bottom space count what lies in its regions.
    const isKept = stays && region.space?.bottom === null;
    if (isKept) leaveTables(k, region);
    else detachRegion(k, region);
    const before = region.startAddress;
    if (view !== null) {
      region.startAddress = readNumber(view, at.startAddress);
      region.size = readNumber(view, at.size);
      region.protection = readNumber(view, at.protection);
      region.collecting = readNumber(view, at.collecting) === 1;
      region.objectLimit = readNumber(view, at.objectLimit);
      region.threadLimit = readNumber(view, at.threadLimit);
      dropChangedFrom(region, region.collecting ? region.size : 0);
    }
    if (space !== undefined) region.space = space;
    if (keeper !== undefined && keeper !== region.keeper) {
      removeLinker(region.keeper, region);
      region.keeper = keeper;
      addLinker(keeper, region);
    }
    if (isKept) relocate(k, region, before);
    else attachRegion(k, region);
    touch(k, region);
  },
  release(k, region) {
    detachRegion(k, region);
    removeLinker(region.keeper, region);
    return true;
  },
};
