/**
 * How many objects and threads may lie where: limits of regions of a bottom space, and of the machine.
 *
 * A region with a limit counts what lies in it (derived), so that asking costs the same for one object and for a million;
 * of regions that overlap each counts for itself. Invariant: whether there is room depends on persistent state only (law
 * 8): objects in a user task's own memory, which are in no image, are not counted. Called by create, move and the index
 * of objects by address.
 */
import { PAGE_SIZE } from '../../base/limits.ts';
import { typeNumbers } from '../abi/types.ts';
import { TRANSIENT_SERIAL_START } from '../first-state.ts';
import type { Bottom, KernelObject, KernelState, Region } from '../state.ts';
import { addSpan, removeSpan, visitSpans } from './spans.ts';

function hasLimit(region: Region): boolean {
  return region.objectLimit > 0 || region.threadLimit > 0;
}

/** The region, which is one of this bottom space, begins to limit, if it does, and counts what is there already. */
export function addLimit(bottom: Bottom, region: Region): void {
  if (!hasLimit(region)) return;
  const start = region.startAddress;
  const end = start + region.size;
  region.objectCount = 0;
  region.threadCount = 0;
  visitSpans(bottom.pagesWithObjects, start / PAGE_SIZE, end / PAGE_SIZE, (list) => {
    region.objectCount += list.length;
    for (const object of list) if (object.type === typeNumbers.thread) region.threadCount += 1;
    return true;
  });
  addSpan(bottom.limits, start, end, region.rank, region);
}

/** The region no longer limits. */
export function removeLimit(bottom: Bottom, region: Region): void {
  if (hasLimit(region)) removeSpan(bottom.limits, region.startAddress, region.rank);
}

/** An object came to (1) or left (-1) its address. */
export function countObject(k: KernelState, object: KernelObject, step: 1 | -1): void {
  const isThread = object.type === typeNumbers.thread;
  if (object.serial < TRANSIENT_SERIAL_START) {
    k.objectCount += step;
    if (isThread) k.threadCount += step;
  }
  const limits = object.home.bottom?.limits;
  if (limits === undefined || limits.count === 0) return;
  const { address } = object;
  visitSpans(limits, address, address + 1, (region) => {
    region.objectCount += step;
    if (isThread) region.threadCount += step;
    return true;
  });
}

/** Whether limits of regions let an object come to this address; one that comes from `from` may be counted already. */
export function mayLieAt(bottom: Bottom, address: number, type: number, from: number): boolean {
  const isThread = type === typeNumbers.thread;
  return visitSpans(bottom.limits, address, address + 1, (region) => {
    if (from >= region.startAddress && from < region.startAddress + region.size) return true;
    if (region.objectLimit > 0 && region.objectCount >= region.objectLimit) return false;
    return !isThread || region.threadLimit === 0 || region.threadCount < region.threadLimit;
  });
}

/** Whether the machine has room for one more. */
export function hasRoom(k: KernelState, type: number): boolean {
  if (k.objectCount >= k.objectsMax) return false;
  return type !== typeNumbers.thread || k.threadCount < k.threadsMax;
}
