/**
 * The F and D extensions as random programs use them: every instruction with its encoding, and operands at which
 * floating point goes wrong first.
 *
 * Encodings are written from the manual ("RV32/64G Instruction Set Listings", chapters F, D and Zicsr), not taken from
 * src/hw: a test must not ask the tested. Holds no state; randomness comes in.
 */
import { encode } from '../bench.ts';

type Random = (below: number) => number;

export interface FloatInstruction {
  readonly name: string;
  readonly mask: number;
  readonly match: number;
  /** The format of the first operand, or for integer operands of the result. */
  readonly width: 32 | 64;
  /** Floating point registers it reads, beginning with rs1; 0 when rs1 is an integer register. */
  readonly sources: 0 | 1 | 2 | 3;
  readonly result: 'x' | 'f';
  /** Has a rounding mode in funct3. */
  readonly isRounded: boolean;
}

const OP_FP = 0x53;
const FUNCT7 = 0xfe00_0000;
const RS2 = 31 << 20;
const FUNCT3 = 7 << 12;

const widths = [
  [32, 's', 0],
  [64, 'd', 1],
] as const;

interface Fields {
  readonly rs2?: number;
  readonly funct3?: number;
}

const operation = (
  name: string,
  [width, letter, format]: (typeof widths)[number],
  funct5: number,
  { rs2, funct3 }: Fields,
  sources: 0 | 1 | 2,
  result: 'x' | 'f' = 'f',
): FloatInstruction => ({
  name: name.replace('*', letter),
  mask: (0x7f | FUNCT7 | (rs2 === undefined ? 0 : RS2) | (funct3 === undefined ? 0 : FUNCT3)) >>> 0,
  match: encode.r(OP_FP, funct3 ?? 0, (funct5 << 2) | format, 0, 0, rs2 ?? 0),
  width,
  sources,
  result,
  isRounded: funct3 === undefined,
});

const integers = ['w', 'wu', 'l', 'lu'] as const;

/** All that compute; loads and stores are apart. */
export const floatInstructions: readonly FloatInstruction[] = widths.flatMap((width) => [
  ...['fadd', 'fsub', 'fmul', 'fdiv'].map((name, funct5) => operation(`${name}.*`, width, funct5, {}, 2)),
  operation('fsqrt.*', width, 0x0b, { rs2: 0 }, 1),
  ...['fsgnj', 'fsgnjn', 'fsgnjx'].map((name, funct3) => operation(`${name}.*`, width, 0x04, { funct3 }, 2)),
  ...['fmin', 'fmax'].map((name, funct3) => operation(`${name}.*`, width, 0x05, { funct3 }, 2)),
  ...['fle', 'flt', 'feq'].map((name, funct3) => operation(`${name}.*`, width, 0x14, { funct3 }, 2, 'x')),
  ...integers.map((integer, rs2) => operation(`fcvt.${integer}.*`, width, 0x18, { rs2 }, 1, 'x')),
  ...integers.map((integer, rs2) => operation(`fcvt.*.${integer}`, width, 0x1a, { rs2 }, 0)),
  operation(width[0] === 32 ? 'fmv.x.w' : 'fmv.x.d', width, 0x1c, { rs2: 0, funct3: 0 }, 1, 'x'),
  operation('fclass.*', width, 0x1c, { rs2: 0, funct3: 1 }, 1, 'x'),
  operation(width[0] === 32 ? 'fmv.w.x' : 'fmv.d.x', width, 0x1e, { rs2: 0, funct3: 0 }, 0),
  // The format in the name's middle is the result's, the operand has the other.
  width[0] === 32
    ? { ...operation('fcvt.s.d', width, 0x08, { rs2: 1 }, 1), width: 64 as const }
    : { ...operation('fcvt.d.s', width, 0x08, { rs2: 0 }, 1), width: 32 as const },
  ...['fmadd', 'fmsub', 'fnmsub', 'fnmadd'].map(
    (name, index): FloatInstruction => ({
      name: `${name}.${width[1]}`,
      mask: 0x0600_007f,
      match: (0x43 + 4 * index) | (width[2] << 25),
      width: width[0],
      sources: 3,
      result: 'f',
      isRounded: true,
    }),
  ),
]);

/** flw, fld, fsw, fsd at rs1 + offset. */
export const floatMemory = {
  load: (isDouble: boolean, rd: number, rs1: number, offset: number): number =>
    encode.i(0x07, isDouble ? 3 : 2, rd, rs1, offset),
  store: (isDouble: boolean, rs2: number, rs1: number, offset: number): number =>
    ((encode.s(isDouble ? 3 : 2, rs1, rs2, offset) & ~0x7f) | 0x27) >>> 0,
} as const;

export const csrNumbers = { fflags: 1, frm: 2, fcsr: 3 } as const;

/** The six instructions of Zicsr by funct3: csrrw, csrrs, csrrc and with an immediate instead of rs1. */
export const csrFunct3 = [1, 2, 3, 5, 6, 7] as const;

export const csr = (funct3: number, rd: number, number: number, source: number): number =>
  encode.i(0x73, funct3, rd, source, number);

/** The rounding modes that are valid in an instruction; 7 is "as frm says". */
export const roundingModes = [0, 1, 2, 3, 4, 7] as const;

interface Shape {
  readonly bits: number;
  readonly mantissaBits: number;
}
const shapes = { 32: { bits: 32, mantissaBits: 23 }, 64: { bits: 64, mantissaBits: 52 } } as const;

