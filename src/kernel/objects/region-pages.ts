/**
 * The bottom of memory: supply, evict, discard and protect pages of a region.
 *
 * Supply, evict and protect_page are for the bottom region of a page only (a region of a bottom space): what they do
 * depends on which pages are in memory, which nothing above the bottom may observe (law 8). Discard goes through any
 * region that may be written. Called by the dispatcher.
 */
import { isAligned } from '../../base/integer.ts';
import { PAGE_SIZE, STAGE_WORK, STEPS_PER_WORK } from '../../base/limits.ts';
import { faults, outcomes } from '../abi/codes.ts';
import { protection, typeNumbers } from '../abi/types.ts';
import { destroyObject } from '../lifecycle.ts';
import { resolve } from '../memory/chain.ts';
import { isPageChanged, isPageGone, notePageGone, settle } from '../memory/changed.ts';
import { openRead } from '../memory/copy.ts';
import { dropPage, makePage } from '../memory/frames.ts';
import { removeEntries } from '../memory/tables.ts';
import { named } from '../names.ts';
import { argument, setArgument } from '../registers.ts';
import { isFault, results } from '../results.ts';
import { type Bottom, type KernelState, live, type Space, type Thread } from '../state.ts';
import { isProtection } from './operations.ts';

/** Pages that one discard may name. */
export const DISCARD_PAGES_MAX = 4096;

interface PageName {
  readonly space: Space;
  readonly bottom: Bottom;
  readonly number: number;
}

/** The page at this offset of a region of a bottom space, or a fault. */
function bottomPage(k: KernelState, caller: Thread, registers: Uint32Array): PageName | number {
  const region = named(k, caller, argument(registers, 0), typeNumbers.region);
  if (typeof region === 'number') return region;
  const offset = argument(registers, 1);
  const space = live(region.space);
  if (offset < 0 || offset >= region.size || space === null) return faults.invalidAddress;
  if (!isAligned(offset, PAGE_SIZE)) return faults.notAligned;
  const address = region.startAddress + offset;
  if (space.bottom === null || !resolve(k.chain, space, address, 0)) return faults.invalidAddress;
  if (k.chain.space !== space || k.chain.address !== address) return faults.invalidAddress;
  return { space, bottom: space.bottom, number: address / PAGE_SIZE };
}

/** region_supply. A page whose discard was not collected yet is zeros, whatever its keeper has of it. */
export function supply(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const name = bottomPage(k, caller, registers);
  if (typeof name === 'number') return name;
  if (name.bottom.pages.has(name.number)) return outcomes.busy;
  const source = argument(registers, 2);
  let content: Uint8Array | null = null;
  if (source !== 0) {
    if (source < 0) return faults.invalidAddress;
    if (!isAligned(source, PAGE_SIZE)) return faults.notAligned;
    const opened = openRead(k, k.window, caller, source, PAGE_SIZE);
    if (opened !== 0) return opened;
    const start = k.window.starts[0] as number;
    content = k.machine.bytes.subarray(start, start + PAGE_SIZE);
  }
  if (isPageGone(name.space, name.number)) content = null;
  return makePage(k, name.space, name.bottom, name.number, content) === null
    ? outcomes.noMemory
    : outcomes.success;
}

/** region_evict */
export function evict(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const name = bottomPage(k, caller, registers);
  if (typeof name === 'number') return name;
  const page = name.bottom.pages.get(name.number);
  if (page === undefined) return outcomes.notFound;
  settle(k);
  if (page.isTaskMemory || page.pins > 0 || isPageChanged(page)) return outcomes.busy;
  dropPage(k, name.bottom, page);
  return outcomes.success;
}

/** region_protect_page */
export function protectPage(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const name = bottomPage(k, caller, registers);
  if (typeof name === 'number') return name;
  const bits = argument(registers, 2);
  if (!isProtection(bits)) return faults.invalidState;
  const page = name.bottom.pages.get(name.number);
  if (page === undefined) return outcomes.notFound;
  page.protection = bits;
  removeEntries(k, page);
  return outcomes.success;
}

/** region_discard: page by page, in stages; objects of a page go before it. */
export function discard(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const region = named(k, caller, argument(registers, 0), typeNumbers.region);
  if (typeof region === 'number') return region;
  const offset = argument(registers, 1);
  const size = argument(registers, 2);
  const space = live(region.space);
  if (offset < 0 || size < 0 || offset + size > region.size || space === null) return faults.invalidAddress;
  if (!isAligned(offset, PAGE_SIZE) || !isAligned(size, PAGE_SIZE)) return faults.notAligned;
  if (size > DISCARD_PAGES_MAX * PAGE_SIZE) return faults.invalidAddress;
  if ((region.protection & protection.write) === 0) return faults.invalidAddress;
  settle(k);
  let done = 0;
  let result: number = outcomes.success;
  while (done < size && result === outcomes.success) {
    if (k.work >= STAGE_WORK) result = results.stage;
    else result = discardPage(k, caller, space, region.startAddress + offset + done);
    if (result === outcomes.success) done += PAGE_SIZE;
  }
  if (isFault(result)) {
    if (done === 0) return result;
    // The pages before are gone: the fault is that of the rest.
    result = results.stage;
  }
  // Commit: the registers hold the rest.
  setArgument(registers, 1, offset + done);
  setArgument(registers, 2, size - done);
  return result;
}

/** Discards what lies at this page of the space; `stage` when its objects are too much for one. */
function discardPage(k: KernelState, caller: Thread, space: Space, address: number): number {
  k.work += 1;
  // A page that the region itself does not reach has nothing to discard.
  if (!resolve(k.chain, space, address, protection.write)) return outcomes.success;
  k.work += Math.floor(k.chain.depth / STEPS_PER_WORK);
  const home = k.chain.space;
  if (home === null || home.bottom === null) return outcomes.success;
  const number = k.chain.address / PAGE_SIZE;
  const page = home.bottom.pages.get(number);
  if (page?.isTaskMemory) return faults.invalidAddress;
  const objects = home.bottom.objectsByPage.get(number) ?? [];
  if (objects.includes(caller)) return faults.self;
  for (let object = objects[0]; object !== undefined; object = objects[0]) {
    if (k.work >= STAGE_WORK || !destroyObject(k, object, caller)) return results.stage;
    k.work += 1;
  }
  if (page !== undefined) dropPage(k, home.bottom, page);
  notePageGone(k, home, number);
  return outcomes.success;
}
