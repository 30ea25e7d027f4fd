/**
 * Changed sets: which pages and objects of a collecting region changed since it was last collected.
 *
 * Writes by the hart come from the modification log, changed objects from `touched`; `settle` carries both from the
 * bottom up through every region that covers them. Cost: O(changed), whatever the size of memory.
 * Invariant: after `settle` every change so far is in the set of every collecting region that covers it. Called before
 * the sets are read, before a page is evicted, and before the shape of memory changes under a nested collector.
 */

import { joinHalves } from '../../base/integer.ts';
import { PAGE_SHIFT, PAGE_SIZE } from '../../base/limits.ts';
import { itemKinds } from '../abi/memory.ts';
import {
  type KernelObject,
  type KernelState,
  live,
  PAGE_GONE,
  type Page,
  type Region,
  type Space,
} from '../state.ts';

/** Regions over regions that a change is carried up through; deeper nesting does not collect. */
const DEPTH_MAX = 32;
/**
 * Places at which nested collectors may see one change: windows onto windows double it level by level, and a program
 * could keep the machine busy for hours with one store.
 */
const PLACES_MAX = 1024;

/** Notes that the object's exportable state changed. Cheap: called on every entry. */
export function touch(k: KernelState, object: KernelObject): void {
  if (object.isTouched) return;
  object.isTouched = true;
  k.touched.push(object);
}

/**
 * Calls `visit` for every collecting region that covers this address of a bottom space, with the offset there:
 * the regions of the space itself first, then those that see it through mappings.
 */
export function forEachCollector(
  k: KernelState,
  space: Space,
  address: number,
  visit: (region: Region, offset: number) => void,
): void {
  if (k.collectingCount === 0) return;
  if (k.nestedCollectingCount === 0) {
    for (const region of space.regions) {
      const offset = address - region.startAddress;
      if (region.collecting && offset >= 0 && offset < region.size) visit(region, offset);
    }
    return;
  }
  climb({ left: PLACES_MAX, seen: new Map(), visit }, space, address, 0);
}

/** What one climb knows: how many more places it may look at, and those it has. */
interface Climb {
  left: number;
  readonly seen: Map<Space, Set<number>>;
  readonly visit: (region: Region, offset: number) => void;
}

function bySerial(a: KernelObject, b: KernelObject): number {
  return a.serial - b.serial;
}

function climb(state: Climb, space: Space, address: number, depth: number): void {
  const { seen, visit } = state;
  if (state.left === 0) return;
  state.left -= 1;
  let addresses = seen.get(space);
  if (addresses === undefined) {
    addresses = new Set();
    seen.set(space, addresses);
  }
  if (addresses.has(address)) return;
  addresses.add(address);
  // In an order that is the same in every life: where the climb ends is seen by nested collectors.
  for (const region of [...space.regions].sort(bySerial)) {
    const offset = address - region.startAddress;
    if (offset < 0 || offset >= region.size) continue;
    if (region.collecting) visit(region, offset);
    if (depth === DEPTH_MAX) continue;
    for (const mapping of [...region.mappings].sort(bySerial)) {
      const within = offset - mapping.regionOffset;
      const above = live(mapping.space);
      if (above === null || within < 0 || within >= mapping.size) continue;
      climb(state, above, mapping.startAddress + within, depth + 1);
    }
  }
}

/** Puts a page into a region's set; a write after a discard wins, and the first write's pc stays. */
export function markPage(k: KernelState, region: Region, offset: number, pc: number): void {
  const before = region.changedPages.get(offset);
  if (before === pc || (before !== undefined && before !== PAGE_GONE && pc !== PAGE_GONE)) return;
  region.changedPages.set(offset, pc);
  region.changedOrder = null;
  if (k.contentSums !== null) forgetSum(k, region, offset);
  touch(k, region);
}

/** The server says that it wrote the page itself. */
function forgetSum(k: KernelState, region: Region, offset: number): void {
  const page = region.space?.bottom?.pages.get(pageNumber(region.startAddress + offset));
  if (page !== undefined) k.contentSums?.delete(page);
}

/** Puts an object into a region's set: `type` is negative when the object is gone. */
export function markObject(k: KernelState, region: Region, offset: number, type: number): void {
  if (region.changedObjects.get(offset) === type) return;
  region.changedObjects.set(offset, type);
  region.changedOrder = null;
  touch(k, region);
}

