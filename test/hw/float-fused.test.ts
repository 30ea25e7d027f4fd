/** M.09: the four fused multiply-adds round once, in every mode, with and without the host's own operation. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { hasFusedMultiplyAdd } from '../../src/hw/float/fused.ts';
import { generator } from './bench.ts';
import {
  boxed,
  createWays,
  DYNAMIC,
  edgeNumbers,
  encodeFloat,
  expectFloat,
  type Operands,
  type Result,
  randomNumbers,
  unbox,
  unboxed,
} from './float/bench.ts';
import { double, fused, multiply, NX, type Outcome, RNE, roundingModes, single } from './float/model.ts';

const ways = createWays();
const RANDOM_CASES = 3000;
type Triple = readonly [bigint, bigint, bigint];

/** opcode, and which of product and addend change their signs (manual, chapter "F"). */
const instructions = {
  fmadd: [0x43, false, false],
  fmsub: [0x47, false, true],
  fnmsub: [0x4b, true, false],
  fnmadd: [0x4f, true, true],
} as const;

for (const format of [single, double]) {
  const sign = 1n << BigInt(format.width - 1);
  const meaning = (name: keyof typeof instructions, mode: number, [x, y, z]: Triple): Outcome => {
    const [, product, addend] = instructions[name];
    return fused(format, mode, product ? x ^ sign : x, y, addend ? z ^ sign : z);
  };
  const check = (
    name: keyof typeof instructions,
    runs: ((operands: Operands) => Result)[],
    [mode, frm]: readonly [number, number],
    cases: Iterable<Triple>,
  ): void => {
    for (const triple of cases) {
      const outcome = meaning(name, mode, triple);
      for (const flags of [0, NX]) {
        const operands = { f: triple.map((bits) => boxed(format, bits)), fcsr: (frm << 5) | flags };
        expectFloat(ways, runs, `${name}.${format.name} mode ${mode}`, format, operands, outcome);
      }
    }
  };
  const prepare = (name: keyof typeof instructions, rm: number) =>
    ways.map((way) => way.prepare(encodeFloat.fused(instructions[name][0], format, rm)));

  test(`fmadd.${format.name} of edge numbers is exact in every rounding mode`, () => {
    // Every other one of each sign: 26 numbers, 17,576 triples; the modes take turns.
    const numbers = edgeNumbers[format.name].filter((_, index) => index % 4 < 2);
    const runs = prepare('fmadd', DYNAMIC);
    let turn = 0;
    for (const x of numbers) {
      for (const y of numbers) {
        for (const z of numbers) {
          const mode = turn++ % 5;
          check('fmadd', runs, [mode, mode], [[x, y, z]]);
        }
      }
    }
  });

  for (const name of Object.keys(instructions) as (keyof typeof instructions)[]) {
    test(`${name}.${format.name} of random numbers is exact in every mode, given by itself or by frm`, () => {
      const next = randomNumbers(format, 11);
      const dynamic = prepare(name, DYNAMIC);
      for (const mode of roundingModes) {
        const cases = Array.from({ length: RANDOM_CASES / 10 }, () => [next(), next(), next()] as const);
        check(name, prepare(name, mode), [mode, 4 - mode], cases);
        check(name, dynamic, [mode, mode], cases);
      }
    });

    test(`${name}.${format.name} is exact when the addend nearly cancels the product`, () => {
      const random = generator(13 + format.width);
      const next = randomNumbers(format, 17);
      const dynamic = prepare(name, DYNAMIC);
      const cases = Array.from({ length: RANDOM_CASES }, (): Triple => {
        const [x, y] = [next(), next()];
        const product = multiply(format, RNE, x, y).bits;
        // The rounded product with the other sign, mostly a few units in the last place away, or far below it.
        const near = product + BigInt(random(7) - 3);
        const z =
          random(4) === 0
            ? product - (BigInt(random(2 * format.precision)) << BigInt(format.precision - 1))
            : near;
        return [x, y, BigInt.asUintN(format.width, random(5) === 0 ? z : z ^ sign)];
      });
      cases.forEach((triple, index) => {
        const mode = index % 5;
        check(name, dynamic, [mode, mode], [triple]);
      });
    });
  }

  if (format === single) {
    test('fmadd.s takes a register that holds no single for the canonical NaN', () => {
      const runs = prepare('fmadd', DYNAMIC);
      const one = boxed(format, 0x3f80_0000n);
      for (const register of unboxed) {
        for (const place of [0, 1, 2]) {
          const f = [one, one, one].map((bits, index) => (index === place ? register : bits));
          const triple = f.map((bits) => unbox(format, bits)) as unknown as Triple;
          expectFloat(ways, runs, 'fmadd.s', format, { f, fcsr: NX }, meaning('fmadd', RNE, triple));
        }
      }
    });
  }
}

test('whether the host rounds once is asked, not assumed: the answer is the same every time', () => {
  assert.type(hasFusedMultiplyAdd(), 'boolean');
  assert.is(hasFusedMultiplyAdd(), hasFusedMultiplyAdd());
});

test.run();
