/**
 * Conversions: between the formats, to integers, from integers.
 *
 * To an integer that cannot hold the rounded value gives the nearest it can, and a NaN the largest, with NV and without NX
 * (manual, "Domains of float-to-integer conversions"). Words are sign-extended in the register, unsigned ones too.
 */
import type { FunctionBuilder } from '../wasm/builder.ts';
import { types } from '../wasm/opcodes.ts';
import {
  add,
  and,
  clz,
  constant,
  ctz,
  eq,
  gt,
  gtU,
  low,
  lowSigned,
  lt,
  ne,
  not,
  numberOfSigned,
  numberOfUnsigned,
  or,
  promote,
  routine,
  select,
  shl,
  shrU,
  sub,
  toF32,
  toF64,
  toI64,
  type Value,
  type Variable,
  wideU,
} from './expression.ts';
import {
  BIAS,
  double,
  exponentOf,
  type Format,
  flags,
  fractionOf,
  isNan,
  LEAD,
  modes,
  raise,
  shiftRightJam,
  significandOf,
  signOf,
  single,
  unpack,
} from './format.ts';
import { giveNearestSingle } from './multiply.ts';
import { giveNumber, type Helpers, pack } from './special.ts';

const { i32, i64 } = types;

/** (single) -> double: exact, but for NaNs. */
export function buildWiden(): FunctionBuilder {
  const r = routine([i32], [i64]);
  const [bits] = r.parameters as [Variable];
  const wide = r.let(promote(toF32(bits)));
  r.when(ne(wide, wide), () => {
    const quiet = 1 << (single.fraction - 1);
    r.when(not(and(bits, quiet)), () => raise(r, flags.invalid));
    r.give(constant(i64, double.nan));
  });
  return r.end(toI64(wide));
}

/** (double, mode) -> single. */
export function buildNarrow(helpers: Helpers): FunctionBuilder {
  const r = routine([i64, i32], [i32]);
  const [bits, mode] = r.parameters as [Variable, Variable];
  const o = { r, mode, format: single, helpers, operands: [] };
  const number = r.let(toF64(bits));
  r.when(ne(number, number), () => {
    r.perform(helpers.signal, true, bits);
    r.give(constant(i32, single.nan));
  });
  giveNearestSingle(o, number);
  const { exponent, significand } = unpack(r, bits);
  return r.end(pack(o, { sign: signOf(bits), exponent, significand: shl(significand, 10) }));
}

/** (double, mode) -> integer of so many bits, as it stands in a register. */
export function buildToInteger(width: 32 | 64, isSigned: boolean): FunctionBuilder {
  const r = routine([i64, i32], [i64]);
  const [bits, mode] = r.parameters as [Variable, Variable];
  const top = isSigned ? (1n << BigInt(width - 1)) - 1n : (1n << BigInt(width)) - 1n;
  const bottom = isSigned ? 1n << BigInt(width - 1) : 0n;
  const asWritten = (value: Value): Value => (width === 32 ? lowSigned(value) : value);
  const giveOutside = (largest: Value): void => {
    raise(r, flags.invalid);
    const least = asWritten(constant(i64, -bottom));
    r.give(select(largest, asWritten(constant(i64, top)), least));
  };
  r.when(isNan(bits), () => giveOutside(constant(i32, 1)));
  const isNegative = r.let(signOf(bits));
  const exponent = r.let(exponentOf(bits));
  r.when(gt(exponent, BIAS + 63), () => giveOutside(not(isNegative)));

  // The magnitude's whole part, and what follows the point as a fraction of 2^64, its last bit jammed.
  const whole = r.variable(i64);
  const fraction = r.variable(i64);
  const shift = r.let(sub(exponent, BIAS + 52));
  r.when(
    lt(shift, 0),
    () => {
      const significand = r.let(select(ne(exponent, 0), significandOf(bits), fractionOf(bits)));
      const by = r.let(sub(0, shift));
      r.when(
        lt(by, 64),
        () => {
          r.set(whole, shrU(significand, wideU(by)));
          r.set(fraction, shl(significand, wideU(sub(64, by))));
        },
        () => {
          r.set(fraction, significand);
          shiftRightJam(r, fraction, sub(by, 64));
        },
      );
    },
    () => r.set(whole, shl(significandOf(bits), wideU(shift))),
  );
  const half = 1n << 63n;
  const isMore = gtU(fraction, half);
  const isTie = eq(fraction, half);
  const isInexact = r.let(ne(fraction, 0n));
  const isUp = (wanted: number, holds: Value): Value => and(eq(mode, wanted), holds);
  const increment = or(
    or(isUp(modes.nearest, or(isMore, and(isTie, low(and(whole, 1n))))), isUp(modes.away, or(isMore, isTie))),
    or(isUp(modes.down, and(isInexact, isNegative)), isUp(modes.up, and(isInexact, not(isNegative)))),
  );
  r.set(whole, add(whole, wideU(increment)));
  const limit = select(isNegative, constant(i64, bottom), top);
  r.when(gtU(whole, limit), () => giveOutside(not(isNegative)));
  r.when(isInexact, () => raise(r, flags.inexact));
  return r.end(asWritten(select(isNegative, sub(constant(i64, 0), whole), whole)));
}

/** (i64, mode) -> number of the format. */
export function buildFromInteger(format: Format, isSigned: boolean, helpers: Helpers): FunctionBuilder {
  const r = routine([i64, i32], [format.bits]);
  const [value, mode] = r.parameters as [Variable, Variable];
  const convert = isSigned ? numberOfSigned : numberOfUnsigned;
  const number = convert[format.number as keyof typeof convert](value);
  const isNegative = r.let(isSigned ? lt(value, 0n) : constant(i32, 0));
  const magnitude = r.let(select(isNegative, sub(constant(i64, 0), value), value));
  // Exact when what lies between the first and the last bit that is set fits.
  const spread = low(sub(64n, add(clz(magnitude), ctz(magnitude))));
  r.when(lt(spread, format.fraction + 2), () => giveNumber({ r, format }, number));
  r.when(not(mode), () => {
    raise(r, flags.inexact);
    giveNumber({ r, format }, number);
  });
  // Bit 63 is the leading one at most: one place too far up.
  const isTooFar = r.let(lt(magnitude, 0n));
  const significand = select(isTooFar, or(shrU(magnitude, 1n), and(magnitude, 1n)), magnitude);
  const exponent = add(isTooFar, BIAS + LEAD);
  return r.end(pack({ format, helpers, mode }, { sign: isNegative, exponent, significand }));
}
