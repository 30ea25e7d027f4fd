/**
 * Where the interpreter meets the translator: what happens when a control transfer leads somewhere.
 *
 * Each halfword of code has a word (`slot.arrivals`) that counts how often control arrived there. At the threshold its
 * address is put on the list of requests, some time later the interpreter stops for the translator; once there is
 * translated code the word names it and it is entered instead. Invariants: what is counted never changes what a
 * program does; translated code is entered only while instructions may still retire; when it comes back in the middle
 * of something, at least one instruction is interpreted before it is entered again.
 */
import { ARRIVALS_NEVER, at, REGION_FLAG, REQUESTS_MAX, resumption, slot, TRANSLATE } from '../layout.ts';
import { setWord, word } from '../mmu/words.ts';
import type { FunctionBuilder, Label } from '../wasm/builder.ts';
import { memoryOp, op, types } from '../wasm/opcodes.ts';
import { type Locals, pushPc } from './operands.ts';

export interface Tiers {
  /** Index of the type of a region's function: (pc, remaining) -> remaining. */
  readonly regionType: number;
  /** (region) -> 1 when its pages are still where they were; then it is sure again. */
  readonly validate: number;
}

interface Ways {
  readonly cause: number;
  readonly done: Label;
  readonly jump: Label;
  readonly taken: Label;
}

/** Ends the run with a cause of the local, at the address in `pc`. */
function buildStop(f: FunctionBuilder, { cause, done }: Ways, push: () => void): void {
  push();
  f.set(cause);
  f.br(done);
}

/** Enters the region whose word is in the local, and goes on as it says. */
function buildEnter(f: FunctionBuilder, l: Locals, tiers: Tiers, ways: Ways, arrivals: number): void {
  const before = f.local(types.i32);
  pushPc(f, l);
  f.set(l.pc);
  f.get(l.remaining);
  f.set(before);
  setWord(f, at.dropped, () => f.i32(0));
  f.get(l.pc);
  f.get(l.remaining);
  f.get(arrivals);
  f.i32(~REGION_FLAG);
  f.op(op.i32And);
  f.callIndirect(tiers.regionType);
  f.set(l.remaining);
  f.i32(0);
  f.i32(0);
  f.memory(memoryOp.i64Load, at.entered);
  f.i64(1);
  f.op(op.i64Add);
  f.memory(memoryOp.i64Store, at.entered);
  f.i32(0);
  f.i32(0);
  f.memory(memoryOp.i64Load, at.translated);
  f.get(before);
  f.get(l.remaining);
  f.op(op.i32Sub);
  f.op(op.i64ExtendI32U);
  f.op(op.i64Add);
  f.memory(memoryOp.i64Store, at.translated);
  f.i32(0);
  f.memory(memoryOp.i64Load, at.pc);
  f.set(l.pc);
  word(f, at.pending);
  f.if();
  buildStop(f, ways, () => {
    word(f, at.pending);
    f.i32(1);
    f.op(op.i32Sub);
  });
  f.end();
  word(f, at.resume);
  f.tee(l.manner);
  f.i32(resumption.unsure);
  f.op(op.i32Eq);
  f.if();
  // The region that is unsure says which it is: it need not be the one entered first.
  word(f, at.unsureRegion);
  f.call(tiers.validate);
  f.op(op.i32Eqz);
  f.set(l.manner);
  f.end();
  f.br(ways.jump);
}

/** Counts one more arrival beyond the threshold: asks for a translation, or stops for it. */
function buildRequest(f: FunctionBuilder, l: Locals, ways: Ways, arrivals: number): void {
  f.get(arrivals);
  f.i32(ARRIVALS_NEVER);
  f.op(op.i32LtU);
  f.if();
  f.get(l.found);
  f.get(arrivals);
  f.i32(1);
  f.op(op.i32Add);
  f.memory(memoryOp.i32Store, slot.arrivals);
  f.get(arrivals);
  word(f, at.threshold);
  f.op(op.i32Eq);
  word(f, at.requestCount);
  f.i32(REQUESTS_MAX);
  f.op(op.i32LtU);
  f.op(op.i32And);
  f.if();
  word(f, at.requestCount);
  f.i32(3);
  f.op(op.i32Shl);
  pushPc(f, l);
  f.memory(memoryOp.i64Store, at.requests);
  setWord(f, at.requestCount, () => {
    word(f, at.requestCount);
    f.i32(1);
    f.op(op.i32Add);
  });
  f.end();
  // The list is full, or this address has waited long enough for others.
  word(f, at.requestCount);
  f.i32(REQUESTS_MAX);
  f.op(op.i32Eq);
  f.get(arrivals);
  word(f, at.threshold);
  word(f, at.patience);
  f.op(op.i32Add);
  f.op(op.i32GeU);
  f.op(op.i32Or);
  f.if();
  pushPc(f, l);
  f.set(l.pc);
  buildStop(f, ways, () => f.i32(TRANSLATE));
  f.end();
  f.end();
}

/** Control has arrived at `entry`, in the manner of the local `manner`. Falls through to interpret what is there. */
export function buildArrival(f: FunctionBuilder, l: Locals, tiers: Tiers, ways: Ways): void {
  const arrivals = f.local(types.i32);
  f.get(l.manner);
  f.i32(resumption.inside);
  f.op(op.i32Ne);
  f.if();
  // Entries have 8 bytes, words 4.
  f.get(l.entry);
  f.get(l.base);
  f.op(op.i32Sub);
  f.i32(1);
  f.op(op.i32ShrU);
  f.get(l.base);
  f.op(op.i32Add);
  f.tee(l.found);
  f.memory(memoryOp.i32Load, slot.arrivals);
  f.tee(arrivals);
  word(f, at.threshold);
  f.op(op.i32LtU);
  f.if();
  f.get(l.found);
  f.get(arrivals);
  f.get(l.manner);
  f.op(op.i32Eqz);
  f.op(op.i32Add);
  f.memory(memoryOp.i32Store, slot.arrivals);
  f.else();
  f.get(l.remaining);
  f.if();
  f.get(arrivals);
  f.i32(0);
  f.op(op.i32LtS);
  f.if();
  buildEnter(f, l, tiers, ways, arrivals);
  f.end();
  // Who only looks asks for nothing: so an address is interpreted at least once before it is asked for again.
  f.get(l.manner);
  f.op(op.i32Eqz);
  f.if();
  buildRequest(f, l, ways, arrivals);
  f.end();
  f.end();
  f.end();
  f.end();
  f.i32(resumption.arrived);
  f.set(l.manner);
}
