/**
 * Who waits, whose turn it is next, and what time it is.
 *
 * The current thread is simply the first of the runnable ones (`runnable.ts`). A thread takes a new turn when it is
 * woken and when its quantum is spent. Waiting is a queue, a link (`waitingFor`) and a ticket, or a
 * deadline: all of them exported, nothing on a host stack.
 * Invariant: everything here is a function of persistent words; how `run` was sliced never shows (law 8).
 * Called by the dispatcher and by handlers after their commit line; never by decoders.
 */

import { TWO_32 } from '../base/integer.ts';
import { COPY_TICKS_PER_64_BYTES, ENTRY_TICKS, WORK_TICKS } from './abi/memory.ts';
import { threadFlags } from './abi/types.ts';
import { spendDonated } from './donors.ts';
import { beginLending, endLending } from './inherit.ts';
import { touchThread } from './memory/changed.ts';
import { dequeue, enqueue } from './queue.ts';
import { makeReady } from './ready.ts';
import { completeCall } from './registers.ts';
import { results } from './results.ts';
import { forgetTurn, insertRunnable, removeRunnable, takeNewTurn } from './runnable.ts';
import {
  type KernelObject,
  type KernelState,
  live,
  liveSpace,
  type Port,
  type Queue,
  type Thread,
} from './state.ts';
import { note, traceEvents } from './trace.ts';

/** Takes the thread out of whatever queue it is in. A thread that stops being runnable loses its reservation. */
export function leaveQueue(k: KernelState, thread: Thread): void {
  const queue = thread.queue;
  if (queue === null) return;
  if (queue.order === 'turn') removeRunnable(k, thread);
  else {
    dequeue(thread);
    endLending(k, thread);
  }
}

/** The first thread has spent its quantum: the next of its priority has its turn. */
export function rotate(k: KernelState, thread: Thread): void {
  removeRunnable(k, thread);
  takeNewTurn(k, thread);
  insertRunnable(k, thread);
}

/** A thread that waits has the processor from nobody, and gives it to nobody. */
const RUNNING_FLAGS = threadFlags.scheduled | threadFlags.donating;

/**
 * The thread comes after all that wait already. A user task stands between them and whoever comes next, without using
 * up a number: what it does leaves no trace in an image.
 */
function takeTicket(k: KernelState, thread: Thread): void {
  if (thread.isTask) {
    thread.ticket = k.nextTicket - 0.5;
    return;
  }
  thread.ticket = k.nextTicket;
  k.nextTicket += 1;
}

/** Somebody waits at the port: a donor that waited at its set for that makes its call again. */
function wakeDonor(k: KernelState, port: Port): void {
  const donor = live(port.portset)?.donors.first ?? null;
  if (donor !== null) wake(k, donor);
}

/**
 * The thread is about to wait for `object`, with a new ticket, but is in no queue yet: `lieDown`, or the end of its wait,
 * comes in the same entry. Its registers must already say what is left to do.
 */
export function standReady(k: KernelState, thread: Thread, object: KernelObject): void {
  leaveQueue(k, thread);
  thread.flags &= ~RUNNING_FLAGS;
  thread.waitingFor = object;
  takeTicket(k, thread);
  forgetTurn(thread);
  touchThread(k, thread);
}

/** A thread that stands ready waits in `queue`. */
export function lieDown(k: KernelState, thread: Thread, queue: Queue, object: KernelObject): void {
  enqueue(queue, thread);
  if (queue.port !== null) wakeDonor(k, queue.port);
  beginLending(k, thread);
  note(k, traceEvents.wait.kind, thread.serial, object.serial, object.type);
}

/**
 * The thread waits for `object` in `queue` with a new ticket. Its registers must already say what is left to do.
 */
export function wait(k: KernelState, thread: Thread, queue: Queue, object: KernelObject): number {
  standReady(k, thread, object);
  lieDown(k, thread, queue, object);
  return results.blocked;
}

/**
 * Ends the thread's wait without completing its call: it will make the call that its registers describe. A thread that
 * is running keeps its turn.
 */
export function wake(k: KernelState, thread: Thread): void {
  note(k, traceEvents.wake.kind, thread.serial, 0, 0);
  endWait(k, thread);
}

