/**
 * The order in which a changed set is reported: by offset, a page before the objects in it.
 *
 * Keys come in as changes happen and go out in order, and neither may cost more for a large set: new keys are sorted in
 * among `late`, which is small; when it is not, it is merged into `sorted`. Invariant: the keys in the three lists of
 * `ChangedOrder` are those of the region's two maps, each once. Called by changed.ts and the entries that read the set.
 */
import { itemKinds } from '../abi/memory.ts';
import { type ChangedOrder, PAGE_GONE, type Region } from '../state.ts';

/** Keys that are put in one by one before all are sorted together. */
const LATE_MAX = 512;

export interface ChangedItem {
  offset: number;
  pc: number;
  kind: number;
  type: number;
}

export function emptyOrder(): ChangedOrder {
  return { sorted: [], late: [], fresh: [] };
}

/** Puts a page or object into the set, or changes what is said of it. */
export function setPage(region: Region, offset: number, pc: number): void {
  if (!region.changedPages.has(offset)) region.changedOrder.fresh.push(offset * 2);
  region.changedPages.set(offset, pc);
}

export function setObject(region: Region, offset: number, type: number): void {
  if (!region.changedObjects.has(offset)) region.changedOrder.fresh.push(offset * 2 + 1);
  region.changedObjects.set(offset, type);
}

/** In a list from high to low: how many keys are at or above this one. */
function countFrom(list: readonly number[], key: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle] as number) >= key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function sortTogether(order: ChangedOrder): void {
  const keys = new Float64Array(order.sorted.length + order.late.length + order.fresh.length);
  keys.set(order.sorted);
  keys.set(order.late, order.sorted.length);
  keys.set(order.fresh, order.sorted.length + order.late.length);
  order.sorted = Array.from(keys.sort()).reverse();
  order.late.length = 0;
  order.fresh.length = 0;
}

function sortIn(order: ChangedOrder): void {
  if (order.fresh.length === 0) return;
  if (order.fresh.length + order.late.length > LATE_MAX || order.sorted.length < LATE_MAX)
    sortTogether(order);
  else {
    for (const key of order.fresh) order.late.splice(countFrom(order.late, key), 0, key);
    order.fresh.length = 0;
  }
}

/** Forgets the changes at this offset and above: the region no longer covers them. */
export function dropChangedFrom(region: Region, end: number): void {
  if (changedCount(region) === 0) return;
  const order = region.changedOrder;
  sortIn(order);
  for (const list of [order.sorted, order.late]) {
    for (const key of list.splice(0, countFrom(list, end * 2))) {
      if (key % 2 === 1) region.changedObjects.delete((key - 1) / 2);
      else region.changedPages.delete(key / 2);
    }
  }
}

/** Pages and objects in the set. */
export function changedCount(region: Region): number {
  return region.changedPages.size + region.changedObjects.size;
}

/** How many keys of the set are at or above this one. */
export function changedCountFrom(region: Region, key: number): number {
  const order = region.changedOrder;
  sortIn(order);
  return countFrom(order.sorted, key) + countFrom(order.late, key);
}

/** The first `count` items of the set whose keys are at or above this one; there are so many. */
export function changedItems(region: Region, firstKey: number, count: number): ChangedItem[] {
  const order = region.changedOrder;
  sortIn(order);
  const { sorted, late } = order;
  let i = countFrom(sorted, firstKey) - 1;
  let j = countFrom(late, firstKey) - 1;
  const items: ChangedItem[] = [];
  while (items.length < count) {
    const isLate = i < 0 || (j >= 0 && (late[j] as number) < (sorted[i] as number));
    items.push(itemOf(region, (isLate ? late[j] : sorted[i]) as number));
    if (isLate) j -= 1;
    else i -= 1;
  }
  return items;
}

/** Takes the first `count` items out of the set. */
export function takeItems(region: Region, count: number): ChangedItem[] {
  const items = changedItems(region, 0, count);
  const { sorted, late } = region.changedOrder;
  for (const { offset, kind } of items) {
    const isObject = kind === itemKinds.object || kind === itemKinds.objectGone;
    const key = offset * 2 + (isObject ? 1 : 0);
    if (sorted[sorted.length - 1] === key) sorted.pop();
    else late.pop();
    if (isObject) region.changedObjects.delete(offset);
    else region.changedPages.delete(offset);
  }
  return items;
}

/**
 * Takes all items out of the set, in order, each handed to `take` by its parts: what a server does many times a second,
 * so nothing is made for an item.
 */
export function takeAll(
  region: Region,
  take: (offset: number, pc: number, kind: number, type: number) => void,
): void {
  const order = region.changedOrder;
  if (order.late.length + order.fresh.length > 0) sortTogether(order);
  const { sorted } = order;
  for (let i = sorted.length - 1; i >= 0; i -= 1) {
    const key = sorted[i] as number;
    const offset = Math.floor(key / 2);
    if (key % 2 === 1) {
      const type = region.changedObjects.get(offset) ?? 0;
      take(offset, 0, type < 0 ? itemKinds.objectGone : itemKinds.object, Math.abs(type));
    } else {
      const pc = region.changedPages.get(offset) ?? 0;
      if (pc === PAGE_GONE) take(offset, 0, itemKinds.pageGone, 0);
      else take(offset, pc, itemKinds.page, 0);
    }
  }
  sorted.length = 0;
  region.changedPages.clear();
  region.changedObjects.clear();
}

function itemOf(region: Region, key: number): ChangedItem {
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
