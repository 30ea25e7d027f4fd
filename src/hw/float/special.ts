/**
 * What the operations of the library share: parameters of either format as doubles' bits, NaNs, results that are exact.
 *
 * Each operation is built once a format. Invariant: an operand that is a NaN gives the canonical NaN, and NV when it is a
 * signaling one (manual, "NaN Generation and Propagation").
 */
import type { FunctionBuilder } from '../wasm/builder.ts';
import { types, type ValueType } from '../wasm/opcodes.ts';
import {
  and,
  call,
  constant,
  eq,
  or,
  promote,
  type Routine,
  routine,
  shl,
  toF32,
  toF64,
  toI32,
  toI64,
  type Value,
  type Variable,
  wideU,
} from './expression.ts';
import { double, type Format, flags, isNan, raise, single } from './format.ts';

const { i32, i64 } = types;

/** Indices of the functions that the library's own functions call. */
export interface Helpers {
  /** (sign, exponent, significand, mode) -> bits, see pack.ts. */
  readonly pack: Readonly<Record<Format['name'], number>>;
  /** (single) -> the same as a double, NaNs signaling or not as they were. */
  readonly extend: number;
  /** (double) -> 0; raises NV for a signaling NaN. */
  readonly signal: number;
  readonly multiplyHigh: number;
}

const QUIET = 1n << 51n;

/** Signaling: a NaN whose topmost fraction bit is clear. */
export const isSignaling = (bits: Value): Value => and(isNan(bits), eq(and(bits, QUIET), 0n));

export function buildSignal(): FunctionBuilder {
  const r = routine([i64], [i32]);
  const [bits] = r.parameters as [Variable];
  r.when(isSignaling(bits), () => raise(r, flags.invalid));
  return r.end(constant(i32, 0));
}

/** The payload of a NaN is moved bit by bit: the host's conversion may make a signaling one quiet. */
export function buildExtend(): FunctionBuilder {
  const r = routine([i32], [i64]);
  const [bits] = r.parameters as [Variable];
  const isSpecial = eq(and(bits, Number(single.infinity)), Number(single.infinity));
  r.when(isSpecial, () => {
    const sign = shl(wideU(and(bits, Number(single.sign))), 32);
    const fraction = shl(wideU(and(bits, 0x7f_ffff)), double.fraction - single.fraction);
    r.give(or(or(sign, fraction), double.infinity));
  });
  return r.end(toI64(promote(toF32(bits))));
}

/** An operand as it came, as a number of its format, and as a double's bits. */
export interface Operand {
  readonly number: Variable;
  readonly bits: Variable;
}

/** An operation under construction: its operands, and the mode as last parameter. */
export interface Operation {
  readonly r: Routine;
  readonly format: Format;
  readonly helpers: Helpers;
  readonly operands: readonly Operand[];
  readonly mode: Variable;
}

/** Begins an operation of so many operands. The doubles' bits of singles are there only after `extendOperands`. */
export function operation(format: Format, count: number, helpers: Helpers): Operation {
  const bits: ValueType[] = Array.from({ length: count }, () => format.bits);
  const r = routine([...bits, i32], [format.bits]);
  const given = r.parameters.slice(0, count);
  const mode = r.parameters[count] as Variable;
  const operands = given.map((parameter) => ({
    number: r.let(format.name === 'double' ? toF64(parameter) : toF32(parameter)),
    bits: format.name === 'double' ? parameter : r.variable(i64),
  }));
  return { r, format, helpers, operands, mode };
}

/** Gives `bits` of each operand its value, where the quick ways out did not need it. */
export function extendOperands({ r, format, helpers, operands }: Operation): void {
  if (format.name === 'double') return;
  operands.forEach(({ bits }, index) => {
    r.set(bits, call(helpers.extend, i64, r.parameters[index] as Variable));
  });
}

/** The result when an operand is a NaN. */
export function giveNan({ r, format, helpers, operands }: Operation): void {
  const anyNan = operands.map(({ bits }) => isNan(bits)).reduce((a, b) => or(a, b));
  r.when(anyNan, () => {
    for (const { bits } of operands) r.perform(helpers.signal, true, bits);
    r.give(constant(format.bits, format.nan));
  });
}

/** The result of an operation that has none: NV and the canonical NaN. */
export function giveInvalid({ r, format }: Operation, condition: Value): void {
  r.when(condition, () => {
    raise(r, flags.invalid);
    r.give(constant(format.bits, format.nan));
  });
}

/** Returns a number that is known to be right, its flags raised. */
export function giveNumber({ r, format }: { r: Routine; format: Format }, number: Value): void {
  r.give(format.name === 'double' ? toI64(number) : toI32(number));
}

/** Rounds and packs. */
export function pack(
  { format, helpers, mode }: Pick<Operation, 'format' | 'helpers' | 'mode'>,
  parts: { sign: Value; exponent: Value; significand: Value },
): Value {
  return call(helpers.pack[format.name], format.bits, parts.sign, parts.exponent, parts.significand, mode);
}
