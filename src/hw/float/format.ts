/**
 * The two formats, rounding modes and flags of floating point, and how values are taken apart.
 *
 * The library computes with doubles' bits throughout: a single is exactly a double, so only the last step, rounding and
 * packing, differs. Inside, a finite number other than zero is a sign, a significand of 64 bits whose leading bit is at
 * `LEAD` (or to be brought there) and the exponent field that a double would have: it stands for
 * significand * 2^(exponent - 1023 - 62). Bits that are lost are kept in its lowest bit ("jammed"), which then says
 * "something more". Sources: IEEE 754-2019 3.4 and 7; the manual's chapter "F" for flags and canonical NaNs.
 */
import { at } from '../layout.ts';
import { memoryOp, types, type ValueType } from '../wasm/opcodes.ts';
import {
  and,
  clz,
  eq,
  gtU,
  low,
  lt,
  ltU,
  ne,
  not,
  or,
  type Routine,
  shl,
  shrU,
  sub,
  type Term,
  toI32,
  toI64,
  type Value,
  type Variable,
  wideU,
} from './expression.ts';

/** Bits of fcsr (manual, "Floating-Point Control and Status Register"). */
export const flags = { inexact: 1, underflow: 2, overflow: 4, divideByZero: 8, invalid: 16 } as const;

/** Rounding modes. */
export const modes = { nearest: 0, zero: 1, down: 2, up: 3, away: 4 } as const;

export interface Format {
  readonly name: 'double' | 'single';
  /** Type of its bits, and of its numbers. */
  readonly bits: ValueType;
  readonly number: ValueType;
  /** Width of the fraction field. */
  readonly fraction: number;
  /** The exponent field of infinities and NaNs. */
  readonly special: number;
  /** What a double's exponent field has more than this format's for the same number. */
  readonly rebias: number;
  readonly sign: bigint;
  readonly infinity: bigint;
  readonly nan: bigint;
}

export const double: Format = {
  name: 'double',
  bits: types.i64,
  number: types.f64,
  fraction: 52,
  special: 0x7ff,
  rebias: 0,
  sign: 1n << 63n,
  infinity: 0x7ffn << 52n,
  nan: 0x7ff8n << 48n,
};

export const single: Format = {
  name: 'single',
  bits: types.i32,
  number: types.f32,
  fraction: 23,
  special: 0xff,
  rebias: 896,
  sign: 1n << 31n,
  infinity: 0xffn << 23n,
  nan: 0x7fc0n << 16n,
};

/** Where pack wants the leading bit: bit 63 is room for what rounding carries. */
export const LEAD = 62;
const FRACTION = (1n << 52n) - 1n;
const HIDDEN = 1n << 52n;
/** The exponent field of 1. */
export const BIAS = 1023;

/** Sets flags in fcsr. */
export function raise(r: Routine, bits: Term): void {
  r.setBits(at.fcsr, memoryOp.i32Load, memoryOp.i32Store, bits);
}

/** Fields of a double's bits: sign 0 or 1, exponent 0 to 2047. */
export const signOf = (bits: Value): Value => low(shrU(bits, 63));
export const exponentOf = (bits: Value): Value => and(low(shrU(bits, 52)), 0x7ff);
export const fractionOf = (bits: Value): Value => and(bits, FRACTION);
/** The significand of a normal number, leading bit at 52. */
export const significandOf = (bits: Value): Value => or(fractionOf(bits), HIDDEN);

export const isNan = (bits: Value): Value => gtU(shl(bits, 1), double.infinity << 1n);
export const isInfinite = (bits: Value): Value => eq(shl(bits, 1), double.infinity << 1n);
export const isZero = (bits: Value): Value => not(shl(bits, 1));

/** The exponent field of a number in its own format is 2 or more and not all ones: see instructions/floating.ts. */
export function isSafelyNormal(format: Format, value: Value): Value {
  const bits = format.name === 'double' ? toI64(value) : toI32(value);
  const one = BigInt(format.fraction + 1);
  return ltU(sub(shl(bits, 1), 2n << one), BigInt(format.special - 2) << one);
}

/** Exponent and significand, leading bit at 52, of a double that is finite and not zero; subnormal ones are shifted up. */
export function unpack(r: Routine, bits: Value): { exponent: Variable; significand: Variable } {
  const exponent = r.let(exponentOf(bits));
  const significand = r.let(significandOf(bits));
  r.when(not(exponent), () => {
    r.set(significand, fractionOf(bits));
    r.set(exponent, sub(12, low(clz(significand))));
    r.set(significand, shl(significand, sub(clz(significand), 11)));
  });
  return { exponent, significand };
}

/** The value shifted right by an i32 of 0 or more; what is lost is jammed. */
export function shiftRightJam(r: Routine, value: Variable, amount: Value): void {
  r.when(
    lt(amount, 64),
    () => {
      const by = r.let(wideU(amount));
      const kept = r.let(shrU(value, by));
      r.set(value, or(kept, wideU(ne(shl(kept, by), value))));
    },
    () => r.set(value, wideU(ne(value, 0))),
  );
}

/** The bits, in the format, of zero and infinity with a sign of 0 or 1. */
export function signed(format: Format, sign: Value, magnitude: bigint): Value {
  return format.name === 'double' ? or(shl(wideU(sign), 63), magnitude) : or(shl(sign, 31), magnitude);
}
