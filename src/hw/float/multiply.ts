/**
 * Multiplication, in either format.
 *
 * The product of two singles is exact as a double. That of two doubles is exact when the lower half of the integer product
 * of their significands has nothing to round away: the host's product tells where the leading bit is.
 */
import type { FunctionBuilder } from '../wasm/builder.ts';
import { types } from '../wasm/opcodes.ts';
import {
  add,
  and,
  call,
  constant,
  demote,
  eq,
  mul,
  ne,
  not,
  or,
  promote,
  type Routine,
  shl,
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
  exponentOf,
  type Format,
  flags,
  isInfinite,
  isSafelyNormal,
  isZero,
  raise,
  signed,
  significandOf,
  signOf,
  unpack,
} from './format.ts';
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

const { i64 } = types;
const zero = toF64(constant(i64, 0));

/** Pushes whether the operands are normal or infinite and their product is well inside the normal numbers. */
export function isNormalProduct(a: Value, b: Value, product: Value): Value {
  const areNormal = and(ne(exponentOf(a), 0), ne(exponentOf(b), 0));
  return and(isSafelyNormal(double, product), areNormal);
}

/** Not 0 when such a product of doubles is not exact. */
export function lostOfProduct(r: Routine, a: Value, b: Value, product: Value): Variable {
  // The integer product has its leading bit at 104, or at 105 when the exponent says so. A product that was rounded up to
  // the next power of two says so too; then bits below 52 are lost anyway.
  const carry = sub(add(exponentOf(toI64(product)), BIAS), add(exponentOf(a), exponentOf(b)));
  const mask = sub(shl(constant(i64, 1n << 52n), wideU(carry)), 1n);
  return r.let(and(mul(significandOf(a), significandOf(b)), mask));
}

function quickDouble(o: Operation, a: Operand, b: Operand): void {
  const { r, mode } = o;
  const product = r.let(mul(a.number, b.number));
  r.when(isNormalProduct(a.bits, b.bits, product), () => {
    const lost = lostOfProduct(r, a.bits, b.bits, product);
    r.when(or(not(mode), not(lost)), () => {
      r.when(ne(lost, 0n), () => raise(r, flags.inexact));
      giveNumber(o, product);
    });
  });
  const isExactZero = and(eq(product, zero), or(isZero(a.bits), isZero(b.bits)));
  r.when(isExactZero, () => giveNumber(o, product));
}

/** Returns the single nearest to a double that is exactly the result, if that is safe. */
export function giveNearestSingle(o: Operation, exact: Value): void {
  const { r, mode, format } = o;
  const nearest = r.let(demote(exact));
  r.when(eq(promote(nearest), exact), () => giveNumber(o, nearest));
  r.when(and(isSafelyNormal(format, nearest), not(mode)), () => {
    raise(r, flags.inexact);
    giveNumber(o, nearest);
  });
}

/** Infinities and zeros as factors: invalid, infinite, zero. */
export function giveSpecialProduct(o: Operation, a: Operand, b: Operand, sign: Value): void {
  const { r, format } = o;
  const isAnyInfinite = or(isInfinite(a.bits), isInfinite(b.bits));
  const isAnyZero = or(isZero(a.bits), isZero(b.bits));
  giveInvalid(o, and(isAnyInfinite, isAnyZero));
  r.giveWhen(isAnyInfinite, signed(format, sign, format.infinity));
  r.giveWhen(isAnyZero, signed(format, sign, 0n));
}

export function buildMultiply(format: Format, helpers: Helpers): FunctionBuilder {
  const o = operation(format, 2, helpers);
  const { r, operands } = o;
  const [a, b] = operands as [Operand, Operand];
  if (format.name === 'double') quickDouble(o, a, b);
  else giveNearestSingle(o, r.let(mul(promote(a.number), promote(b.number))));

  extendOperands(o);
  giveNan(o);
  const sign = r.let(xor(signOf(a.bits), signOf(b.bits)));
  giveSpecialProduct(o, a, b, sign);
  const x = unpack(r, a.bits);
  const y = unpack(r, b.bits);
  // Leading bits at 62 and 63: the upper half of the product has its own at 61 or 62.
  const left = r.let(shl(x.significand, 10));
  const right = r.let(shl(y.significand, 11));
  const upper = call(helpers.multiplyHigh, i64, left, right);
  const isMore = wideU(ne(mul(left, right), 0n));
  return r.end(
    pack(o, {
      sign,
      exponent: sub(add(x.exponent, y.exponent), BIAS - 1),
      significand: or(upper, isMore),
    }),
  );
}
