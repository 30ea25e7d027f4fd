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
import { type KernelState, live, type Mapping, type Region, type Search, type Space } from '../state.ts';
import { firstSpan, visitSpans } from './spans.ts';
import { clearEntries, dropAllTables } from './tables.ts';

/** Pieces among which one is looked for one by one; beyond it there is an index of them. */
const LISTED_MAX = 16;

/** Begins a search: none is under way, since nothing that is called meanwhile changes memory. */
function begin(k: KernelState): Search {
  const { search } = k;
  search.count = 0;
  search.seen = null;
  search.steps = 0;
  return search;
}

/** Ends it: what it holds must not keep spaces alive. */
function end(search: Search): void {
  for (let i = 0; i < search.count; i += 1) search.spaces[i] = null;
  search.count = 0;
  search.seen = null;
}

function isBounded(search: Search): boolean {
  return search.count <= PLACES_MAX && search.steps <= CLIMB_STEPS_MAX;
}

function noteSeen(seen: Map<Space, Map<number, number>>, space: Space, start: number, to: number): void {
  const known = seen.get(space);
  if (known === undefined) seen.set(space, new Map([[start, to]]));
  else known.set(start, to);
}

/** True when a piece of the space that begins there and reaches as far is to be looked at, or was. */
function isSeen(search: Search, space: Space, start: number, to: number): boolean {
  const { spaces, starts, ends, count } = search;
  if (count < LISTED_MAX) {
    for (let i = 0; i < count; i += 1) {
      if (spaces[i] === space && starts[i] === start && (ends[i] as number) >= to) return true;
    }
    return false;
  }
  if (search.seen === null) {
    search.seen = new Map();
    for (let i = 0; i < count; i += 1) {
      noteSeen(search.seen, spaces[i] as Space, starts[i] as number, ends[i] as number);
    }
  }
  return (search.seen.get(space)?.get(start) ?? 0) >= to;
}

function add(search: Search, space: Space, start: number, to: number): void {
  if (isSeen(search, space, start, to)) return;
  if (search.seen !== null) noteSeen(search.seen, space, start, to);
  search.spaces[search.count] = space;
  search.starts[search.count] = start;
  search.ends[search.count] = to;
  search.count += 1;
}

function never(): boolean {
  return false;
}

/** True when no region of the space covers part of this piece: nothing sees it through further windows. */
function isUncovered(space: Space, start: number, to: number): boolean {
  return space.regions.count === 0 || visitSpans(space.regions, start, to, never);
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
  for (let i = 0; i < search.count && isWithin; i += 1) {
    k.work += 1;
    const space = search.spaces[i] as Space;
    const start = search.starts[i] as number;
    const stop = search.ends[i] as number;
    clearEntries(k, space, start / PAGE_SIZE, stop / PAGE_SIZE);
    if (isUncovered(space, start, stop)) continue;
    isWithin = visitSpans(space.regions, start, stop, (region) => {
      search.steps += 1;
      const from = Math.max(start, region.startAddress) - region.startAddress;
      const to = Math.min(stop, region.startAddress + region.size) - region.startAddress;
      return addWindows(search, region, from, to) && isBounded(search);
    });
  }
  k.work += Math.floor(search.steps / STEPS_PER_WORK);
  end(search);
  if (!isWithin) dropAllTables(k);
}

/** Bytes [start, end) of the space are about to lead elsewhere, or to allow less. */
export function forgetWindow(k: KernelState, space: Space, start: number, end: number): void {
  if (start >= end) return;
  if (space.regions.count === 0) {
    clearEntries(k, space, start / PAGE_SIZE, end / PAGE_SIZE);
    return;
  }
  if (isUncovered(space, start, end)) {
    k.work += 1;
    clearEntries(k, space, start / PAGE_SIZE, end / PAGE_SIZE);
    return;
  }
  const search = begin(k);
  add(search, space, start, end);
  run(k, search);
}

/**
 * Does it for a region with one window, onto which nothing opens further windows: as pagers have them. It costs the same
 * work. False: the region is no such region.
 */
function forgetOnly(k: KernelState, region: Region): boolean {
  if (region.mappings.count !== 1) return false;
  const mapping = firstSpan(region.mappings) as Mapping;
  const above = live(mapping.space);
  const size = Math.min(region.size - mapping.regionOffset, mapping.size);
  if (above === null || size <= 0) return true;
  const start = mapping.startAddress;
  if (!isUncovered(above, start, start + size)) return false;
  k.work += 1;
  clearEntries(k, above, start / PAGE_SIZE, (start + size) / PAGE_SIZE);
  return true;
}

/** All that is seen through the region is about to lead elsewhere, or to allow less. */
export function forgetRegion(k: KernelState, region: Region): void {
  if (region.mappings.count === 0) return;
  if (forgetOnly(k, region)) return;
  const search = begin(k);
  if (addWindows(search, region, 0, region.size)) run(k, search);
  else {
    end(search);
    dropAllTables(k);
  }
}
