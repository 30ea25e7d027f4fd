/**
 * Operands and results of the translator's effects: registers of both kinds, immediates, rounding modes, fcsr; and the
 * ways out of a region in the middle of a block.
 *
 * Integer registers are i64 locals, floating point ones f64 locals that are moved only; x0 and immediates are constants.
 * Base of `Translation`.
 */

import type { Scratch } from '../instructions/effects.ts';
import { BOX, DYNAMIC, FRM_AND_NX, HIGHEST_ROUNDING, NX, SINGLE_NAN } from '../instructions/float-state.ts';
import type { Library } from '../instructions/library.ts';
import { at } from '../layout.ts';
import { word } from '../mmu/words.ts';
import type { memoryImports } from '../mmu.ts';
import type { FunctionBuilder, Label } from '../wasm/builder.ts';
import { memoryOp, op } from '../wasm/opcodes.ts';
import type { Decoded } from './blocks.ts';
import { whereabouts } from './whereabouts.ts';

/** Functions of the interpreter's module, by their indices in this one. */
export type Helpers = Readonly<Record<keyof typeof memoryImports, number>>;

/** What all instructions of one region share. */
export interface RegionCode {
  readonly f: FunctionBuilder;
  readonly library: Library;
  readonly helpers: Helpers;
  readonly isFused: boolean;
  /** See `Measure`. */
  readonly withoutTlb: boolean;
  readonly scratch: Scratch;
  /** The local of an integer register 1 to 31, and of a floating point register. */
  readonly x: (register: number) => number;
  readonly float: (register: number) => number;
  /** i64 local: where control is when the region is left. */
  readonly pc: number;
  /** i32 local: instructions that may still retire, the present block's counted out already. */
  readonly remaining: number;
  /** i32 local: the current TLB set. */
  readonly tlb: number;
  readonly address: number;
  readonly found: number;
  /** Address of the region's root. */
  readonly root: number;
  /** i32 local: whereabouts at which the region is left. */
  readonly where: number;
  /** Leaves the region at `where` for the interpreter, which goes on in the middle of things. */
  readonly leaveInside: Label;
  /**
   * The same, because a window could not be opened there; null when every access of a window has a slow path of its own
   * instead.
   */
  readonly leaveWindow: Label | null;
}

/** What one instruction reads and writes in registers. */
export class RegionOperands {
  readonly code: FunctionBuilder;
  protected readonly region: RegionCode;
  protected readonly decoded: Decoded;
  /** Instructions of the block from this one on: those that have not retired when this one is left. */
  protected readonly unretired: number;

  constructor(region: RegionCode, decoded: Decoded, unretired: number) {
    this.code = region.f;
    this.region = region;
    this.decoded = decoded;
    this.unretired = unretired;
  }

  /** Whereabouts of this instruction, and of the next when this one has retired. */
  protected get here(): number {
    return whereabouts(this.region.root, this.decoded.pc, this.unretired);
  }

  protected get after(): number {
    return whereabouts(this.region.root, this.decoded.pc + this.decoded.length, this.unretired - 1);
  }

  protected leave(where: number): void {
    const { code, region } = this;
    code.i32(where);
    code.set(region.where);
    code.br(region.leaveInside);
  }

  /** Lets the interpreter do this instruction. */
  protected leaveHere(): void {
    this.leave(this.here);
  }

  protected leaveWhenPending(): void {
    const { code, region } = this;
    code.i32(this.here);
    code.set(region.where);
    word(code, at.pending);
    this.cold();
    code.brIf(region.leaveInside);
  }

  private register(offset: number): void {
    if (offset === 0) this.code.i64(0);
    else this.code.get(this.region.x(offset >>> 3));
  }

  private registerWord(offset: number): void {
    if (offset === 0) {
      this.code.i32(0);
      return;
    }
    this.register(offset);
    this.code.op(op.i32WrapI64);
  }

  rs1(): void {
    this.register(this.decoded.rs1);
  }

  rs2(): void {
    this.register(this.decoded.rs2);
  }

  rs1Word(): void {
    this.registerWord(this.decoded.rs1);
  }

  rs2Word(): void {
    this.registerWord(this.decoded.rs2);
  }

  immediate(): void {
    this.code.i64(this.decoded.immediate);
  }

  immediateWord(): void {
    this.code.i32(this.decoded.immediate);
  }

