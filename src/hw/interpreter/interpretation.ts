/**
 * The effects of the instruction table for the interpreter: operands come from the decode entry at run time.
 *
 * Made once for each operation while the run function is generated. Invariant: whatever traps comes before any effect;
 * when a meaning has ended control by itself, `ended` is true and nothing is appended after it.
 */
import { PAGE_SIZE } from '../../base/limits.ts';
import type { Variant } from '../decoder.ts';
import type { Effects, Scratch, Width } from '../instructions/effects.ts';
import type { Library } from '../instructions/library.ts';
import { at, slot, tlbSet } from '../layout.ts';
import { traps } from '../machine.ts';
import { setWord, tlbEntry, word } from '../mmu/words.ts';
import type { MemoryFunctions } from '../mmu.ts';
import type { FunctionBuilder, Label } from '../wasm/builder.ts';
import { type MemoryOperation, memoryOp, op, types, type ValueType } from '../wasm/opcodes.ts';

const { i32, i64, f32, f64 } = types;

/** A register with these bits above a single holds it; any other holds no single. */
const BOX = 0xffff_ffff_0000_0000n;
const SINGLE_NAN = 0x7fc0_0000;
/** fcsr less flags other than NX, when it rounds to nearest and has NX. */
const FRM_AND_NX = 0xe1;
const NEAREST_AND_NX = 1;
/** By value of rm: to nearest, and what fcsr says. */
const NEAREST_OR_DYNAMIC = 0x81;
const DYNAMIC = 7;
const HIGHEST_ROUNDING = 4;

const loads = {
  8: { true: memoryOp.i64Load8S, false: memoryOp.i64Load8U },
  16: { true: memoryOp.i64Load16S, false: memoryOp.i64Load16U },
  32: { true: memoryOp.i64Load32S, false: memoryOp.i64Load32U },
  64: { true: memoryOp.i64Load, false: memoryOp.i64Load },
} as const;

const stores = {
  8: memoryOp.i64Store8,
  16: memoryOp.i64Store16,
  32: memoryOp.i64Store32,
  64: memoryOp.i64Store,
} as const;

const extensions = { 8: op.i64Extend8S, 16: op.i64Extend16S, 32: op.i64Extend32S } as const;

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

/** The effects of one variant, with operands that the decode entry names at run time. */
export class Interpretation implements Effects {
  readonly code: FunctionBuilder;
  readonly library: Library;
  readonly scratch: Scratch;
  readonly isFused: boolean;
  /** True when the meaning has left the instruction by itself. */
  ended = false;
  private readonly memory: MemoryFunctions;
  private readonly l: Locals;
  private readonly exits: Exits;
  private readonly variant: Variant;

  constructor(
    code: FunctionBuilder,
    shared: {
      library: Library;
      isFused: boolean;
      scratch: Scratch;
      memory: MemoryFunctions;
      locals: Locals;
      exits: Exits;
    },
    variant: Variant,
  ) {
    this.code = code;
    this.library = shared.library;
    this.scratch = shared.scratch;
    this.isFused = shared.isFused;
    this.memory = shared.memory;
    this.l = shared.locals;
    this.exits = shared.exits;
    this.variant = variant;
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
  }

