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

const words = new Uint32Array([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344]);

test('it does what a Map does', () => {
  const step = fc.tuple(key, fc.boolean());
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const table = new NumberTable<number>(words);
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
  const table = new NumberTable<number>(words);
  for (let i = 0; i < 5000; i += 1) table.set(i * 32, i);
  for (let i = 0; i < 5000; i += 1) assert.is(table.get(i * 32), i);
  for (let i = 0; i < 4990; i += 1) assert.ok(table.delete(i * 32));
  assert.equal(
    [...table.values()].sort((a, b) => a - b),
    Array.from({ length: 10 }, (_, i) => 4990 + i),
  );
});

/** Keys of the shapes that programs have: addresses and page numbers in rows, also above 2^32. */
const rows: Readonly<Record<string, (i: number) => number>> = {
  pages: (i) => i,
  'pages far apart': (i) => i * 512,
  'objects in rows': (i) => i * 32,
  'objects one a page': (i) => 2 ** 34 + i * 4096,
  'addresses of a task': (i) => 2 ** 44 + i * 32,
  'one a 4 GiB': (i) => i * 2 ** 32,
  'one a 2 MiB': (i) => i * 2 ** 21,
};

/** The inverse of an odd number modulo 2^32. */
function inverse(odd: number): number {
  let x = odd;
  for (let i = 0; i < 5; i += 1) x = Math.imul(x, 2 - Math.imul(odd, x));
  return x >>> 0;
}

/** Keys that all went to the same places while hashing was Fibonacci's, by a number that everybody knew. */
const chosen: Readonly<Record<string, (i: number) => number>> = {
  'low halves that multiply to little': (i) => Math.imul(inverse(0x9e37_79b1), i) >>> 0,
  'high halves that cancel low ones': (i) => {
    const low = (Math.imul(i + 1, 0x85eb_ca6b) ^ 0x1234_5678) >>> 0;
    return (i + 1) * 2 ** 32 + low;
  },
};

function meanProbes(key: (i: number) => number, count: number, seed: Uint32Array): number {
  const table = new NumberTable<number>(seed);
  for (let i = 0; i < count; i += 1) table.set(key(i), i);
  let probes = 0;
  for (let i = 0; i < count; i += 1) probes += table.probes(key(i));
  return probes / count;
}

/** Words as a host draws them. */
function wordsOf(seed: number): Uint32Array {
  return Uint32Array.from({ length: 4 }, (_, i) => Math.imul(seed * 4 + i + 1, 0x9e37_79b1) ^ (seed << 13));
}

test('keys that a program chooses lie no closer together than others', () => {
  for (const [name, key] of Object.entries({ ...rows, ...chosen })) {
    for (let seed = 1; seed <= 30; seed += 1) {
      const mean = meanProbes(key, 4000, wordsOf(seed));
      assert.ok(mean < 4, `${name}: ${mean} places a look with words ${wordsOf(seed).join()}`);
    }
  }
});

test('keys that collide under some words do not under others', () => {
  // Chosen by somebody who knows the words: 2,000 whose home is the first place of many.
  const known = wordsOf(1000);
  const colliding: number[] = [];
  const table = new NumberTable<number>(known);
  for (let i = 0; i < 1100; i += 1) table.set(2 ** 40 + i, i);
  for (let key = 0; colliding.length < 1000; key += 32) if (table.home(key) === 0) colliding.push(key);
  const at = (i: number): number => colliding[i] as number;
  assert.ok(meanProbes(at, 1000, known) > 200, 'they do collide');
  for (let seed = 1; seed <= 30; seed += 1) assert.ok(meanProbes(at, 1000, wordsOf(seed)) < 4);
});

test.run();
