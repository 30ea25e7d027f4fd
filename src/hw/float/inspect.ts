/**
 * What looks at numbers without computing: classification, the number among NaNs, signaling NaNs in comparisons.
 *
 * Manual, chapter "F", "Single-Precision Floating-Point Compare Instructions" and "Classify Instruction"; IEEE 754-2019 9.6.
 */
import type { FunctionBuilder } from '../wasm/builder.ts';
import { types, type ValueType } from '../wasm/opcodes.ts';
import {
  and,
  call,
  constant,
  eq,
  not,
  routine,
  select,
  type Value,
  type Variable,
  wideU,
} from './expression.ts';
import { type Format, isNan } from './format.ts';
import type { Helpers } from './special.ts';

const { i32, i64 } = types;

/** Bits of the mask of fclass, for a negative and for a positive number. */
const classes = {
  infinite: [1 << 0, 1 << 7],
  normal: [1 << 1, 1 << 6],
  subnormal: [1 << 2, 1 << 5],
  zero: [1 << 3, 1 << 4],
} as const;
const SIGNALING_NAN = 1 << 8;
const QUIET_NAN = 1 << 9;

export function buildClassify(format: Format): FunctionBuilder {
  const r = routine([format.bits], [i64]);
  const [bits] = r.parameters as [Variable];
  const has = (mask: bigint): Value => and(bits, constant(format.bits, mask));
  const field = r.let(has(format.infinity));
  const fraction = r.let(has((1n << BigInt(format.fraction)) - 1n));
  const isQuiet = not(not(has(format.nan ^ format.infinity)));
  const isNegative = r.let(not(not(has(format.sign))));
  const mask = (kind: keyof typeof classes): Value =>
    select(isNegative, constant(i32, classes[kind][0]), constant(i32, classes[kind][1]));
  const whole = select(not(fraction), mask('infinite'), select(isQuiet, QUIET_NAN, SIGNALING_NAN));
  const small = select(not(fraction), mask('zero'), mask('subnormal'));
  const isSpecial = eq(field, constant(format.bits, format.infinity));
  return r.end(wideU(select(isSpecial, whole, select(not(field), small, mask('normal')))));
}

/** A function of two operands of the format, taken as doubles' bits. */
function ofTwo(format: Format, helpers: Helpers, result: ValueType) {
  const r = routine([format.bits, format.bits], [result]);
  const [a, b] = r.parameters.map((parameter) =>
    format.name === 'double' ? parameter : r.let(call(helpers.extend, i64, parameter)),
  ) as [Variable, Variable];
  const signal = (): void => {
    r.perform(helpers.signal, true, a);
    r.perform(helpers.signal, true, b);
  };
  return { r, a, b, signal };
}

/** (a, b), not both numbers -> the one that is a number, else the canonical NaN; NV for a signaling one. */
export function buildNumberOf(format: Format, helpers: Helpers): FunctionBuilder {
  const { r, a, b, signal } = ofTwo(format, helpers, format.bits);
  const [first, second] = r.parameters as [Variable, Variable];
  signal();
  const nan = constant(format.bits, format.nan);
  return r.end(select(isNan(a), select(isNan(b), nan, second), first));
}

/** (a, b) -> 0; NV when one is signaling. */
export function buildSignalEither(format: Format, helpers: Helpers): FunctionBuilder {
  const { r, signal } = ofTwo(format, helpers, i32);
  signal();
  return r.end(constant(i32, 0));
}
