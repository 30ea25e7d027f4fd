/** M.09: conversions between integers and both formats: values, saturation and flags, in every rounding mode. */
import { test } from 'uvu';
import { edgeValues, generator } from './bench.ts';
import {
  boxed,
  createWays,
  DYNAMIC,
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
  convert,
  double,
  type Format,
  fromInteger,
  NX,
  roundingModes,
  single,
  toInteger,
} from './float/model.ts';

const ways = createWays();
const RANDOM_CASES = 1500;

/** rs2, the range, and how an operand in a register is read. */
const integers = {
  w: [0, -(2n ** 31n), 2n ** 31n - 1n, (x: bigint) => BigInt.asIntN(32, x)],
  wu: [1, 0n, 2n ** 32n - 1n, (x: bigint) => BigInt.asUintN(32, x)],
  l: [2, -(2n ** 63n), 2n ** 63n - 1n, (x: bigint) => BigInt.asIntN(64, x)],
  lu: [3, 0n, 2n ** 64n - 1n, (x: bigint) => x],
} as const;

/** The bits of numbers around a power of two, a half apart and one unit in the last place apart; both signs. */
function around(format: Format, power: number): bigint[] {
  const exact = fromInteger(format, 0, 1n << BigInt(power)).bits;
  const values = [-3n, -2n, -1n, 0n, 1n, 2n, 3n].map((step) => exact + step);
  for (const step of [-3n, -1n, 1n, 3n]) {
    // 2^power plus so many halves, when the format has it: the next smaller exponent of a number twice as large.
    const doubled = fromInteger(format, 0, (2n << BigInt(power)) + step).bits;
    values.push(doubled - (1n << BigInt(format.precision - 1)));
  }
  const sign = 1n << BigInt(format.width - 1);
  return values.flatMap((bits) => [bits, bits | sign]);
}

for (const format of [single, double]) {
  const numbers = [
    ...edgeNumbers[format.name],
    ...[0, 1, 2, 31, 32, 52, 53, 62, 63, 64].flatMap((power) => around(format, power)),
  ];
  for (const [suffix, [rs2, least, most, read]] of Object.entries(integers)) {
    test(`fcvt.${suffix}.${format.name} rounds, saturates and flags as the manual says`, () => {
      const next = randomNumbers(format, 23);
      for (const rm of [...roundingModes, DYNAMIC]) {
        const runs = ways.map((way) => way.prepare(encodeFloat.operation(0x18, format, rm, rs2)));
        const random = Array.from({ length: RANDOM_CASES / 6 }, next);
        [...numbers, ...random].forEach((bits, index) => {
          const mode = rm === DYNAMIC ? index % 5 : rm;
          const frm = rm === DYNAMIC ? mode : index % 8;
          const outcome = toInteger(format, mode, bits, least, most);
          for (const flags of [0, NX]) {
            const operands = { f: [boxed(format, bits)], fcsr: (frm << 5) | flags };
            expectInteger(ways, runs, `fcvt.${suffix}.${format.name} mode ${mode}`, operands, outcome);
          }
        });
        if (format !== single) continue;
        for (const register of unboxed) {
          const outcome = toInteger(format, 0, unbox(format, register), least, most);
          expectInteger(ways, runs, 'unboxed', { f: [register], fcsr: 0 }, outcome);
        }
      }
    });

    test(`fcvt.${format.name}.${suffix} rounds and flags as the manual says`, () => {
      const random = generator(29);
      const values = [...edgeValues];
      for (let power = 20; power < 64; power++) {
        for (const step of [-3n, -1n, 0n, 1n, 3n])
          values.push(BigInt.asUintN(64, (1n << BigInt(power)) + step));
        // A tie of either format: one bit just below the last that fits.
        for (const digits of [24, 53]) {
          if (power >= digits) values.push((1n << BigInt(power)) | (1n << BigInt(power - digits)));
        }
      }
      for (let i = 0; i < RANDOM_CASES / 6; i++) {
        values.push((BigInt(random(2 ** 32)) << 32n) | BigInt(random(2 ** 32)));
      }
      const registers = values.flatMap((value) => [value, BigInt.asUintN(64, -value)]);
      for (const rm of [...roundingModes, DYNAMIC]) {
        const runs = ways.map((way) => way.prepare(encodeFloat.operation(0x1a, format, rm, rs2)));
        registers.forEach((x, index) => {
          const mode = rm === DYNAMIC ? index % 5 : rm;
          const frm = rm === DYNAMIC ? mode : index % 8;
          const outcome = fromInteger(format, mode, read(x));
          for (const flags of [0, NX]) {
            const operands = { x, fcsr: (frm << 5) | flags };
            expectFloat(ways, runs, `fcvt.${format.name}.${suffix} mode ${mode}`, format, operands, outcome);
          }
        });
      }
    });
  }
}

for (const [to, from, rs2] of [
  [single, double, 1],
  [double, single, 0],
] as const) {
  test(`fcvt.${to.name}.${from.name} rounds once and flags as the manual says`, () => {
    const next = randomNumbers(from, 31);
    const halfway = edgeNumbers.s.flatMap((bits) => {
      // Where singles end, doubles go on: what lies just above, just below and in the middle of two singles.
      const wide = convert(double, single, 0, bits).bits;
      return [-1n, 0n, 1n].flatMap((step) => [
        wide + step,
        wide + (1n << 28n) + step,
        wide - (1n << 28n) + step,
      ]);
    });
    const numbers = [
      ...edgeNumbers[from.name],
      ...(from === double ? halfway.map((bits) => BigInt.asUintN(64, bits)) : []),
      ...Array.from({ length: RANDOM_CASES }, next),
    ];
    for (const rm of [...roundingModes, DYNAMIC]) {
      const runs = ways.map((way) => way.prepare(encodeFloat.operation(0x08, to, rm, rs2)));
      numbers.forEach((bits, index) => {
        const mode = rm === DYNAMIC ? index % 5 : rm;
        const frm = rm === DYNAMIC ? mode : index % 8;
        const outcome = convert(to, from, mode, bits);
        for (const flags of [0, NX]) {
          const operands = { f: [boxed(from, bits)], fcsr: (frm << 5) | flags };
          expectFloat(ways, runs, `fcvt.${to.name}.${from.name} mode ${mode}`, to, operands, outcome);
        }
      });
      if (from !== single) continue;
      for (const register of unboxed) {
        const outcome = convert(to, from, 0, unbox(from, register));
        expectFloat(ways, runs, 'unboxed', to, { f: [register], fcsr: 0 }, outcome);
      }
    }
  });
}

test('the instructions were translated where they should be', () => expectTranslated(ways));

test.run();