/** Carries the hardware's log and the touched objects into the changed sets. */
export function settle(k: KernelState): void {
  const log = k.machine.log;
  if (log.length > 0) {
    log.drain((frame, pcLow, pcHigh) => {
      const page = k.pageOfFrame[frame] as Page | null;
      if (page === null || page.isTaskMemory) return;
      k.contentSums?.delete(page);
      const pc = Math.max(0, joinHalves(pcLow, pcHigh));
      forEachCollector(k, page.space, page.number * PAGE_SIZE, (region, offset) => {
        markPage(k, region, offset, pc);
      });
    });
  }
  // Marking touches the region; a region that lies in itself is touched again once, then its mark is there already.
  while (k.touched.length > 0) {
    const touched = k.touched;
    k.touched = [];
    for (const object of touched) object.isTouched = false;
    for (const object of touched) {
      if (!object.alive || k.collectingCount === 0) continue;
      forEachCollector(k, object.home, object.address, (region, offset) => {
        markObject(k, region, offset, object.type);
      });
    }
  }
}

/** The object was destroyed. */
export function noteObjectGone(k: KernelState, object: KernelObject): void {
  forEachCollector(k, object.home, object.address, (region, offset) => {
    markObject(k, region, offset, -object.type);
  });
}

/** The page of a bottom space was discarded. */
export function notePageGone(k: KernelState, space: Space, number: number): void {
  forEachCollector(k, space, number * PAGE_SIZE, (region, offset) => {
    markPage(k, region, offset, PAGE_GONE);
  });
}

/**
 * True when a collecting region of the page's own bottom space has not yet collected a change of it. Regions further up
 * do not count: their sets name pages, and keep the names while the page is away; otherwise a program that collects and
 * never looks would hold its parent's RAM. Call `settle` first.
 */
export function isPageChanged(page: Page): boolean {
  const address = page.number * PAGE_SIZE;
  for (const region of page.space.regions) {
    if (region.collecting && region.changedPages.has(address - region.startAddress)) return true;
  }
  return false;
}

/** True when the page was discarded and some region over it has not collected that: its content is zeros. */
export function isPageGone(k: KernelState, space: Space, number: number): boolean {
  let isGone = false;
  forEachCollector(k, space, number * PAGE_SIZE, (region, offset) => {
    if (region.changedPages.get(offset) === PAGE_GONE) isGone = true;
  });
  return isGone;
}

/** Doubles an offset and tells pages from objects in the sort key: a page comes before the objects in it. */
function pageKey(offset: number): number {
  return offset * 2;
}

/** Keys of a region's changed set, in reporting order but last first, so that taking one is a pop. */
export function changedKeys(region: Region): number[] {
  if (region.changedOrder === null) {
    const keys = new Float64Array(region.changedPages.size + region.changedObjects.size);
    let count = 0;
    for (const offset of region.changedPages.keys()) keys[count++] = pageKey(offset);
    for (const offset of region.changedObjects.keys()) keys[count++] = pageKey(offset) + 1;
    keys.sort();
    region.changedOrder = Array.from(keys).reverse();
  }
  return region.changedOrder;
}

export interface ChangedItem {
  offset: number;
  pc: number;
  kind: number;
  type: number;
}

/** What a key of `changedKeys` stands for. */
export function changedItem(region: Region, key: number): ChangedItem {
  const offset = Math.floor(key / 2);
  if (key % 2 === 1) {
    const type = region.changedObjects.get(offset) ?? 0;
    return { offset, pc: 0, kind: type < 0 ? itemKinds.objectGone : itemKinds.object, type: Math.abs(type) };
  }
  const pc = region.changedPages.get(offset) ?? 0;
  return pc === PAGE_GONE
    ? { offset, pc: 0, kind: itemKinds.pageGone, type: 0 }
    : { offset, pc, kind: itemKinds.page, type: 0 };
}

/** Takes the item out of the set. The key must be the last of `changedKeys`. */
export function takeChanged(region: Region, key: number): void {
  const offset = Math.floor(key / 2);
  if (key % 2 === 1) region.changedObjects.delete(offset);
  else region.changedPages.delete(offset);
  region.changedOrder?.pop();
}

/** The region starts (1) or stops (-1) to count as a collector: it collects, and its space is there. */
export function countCollector(k: KernelState, region: Region, step: 1 | -1): void {
  const space = live(region.space);
  if (!region.collecting || space === null) return;
  k.collectingCount += step;
  if (space.bottom === null) k.nestedCollectingCount += step;
}

/** Page number of a byte address. */
export function pageNumber(address: number): number {
  return Math.floor(address / 2 ** PAGE_SHIFT);
}
