/**
 * Helper functions that meanings of instructions call, in both tiers.
 */
import type { Library } from './instructions/effects.ts';
import { FunctionBuilder, type ModuleBuilder } from './wasm/builder.ts';
import { op, types } from './wasm/opcodes.ts';

const { i64 } = types;

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

/** Adds the functions to a module. */
export function addLibrary(module: ModuleBuilder): Library {
  return { multiplyHigh: module.add(buildMultiplyHigh()) };
}
