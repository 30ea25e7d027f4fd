/**
 * The runnable threads: one queue for each effective priority, in the order of turns.
 *
 * The current thread is simply the first: highest effective priority, then lowest turn. Derived (law 6): a function of
 * priorities, what is lent (`inherit.ts`) and turns. Invariant: whoever loses the first place loses its reservation, so
 * that SC cannot miss the store of another; while a restart puts threads back nobody has lost it yet, since what is lent
 * to the rightful first may come back after it (`dropReservations` settles that before the first slice).
 * Called by schedule.ts, resume.ts, inherit.ts and kernel.ts.
 */
import { QUANTUM_TICKS } from '../base/limits.ts';
import { typeNumbers } from './abi/types.ts';
import { isDonating, leafOf } from './donation.ts';
import { touch } from './memory/changed.ts';
import { dequeue, enqueue } from './queue.ts';
import { clearReservation, hasReservation } from './registers.ts';
import type { KernelState, Queue, Thread } from './state.ts';

/** The thread whose turn it is, or null when none can run. */
export function firstRunnable(k: KernelState): Thread | null {
  if (k.runnableMask === 0) return null;
  return (k.runnable[31 - Math.clz32(k.runnableMask)] as Queue).first;
}

function enter(k: KernelState, thread: Thread): void {
  enqueue(k.runnable[thread.effective] as Queue, thread);
  k.runnableMask = (k.runnableMask | (1 << thread.effective)) >>> 0;
}

function leave(k: KernelState, thread: Thread): void {
  const queue = k.runnable[thread.effective] as Queue;
  // One that is scheduled is in its scheduler's queue.
  const isCounted = thread.queue === queue;
  dequeue(thread);
  if (isCounted && queue.first === null) k.runnableMask = (k.runnableMask & ~(1 << thread.effective)) >>> 0;
}

/** Gives the thread the last place among those of its priority, with a whole quantum. */
export function takeNewTurn(k: KernelState, thread: Thread): void {
  thread.turn = k.nextTurn;
  k.nextTurn += 1;
  thread.quantumLeft = QUANTUM_TICKS;
}

/** A thread that does not run has no turn, and a whole quantum for when it does: one form for one state. */
export function forgetTurn(thread: Thread): void {
  thread.turn = 0;
  thread.quantumLeft = QUANTUM_TICKS;
}

/** Who had the first place has it no more: it, or who ran on its time, loses its reservation. */
function loseReservation(k: KernelState, before: Thread): void {
  clearReservation(k, isDonating(before) ? (leafOf(k, before) ?? before) : before);
}

/** Puts the thread among the runnable ones at its turn. */
export function insertRunnable(k: KernelState, thread: Thread): void {
  const before = firstRunnable(k);
  enter(k, thread);
  if (k.hasRun && before !== null && firstRunnable(k) !== before) loseReservation(k, before);
}

/** Takes the thread, which runs no longer, out of the runnable ones. */
export function removeRunnable(k: KernelState, thread: Thread): void {
  leave(k, thread);
  clearReservation(k, thread);
}

/** The thread's effective priority is another one: a runnable thread goes where it belongs now, with its turn. */
export function setEffective(k: KernelState, thread: Thread, effective: number): void {
  if (thread.queue === null || thread.queue !== k.runnable[thread.effective]) {
    thread.effective = effective;
    return;
  }
  const before = firstRunnable(k);
  leave(k, thread);
  thread.effective = effective;
  enter(k, thread);
  if (k.hasRun && before !== null && firstRunnable(k) !== before) loseReservation(k, before);
}

/** Once all is restored, before the first slice: only the thread whose turn it is keeps a reservation. */
export function dropReservations(k: KernelState): void {
  const root = firstRunnable(k);
  const first = root === null ? null : leafOf(k, root);
  for (const object of k.bySerial.values()) {
    if (object.type !== typeNumbers.thread || object === first || !hasReservation(k, object)) continue;
    clearReservation(k, object);
    touch(k, object);
  }
}
