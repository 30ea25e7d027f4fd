/**
 * How floating point registers and fcsr hold what they hold (manual, chapters "F extension" and "D extension").
 *
 * Shared by both tiers' operands. Holds no state.
 */

/** A register with these bits above a single holds it; any other holds no single ("NaN boxing"). */
export const BOX = 0xffff_ffff_0000_0000n;
/** The canonical NaN, which a register that holds no single is taken for. */
export const SINGLE_NAN = 0x7fc0_0000;
/** The value of the field rm that means the mode in fcsr, and the highest that is a mode. */
export const DYNAMIC = 7;
export const HIGHEST_ROUNDING = 4;
/** Of fcsr the mode and NX; to nearest, ties to even, is 0. */
export const FRM_AND_NX = 0xe1;
export const NX = 1;
