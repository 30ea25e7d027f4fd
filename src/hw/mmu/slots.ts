/**
 * Decode slots: which frames have one, and who must forget what when that changes.
 *
 * Invariants: a frame has at most one slot; a frame with a slot is in no write TLB; a fetch TLB leads only to the slot
 * that its frame has now. Slots are a cache: taking one away costs decoding again and nothing else.
 */
import { PAGE_SIZE } from '../../base/limits.ts';
import { at, operations, slot, TLB_INVALID_BYTE, TLB_OFF, TLBS, tlbSet } from '../layout.ts';
import { pte, traps } from '../machine.ts';
import { FunctionBuilder } from '../wasm/builder.ts';
import { memoryOp, op, types } from '../wasm/opcodes.ts';
import { fillEntry, lookUp, type Refill, returnFault, walkFor } from './refill.ts';
import { frameStart, frameWord, setWord, word } from './words.ts';

const { i32, i64 } = types;

/** Fills `length` bytes at what `start` pushes with the value that no tag has. */
function invalidate(f: FunctionBuilder, start: () => void, length: number): void {
  start();
  f.i32(TLB_INVALID_BYTE);
  f.i32(length);
  f.fill();
}

/** For each TLB set: `body` sees its address in the local. */
function eachSet(f: FunctionBuilder, set: number, body: () => void): void {
  f.i32(TLBS);
  f.set(set);
  const next = f.loop();
  body();
  f.get(set);
  f.i32(tlbSet.size);
  f.op(op.i32Add);
  f.tee(set);
  f.i32(TLB_OFF);
  f.op(op.i32LtU);
  f.brIf(next);
  f.end();
}

/** () Empties the write part of every set, so that each next write is seen. */
export function buildFlushWrites(): FunctionBuilder {
  const f = new FunctionBuilder([], []);
  const set = f.local(i32);
  eachSet(f, set, () => {
    f.get(set);
    f.memory(memoryOp.i32Load, tlbSet.written);
    f.if();
    f.get(set);
    f.i32(0);
    f.memory(memoryOp.i32Store, tlbSet.written);
    invalidate(
      f,
      () => {
        f.get(set);
        f.i32(tlbSet.write);
        f.op(op.i32Add);
      },
      tlbSet.execute - tlbSet.write,
    );
    f.end();
  });
  return f;
}

/** (frame) -> decode slot. When none is free, the next in turn is taken from its frame. */
export function buildAllocateSlot(flushWrites: number, codeWritten: number): FunctionBuilder {
  const f = new FunctionBuilder([i32], [i32]);
  const frame = 0;
  const taken = f.local(i32);
  const set = f.local(i32);
  const slotAddress = (number: () => void): void => {
    number();
    f.i32(slot.size);
    f.op(op.i32Mul);
    word(f, at.slots);
    f.op(op.i32Add);
    f.set(taken);
  };
  word(f, at.slotsUsed);
  word(f, at.slotCount);
  f.op(op.i32LtU);
  f.if();
  slotAddress(() => word(f, at.slotsUsed));
  setWord(f, at.slotsUsed, () => {
    word(f, at.slotsUsed);
    f.i32(1);
    f.op(op.i32Add);
  });
  f.else();
  slotAddress(() => word(f, at.slotHand));
  setWord(f, at.slotHand, () => {
    word(f, at.slotHand);
    f.i32(1);
    f.op(op.i32Add);
    word(f, at.slotCount);
    f.op(op.i32RemU);
  });
  f.get(taken);
  f.memory(memoryOp.i32Load, slot.regions);
  f.if();
  f.get(taken);
  f.i32(0);
  f.i32(PAGE_SIZE);
  f.call(codeWritten);
  f.end();
  // Its old frame has no slot any more, and no fetch TLB may lead to it.
  f.get(taken);
  f.memory(memoryOp.i32Load, slot.frame);
  f.set(set);
  frameWord(f, set, at.frameSlots);
  f.i32(0);
  f.memory(memoryOp.i32Store);
  eachSet(f, set, () => {
    invalidate(
      f,
      () => {
        f.get(set);
        f.i32(tlbSet.execute);
        f.op(op.i32Add);
      },
      tlbSet.written - tlbSet.execute,
    );
  });
  f.get(taken);
  f.i32(0);
  f.i32(slot.size);
  f.fill();
  f.end();
  f.get(taken);
  f.i32(operations.pageEnd);
  f.memory(memoryOp.i32Store, slot.entriesEnd);
  f.get(taken);
  frameStart(f, frame);
  f.memory(memoryOp.i32Store, slot.host);
  f.get(taken);
  f.get(frame);
  f.memory(memoryOp.i32Store, slot.frame);
  frameWord(f, frame, at.frameSlots);
  f.get(taken);
  f.memory(memoryOp.i32Store);
  // From now on stores to this frame must be seen.
  f.call(flushWrites);
  f.get(taken);
  return f;
}

export function buildSlotToExecute(walk: number, allocateSlot: number): FunctionBuilder {
  const f = new FunctionBuilder([i64], [i32]);
  const r: Refill = { f, address: 0, entry: f.local(i32), frame: f.local(i32) };
  const found = f.local(i32);
  lookUp(r, tlbSet.execute, () => {
    f.get(r.entry);
    f.memory(memoryOp.i32Load, tlbSet.execute + 8);
  });
  walkFor(r, walk, pte.execute);
  returnFault(f, r.address, r.frame, traps.instructionPageFault, traps.instructionAccess);
  frameWord(f, r.frame, at.frameSlots);
  f.memory(memoryOp.i32Load);
  f.tee(found);
  f.op(op.i32Eqz);
  f.if();
  f.get(r.frame);
  f.call(allocateSlot);
  f.set(found);
  f.end();
  fillEntry(r, tlbSet.execute, () => f.get(found));
  f.get(found);
  return f;
}