function endWait(k: KernelState, thread: Thread): void {
  const isRunnable = thread.queue?.order === 'turn';
  if (!isRunnable) {
    leaveQueue(k, thread);
    thread.flags &= ~(RUNNING_FLAGS | threadFlags.asking | threadFlags.serverIdempotent);
    thread.waitingFor = null;
  }
  thread.ticket = 0;
  thread.deadline = 0n;
  thread.flags &= ~threadFlags.faulting;
  touchThread(k, thread);
  if (isRunnable) return;
  if (thread.isTask) {
    k.tasksToTell.add(thread);
    return;
  }
  if ((thread.flags & threadFlags.stopped) !== 0 || liveSpace(thread.space) === null) return;
  makeReady(k, thread);
}

/** Ends the thread's wait, and its call with this outcome. */
export function finish(k: KernelState, thread: Thread, outcome: number): void {
  completeCall(k, thread, outcome);
  note(k, traceEvents.finish.kind, thread.serial, outcome, 0);
  endWait(k, thread);
}

/** The thread neither runs nor waits, until its state is set: it has no space, or a fault that nobody answers. */
export function park(k: KernelState, thread: Thread): void {
  leaveQueue(k, thread);
  if ((thread.flags & (RUNNING_FLAGS | threadFlags.asking)) !== 0) {
    thread.flags &= ~(RUNNING_FLAGS | threadFlags.asking);
    thread.waitingFor = null;
    thread.ticket = 0;
  }
  forgetTurn(thread);
  touchThread(k, thread);
  note(k, traceEvents.park.kind, thread.serial, 0, 0);
}

/** The machine's tick. */
export function tickOf(k: KernelState): bigint {
  return k.machine.hart.tickWord[0] as bigint;
}

/** Upper halves of ticks from here on are no part of an exact number. */
const UPPER_HALF_END = 2 ** 21;

/**
 * Ticks until this deadline: 0 or less when it has come, Infinity when it is too far for a number. Asked around every
 * entry: so what the first sleeper waits for is kept as a number too, and big integers are left for a clock beyond 2^53.
 */
function ticksUntil(k: KernelState, deadline: bigint): number {
  const { due } = k;
  const { tickHalves } = k.machine.hart;
  const upper = tickHalves[1] as number;
  if (upper >= UPPER_HALF_END) return Number(deadline - tickOf(k));
  if (due.deadline !== deadline) {
    due.deadline = deadline;
    due.tick = deadline < 2n ** 53n ? Number(deadline) : Infinity;
  }
  return due.tick - (upper * TWO_32 + (tickHalves[0] as number));
}

/** Ticks until the first sleeper wakes: 0 when one is due, Infinity when nobody sleeps. */
export function ticksToDeadline(k: KernelState): number {
  const first = k.sleepers.first;
  if (first === null) return Infinity;
  return Math.max(0, ticksUntil(k, first.deadline));
}

/** Completes the sleep of every thread whose deadline has come, in order of (deadline, ticket). */
export function wakeDueSleepers(k: KernelState): void {
  let first = k.sleepers.first;
  while (first !== null && ticksUntil(k, first.deadline) <= 0) {
    finish(k, first, 0);
    first = k.sleepers.first;
  }
}

/** The thread sleeps until this tick. Its registers are still those of the call. */
export function sleep(k: KernelState, thread: Thread, deadline: bigint): number {
  leaveQueue(k, thread);
  thread.flags &= ~RUNNING_FLAGS;
  thread.waitingFor = null;
  thread.deadline = deadline;
  takeTicket(k, thread);
  forgetTurn(thread);
  enqueue(k.sleepers, thread);
  touchThread(k, thread);
  note(k, traceEvents.sleep.kind, thread.serial, Number(deadline), 0);
  return results.blocked;
}

/** Takes the ticks that the running thread spent from who gave them: itself, or the donors. */
export function spendTicks(k: KernelState, thread: Thread, ticks: number): void {
  const root = k.donors.length === 0 ? thread : (k.donors[0] as Thread);
  if (root.queue?.order === 'turn') root.quantumLeft -= ticks;
  if (k.donors.length === 0) return;
  touchThread(k, root);
  spendDonated(k, ticks);
}

/** Charges the thread for an entry, by the tick rule. What no longer runs has no quantum to spend. */
export function chargeEntry(k: KernelState, thread: Thread): void {
  const ticks = ENTRY_TICKS + Math.ceil(k.copied / 64) * COPY_TICKS_PER_64_BYTES + k.work * WORK_TICKS;
  thread.copiedBytes += k.copied;
  k.copied = 0;
  k.work = 0;
  k.spentTicks += ticks;
  spendTicks(k, thread, ticks);
  k.machine.hart.addTicks(ticks);
}
