/**
 * Fused multiply-add in either format: a * b + c, rounded once.
 *
 * In general the product is an integer of 128 bits, to which the addend is aligned. Where the product is exact as a
 * double, a sum of doubles with its exact error does; for singles the sum is then rounded to odd, which a second rounding
 * to less than half the bits cannot spoil (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums").
 */
import type { FunctionBuilder } from '../wasm/builder.ts';
import { types } from '../wasm/opcodes.ts';
import { errorOfSum, giveNearestSum, isProper, zeroOf } from './add.ts';
import {
  add,
  and,
  call,
  clz,
  constant,
  demote,
  eq,
  gt,
  low,
  lt,
  ltU,
  mul,
  ne,
  not,
  or,
  promote,
  type Routine,
  select,
  shl,
  shrU,
  sub,
  toF64,
  toI64,
  type Value,
  type Variable,
  wideU,
  xor,
} from './expression.ts';
import {
  BIAS,
  double,
  type Format,
  flags,
  isInfinite,
  isSafelyNormal,
  isZero,
  modes,
  raise,
  shiftRightJam,
  signed,
  signOf,
  unpack,
} from './format.ts';
import { giveNearestSingle, isNormalProduct, lostOfProduct } from './multiply.ts';
import {
  extendOperands,
  giveInvalid,
  giveNan,
  giveNumber,
  type Helpers,
  type Operand,
  type Operation,
  operation,
  pack,
} from './special.ts';

const { i32, i64 } = types;

function quickDouble(o: Operation, [a, b, c]: readonly [Operand, Operand, Operand]): void {
  const { r } = o;
  const product = r.let(mul(a.number, b.number));
  const isExact = r.variable(i32);
  r.set(isExact, and(eq(product, zeroOf(double)), or(isZero(a.bits), isZero(b.bits))));
  r.when(isNormalProduct(a.bits, b.bits, product), () => {
    r.set(isExact, not(lostOfProduct(r, a.bits, b.bits, product)));
  });
  r.when(isExact, () => giveNearestSum(o, product, c.number));
}

function quickSingle(o: Operation, [a, b, c]: readonly [Operand, Operand, Operand]): void {
  const { r, mode, format } = o;
  const product = r.let(mul(promote(a.number), promote(b.number)));
  const addend = r.let(promote(c.number));
  const sum = r.let(add(product, addend));
  const error = errorOfSum(r, product, addend, sum);
  const zero = zeroOf(double);
  r.when(and(eq(error, zero), or(ne(sum, zero), ne(mode, modes.down))), () => giveNearestSingle(o, sum));
  r.when(and(isProper(double, error), not(mode)), () => {
    // To odd: of the two doubles around the exact sum the one whose last bit is 1.
    const bits = r.let(toI64(sum));
    const isEven = not(and(bits, 1n));
    const isAway = eq(gt(error, zero), gt(sum, zero));
    const step = select(isAway, constant(i64, 1), -1n);
    r.set(bits, add(bits, select(isEven, step, 0n)));
    const nearest = r.let(demote(toF64(bits)));
    r.when(isSafelyNormal(format, nearest), () => {
      raise(r, flags.inexact);
      giveNumber(o, nearest);
    });
  });
}

/** A number of 128 bits. */
interface Wide {
  readonly upper: Variable;
  readonly lower: Variable;
}

/** Shifts right by an i32 of 0 or more; what is lost is jammed. */
function shiftWide(r: Routine, { upper, lower }: Wide, amount: Value): void {
  const by = r.let(amount);
  r.when(
    lt(by, 64),
    () => {
      r.when(by, () => {
        const left = r.let(wideU(sub(64, by)));
        const lost = r.let(shl(lower, left));
        r.set(lower, or(or(shrU(lower, wideU(by)), shl(upper, left)), wideU(ne(lost, 0n))));
        r.set(upper, shrU(upper, wideU(by)));
      });
    },
    () => {
      r.set(lower, or(upper, wideU(ne(lower, 0n))));
      r.set(upper, 0n);
      shiftRightJam(r, lower, sub(by, 64));
    },
  );
}

