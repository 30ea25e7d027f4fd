/**
 * Random groups of instructions: what random programs are made of.
 *
 * A group stays together; branches go to the beginning of one. Conventions: x31 points to the sequence's record, x30
 * into its scratch area, x29 into the pool of operands; no group writes these three, nor accesses memory elsewhere, but
 * for those that rewrite their own code. Integer encodings come from masks and matches of the instruction table, so that
 * whatever is added there is run too; that none is missing is a test of its own.
 */
import { expandCompressed } from '../../../src/hw/instructions/compressed.ts';
import type { Instruction } from '../../../src/hw/instructions/row.ts';
import { findInstruction, instructions } from '../../../src/hw/instructions/table.ts';
import { asm, encode } from '../bench.ts';
import { csr, csrFunct3, csrNumbers, floatInstructions, floatMemory, roundingModes } from './floats.ts';

export interface Group {
  readonly codes: readonly number[];
  /** Branches only: how many groups to skip; the last code is given its offset. */
  readonly skip?: number;
  readonly withOffset?: (offset: number) => number;
  /** Codes of it that may not be executed, whatever happens outside of it; 0 when absent. */
  readonly unsure?: number;
}

export const RECORD = 31;
export const SCRATCH = 30;
export const POOL = 29;
/** Registers that random instructions may write: 1 to 28. */
export const WRITABLE = 28;
/** Loads and stores go to x30 - SCRATCH_REACH up to x30 + SCRATCH_REACH + 7. */
export const SCRATCH_REACH = 248;
/** The pool's operands come in triples of 8 bytes each, of kinds in turn: doubles, singles, integers. */
export const TRIPLE = 24;
const tripleKinds = { double: 0, single: 1, integer: 2 } as const;
/** Triples within reach of the pool pointer on either side. */
export const TRIPLES_REACH = 84;

export type Random = (below: number) => number;

export const size = (code: number): number => ((code & 3) === 3 ? 4 : 2);
export const sizeOf = (codes: readonly number[]): number => codes.reduce((sum, code) => sum + size(code), 0);
export const pick = <T>(random: Random, list: readonly T[]): T => list[random(list.length)] as T;

const opcodes = {
  load: 0x03,
  loadFloat: 0x07,
  store: 0x23,
  storeFloat: 0x27,
  atomic: 0x2f,
  system: 0x73,
} as const;
const opcodeOf = (code: number): number => code & 0x7f;
const isInteger = ({ match }: Instruction): boolean => {
  const opcode = opcodeOf(match);
  return opcode !== opcodes.system && (opcode & 0x70) !== 0x40 && opcode !== 0x53;
};

const computing = instructions.filter((row) => row.destination === 'rd' && isInteger(row));
const loads = instructions.filter(({ match }) => opcodeOf(match) === opcodes.load);
const stores = instructions.filter(({ match }) => opcodeOf(match) === opcodes.store);
const branches = instructions.filter(({ format }) => format === 'B');
const exchanges = instructions.filter(({ name }) => name.startsWith('amo'));

/** All 16-bit codes that compute, load or store, by what they expand to; and for jumps the way back. */
const compressedComputing: number[] = [];
const compressedMemory: number[] = [];
const compressedJumps = new Map<number, number>();
const isStore = (expansion: number): boolean =>
  opcodeOf(expansion) === opcodes.store || opcodeOf(expansion) === opcodes.storeFloat;
for (let code = 0; code < 0x1_0000; code++) {
  const expansion = expandCompressed(code);
  const instruction = expansion === 0 ? null : findInstruction(expansion);
  if (instruction === null) continue;
  const rd = (expansion >>> 7) & 31;
  const opcode = opcodeOf(expansion);
  if (isStore(expansion) || opcode === opcodes.loadFloat) compressedMemory.push(code);
  else if (['B', 'J'].includes(instruction.format) || instruction.name === 'jalr')
    compressedJumps.set(expansion, code);
  else if (instruction.name === 'ebreak' || rd > WRITABLE) continue;
  else if (opcode === opcodes.load) compressedMemory.push(code);
  else compressedComputing.push(code);
}

const destination = (random: Random): number => (random(16) === 0 ? 0 : 1 + random(WRITABLE));
/** A register for a group's own use, neither x0 nor any of `others`. */
function temporary(random: Random, ...others: readonly number[]): number {
  for (;;) {
    const register = 1 + random(WRITABLE);
    if (!others.includes(register)) return register;
  }
}

/** Random bits wherever the instruction leaves them open, with this rd and these sources unless they are fixed. */
function fill(instruction: Instruction, random: Random, rd: number, rs1: number, rs2 = random(32)): number {
  const noise = (random(2 ** 16) * 2 ** 16 + random(2 ** 16)) >>> 0;
  const fields = (rd << 7) | (rs1 << 15) | (rs2 << 20);
  const isImmediate = ['I', 'U', 'J', 'shift64', 'shift32'].includes(instruction.format);
  const fixed = isImmediate ? (instruction.format === 'U' ? 0xf80 : 0xf8f80) : 0x1ff8f80;
  const open = ((noise & ~fixed) | (fields & fixed)) >>> 0;
  return ((open & ~instruction.mask) | instruction.match) >>> 0;
}

