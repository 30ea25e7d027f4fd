/** M.09: the four fused multiply-adds round once, in every mode, with and without the host's own operation. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { hasFusedMultiplyAdd } from '../../src/hw/float/fused.ts';
import { FunctionBuilder, ModuleBuilder } from '../../src/hw/wasm/builder.ts';
import { types, vector } from '../../src/hw/wasm/opcodes.ts';
import { generator } from './bench.ts';
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
  canonicalNan,
  double,
  type Format,
  fromInteger,
  fused,
  multiply,
  NX,
  type Outcome,
  RNE,
  roundingModes,
  single,
} from './float/model.ts';

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

  test(`fmadd.${format.name} sees the last bits of a product that ends in the middle of two numbers but for them`, () => {
    // (2^(p-1) + a)(2^p - (2a - 1)) = 2^(2p-1) + k with a small k, when 2a^2 is just below 2^(p-1) + a.
    const p = BigInt(format.precision);
    const least = format === double ? 47_453_132n : 2048n;
    const number = (value: bigint): bigint => fromInteger(format, RNE, value).bits;
    const dynamic = prepare('fmadd', DYNAMIC);
    const cases: Triple[] = [];
    for (const a of [least, least - 1n, least - 2n]) {
      const k = (1n << (p - 1n)) + a - 2n * a * a;
      assert.ok(k >= 0n);
      const [x, y] = [number((1n << (p - 1n)) + a), number((1n << p) - (2n * a - 1n))];
      // The addend's last place is twice the product's leading bit, or a few places further up or down.
      for (let places = -2n; places <= 2n; places++) {
        for (const odd of [0n, 1n]) {
          const z = number(((1n << (p - 1n)) | odd) << (2n * p + places));
          for (const signs of [0n, 1n, 2n, 3n])
            cases.push([x ^ ((signs & 1n) * sign), y, z ^ ((signs >> 1n) * sign)]);
        }
      }
    }
    // A carry out of the sum, with the half's bit in the addend and one bit far below it in the product.
    const [x, y] = [number(0x18_0000_0020_0000n), number(0x18_0000_0040_0000n)];
    if (format === double) {
      for (const odd of [1n, 3n, 5n]) cases.push([x, y, number(((1n << 52n) | odd) << 53n)]);
    }
    for (const mode of roundingModes) check('fmadd', dynamic, [mode, mode], cases);
  });

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

/** The host's multiply-add by itself: bits in, bits out. */
function hostMultiplyAdd(format: Format): (...bits: bigint[]) => bigint {
  const isDouble = format === double;
  const number = isDouble ? types.f64 : types.f32;
  const f = new FunctionBuilder([number, number, number], [number]);
  for (const operand of [0, 1, 2]) {
    f.get(operand);
    f.vector(isDouble ? vector.f64Splat : vector.f32Splat);
  }
  f.vector(isDouble ? vector.f64RelaxedMadd : vector.f32RelaxedMadd);
  f.lane0(isDouble ? 'f64' : 'f32');
  const module = new ModuleBuilder();
  module.add(f, 'f');
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.finish()), {
    machine: { memory },
  });
  const call = exports.f as (...operands: number[]) => number;
  return (...bits) => {
    const operands = bits.map((value) =>
      isDouble
        ? (new Float64Array(BigUint64Array.of(value).buffer)[0] as number)
        : (new Float32Array(Uint32Array.of(Number(value)).buffer)[0] as number),
    );
    const result = call(...operands);
    return isDouble
      ? (new BigUint64Array(Float64Array.of(result).buffer)[0] as bigint)
      : BigInt(new Uint32Array(Float32Array.of(result).buffer)[0] as number);
  };
}

test('the host is said to round once exactly when its multiply-add does, in both formats', () => {
  const everRoundsTwice = [single, double].some((format) => {
    const host = hostMultiplyAdd(format);
    const next = randomNumbers(format, 43);
    return Array.from({ length: 2000 }, () => [next(), next(), next()] as const).some((triple) => {
      const { bits } = fused(format, RNE, ...triple);
      // Which NaN it is, is the host's choice; the machine never uses it.
      return bits !== canonicalNan(format) && host(...triple) !== bits;
    });
  });
  assert.is(hasFusedMultiplyAdd(), !everRoundsTwice);
});

test('the instructions were translated where they should be', () => expectTranslated(ways));

test.run();
