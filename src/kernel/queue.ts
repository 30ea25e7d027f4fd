/**
 * Ordered queues of threads: who runs next, who is woken first.
 *
 * Invariants: a thread is in at most one queue; a queue's order is a function of persistent words only (law 6), with the
 * serial as the last word, so a rebuilt kernel has the same order. `isBefore` is the one place that decides it.
 * Called by schedule.ts, ipc and the invariant check.
 */

import { assert } from '../base/assert.ts';
import { firstClientChanged } from './ipc/busy.ts';
import type { Queue, Thread } from './state.ts';

/** True when `a` comes before `b` in a queue of this order. */
export function isBefore(order: Queue['order'], a: Thread, b: Thread): boolean {
  if (order === 'turn') return a.turn !== b.turn ? a.turn < b.turn : a.serial < b.serial;
  if (order === 'deadline' && a.deadline !== b.deadline) return a.deadline < b.deadline;
  return a.ticket !== b.ticket ? a.ticket < b.ticket : a.serial < b.serial;
}

/** Puts the thread into the queue at its place. New arrivals have the highest words, so the search starts at the end. */
export function enqueue(queue: Queue, thread: Thread): void {
  assert(thread.queue === null, 'queue: a thread is in at most one queue');
  let after = queue.last;
  while (after !== null && isBefore(queue.order, thread, after)) after = after.previous;
  thread.queue = queue;
  thread.previous = after;
  thread.next = after === null ? queue.first : after.next;
  if (thread.next === null) queue.last = thread;
  else thread.next.previous = thread;
  if (after === null) queue.first = thread;
  else after.next = thread;
  if (after === null && queue.port !== null) firstClientChanged(queue.port);
}

/** Takes the thread out of the queue it is in, if any. */
export function dequeue(thread: Thread): void {
  const queue = thread.queue;
  if (queue === null) return;
  const isFirst = thread.previous === null;
  if (thread.previous === null) queue.first = thread.next;
  else thread.previous.next = thread.next;
  if (thread.next === null) queue.last = thread.previous;
  else thread.next.previous = thread.previous;
  thread.queue = null;
  thread.next = null;
  thread.previous = null;
  if (isFirst && queue.port !== null) firstClientChanged(queue.port);
}
