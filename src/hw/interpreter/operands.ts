/**
 * Operands and results of the interpreter's effects: registers of both kinds, immediates, rounding modes, fcsr.
 *
 * The decode entry names them at run time: register fields are bytes that hold eight times the number, the immediate is a
 * word; of the format `float` that word is the whole instruction. Base of `Interpretation`.
 */

import type { Variant } from '../decoder.ts';
import { BOX, DYNAMIC, FRM_AND_NX, HIGHEST_ROUNDING, NX, SINGLE_NAN } from '../instructions/float-state.ts';
import { at } from '../layout.ts';
import { traps } from '../machine.ts';
import { setWord, word } from '../mmu/words.ts';
import type { FunctionBuilder, Label } from '../wasm/builder.ts';
import { type MemoryOperation, memoryOp, op } from '../wasm/opcodes.ts';

/** By value of rm: to nearest, and what fcsr says. */
const NEAREST_OR_DYNAMIC = 0x81;

/** Locals of the run function. */
export interface Locals {
  readonly budget: number;
  readonly remaining: number;
  readonly entry: number;
  readonly base: number;
  readonly page: number;
  readonly pc: number;
  readonly tlb: number;
  readonly address: number;
  readonly found: number;
  /** How the next arrival is taken: see arrival.ts. */
  readonly manner: number;
}

/** Where control goes after a meaning. */
export interface Exits {
  /** On to the next entry; `entry` is set. */
  readonly next: Label;
  /** A control transfer within the page; `entry` is set. */
  readonly taken: Label;
  /** On to the address in `pc`. */
  readonly jump: Label;
  /** A trap is pending; `entry` is that of the instruction. */
  readonly trap: Label;
}

/** Offsets of the register fields in a decode entry. */
export const field = { rd: 1, rs1: 2, rs2: 3, immediate: 4 } as const;

/** Pushes the pc (i64) that `entry` stands for. */
export function pushPc(f: FunctionBuilder, l: Locals): void {
  f.get(l.page);
  f.get(l.entry);
  f.get(l.base);
  f.op(op.i32Sub);
  f.i32(2);
  f.op(op.i32ShrU);
  f.op(op.i64ExtendI32U);
  f.op(op.i64Add);
}

/** Goes to the next of the slot's entries. */
export function advance(f: FunctionBuilder, l: Locals, length: number): void {
  f.get(l.entry);
  f.i32(length * 4);
  f.op(op.i32Add);
  f.set(l.entry);
}

/** What one variant reads and writes in registers. */
export class Operands {
  readonly code: FunctionBuilder;
  protected readonly l: Locals;
  protected readonly exits: Exits;
  protected readonly variant: Variant;

  constructor(code: FunctionBuilder, locals: Locals, exits: Exits, variant: Variant) {
    this.code = code;
    this.l = locals;
    this.exits = exits;
    this.variant = variant;
  }

  /** Leaves with this trap; its value is what `value` pushes. */
  protected raise(cause: number, value: () => void): void {
    const { code } = this;
    setWord(code, at.pending, () => code.i32(cause + 1));
    code.i32(0);
    value();
    code.memory(memoryOp.i64Store, at.trapValue);
    code.br(this.exits.trap);
  }

  private register(which: number, load: typeof memoryOp.i64Load | typeof memoryOp.i32Load): void {
    this.code.get(this.l.entry);
    this.code.memory(memoryOp.i32Load8U, which);
    this.code.memory(load, at.x);
  }

  rs1(): void {
    this.register(field.rs1, memoryOp.i64Load);
  }

  rs2(): void {
    this.register(field.rs2, memoryOp.i64Load);
  }

  rs1Word(): void {
    this.register(field.rs1, memoryOp.i32Load);
  }

  rs2Word(): void {
    this.register(field.rs2, memoryOp.i32Load);
  }

  immediate(): void {
    this.code.get(this.l.entry);
    this.code.memory(memoryOp.i64Load32S, field.immediate);
  }

  immediateWord(): void {
    this.code.get(this.l.entry);
    this.code.memory(memoryOp.i32Load, field.immediate);
  }

  pc(): void {
    pushPc(this.code, this.l);
  }

  nextPc(): void {
    this.pc();
    this.code.i64(this.variant.length);
    this.code.op(op.i64Add);
  }

  rd(value: () => void): void {
    if (this.variant.discards) {
      value();
      this.code.op(op.drop);
      return;
    }
    this.code.get(this.l.entry);
    this.code.memory(memoryOp.i32Load8U, field.rd);
    value();
    this.code.memory(memoryOp.i64Store, at.x);
  }

  /** Pushes eight times the number of the floating point register. Of the third the instruction's last byte tells it. */
  private floatOffset(operand: 1 | 2 | 3): void {
    const { code, l } = this;
    code.get(l.entry);
    if (operand !== 3) {
      code.memory(memoryOp.i32Load8U, operand === 1 ? field.rs1 : field.rs2);
      return;
    }
    code.memory(memoryOp.i32Load8U, field.immediate + 3);
    code.i32(0xf8);
    code.op(op.i32And);
  }

