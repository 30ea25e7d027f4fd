/**
 * What holds of queues. A whole queue is looked at by none of these: its ends by its owner, each place by the thread
 * that is there, so that all threads together have looked at all of it.
 *
 * Called by threads.ts, rendezvous.ts and check.ts.
 */
import { isBefore } from '../order.ts';
import type { KernelObject, Queue, Thread } from '../state.ts';
import { holds } from './invariants.ts';

/** The first and the last of a queue. */
export function checkQueueEnds(queue: Queue, owner: KernelObject | null): void {
  const { first, last } = queue;
  holds((first === null) === (last === null), 'queueIsLinked', owner);
  if (first === null || last === null) return;
  holds(first.queue === queue && first.previous === null, 'queueIsLinked', owner);
  holds(last.queue === queue && last.next === null, 'queueIsLinked', owner);
  holds(first.alive && last.alive, 'queuedIsAlive', owner);
}

/** The place of a thread in its queue: its neighbours, and the order between them. */
export function checkQueuePlace(thread: Thread, queue: Queue): void {
  const { next, previous } = thread;
  const isLinked =
    (previous === null ? queue.first === thread : previous.next === thread && previous.queue === queue) &&
    (next === null ? queue.last === thread : next.previous === thread && next.queue === queue);
  holds(isLinked, 'queueIsLinked', thread);
  holds(previous?.alive !== false && next?.alive !== false, 'queuedIsAlive', thread);
  holds(previous === null || isBefore(queue.order, previous, thread), 'queueIsOrdered', thread);
  holds(next === null || isBefore(queue.order, thread, next), 'queueIsOrdered', thread);
}

/** The index of a queue, looked at whole. */
export function checkQueueIndex(queue: Queue): void {
  let thread = queue.first;
  for (const chunk of queue.index ?? []) {
    holds(chunk.threads.length > 0, 'queueIndexIsRight', thread);
    for (const indexed of chunk.threads) {
      holds(indexed === thread && indexed.chunk === chunk, 'queueIndexIsRight', thread);
      thread = indexed.next;
    }
  }
  holds(queue.index === null || thread === null, 'queueIndexIsRight', thread);
}
