/**
 * Addition, in either format (subtraction is addition of the negated operand).
 *
 * Most sums need no integers: the host's sum is the nearest one, and Knuth's TwoSum gives what it lacks, exactly (IEEE
 * 754-2019 9.5). Overflow inside it makes that a NaN or infinite, and then it decides nothing.
 */
import type { FunctionBuilder } from '../wasm/builder.ts';
import { types } from '../wasm/opcodes.ts';
import {
  abs,
  add,
  and,
  constant,
  eq,
  gt,
  lt,
  ltU,
  ne,
  not,
  or,
  type Routine,
  select,
  shl,
  sub,
  toF32,
  toF64,
  type Value,
  type Variable,
} from './expression.ts';
import {
  exponentOf,
  type Format,
  flags,
  fractionOf,
  isInfinite,
  modes,
  raise,
  shiftRightJam,
  signed,
  signOf,
} from './format.ts';
import {
  extendOperands,
  giveInvalid,
  giveNan,
  giveNumber,
  type Helpers,
  type Operation,
  operation,
  pack,
} from './special.ts';

/** s - the exact sum of x and y, where s is the nearest number to it; negated. */
export function errorOfSum(r: Routine, x: Value, y: Value, s: Value): Variable {
  const part = r.let(sub(s, x));
  return r.let(add(sub(x, sub(s, part)), sub(y, part)));
}

const infinityOf = (format: Format): Value =>
  format.name === 'double'
    ? toF64(constant(types.i64, format.infinity))
    : toF32(constant(types.i32, format.infinity));

export const zeroOf = (format: Format): Value =>
  format.name === 'double' ? toF64(constant(types.i64, 0)) : toF32(constant(types.i32, 0));

/** Is neither zero nor infinite nor a NaN. */
export const isProper = (format: Format, number: Value): Value =>
  and(gt(abs(number), zeroOf(format)), lt(abs(number), infinityOf(format)));

/** Returns the sum of two numbers of the format if it is exact, or to nearest. */
export function giveNearestSum(o: Operation, x: Value, y: Value): void {
  const { r, mode, format } = o;
  const sum = r.let(add(x, y));
  const error = errorOfSum(r, x, y, sum);
  // Exact in every mode; but a sum of zero has another sign when rounding down.
  const zero = zeroOf(format);
  r.when(and(eq(error, zero), or(ne(sum, zero), ne(mode, modes.down))), () => giveNumber(o, sum));
  r.when(and(isProper(format, error), not(mode)), () => {
    raise(r, flags.inexact);
    giveNumber(o, sum);
  });
}

export function buildAdd(format: Format, helpers: Helpers): FunctionBuilder {
  const o = operation(format, 2, helpers);
  const { r, mode, operands } = o;
  const [a, b] = operands as [(typeof operands)[number], (typeof operands)[number]];
  giveNearestSum(o, a.number, b.number);

  extendOperands(o);
  giveNan(o);
  const differ = ne(signOf(a.bits), signOf(b.bits));
  giveInvalid(o, and(and(isInfinite(a.bits), isInfinite(b.bits)), differ));
  const infinite = (bits: Value): void =>
    r.giveWhen(isInfinite(bits), signed(format, signOf(bits), format.infinity));
  infinite(a.bits);
  infinite(b.bits);

  // The larger first; then the significands, leading bit of normal ones at 61, are added as integers.
  const [x, y] = [r.let(a.bits), r.let(b.bits)];
  r.when(ltU(shl(x, 1), shl(y, 1)), () => {
    r.set(x, b.bits);
    r.set(y, a.bits);
  });
  const raised = (bits: Value): Value => {
    const isNormal = ne(exponentOf(bits), 0);
    return shl(or(fractionOf(bits), select(isNormal, constant(types.i64, 1n << 52n), 0n)), 9);
  };
  const exponent = (bits: Value): Value => select(not(exponentOf(bits)), 1, exponentOf(bits));
  const larger = r.let(raised(x));
  const smaller = r.let(raised(y));
  shiftRightJam(r, smaller, sub(exponent(x), exponent(y)));
  const total = r.let(select(eq(signOf(x), signOf(y)), add(larger, smaller), sub(larger, smaller)));
  // Zeros of one sign keep it; else a sum of zero is negative only when rounding down.
  const zeroSign = select(eq(signOf(x), signOf(y)), signOf(x), eq(mode, modes.down));
  r.giveWhen(not(total), signed(format, zeroSign, 0n));
  return r.end(pack(o, { sign: signOf(x), exponent: add(exponent(x), 1), significand: total }));
}