  private floatRegister(operand: 1 | 2 | 3, load: MemoryOperation): void {
    this.floatOffset(operand);
    this.code.memory(load, at.f);
  }

  private singleRegister(operand: 1 | 2 | 3): void {
    const { code, l } = this;
    this.floatOffset(operand);
    code.tee(l.found);
    code.memory(memoryOp.i32Load, at.f);
    code.i32(SINGLE_NAN);
    code.get(l.found);
    code.memory(memoryOp.i32Load, at.f + 4);
    code.i32(-1);
    code.op(op.i32Eq);
    code.op(op.select);
  }

  fs1(): void {
    this.floatRegister(1, memoryOp.f64Load);
  }

  fs2(): void {
    this.floatRegister(2, memoryOp.f64Load);
  }

  fs3(): void {
    this.floatRegister(3, memoryOp.f64Load);
  }

  fs1Bits(): void {
    this.floatRegister(1, memoryOp.i64Load);
  }

  fs2Bits(): void {
    this.floatRegister(2, memoryOp.i64Load);
  }

  fs3Bits(): void {
    this.floatRegister(3, memoryOp.i64Load);
  }

  fs1SingleBits(): void {
    this.singleRegister(1);
  }

  fs2SingleBits(): void {
    this.singleRegister(2);
  }

  fs3SingleBits(): void {
    this.singleRegister(3);
  }

  fs1Single(): void {
    this.fs1SingleBits();
    this.code.op(op.f32ReinterpretI32);
  }

  fs2Single(): void {
    this.fs2SingleBits();
    this.code.op(op.f32ReinterpretI32);
  }

  fs3Single(): void {
    this.fs3SingleBits();
    this.code.op(op.f32ReinterpretI32);
  }

  fs1LowBits(): void {
    this.floatRegister(1, memoryOp.i32Load);
  }

  fd(value: () => void): void {
    this.code.get(this.l.entry);
    this.code.memory(memoryOp.i32Load8U, field.rd);
    value();
    this.code.memory(memoryOp.f64Store, at.f);
    this.floatsChanged();
  }

  private floatsChanged(): void {
    setWord(this.code, at.floatsChanged, () => this.code.i32(1));
  }

  fdBits(value: () => void): void {
    this.code.get(this.l.entry);
    this.code.memory(memoryOp.i32Load8U, field.rd);
    value();
    this.code.memory(memoryOp.i64Store, at.f);
    this.floatsChanged();
  }

  fdSingle(value: () => void): void {
    this.fdSingleBits(() => {
      value();
      this.code.op(op.i32ReinterpretF32);
    });
  }

  fdSingleBits(value: () => void): void {
    const { code } = this;
    this.fdBits(() => {
      value();
      code.op(op.i64ExtendI32U);
      code.i64(BOX);
      code.op(op.i64Or);
    });
  }

  /** Pushes the field rm. */
  private roundingField(): void {
    const { code, l } = this;
    code.get(l.entry);
    code.memory(memoryOp.i32Load8U, field.immediate + 1);
    code.i32(4);
    code.op(op.i32ShrU);
    code.i32(7);
    code.op(op.i32And);
  }

  rounding(): void {
    const { code, l } = this;
    word(code, at.fcsr);
    code.i32(5);
    code.op(op.i32ShrU);
    this.roundingField();
    code.tee(l.found);
    code.get(l.found);
    code.i32(DYNAMIC);
    code.op(op.i32Eq);
    code.op(op.select);
    code.set(l.found);
    this.illegalWhen(() => {
      code.get(l.found);
      code.i32(HIGHEST_ROUNDING);
      code.op(op.i32GtU);
    });
    code.get(l.found);
  }

  nearestAndInexact(): void {
    const { code } = this;
    code.i32(NEAREST_OR_DYNAMIC);
    this.roundingField();
    code.op(op.i32ShrU);
    word(code, at.fcsr);
    code.i32(FRM_AND_NX);
    code.op(op.i32And);
    code.i32(NX);
    code.op(op.i32Eq);
    code.op(op.i32And);
  }

  readFcsr(): void {
    word(this.code, at.fcsr);
  }

  writeFcsr(value: () => void): void {
    setWord(this.code, at.fcsr, value);
  }

  illegalWhen(condition: () => void): void {
    condition();
    this.cold();
    this.code.if();
    this.raise(traps.illegalInstruction, () => {
      this.code.get(this.l.entry);
      this.code.memory(memoryOp.i64Load32U, field.immediate);
    });
    this.code.end();
  }

  /** Nothing here: the loop is one function, whose layout an engine arranges as it likes. */
  cold(): void {}
}
