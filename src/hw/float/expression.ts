/**
 * WebAssembly functions written as expressions over variables, for code that computes a lot and branches little.
 *
 * A term is a value that can be pushed any number of times; writing it emits nothing, using it in a statement does.
 * Invariant: both operands of an operation have one type; a plain number takes the type of the other. Used by the library of
 * floating point; holds no state beyond the body under construction.
 */
import { assert } from '../../base/assert.ts';
import { FunctionBuilder } from '../wasm/builder.ts';
import { type MemoryOperation, type Operation, op, types, type ValueType } from '../wasm/opcodes.ts';

/** Something that pushes one value of its type. */
export interface Value {
  readonly type: ValueType;
  push(f: FunctionBuilder): void;
}

/** A local variable or parameter. */
export interface Variable extends Value {
  readonly index: number;
}

export type Term = Value | number | bigint;

const { i32, i64, f32, f64 } = types;

type ByType = Partial<Record<ValueType, Operation>>;

const variable = (type: ValueType, index: number): Variable => ({ type, index, push: (f) => f.get(index) });

/** A constant of an integer type. */
export function constant(type: ValueType, value: number | bigint): Value {
  assert(type === i32 || type === i64, 'float library: constants are integers');
  return {
    type,
    push: (f) => (type === i32 ? f.i32(Number(BigInt.asIntN(32, BigInt(value)))) : f.i64(value)),
  };
}

const isPlain = (term: Term): term is number | bigint => typeof term !== 'object';

/** The type of two terms: a value's; of constants only, that of a bigint is i64. */
function typeOf(a: Term, b: Term): ValueType {
  if (!isPlain(a)) return a.type;
  if (!isPlain(b)) return b.type;
  return typeof a === 'bigint' || typeof b === 'bigint' ? i64 : i32;
}

const asValue = (term: Term, type: ValueType): Value => (isPlain(term) ? constant(type, term) : term);

function operation(operations: ByType, type: ValueType): Operation {
  const found = operations[type];
  if (found === undefined) throw new Error('float library: the operation exists for this type');
  return found;
}

const binary =
  (operations: ByType, result: ValueType | null = null) =>
  (a: Term, b: Term): Value => {
    const type = typeOf(a, b);
    const [left, right] = [asValue(a, type), asValue(b, type)];
    assert(left.type === right.type, 'float library: both operands have one type');
    return {
      type: result ?? type,
      push(f) {
        left.push(f);
        right.push(f);
        f.op(operation(operations, type));
      },
    };
  };

const unary =
  (operations: ByType, result: ValueType | null = null) =>
  (a: Value): Value => ({
    type: result ?? a.type,
    push(f) {
      a.push(f);
      f.op(operation(operations, a.type));
    },
  });

export const add = binary({ [i32]: op.i32Add, [i64]: op.i64Add, [f32]: op.f32Add, [f64]: op.f64Add });
export const sub = binary({ [i32]: op.i32Sub, [i64]: op.i64Sub, [f32]: op.f32Sub, [f64]: op.f64Sub });
export const mul = binary({ [i32]: op.i32Mul, [i64]: op.i64Mul, [f32]: op.f32Mul, [f64]: op.f64Mul });
export const div = binary({ [f32]: op.f32Div, [f64]: op.f64Div });
export const and = binary({ [i32]: op.i32And, [i64]: op.i64And });
export const or = binary({ [i32]: op.i32Or, [i64]: op.i64Or });
export const xor = binary({ [i32]: op.i32Xor, [i64]: op.i64Xor });
export const shl = binary({ [i32]: op.i32Shl, [i64]: op.i64Shl });
/** Unsigned and signed shift right. The amount is taken modulo the width. */
export const shrU = binary({ [i32]: op.i32ShrU, [i64]: op.i64ShrU });
export const shrS = binary({ [i32]: op.i32ShrS, [i64]: op.i64ShrS });
export const eq = binary({ [i32]: op.i32Eq, [i64]: op.i64Eq, [f32]: op.f32Eq, [f64]: op.f64Eq }, i32);
export const ne = binary({ [i32]: op.i32Ne, [i64]: op.i64Ne, [f32]: op.f32Ne, [f64]: op.f64Ne }, i32);
/** Less, of signed integers or of numbers; greater; and of unsigned integers. */
export const lt = binary({ [i32]: op.i32LtS, [i64]: op.i64LtS, [f32]: op.f32Lt, [f64]: op.f64Lt }, i32);
export const gt = binary({ [i32]: op.i32GtS, [i64]: op.i64GtS, [f32]: op.f32Gt, [f64]: op.f64Gt }, i32);
export const ltU = binary({ [i32]: op.i32LtU, [i64]: op.i64LtU }, i32);
export const gtU = binary({ [i32]: op.i32GtU, [i64]: op.i64GtU }, i32);

