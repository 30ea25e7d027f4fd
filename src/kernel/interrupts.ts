/**
 * A thread's own handlers: how they are entered and left, and what waits until they may be entered.
 *
 * Entering a handler saves pc, a0, a1, a2, a7 and whether exceptions were enabled in the thread's own words, and
 * disables exceptions; return_from_exception puts all of it back. Everything else is as it was: the handler's own code
 * keeps it. A thread that is interrupted in a wait leaves the wait with its registers intact, so what it makes after the
 * return is the same call, or the same access; a sleeper on a cond is awake, as conds allow (fluke.md C.3).
 * Invariant: between two entries no thread that could run has a pending bit with a handler while its exceptions are
 * enabled: whoever makes that so (post, enable, return, set_handlers, set_state) lets it take the handler at once. All
 * of it is persistent words. A user task has no handlers; it asks for its pending bits (`TaskProcessor.takePending`).
 * Called by the dispatcher, the fault path, IPC's alerts and set_state.
 */
import { faults, outcomes } from './abi/codes.ts';
import { entries } from './abi/entries.ts';
import { handlers, savedState } from './abi/memory.ts';
import { pendingBits, states, threadFlags, typeNumbers } from './abi/types.ts';
import { touchThread } from './memory/changed.ts';
import { openRead, openWrite, readWindow, writeWindow } from './memory/copy.ts';
import { named } from './names.ts';
import {
  argument,
  clearReservation,
  completeCall,
  pcOf,
  registersOf,
  setArgument,
  setEntryNumber,
} from './registers.ts';
import { results } from './results.ts';
import { wake } from './schedule.ts';
import { type KernelState, live, type Thread } from './state.ts';

const at = states.thread.offset;
/** Indices of the low halves of a0, a1, a2 and a7. */
const A0 = 20;
const A1 = 22;
const A2 = 24;
const A7 = 34;
/** The words of `handlers` and of `savedState` lie in the thread's state in the same order, without gaps. */
const HANDLERS_AT = at.trapHandler;
const SAVED_AT = at.savedPc;

/** Rewrites the registers of a thread in cond_wait_again: what is left is to lock the mutex. */
export function becomeMutexLock(k: KernelState, thread: Thread): void {
  const registers = registersOf(k, thread);
  setArgument(registers, 0, argument(registers, 1));
  setEntryNumber(registers, entries.mutex_lock.number);
}

/** A sleeper on a cond that is disturbed is awake, as conds allow. True when it slept on one. */
export function leaveCond(k: KernelState, thread: Thread): boolean {
  if (thread.queue === null || thread.waitingFor?.type !== typeNumbers.cond) return false;
  if ((thread.flags & threadFlags.faulting) !== 0) return false;
  becomeMutexLock(k, thread);
  return true;
}

/** The upper half of 2^53. */
const COUNTER_HIGH_END = 2 ** 21;

/** One more in a counter of the thread that is only in its image; it stays below 2^53. */
function count(thread: Thread, offset: number): void {
  const low = thread.view.getUint32(offset, true) + 1;
  thread.view.setUint32(offset, low, true);
  if (low <= 0xffff_ffff) return;
  const high = thread.view.getUint32(offset + 4, true) + 1;
  if (high < COUNTER_HIGH_END) thread.view.setUint32(offset + 4, high, true);
  else thread.view.setUint32(offset, 0xffff_ffff, true);
}

/** A wait of the thread was broken off: by an interrupt, by its stopper, or because what it waited for is gone. */
export function countCancel(thread: Thread): void {
  count(thread, at.cancelCount);
}

/** Somebody in the machine gets to know of an exception of this thread: a keeper, or its own handler. */
export function countException(thread: Thread, isMemoryFault: boolean): void {
  count(thread, isMemoryFault ? at.pageFaultCount : at.exceptionCount);
}

function hasHandler(thread: Thread, offset: number): boolean {
  return thread.view.getUint32(offset, true) !== 0 || thread.view.getUint32(offset + 4, true) !== 0;
}

function mayEnter(thread: Thread): boolean {
  return (
    (thread.flags & (threadFlags.exceptionsEnabled | threadFlags.stopped)) === threadFlags.exceptionsEnabled
  );
}

/** True when an exception of this thread goes to its own trap handler. */
export function hasTrapHandler(thread: Thread): boolean {
  return mayEnter(thread) && hasHandler(thread, at.trapHandler);
}

