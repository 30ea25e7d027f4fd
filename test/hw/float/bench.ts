/**
 * Runs one floating point instruction at a time, in every way the machine can execute it, and compares with the model.
 *
 * The ways: interpreted and translated, each with the host's fused multiply-add (if it has one) and without. Encodings are written from the manual's listings.
 */
import * as assert from 'uvu/assert';
import { PAGE_SIZE } from '../../../src/base/limits.ts';
import { type MachineOptions, traps } from '../../../src/hw/machine.ts';
import { asm, type Bench, CODE, createBench, generator, RAM_BYTES } from '../bench.ts';
import { canonicalNan, double, type Format, infinity, type Outcome, single } from './model.ts';

const OP_FP = 0x53;
/** What a single looks like in a register. */
export const BOX = 0xffff_ffff_0000_0000n;
/** The rm field that means frm. */
export const DYNAMIC = 7;
const RD = 10;
const RS1 = 11;
const RS2 = 12;
const RS3 = 13;

/** The bits of an instruction with rd 10 and sources 11, 12, 13 of whatever kind. */
export const encodeFloat = {
  /** rs2 stands for a register when it is not given. */
  operation: (funct5: number, format: Format, rm: number, rs2 = RS2): number =>
    ((funct5 << 27) | (fmt(format) << 25) | (rs2 << 20) | (RS1 << 15) | (rm << 12) | (RD << 7) | OP_FP) >>> 0,
  fused: (opcode: number, format: Format, rm: number): number =>
    ((RS3 << 27) | (fmt(format) << 25) | (RS2 << 20) | (RS1 << 15) | (rm << 12) | (RD << 7) | opcode) >>> 0,
} as const;

function fmt(format: Format): number {
  return format.width === 32 ? 0 : 1;
}

export interface Operands {
  /** f11, f12, f13. */
  readonly f?: readonly bigint[];
  /** x11. */
  readonly x?: bigint;
  readonly fcsr: number;
}

export interface Result {
  readonly cause: number;
  readonly f: bigint;
  readonly x: bigint;
  readonly fcsr: number;
}

/** One way to execute. */
export interface Way {
  readonly name: string;
  readonly bench: Bench;
  /** Prepares an instruction; what comes back runs it. */
  prepare(instruction: number): (operands: Operands) => Result;
}

const BEFORE = 0x5555_aaaa_1234_8765n;
const BUDGET = 16;

/** Bytes for one instruction: a jump to it (the translator takes up what jumps lead to), itself, and ecall. */
const PLACE = 16;
const PLACES = (2 * PAGE_SIZE) / PLACE;

function createWay(name: string, bench: Bench): Way {
  const { hart } = bench.machine;
  /** Where each instruction lies: it stays there until all places are taken. */
  const placed = new Map<number, number>();
  const addressOf = (instruction: number): number => {
    const known = placed.get(instruction);
    if (known !== undefined) return known;
    if (placed.size === PLACES) placed.clear();
    const address = CODE + PLACE * placed.size;
    bench.place(address, [asm.jal(0, 8), asm.nop, instruction, asm.ecall]);
    placed.set(instruction, address);
    return address;
  };
  return {
    name,
    bench,
    prepare(instruction) {
      return ({ f = [], x = 0n, fcsr }) => {
        const address = addressOf(instruction);
        f.forEach((bits, index) => {
          hart.f[RS1 + index] = bits;
        });
        hart.f[RD] = BEFORE;
        hart.x[RD] = BEFORE;
        hart.x[RS1] = x;
        hart.fcsr = fcsr;
        hart.pcWord[0] = BigInt(address);
        const cause = hart.run(BUDGET);
        return { cause, f: hart.f[RD] as bigint, x: hart.x[RD] as bigint, fcsr: hart.fcsr };
      };
    },
  };
}

function machineWay(name: string, options: MachineOptions): Way {
  return createWay(name, createBench(RAM_BYTES, options));
}

export function createWays(): readonly Way[] {
  return [
    machineWay('interpreter', { tier: 'interpreter' }),
    machineWay('translator', { tier: 'translator' }),
    machineWay('interpreter, no fused operation', { tier: 'interpreter', withoutFusedMultiplyAdd: true }),
    machineWay('translator, no fused operation', { tier: 'translator', withoutFusedMultiplyAdd: true }),
  ];
}

/** A register that holds this number. */
export const boxed = (format: Format, bits: bigint): bigint => (format.width === 32 ? BOX | bits : bits);

/** The way that says so has executed translated code, so that what it was compared for was its own. */
export function expectTranslated(ways: readonly Way[]): void {
  const translating = ways.filter((way) => way.name.startsWith('translator'));
  assert.is(translating.length, 2);
  for (const way of translating) assert.ok(way.bench.machine.tierStatistics().translated > 0);
}

/** The case in words, for a message. */
export function describe(way: Way, what: string, operands: Operands): string {
  const hex = (bits: bigint): string => `0x${bits.toString(16)}`;
  return `${way.name}: ${what} of ${[...(operands.f ?? []), operands.x ?? 0n].map(hex).join(' ')}, fcsr ${operands.fcsr}`;
}

