/**
 * Whether a region of translated code may run in the current address space.
 *
 * Invariant: it may when each of its pages is executable there, leads to the frame whose slot the region was made from,
 * and has been executed there before (its accessed bit is set, so that running the region changes no table). Called by
 * the interpreter when a region was made or last run under another stamp. Changes nothing but the region's stamp, and
 * tells the translator of a refusal.
 */
import { at, REGION_RECORDS, regionRecord } from '../layout.ts';
import { pte } from '../machine.ts';
import { FunctionBuilder } from '../wasm/builder.ts';
import { memoryOp, op, types } from '../wasm/opcodes.ts';
import { commitment } from './walk.ts';
import { frameWord, word } from './words.ts';

const { i32 } = types;
const { offset } = regionRecord;

/** validate(region) -> 1 when the region may run, else 0. */
export function buildValidate(walk: number, regionRefused: number): FunctionBuilder {
  const f = new FunctionBuilder([i32], [i32]);
  const [region, record, page, frame] = [0, f.local(i32), f.local(i32), f.local(i32)];
  const refuse = (): void => {
    f.get(region);
    f.call(regionRefused);
    f.i32(0);
    f.return();
  };
  f.get(region);
  f.i32(regionRecord.size);
  f.op(op.i32Mul);
  f.set(record);
  const next = f.loop();
  f.get(record);
  f.get(page);
  f.i32(3);
  f.op(op.i32Shl);
  f.op(op.i32Add);
  f.memory(memoryOp.i64Load, REGION_RECORDS + offset.pages);
  f.i32(pte.execute);
  f.i32(commitment.expect);
  f.call(walk);
  f.tee(frame);
  f.i32(0);
  f.op(op.i32LtS);
  f.if();
  refuse();
  f.end();
  frameWord(f, frame, at.frameSlots);
  f.memory(memoryOp.i32Load);
  f.get(record);
  f.get(page);
  f.i32(2);
  f.op(op.i32Shl);
  f.op(op.i32Add);
  f.memory(memoryOp.i32Load, REGION_RECORDS + offset.slots);
  f.op(op.i32Ne);
  f.if();
  refuse();
  f.end();
  f.get(page);
  f.i32(1);
  f.op(op.i32Add);
  f.tee(page);
  f.get(record);
  f.memory(memoryOp.i32Load, REGION_RECORDS + offset.pageCount);
  f.op(op.i32LtU);
  f.brIf(next);
  f.end();
  f.get(record);
  word(f, at.stamp);
  f.memory(memoryOp.i32Store, REGION_RECORDS + offset.stamp);
  f.i32(1);
  return f;
}
