/**
 * Queues of threads: the order is that of the persistent words whatever the order of arrival, with and without an index;
 * and arriving out of order is not quadratic. Counted in comparisons of threads, not in time.
 */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkQueueIndex } from '../../src/kernel/check/queues.ts';
import { emptyImages, emptyQueue, emptyThread } from '../../src/kernel/first-state.ts';
import { isBefore } from '../../src/kernel/order.ts';
import { dequeue, enqueue } from '../../src/kernel/queue.ts';
import type { Queue, Space, Thread, ThreadImage } from '../../src/kernel/state.ts';

/** A thread with just what queues look at. */
function plainThread(serial: number, words: Partial<Thread>): Thread {
  const nowhere = null as unknown as Space;
  return { ...emptyThread(emptyImages(1)[0] as ThreadImage, nowhere, 0, serial, 0n, false), ...words };
}

function contents(queue: Queue): Thread[] {
  const found: Thread[] = [];
  for (let thread = queue.first; thread !== null; thread = thread.next) {
    assert.is(thread.queue, queue);
    assert.is(thread.previous, found.at(-1) ?? null);
    found.push(thread);
  }
  assert.is(queue.last, found.at(-1) ?? null);
  checkQueueIndex(queue);
  return found;
}

const orders = ['turn', 'ticket', 'deadline'] as const;

for (const order of orders) {
  test(`a queue by ${order} is always in order, whoever comes and goes`, () => {
    const step = fc.record({ word: fc.nat(400), leaves: fc.option(fc.nat(400), { freq: 3 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600 }), fc.boolean(), (steps, isSorted) => {
        const queue = emptyQueue(order);
        const model: Thread[] = [];
        steps.forEach(({ word, leaves }, i) => {
          const high = isSorted ? i : word;
          const thread = plainThread(i + 1, { turn: high, ticket: high, deadline: BigInt(word >> 3) });
          enqueue(queue, thread);
          model.push(thread);
          if (leaves !== null) dequeue(model.splice(leaves % model.length, 1)[0] as Thread);
        });
        model.sort((a, b) => (isBefore(order, a, b) ? -1 : 1));
        assert.equal(
          contents(queue).map((thread) => thread.serial),
          model.map((thread) => thread.serial),
        );
        for (const thread of model) {
          assert.is(queue.first, thread);
          dequeue(thread);
        }
        assert.is(queue.index, null);
      }),
      { numRuns: 150 },
    );
  });
}

/** A permutation of 0 to n - 1 that looks like none. */
function shuffled(n: number): number[] {
  const list = Array.from({ length: n }, (_, i) => i);
  let state = 7;
  for (let i = n - 1; i > 0; i -= 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = Math.floor((state / 2 ** 32) * (i + 1));
    [list[i], list[j]] = [list[j] as number, list[i] as number];
  }
  return list;
}

const arrivals = {
  'in order': (n: number) => Array.from({ length: n }, (_, i) => i),
  backwards: (n: number) => Array.from({ length: n }, (_, i) => n - i),
  'in any order': shuffled,
  'from both ends': (n: number) => Array.from({ length: n }, (_, i) => (i % 2 === 0 ? i : 2 * n - i)),
  'always to the middle': (n: number) =>
    Array.from({ length: n }, (_, i) => (i % 2 === 0 ? i : 2 * n + (n - i))),
} as const;

for (const [name, words] of Object.entries(arrivals)) {
  test(`20,000 waiters that arrive ${name} are put in order with some thirty looks each`, () => {
    const count = 20_000;
    const queue = emptyQueue('ticket');
    const looked = { count: 0 };
    const threads = words(count).map((ticket, i) => {
      const thread = plainThread(i + 1, {});
      Object.defineProperty(thread, 'ticket', {
        get() {
          looked.count += 1;
          return ticket;
        },
      });
      return thread;
    });
    for (const thread of threads) enqueue(queue, thread);
    assert.ok(looked.count < 100 * count, `${looked.count / count} looks a thread to come`);
    looked.count = 0;
    const tickets: number[] = [];
    while (queue.first !== null) {
      tickets.push(queue.first.ticket);
      dequeue(queue.first);
    }
    assert.ok(looked.count < 120 * count, `${looked.count / count} looks a thread to go`);
    assert.equal(
      tickets,
      [...tickets].sort((a, b) => a - b),
    );
  });
}

test('a queue whose threads arrive in order, or nearly so, has no index', () => {
  const queue = emptyQueue('ticket');
  for (let i = 0; i < 1000; i += 1) enqueue(queue, plainThread(i + 1, { ticket: i ^ 3 }));
  assert.is(queue.index, null);
  enqueue(queue, plainThread(2000, { ticket: 500 }));
  assert.ok(queue.index !== null);
  assert.is(contents(queue).length, 1001);
});

test.run();
