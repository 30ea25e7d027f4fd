/**
 * The order of threads in a queue: the one place that decides it.
 *
 * A function of persistent words only (law 6), with the serial as the last word, so a rebuilt kernel has the same order.
 * Holds no state. Called by queue.ts, its index, ipc and the invariant check.
 */
import type { Queue, Thread } from './state.ts';

/** True when `a` comes before `b` in a queue of this order. */
export function isBefore(order: Queue['order'], a: Thread, b: Thread): boolean {
  if (order === 'turn') return a.turn !== b.turn ? a.turn < b.turn : a.serial < b.serial;
  if (order === 'deadline' && a.deadline !== b.deadline) return a.deadline < b.deadline;
  return a.ticket !== b.ticket ? a.ticket < b.ticket : a.serial < b.serial;
}
