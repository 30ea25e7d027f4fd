/**
 * Conversions between integers, singles and doubles (manual, chapters "F" and "D"). Rows of the table of `table.ts`.
 *
 * In line is what the host does exactly as asked, see `floating.ts`; the library does the rest. Conversions that are
 * always exact still want a valid rounding mode, like all instructions that have the field.
 */
import { type Operation, op, type Saturating, saturating, types } from '../wasm/opcodes.ts';
import type { Effects } from './effects.ts';
import type { LibraryName } from './library.ts';
import { type Precision, precisions, singles } from './precision.ts';
import { type Instruction, row } from './row.ts';

const OP_FP = 0x53;
const TOWARDS_ZERO = 1;

/** A kind of integer: rs2 field, and how WebAssembly and the library convert from and to it. */
interface Integer {
  readonly suffix: 'w' | 'wu' | 'l' | 'lu';
  readonly rs2: number;
  /** Truncation, and the doubles between which what it gives fits. */
  readonly truncate: { readonly operation: Saturating; readonly above: number; readonly below: number };
  readonly fromDouble: LibraryName;
  /** From an i64: words have been extended to that. */
  readonly convert: { readonly s: Operation; readonly d: Operation };
  readonly toDouble: LibraryName;
  readonly toSingle: LibraryName;
}

const integers: readonly Integer[] = [
  {
    suffix: 'w',
    rs2: 0,
    truncate: { operation: saturating.i32TruncF64S, above: -(2 ** 31) - 1, below: 2 ** 31 },
    fromDouble: 'doubleToWord',
    convert: { s: op.f32ConvertI64S, d: op.f64ConvertI32S },
    toDouble: 'longToDouble',
    toSingle: 'longToSingle',
  },
  {
    suffix: 'wu',
    rs2: 1,
    truncate: { operation: saturating.i32TruncF64U, above: -1, below: 2 ** 32 },
    fromDouble: 'doubleToWordUnsigned',
    convert: { s: op.f32ConvertI64S, d: op.f64ConvertI32U },
    toDouble: 'longToDouble',
    toSingle: 'longToSingle',
  },
  {
    suffix: 'l',
    rs2: 2,
    // -2^63 itself fits too, but no double lies between it and what does not: it is left to the library.
    truncate: { operation: saturating.i64TruncF64S, above: -(2 ** 63), below: 2 ** 63 },
    fromDouble: 'doubleToLong',
    convert: { s: op.f32ConvertI64S, d: op.f64ConvertI64S },
    toDouble: 'longToDouble',
    toSingle: 'longToSingle',
  },
  {
    suffix: 'lu',
    rs2: 3,
    truncate: { operation: saturating.i64TruncF64U, above: -1, below: 2 ** 64 },
    fromDouble: 'doubleToLongUnsigned',
    convert: { s: op.f32ConvertI64U, d: op.f64ConvertI64U },
    toDouble: 'longUnsignedToDouble',
    toSingle: 'longUnsignedToSingle',
  },
];

/** Pushes rs1 of either precision as f64. What becomes of a NaN does not matter here but that it stays one. */
function readWide(e: Effects, p: Precision): void {
  p.read(e, 1);
  if (p === singles) e.code.op(op.f64PromoteF32);
}

/** In line: truncation of what is in range when NX is set already, as C's casts want it. */
const toInteger =
  (p: Precision, { truncate, fromDouble, suffix }: Integer) =>
  (e: Effects): void => {
    const { code } = e;
    const exact = (): void => {
      readWide(e, p);
      code.op(op.i64ReinterpretF64);
      e.rounding();
      code.call(e.library[fromDouble]);
    };
    e.rd(() => {
      e.rounding();
      code.i32(TOWARDS_ZERO);
      code.op(op.i32Eq);
      e.readFcsr();
      code.op(op.i32And);
      // NX is the lowest bit, so the conjunction with 0 or 1 is right.
      for (const [bound, comparison] of [
        [truncate.above, op.f64Gt],
        [truncate.below, op.f64Lt],
      ] as const) {
        readWide(e, p);
        code.i64(float64Bits(bound));
        code.op(op.f64ReinterpretI64);
        code.op(comparison);
        code.op(op.i32And);
      }
      code.if(types.i64);
      readWide(e, p);
      code.saturate(truncate.operation);
      if (suffix === 'w' || suffix === 'wu') code.op(op.i64ExtendI32S);
      code.else();
      exact();
      code.end();
    });
  };