/** Is zero. */
export const not = unary({ [i32]: op.i32Eqz, [i64]: op.i64Eqz }, i32);
export const clz = unary({ [i64]: op.i64Clz });
export const ctz = unary({ [i64]: op.i64Ctz });
export const abs = unary({ [f32]: op.f32Abs, [f64]: op.f64Abs });
export const sqrt = unary({ [f32]: op.f32Sqrt, [f64]: op.f64Sqrt });
export const low = unary({ [i64]: op.i32WrapI64 }, i32);
export const wideU = unary({ [i32]: op.i64ExtendI32U }, i64);
export const wideS = unary({ [i32]: op.i64ExtendI32S }, i64);
export const lowSigned = unary({ [i64]: op.i64Extend32S });
export const promote = unary({ [f32]: op.f64PromoteF32 }, f64);
export const demote = unary({ [f64]: op.f32DemoteF64 }, f32);
export const toF64 = unary({ [i64]: op.f64ReinterpretI64 }, f64);
export const toF32 = unary({ [i32]: op.f32ReinterpretI32 }, f32);
export const toI64 = unary({ [f64]: op.i64ReinterpretF64 }, i64);
export const toI32 = unary({ [f32]: op.i32ReinterpretF32 }, i32);
/** The nearest number of an i64, signed or not. */
export const numberOfSigned = {
  [f32]: unary({ [i64]: op.f32ConvertI64S }, f32),
  [f64]: unary({ [i64]: op.f64ConvertI64S }, f64),
};
export const numberOfUnsigned = {
  [f32]: unary({ [i64]: op.f32ConvertI64U }, f32),
  [f64]: unary({ [i64]: op.f64ConvertI64U }, f64),
};

/** `yes` when the condition is not 0, else `no`; both are computed. */
export function select(condition: Value, yes: Term, no: Term): Value {
  const type = typeOf(yes, no);
  return {
    type,
    push(f) {
      asValue(yes, type).push(f);
      asValue(no, type).push(f);
      condition.push(f);
      f.op(op.select);
    },
  };
}

/** What the function returns for these arguments. */
export function call(functionIndex: number, type: ValueType, ...values: Value[]): Value {
  return {
    type,
    push(f) {
      for (const value of values) value.push(f);
      f.call(functionIndex);
    },
  };
}

/** The body of a function under construction. */
export interface Routine {
  readonly body: FunctionBuilder;
  readonly parameters: readonly Variable[];
  variable(type: ValueType): Variable;
  set(target: Variable, value: Term): void;
  /** A new variable with this value. */
  let(value: Value): Variable;
  when(condition: Value, then: () => void, otherwise?: () => void): void;
  /** Returns from the function. */
  give(value: Value): void;
  /** When the condition holds, returns this. */
  giveWhen(condition: Value, value: Value): void;
  /** memory[address] |= bits, of a 32-bit word. */
  setBits(address: number, load: MemoryOperation, store: MemoryOperation, bits: Term): void;
  /** Calls a function for its effect; drops its result if it has one. */
  perform(functionIndex: number, hasResult: boolean, ...values: Value[]): void;
  /** Pushes the function's result and ends its body. */
  end(value: Value): FunctionBuilder;
}

/** A function of these types. */
export function routine(parameters: readonly ValueType[], results: readonly ValueType[]): Routine {
  const body = new FunctionBuilder(parameters, results);
  const self: Routine = {
    body,
    parameters: parameters.map(variable),
    variable: (type) => variable(type, body.local(type)),
    set(target, value) {
      asValue(value, target.type).push(body);
      body.set(target.index);
    },
    let(value) {
      const target = self.variable(value.type);
      self.set(target, value);
      return target;
    },
    when(condition, then, otherwise) {
      condition.push(body);
      body.if();
      then();
      if (otherwise !== undefined) {
        body.else();
        otherwise();
      }
      body.end();
    },
    give(value) {
      value.push(body);
      body.return();
    },
    giveWhen(condition, value) {
      self.when(condition, () => self.give(value));
    },
    setBits(address, load, store, bits) {
      body.i32(0);
      body.i32(0);
      body.memory(load, address);
      asValue(bits, i32).push(body);
      body.op(op.i32Or);
      body.memory(store, address);
    },
    perform(functionIndex, hasResult, ...values) {
      for (const value of values) value.push(body);
      body.call(functionIndex);
      if (hasResult) body.op(op.drop);
    },
    end(value) {
      value.push(body);
      return body;
    },
  };
  return self;
}
