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
import { extensions, loads, stores } from '../mmu/widths.ts';
import { tlbEntry, word } from '../mmu/words.ts';
import type { MemoryFunctions } from '../mmu.ts';
import type { FunctionBuilder } from '../wasm/builder.ts';
import { type MemoryOperation, memoryOp, op, types, type ValueType } from '../wasm/opcodes.ts';
import { type Exits, type Locals, Operands } from './operands.ts';

const { i32, i64, f32, f64 } = types;

/** The effects of one variant, with operands that the decode entry names at run time. */
export class Interpretation extends Operands implements Effects {
  readonly library: Library;
  readonly scratch: Scratch;
  readonly isFused: boolean;
  /** True when the meaning has left the instruction by itself. */
  ended = false;
  private readonly memory: MemoryFunctions;

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
    super(code, shared.locals, shared.exits, variant);
    this.library = shared.library;
    this.scratch = shared.scratch;
    this.isFused = shared.isFused;
    this.memory = shared.memory;
  }

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
