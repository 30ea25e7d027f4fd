/**
 * What an instruction's meaning may say: the operands it reads and the effects it has, as WebAssembly to be emitted.
 *
 * The interpreter implements this with operands taken from decoded fields at run time; the translator with constants
 * and locals. Invariants that every implementation keeps: an instruction that traps has had no effect; writes to x0 are
 * dropped; `rd` comes after everything that can trap. A `push` below leaves one value on WebAssembly's stack.
 */
import type { FunctionBuilder } from '../wasm/builder.ts';

/** Bits of a memory access. */
export type Width = 8 | 16 | 32 | 64;

export interface Effects {
  readonly code: FunctionBuilder;
  /** Indices of helper functions that both tiers have. */
  readonly library: Library;
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

  /** Pushes the zero- or sign-extended content at rs1 + immediate, at any alignment. */
  load(width: Width, signed: boolean): void;
  /** Stores the low bits of rs2 at rs1 + immediate, at any alignment; all of it or, with a trap, nothing. */
  store(width: Width): void;
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

export interface Library {
  /** (i64, i64) -> i64: upper half of the unsigned 128-bit product. */
  readonly multiplyHigh: number;
}

export interface Scratch {
  readonly i32: number;
  readonly i64: number;
  readonly i64b: number;
}
