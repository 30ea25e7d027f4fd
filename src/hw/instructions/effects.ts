/**
 * What an instruction's meaning may say: the operands it reads and the effects it has, as WebAssembly to be emitted.
 *
 * The interpreter implements this with operands taken from decoded fields at run time; the translator with constants
 * and locals. Invariants that every implementation keeps: an instruction that traps has had no effect; writes to x0 are
 * dropped; `rd` comes after everything that can trap. A `push` below leaves one value on WebAssembly's stack.
 *
 * Floating point registers hold 64 bits. As f32 and f64 they are moved and computed with, but what WebAssembly makes of
 * the payload of a NaN is the host's choice: a meaning that computes must see to it that a NaN becomes the canonical one,
 * and one for which the bits of a NaN matter takes them as integers. Moving (local, load, store, reinterpretation) keeps
 * all bits.
 */
import type { FunctionBuilder } from '../wasm/builder.ts';
import type { Library } from './library.ts';

/** Bits of a memory access. */
export type Width = 8 | 16 | 32 | 64;

export interface Effects {
  readonly code: FunctionBuilder;
  /** Indices of helper functions that both tiers have. */
  readonly library: Library;
  /** The host's vector multiply-add rounds once, so that it may stand in for fused multiply-add (float/fused.ts). */
  readonly isFused: boolean;
  /** Locals for a meaning's own use, worthless after it. */
  readonly scratch: Scratch;

  /** Push a source register: all 64 bits, or the low 32 as i32. */
  rs1(): void;
  rs2(): void;
  rs1Word(): void;
  rs2Word(): void;
  /** Push the immediate, sign-extended to i64, or its low 32 bits as i32. */
  immediate(): void;
  immediateWord(): void;
  /** Push this instruction's address, or that of the one after it (i64). */
  pc(): void;
  nextPc(): void;
  /** Writes rd: `value` pushes an i64. */
  rd(value: () => void): void;

  /** Push a floating point source register as it is: as f64, or as i64. */
  fs1(): void;
  fs2(): void;
  fs3(): void;
  fs1Bits(): void;
  fs2Bits(): void;
  fs3Bits(): void;
  /** Push the single in a source register, as f32 or as i32; the canonical NaN when it is not boxed. */
  fs1Single(): void;
  fs2Single(): void;
  fs3Single(): void;
  fs1SingleBits(): void;
  fs2SingleBits(): void;
  fs3SingleBits(): void;
  /** Pushes the low half of the register fs1 as it is (i32): what moves as a single. */
  fs1LowBits(): void;
  /** Writes the floating point register rd: `value` pushes f64, i64, or a single as f32 or i32, which is boxed here. */
  fd(value: () => void): void;
  fdBits(value: () => void): void;
  fdSingle(value: () => void): void;
  fdSingleBits(value: () => void): void;
  /**
   * Pushes the rounding mode (i32, 0 to 4) that the field rm gives, with rm 7 that of fcsr. Raises an illegal instruction
   * when there is none, so it comes before every effect.
   */
  rounding(): void;
  /**
   * Pushes an i32 that is 0 or 1: 1 only when `rounding` would push 0 (to nearest, ties to even) and fcsr has NX set
   * already, so that rounding has no effect but its result. May be 0 when that is so (and then is slower).
   */
  nearestAndInexact(): void;
  /** Pushes fcsr (i32, 0 to 255). */
  readFcsr(): void;
  /** Sets fcsr to the i32 that `value` pushes, 0 to 255. */
  writeFcsr(value: () => void): void;
  /** Raises an illegal instruction when `condition` pushes an i32 that is not 0. Only in rows of the format `float`. */
  illegalWhen(condition: () => void): void;
  /** Stands directly before an `if` or `brIf` of `code` whose condition rarely holds: a hint for the engine. */
  cold(): void;

  /** Pushes the zero- or sign-extended content at rs1 + immediate, at any alignment. */
  load(width: Width, signed: boolean): void;
  /** Stores the low bits of rs2 at rs1 + immediate, at any alignment; all of it or, with a trap, nothing. */
  store(width: Width): void;
  /** Push the double or the single at rs1 + immediate, at any alignment, with all its bits. */
  loadDouble(): void;
  loadSingle(): void;
  /** Store the register fs2, or its low half, at rs1 + immediate, like `store`. */
  storeDouble(): void;
  storeSingle(): void;
  /** Traps unless rs1 is a multiple of the width. */
  requireAligned(width: Width, cause: number): void;
  /** Pushes the place in linear memory (i32) of the aligned address in rs1, after the checks of a read or a write. */
  place(width: Width, access: 'read' | 'write'): void;

  /** Goes to pc + immediate when `condition` pushes an i32 that is not 0. Ends the meaning. */
  branch(condition: () => void): void;
  /** Goes to pc + immediate. Ends the meaning. */
  jumpRelative(): void;
  /** Goes to the i64 that `target` pushes, which is even. Ends the meaning. */
  jump(target: () => void): void;
  /** Raises a trap; `value` pushes the i64 trap value. Ends the meaning. */
  trap(cause: number, value: () => void): void;
  /** Pushes a counter as of before this instruction. */
  counter(which: 'tick' | 'retired'): void;
}

export interface Scratch {
  readonly i32: number;
  readonly i64: number;
  readonly i64b: number;
  readonly f32: number;
  readonly f64: number;
}
