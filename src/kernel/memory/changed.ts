/**
 * Changed sets: which pages and objects of a collecting region changed since it was last collected.
 *
 * Writes by the hart come from the modification log, changed objects from `touched`; `settle` carries both from the
 * bottom up through every region that covers them. Cost: O(changed), whatever the size of memory.
 * Invariant: after `settle` every change so far is in the set of every collecting region that covers it. Called before
 * the sets are read, before a page is evicted, and before the shape of memory changes under a nested collector.
 */

import { joinHalves } from '../../base/integer.ts';
import { CHANGED_ITEMS_MAX, NESTED_COLLECTORS_MAX, PAGE_SIZE } from '../../base/limits.ts';
import { forEachLinker } from '../links.ts';
import {
  type KernelObject,
  type KernelState,
  live,
  PAGE_GONE,
  type Page,
  type Region,
  type Space,
  type Thread,
} from '../state.ts';
import { changedCount, dropChangedFrom, setObject, setPage } from './changed-order.ts';
import { climb } from './climb.ts';
import { visitSpans, visitSpansFor } from './spans.ts';

/** Notes that are worth no look at which of them still say something. */
const NOTES_MIN = 4096;

/** Notes that the object's exportable state changed. Cheap: called on every entry. */
export function touch(k: KernelState, object: KernelObject): void {
  if (object.isTouched) return;
  object.isTouched = true;
  k.touched.push(object);
}

/** The same for a thread, which nearly always was touched already. */
export function touchThread(k: KernelState, thread: Thread): void {
  if (!thread.isTouched) touch(k, thread);
}

function everywhere(): boolean {
  return true;
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
    visitSpans(space.regions, address, address + 1, (region) => {
      if (region.collecting) visit(region, address - region.startAddress);
      return true;
    });
    return;
  }
  climb(space, address, everywhere, (region, offset) => {
    if (region.collecting) visit(region, offset);
  });
}

/** True for what is no region of a bottom space: a program's, whose collecting is bounded. It may have no space at all. */
export function isNested(space: Space | null): boolean {
  return space === null || space.bottom === null;
}

/** True when the set of a nested region takes no more items. What a bottom region collects is its server's to bound. */
export function isFull(region: Region): boolean {
  return changedCount(region) >= CHANGED_ITEMS_MAX && isNested(live(region.space));
}

/** Nobody collects: the region gives its set up and collects no more, which its state tells, so its collector saves all. */
function overflow(k: KernelState, region: Region): void {
  countCollector(k, region, -1);
  region.collecting = false;
  dropChangedFrom(region, 0);
  touch(k, region);
}

/** True when one more nested region may collect. When one has overflowed must not depend on when its set was last looked at. */
export function mayCollect(k: KernelState, space: Space | null): boolean {
  if (!isNested(space)) return true;
  if (k.nestedCollectingCount >= NESTED_COLLECTORS_MAX) settle(k);
  return k.nestedCollectingCount < NESTED_COLLECTORS_MAX;
}

/**
 * Puts a page into a region's set; a write after a discard wins, and the first write's pc stays. True when the set has
 * changed, which is a change of the region: who calls this touches it.
 */
export function putPage(k: KernelState, region: Region, offset: number, pc: number): boolean {
  const before = region.changedPages.get(offset);
  if (before === pc || (before !== undefined && before !== PAGE_GONE && pc !== PAGE_GONE)) return false;
  if (before === undefined && isFull(region)) {
    overflow(k, region);
    return false;
  }
  setPage(region, offset, pc);
  if (k.contentSums !== null) forgetSum(k, region, offset);
  return true;
}

function markPage(k: KernelState, region: Region, offset: number, pc: number): void {
  if (putPage(k, region, offset, pc)) touch(k, region);
}

/** The server says that it wrote the page itself. */
function forgetSum(k: KernelState, region: Region, offset: number): void {
  const page = region.space?.bottom?.pages.get(pageNumber(region.startAddress + offset));
  if (page !== undefined) k.contentSums?.delete(page);
}

/** Puts an object into a region's set, `type` being negative when it is gone. True as for a page. */
export function putObject(k: KernelState, region: Region, offset: number, type: number): boolean {
  const before = region.changedObjects.get(offset);
  if (before === type) return false;
  if (before === undefined && isFull(region)) {
    overflow(k, region);
    return false;
  }
  setObject(region, offset, type);
  return true;
}

