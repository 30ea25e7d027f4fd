/**
 * Where control is in a region when it is left in the middle, as one 32-bit word.
 *
 * Half the distance from the root in the low bits, above it 1 + how many instructions of the block have not retired
 * there. Ways out are many and cold: each sets one local, and one place makes the address and the count of it.
 * Invariant: the word is not 0. Called by what emits a region.
 */
import { assert } from '../../base/assert.ts';
import type { FunctionBuilder } from '../wasm/builder.ts';
import { op } from '../wasm/opcodes.ts';

const DISTANCE_BITS = 22;
/** An instruction of a region is nearer to its root than this, in bytes. */
export const REACH = 2 ** DISTANCE_BITS;
/** A block has fewer instructions than this. */
export const BLOCK_MAX = 2 ** (32 - DISTANCE_BITS) - 2;

/** The word for an address and a number of instructions of the block that have not retired. */
export function whereabouts(root: number, pc: number, unretired: number): number {
  assert(Math.abs(pc - root) < REACH, 'translator: a region is not wider than its whereabouts');
  assert(unretired <= BLOCK_MAX, 'translator: a block is not longer than its whereabouts');
  return ((unretired + 1) << DISTANCE_BITS) | (((pc - root) / 2) & (2 ** DISTANCE_BITS - 1));
}

/** Sets the locals `pc` (i64) and `remaining` (i32) by the word in the local `where`. */
export function takeWhereabouts(
  f: FunctionBuilder,
  root: number,
  { where, pc, remaining }: { where: number; pc: number; remaining: number },
): void {
  f.get(where);
  f.i32(32 - DISTANCE_BITS);
  f.op(op.i32Shl);
  f.i32(32 - DISTANCE_BITS - 1);
  f.op(op.i32ShrS);
  f.op(op.i64ExtendI32S);
  f.i64(root);
  f.op(op.i64Add);
  f.set(pc);
  f.get(remaining);
  f.get(where);
  f.i32(DISTANCE_BITS);
  f.op(op.i32ShrU);
  f.op(op.i32Add);
  f.i32(1);
  f.op(op.i32Sub);
  f.set(remaining);
}