/** Compares each way's result with the outcome; the flags that were set stay set. */
export function expectFloat(
  ways: readonly Way[],
  runs: readonly ((operands: Operands) => Result)[],
  what: string,
  format: Format,
  operands: Operands,
  outcome: Outcome,
): void {
  runs.forEach((run, index) => {
    const result = run(operands);
    if (
      result.cause === traps.environmentCall &&
      result.f === boxed(format, outcome.bits) &&
      result.fcsr === (operands.fcsr | outcome.flags) &&
      result.x === BEFORE
    ) {
      return;
    }
    const message = describe(ways[index] as Way, what, operands);
    assert.is(result.cause, traps.environmentCall, message);
    assert.is(result.f.toString(16), boxed(format, outcome.bits).toString(16), message);
    assert.is(result.fcsr, operands.fcsr | outcome.flags, `flags, ${message}`);
    assert.is(result.x, BEFORE, `x10, ${message}`);
  });
}

export function expectInteger(
  ways: readonly Way[],
  runs: readonly ((operands: Operands) => Result)[],
  what: string,
  operands: Operands,
  outcome: Outcome,
): void {
  runs.forEach((run, index) => {
    const result = run(operands);
    const message = describe(ways[index] as Way, what, operands);
    assert.is(result.cause, traps.environmentCall, message);
    assert.is(result.x.toString(16), outcome.bits.toString(16), message);
    assert.is(result.fcsr, operands.fcsr | outcome.flags, `flags, ${message}`);
    assert.is(result.f, BEFORE, `f10, ${message}`);
  });
}

/** Numbers of both formats by the field and fraction they have: where rounding, underflow and overflow begin. */
function edges(format: Format): bigint[] {
  const p = format.precision;
  const bits = (field: number, fraction: bigint): bigint => (BigInt(field) << BigInt(p - 1)) | fraction;
  const ones = (1n << BigInt(p - 1)) - 1n;
  const one = format.emax;
  const sign = 1n << BigInt(format.width - 1);
  const positive = [
    0n,
    1n,
    ones >> 1n,
    ones,
    bits(1, 0n),
    bits(1, 1n),
    bits(1, ones),
    bits(2, 0n),
    bits(p, 3n),
    bits(one - p - 1, 0n),
    bits(one - p, ones),
    bits(one - 1, 0n),
    bits(one - 1, ones),
    bits(one, 0n),
    bits(one, 1n),
    bits(one, ones),
    bits(one + 1, ones >> 1n),
    bits(one + p - 1, 1n),
    bits(one + p, 5n),
    bits(2 * one - 1, ones),
    bits(2 * one, 0n),
    bits(2 * one, ones),
    infinity(format, false),
  ];
  const nans = [canonicalNan(format), canonicalNan(format) | 5n, infinity(format, false) | 1n];
  return [...positive, ...nans].flatMap((value) => [value, value | sign]);
}

export const edgeNumbers = { s: edges(single), d: edges(double) } as const;

/** Registers that hold no single, though the lower half looks like one. */
export const unboxed: readonly bigint[] = [
  0x3f80_0000n,
  0xffff_fffe_3f80_0000n,
  0x7fff_ffff_3f80_0000n,
  0x0000_0000_ffff_ffffn,
];

/** What a single instruction reads in the register. */
export const unbox = (format: Format, register: bigint): bigint =>
  format.width === 64 || register >> 32n === 0xffff_ffffn
    ? BigInt.asUintN(format.width, register)
    : canonicalNan(format);

/**
 * Random numbers of a format that meet each other: few exponents, so that sums cancel and products hit the borders; and
 * fractions with long runs of zeros or ones, so that ties and exact results are frequent.
 */
export function randomNumbers(format: Format, seed: number): () => bigint {
  const random = generator(seed);
  const p = format.precision;
  const word = (): bigint => (BigInt(random(2 ** 32)) << 32n) | BigInt(random(2 ** 32));
  const fraction = (): bigint => {
    const ones = (1n << BigInt(p - 1)) - 1n;
    switch (random(5)) {
      case 0:
        return (word() << BigInt(random(p))) & ones;
      case 1:
        return (ones << BigInt(random(p))) & ones;
      case 2:
        return (ones >> BigInt(random(p))) ^ BigInt(random(4));
      case 3:
        return BigInt(random(4)) << BigInt(random(p - 2));
      default:
        return word() & ones;
    }
  };
  const special = 2 * format.emax + 1;
  const field = (): number => {
    switch (random(8)) {
      case 0:
        return random(4);
      case 1:
        return special - 1 - random(3);
      case 2:
        return random(special);
      case 3:
        return (format.emax >> 1) + random(p);
      case 4:
        return format.emax + (format.emax >> 1) + random(p);
      case 5:
        return random(40) === 0 ? special : format.emax - random(2 * p);
      default:
        return format.emax - 4 + random(8);
    }
  };
  return () =>
    (BigInt(random(2)) << BigInt(format.width - 1)) | (BigInt(field()) << BigInt(p - 1)) | fraction();
}