const computeWide = (random: Random): number =>
  fill(pick(random, computing), random, destination(random), random(32));

const compute = (random: Random): number =>
  random(3) === 0 ? pick(random, compressedComputing) : computeWide(random);

/** An instruction of four bytes that computes and leaves these registers alone. */
function computeApart(random: Random, ...registers: readonly number[]): number {
  for (;;) {
    const code = computeWide(random);
    if (!registers.includes((code >>> 7) & 31)) return code;
  }
}

function memoryGroup(random: Random): Group {
  const offset = random(2 * SCRATCH_REACH) - SCRATCH_REACH;
  switch (random(7)) {
    case 0: {
      const code = pick(random, compressedMemory);
      const expansion = expandCompressed(code);
      const immediate = isStore(expansion)
        ? ((expansion >>> 25) << 5) | ((expansion >>> 7) & 31)
        : expansion >>> 20;
      return { codes: [asm.addi((expansion >>> 15) & 31, SCRATCH, offset - immediate), code] };
    }
    case 1:
    case 2: {
      const bits = pick(random, loads).match;
      return { codes: [(bits | encode.i(0, 0, destination(random), SCRATCH, offset)) >>> 0] };
    }
    case 3:
      return { codes: [floatMemory.load(random(2) === 0, random(32), SCRATCH, offset)] };
    case 4:
      return { codes: [floatMemory.store(random(2) === 0, random(32), SCRATCH, offset)] };
    default: {
      const bits = pick(random, stores).match;
      return { codes: [(bits | (encode.s(0, SCRATCH, random(32), offset) & ~0x7f)) >>> 0] };
    }
  }
}

function atomicGroup(random: Random): Group {
  const address = 1 + random(WRITABLE);
  const offset = (random(60) - 30) * 8;
  const isDouble = random(2) === 0;
  if (random(3) > 0) {
    const place = asm.addi(address, SCRATCH, offset + (isDouble ? 0 : 4 * random(2)));
    const kind = exchanges.filter(({ name }) => name.endsWith(isDouble ? '.d' : '.w'));
    return { codes: [place, fill(pick(random, kind), random, destination(random), address)] };
  }
  // LR and SC belong together: qemu's SC compares values, so nothing may be stored in between.
  const loaded = (address % WRITABLE) + 1;
  const result = (loaded % WRITABLE) + 1;
  const codes = [asm.addi(address, SCRATCH, offset), asm.amo(2, isDouble, loaded, address, 0)];
  if (random(4) === 0) codes.push(asm.addi(address, address, 8));
  codes.push(asm.amo(3, isDouble, result, address, random(32)));
  if (random(4) === 0) codes.push(asm.amo(3, isDouble, result, address, random(32)));
  return { codes };
}

/** Offset from the pool pointer of a triple of this kind. */
function tripleOffset(random: Random, kind: number): number {
  return (Math.floor(random(2 * TRIPLES_REACH) / 3) * 3 + kind - TRIPLES_REACH) * TRIPLE;
}

/** One floating point instruction; often its operands come from the pool, its flags begin clear and are looked at. */
function floatGroup(random: Random): Group {
  const row = pick(random, floatInstructions);
  const [rs1, rs2, rs3] = [random(32), random(32), random(32)];
  const codes: number[] = [];
  let source = row.sources === 0 ? random(32) : rs1;
  if (random(3) > 0) {
    if (row.sources === 0) {
      source = temporary(random);
      const offset = tripleOffset(random, tripleKinds.integer);
      codes.push(encode.i(0x03, pick(random, [3, 3, 2, 6]), source, POOL, offset + 8 * random(3)));
    } else {
      const kind = random(10) === 0 ? random(3) : row.width === 64 ? tripleKinds.double : tripleKinds.single;
      const offset = tripleOffset(random, kind);
      [rs1, rs2, rs3].slice(0, row.sources).forEach((register, index) => {
        codes.push(floatMemory.load(true, register, POOL, offset + 8 * index));
      });
    }
  }
  // Inexact already set, and nothing else, is what programs mostly run with: the way that is made fast.
  const flags = random(10);
  if (flags < 3) codes.push(csr(5, 0, csrNumbers.fflags, 0));
  else if (flags < 6) codes.push(csr(5, 0, csrNumbers.fflags, 1));
  const rd = row.result === 'x' ? destination(random) : random(32);
  const mode = row.isRounded ? pick(random, roundingModes) : 0;
  const modeOrFewer = row.isRounded && random(3) === 0 ? pick(random, [0, 7]) : mode;
  const fields = (rd << 7) | (modeOrFewer << 12) | (source << 15) | (rs2 << 20) | (rs3 << 27);
  codes.push(((fields & ~row.mask) | row.match) >>> 0);
  if (random(2) === 0) codes.push(csr(pick(random, [2, 3]), destination(random), csrNumbers.fflags, 0));
  return { codes };
}