  fdBits(value: () => void): void {
    this.code.get(this.l.entry);
    this.code.memory(memoryOp.i32Load8U, field.rd);
    value();
    this.code.memory(memoryOp.i64Store, at.f);
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
    code.i32(NEAREST_AND_NX);
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

  /** Puts rs1 + immediate into `address` and its TLB entry into `found`; pushes whether the tag fits. */
  private lookUp(width: Width, part: number, withImmediate: boolean): void {
    const { code, l } = this;
    this.rs1();
    if (withImmediate) {
      this.immediate();
      code.op(op.i64Add);
    }
    code.set(l.address);
    tlbEntry(code, l.address, () => code.get(l.tlb));
    code.tee(l.found);
    code.memory(memoryOp.i64Load, part);
    // The low bits that must be zero are left in: a misaligned address has no entry, so it takes the slow path.
    code.get(l.address);
    code.i64(-PAGE_SIZE | (width / 8 - 1));
    code.op(op.i64And);
    code.op(op.i64Eq);
  }

  /** Pushes the place of `address` by the entry found. */
  private foundPlace(part: number): void {
    const { code, l } = this;
    code.get(l.address);
    code.op(op.i32WrapI64);
    code.get(l.found);
    code.memory(memoryOp.i32Load, part + 8);
    code.op(op.i32Add);
  }

  private leaveWhenPending(): void {
    word(this.code, at.pending);
    this.code.brIf(this.exits.trap);
  }

  /** Pushes what `load` takes from the place at rs1 + immediate, or `convert` makes of the slow path's i64. */
  private loadAs(width: Width, type: ValueType, load: MemoryOperation, convert: () => void): void {
    const { code, l } = this;
    this.lookUp(width, tlbSet.read, true);
    code.if(type);
    this.foundPlace(tlbSet.read);
    code.memory(load);
    code.else();
    code.get(l.address);
    code.i32(width / 8);
    code.call(this.memory.load);
    convert();
    this.leaveWhenPending();
    code.end();
  }

  load(width: Width, signed: boolean): void {
    this.loadAs(width, i64, loads[width][`${signed}`], () => {
      if (signed && width !== 64) this.code.op(extensions[width]);
    });
  }

  loadDouble(): void {
    this.loadAs(64, f64, memoryOp.f64Load, () => this.code.op(op.f64ReinterpretI64));
  }

  loadSingle(): void {
    this.loadAs(32, f32, memoryOp.f32Load, () => {
      this.code.op(op.i32WrapI64);
      this.code.op(op.f32ReinterpretI32);
    });
  }

  /** Stores the low bits of the i64 that `value` pushes at rs1 + immediate. */
  private storeFrom(width: Width, value: () => void): void {
    const { code, l } = this;
    this.lookUp(width, tlbSet.write, true);
    code.if();
    this.foundPlace(tlbSet.write);
    value();
    code.memory(stores[width]);
    code.else();
    code.get(l.address);
    value();
    code.i32(width / 8);
    this.pc();
    code.call(this.memory.store);
    this.leaveWhenPending();
    code.end();
  }

  store(width: Width): void {
    this.storeFrom(width, () => this.rs2());
  }

  storeDouble(): void {
    this.storeFrom(64, () => this.fs2Bits());
  }

  storeSingle(): void {
    this.storeFrom(32, () => this.fs2Bits());
  }

  requireAligned(width: Width, cause: number): void {
    const { code } = this;
    this.rs1Word();
    code.i32(width / 8 - 1);
    code.op(op.i32And);
    code.if();
    this.raise(cause, () => this.rs1());
    code.end();
  }

  place(width: Width, access: 'read' | 'write'): void {
    const { code, l, memory } = this;
    const part = access === 'read' ? tlbSet.read : tlbSet.write;
    this.lookUp(width, part, false);
    code.if(i32);
    this.foundPlace(part);
    code.else();
    code.get(l.address);
    if (access === 'write') {
      code.i32(width / 8);
      this.pc();
    }
    code.call(access === 'read' ? memory.placeToRead : memory.placeToWrite);
    this.leaveWhenPending();
    code.end();
  }

  branch(condition: () => void): void {
    condition();
    this.code.if();
    this.jumpRelative();
    this.code.end();
    this.ended = false;
  }

  jumpRelative(): void {
    const { code, l } = this;
    code.get(l.entry);
    this.immediateWord();
    code.op(op.i32Add);
    code.tee(l.found);
    code.get(l.base);
    code.op(op.i32Sub);
    code.i32(slot.entriesEnd);
    code.op(op.i32LtU);
    code.if();
    code.get(l.found);
    code.set(l.entry);
    code.br(this.exits.taken);
    code.end();
    this.pc();
    this.immediate();
    code.i64(2);
    code.op(op.i64ShrS);
    code.op(op.i64Add);
    code.set(l.pc);
    code.br(this.exits.jump);
    this.ended = true;
  }

  jump(target: () => void): void {
    const { code, l } = this;
    target();
    code.tee(l.pc);
    code.get(l.page);
    code.op(op.i64Sub);
    code.tee(l.address);
    code.i64(PAGE_SIZE);
    code.op(op.i64GeU);
    code.brIf(this.exits.jump);
    code.get(l.base);
    code.get(l.address);
    code.op(op.i32WrapI64);
    code.i32(2);
    code.op(op.i32Shl);
    code.op(op.i32Add);
    code.set(l.entry);
    code.br(this.exits.taken);
    this.ended = true;
  }

  private raise(cause: number, value: () => void): void {
    const { code } = this;
    setWord(code, at.pending, () => code.i32(cause + 1));
    code.i32(0);
    value();
    code.memory(memoryOp.i64Store, at.trapValue);
    code.br(this.exits.trap);
  }

  trap(cause: number, value: () => void): void {
    this.raise(cause, value);
    this.ended = true;
  }

  counter(which: 'tick' | 'retired'): void {
    const { code, l } = this;
    code.i32(0);
    code.memory(memoryOp.i64Load, which === 'tick' ? at.tick : at.retired);
    // Retired before this one in this run: the budget less what remains, in which this one is counted out already.
    code.get(l.budget);
    code.get(l.remaining);
    code.op(op.i32Sub);
    code.i32(1);
    code.op(op.i32Sub);
    code.op(op.i64ExtendI32U);
    code.op(op.i64Add);
  }
}
