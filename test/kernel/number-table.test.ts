import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { NumberTable } from '../../src/kernel/number-table.ts';

/** Few keys, so that they meet often; some as far apart as addresses of tasks are. */
const key = fc.oneof(
  fc.nat(40).map((n) => n * 32),
  fc.nat(10).map((n) => 2 ** 44 + n * 4096),
  fc.constantFrom(0, 2 ** 53 - 1, 2 ** 32, 2 ** 32 - 1, 2 ** 31),
);

test('it does what a Map does', () => {
  const step = fc.tuple(key, fc.boolean());
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const table = new NumberTable<number>();
      const map = new Map<number, number>();
      steps.forEach(([at, isSet], i) => {
        if (isSet) {
          table.set(at, i);
          map.set(at, i);
        } else assert.is(table.delete(at), map.delete(at));
        assert.is(table.size, map.size);
        assert.is(table.has(at), map.has(at));
      });
      for (const [at] of steps) assert.is(table.get(at), map.get(at));
      const byKey = (a: [number, number], b: [number, number]): number => a[0] - b[0];
      assert.equal([...table].sort(byKey), [...map].sort(byKey));
      assert.is([...table.values()].length, map.size);
    }),
    { numRuns: 300 },
  );
});

test('it grows and shrinks again', () => {
  const table = new NumberTable<number>();
  for (let i = 0; i < 5000; i += 1) table.set(i * 32, i);
  for (let i = 0; i < 5000; i += 1) assert.is(table.get(i * 32), i);
  for (let i = 0; i < 4990; i += 1) assert.ok(table.delete(i * 32));
  assert.equal(
    [...table.values()].sort((a, b) => a - b),
    Array.from({ length: 10 }, (_, i) => 4990 + i),
  );
});

test.run();
