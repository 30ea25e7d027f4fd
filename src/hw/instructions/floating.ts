/**
 * Floating point arithmetic, comparison and moves in both precisions (manual, chapters "F" and "D"). Rows of `table.ts`.
 *
 * The common case is done in line by the host's arithmetic, which rounds to nearest as IEEE 754 says: fcsr rounds so and
 * has NX set already, and the result is a normal number well above the smallest and not infinite. Then no operand was a
 * NaN or infinite and no flag but NX can arise, whether or not the result is exact. All else is done by the library.
 */
import { op } from '../wasm/opcodes.ts';
import type { Effects } from './effects.ts';
import { type Binary, type Precision, precisions } from './precision.ts';
import { type Instruction, row } from './row.ts';

const OP_FP = 0x53;
const LOAD_FP = 0x07;
const STORE_FP = 0x27;
const INVALID = 0x10;

/**
 * Writes fd: what `quick` pushes, or when that may not be right what `exact` does, as bits, with the mode of rounding on
 * the stack after the operands.
 */
function rounded(e: Effects, p: Precision, quick: () => void, exact: () => void): void {
  const { code } = e;
  p.write(e, () => {
    const result = p.scratch(e);
    quick();
    code.tee(result);
    // The exponent field is 2 or more and not all ones: the bits less the sign, less 2, are below a limit.
    code.op(p.toBits);
    p.constant(code, 1);
    code.op(p.shiftLeft);
    p.constant(code, p.fieldTwo);
    code.op(p.subtract);
    p.constant(code, p.fieldRange);
    code.op(p.below);
    e.nearestAndInexact();
    code.op(op.i32And);
    code.op(op.i32Eqz);
    e.cold();
    code.if();
    exact();
    code.op(p.fromBits);
    code.set(result);
    code.end();
    code.get(result);
  });
}

/** rd = rs1 op rs2; a subtraction is an addition of the negated operand. */
const binary =
  (p: Precision, { operation, call, negated }: Binary) =>
  (e: Effects): void =>
    rounded(
      e,
      p,
      () => {
        p.read(e, 1);
        p.read(e, 2);
        e.code.op(operation);
      },
      () => {
        p.readBits(e, 1);
        p.readBits(e, 2);
        if (negated) flipSign(e, p);
        e.rounding();
        e.code.call(e.library[call]);
      },
    );

const root =
  (p: Precision) =>
  (e: Effects): void =>
    rounded(
      e,
      p,
      () => {
        p.read(e, 1);
        e.code.op(p.squareRoot);
      },
      () => {
        p.readBits(e, 1);
        e.rounding();
        e.code.call(e.library[p.root]);
      },
    );

function flipSign(e: Effects, p: Precision): void {
  p.constant(e.code, p.sign);
  e.code.op(p.xor);
}

/** rd = (-)rs1 * rs2 (-)rs3, rounded once. Without a fused operation of the host the library does it all. */
const fused =
  (p: Precision, negatedProduct: boolean, negatedAddend: boolean) =>
  (e: Effects): void => {
    const { code } = e;
    const exact = (): void => {
      p.readBits(e, 1);
      if (negatedProduct) flipSign(e, p);
      p.readBits(e, 2);
      p.readBits(e, 3);
      if (negatedAddend) flipSign(e, p);
      e.rounding();
      code.call(e.library[p.fuse]);
    };
    if (!e.isFused) {
      p.writeBits(e, exact);
      return;
    }
    rounded(
      e,
      p,
      () => {
        p.read(e, 1);
        if (negatedProduct) code.op(p.negate);
        code.vector(p.splat);
        p.read(e, 2);
        code.vector(p.splat);
        p.read(e, 3);
        if (negatedAddend) code.op(p.negate);
        code.vector(p.splat);
        code.vector(p.multiplyAdd);
        code.lane0(p.lane);
      },
      exact,
    );
  };

/** fsgnj and its kin: the sign is rs2's, its opposite, or rs1's xor rs2's; the rest is rs1's. NaNs are bits too. */
const injectSign =
  (p: Precision, kind: 'same' | 'opposite' | 'xor') =>
  (e: Effects): void =>
    p.writeBits(e, () => {
      const { code } = e;
      p.readBits(e, 1);
      if (kind !== 'xor') {
        p.constant(code, p.magnitude);
        code.op(p.and);
      }
      p.readBits(e, 2);
      if (kind === 'opposite') flipSign(e, p);
      p.constant(code, p.sign);
      code.op(p.and);
      code.op(kind === 'xor' ? p.xor : p.or);
    });

/** minimumNumber and maximumNumber of IEEE 754-2019. WebAssembly's differ in this only: a NaN makes them NaN. */
const extreme =
  (p: Precision, operation: (typeof op)[keyof typeof op]) =>
  (e: Effects): void =>
    p.write(e, () => {
      const { code } = e;
      const result = p.scratch(e);
      p.read(e, 1);
      p.read(e, 2);
      code.op(operation);
      code.tee(result);
      code.get(result);
      code.op(p.notEqual);
      e.cold();
      code.if();
      p.readBits(e, 1);
      p.readBits(e, 2);
      code.call(e.library[p.numberOf]);
      code.op(p.fromBits);
      code.set(result);
      code.end();
      code.get(result);
    });

