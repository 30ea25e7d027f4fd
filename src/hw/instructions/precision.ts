/**
 * Singles and doubles side by side: how the meanings of floating point instructions name what differs between the two.
 *
 * Numbers of the binary interchange formats (IEEE 754-2019, 3.6), operations of WebAssembly, accessors of `Effects` and
 * functions of the library. Holds no state; imported by the rows of floating point.
 */
import type { FunctionBuilder } from '../wasm/builder.ts';
import { type extractLane, type Operation, op, type VectorOperation, vector } from '../wasm/opcodes.ts';
import type { Effects } from './effects.ts';
import type { LibraryName } from './library.ts';

export type Operand = 1 | 2 | 3;

/** An operation of two operands: in line, and exactly by the library. */
export interface Binary {
  readonly operation: Operation;
  readonly call: LibraryName;
  /** The library's second operand is the negated one. */
  readonly negated: boolean;
}

export interface Precision {
  readonly suffix: 's' | 'd';
  /** The encoding field fmt. */
  readonly fmt: 0 | 1;
  /** Pushes an operand as a number; as bits; writes the result as a number or as bits. */
  read(e: Effects, operand: Operand): void;
  readBits(e: Effects, operand: Operand): void;
  write(e: Effects, value: () => void): void;
  writeBits(e: Effects, value: () => void): void;
  /** A local for a number. */
  scratch(e: Effects): number;
  /** Pushes an integer as wide as the bits. */
  constant(code: FunctionBuilder, value: bigint | number): void;
  readonly sign: bigint;
  readonly magnitude: bigint;
  /** Shifted left by one: 2 in the exponent field, and the number of values the field has from there up to infinity. */
  readonly fieldTwo: bigint;
  readonly fieldRange: bigint;

  readonly toBits: Operation;
  readonly fromBits: Operation;
  readonly shiftLeft: Operation;
  readonly subtract: Operation;
  readonly below: Operation;
  readonly and: Operation;
  readonly or: Operation;
  readonly xor: Operation;
  readonly negate: Operation;
  readonly squareRoot: Operation;
  readonly minimum: Operation;
  readonly maximum: Operation;
  readonly equal: Operation;
  readonly notEqual: Operation;
  readonly less: Operation;
  readonly lessOrEqual: Operation;

  readonly splat: VectorOperation;
  readonly multiplyAdd: VectorOperation;
  readonly lane: keyof typeof extractLane;

  readonly add: Binary;
  readonly difference: Binary;
  readonly multiply: Binary;
  readonly divide: Binary;
  readonly root: LibraryName;
  readonly fuse: LibraryName;
  readonly numberOf: LibraryName;
  readonly signal: LibraryName;
  readonly classify: LibraryName;
}

export const doubles: Precision = {
  suffix: 'd',
  fmt: 1,
  read: (e, operand) => ({ 1: () => e.fs1(), 2: () => e.fs2(), 3: () => e.fs3() })[operand](),
  readBits: (e, operand) => ({ 1: () => e.fs1Bits(), 2: () => e.fs2Bits(), 3: () => e.fs3Bits() })[operand](),
  write: (e, value) => e.fd(value),
  writeBits: (e, value) => e.fdBits(value),
  scratch: (e) => e.scratch.f64,
  constant: (code, value) => code.i64(value),
  sign: 1n << 63n,
  magnitude: (1n << 63n) - 1n,
  fieldTwo: 2n << 53n,
  fieldRange: 0x7fdn << 53n,
  toBits: op.i64ReinterpretF64,
  fromBits: op.f64ReinterpretI64,
  shiftLeft: op.i64Shl,
  subtract: op.i64Sub,
  below: op.i64LtU,
  and: op.i64And,
  or: op.i64Or,
  xor: op.i64Xor,
  negate: op.f64Neg,
  squareRoot: op.f64Sqrt,
  minimum: op.f64Min,
  maximum: op.f64Max,
  equal: op.f64Eq,
  notEqual: op.f64Ne,
  less: op.f64Lt,
  lessOrEqual: op.f64Le,
  splat: vector.f64Splat,
  multiplyAdd: vector.f64RelaxedMadd,
  lane: 'f64',
  add: { operation: op.f64Add, call: 'addDouble', negated: false },
  difference: { operation: op.f64Sub, call: 'addDouble', negated: true },
  multiply: { operation: op.f64Mul, call: 'multiplyDouble', negated: false },
  divide: { operation: op.f64Div, call: 'divideDouble', negated: false },
  root: 'rootDouble',
  fuse: 'fuseDouble',
  numberOf: 'numberOfDouble',
  signal: 'signalDouble',
  classify: 'classifyDouble',
};

export const singles: Precision = {
  suffix: 's',
  fmt: 0,
  read: (e, operand) =>
    ({ 1: () => e.fs1Single(), 2: () => e.fs2Single(), 3: () => e.fs3Single() })[operand](),
  readBits: (e, operand) =>
    ({ 1: () => e.fs1SingleBits(), 2: () => e.fs2SingleBits(), 3: () => e.fs3SingleBits() })[operand](),
  write: (e, value) => e.fdSingle(value),
  writeBits: (e, value) => e.fdSingleBits(value),
  scratch: (e) => e.scratch.f32,
  constant: (code, value) => code.i32(Number(BigInt.asIntN(32, BigInt(value)))),
  sign: 1n << 31n,
  magnitude: (1n << 31n) - 1n,
  fieldTwo: 2n << 24n,
  fieldRange: 0xfdn << 24n,
  toBits: op.i32ReinterpretF32,
  fromBits: op.f32ReinterpretI32,
  shiftLeft: op.i32Shl,
  subtract: op.i32Sub,
  below: op.i32LtU,
  and: op.i32And,
  or: op.i32Or,
  xor: op.i32Xor,
  negate: op.f32Neg,
  squareRoot: op.f32Sqrt,
  minimum: op.f32Min,
  maximum: op.f32Max,
  equal: op.f32Eq,
  notEqual: op.f32Ne,
  less: op.f32Lt,
  lessOrEqual: op.f32Le,
  splat: vector.f32Splat,
  multiplyAdd: vector.f32RelaxedMadd,
  lane: 'f32',
  add: { operation: op.f32Add, call: 'addSingle', negated: false },
  difference: { operation: op.f32Sub, call: 'addSingle', negated: true },
  multiply: { operation: op.f32Mul, call: 'multiplySingle', negated: false },
  divide: { operation: op.f32Div, call: 'divideSingle', negated: false },
  root: 'rootSingle',
  fuse: 'fuseSingle',
  numberOf: 'numberOfSingle',
  signal: 'signalSingle',
  classify: 'classifySingle',
};

export const precisions: readonly Precision[] = [singles, doubles];
