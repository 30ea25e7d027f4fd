/** M.09: addition, subtraction, multiplication, division, square root: bits and flags are those of exact arithmetic. */
import { test } from 'uvu';
import {
  boxed,
  createWays,
  DYNAMIC,
  edgeNumbers,
  encodeFloat,
  expectFloat,
  expectTranslated,
  type Operands,
  type Result,
  randomNumbers,
  unbox,
  unboxed,
} from './float/bench.ts';
import {
  add,
  divide,
  double,
  type Format,
  multiply,
  NX,
  type Outcome,
  roundingModes,
  single,
  squareRoot,
  subtract,
} from './float/model.ts';

const ways = createWays();
const RANDOM_CASES = 6000;

type Meaning = (format: Format, mode: number, x: bigint, y: bigint) => Outcome;

/** funct5, rs2 when it is no register, and what it computes. */
const operations: Readonly<Record<string, readonly [number, number | undefined, Meaning]>> = {
  fadd: [0x00, undefined, add],
  fsub: [0x01, undefined, subtract],
  fmul: [0x02, undefined, multiply],
  fdiv: [0x03, undefined, divide],
  fsqrt: [0x0b, 0, squareRoot],
};

/** For each mode the instruction with the mode in itself, and the one that asks fcsr. */
function prepareModes(funct5: number, rs2: number | undefined, format: Format) {
  const prepare = (rm: number): ((operands: Operands) => Result)[] =>
    ways.map((way) => way.prepare(encodeFloat.operation(funct5, format, rm, rs2)));
  return prepare;
}

for (const format of [single, double]) {
  for (const [name, [funct5, rs2, meaning]] of Object.entries(operations)) {
    const what = `${name}.${format.name}`;
    const prepare = prepareModes(funct5, rs2, format);
    const numbers = edgeNumbers[format.name];
    /** Runs cases with one rm in the instruction: frm is what `frm` says, NX is set or not. */
    const check = (
      runs: ((operands: Operands) => Result)[],
      mode: number,
      frm: number,
      cases: Iterable<readonly [bigint, bigint]>,
    ): void => {
      for (const [x, y] of cases) {
        const outcome = meaning(format, mode, x, y);
        for (const flags of [0, NX]) {
          const operands = { f: [boxed(format, x), boxed(format, y)], fcsr: (frm << 5) | flags };
          expectFloat(ways, runs, `${what} mode ${mode}`, format, operands, outcome);
        }
      }
    };

    test(`${what} of edge numbers is exact in every rounding mode, given by itself or by frm`, () => {
      function* pairs(): Iterable<readonly [bigint, bigint]> {
        for (const x of numbers) for (const y of rs2 === undefined ? numbers : [x]) yield [x, y];
      }
      for (const mode of roundingModes) check(prepare(mode), mode, (mode + 1) % 5, pairs());
      const dynamic = prepare(DYNAMIC);
      for (const mode of roundingModes) check(dynamic, mode, mode, pairs());
    });

    test(`${what} of random numbers is exact in every rounding mode`, () => {
      const runs = prepare(DYNAMIC);
      const next = randomNumbers(format, 7 + funct5);
      for (const mode of roundingModes) {
        const cases = Array.from({ length: RANDOM_CASES / 5 }, () => [next(), next()] as const);
        check(runs, mode, mode, cases);
      }
    });

    if (format === single) {
      test(`${what} takes a register that holds no single for the canonical NaN`, () => {
        const runs = prepare(DYNAMIC);
        for (const register of unboxed) {
          for (const f of [
            [register, boxed(format, 0x3f80_0000n)],
            [boxed(format, 0x3f80_0000n), register],
          ]) {
            const [x, y] = f.map((bits) => unbox(format, bits)) as [bigint, bigint];
            expectFloat(ways, runs, what, format, { f, fcsr: NX }, meaning(format, 0, x, y));
          }
        }
      });
    }
  }
}

test('the instructions were translated where they should be', () => expectTranslated(ways));

test.run();
