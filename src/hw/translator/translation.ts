/**
 * The effects of the instruction table for the translator: operands are constants and locals of a region's function.
 *
 * Invariants: whatever can trap or needs the interpreter leaves the region before the instruction has had any effect,
 * with the count of what has not retired given back; after a store that dropped translated code the region is left
 * before another instruction. Memory goes through the TLB inline and through the interpreter's functions on a miss.
 */
import { PAGE_SIZE } from '../../base/limits.ts';
import type { Effects, Scratch, Width } from '../instructions/effects.ts';
import type { Library } from '../instructions/library.ts';
import { at, tlbSet } from '../layout.ts';
import { pageOf, pageOffset, tlbEntry, word } from '../mmu/words.ts';
import type { memoryImports } from '../mmu.ts';
import type { FunctionBuilder, Label } from '../wasm/builder.ts';
import { type MemoryOperation, memoryOp, op, types, type ValueType } from '../wasm/opcodes.ts';
import type { Decoded } from './blocks.ts';
import { whereabouts } from './whereabouts.ts';
import type { Access } from './windows.ts';

const { i32, i64, f32, f64 } = types;

/** A register with these bits above a single holds it; any other holds no single. */
const BOX = 0xffff_ffff_0000_0000n;
const SINGLE_NAN = 0x7fc0_0000;
const DYNAMIC = 7;
const HIGHEST_ROUNDING = 4;
/** fcsr less flags other than NX, when it rounds to nearest and has NX. */
const FRM_AND_NX = 0xe1;
const NX = 1;

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
}

/** How a block's last instruction passes control on. */
export interface Transfers {
  /** Takes the condition from the stack. */
  branch(): void;
  jump(): void;
  /** The target is in the local `pc`. */
  indirect(): void;
}

export class Translation implements Effects {
  readonly code: FunctionBuilder;
  readonly library: Library;
  readonly isFused: boolean;
  readonly scratch: Scratch;
  private readonly region: RegionCode;
  private readonly decoded: Decoded;
  /** Instructions of the block from this one on: those that have not retired when this one is left. */
  private readonly unretired: number;
  private readonly transfers: Transfers;
  /** The instruction has written through a place: it may have dropped translated code. */
  private wrotePlace = false;

  private readonly access: Access | null;

  constructor(
    region: RegionCode,
    decoded: Decoded,
    block: { unretired: number; transfers: Transfers; access: Access | null },
  ) {
    this.code = region.f;
    this.library = region.library;
    this.isFused = region.isFused;
    this.scratch = region.scratch;
    this.region = region;
    this.decoded = decoded;
    this.unretired = block.unretired;
    this.transfers = block.transfers;
    this.access = block.access;
  }

  /** Emits the instruction. */
  emit(): void {
    const { variant } = this.decoded;
    if (variant === null) return;
    variant.instruction.meaning(this);
    if (!this.wrotePlace) return;
    word(this.code, at.dropped);
    this.cold();
    this.code.if();
    this.leave(this.after);
    this.code.end();
  }

  /** Whereabouts of this instruction, and of the next when this one has retired. */
  private get here(): number {
    return whereabouts(this.region.root, this.decoded.pc, this.unretired);
  }

  private get after(): number {
    return whereabouts(this.region.root, this.decoded.pc + this.decoded.length, this.unretired - 1);
  }

  private leave(where: number): void {
    const { code, region } = this;
    code.i32(where);
    code.set(region.where);
    code.br(region.leaveInside);
  }

  /** Lets the interpreter do this instruction. */
  private leaveHere(): void {
    this.leave(this.here);
  }

