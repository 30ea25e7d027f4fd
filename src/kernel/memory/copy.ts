/**
 * The kernel's own access to a thread's memory: windows are opened (which may fail), then copied through (which cannot).
 *
 * Invariants: a window is opened under the same chain and caps as an instruction's access; a failed opening has changed
 * nothing and leaves in `state.fault` what is missing and for whom; every write is noted in the modification log with
 * the caller's pc. Called by decoders (open) and invokers (read, write). A window holds until the next entry.
 */
import { joinHalves } from '../../base/integer.ts';
import { PAGE_SIZE } from '../../base/limits.ts';
import { protection } from '../abi/types.ts';
import { pcOf } from '../registers.ts';
import { results } from '../results.ts';
import type { Chain, KernelState, Page, Thread, Window } from '../state.ts';
import { resolve } from './chain.ts';
import { pageNumber } from './changed.ts';
import { tabledPage } from './tables.ts';

/** The page in memory to which the chain that was just resolved leads, when its cap allows the access; or null. */
export function pageOfChain(chain: Chain, access: number): Page | null {
  const page = chain.space?.bottom?.pages.get(pageNumber(chain.address));
  return page === undefined || (access & ~page.protection) !== 0 ? null : page;
}

/**
 * The page in memory that an access of this thread reaches, or null: `state.fault` then says what is missing.
 * The address within it is `k.chain.address`.
 */
export function reach(k: KernelState, thread: Thread, address: number, access: number): Page | null {
  const chain = k.chain;
  const space = thread.space;
  if (space !== null && resolve(chain, space, address, access)) {
    const page = pageOfChain(chain, access);
    if (page !== null) return page;
  }
  const fault = k.fault;
  fault.thread = thread;
  fault.address = address;
  fault.access = access;
  fault.region = chain.region;
  fault.offset = chain.offset;
  return null;
}

/**
 * Opens `length` bytes at `address` of the thread's space for reading or writing. Returns 0, `results.absent`, or a
 * fault for an address that no number can be. At most 16 pages and a bit: one stage.
 */
export function openWindow(
  k: KernelState,
  window: Window,
  thread: Thread,
  address: number,
  length: number,
  access: number,
): number {
  window.length = 0;
  window.count = 0;
  if (length === 0) return 0;
  if (address < 0 || length < 0 || address + length > Number.MAX_SAFE_INTEGER) {
    // An access that nothing answers, of the thread whose buffer it is: which need not be the one that runs.
    reach(k, thread, Number.MAX_SAFE_INTEGER, access);
    return results.absent;
  }
  const { space } = thread;
  let at = address;
  let left = length;
  while (left > 0) {
    const page = (space === null ? null : tabledPage(k, space, at, access)) ?? reach(k, thread, at, access);
    if (page === null) return results.absent;
    const within = at & (PAGE_SIZE - 1);
    const piece = Math.min(left, PAGE_SIZE - within);
    window.pages[window.count] = page;
    window.starts[window.count] = k.machine.ramOffset + page.frame * PAGE_SIZE + within;
    window.lengths[window.count] = piece;
    window.count += 1;
    at += piece;
    left -= piece;
  }
  window.length = length;
  return 0;
}

/** Opens for reading. */
export function openRead(
  k: KernelState,
  window: Window,
  thread: Thread,
  address: number,
  length: number,
): number {
  return openWindow(k, window, thread, address, length, protection.read);
}

/** Opens for writing. */
export function openWrite(
  k: KernelState,
  window: Window,
  thread: Thread,
  address: number,
  length: number,
): number {
  return openWindow(k, window, thread, address, length, protection.write);
}

/** Copies the first `length` bytes of the window out of the thread's memory. */
export function readWindow(k: KernelState, window: Window, target: Uint8Array, length: number): void {
  let done = 0;
  for (let i = 0; i < window.count && done < length; i += 1) {
    const start = window.starts[i] as number;
    const piece = Math.min(window.lengths[i] as number, length - done);
    target.set(k.machine.bytes.subarray(start, start + piece), done);
    done += piece;
  }
  k.copied += done;
}

/** Notes in the log that this piece of the window was written, in the name of the thread. */
function noteWrite(k: KernelState, window: Window, index: number, thread: Thread): void {
  const page = window.pages[index] as Page;
  if (page.isTaskMemory) return;
  const pc = pcOf(k, thread);
  if (thread.isTask) k.machine.log.note(page.frame, 0, 0);
  else k.machine.log.note(page.frame, pc[0] as number, pc[1] as number);
}

/** Copies bytes into the thread's memory through the window. */
export function writeWindow(k: KernelState, window: Window, thread: Thread, source: Uint8Array): void {
  let done = 0;
  for (let i = 0; i < window.count && done < source.length; i += 1) {
    const piece = Math.min(window.lengths[i] as number, source.length - done);
    k.machine.bytes.set(source.subarray(done, done + piece), window.starts[i] as number);
    noteWrite(k, window, i, thread);
    done += piece;
  }
  k.copied += done;
}

