/**
 * What hangs on an object comes out lowest serial first, whatever came and went in between: against a sorted list.
 */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SerialHeap } from '../../src/kernel/serial-heap.ts';

const SEED = Number(process.env.HEAP_SEED ?? 20_261_123);

interface Thing {
  readonly serial: number;
  heapIndex: number;
}

const step = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), which: fc.nat({ max: 60 }) }),
  fc.record({ kind: fc.constant('delete' as const), which: fc.nat({ max: 60 }) }),
  fc.record({ kind: fc.constant('first' as const), which: fc.nat({ max: 60 }) }),
);

test('the first is the one with the lowest serial, with or without an exception, after any comings and goings', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
      const things: Thing[] = Array.from({ length: 61 }, (_, i) => ({
        serial: (i * 37) % 61,
        heapIndex: -1,
      }));
      const heap = new SerialHeap<Thing>();
      const other = new SerialHeap<Thing>();
      const there = new Set<Thing>();
      for (const { kind, which } of steps) {
        const thing = things[which] as Thing;
        if (kind === 'add') {
          heap.add(thing);
          there.add(thing);
        } else if (kind === 'delete') {
          heap.delete(thing);
          there.delete(thing);
        } else if (there.has(thing)) {
          // Another object's list has nothing of it.
          assert.not(other.has(thing));
          other.delete(thing);
        }
        const sorted = [...there].sort((x, y) => x.serial - y.serial);
        assert.is(heap.first, sorted[0] ?? null);
        assert.is(heap.firstBut(thing), sorted.find((each) => each !== thing) ?? null);
        assert.is(heap.size, there.size);
        assert.is(heap.has(thing), there.has(thing));
        assert.equal(
          [...heap].map(({ serial }) => serial).sort((x, y) => x - y),
          sorted.map(({ serial }) => serial),
        );
      }
    }),
    { seed: SEED, numRuns: 300 },
  );
});

test.run();