/** Sum of aligned numbers; the difference's sign is that of what was larger. */
function combine(r: Routine, x: Wide, y: Wide, sign: Variable, isSum: Value): void {
  r.when(
    isSum,
    () => {
      r.set(x.lower, add(x.lower, y.lower));
      r.set(x.upper, add(add(x.upper, y.upper), wideU(ltU(x.lower, y.lower))));
    },
    () => {
      r.set(x.upper, sub(sub(x.upper, y.upper), wideU(ltU(x.lower, y.lower))));
      r.set(x.lower, sub(x.lower, y.lower));
      r.when(lt(x.upper, 0n), () => {
        r.set(sign, xor(sign, 1));
        r.set(x.lower, sub(constant(i64, 0), x.lower));
        r.set(x.upper, sub(sub(constant(i64, 0), x.upper), wideU(ne(x.lower, 0n))));
      });
    },
  );
}

/** Brings the leading bit to LEAD of the upper half, the lower one jammed into it. */
function normalize(r: Routine, { upper, lower }: Wide, exponent: Variable): void {
  r.when(not(upper), () => {
    r.set(upper, lower);
    r.set(lower, 0n);
    r.set(exponent, sub(exponent, 64));
  });
  r.when(
    lt(upper, 0n),
    () => {
      r.set(upper, or(shrU(upper, 1n), and(upper, 1n)));
      r.set(exponent, add(exponent, 1));
    },
    () => {
      const by = r.let(sub(clz(upper), 1n));
      r.set(exponent, sub(exponent, low(by)));
      r.when(ne(by, 0n), () => {
        r.set(upper, or(shl(upper, by), shrU(lower, sub(64n, by))));
        r.set(lower, shl(lower, by));
      });
    },
  );
  r.set(upper, or(upper, wideU(ne(lower, 0n))));
}

export function buildFuse(format: Format, helpers: Helpers): FunctionBuilder {
  const o = operation(format, 3, helpers);
  const { r, mode, operands } = o;
  const [a, b, c] = operands as [Operand, Operand, Operand];
  if (format.name === 'double') quickDouble(o, [a, b, c]);
  else quickSingle(o, [a, b, c]);

  extendOperands(o);
  // An infinite times zero is invalid even when a quiet NaN is added (manual, chapter "F").
  const isProductInfinite = r.let(or(isInfinite(a.bits), isInfinite(b.bits)));
  const isProductZero = r.let(or(isZero(a.bits), isZero(b.bits)));
  const sign = r.let(xor(signOf(a.bits), signOf(b.bits)));
  const isSum = r.let(eq(sign, signOf(c.bits)));
  giveInvalid(o, or(and(isInfinite(a.bits), isZero(b.bits)), and(isZero(a.bits), isInfinite(b.bits))));
  giveNan(o);
  giveInvalid(o, and(and(isProductInfinite, isInfinite(c.bits)), not(isSum)));
  r.giveWhen(isProductInfinite, signed(format, sign, format.infinity));
  r.giveWhen(isInfinite(c.bits), signed(format, signOf(c.bits), format.infinity));
  r.when(isProductZero, () => {
    const zeroSign = select(isSum, sign, eq(mode, modes.down));
    r.giveWhen(isZero(c.bits), signed(format, zeroSign, 0n));
    r.give(r.parameters[2] as Variable);
  });

  const x = unpack(r, a.bits);
  const y = unpack(r, b.bits);
  const z = unpack(r, c.bits);
  // Leading bits at 62 and 63 give 125 or 126; the addend's is put at 126.
  const left = r.let(shl(x.significand, 10));
  const right = r.let(shl(y.significand, 11));
  const product = {
    upper: r.let(call(helpers.multiplyHigh, i64, left, right)),
    lower: r.let(mul(left, right)),
  };
  const exponent = r.let(sub(add(x.exponent, y.exponent), BIAS - 1));
  const addend = { upper: r.let(shl(z.significand, 10)), lower: r.variable(i64) };
  r.when(isZero(c.bits), () => {
    r.set(addend.upper, 0n);
    r.set(z.exponent, exponent);
  });
  const apart = r.let(sub(exponent, z.exponent));
  r.when(
    lt(apart, 0),
    () => {
      shiftWide(r, product, sub(0, apart));
      r.set(exponent, z.exponent);
    },
    () => shiftWide(r, addend, apart),
  );
  combine(r, product, addend, sign, isSum);
  r.giveWhen(not(or(product.upper, product.lower)), signed(format, eq(mode, modes.down), 0n));
  normalize(r, product, exponent);
  return r.end(pack(o, { sign, exponent, significand: product.upper }));
}
