/** M.09: any instruction of floating point, any operands, any fcsr: what the model says, in every way of executing. */
import * as fc from 'fast-check';
import { test } from 'uvu';
import {
  boxed,
  createWays,
  DYNAMIC,
  encodeFloat,
  expectFloat,
  expectInteger,
  expectTranslated,
  unbox,
} from './float/bench.ts';
import {
  add,
  compare,
  convert,
  divide,
  double,
  extreme,
  type Format,
  fromInteger,
  fused,
  multiply,
  type Outcome,
  single,
  squareRoot,
  subtract,
  toInteger,
} from './float/model.ts';

const ways = createWays();
const RUNS = 3000;

/** Any bits; and often two operands of one register, or registers that hold singles. */
const anyBits = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc
    .double({ noDefaultInfinity: false })
    .map((x) => new BigUint64Array(Float64Array.of(x).buffer)[0] as bigint),
  fc.float().map((x) => boxed(single, BigInt(new Uint32Array(Float32Array.of(x).buffer)[0] as number))),
  fc.integer().map((x) => new BigUint64Array(Float64Array.of(x).buffer)[0] as bigint),
);

type Meaning = (f: Format, mode: number, operands: readonly [bigint, bigint, bigint]) => Outcome;
interface Kind {
  readonly encode: (f: Format, rm: number) => number;
  readonly meaning: Meaning;
  /** The result is an integer. */
  readonly isInteger?: boolean;
}

const operation = (funct5: number, rs2?: number) => (f: Format, rm: number) =>
  encodeFloat.operation(funct5, f, rm, rs2);
const kinds: Readonly<Record<string, Kind>> = {
  fadd: { encode: operation(0x00), meaning: (f, mode, [x, y]) => add(f, mode, x, y) },
  fsub: { encode: operation(0x01), meaning: (f, mode, [x, y]) => subtract(f, mode, x, y) },
  fmul: { encode: operation(0x02), meaning: (f, mode, [x, y]) => multiply(f, mode, x, y) },
  fdiv: { encode: operation(0x03), meaning: (f, mode, [x, y]) => divide(f, mode, x, y) },
  fsqrt: { encode: operation(0x0b, 0), meaning: (f, mode, [x]) => squareRoot(f, mode, x) },
  fmadd: {
    encode: (f, rm) => encodeFloat.fused(0x43, f, rm),
    meaning: (f, mode, [x, y, z]) => fused(f, mode, x, y, z),
  },
  fmin: {
    encode: (f) => encodeFloat.operation(0x05, f, 0),
    meaning: (f, _, [x, y]) => extreme(f, false, x, y),
  },
  fmax: {
    encode: (f) => encodeFloat.operation(0x05, f, 1),
    meaning: (f, _, [x, y]) => extreme(f, true, x, y),
  },
  feq: {
    encode: (f) => encodeFloat.operation(0x14, f, 2),
    meaning: (f, _, [x, y]) => compare(f, 'feq', x, y),
    isInteger: true,
  },
  flt: {
    encode: (f) => encodeFloat.operation(0x14, f, 1),
    meaning: (f, _, [x, y]) => compare(f, 'flt', x, y),
    isInteger: true,
  },
  'fcvt.l': {
    encode: operation(0x18, 2),
    meaning: (f, mode, [x]) => toInteger(f, mode, x, -(2n ** 63n), 2n ** 63n - 1n),
    isInteger: true,
  },
  'fcvt.wu': {
    encode: operation(0x18, 1),
    meaning: (f, mode, [x]) => toInteger(f, mode, x, 0n, 2n ** 32n - 1n),
    isInteger: true,
  },
};

for (const format of [single, double]) {
  for (const [name, { encode, meaning, isInteger }] of Object.entries(kinds)) {
    const runs = [0, 1, 2, 3, 4, DYNAMIC].map((rm) => ways.map((way) => way.prepare(encode(format, rm))));
    test(`${name}.${format.name} of any registers is what exact arithmetic says`, () => {
      fc.assert(
        fc.property(
          fc.tuple(anyBits, anyBits, anyBits),
          fc.nat(5),
          fc.nat(4),
          fc.nat(31),
          (registers, rm, frm, flags) => {
            const mode = rm === 5 ? frm : rm;
            const operands = registers.map((bits) => unbox(format, bits)) as [bigint, bigint, bigint];
            const outcome = meaning(format, mode, operands);
            const given = { f: registers, fcsr: (frm << 5) | flags };
            const prepared = runs[rm] as (typeof runs)[0];
            if (isInteger === true) expectInteger(ways, prepared, name, given, outcome);
            else expectFloat(ways, prepared, `${name}.${format.name}`, format, given, outcome);
          },
        ),
        { numRuns: RUNS / 10 },
      );
    });
  }
}

test('conversions from integers and between the formats are what exact arithmetic says', () => {
  const cases = [
    [single, 0x1a, 2, (mode: number, x: bigint) => fromInteger(single, mode, BigInt.asIntN(64, x))],
    [double, 0x1a, 3, (mode: number, x: bigint) => fromInteger(double, mode, x)],
    [single, 0x08, 1, (mode: number, x: bigint) => convert(single, double, mode, x)],
    [double, 0x08, 0, (mode: number, x: bigint) => convert(double, single, mode, unbox(single, x))],
  ] as const;
  for (const [format, funct5, rs2, meaning] of cases) {
    const prepared = ways.map((way) => way.prepare(encodeFloat.operation(funct5, format, DYNAMIC, rs2)));
    fc.assert(
      fc.property(anyBits, fc.nat(4), fc.nat(31), (bits, frm, flags) => {
        const operands = { f: [bits], x: bits, fcsr: (frm << 5) | flags };
        expectFloat(ways, prepared, `fcvt to ${format.name}`, format, operands, meaning(frm, bits));
      }),
      { numRuns: RUNS / 5 },
    );
  }
});

test('the instructions were translated where they should be', () => expectTranslated(ways));

test.run();
