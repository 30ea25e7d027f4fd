/**
 * What the functions of the memory management unit have in common: words of the hart record, parts of addresses, frames.
 *
 * Each function appends instructions to a body; "pushes" leaves one value on WebAssembly's stack. Holds no state.
 */
import { PAGE_SHIFT, PAGE_SIZE } from '../../base/limits.ts';
import { at, TLB_ENTRIES, TLB_ENTRY_SHIFT, TLB_ENTRY_SIZE } from '../layout.ts';
import type { FunctionBuilder } from '../wasm/builder.ts';
import { memoryOp, op } from '../wasm/opcodes.ts';

/** Pushes a word of the hart record. */
export function word(f: FunctionBuilder, address: number): void {
  f.i32(0);
  f.memory(memoryOp.i32Load, address);
}

/** Sets a word of the hart record to what `value` pushes. */
export function setWord(f: FunctionBuilder, address: number, value: () => void): void {
  f.i32(0);
  value();
  f.memory(memoryOp.i32Store, address);
}

/** Pushes the address of the TLB entry for the page of the i64 local, in the part at `tlb` (pushed) + offset. */
export function tlbEntry(f: FunctionBuilder, address: number, tlb: () => void): void {
  f.get(address);
  f.op(op.i32WrapI64);
  f.i32(PAGE_SHIFT - TLB_ENTRY_SHIFT);
  f.op(op.i32ShrU);
  f.i32((TLB_ENTRIES - 1) * TLB_ENTRY_SIZE);
  f.op(op.i32And);
  tlb();
  f.op(op.i32Add);
}

/** Pushes the page address (i64) of the address in the local. */
export function pageOf(f: FunctionBuilder, address: number): void {
  f.get(address);
  f.i64(-PAGE_SIZE);
  f.op(op.i64And);
}

/** Pushes the offset in its page (i32) of the address in the local. */
export function pageOffset(f: FunctionBuilder, address: number): void {
  f.get(address);
  f.op(op.i32WrapI64);
  f.i32(PAGE_SIZE - 1);
  f.op(op.i32And);
}

/** Pushes the address of the page after that of the local. */
export function nextPage(f: FunctionBuilder, address: number): void {
  pageOf(f, address);
  f.i64(PAGE_SIZE);
  f.op(op.i64Add);
}

/** Pushes the place in linear memory of the frame's first byte. */
export function frameStart(f: FunctionBuilder, frame: number): void {
  f.get(frame);
  f.i32(PAGE_SHIFT);
  f.op(op.i32Shl);
  word(f, at.ramOffset);
  f.op(op.i32Add);
}

/** Pushes the address of this frame's word in the table whose address is in the hart record at `table`. */
export function frameWord(f: FunctionBuilder, frame: number, table: number): void {
  f.get(frame);
  f.i32(2);
  f.op(op.i32Shl);
  word(f, table);
  f.op(op.i32Add);
}