/** The long of memory at which the window begins, or -1 when it is in pieces or begins at none: copied one by one. */
function longOf(window: Window, length: number): number {
  const start = window.starts[0] as number;
  // Views of both sides, which other copying takes, cost more than all longs of a state.
  return window.count === 1 && (start & 7) === 0 && (length & 7) === 0 ? (start / 8) | 0 : -1;
}

/** Copies a record into the thread's memory through the window: the first `length` bytes of `longs`; the window is no longer. */
export function writeRecordThrough(
  k: KernelState,
  window: Window,
  thread: Thread,
  length: number,
  longs: BigUint64Array = k.recordLongs,
): void {
  const to = longOf(window, length);
  if (to < 0) {
    writeWindow(k, window, thread, new Uint8Array(longs.buffer, longs.byteOffset, length));
    return;
  }
  const memory = k.machine.longs;
  for (let i = 0; 8 * i < length; i += 1) memory[to + i] = longs[i] as bigint;
  noteWrite(k, window, 0, thread);
  k.copied += length;
}

/** Copies the first `length` bytes of the window into `k.record`. */
export function readRecordThrough(k: KernelState, window: Window, length: number): void {
  const from = longOf(window, length);
  if (from < 0) {
    readWindow(k, window, k.record, length);
    return;
  }
  const memory = k.machine.longs;
  const { recordLongs } = k;
  for (let i = 0; 8 * i < length; i += 1) recordLongs[i] = memory[from + i] as bigint;
  k.copied += length;
}

/** Copies `length` bytes from one window to another, writing in the name of `thread`. The windows may overlap in RAM. */
function copyWindow(k: KernelState, from: Window, to: Window, thread: Thread, length: number): void {
  let done = 0;
  let source = 0;
  let target = 0;
  let sourceUsed = 0;
  let targetUsed = 0;
  while (done < length) {
    const sourceStart = (from.starts[source] as number) + sourceUsed;
    const targetStart = (to.starts[target] as number) + targetUsed;
    const sourceLeft = (from.lengths[source] as number) - sourceUsed;
    const targetLeft = (to.lengths[target] as number) - targetUsed;
    const piece = Math.min(sourceLeft, targetLeft, length - done);
    k.machine.bytes.copyWithin(targetStart, sourceStart, sourceStart + piece);
    if (targetUsed === 0) noteWrite(k, to, target, thread);
    done += piece;
    sourceUsed += piece;
    targetUsed += piece;
    if (piece === sourceLeft) {
      source += 1;
      sourceUsed = 0;
    }
    if (piece === targetLeft) {
      target += 1;
      targetUsed = 0;
    }
  }
  k.copied += done;
}

/** Words of a short message that are copied one by one: for few, that is cheaper than windows and views of both sides. */
const WORDS_MAX = 64;

/** The word of memory of a short piece of the thread's memory that the page tables know, or -1. */
function shortWord(k: KernelState, page: Page | null, address: number, length: number): number {
  const within = address & (PAGE_SIZE - 1);
  if (page === null || within + length > PAGE_SIZE) return -1;
  return (k.machine.ramOffset + page.frame * PAGE_SIZE + within) / 4;
}

/**
 * Copies a short message of whole words that lies in one page on either side, without windows: most messages are such.
 * False: it is another, or has to be copied backwards, and nothing happened.
 */
function carryShort(
  k: KernelState,
  sender: Thread,
  from: number,
  receiver: Thread,
  to: number,
  length: number,
): boolean {
  if (length > 4 * WORDS_MAX || ((from | to | length) & 3) !== 0 || from < 0 || to < 0) return false;
  if (sender.space === null || receiver.space === null) return false;
  const source = shortWord(k, tabledPage(k, sender.space, from, protection.read), from, length);
  if (source < 0) return false;
  const page = tabledPage(k, receiver.space, to, protection.write);
  const target = shortWord(k, page, to, length);
  if (page === null || target < 0 || (target > source && target - source < WORDS_MAX)) return false;
  const { words } = k.machine;
  for (let i = 0; 4 * i < length; i += 1) words[target + i] = words[source + i] as number;
  const pc = pcOf(k, receiver);
  k.machine.log.note(page.frame, pc[0] as number, pc[1] as number);
  k.copied += length;
  return true;
}

/**
 * Carries a message of `length` bytes from the sender's memory into the receiver's. 0: it is there. Else `results.absent`,
 * and nothing happened but that `state.fault` says what is missing.
 */
export function carry(
  k: KernelState,
  sender: Thread,
  from: number,
  receiver: Thread,
  to: number,
  length: number,
): number {
  if (length === 0 || carryShort(k, sender, from, receiver, to, length)) return 0;
  const opened = openRead(k, k.window, sender, from, length);
  if (opened !== 0) return opened;
  const openedTo = openWrite(k, k.otherWindow, receiver, to, length);
  if (openedTo !== 0) return openedTo;
  copyWindow(k, k.window, k.otherWindow, receiver, length);
  return 0;
}

/** The pc of the thread, -1 when it is no address. */
export function pcNumber(k: KernelState, thread: Thread): number {
  const pc = pcOf(k, thread);
  return joinHalves(pc[0] as number, pc[1] as number);
}
