/**
 * The interpreter tier: one WebAssembly function made from the instruction table, the reference for every other tier.
 *
 * It walks decode entries (see `slot` in layout.ts): `entry` stands for the pc, `base` is the slot of the current page
 * and `page` its address, so that pc = page + (entry - base) / 4. Each operation of the decoder is one case of a br_table.
 * Invariants: `remaining` counts instructions that may still retire, so that a run ends after exactly its budget; a trap
 * is raised before any effect. Its parts: `Interpretation` implements the effects for operands that come from the
 * decode entry; `buildRun` is the loop around it.
 */
import { PAGE_SIZE } from '../base/limits.ts';
import { addDecoderFunctions, type DecoderFunctions, decoderTable, type Variant } from './decoder.ts';
import type { Effects, Library, Scratch, Width } from './instructions/effects.ts';
import { at, operations, STRADDLE_SLOT, slot, tlbSet } from './layout.ts';
import { traps } from './machine.ts';
import { addMemoryFunctions, type MemoryFunctions, setWord, tlbEntry, word } from './mmu.ts';
import { FunctionBuilder, type Label, ModuleBuilder } from './wasm/builder.ts';
import { memoryOp, op, types } from './wasm/opcodes.ts';

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
interface Locals {
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
interface Exits {
  /** On to the next entry; `entry` is set. */
  readonly next: Label;
  /** On to the address in `pc`. */
  readonly jump: Label;
  /** A trap is pending; `entry` is that of the instruction. */
  readonly trap: Label;
}

/** Offsets of the register fields in a decode entry. */
const field = { rd: 1, rs1: 2, rs2: 3, immediate: 4 } as const;

/** Pushes the pc (i64) that `entry` stands for. */
function pushPc(f: FunctionBuilder, l: Locals): void {
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
function advance(f: FunctionBuilder, l: Locals, length: number): void {
  f.get(l.entry);
  f.i32(length * 4);
  f.op(op.i32Add);
  f.set(l.entry);
}

/** The effects of one variant, with operands that the decode entry names at run time. */
class Interpretation implements Effects {
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

interface Functions {
  readonly memory: MemoryFunctions;
  readonly decoder: DecoderFunctions;
  readonly library: Library;
}

/** Gives back the instruction that was counted out for an entry that is none. */
function countBack(f: FunctionBuilder, l: Locals): void {
  f.get(l.remaining);
  f.i32(1);
  f.op(op.i32Add);
  f.set(l.remaining);
}

/** The cases of operations that are no instructions. */
function buildSpecial(
  f: FunctionBuilder,
  l: Locals,
  functions: Functions,
  exits: Exits,
  operation: number,
): void {
  switch (operation) {
    case operations.undecoded:
      countBack(f, l);
      f.get(l.entry);
      f.get(l.base);
      f.call(functions.decoder.decodeEntry);
      f.br(exits.next);
      break;
    case operations.pageEnd:
      countBack(f, l);
      pushPc(f, l);
      f.set(l.pc);
      f.br(exits.jump);
      break;
    case operations.straddle:
      // Its second half is fetched anew each time; the instruction runs from a slot that is nobody's.
      pushPc(f, l);
      f.tee(l.pc);
      f.i64(2);
      f.op(op.i64Add);
      f.call(functions.memory.placeToFetch);
      f.tee(l.found);
      f.op(op.i32Eqz);
      f.brIf(exits.trap);
      countBack(f, l);
      f.i32(STRADDLE_SLOT);
      f.get(l.base);
      f.memory(memoryOp.i32Load, slot.host);
      f.memory(memoryOp.i32Load16U, PAGE_SIZE - 2);
      f.get(l.found);
      f.memory(memoryOp.i32Load16U);
      f.i32(16);
      f.op(op.i32Shl);
      f.op(op.i32Or);
      f.i32(0);
      f.call(functions.decoder.decodeWord);
      f.i32(STRADDLE_SLOT);
      f.tee(l.base);
      f.set(l.entry);
      f.get(l.pc);
      f.set(l.page);
      f.br(exits.next);
      break;
    case operations.illegal:
      setWord(f, at.pending, () => f.i32(traps.illegalInstruction + 1));
      f.i32(0);
      f.get(l.entry);
      f.memory(memoryOp.i64Load32U, field.immediate);
      f.memory(memoryOp.i64Store, at.trapValue);
      f.br(exits.trap);
      break;
    default:
      advance(f, l, operation === operations.nothing ? 4 : 2);
      f.br(exits.next);
  }
}

/** Stores pc and counters and returns the cause in the local. */
function buildEnd(f: FunctionBuilder, l: Locals, cause: number): void {
  f.i32(0);
  f.get(l.pc);
  f.memory(memoryOp.i64Store, at.pc);
  setWord(f, at.lastRetired, () => {
    f.get(l.budget);
    f.get(l.remaining);
    f.op(op.i32Sub);
  });
  for (const counter of [at.tick, at.retired]) {
    f.i32(0);
    f.i32(0);
    f.memory(memoryOp.i64Load, counter);
    f.i32(0);
    f.memory(memoryOp.i64Load32U, at.lastRetired);
    f.op(op.i64Add);
    f.memory(memoryOp.i64Store, counter);
  }
  f.get(cause);
}

/** run(budget) -> cause. */
function buildRun(functions: Functions): FunctionBuilder {
  const f = new FunctionBuilder([i32], [i32]);
  const l: Locals = {
    budget: 0,
    remaining: f.local(i32),
    entry: f.local(i32),
    base: f.local(i32),
    page: f.local(i64),
    pc: f.local(i64),
    tlb: f.local(i32),
    address: f.local(i64),
    found: f.local(i32),
  };
  const scratch: Scratch = { i32: f.local(i32), i64: f.local(i64), i64b: f.local(i64) };
  const cause = f.local(i32);
  /** cause = the pending trap. */
  const takePending = (): void => {
    word(f, at.pending);
    f.i32(1);
    f.op(op.i32Sub);
    f.set(cause);
  };

  setWord(f, at.pending, () => f.i32(0));
  f.get(l.budget);
  f.set(l.remaining);
  word(f, at.tlb);
  f.set(l.tlb);
  f.i32(0);
  f.memory(memoryOp.i64Load, at.pc);
  f.i64(-2);
  f.op(op.i64And);
  f.set(l.pc);
  const done = f.block();
  const trap = f.block();
  const spent = f.block();

  const jump = f.loop();
  // A fetch that is not part of the budget must not fault, nor set an accessed bit.
  f.get(l.remaining);
  f.op(op.i32Eqz);
  f.if();
  f.i32(traps.budget);
  f.set(cause);
  f.br(done);
  f.end();
  f.get(l.pc);
  f.i64(-PAGE_SIZE);
  f.op(op.i64And);
  f.set(l.page);
  tlbEntry(f, l.pc, () => f.get(l.tlb));
  f.tee(l.found);
  f.memory(memoryOp.i64Load, tlbSet.execute);
  f.get(l.page);
  f.op(op.i64Eq);
  f.if(i32);
  f.get(l.found);
  f.memory(memoryOp.i32Load, tlbSet.execute + 8);
  f.else();
  f.get(l.pc);
  f.call(functions.memory.slotToExecute);
  f.end();
  f.tee(l.base);
  f.op(op.i32Eqz);
  f.if();
  takePending();
  f.br(done);
  f.end();
  f.get(l.base);
  f.get(l.pc);
  f.op(op.i32WrapI64);
  f.i32(PAGE_SIZE - 1);
  f.op(op.i32And);
  f.i32(2);
  f.op(op.i32Shl);
  f.op(op.i32Add);
  f.set(l.entry);

  const next = f.loop();
  f.get(l.remaining);
  f.i32(1);
  f.op(op.i32Sub);
  f.tee(l.remaining);
  f.i32(0);
  f.op(op.i32LtS);
  f.brIf(spent);
  const exits: Exits = { next, jump, trap };
  const count = operations.first + decoderTable.variants.length;
  const impossible = f.block();
  const cases = Array.from({ length: count }, () => f.block()).reverse();
  f.get(l.entry);
  f.memory(memoryOp.i32Load8U);
  f.brTable(cases, impossible);
  for (let operation = 0; operation < operations.first; operation++) {
    f.end();
    buildSpecial(f, l, functions, exits, operation);
  }
  for (const variant of decoderTable.variants) {
    f.end();
    const interpretation = new Interpretation(
      f,
      { library: functions.library, scratch, memory: functions.memory, locals: l, exits },
      variant,
    );
    variant.instruction.meaning(interpretation);
    if (interpretation.ended) continue;
    advance(f, l, variant.length);
    f.br(next);
  }
  f.end();
  f.unreachable();
  f.end();
  f.end();
  f.unreachable();

  f.end();
  // The budget is spent: the count went one below.
  pushPc(f, l);
  f.set(l.pc);
  f.i32(0);
  f.set(l.remaining);
  f.i32(traps.budget);
  f.set(cause);
  f.br(done);
  f.end();
  pushPc(f, l);
  f.set(l.pc);
  countBack(f, l);
  takePending();
  f.end();
  buildEnd(f, l, cause);
  return f;
}

/** (a, b) -> upper half of the unsigned 128-bit product, from four products of 32-bit halves. */
function buildMultiplyHigh(): FunctionBuilder {
  const f = new FunctionBuilder([i64, i64], [i64]);
  const [aLow, bLow, middle, cross] = [f.local(i64), f.local(i64), f.local(i64), f.local(i64)];
  const low = (from: number): void => {
    f.get(from);
    f.i64(0xffff_ffff);
    f.op(op.i64And);
  };
  const high = (from: number): void => {
    f.get(from);
    f.i64(32);
    f.op(op.i64ShrU);
  };
  low(0);
  f.set(aLow);
  low(1);
  f.set(bLow);
  // middle = aHigh * bLow + (aLow * bLow >> 32): at most 2^64 - 2^32, no carry is lost.
  high(0);
  f.get(bLow);
  f.op(op.i64Mul);
  f.get(aLow);
  f.get(bLow);
  f.op(op.i64Mul);
  f.i64(32);
  f.op(op.i64ShrU);
  f.op(op.i64Add);
  f.set(middle);
  // cross = aLow * bHigh + low(middle)
  f.get(aLow);
  high(1);
  f.op(op.i64Mul);
  low(middle);
  f.op(op.i64Add);
  f.set(cross);
  high(0);
  high(1);
  f.op(op.i64Mul);
  high(middle);
  f.op(op.i64Add);
  high(cross);
  f.op(op.i64Add);
  return f;
}

/** The bytes of the interpreter's module. It imports `machine.memory` and exports `run` and `flushWrites`. */
export function generateInterpreter(): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  const library: Library = { multiplyHigh: module.add(buildMultiplyHigh()) };
  const memory = addMemoryFunctions(module);
  const decoder = addDecoderFunctions(module);
  module.add(buildRun({ memory, decoder, library }), 'run');
  return module.finish();
}
