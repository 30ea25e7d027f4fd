/**
 * The regions of translated code that live: made on request, dropped on writes, bounded in number and size.
 *
 * Invariants: the word of a decode slot names a region only while every instruction of it is what memory holds; a slot
 * with instructions of a region says so in `slot.regions`, so that writes to its frame are told. Everything here is
 * derived: dropping all of it costs time and nothing else. Called by tiers.ts, which decides when.
 */
import { present } from '../../base/assert.ts';
import { TWO_32 } from '../../base/integer.ts';
import { PAGE_SIZE } from '../../base/limits.ts';
import { type LibraryName, libraryTypes } from '../instructions/library.ts';
import { type InterpreterExports, regionSignature } from '../interpreter.ts';
import {
  ARRIVALS_NEVER,
  at,
  REGION_FLAG,
  REGION_PAGES_MAX,
  REGION_RECORDS,
  REGIONS_MAX,
  regionRecord,
  STRADDLE_SLOT,
  slot,
  TLB_ENTRIES,
  TLB_ENTRY_SIZE,
  tlbSet,
} from '../layout.ts';
import type { Measure } from '../machine.ts';
import { memoryImports } from '../mmu.ts';
import { ModuleBuilder } from '../wasm/builder.ts';
import { types } from '../wasm/opcodes.ts';
import { type CodeSource, discoverRegion, offsetInPage, type Region } from './blocks.ts';
import { flowOf } from './flow.ts';
import { createFootprints } from './footprint.ts';
import { buildRegion } from './region.ts';

const INSTRUCTIONS_MAX = 600;
const CALLEE_MAX = 120;

const REFUSALS_MAX = 100;
/**
 * A window's miss costs about as much as ten accesses' slow paths, so a region with many is made anew with such paths. Only
 * those count that come within so many translated instructions of the one before: draining the modification log makes every
 * window miss once, and that is nothing.
 */
const MISSES_MAX = 300;
const DENSE = 20_000;

interface LiveRegion {
  readonly index: number;
  readonly root: number;
  /** Address of the word of a decode slot that names it. */
  readonly word: number;
  /** Slots of its pages, each with its instructions' bytes: from the first to behind the last. */
  readonly ranges: readonly { readonly slot: number; readonly from: number; readonly to: number }[];
  readonly codeBytes: number;
  /** Control comes back to its root. */
  readonly isLoop: boolean;
  /** How often it was entered in an address space that has other pages. */
  refusals: number;
  /** How often it was left because of a window. */
  misses: number;
  /** Instructions that all translated code had retired when it last was. */
  missedAt: number;
}

export interface TranslationCache {
  /** Makes regions that begin at these addresses of the current address space, where that can be. */
  translate(roots: readonly number[], looksAhead: boolean): void;
  /** Drops the regions with instructions among these bytes of the slot's frame. */
  codeWritten(slotAddress: number, from: number, to: number): void;
  /** A region was entered where it may not run. One that often is makes room for another. */
  refused(region: number): void;
  readonly regionCount: number;
  readonly batches: number;
  readonly compiled: number;
  readonly dropped: number;
  readonly codeBytes: number;
}

export interface CacheMachine {
  readonly memory: WebAssembly.Memory;
  readonly view: DataView;
  readonly table: WebAssembly.Table;
  /** Of any kind of the interpreter's module: the functions that both have. */
  readonly interpreter: InterpreterExports;
  readonly isFused: boolean;
  readonly measure: Measure;
  /** Beyond these everything is dropped. */
  readonly bounds: { readonly regionsMax: number; readonly bytesMax: number };
}

/** Bytes of each page that the region's instructions occupy. */
function rangesOf(region: Region): { slot: number; from: number; to: number }[] {
  const ranges = new Map<number, { slot: number; from: number; to: number }>();
  const include = (from: number, to: number): void => {
    const page = from - offsetInPage(from);
    const slotAddress = present(
      region.pages.get(page),
      'translator: an instruction lies on a page of its region',
    );
    const known = ranges.get(page) ?? { slot: slotAddress, from: PAGE_SIZE, to: 0 };
    known.from = Math.min(known.from, from - page);
    known.to = Math.max(known.to, to - page);
    ranges.set(page, known);
  };
  for (const { instructions } of region.blocks.values())
    for (const { pc, length } of instructions)
      for (let at = pc; at < pc + length; at += 2) include(at, at + 2);
  return [...ranges.values()];
}

