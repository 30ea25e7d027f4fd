/**
 * Helper functions that meanings of instructions call, in both tiers.
 */
import { buildAdd } from './float/add.ts';
import { buildFromInteger, buildNarrow, buildToInteger, buildWiden } from './float/convert.ts';
import { buildDivide, buildRoot } from './float/divide.ts';
import { double, single } from './float/format.ts';
import { buildFuse } from './float/fuse.ts';
import { buildClassify, buildNumberOf, buildSignalEither } from './float/inspect.ts';
import { buildMultiply } from './float/multiply.ts';
import { buildPack } from './float/pack.ts';
import { buildExtend, buildSignal, type Helpers } from './float/special.ts';
import type { Library, LibraryName } from './instructions/library.ts';
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

/** The functions of floating point, by name. */
function floating(helpers: Helpers): Omit<Record<LibraryName, FunctionBuilder>, 'multiplyHigh'> {
  return {
    addDouble: buildAdd(double, helpers),
    multiplyDouble: buildMultiply(double, helpers),
    divideDouble: buildDivide(double, helpers),
    addSingle: buildAdd(single, helpers),
    multiplySingle: buildMultiply(single, helpers),
    divideSingle: buildDivide(single, helpers),
    rootDouble: buildRoot(double, helpers),
    rootSingle: buildRoot(single, helpers),
    fuseDouble: buildFuse(double, helpers),
    fuseSingle: buildFuse(single, helpers),
    numberOfDouble: buildNumberOf(double, helpers),
    numberOfSingle: buildNumberOf(single, helpers),
    signalDouble: buildSignalEither(double, helpers),
    signalSingle: buildSignalEither(single, helpers),
    classifyDouble: buildClassify(double),
    classifySingle: buildClassify(single),
    widen: buildWiden(),
    narrow: buildNarrow(helpers),
    doubleToWord: buildToInteger(32, true),
    doubleToWordUnsigned: buildToInteger(32, false),
    doubleToLong: buildToInteger(64, true),
    doubleToLongUnsigned: buildToInteger(64, false),
    longToDouble: buildFromInteger(double, true, helpers),
    longUnsignedToDouble: buildFromInteger(double, false, helpers),
    longToSingle: buildFromInteger(single, true, helpers),
    longUnsignedToSingle: buildFromInteger(single, false, helpers),
  };
}

/** Adds the functions to a module, which exports each under its name. */
export function addLibrary(module: ModuleBuilder): Library {
  const multiplyHigh = module.add(buildMultiplyHigh(), 'multiplyHigh');
  const helpers: Helpers = {
    multiplyHigh,
    signal: module.add(buildSignal()),
    extend: module.add(buildExtend()),
    pack: { double: module.add(buildPack(double)), single: module.add(buildPack(single)) },
  };
  const indices: Partial<Record<LibraryName, number>> = { multiplyHigh };
  for (const [name, body] of Object.entries(floating(helpers))) {
    indices[name as LibraryName] = module.add(body, name);
  }
  return indices as Library;
}