function saveRegister(thread: Thread, offset: number, registers: Uint32Array, index: number): void {
  thread.view.setUint32(offset, registers[index] as number, true);
  thread.view.setUint32(offset + 4, registers[index + 1] as number, true);
}

function restoreRegister(thread: Thread, offset: number, registers: Uint32Array, index: number): void {
  registers[index] = thread.view.getUint32(offset, true);
  registers[index + 1] = thread.view.getUint32(offset + 4, true);
}

/** The thread goes on in the handler that the word at `offset` names. Commits. */
function enterHandler(
  k: KernelState,
  thread: Thread,
  offset: number,
  code: number,
  address: number,
  access: number,
): void {
  const registers = registersOf(k, thread);
  const pc = pcOf(k, thread);
  saveRegister(thread, at.savedPc, pc, 0);
  saveRegister(thread, at.savedA0, registers, A0);
  saveRegister(thread, at.savedA1, registers, A1);
  saveRegister(thread, at.savedA2, registers, A2);
  saveRegister(thread, at.savedA7, registers, A7);
  thread.view.setUint32(at.savedFlags, thread.flags & threadFlags.exceptionsEnabled, true);
  thread.view.setUint32(at.savedFlags + 4, 0, true);
  thread.flags &= ~threadFlags.exceptionsEnabled;
  setArgument(registers, 0, code);
  setArgument(registers, 1, address);
  setArgument(registers, 2, access);
  restoreRegister(thread, offset, pc, 0);
  clearReservation(k, thread);
  touchThread(k, thread);
}

/** The thread leaves whatever it waits in; it will make its call, or its access, again. */
function leaveWait(k: KernelState, thread: Thread): void {
  // A donor keeps its processor for the handler; it makes its call again.
  thread.flags &= ~threadFlags.donating;
  if (thread.queue?.order === 'turn') return;
  // Being without the processor is no wait: the thread stays among those that ask for it.
  if ((thread.flags & threadFlags.asking) !== 0) return;
  leaveCond(k, thread);
  countCancel(thread);
  wake(k, thread);
}

/** The exception enters the thread's trap handler, out of a wait too. The caller has asked `hasTrapHandler`. */
export function enterTrapHandler(
  k: KernelState,
  thread: Thread,
  code: number,
  address: number,
  access: number,
): void {
  if (thread.queue?.order !== 'turn') leaveWait(k, thread);
  enterHandler(k, thread, at.trapHandler, code, Math.max(0, address), access);
}

/** The handler of the first pending bit that has one, as an offset in the thread's state; 0: none. */
function firstPending(thread: Thread): number {
  const { pending } = thread;
  if (pending === 0) return 0;
  if ((pending & pendingBits.interrupt) !== 0 && hasHandler(thread, at.interruptHandler))
    return at.interruptHandler;
  if ((pending & pendingBits.clientAlert) !== 0 && hasHandler(thread, at.clientAlertHandler)) {
    return at.clientAlertHandler;
  }
  if ((pending & pendingBits.serverAlert) !== 0 && hasHandler(thread, at.serverAlertHandler)) {
    return at.serverAlertHandler;
  }
  return 0;
}

/** True when something is pending that the thread has a handler for and may take. */
export function hasDeliverable(thread: Thread): boolean {
  return thread.pending !== 0 && mayEnter(thread) && firstPending(thread) !== 0;
}

function bitOf(offset: number): number {
  if (offset === at.interruptHandler) return pendingBits.interrupt;
  return offset === at.clientAlertHandler ? pendingBits.clientAlert : pendingBits.serverAlert;
}

/** Lets the thread take what is pending, if it may. True when it is in a handler now. */
export function takePending(k: KernelState, thread: Thread): boolean {
  if (thread.pending === 0 || thread.isTask || live(thread.space) === null) return false;
  if (!hasDeliverable(thread)) return false;
  const offset = firstPending(thread);
  leaveWait(k, thread);
  thread.pending &= ~bitOf(offset);
  enterHandler(k, thread, offset, 0, 0, 0);
  return true;
}

/**
 * Tells the thread of a software interrupt or an alert (one of `pendingBits`): it takes it at once, out of any wait,
 * when its exceptions are enabled and it has the handler; otherwise the bit stays pending. A task is told by the host.
 */
