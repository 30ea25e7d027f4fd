/**
 * The last step of every operation that is not exact: rounding to a format in a mode, with the flags this raises.
 *
 * IEEE 754-2019 4.3 (modes), 7.4 to 7.6 (overflow, underflow, inexact); tininess is detected after rounding, as the
 * manual's chapter "F" says. Called by the other functions of the library with a number that is not zero.
 */

import type { FunctionBuilder } from '../wasm/builder.ts';
import { types } from '../wasm/opcodes.ts';
import {
  add,
  and,
  clz,
  constant,
  eq,
  gt,
  low,
  lt,
  ne,
  not,
  or,
  routine,
  select,
  shl,
  shrU,
  sub,
  type Variable,
  wideU,
} from './expression.ts';
import { type Format, flags, LEAD, modes, raise, shiftRightJam, signed } from './format.ts';

const { i32, i64 } = types;

/**
 * (sign 0 or 1, exponent, significand, mode) -> bits. The leading bit is anywhere up to LEAD; where bits were
 * jammed it is close below, so that the jammed one stays below what is kept.
 */
export function buildPack(format: Format): FunctionBuilder {
  const r = routine([i32, i32, i64, i32], [format.bits]);
  const [sign, exponent, significand, mode] = r.parameters as [Variable, Variable, Variable, Variable];
  /** Bits that are rounded away. */
  const extra = LEAD - format.fraction;
  const half = 1n << BigInt(extra - 1);
  const below = (1n << BigInt(extra)) - 1n;
  const largest = format.special - 1;

  const shift = r.let(sub(low(clz(significand)), 63 - LEAD));
  r.set(significand, shl(significand, wideU(shift)));
  r.set(exponent, sub(exponent, add(shift, format.rebias)));

  // What is added before cutting: half, nothing, or all ones in the direction away from zero. Down with a minus and up
  // without are the two cases in which mode and sign make 3.
  const isNear = or(eq(mode, modes.nearest), eq(mode, modes.away));
  const isOutward = eq(add(mode, sign), modes.up);
  const increment = r.let(select(isNear, constant(i64, half), select(isOutward, constant(i64, below), 0n)));
  const carries = lt(add(significand, increment), 0n);

  const isTiny = r.variable(i32);
  r.when(lt(exponent, 1), () => {
    // Tiny, unless it would round up to the smallest normal number if there were smaller ones.
    r.set(isTiny, not(and(eq(exponent, 0), carries)));
    shiftRightJam(r, significand, sub(1, exponent));
    r.set(exponent, 1);
  });
  r.when(or(gt(exponent, largest), and(eq(exponent, largest), carries)), () => {
    raise(r, flags.overflow | flags.inexact);
    const infinity = signed(format, sign, format.infinity);
    const finite = signed(format, sign, format.infinity - 1n);
    r.give(select(ne(increment, 0n), infinity, finite));
  });
  const rest = r.let(and(significand, below));
  r.when(ne(rest, 0n), () => raise(r, or(flags.inexact, shl(isTiny, 1))));
  r.set(significand, shrU(add(significand, increment), extra));
  // A tie went up: to even means down again if that made it odd.
  const isTie = and(eq(rest, half), eq(mode, modes.nearest));
  r.set(significand, and(significand, select(isTie, -2n, -1n)));
  // The hidden bit counts one more in the exponent field, and a subnormal number does not have it.
  const field = sub(exponent, 1);
  if (format.name === 'double') {
    return r.end(add(or(shl(wideU(sign), 63), shl(wideU(field), format.fraction)), significand));
  }
  return r.end(add(or(shl(sign, 31), shl(field, format.fraction)), low(significand)));
}
