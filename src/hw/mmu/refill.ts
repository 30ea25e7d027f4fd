/**
 * The parts of a function that looks in a TLB, walks the tables when it must, and puts an entry in.
 *
 * Called by the functions that give places (places.ts) and decode slots (slots.ts).
 */
import { PAGE_SIZE } from '../../base/limits.ts';
import { at, tlbSet } from '../layout.ts';
import type { FunctionBuilder } from '../wasm/builder.ts';
import { memoryOp, op } from '../wasm/opcodes.ts';
import { commitment, PAGE_FAULT } from './walk.ts';
import { frameStart, pageOf, pageOffset, setWord, tlbEntry, word } from './words.ts';

/** The parts every TLB refill has in common. */
export interface Refill {
  readonly f: FunctionBuilder;
  readonly address: number;
  readonly entry: number;
  readonly frame: number;
}

/** Makes the fault of a failed walk pending: `result` is the local with what the walk gave, a page fault or not. */
export function raiseFault(
  f: FunctionBuilder,
  address: number,
  result: number,
  page: number,
  access: number,
): void {
  setWord(f, at.pending, () => {
    f.i32(page + 1);
    f.i32(access + 1);
    f.get(result);
    f.i32(PAGE_FAULT);
    f.op(op.i32Eq);
    f.op(op.select);
  });
  f.i32(0);
  f.get(address);
  f.memory(memoryOp.i64Store, at.trapValue);
}

/** When the walk failed (local `frame` is negative), raises its fault and returns 0 from the function being built. */
export function returnFault(
  f: FunctionBuilder,
  address: number,
  frame: number,
  page: number,
  access: number,
): void {
  f.get(frame);
  f.i32(0);
  f.op(op.i32LtS);
  f.if();
  raiseFault(f, address, frame, page, access);
  f.i32(0);
  f.return();
  f.end();
}

/** Begins a function by looking in a part of the TLB: returns what `hit` pushes when the tag is there. */
export function lookUp(r: Refill, part: number, hit: () => void): void {
  const { f, address, entry } = r;
  tlbEntry(f, address, () => word(f, at.tlb));
  f.tee(entry);
  f.memory(memoryOp.i64Load, part);
  pageOf(f, address);
  f.op(op.i64Eq);
  f.if();
  hit();
  f.return();
  f.end();
}

export function walkFor(r: Refill, walk: number, wanted: number): void {
  const { f, address, frame } = r;
  f.get(address);
  f.i32(wanted);
  f.i32(commitment.mark);
  f.call(walk);
  f.set(frame);
}

/** Writes the entry: tag, and the value that `value` pushes. */
export function fillEntry(r: Refill, part: number, value: () => void): void {
  const { f, address, entry } = r;
  f.get(entry);
  pageOf(f, address);
  f.memory(memoryOp.i64Store, part);
  f.get(entry);
  value();
  f.memory(memoryOp.i32Store, part + 8);
  word(f, at.walkLevel);
  f.if();
  word(f, at.tlb);
  f.i32(1);
  f.memory(memoryOp.i32Store, tlbSet.large);
  f.end();
}

/** Pushes what added to the low half of an address on the page gives its place. */
export function addend(f: FunctionBuilder, address: number, frame: number): void {
  frameStart(f, frame);
  f.get(address);
  f.op(op.i32WrapI64);
  f.i32(-PAGE_SIZE);
  f.op(op.i32And);
  f.op(op.i32Sub);
}

export function placeOnHit(r: Refill, part: number): void {
  const { f, address, entry } = r;
  f.get(address);
  f.op(op.i32WrapI64);
  f.get(entry);
  f.memory(memoryOp.i32Load, part + 8);
  f.op(op.i32Add);
}

export function placeInFrame(r: Refill): void {
  const { f, address, frame } = r;
  frameStart(f, frame);
  pageOffset(f, address);
  f.op(op.i32Add);
}