const pick = <T>(random: Random, list: readonly T[]): T => list[random(list.length)] as T;

function randomBits(random: Random, count: number): bigint {
  const bits = (BigInt(random(2 ** 32)) << 32n) | BigInt(random(2 ** 32));
  return BigInt.asUintN(count, bits);
}

/** A mantissa of few ones, or nearly all, so that results are exact or lie half way between two values. */
function sparseMantissa(random: Random, bits: number): bigint {
  let mantissa = 0n;
  for (let left = random(4); left > 0; left--) mantissa |= 1n << BigInt(random(bits));
  const low = (1n << BigInt(random(bits + 1))) - 1n;
  const all = (1n << BigInt(bits)) - 1n;
  return pick(random, [mantissa, all ^ mantissa, low, all ^ low]);
}

/** A value of one format as bits. */
export function floatOperand(random: Random, width: 32 | 64): bigint {
  const { bits, mantissaBits }: Shape = shapes[width];
  const exponentMax = 2 ** (bits - 1 - mantissaBits) - 1;
  const bias = (exponentMax - 1) / 2;
  const join = (exponent: number, mantissa: bigint): bigint =>
    (BigInt(random(2)) << BigInt(bits - 1)) | (BigInt(exponent) << BigInt(mantissaBits)) | mantissa;
  const mantissa = (): bigint =>
    random(2) === 0 ? sparseMantissa(random, mantissaBits) : randomBits(random, mantissaBits);
  const quiet = 1n << BigInt(mantissaBits - 1);
  switch (random(16)) {
    case 0:
      return join(0, 0n);
    case 1:
      return join(exponentMax, 0n);
    case 2:
      return join(exponentMax, pick(random, [quiet, quiet | randomBits(random, mantissaBits)]));
    case 3:
      // Signaling NaNs: any mantissa but zero, the quiet bit clear.
      return join(exponentMax, pick(random, [1n, quiet - 1n, randomBits(random, mantissaBits - 1) || 1n]));
    case 4:
      return join(0, pick(random, [1n, (1n << BigInt(mantissaBits)) - 1n, mantissa()]));
    case 5:
      // Around the smallest normal.
      return join(1 + random(2), pick(random, [0n, 1n, mantissa()]));
    case 6:
      return join(
        exponentMax - 1 - random(2),
        pick(random, [0n, (1n << BigInt(mantissaBits)) - 1n, mantissa()]),
      );
    case 7:
      // Around the limits of integers, with the bits that rounding looks at.
      return join(
        bias + pick(random, [-2, -1, 0, 1, 22, 23, 24, 30, 31, 32, 51, 52, 53, 62, 63, 64]),
        mantissa(),
      );
    case 8:
    case 9:
      return join(bias + random(4) - 2, mantissa());
    case 10:
    case 11:
      // Such that products and quotients come near the ends of the range.
      return join(
        random(2) === 0
          ? Math.floor(bias / 2) + random(40) - 20
          : bias + Math.floor(bias / 2) + random(40) - 20,
        mantissa(),
      );
    case 12:
      return randomBits(random, bits);
    default:
      return join(bias + random(2 * mantissaBits) - mantissaBits, mantissa());
  }
}

/** The number that the bits stand for, and the nearest value of a format to a number. */
function toNumber(bits: bigint, width: 32 | 64): number {
  const view = new DataView(new ArrayBuffer(8));
  if (width === 64) {
    view.setBigUint64(0, bits);
    return view.getFloat64(0);
  }
  view.setUint32(0, Number(bits));
  return view.getFloat32(0);
}
function fromNumber(value: number, width: 32 | 64): bigint {
  const view = new DataView(new ArrayBuffer(8));
  if (width === 64) {
    view.setFloat64(0, value);
    return view.getBigUint64(0);
  }
  view.setFloat32(0, value);
  return BigInt(view.getUint32(0));
}

/** Three operands, of which the later are often related to the earlier: near them, or so that sums cancel. */
export function operandTriple(random: Random, width: 32 | 64): readonly [bigint, bigint, bigint] {
  const bits = BigInt(width);
  const near = (value: bigint): bigint =>
    BigInt.asUintN(width, (value + BigInt(random(5) - 2)) ^ (BigInt(random(2)) << (bits - 1n)));
  const a = floatOperand(random, width);
  const b = random(3) === 0 ? near(a) : floatOperand(random, width);
  const product = fromNumber(toNumber(a, width) * toNumber(b, width), width);
  const c = pick(random, [
    () => floatOperand(random, width),
    () => near(product),
    () => near(a),
    () => near(b),
  ])();
  return [a, b, c];
}

const BOX = 0xffff_ffffn << 32n;

/** The bits of a register with a value of this format in it: singles are boxed, but for a few. */
export function inRegister(random: Random, bits: bigint, width: 32 | 64): bigint {
  if (width === 64) return bits;
  return random(12) === 0 ? bits | (randomBits(random, 32) << 32n) : bits | BOX;
}

/** Integers around which conversions round: near powers of two, and of every length. */
export function integerOperand(random: Random): bigint {
  const power = 1n << BigInt(pick(random, [23, 24, 25, 30, 31, 32, 52, 53, 54, 55, 62, 63]));
  const near = power + BigInt(random(9) - 4) * pick(random, [1n, power >> 24n || 1n, power >> 53n || 1n]);
  const length = randomBits(random, 1 + random(64));
  const value = pick(random, [near, -near, length, -length, power | (1n << BigInt(random(40)))]);
  return BigInt.asUintN(64, value);
}
