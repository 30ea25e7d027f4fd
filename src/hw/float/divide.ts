/**
 * Division and square root, in either format.
 *
 * The host's quotient or root is the nearest one. What it lacks is small enough that the lower 64 bits of an integer
 * product tell its sign: the exact result is the host's, a bit less, or a bit more, which is all that rounding needs.
 */
import type { FunctionBuilder } from '../wasm/builder.ts';
import { types } from '../wasm/opcodes.ts';
import {
  add,
  and,
  constant,
  div,
  eq,
  gt,
  lt,
  mul,
  ne,
  not,
  or,
  promote,
  type Routine,
  shl,
  shrS,
  sqrt,
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
/** Adds `shift` to an exponent so that products of significands can be compared as integers: 1023 + 52. */
const INTEGER = BIAS + 52;

/** What a quotient or root lacks, as an integer whose sign is right: dividend less divisor times quotient. */
function lacking(r: Routine, dividend: Value, divisor: Value, quotient: Value): Variable {
  const shift = sub(add(exponentOf(dividend), INTEGER), add(exponentOf(divisor), exponentOf(quotient)));
  const left = shl(significandOf(dividend), wideU(shift));
  return r.let(sub(left, mul(significandOf(divisor), significandOf(quotient))));
}

/** Returns the host's result when it lacks nothing, or rounding to nearest is wanted. */
function giveUnlessLacking(o: Operation, lack: Variable, result: Value): void {
  const { r, mode } = o;
  r.when(or(not(mode), not(lack)), () => {
    r.when(ne(lack, 0n), () => raise(r, flags.inexact));
    giveNumber(o, result);
  });
}

/** The host's significand with leading bit at 62, and what it lacks jammed below it. */
function corrected(quotient: Value, lack: Value): Value {
  const shifted = shl(significandOf(quotient), 10);
  return sub(add(shifted, wideU(gt(lack, 0n))), wideU(lt(lack, 0n)));
}

/** For singles: exact when the product of two singles, which is exact as a double, gives the operand back. */
function giveSingle(o: Operation, result: Variable, factor: Value, operand: Value): void {
  const { r, mode, format } = o;
  r.when(eq(mul(promote(result), promote(factor)), promote(operand)), () => giveNumber(o, result));
  r.when(and(isSafelyNormal(format, result), not(mode)), () => {
    raise(r, flags.inexact);
    giveNumber(o, result);
  });
}

export function buildDivide(format: Format, helpers: Helpers): FunctionBuilder {
  const o = operation(format, 2, helpers);
  const { r, operands } = o;
  const [a, b] = operands as [Operand, Operand];
  const quotient = r.let(div(a.number, b.number));
  if (format.name === 'double') {
    const areNormal = and(ne(exponentOf(a.bits), 0), ne(exponentOf(b.bits), 0));
    r.when(and(isSafelyNormal(format, quotient), areNormal), () => {
      giveUnlessLacking(o, lacking(r, a.bits, b.bits, toI64(quotient)), quotient);
    });
    r.when(and(eq(quotient, zero), isZero(a.bits)), () => giveNumber(o, quotient));
  } else {
    giveSingle(o, quotient, b.number, a.number);
  }

  extendOperands(o);
  giveNan(o);
  const sign = r.let(xor(signOf(a.bits), signOf(b.bits)));
  const areInfinite = and(isInfinite(a.bits), isInfinite(b.bits));
  const areZero = and(isZero(a.bits), isZero(b.bits));
  giveInvalid(o, or(areInfinite, areZero));
  r.giveWhen(isInfinite(a.bits), signed(format, sign, format.infinity));
  r.giveWhen(or(isInfinite(b.bits), isZero(a.bits)), signed(format, sign, 0n));
  r.when(isZero(b.bits), () => {
    raise(r, flags.divideByZero);
    r.give(signed(format, sign, format.infinity));
  });
  const x = unpack(r, a.bits);
  const y = unpack(r, b.bits);
  // Both brought to 1 up to 2: their quotient is between a half and 2, so the host's has no troubles of its own.
  const dividend = r.let(inBinade(x.significand, BIAS));
  const divisor = r.let(inBinade(y.significand, BIAS));
  const ratio = r.let(toI64(div(toF64(dividend), toF64(divisor))));
  const lack = lacking(r, dividend, divisor, ratio);
  return r.end(
    pack(o, {
      sign,
      exponent: add(sub(x.exponent, y.exponent), exponentOf(ratio)),
      significand: corrected(ratio, lack),
    }),
  );
}

/** Bits of a double with this significand and exponent field. */
function inBinade(significand: Value, exponent: number | Value): Value {
  const field = typeof exponent === 'number' ? constant(i64, exponent) : wideU(exponent);
  return or(and(significand, (1n << 52n) - 1n), shl(field, 52));
}

export function buildRoot(format: Format, helpers: Helpers): FunctionBuilder {
  const o = operation(format, 1, helpers);
  const { r, operands } = o;
  const [a] = operands as [Operand];
  const root = r.let(sqrt(a.number));
  if (format.name === 'double') {
    r.when(and(isSafelyNormal(format, root), ne(exponentOf(a.bits), 0)), () => {
      giveUnlessLacking(o, lacking(r, a.bits, toI64(root), toI64(root)), root);
    });
    r.when(isZero(a.bits), () => giveNumber(o, root));
  } else {
    giveSingle(o, root, root, a.number);
  }

  extendOperands(o);
  giveNan(o);
  r.giveWhen(isZero(a.bits), signed(format, signOf(a.bits), 0n));
  giveInvalid(o, signOf(a.bits));
  r.giveWhen(isInfinite(a.bits), signed(format, constant(types.i32, 0), format.infinity));
  const x = unpack(r, a.bits);
  // Brought to 1 up to 4, so that the exponent that is left is even.
  const power = r.let(sub(x.exponent, BIAS));
  const radicand = r.let(inBinade(x.significand, add(and(power, 1), BIAS)));
  const ratio = r.let(toI64(sqrt(toF64(radicand))));
  const lack = lacking(r, radicand, ratio, ratio);
  return r.end(
    pack(o, {
      sign: constant(types.i32, 0),
      exponent: add(shrS(power, 1), BIAS),
      significand: corrected(ratio, lack),
    }),
  );
}
