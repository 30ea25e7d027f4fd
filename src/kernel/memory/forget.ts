/**
 * What must be forgotten when memory changes its shape: the page table entries of every space that saw the changed piece.
 *
 * From the piece of one space up: through regions that cover it and windows onto those, at any depth, each piece cut to
 * what the window shows. The cost is that of the windows that show it, and is charged to whoever changes memory. A
 * program may double windows level by level, and pile up regions: beyond `PLACES_MAX` pieces, or `CLIMB_STEPS_MAX`
 * regions and windows, all tables are dropped, which is as right and bounded; they fill again by faults.
 * Invariant: called before the change, while the mappings still lead where the entries were made.
 */
import { CLIMB_STEPS_MAX, PAGE_SIZE, PLACES_MAX, STEPS_PER_WORK } from '../../base/limits.ts';
import { type KernelState, live, type Region, type Space } from '../state.ts';
import { visitSpans } from './spans.ts';
import { clearEntries, dropAllTables } from './tables.ts';

/** Pieces still to be looked at, and how far those reach that were, by space and start. */
interface Search {
  readonly spaces: Space[];
  readonly starts: number[];
  readonly ends: number[];
  readonly seen: Map<Space, Map<number, number>>;
  /** Regions and windows that were looked at. */
  steps: number;
}

function emptySearch(): Search {
  return { spaces: [], starts: [], ends: [], seen: new Map(), steps: 0 };
}

function isBounded(search: Search): boolean {
  return search.spaces.length <= PLACES_MAX && search.steps <= CLIMB_STEPS_MAX;
}

function add(search: Search, space: Space, start: number, end: number): void {
  let seen = search.seen.get(space);
  if (seen === undefined) {
    seen = new Map();
    search.seen.set(space, seen);
  }
  if ((seen.get(start) ?? 0) >= end) return;
  seen.set(start, end);
  search.spaces.push(space);
  search.starts.push(start);
  search.ends.push(end);
}

/** Adds the windows onto bytes [start, end) of the region. False when there are too many. */
function addWindows(search: Search, region: Region, start: number, end: number): boolean {
  return visitSpans(region.mappings, start, end, (mapping) => {
    search.steps += 1;
    const above = live(mapping.space);
    if (above === null) return isBounded(search);
    const shift = mapping.startAddress - mapping.regionOffset;
    const from = Math.max(start, mapping.regionOffset) + shift;
    const to = Math.min(end, mapping.regionOffset + mapping.size) + shift;
    add(search, above, from, to);
    return isBounded(search);
  });
}

/** Clears what was found, and climbs on from there. */
function run(k: KernelState, search: Search): void {
  let isWithin = isBounded(search);
  for (let i = 0; i < search.spaces.length && isWithin; i += 1) {
    k.work += 1;
    const space = search.spaces[i] as Space;
    const start = search.starts[i] as number;
    const end = search.ends[i] as number;
    clearEntries(k, space, start / PAGE_SIZE, end / PAGE_SIZE);
    isWithin = visitSpans(space.regions, start, end, (region) => {
      search.steps += 1;
      const from = Math.max(start, region.startAddress) - region.startAddress;
      const to = Math.min(end, region.startAddress + region.size) - region.startAddress;
      return addWindows(search, region, from, to) && isBounded(search);
    });
  }
  k.work += Math.floor(search.steps / STEPS_PER_WORK);
  if (!isWithin) dropAllTables(k);
}

/** Bytes [start, end) of the space are about to lead elsewhere, or to allow less. */
export function forgetWindow(k: KernelState, space: Space, start: number, end: number): void {
  if (start >= end) return;
  if (space.regions.count === 0) {
    clearEntries(k, space, start / PAGE_SIZE, end / PAGE_SIZE);
    return;
  }
  const search = emptySearch();
  add(search, space, start, end);
  run(k, search);
}

/** All that is seen through the region is about to lead elsewhere, or to allow less. */
export function forgetRegion(k: KernelState, region: Region): void {
  if (region.mappings.count === 0) return;
  const search = emptySearch();
  if (!addWindows(search, region, 0, region.size)) dropAllTables(k);
  else run(k, search);
}
