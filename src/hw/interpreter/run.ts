/**
 * The interpreter's loop: fetch, count, dispatch, and the ways out.
 *
 * It walks decode entries (see `slot` in layout.ts): `entry` stands for the pc, `base` is the slot of the current page
 * and `page` its address, so that pc = page + (entry - base) / 4. Each operation of the decoder is one case of a br_table.
 * Invariants: `remaining` counts instructions that may still retire, so that a run ends after exactly its budget; a trap
 * leaves with `entry` at its instruction.
 */
import { PAGE_SIZE } from '../../base/limits.ts';
import { type DecoderFunctions, decoderTable } from '../decoder.ts';
import type { Scratch } from '../instructions/effects.ts';
import type { Library } from '../instructions/library.ts';
import { at, operations, STRADDLE_SLOT, slot, tlbSet } from '../layout.ts';
import { traps } from '../machine.ts';
import { setWord, tlbEntry, word } from '../mmu/words.ts';
import type { MemoryFunctions } from '../mmu.ts';
import { FunctionBuilder, type Label } from '../wasm/builder.ts';
import { memoryOp, op, types } from '../wasm/opcodes.ts';
import { buildArrival, type Tiers } from './arrival.ts';
import { Interpretation } from './interpretation.ts';
import { advance, type Exits, field, type Locals, pushPc } from './operands.ts';

const { i32, i64 } = types;

export interface Functions {
  readonly memory: MemoryFunctions;
  readonly decoder: DecoderFunctions;
  readonly library: Library;
  /** See Effects. */
  readonly isFused: boolean;
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
      // Running on into the next page is no arrival; in the slot for two pages every target is on another one.
      f.get(l.base);
      f.i32(STRADDLE_SLOT);
      f.op(op.i32Ne);
      f.set(l.manner);
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

/** Makes the cause of the pending trap the result. */
export function takePending(f: FunctionBuilder, cause: number): void {
  word(f, at.pending);
  f.i32(1);
  f.op(op.i32Sub);
  f.set(cause);
}

/** Sets what a run begins with. The lowest bit of the pc is always zero. */
function buildStart(f: FunctionBuilder, l: Locals): void {
  setWord(f, at.pending, () => f.i32(0));
  setWord(f, at.budget, () => f.get(l.budget));
  word(f, at.resume);
  f.set(l.manner);
  f.get(l.budget);
  f.set(l.remaining);
  word(f, at.tlb);
  f.set(l.tlb);
  f.i32(0);
  f.memory(memoryOp.i64Load, at.pc);
  f.i64(-2);
  f.op(op.i64And);
  f.set(l.pc);
}

/** From the address in `pc` to its page, slot and entry; to `done` when the budget is spent or the fetch faults. */
function buildJump(f: FunctionBuilder, l: Locals, functions: Functions, cause: number, done: Label): void {
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
  takePending(f, cause);
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
}

/** Does the entry's operation: one case each, in the order of their numbers. */
function buildDispatch(
  f: FunctionBuilder,
  l: Locals,
  functions: Functions,
  scratch: Scratch,
  exits: Exits,
): void {
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
  const { library, isFused, memory } = functions;
  for (const variant of decoderTable.variants) {
    f.end();
    const shared = { library, isFused, scratch, memory, locals: l, exits };
    const interpretation = new Interpretation(f, shared, variant);
    variant.instruction.meaning(interpretation);
    if (interpretation.ended) continue;
    advance(f, l, variant.length);
    f.br(exits.next);
  }
  f.end();
  f.unreachable();
}

/** run(budget) -> cause. With `tiers` it counts arrivals and enters translated code, see arrival.ts; else it does neither. */
export function buildRun(functions: Functions, tiers: Tiers | null): FunctionBuilder {
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
    manner: f.local(i32),
  };
  const scratch: Scratch = {
    i32: f.local(i32),
    i64: f.local(i64),
    i64b: f.local(i64),
    f32: f.local(types.f32),
    f64: f.local(types.f64),
  };
  const cause = f.local(i32);
  buildStart(f, l);
  const done = f.block();
  const trap = f.block();
  const spent = f.block();
  const jump = f.loop();
  buildJump(f, l, functions, cause, done);
  const taken = f.loop();
  if (tiers !== null) buildArrival(f, l, tiers, { cause, done, jump, taken });
  const next = f.loop();
  f.get(l.remaining);
  f.i32(1);
  f.op(op.i32Sub);
  f.tee(l.remaining);
  f.i32(0);
  f.op(op.i32LtS);
  f.brIf(spent);
  buildDispatch(f, l, functions, scratch, { next, taken, jump, trap });
  f.end();
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
  // A trap: its instruction has not retired.
  pushPc(f, l);
  f.set(l.pc);
  countBack(f, l);
  takePending(f, cause);
  f.end();
  buildEnd(f, l, cause);
  return f;
}
