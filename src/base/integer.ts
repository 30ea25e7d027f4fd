/**
 * Checked integers: conversions between the bigint, double and two-halves forms of a 64-bit word.
 *
 * Invariant: no conversion loses a bit silently. Addresses, page numbers and ticks that are held as a `number`
 * stay below 2^53. Called by every room; holds no state.
 */
import { assert } from './assert.ts';

/** 2^32, the weight of the upper half of a 64-bit word. */
export const TWO_32 = 0x1_0000_0000;

/** The unsigned 64-bit value of two 32-bit halves as a number, or -1 when it is not below 2^53. */
export function joinHalves(low: number, high: number): number {
  const upper = high >>> 0;
  return upper < 0x20_0000 ? upper * TWO_32 + (low >>> 0) : -1;
}

/** The lower 32 bits of a non-negative integer below 2^53. */
export function lowHalf(value: number): number {
  // Conversion to 32 bits is modulo 2^32; the remainder operator would call the slow one of floating point.
  return value >>> 0;
}

/** The upper 32 bits of a non-negative integer below 2^53. */
export function highHalf(value: number): number {
  return Math.floor(value / TWO_32) >>> 0;
}

/** A bigint as a number; the value must be a safe integer. */
export function toSafeNumber(value: bigint, what: string): number {
  const number = Number(value);
  assert(Number.isSafeInteger(number), `${what}: ${value} is a safe integer`);
  return number;
}

/** Alignments up to here leave a remainder that a mask of 32 bits finds, which is many times as fast as `%`. */
const MASK_ALIGNMENT_MAX = 2 ** 30;

/** What is above the last multiple of `alignment`, a power of two. For a negative value: 0 exactly when it is one. */
function remainder(value: number, alignment: number): number {
  return alignment <= MASK_ALIGNMENT_MAX ? value & (alignment - 1) : value % alignment;
}

/** True when `value` is a whole multiple of `alignment`, a power of two. Works up to 2^53. */
export function isAligned(value: number, alignment: number): boolean {
  return remainder(value, alignment) === 0;
}

/** The largest multiple of `alignment` that is at most `value`. */
export function alignDown(value: number, alignment: number): number {
  return value - remainder(value, alignment);
}

/** The smallest multiple of `alignment` that is at least `value`. */
export function alignUp(value: number, alignment: number): number {
  return alignDown(value + alignment - 1, alignment);
}
