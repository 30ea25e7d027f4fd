/**
 * The index of a long queue whose threads do not arrive in order: where in the list a thread belongs.
 *
 * It holds the queue's threads in order, in chunks of at most CHUNK_MAX: a place is found by two binary searches, and an
 * arrival or a departure moves at most a chunk and the list of chunks, THREADS_MAX / CHUNK_MAX words or so. Made when a
 * queue first needs it, given up when the queue is empty; the list of the threads themselves stays what counts.
 * Derived (law 6). Called by queue.ts only.
 */
import { isBefore } from './order.ts';
import type { Queue, QueueChunk, Thread } from './state.ts';

const CHUNK_MAX = 128;
/** Neighbours that have no more than this together become one. */
const CHUNK_MERGE = 64;

/** Makes the index of the threads that are in the queue. */
export function makeIndex(queue: Queue): void {
  const index: QueueChunk[] = [];
  let chunk: QueueChunk | null = null;
  for (let thread = queue.first; thread !== null; thread = thread.next) {
    if (chunk === null || chunk.threads.length >= CHUNK_MERGE) {
      chunk = { threads: [] };
      index.push(chunk);
    }
    chunk.threads.push(thread);
    thread.chunk = chunk;
  }
  queue.index = index;
}

/** Position of the first thread of the chunk that does not come before `thread`. */
function positionIn(queue: Queue, chunk: QueueChunk, thread: Thread): number {
  let low = 0;
  let high = chunk.threads.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(queue.order, chunk.threads[middle] as Thread, thread)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Number of the last chunk whose first thread comes before `thread`, 0 when there is none. */
function chunkFor(queue: Queue, index: readonly QueueChunk[], thread: Thread): number {
  let low = 0;
  let high = index.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const first = (index[middle] as QueueChunk).threads[0] as Thread;
    if (first === thread || isBefore(queue.order, first, thread)) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

/** Adds the thread to the index. Returns the thread after which it belongs in the list, null for the first place. */
export function insertIndexed(queue: Queue, index: QueueChunk[], thread: Thread): Thread | null {
  let number = chunkFor(queue, index, thread);
  let chunk = index[number] as QueueChunk;
  let position = positionIn(queue, chunk, thread);
  if (chunk.threads.length >= CHUNK_MAX) {
    const isAtEnd = position === chunk.threads.length && number === index.length - 1;
    const upper: QueueChunk = { threads: isAtEnd ? [] : chunk.threads.splice(CHUNK_MAX / 2) };
    for (const moved of upper.threads) moved.chunk = upper;
    index.splice(number + 1, 0, upper);
    if (position > chunk.threads.length || isAtEnd) {
      position -= chunk.threads.length;
      number += 1;
      chunk = upper;
    }
  }
  chunk.threads.splice(position, 0, thread);
  thread.chunk = chunk;
  if (position > 0) return chunk.threads[position - 1] as Thread;
  return number === 0 ? null : ((index[number - 1] as QueueChunk).threads.at(-1) as Thread);
}

/** Takes the thread, which is still in the list, out of the index. */
export function removeIndexed(queue: Queue, index: QueueChunk[], thread: Thread): void {
  const chunk = thread.chunk as QueueChunk;
  // The chunk's number is sought before its first thread changes.
  const number = chunkFor(queue, index, chunk.threads[0] as Thread);
  chunk.threads.splice(positionIn(queue, chunk, thread), 1);
  thread.chunk = null;
  if (chunk.threads.length === 0) index.splice(number, 1);
  else merge(index, number, chunk);
  if (index.length === 0) queue.index = null;
}

function merge(index: QueueChunk[], number: number, chunk: QueueChunk): void {
  const next = index[number + 1];
  if (next === undefined || chunk.threads.length + next.threads.length > CHUNK_MERGE) return;
  for (const moved of next.threads) {
    moved.chunk = chunk;
    chunk.threads.push(moved);
  }
  index.splice(number + 1, 1);
}
