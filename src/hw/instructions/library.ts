/**
 * The helper functions that meanings of instructions may call, by name, with their types: what both tiers have.
 *
 * The interpreter's module contains them (../library.ts builds them) and exports each under its name; the translator's
 * modules import them. Doubles and singles come and go as their bits, so that no NaN changes on the way; `rounding` is
 * a mode that is valid, 0 to 4. They set flags in fcsr and have no other effect; none traps.
 */
import { types, type ValueType } from '../wasm/opcodes.ts';

const { i32, i64 } = types;

export interface FunctionType {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
}

const type = (parameters: readonly ValueType[], ...results: ValueType[]): FunctionType => ({
  parameters,
  results,
});

export const libraryTypes = {
  /** (a, b) -> upper half of the unsigned 128-bit product. */
  multiplyHigh: type([i64, i64], i64),

  /** (a, b, rounding) -> result. */
  addDouble: type([i64, i64, i32], i64),
  multiplyDouble: type([i64, i64, i32], i64),
  divideDouble: type([i64, i64, i32], i64),
  addSingle: type([i32, i32, i32], i32),
  multiplySingle: type([i32, i32, i32], i32),
  divideSingle: type([i32, i32, i32], i32),
  /** (a, rounding) -> square root. */
  rootDouble: type([i64, i32], i64),
  rootSingle: type([i32, i32], i32),
  /** (a, b, c, rounding) -> a * b + c, rounded once. */
  fuseDouble: type([i64, i64, i64, i32], i64),
  fuseSingle: type([i32, i32, i32, i32], i32),

  /** (a, b), one of which at least is a NaN -> the number among them, else the canonical NaN. */
  numberOfDouble: type([i64, i64], i64),
  numberOfSingle: type([i32, i32], i32),
  /** (a, b) -> 0; raises NV when one of them is a signaling NaN. */
  signalDouble: type([i64, i64], i32),
  signalSingle: type([i32, i32], i32),
  /** (a) -> the mask of fclass. */
  classifyDouble: type([i64], i64),
  classifySingle: type([i32], i64),

  /** (single) -> double; a NaN becomes the canonical one. */
  widen: type([i32], i64),
  /** (double, rounding) -> single. */
  narrow: type([i64, i32], i32),
  /** (double, rounding) -> integer as it stands in a register. */
  doubleToWord: type([i64, i32], i64),
  doubleToWordUnsigned: type([i64, i32], i64),
  doubleToLong: type([i64, i32], i64),
  doubleToLongUnsigned: type([i64, i32], i64),
  /** (integer, rounding) -> double or single. */
  longToDouble: type([i64, i32], i64),
  longUnsignedToDouble: type([i64, i32], i64),
  longToSingle: type([i64, i32], i32),
  longUnsignedToSingle: type([i64, i32], i32),
} as const satisfies Record<string, FunctionType>;

export type LibraryName = keyof typeof libraryTypes;
/** The index of each in a module. */
export type Library = Readonly<Record<LibraryName, number>>;
