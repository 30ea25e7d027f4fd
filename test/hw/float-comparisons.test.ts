/** M.09: what looks at numbers or moves them: comparisons, minimum and maximum, signs, classes, moves between files. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { traps } from '../../src/hw/machine.ts';
import {
  BOX,
  boxed,
  createWays,
  edgeNumbers,
  encodeFloat,
  expectFloat,
  expectInteger,
  expectTranslated,
  randomNumbers,
  unbox,
  unboxed,
} from './float/bench.ts';
import {
  classify,
  compare,
  double,
  extreme,
  type Format,
  injectSign,
  NX,
  type Outcome,
  single,
} from './float/model.ts';

const ways = createWays();

/** Pairs of edge numbers, of random ones, and of a number with itself. */
function* pairs(format: Format): Iterable<readonly [bigint, bigint]> {
  const numbers = edgeNumbers[format.name];
  for (const x of numbers) for (const y of numbers) yield [x, y];
  const next = randomNumbers(format, 37);
  for (let i = 0; i < 300; i++) {
    const x = next();
    yield [x, next()];
    yield [x, x];
    yield [x, BigInt.asUintN(format.width, x + 1n)];
  }
}

/** funct5, funct3 and meaning. */
const toFloat: Readonly<
  Record<string, readonly [number, number, (f: Format, x: bigint, y: bigint) => Outcome]>
> = {
  fsgnj: [0x04, 0, (f, x, y) => ({ bits: injectSign(f, 'fsgnj', x, y), flags: 0 })],
  fsgnjn: [0x04, 1, (f, x, y) => ({ bits: injectSign(f, 'fsgnjn', x, y), flags: 0 })],
  fsgnjx: [0x04, 2, (f, x, y) => ({ bits: injectSign(f, 'fsgnjx', x, y), flags: 0 })],
  fmin: [0x05, 0, (f, x, y) => extreme(f, false, x, y)],
  fmax: [0x05, 1, (f, x, y) => extreme(f, true, x, y)],
};
const toInteger: typeof toFloat = {
  fle: [0x14, 0, (f, x, y) => compare(f, 'fle', x, y)],
  flt: [0x14, 1, (f, x, y) => compare(f, 'flt', x, y)],
  feq: [0x14, 2, (f, x, y) => compare(f, 'feq', x, y)],
};

for (const format of [single, double]) {
  for (const [names, expect] of [
    [
      toFloat,
      (what: string, f: readonly bigint[], fcsr: number, outcome: Outcome, runs: Runs) =>
        expectFloat(ways, runs, what, format, { f, fcsr }, outcome),
    ],
    [
      toInteger,
      (what: string, f: readonly bigint[], fcsr: number, outcome: Outcome, runs: Runs) =>
        expectInteger(ways, runs, what, { f, fcsr }, outcome),
    ],
  ] as const) {
    for (const [name, [funct5, funct3, meaning]] of Object.entries(names)) {
      test(`${name}.${format.name} gives what the manual says, for NaNs, zeros and all else`, () => {
        const runs = ways.map((way) => way.prepare(encodeFloat.operation(funct5, format, funct3)));
        let turn = 0;
        for (const [x, y] of pairs(format)) {
          // frm 7 is no mode; these instructions round nothing and do not look at it.
          const fcsr = turn++ % 2 === 0 ? NX | 0xe0 : 0;
          expect(name, [boxed(format, x), boxed(format, y)], fcsr, meaning(format, x, y), runs);
        }
        if (format !== single) return;
        const one = boxed(format, 0x3f80_0000n);
        for (const register of unboxed) {
          for (const f of [
            [register, one],
            [one, register],
            [register, register],
          ]) {
            const [x, y] = f.map((bits) => unbox(format, bits)) as [bigint, bigint];
            expect(`${name} unboxed`, f, 0, meaning(format, x, y), runs);
          }
        }
      });
    }
  }

  test(`fclass.${format.name} tells the ten classes`, () => {
    const runs = ways.map((way) => way.prepare(encodeFloat.operation(0x1c, format, 1, 0)));
    const seen = new Set<bigint>();
    for (const bits of edgeNumbers[format.name]) {
      const mask = classify(format, bits);
      seen.add(mask);
      expectInteger(ways, runs, 'fclass', { f: [boxed(format, bits)], fcsr: 0 }, { bits: mask, flags: 0 });
    }
    assert.is(seen.size, 10);
    if (format !== single) return;
    for (const register of unboxed) {
      expectInteger(ways, runs, 'fclass', { f: [register], fcsr: 0 }, { bits: 1n << 9n, flags: 0 });
    }
  });
}

type Runs = Parameters<typeof expectFloat>[1];

/** Any bits: moves look at nothing. */
const registers = [...edgeNumbers.d, ...edgeNumbers.s.map((bits) => boxed(single, bits)), ...unboxed];

test('fmv.x.w gives the low half as it is, sign-extended, boxed or not; fmv.x.d all bits', () => {
  const word = ways.map((way) => way.prepare(encodeFloat.operation(0x1c, single, 0, 0)));
  const long = ways.map((way) => way.prepare(encodeFloat.operation(0x1c, double, 0, 0)));
  for (const bits of registers) {
    const low = BigInt.asUintN(64, BigInt.asIntN(32, bits));
    expectInteger(ways, word, 'fmv.x.w', { f: [bits], fcsr: 0xe0 }, { bits: low, flags: 0 });
    expectInteger(ways, long, 'fmv.x.d', { f: [bits], fcsr: 0xe0 }, { bits, flags: 0 });
  }
});

test('fmv.w.x boxes the low half; fmv.d.x takes all bits', () => {
  const word = ways.map((way) => way.prepare(encodeFloat.operation(0x1e, single, 0, 0)));
  const long = ways.map((way) => way.prepare(encodeFloat.operation(0x1e, double, 0, 0)));
  for (const x of registers) {
    const low = BigInt.asUintN(32, x);
    expectFloat(ways, word, 'fmv.w.x', single, { x, fcsr: 0xe0 }, { bits: low, flags: 0 });
    expectFloat(ways, long, 'fmv.d.x', double, { x, fcsr: 0xe0 }, { bits: x, flags: 0 });
  }
  assert.is(boxed(single, 1n), BOX | 1n);
});

test('with x0 as destination a comparison or conversion raises its flags and writes nothing', () => {
  const nan = 0x7ff0_0000_0000_0001n;
  for (const [funct5, funct3, rs2] of [
    [0x14, 2, 12],
    [0x14, 1, 12],
    [0x18, 0, 0],
    [0x18, 1, 3],
    [0x1c, 1, 0],
    [0x1c, 0, 0],
  ] as const) {
    for (const way of ways) {
      const bits = encodeFloat.operation(funct5, double, funct3, rs2) & ~0xf80;
      const result = way.prepare(bits >>> 0)({ f: [nan, nan], fcsr: 0 });
      assert.is(result.cause, traps.environmentCall, way.name);
      assert.is(result.fcsr, funct5 === 0x1c ? 0 : 16, `${way.name} ${funct5}.${funct3}`);
      assert.is(way.bench.machine.hart.x[0], 0n);
    }
  }
});

test('the instructions were translated where they should be', () => expectTranslated(ways));

test.run();
