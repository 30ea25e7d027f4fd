/**
 * Ordered queues of threads: who runs next, who is woken first.
 *
 * Invariants: a thread is in at most one queue; a queue's order is a function of persistent words only (law 6), with the
 * serial as the last word, so a rebuilt kernel has the same order. `order.ts` decides it.
 * A queue is a list. Who arrives with the highest words, as nearly all do, is put at its end in O(1); a queue in which
 * somebody belongs far from both ends gets an index (`queue-index.ts`), or deadlines and restored tickets in any order
 * would cost O(n) each.
 * Called by schedule.ts, ipc and the invariant check.
 */

import { assert } from '../base/assert.ts';
import { firstClientChanged } from './ipc/busy.ts';
import { isBefore } from './order.ts';
import { insertIndexed, makeIndex, removeIndexed } from './queue-index.ts';
import type { Queue, Thread } from './state.ts';

/** Places from the end of a list that are looked at before it gets an index. */
const STEPS_MAX = 8;

/** The thread after which this one belongs, null for the first place. New arrivals have the highest words. */
function placeOf(queue: Queue, thread: Thread): Thread | null {
  if (queue.index !== null) return insertIndexed(queue, queue.index, thread);
  const { first } = queue;
  let after = queue.last;
  for (let steps = 0; after !== null && isBefore(queue.order, thread, after); steps += 1) {
    if (steps === STEPS_MAX) {
      if (first !== null && isBefore(queue.order, thread, first)) return null;
      makeIndex(queue);
      return placeOf(queue, thread);
    }
    after = after.previous;
  }
  return after;
}

/** Puts the thread into the queue at its place. */
export function enqueue(queue: Queue, thread: Thread): void {
  assert(thread.queue === null, 'queue: a thread is in at most one queue');
  const after = placeOf(queue, thread);
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
  if (queue.index !== null) removeIndexed(queue, queue.index, thread);
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
