/**
 * Changed sets from outside: collect, peek_changed, mark_changed.
 *
 * Collect takes items out in address order, a page before the objects in it; what does not fit stays in the set. The
 * set is persistent state of the region: peek_changed exports it and mark_changed imports it. Called by the dispatcher.
 */
import { isAligned } from '../../base/integer.ts';
import { OBJECT_SIZE, PAGE_SIZE } from '../../base/limits.ts';
import { faults, outcomes } from '../abi/codes.ts';
import { item, itemKinds } from '../abi/memory.ts';
import { typeNumbers } from '../abi/types.ts';
import { resolve } from '../memory/chain.ts';
import {
  countCollector,
  isFull,
  isNested,
  mayCollect,
  putObject,
  putPage,
  settle,
  touch,
} from '../memory/changed.ts';
import {
  type ChangedItem,
  changedCount,
  changedCountFrom,
  changedItems,
  takeAll,
  takeItems,
} from '../memory/changed-order.ts';
import { openWrite, writeWindow } from '../memory/copy.ts';
import { named } from '../names.ts';
import { argument, setArgument } from '../registers.ts';
import { results } from '../results.ts';
import { type KernelObject, type KernelState, live, PAGE_GONE, type Region, type Thread } from '../state.ts';
import { writeNumber } from './operations.ts';
import { itemBytes, STAGE_ITEMS } from './region.ts';

/** The region collects from now on. */
function startCollecting(k: KernelState, region: Region): void {
  if (region.collecting) return;
  region.collecting = true;
  countCollector(k, region, 1);
  touch(k, region);
}

/**
 * Somebody changed the set from outside. While a restart puts sets back that is no change: the regions that collect over
 * this one would see it as one that the program had made.
 */
function touchSet(k: KernelState, region: Region): void {
  if (k.hasRun) touch(k, region);
}

/** region_collect: the first call only begins to collect, with an empty set. */
export function collect(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const region = named(k, caller, argument(registers, 0), typeNumbers.region);
  if (typeof region === 'number') return region;
  const items = argument(registers, 1);
  const itemCount = argument(registers, 2);
  if (itemCount < 0) return faults.invalidAddress;
  settle(k);
  const count = Math.min(itemCount, STAGE_ITEMS, changedCount(region));
  if (!region.collecting && !mayCollect(k, live(region.space))) return outcomes.noMemory;
  const opened = openWrite(k, k.window, caller, items, count * item.size);
  if (opened !== 0) return opened;
  // Commit: the items are out of the set.
  startCollecting(k, region);
  if (count > 0) touchSet(k, region);
  const bytes =
    count === changedCount(region) ? allBytes(region, count) : itemBytes(takeItems(region, count));
  writeWindow(k, k.window, caller, bytes);
  setArgument(registers, 1, items + bytes.length);
  setArgument(registers, 2, itemCount - count);
  return changedCount(region) === 0 || itemCount === count ? outcomes.success : results.stage;
}

/** All items, taken out of the set, as records. */
function allBytes(region: Region, count: number): Uint8Array {
  const bytes = new Uint8Array(count * item.size);
  const view = new DataView(bytes.buffer);
  let base = 0;
  takeAll(region, (offset, pc, kind, type) => {
    writeNumber(view, base + item.offset.offset, offset);
    writeNumber(view, base + item.offset.pc, pc);
    view.setUint32(base + item.offset.kind, kind, true);
    view.setUint32(base + item.offset.type, type, true);
    base += item.size;
  });
  return bytes;
}

/** Where the cursor of peek_changed stands after an item: a page is followed by the objects in it. */
function cursorAfter(entry: ChangedItem): number {
  const isPage = entry.kind === itemKinds.page || entry.kind === itemKinds.pageGone;
  return isPage ? entry.offset + 1 : entry.offset + OBJECT_SIZE;
}

/** region_peek_changed */
export function peekChanged(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const region = named(k, caller, argument(registers, 0), typeNumbers.region);
  if (typeof region === 'number') return region;
  const cursor = argument(registers, 1);
  const items = argument(registers, 2);
  const itemCount = argument(registers, 3);
  if (cursor < 0 || itemCount < 0) return faults.invalidAddress;
  settle(k);
  const firstKey = cursor % OBJECT_SIZE === 1 ? (cursor - 1) * 2 + 1 : cursor * 2;
  const left = changedCountFrom(region, firstKey);
  const count = Math.min(itemCount, STAGE_ITEMS, left);
  const found = changedItems(region, firstKey, count);
  const bytes = itemBytes(found);
  const opened = openWrite(k, k.window, caller, items, bytes.length);
  if (opened !== 0) return opened;
  // Commit: the registers hold the rest of the list.
  writeWindow(k, k.window, caller, bytes);
  const last = found.at(-1);
  if (last !== undefined) setArgument(registers, 1, cursorAfter(last));
  setArgument(registers, 2, items + bytes.length);
  setArgument(registers, 3, itemCount - count);
  return count === left || itemCount === count ? outcomes.success : results.stage;
}

/** region_mark_changed: imports what peek_changed exports. */
export function markChanged(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const region = named(k, caller, argument(registers, 0), typeNumbers.region);
  if (typeof region === 'number') return region;
  const offset = argument(registers, 1);
  const kind = argument(registers, 2);
  if (offset < 0 || offset >= region.size) return faults.invalidAddress;
  const isPage = kind === itemKinds.page || kind === itemKinds.pageGone;
  if (!isPage && kind !== itemKinds.object && kind !== itemKinds.objectGone) return faults.invalidState;
  if (!isAligned(offset, isPage ? PAGE_SIZE : OBJECT_SIZE)) return faults.notAligned;
  const space = live(region.space);
  // Whether there is room must not depend on when the set was last looked at.
  if (isNested(space)) settle(k);
  if (isFull(region) || (!region.collecting && !mayCollect(k, space))) return outcomes.noMemory;
  // Memory may have changed its shape since the item came into the set: whatever peek_changed told goes in again.
  const object = objectIn(k, region, offset);
  const detail = argument(registers, 3);
  const isType = detail >= 1 && detail <= typeNumbers.reference;
  const type = isType ? detail : (object?.type ?? typeNumbers.reference);
  // Commit.
  startCollecting(k, region);
  const isNew = isPage
    ? putPage(k, region, offset, kind === itemKinds.page ? Math.max(0, detail) : PAGE_GONE)
    : putObject(k, region, offset, kind === itemKinds.object ? type : -type);
  if (isNew) touchSet(k, region);
  return outcomes.success;
}

/** The object that lies at this offset of the region, or null. */
function objectIn(k: KernelState, region: Region, offset: number): KernelObject | null {
  const space = live(region.space);
  if (space === null || !resolve(k.chain, space, region.startAddress + offset, 0)) return null;
  return k.chain.space?.bottom?.objects.get(k.chain.address) ?? null;
}