  pc(): void {
    this.code.i64(this.decoded.pc);
  }

  nextPc(): void {
    this.code.i64(this.decoded.pc + this.decoded.length);
  }

  rd(value: () => void): void {
    value();
    if (this.decoded.rd === 0) this.code.op(op.drop);
    else this.code.set(this.region.x(this.decoded.rd >>> 3));
  }

  private floatRegister(operand: 1 | 2 | 3): void {
    const { rs1, rs2, immediate } = this.decoded;
    const number = operand === 1 ? rs1 >>> 3 : operand === 2 ? rs2 >>> 3 : immediate >>> 27;
    this.code.get(this.region.float(number));
  }

  private floatBits(operand: 1 | 2 | 3): void {
    this.floatRegister(operand);
    this.code.op(op.i64ReinterpretF64);
  }

  private singleBits(operand: 1 | 2 | 3): void {
    const { code, region } = this;
    this.floatBits(operand);
    code.tee(region.address);
    code.op(op.i32WrapI64);
    code.i32(SINGLE_NAN);
    code.get(region.address);
    code.i64(BOX);
    code.op(op.i64GeU);
    code.op(op.select);
  }

  private single(operand: 1 | 2 | 3): void {
    this.singleBits(operand);
    this.code.op(op.f32ReinterpretI32);
  }

  fs1(): void {
    this.floatRegister(1);
  }

  fs2(): void {
    this.floatRegister(2);
  }

  fs3(): void {
    this.floatRegister(3);
  }

  fs1Bits(): void {
    this.floatBits(1);
  }

  fs2Bits(): void {
    this.floatBits(2);
  }

  fs3Bits(): void {
    this.floatBits(3);
  }

  fs1Single(): void {
    this.single(1);
  }

  fs2Single(): void {
    this.single(2);
  }

  fs3Single(): void {
    this.single(3);
  }

  fs1SingleBits(): void {
    this.singleBits(1);
  }

  fs2SingleBits(): void {
    this.singleBits(2);
  }

  fs3SingleBits(): void {
    this.singleBits(3);
  }

  fs1LowBits(): void {
    this.floatBits(1);
    this.code.op(op.i32WrapI64);
  }

  fd(value: () => void): void {
    value();
    this.code.set(this.region.float(this.decoded.rd >>> 3));
  }

  fdBits(value: () => void): void {
    this.fd(() => {
      value();
      this.code.op(op.f64ReinterpretI64);
    });
  }

  fdSingle(value: () => void): void {
    this.fdSingleBits(() => {
      value();
      this.code.op(op.i32ReinterpretF32);
    });
  }

  fdSingleBits(value: () => void): void {
    this.fdBits(() => {
      value();
      this.code.op(op.i64ExtendI32U);
      this.code.i64(BOX);
      this.code.op(op.i64Or);
    });
  }

  /** The field rm; decode entries of float instructions have the whole instruction as immediate. */
  private get roundingField(): number {
    return (this.decoded.immediate >>> 12) & 7;
  }

  rounding(): void {
    const { code } = this;
    if (this.roundingField !== DYNAMIC) {
      if (this.roundingField > HIGHEST_ROUNDING) this.leaveHere();
      code.i32(this.roundingField);
      return;
    }
    this.illegalWhen(() => {
      word(code, at.fcsr);
      code.i32((HIGHEST_ROUNDING + 1) << 5);
      code.op(op.i32GeU);
    });
    word(code, at.fcsr);
    code.i32(5);
    code.op(op.i32ShrU);
  }

  nearestAndInexact(): void {
    const { code, roundingField } = this;
    if (roundingField !== 0 && roundingField !== DYNAMIC) {
      code.i32(0);
      return;
    }
    word(code, at.fcsr);
    code.i32(roundingField === 0 ? NX : FRM_AND_NX);
    code.op(op.i32And);
    if (roundingField === 0) return;
    code.i32(NX);
    code.op(op.i32Eq);
  }

  readFcsr(): void {
    word(this.code, at.fcsr);
  }

  writeFcsr(value: () => void): void {
    this.code.i32(0);
    value();
    this.code.memory(memoryOp.i32Store, at.fcsr);
  }

  illegalWhen(condition: () => void): void {
    condition();
    this.cold();
    this.code.if();
    this.leaveHere();
    this.code.end();
  }

  cold(): void {
    this.code.hint(false);
  }
}