function float64Bits(value: number): bigint {
  return new BigUint64Array(Float64Array.of(value).buffer)[0] ?? 0n;
}

/** Words are exact as doubles; all else is in line when it rounds to nearest and NX is set already. */
const fromInteger =
  (p: Precision, integer: Integer) =>
  (e: Effects): void => {
    const { code } = e;
    const isWord = integer.suffix === 'w' || integer.suffix === 'wu';
    if (isWord && p !== singles) {
      e.rounding();
      code.op(op.drop);
      e.fd(() => {
        e.rs1Word();
        code.op(integer.convert.d);
      });
      return;
    }
    const long = (): void => {
      if (!isWord) e.rs1();
      else {
        e.rs1Word();
        code.op(integer.suffix === 'w' ? op.i64ExtendI32S : op.i64ExtendI32U);
      }
    };
    p.write(e, () => {
      e.nearestAndInexact();
      code.if(p === singles ? types.f32 : types.f64);
      long();
      code.op(integer.convert[p.suffix]);
      code.else();
      long();
      e.rounding();
      code.call(e.library[p === singles ? integer.toSingle : integer.toDouble]);
      code.op(p.fromBits);
      code.end();
    });
  };

/** fcvt.d.s: exact but for NaNs, which become the canonical one. */
const widen = (e: Effects): void => {
  const { code, scratch } = e;
  e.rounding();
  code.op(op.drop);
  e.fd(() => {
    e.fs1Single();
    code.op(op.f64PromoteF32);
    code.tee(scratch.f64);
    code.get(scratch.f64);
    code.op(op.f64Ne);
    e.cold();
    code.if();
    e.fs1SingleBits();
    code.call(e.library.widen);
    code.op(op.f64ReinterpretI64);
    code.set(scratch.f64);
    code.end();
    code.get(scratch.f64);
  });
};

/** fcvt.s.d, in line like the arithmetic of `floating.ts`. */
const narrow = (e: Effects): void => {
  const { code, scratch } = e;
  e.fdSingle(() => {
    e.fs1();
    code.op(op.f32DemoteF64);
    code.tee(scratch.f32);
    code.op(op.i32ReinterpretF32);
    code.i32(1);
    code.op(op.i32Shl);
    singles.constant(code, singles.fieldTwo);
    code.op(op.i32Sub);
    singles.constant(code, singles.fieldRange);
    code.op(op.i32LtU);
    e.nearestAndInexact();
    code.op(op.i32And);
    code.op(op.i32Eqz);
    e.cold();
    code.if();
    e.fs1Bits();
    e.rounding();
    code.call(e.library.narrow);
    code.op(op.f32ReinterpretI32);
    code.set(scratch.f32);
    code.end();
    code.get(scratch.f32);
  });
};

export const conversions: readonly Instruction[] = [
  ...precisions.flatMap((p) =>
    integers.flatMap((integer) => [
      row(
        `fcvt.${integer.suffix}.${p.suffix}`,
        'float',
        OP_FP,
        { funct7: 0x60 | p.fmt, rs2: integer.rs2 },
        'rd and more',
        toInteger(p, integer),
      ),
      row(
        `fcvt.${p.suffix}.${integer.suffix}`,
        'float',
        OP_FP,
        { funct7: 0x68 | p.fmt, rs2: integer.rs2 },
        'no rd',
        fromInteger(p, integer),
      ),
    ]),
  ),
  row('fcvt.s.d', 'float', OP_FP, { funct7: 0x20, rs2: 1 }, 'no rd', narrow),
  row('fcvt.d.s', 'float', OP_FP, { funct7: 0x21, rs2: 0 }, 'no rd', widen),
];
