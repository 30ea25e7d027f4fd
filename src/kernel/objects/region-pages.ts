/**
 * The bottom of memory: supply, evict, discard and protect pages of a region.
 *
 * Supply, evict and protect_page are for the bottom region of a page only (a region of a bottom space): what they do
 * depends on which pages are in memory, which nothing above the bottom may observe (law 8). Discard goes through any
 * region that may be written. Called by the dispatcher.
 */
import { isAligned } from '../../base/integer.ts';
import { PAGE_SIZE } from '../../base/limits.ts';
import { faults, outcomes } from '../abi/codes.ts';
import { protection, typeNumbers } from '../abi/types.ts';
import { destroyObject } from '../lifecycle.ts';
import { resolve } from '../memory/chain.ts';
import { isPageChanged, isPageGone, notePageGone, settle } from '../memory/changed.ts';
import { openRead } from '../memory/copy.ts';
import { dropPage, makePage } from '../memory/frames.ts';
import { removeEntries } from '../memory/tables.ts';
import { named } from '../names.ts';
import { argument } from '../registers.ts';
import { type Bottom, type KernelState, live, type Space, type Thread } from '../state.ts';
import { isProtection } from './operations.ts';

/** Pages that one discard may name: its work is bounded. */
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
  if (isPageGone(k, name.space, name.number)) content = null;
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

/** region_discard */
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
  const names: PageName[] = [];
  for (let at = 0; at < size; at += PAGE_SIZE) {
    const address = region.startAddress + offset + at;
    // A page that the region itself does not reach has nothing to discard.
    if (!resolve(k.chain, space, address, protection.write)) continue;
    const home = k.chain.space;
    if (home === null || home.bottom === null) continue;
    const number = k.chain.address / PAGE_SIZE;
    if (home.bottom.pages.get(number)?.isTaskMemory) return faults.invalidAddress;
    for (const object of home.bottom.objectsByPage.get(number) ?? [])
      if (object === caller) return faults.self;
    names.push({ space: home, bottom: home.bottom, number });
  }
  // Commit: nothing below can fail.
  settle(k);
  for (const { space: home, bottom, number } of names) {
    for (const object of [...(bottom.objectsByPage.get(number) ?? [])]) destroyObject(k, object, caller);
    const page = bottom.pages.get(number);
    if (page !== undefined) dropPage(k, bottom, page);
    notePageGone(k, home, number);
  }
  return outcomes.success;
}