export function post(k: KernelState, thread: Thread, bit: number): void {
  thread.pending |= bit;
  touchThread(k, thread);
  if (!takePending(k, thread) && thread.isTask) k.tasksToTell.add(thread);
}

/**
 * Ends the caller's call with success, then posts: also right when the thread is the caller itself, whose handler must
 * not be entered before the call is complete. What a handler returns.
 */
export function postFromCall(k: KernelState, caller: Thread, thread: Thread, bit: number): number {
  if (thread !== caller || caller.isTask) {
    post(k, thread, bit);
    return outcomes.success;
  }
  completeCall(k, caller, outcomes.success);
  post(k, caller, bit);
  return results.stage;
}

/** Completes the caller's call, then lets it take what is pending. */
function completeAndTake(k: KernelState, caller: Thread): number {
  touchThread(k, caller);
  if (caller.pending === 0 || caller.isTask) return outcomes.success;
  completeCall(k, caller, outcomes.success);
  takePending(k, caller);
  return results.stage;
}

/** thread_interrupt: a thread cannot interrupt itself (fluke.md A.4). */
export function interrupt(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const thread = named(k, caller, argument(registers, 0), typeNumbers.thread);
  if (typeof thread === 'number') return thread;
  if (thread === caller) return faults.self;
  // Commit: nothing below can fail.
  post(k, thread, pendingBits.interrupt);
  return outcomes.success;
}

/** thread_enable_exceptions */
export function enableExceptions(k: KernelState, caller: Thread): number {
  caller.flags |= threadFlags.exceptionsEnabled;
  return completeAndTake(k, caller);
}

/** thread_disable_exceptions */
export function disableExceptions(k: KernelState, caller: Thread): number {
  caller.flags &= ~threadFlags.exceptionsEnabled;
  touchThread(k, caller);
  return outcomes.success;
}

/** thread_return_from_exception: also of a thread that is in no handler: it goes where its saved words say. */
export function returnFromException(k: KernelState, caller: Thread, registers: Uint32Array): number {
  // A task has no pc to go on at.
  if (caller.isTask) return faults.raceCondition;
  restoreRegister(caller, at.savedPc, pcOf(k, caller), 0);
  restoreRegister(caller, at.savedA0, registers, A0);
  restoreRegister(caller, at.savedA1, registers, A1);
  restoreRegister(caller, at.savedA2, registers, A2);
  restoreRegister(caller, at.savedA7, registers, A7);
  const saved = caller.view.getUint32(at.savedFlags, true) & threadFlags.exceptionsEnabled;
  caller.flags = (caller.flags & ~threadFlags.exceptionsEnabled) | saved;
  touchThread(k, caller);
  takePending(k, caller);
  return results.stage;
}

function copyOut(
  k: KernelState,
  caller: Thread,
  registers: Uint32Array,
  offset: number,
  size: number,
): number {
  const opened = openWrite(k, k.window, caller, argument(registers, 0), size);
  if (opened !== 0) return opened;
  // Commit: nothing below can fail.
  writeWindow(k, k.window, caller, caller.image.subarray(offset, offset + size));
  return outcomes.success;
}

function copyIn(
  k: KernelState,
  caller: Thread,
  registers: Uint32Array,
  offset: number,
  size: number,
): number {
  const opened = openRead(k, k.window, caller, argument(registers, 0), size);
  if (opened !== 0) return opened;
  // Commit: nothing below can fail.
  readWindow(k, k.window, caller.image.subarray(offset, offset + size), size);
  touchThread(k, caller);
  return 0;
}

/** thread_get_handlers */
export function getHandlers(k: KernelState, caller: Thread, registers: Uint32Array): number {
  return copyOut(k, caller, registers, HANDLERS_AT, handlers.size);
}

/** thread_set_handlers: what was pending for want of a handler is taken now. */
export function setHandlers(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const copied = copyIn(k, caller, registers, HANDLERS_AT, handlers.size);
  return copied === 0 ? completeAndTake(k, caller) : copied;
}

/** thread_get_saved_state */
export function getSavedState(k: KernelState, caller: Thread, registers: Uint32Array): number {
  return copyOut(k, caller, registers, SAVED_AT, savedState.size);
}

/** thread_set_saved_state */
export function setSavedState(k: KernelState, caller: Thread, registers: Uint32Array): number {
  return copyIn(k, caller, registers, SAVED_AT, savedState.size);
}