export function createTranslationCache(machine: CacheMachine): TranslationCache {
  const { view, table, interpreter } = machine;
  const footprintOf = createFootprints();
  const live = new Map<number, LiveRegion>();
  /** By slot, the regions with instructions of its frame. */
  const inSlot = new Map<number, Set<LiveRegion>>();
  /** Regions by the address of their root; where several address spaces differ, the newest. */
  const atRoot = new Map<number, LiveRegion>();
  /** Roots whose regions were refused too often: from there regions stay on one page, so that none has to ask. */
  const onePage = new Set<number>();
  /** Roots whose regions were left too often because of a window. */
  const unsureWindows = new Set<number>();
  const freeIndexes: number[] = [];
  let nextIndex = 0;
  let compiled = 0;
  let batches = 0;
  let dropped = 0;
  let codeBytes = 0;
  let liveBytes = 0;

  const slotOf = (page: number): number => {
    const set = view.getUint32(at.tlb, true);
    const entry = set + tlbSet.execute + ((page / PAGE_SIZE) & (TLB_ENTRIES - 1)) * TLB_ENTRY_SIZE;
    const isThere =
      view.getUint32(entry, true) === page >>> 0 &&
      view.getInt32(entry + 4, true) === Math.floor(page / TWO_32);
    return isThere ? view.getUint32(entry + 8, true) : 0;
  };

  const source: CodeSource = {
    view,
    slotOf,
    decode: (entry, slotAddress) => interpreter.decodeEntry(entry, slotAddress),
    decodeStraddling(first, second) {
      const low = view.getUint16(view.getUint32(first + slot.host, true) + PAGE_SIZE - 2, true);
      const high = view.getUint16(view.getUint32(second + slot.host, true), true);
      interpreter.decodeWord(STRADDLE_SLOT, low | (high << 16), 0);
      return STRADDLE_SLOT;
    },
    isLinked: (pc) => atRoot.get(pc)?.isLoop ?? false,
  };

  const drop = (region: LiveRegion): void => {
    live.delete(region.index);
    if (atRoot.get(region.root) === region) atRoot.delete(region.root);
    if (view.getUint32(region.word, true) === (REGION_FLAG | region.index) >>> 0)
      view.setUint32(region.word, 0, true);
    for (const { slot: slotAddress } of region.ranges) {
      const others = inSlot.get(slotAddress);
      others?.delete(region);
      view.setUint32(slotAddress + slot.regions, others?.size ?? 0, true);
      if (others?.size === 0) inSlot.delete(slotAddress);
    }
    table.set(region.index, null);
    freeIndexes.push(region.index);
    view.setUint32(at.dropped, 1, true);
    liveBytes -= region.codeBytes;
    dropped++;
  };

  /** Drops a region; where it began, the next one is made in the way that the set stands for. */
  const makeOtherwise = (region: LiveRegion, way: Set<number>): void => {
    if (way.size >= REGIONS_MAX) way.clear();
    way.add(region.root);
    drop(region);
  };

  const missed = (index: number): void => {
    // The region may have been dropped while it ran.
    const region = live.get(index);
    if (region === undefined) return;
    const translated = Number(view.getBigUint64(at.translated, true));
    if (translated - region.missedAt < DENSE) region.misses++;
    region.missedAt = translated;
    if (region.misses > MISSES_MAX) makeOtherwise(region, unsureWindows);
  };

  const dropAll = (): void => {
    for (const region of [...live.values()]) drop(region);
  };

  const takeIndex = (): number => {
    const free = freeIndexes.pop();
    if (free !== undefined) return free;
    while (nextIndex >= table.length) table.grow(table.length);
    return nextIndex++;
  };

  /** Puts a region that has been compiled where control will find it. */
  const enter = (region: LiveRegion, pages: ReadonlyMap<number, number>): void => {
    live.set(region.index, region);
    atRoot.set(region.root, region);
    const record = REGION_RECORDS + region.index * regionRecord.size;
    regionRecord.write(view, record, {
      stamp: view.getUint32(at.stamp, true),
      pageCount: pages.size,
      pages: Array.from({ length: REGION_PAGES_MAX }, (_, i) => BigInt([...pages.keys()][i] ?? 0)),
      slots: Array.from({ length: REGION_PAGES_MAX }, (_, i) => [...pages.values()][i] ?? 0),
    });
    for (const { slot: slotAddress } of region.ranges) {
      const others = inSlot.get(slotAddress) ?? new Set();
      others.add(region);
      inSlot.set(slotAddress, others);
      view.setUint32(slotAddress + slot.regions, others.size, true);
    }
    view.setUint32(region.word, (REGION_FLAG | region.index) >>> 0, true);
  };

  const wordOf = (root: number): number => {
    const page = root - offsetInPage(root);
    const slotAddress = slotOf(page);
    return slotAddress === 0 ? 0 : slotAddress + slot.arrivals + (root - page) * 2;
  };

  return {
    translate(roots, looksAhead) {
      const { regionsMax, bytesMax } = machine.bounds;
      if (live.size + roots.length > regionsMax || liveBytes > bytesMax) dropAll();
      const module = new ModuleBuilder();
      module.importTable();
      const library = Object.fromEntries(
        Object.entries(libraryTypes).map(([name, { parameters, results }]) => [
          name,
          module.importFunction(name, parameters, results),
        ]),
      ) as Record<LibraryName, number>;
      const helpers = Object.fromEntries(
        Object.entries(memoryImports).map(([name, [parameters, results]]) => [
          name,
          module.importFunction(name, parameters, results),
        ]),
      ) as Record<keyof typeof memoryImports, number>;
      const windowMissed = module.importFunction('windowMissed', [types.i32], []);
      const regionType = module.type(regionSignature.parameters, regionSignature.results);
      const bounds = {
        instructionsMax: INSTRUCTIONS_MAX,
        calleeMax: CALLEE_MAX,
        looksAhead,
      };
      const made: { region: LiveRegion; pages: ReadonlyMap<number, number> }[] = [];
      const covered = new Set<number>();
      for (const root of roots) {
        const word = wordOf(root);
        if (word === 0 || view.getUint32(word, true) >= REGION_FLAG) continue;
        if (covered.has(root)) {
          // Another region of this batch leads through it: it has to become hot by itself once more.
          view.setUint32(word, 0, true);
          continue;
        }
        const pagesMax = onePage.has(root) ? 1 : REGION_PAGES_MAX;
        const region = discoverRegion(source, { ...bounds, pagesMax }, root);
        if (region === null) {
          view.setUint32(word, ARRIVALS_NEVER, true);
          continue;
        }
        for (const pc of region.blocks.keys()) covered.add(pc);
        const flow = flowOf(region, footprintOf);
        const index = takeIndex();
        const body = buildRegion(
          region,
          index,
          {
            library,
            helpers,
            isFused: machine.isFused,
            regionType,
            measure: machine.measure,
            windowsAreSure: !unsureWindows.has(root),
            windowMissed,
            footprintOf,
          },
          flow,
        );
        module.place(module.add(body), index);
        const isLoop = flow.graph.some((successors) => successors.includes(0));
        made.push({
          region: {
            index,
            root,
            word,
            ranges: rangesOf(region),
            codeBytes: body.size,
            isLoop,
            refusals: 0,
            misses: 0,
            missedAt: -DENSE,
          },
          pages: region.pages,
        });
      }
      if (made.length === 0) return;
      batches++;
      const bytesOfModule = module.finish();
      new WebAssembly.Instance(new WebAssembly.Module(bytesOfModule), {
        machine: { memory: machine.memory, table, windowMissed: missed, ...interpreter },
      });
      for (const { region, pages } of made) {
        enter(region, pages);
        compiled++;
        codeBytes += region.codeBytes;
        liveBytes += region.codeBytes;
      }
    },
    codeWritten(slotAddress, from, to) {
      for (const region of [...(inSlot.get(slotAddress) ?? [])]) {
        if (region.ranges.some((range) => range.slot === slotAddress && range.from < to && from < range.to))
          drop(region);
      }
    },
    refused(index) {
      const region = present(live.get(index), 'translator: the region entered lives');
      region.refusals++;
      if (region.refusals <= REFUSALS_MAX) return;
      // Address spaces that share some of its pages would take turns at making it anew.
      makeOtherwise(region, onePage);
    },
    get batches() {
      return batches;
    },
    get regionCount() {
      return live.size;
    },
    get compiled() {
      return compiled;
    },
    get dropped() {
      return dropped;
    },
    get codeBytes() {
      return codeBytes;
    },
  };
}