/** Pushes whether rs1 or rs2 is a NaN. */
function unordered(e: Effects, p: Precision): void {
  for (const operand of [1, 2] as const) {
    p.read(e, operand);
    p.read(e, operand);
    e.code.op(p.notEqual);
  }
  e.code.op(op.i32Or);
}

/** Comparisons: flt and fle raise NV for every NaN, feq for a signaling one only. */
const compare =
  (p: Precision, operation: (typeof op)[keyof typeof op], isQuiet: boolean) =>
  (e: Effects): void => {
    const { code } = e;
    unordered(e, p);
    e.cold();
    code.if();
    if (isQuiet) {
      p.readBits(e, 1);
      p.readBits(e, 2);
      code.call(e.library[p.signal]);
      code.op(op.drop);
    } else {
      e.writeFcsr(() => {
        e.readFcsr();
        code.i32(INVALID);
        code.op(op.i32Or);
      });
    }
    code.end();
    e.rd(() => {
      p.read(e, 1);
      p.read(e, 2);
      code.op(operation);
      code.op(op.i64ExtendI32U);
    });
  };

const classify =
  (p: Precision) =>
  (e: Effects): void =>
    e.rd(() => {
      p.readBits(e, 1);
      e.code.call(e.library[p.classify]);
    });

const rowsOf = (p: Precision): readonly Instruction[] => {
  const { suffix, fmt } = p;
  const rounds = (name: string, funct5: number, meaning: (e: Effects) => void, more: { rs2?: number } = {}) =>
    row(`${name}.${suffix}`, 'float', OP_FP, { funct7: (funct5 << 2) | fmt, ...more }, 'no rd', meaning);
  const fixed = (name: string, funct5: number, funct3: number, meaning: (e: Effects) => void) =>
    row(`${name}.${suffix}`, 'float', OP_FP, { funct7: (funct5 << 2) | fmt, funct3 }, 'no rd', meaning);
  const compares = (name: string, funct3: number, meaning: (e: Effects) => void) =>
    row(`${name}.${suffix}`, 'float', OP_FP, { funct7: 0x50 | fmt, funct3 }, 'rd and more', meaning);
  const fuses = (name: string, opcode: number, negatedProduct: boolean, negatedAddend: boolean) =>
    row(`${name}.${suffix}`, 'float', opcode, { fmt }, 'no rd', fused(p, negatedProduct, negatedAddend));
  return [
    fuses('fmadd', 0x43, false, false),
    fuses('fmsub', 0x47, false, true),
    fuses('fnmsub', 0x4b, true, false),
    fuses('fnmadd', 0x4f, true, true),
    rounds('fadd', 0x00, binary(p, p.add)),
    rounds('fsub', 0x01, binary(p, p.difference)),
    rounds('fmul', 0x02, binary(p, p.multiply)),
    rounds('fdiv', 0x03, binary(p, p.divide)),
    rounds('fsqrt', 0x0b, root(p), { rs2: 0 }),
    fixed('fsgnj', 0x04, 0, injectSign(p, 'same')),
    fixed('fsgnjn', 0x04, 1, injectSign(p, 'opposite')),
    fixed('fsgnjx', 0x04, 2, injectSign(p, 'xor')),
    fixed('fmin', 0x05, 0, extreme(p, p.minimum)),
    fixed('fmax', 0x05, 1, extreme(p, p.maximum)),
    compares('fle', 0, compare(p, p.lessOrEqual, false)),
    compares('flt', 1, compare(p, p.less, false)),
    compares('feq', 2, compare(p, p.equal, true)),
    row(`fclass.${suffix}`, 'float', OP_FP, { funct7: 0x70 | fmt, rs2: 0, funct3: 1 }, 'rd', classify(p)),
  ];
};

/** Loads and stores move all bits, whatever they mean; singles are boxed when loaded, their box is ignored when stored. */
const memory: readonly Instruction[] = [
  row('flw', 'I', LOAD_FP, { funct3: 2 }, 'no rd', (e) => e.fdSingle(() => e.loadSingle())),
  row('fld', 'I', LOAD_FP, { funct3: 3 }, 'no rd', (e) => e.fd(() => e.loadDouble())),
  row('fsw', 'S', STORE_FP, { funct3: 2 }, 'no rd', (e) => e.storeSingle()),
  row('fsd', 'S', STORE_FP, { funct3: 3 }, 'no rd', (e) => e.storeDouble()),
];

/** Between the files of registers, bit by bit. */
const moves: readonly Instruction[] = [
  row('fmv.x.w', 'float', OP_FP, { funct7: 0x70, rs2: 0, funct3: 0 }, 'rd', (e) =>
    e.rd(() => {
      e.fs1LowBits();
      e.code.op(op.i64ExtendI32S);
    }),
  ),
  row('fmv.x.d', 'float', OP_FP, { funct7: 0x71, rs2: 0, funct3: 0 }, 'rd', (e) => e.rd(() => e.fs1Bits())),
  row('fmv.w.x', 'float', OP_FP, { funct7: 0x78, rs2: 0, funct3: 0 }, 'no rd', (e) =>
    e.fdSingleBits(() => e.rs1Word()),
  ),
  row('fmv.d.x', 'float', OP_FP, { funct7: 0x79, rs2: 0, funct3: 0 }, 'no rd', (e) =>
    e.fdBits(() => e.rs1()),
  ),
];

export const floating: readonly Instruction[] = [...memory, ...precisions.flatMap(rowsOf), ...moves];