  private leaveWhenPending(): void {
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

  /** Puts rs1 + immediate into `address` and its TLB entry into `found`; pushes whether the tag fits. */
  private hits(width: Width, part: number, withImmediate: boolean): void {
    const { code, region } = this;
    this.rs1();
    if (withImmediate && this.decoded.immediate !== 0) {
      this.immediate();
      code.op(op.i64Add);
    }
    code.set(region.address);
    if (region.withoutTlb) {
      code.i32(1);
      return;
    }
    tlbEntry(code, region.address, () => code.get(region.tlb));
    code.tee(region.found);
    code.memory(memoryOp.i64Load, part);
    // The low bits that must be zero are left in: a misaligned address has no entry, so it takes the slow path.
    code.get(region.address);
    code.i64(-PAGE_SIZE | (width / 8 - 1));
    code.op(op.i64And);
    code.op(op.i64Eq);
  }

  /** Pushes the place of `address` by the entry found. */
  private foundPlace(part: number): void {
    const { code, region } = this;
    code.get(region.address);
    code.op(op.i32WrapI64);
    if (region.withoutTlb) {
      word(code, at.ramOffset);
      code.op(op.i32Add);
      return;
    }
    code.get(region.found);
    code.memory(memoryOp.i32Load, part + 8);
    code.op(op.i32Add);
  }

  /** Opens the window of this access, unless an access before it did. */
  private openWindow({ window, opens }: Access): void {
    if (!opens) return;
    const { code, region } = this;
    const part = window.isWrite ? tlbSet.write : tlbSet.read;
    this.rs1();
    code.i64(window.lowest);
    code.op(op.i64Add);
    code.set(region.address);
    if (region.withoutTlb) {
      this.foundPlace(part);
      code.set(window.local);
      return;
    }
    tlbEntry(code, region.address, () => code.get(region.tlb));
    code.tee(region.found);
    code.memory(memoryOp.i64Load, part);
    pageOf(code, region.address);
    code.op(op.i64Eq);
    pageOffset(code, region.address);
    code.i32(PAGE_SIZE - window.span);
    code.op(op.i32LeU);
    code.op(op.i32And);
    code.hint(true);
    code.if(i32);
    this.foundPlace(part);
    code.else();
    code.i32(0);
    code.end();
    code.set(window.local);
  }

  /** Pushes whether the access can be done at once; then `pushPlace` pushes where, and `offset` is to be added. */
  private look(width: Width, part: number): { pushPlace: () => void; offset: number } {
    const { access, code } = this;
    if (access === null) {
      this.hits(width, part, true);
      return { pushPlace: () => this.foundPlace(part), offset: 0 };
    }
    this.openWindow(access);
    code.get(access.window.local);
    return {
      pushPlace: () => code.get(access.window.local),
      offset: this.decoded.immediate - access.window.lowest,
    };
  }

  /** Pushes rs1 + immediate, on the slow path of an access: without a window it is in `address`. */
  private slowAddress(): void {
    const { code, region, access } = this;
    if (access === null) {
      code.get(region.address);
      return;
    }
    this.rs1();
    this.immediate();
    code.op(op.i64Add);
  }

  private loadAs(width: Width, type: ValueType, load: MemoryOperation, convert: () => void): void {
    const { code, region } = this;
    const { pushPlace, offset } = this.look(width, tlbSet.read);
    // The usual way comes first: Liftoff keeps registers as the first arm leaves them.
    code.hint(true);
    code.if(type);
    pushPlace();
    code.memory(load, offset);
    code.else();
    this.slowAddress();
    code.i32(width / 8);
    code.call(region.helpers.load);
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

  /** Stores: `bits` pushes an i64 for the slow path, `value` what `store` takes. */
  private storeAs(width: Width, store: MemoryOperation, bits: () => void, value: () => void): void {
    const { code, region } = this;
    const { pushPlace, offset } = this.look(width, tlbSet.write);
    code.hint(true);
    code.if();
    pushPlace();
    value();
    code.memory(store, offset);
    code.else();
    this.slowAddress();
    bits();
    code.i32(width / 8);
    this.pc();
    code.i32(this.here);
    code.i32(this.after);
    code.call(region.helpers.translatedStore);
    code.tee(region.where);
    this.cold();
    code.brIf(region.leaveInside);
    code.end();
  }

  store(width: Width): void {
    this.storeAs(
      width,
      stores[width],
      () => this.rs2(),
      () => this.rs2(),
    );
  }

  storeDouble(): void {
    this.storeAs(
      64,
      memoryOp.f64Store,
      () => this.fs2Bits(),
      () => this.fs2(),
    );
  }

  storeSingle(): void {
    this.storeAs(
      32,
      memoryOp.i64Store32,
      () => this.fs2Bits(),
      () => this.fs2Bits(),
    );
  }

  requireAligned(width: Width): void {
    const { code } = this;
    this.rs1Word();
    code.i32(width / 8 - 1);
    code.op(op.i32And);
    this.cold();
    code.if();
    this.leaveHere();
    code.end();
  }

  place(width: Width, access: 'read' | 'write'): void {
    const { code, region } = this;
    const part = access === 'read' ? tlbSet.read : tlbSet.write;
    this.hits(width, part, false);
    code.hint(true);
    code.if(i32);
    this.foundPlace(part);
    code.else();
    code.get(region.address);
    if (access === 'write') {
      code.i32(width / 8);
      this.pc();
      this.wrotePlace = true;
    }
    code.call(access === 'read' ? region.helpers.placeToRead : region.helpers.placeToWrite);
    this.leaveWhenPending();
    code.end();
  }

  branch(condition: () => void): void {
    condition();
    this.transfers.branch();
  }

  jumpRelative(): void {
    this.transfers.jump();
  }

  jump(target: () => void): void {
    target();
    this.code.set(this.region.pc);
    this.transfers.indirect();
  }

  trap(): void {
    this.leaveHere();
  }

  counter(which: 'tick' | 'retired'): void {
    const { code, region } = this;
    code.i32(0);
    code.memory(memoryOp.i64Load, which === 'tick' ? at.tick : at.retired);
    // Retired before this one in this run: the budget less what remains, in which the block is counted out already.
    word(code, at.budget);
    code.get(region.remaining);
    code.op(op.i32Sub);
    code.i32(this.unretired);
    code.op(op.i32Sub);
    code.op(op.i64ExtendI32U);
    code.op(op.i64Add);
  }
}