/** An instruction of Zicsr on the floating point registers; leaves a rounding mode that instructions may use. */
function csrGroup(random: Random): Group {
  const number = pick(random, Object.values(csrNumbers));
  const codes = [csr(pick(random, csrFunct3), destination(random), number, random(32))];
  if (random(2) === 0) codes.push(csr(2, destination(random), csrNumbers.fcsr, 0));
  if (number !== csrNumbers.fflags) codes.push(csr(5, destination(random), csrNumbers.frm, random(5)));
  return { codes };
}

/** A function of a few instructions that is called and returns, in place. */
function callGroup(random: Random): Group {
  const link = pick(random, [1, 5]);
  const body = Array.from({ length: 1 + random(3) }, () => computeApart(random, link));
  const isShort = link === 1 && random(2) === 0;
  const back = isShort ? (compressedJumps.get(asm.jalr(0, 1, 0)) as number) : asm.jalr(0, link, 0);
  const after = sizeOf([...body, back]) + 4;
  return { codes: [asm.jal(link, 8), asm.jal(0, after), ...body, back] };
}

/** A jump through a table of four places, each with one instruction and a jump to the end. */
function tableGroup(random: Random): Group {
  const base = temporary(random);
  const index = temporary(random, base);
  const places = [0, 1, 2, 3].flatMap((i) => [computeWide(random), asm.jal(0, 28 - 8 * i)]);
  return {
    codes: [
      encode.i(0x13, 7, index, random(32), 24),
      encode.u(0x17, base, 0),
      asm.add(base, base, index),
      asm.jalr(0, base, 12),
      ...places,
    ],
    unsure: 6,
  };
}

const FENCE_I = 0x0000_100f;

/**
 * Code that changes an instruction into another and back each time it is run: the one that follows, or one before it.
 * The fence is for qemu, which promises nothing without it.
 */
function rewritingGroup(random: Random): Group {
  const base = temporary(random);
  const value = temporary(random, base);
  const change = temporary(random, base, value);
  const [first, second] = [computeApart(random), computeApart(random)];
  const bits = (first ^ second) | 0;
  const isBefore = random(3) === 0;
  const offset = isBefore ? -4 : 28;
  const rewrite = [
    encode.u(0x17, base, 0),
    asm.lw(value, base, offset),
    asm.lui(change, ((bits + 0x800) >>> 12) & 0xf_ffff),
    encode.i(0x1b, 0, change, change, bits & 0xfff),
    encode.r(0x33, 4, 0, value, value, change),
    asm.sw(value, base, offset),
    FENCE_I,
  ];
  return { codes: isBefore ? [first, ...rewrite] : [...rewrite, first] };
}

function controlGroup(random: Random): Group {
  const skip = random(4);
  switch (random(8)) {
    case 0: {
      const rd = destination(random);
      return { codes: [0x6f], skip, withOffset: (offset) => asm.jal(rd, offset) };
    }
    case 1: {
      const base = temporary(random);
      return { codes: [encode.u(0x17, base, 0), asm.jalr(destination(random), base, 8 + random(2))] };
    }
    case 2: {
      const base = temporary(random);
      const jump = compressedJumps.get(asm.jalr(random(2), base, 0)) as number;
      return { codes: [encode.u(0x17, base, 0), asm.addi(base, base, 10), jump] };
    }
    case 3: {
      const encodeJump = pick(random, [
        (offset: number) => asm.jal(0, offset),
        (offset: number) => asm.beq(8 + (skip & 7), 0, offset),
        (offset: number) => asm.bne(15 - (skip & 7), 0, offset),
      ]);
      return {
        codes: [0x01],
        skip,
        withOffset: (offset) => compressedJumps.get(encodeJump(offset)) as number,
      };
    }
    case 4: {
      // A loop of a few rounds around computations that leave its counter alone.
      const counter = temporary(random);
      const body = Array.from({ length: 1 + random(3) }, () => compute(random)).filter((code) => {
        const expanded = size(code) === 2 ? expandCompressed(code) : code;
        return ((expanded >>> 7) & 31) !== counter;
      });
      const back = -(sizeOf(body) + 4);
      const rounds = asm.addi(counter, 0, 1 + random(5));
      return { codes: [rounds, ...body, asm.addi(counter, counter, -1), asm.bne(counter, 0, back)] };
    }
    case 5:
      return callGroup(random);
    case 6:
      return tableGroup(random);
    default: {
      const { match } = pick(random, branches);
      const [rs1, rs2] = [random(32), random(32)];
      const withOffset = (offset: number): number => (match | encode.b(0, rs1, rs2, offset)) >>> 0;
      return { codes: [match], skip, withOffset };
    }
  }
}

/** A group of any kind. Those that rewrite code are left out when `isFixed`. */
export function randomGroup(random: Random, isFixed: boolean): Group {
  const kind = random(100);
  if (kind < 30) return { codes: [compute(random)] };
  if (kind < 62) return floatGroup(random);
  if (kind < 66) return csrGroup(random);
  if (kind < 84) return memoryGroup(random);
  if (kind < 90) return atomicGroup(random);
  if (kind === 99 && !isFixed) return rewritingGroup(random);
  return controlGroup(random);
}