function markObject(k: KernelState, region: Region, offset: number, type: number): void {
  if (putObject(k, region, offset, type)) touch(k, region);
}

/**
 * The object is somewhere else now. Links are saved with their target's address, so all that link to it have changed;
 * they are looked for when somebody wants to know.
 */
export function noteMoved(k: KernelState, object: KernelObject): void {
  touch(k, object);
  if (k.collectingCount === 0) return;
  k.moved.push(object);
  if (k.moved.length > notesMax(k)) k.moved = [...new Set(k.moved)].filter((moved) => moved.alive);
}

/** Notes between two collects; beyond it those are dropped that say nothing, so that they take no more than the objects. */
function notesMax(k: KernelState): number {
  return 2 * k.bySerial.size + NOTES_MIN;
}

function touchMoved(k: KernelState): void {
  if (k.moved.length === 0) return;
  for (const object of new Set(k.moved))
    if (object.alive) forEachLinker(object, (linker) => touch(k, linker));
  k.moved = [];
}

/** A page at this address was written first at this pc. */
interface Written {
  readonly k: KernelState;
  address: number;
  pc: number;
}

function markWritten(region: Region, { k, address, pc }: Written): boolean {
  if (region.collecting) markPage(k, region, address - region.startAddress, pc);
  return true;
}

/** What takes entries of the hardware's log into the changed sets; it makes nothing for an entry. */
function writtenTaker(k: KernelState): (frame: number, pcLow: number, pcHigh: number) => void {
  const written: Written = { k, address: 0, pc: 0 };
  return (frame, pcLow, pcHigh) => {
    const page = k.pageOfFrame[frame] as Page | null;
    if (page === null || page.isTaskMemory) return;
    k.contentSums?.delete(page);
    if (k.collectingCount === 0) return;
    const address = page.number * PAGE_SIZE;
    const pc = Math.max(0, joinHalves(pcLow, pcHigh));
    if (k.nestedCollectingCount === 0) {
      written.address = address;
      written.pc = pc;
      visitSpansFor(page.space.regions, address, address + 1, written, markWritten);
    } else forEachCollector(k, page.space, address, (region, offset) => markPage(k, region, offset, pc));
  };
}

/** Log entries that are carried in one go between two slices, so that a collect finds less to do. */
const SETTLED_EARLY_MAX = 128;

/**
 * Carries what the hart has written so far into the changed sets, as `settle` will with the rest: the log is not emptied,
 * so the hart goes on without logging those pages again. Changes nothing that anybody could be told.
 */
export function settleEarly(k: KernelState): void {
  const { log } = k.machine;
  if (log.length > 0) log.read(SETTLED_EARLY_MAX, writtenTaker(k));
}

/** Carries the hardware's log and the touched objects into the changed sets. */
export function settle(k: KernelState): void {
  const log = k.machine.log;
  if (log.length > 0) log.drain(writtenTaker(k));
  touchMoved(k);
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

/** The object was destroyed, or lies here no longer. */
export function noteObjectGone(k: KernelState, object: KernelObject): void {
  if (k.touched.length > notesMax(k)) k.touched = k.touched.filter((touched) => touched.alive);
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
  return !visitSpans(
    page.space.regions,
    address,
    address + 1,
    (region) => !region.collecting || !region.changedPages.has(address - region.startAddress),
  );
}

/**
 * True when the page was discarded and a region of its own bottom space has not collected that: its content is zeros,
 * whatever its keeper has of it. Regions further up do not count: what a program notes in its own sets says nothing of
 * what is in memory, or it could blank what it may only read.
 */
export function isPageGone(space: Space, number: number): boolean {
  const address = number * PAGE_SIZE;
  return !visitSpans(
    space.regions,
    address,
    address + 1,
    (region) => region.changedPages.get(address - region.startAddress) !== PAGE_GONE,
  );
}

/** The region starts (1) or stops (-1) to count as a collector: it collects, or its space is another one. */
export function countCollector(k: KernelState, region: Region, step: 1 | -1): void {
  if (!region.collecting) return;
  k.collectingCount += step;
  if (isNested(live(region.space))) k.nestedCollectingCount += step;
}

/** Page number of a byte address. */
export function pageNumber(address: number): number {
  return Math.floor(address / PAGE_SIZE);
}
