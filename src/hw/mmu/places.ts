/**
 * From a guest address to its place in linear memory, for reading, writing and fetching; the modification log.
 *
 * Invariant: a frame gets an entry in a write TLB only after it is in the log, and only when it has no decode slot; a
 * write to a frame with one clears the decode entries that it touches. A place of 0 means that a trap is pending.
 */
import { at, LOG_ENTRY_SIZE, slot, tlbSet } from '../layout.ts';
import { pte, traps } from '../machine.ts';
import { FunctionBuilder } from '../wasm/builder.ts';
import { memoryOp, op, types } from '../wasm/opcodes.ts';
import {
  addend,
  fillEntry,
  lookUp,
  placeInFrame,
  placeOnHit,
  type Refill,
  returnFault,
  walkFor,
} from './refill.ts';
import { frameWord, pageOffset, setWord, word } from './words.ts';

const { i32, i64 } = types;

export function buildPlaceToRead(walk: number): FunctionBuilder {
  const f = new FunctionBuilder([i64], [i32]);
  const r: Refill = { f, address: 0, entry: f.local(i32), frame: f.local(i32) };
  lookUp(r, tlbSet.read, () => placeOnHit(r, tlbSet.read));
  walkFor(r, walk, pte.read);
  returnFault(f, r.address, r.frame, traps.loadPageFault, traps.loadAccess);
  fillEntry(r, tlbSet.read, () => addend(f, r.address, r.frame));
  placeInFrame(r);
  return f;
}

/** Like a read, with the codes of a fetch; nothing is put in a TLB. */
export function buildPlaceToFetch(walk: number): FunctionBuilder {
  const f = new FunctionBuilder([i64], [i32]);
  const r: Refill = { f, address: 0, entry: f.local(i32), frame: f.local(i32) };
  walkFor(r, walk, pte.execute);
  returnFault(f, r.address, r.frame, traps.instructionPageFault, traps.instructionAccess);
  placeInFrame(r);
  return f;
}

/** Logs the frame with this pc unless it is logged. */
function logWrite(f: FunctionBuilder, frame: number, pc: number): void {
  const entry = f.local(i32);
  frameWord(f, frame, at.logIndexes);
  f.memory(memoryOp.i32Load);
  f.op(op.i32Eqz);
  f.if();
  word(f, at.logCount);
  f.i32(LOG_ENTRY_SIZE);
  f.op(op.i32Mul);
  word(f, at.log);
  f.op(op.i32Add);
  f.tee(entry);
  f.get(frame);
  f.memory(memoryOp.i32Store);
  f.get(entry);
  f.get(pc);
  f.memory(memoryOp.i64Store, 8);
  setWord(f, at.logCount, () => {
    word(f, at.logCount);
    f.i32(1);
    f.op(op.i32Add);
  });
  frameWord(f, frame, at.logIndexes);
  word(f, at.logCount);
  f.memory(memoryOp.i32Store);
  f.end();
}

export function buildPlaceToWrite(walk: number, codeWritten: number): FunctionBuilder {
  const f = new FunctionBuilder([i64, i32, i64], [i32]);
  const [bytes, pc] = [1, 2];
  const r: Refill = { f, address: 0, entry: f.local(i32), frame: f.local(i32) };
  const decoded = f.local(i32);
  const offset = f.local(i32);
  lookUp(r, tlbSet.write, () => placeOnHit(r, tlbSet.write));
  walkFor(r, walk, pte.write);
  returnFault(f, r.address, r.frame, traps.storePageFault, traps.storeAccess);
  logWrite(f, r.frame, pc);
  frameWord(f, r.frame, at.frameSlots);
  f.memory(memoryOp.i32Load);
  f.tee(decoded);
  f.op(op.i32Eqz);
  f.if();
  fillEntry(r, tlbSet.write, () => addend(f, r.address, r.frame));
  word(f, at.tlb);
  f.i32(1);
  f.memory(memoryOp.i32Store, tlbSet.written);
  f.else();
  // The frame holds decoded code: clear the entries of each halfword written, and of the one before, whose
  // instruction may reach into it. From (offset - 2) & ~1, not below 0, to the last byte written.
  pageOffset(f, r.address);
  f.tee(offset);
  f.get(bytes);
  f.op(op.i32Add);
  f.set(bytes); // From here on: the end of what is written.
  f.get(offset);
  f.i32(-2);
  f.op(op.i32And);
  f.i32(2);
  f.op(op.i32Sub);
  f.tee(offset);
  f.i32(0);
  f.get(offset);
  f.i32(0);
  f.op(op.i32GeS);
  f.op(op.select);
  f.set(offset);
  f.get(decoded);
  f.memory(memoryOp.i32Load, slot.regions);
  f.if();
  f.get(decoded);
  f.get(offset);
  f.get(bytes);
  f.call(codeWritten);
  f.end();
  const clear = f.loop();
  f.get(decoded);
  f.get(offset);
  f.i32(2);
  f.op(op.i32Shl);
  f.op(op.i32Add);
  f.i64(0);
  f.memory(memoryOp.i64Store);
  // Of regions that began there none is left; what was found to be untranslatable was another instruction.
  f.get(decoded);
  f.get(offset);
  f.i32(1);
  f.op(op.i32Shl);
  f.op(op.i32Add);
  f.i32(0);
  f.memory(memoryOp.i32Store, slot.arrivals);
  f.get(offset);
  f.i32(2);
  f.op(op.i32Add);
  f.tee(offset);
  f.get(bytes);
  f.op(op.i32LtU);
  f.brIf(clear);
  f.end();
  f.end();
  placeInFrame(r);
  return f;
}
