/**
 * The effects of the instruction table for the interpreter: operands come from the decode entry at run time.
 *
 * Made once for each operation while the run function is generated. Invariant: whatever traps comes before any effect;
 * when a meaning has ended control by itself, `ended` is true and nothing is appended after it.
 */
import { PAGE_SIZE } from '../../base/limits.ts';
import type { Variant } from '../decoder.ts';
import type { Effects, Library, Scratch, Width } from '../instructions/effects.ts';
import { at, slot, tlbSet } from '../layout.ts';
import { setWord, tlbEntry, word } from '../mmu/words.ts';
import type { MemoryFunctions } from '../mmu.ts';
import type { FunctionBuilder, Label } from '../wasm/builder.ts';
import { memoryOp, op, types } from '../wasm/opcodes.ts';

const { i32, i64 } = types;

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
}

/** Where control goes after a meaning. */
export interface Exits {
  /** On to the next entry; `entry` is set. */
  readonly next: Label;
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
  /** True when the meaning has left the instruction by itself. */
  ended = false;
  private readonly memory: MemoryFunctions;
  private readonly l: Locals;
  private readonly exits: Exits;
  private readonly variant: Variant;

  constructor(
    code: FunctionBuilder,
    shared: { library: Library; scratch: Scratch; memory: MemoryFunctions; locals: Locals; exits: Exits },
    variant: Variant,
  ) {
    this.code = code;
    this.library = shared.library;
    this.scratch = shared.scratch;
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

  load(width: Width, signed: boolean): void {
    const { code, l } = this;
    this.lookUp(width, tlbSet.read, true);
    code.if(i64);
    this.foundPlace(tlbSet.read);
    code.memory(loads[width][`${signed}`]);
    code.else();
    code.get(l.address);
    code.i32(width / 8);
    code.call(this.memory.load);
    if (signed && width !== 64) code.op(extensions[width]);
    this.leaveWhenPending();
    code.end();
  }

  store(width: Width): void {
    const { code, l } = this;
    this.lookUp(width, tlbSet.write, true);
    code.if();
    this.foundPlace(tlbSet.write);
    this.rs2();
    code.memory(stores[width]);
    code.else();
    code.get(l.address);
    this.rs2();
    code.i32(width / 8);
    this.pc();
    code.call(this.memory.store);
    this.leaveWhenPending();
    code.end();
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
    code.br(this.exits.next);
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
    code.br(this.exits.next);
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
