/**
 * Random programs for the comparison with qemu: independent sequences of random instructions, one after another.
 *
 * Each sequence loads its registers from its own record in memory, runs, and stores them back there; at the end the
 * program writes all records to standard output and exits. x31 points to the record, x30 into its scratch area, which
 * lies on two pages in one record of four; no random instruction writes these two. Sequence `i` of a seed is the same
 * whatever the number of sequences. Encodings come from masks and matches of the instruction table, so that whatever is
 * added there is compared too; that none is missing is a test of its own.
 */
import { expandCompressed } from '../../../src/hw/instructions/compressed.ts';
import type { Instruction } from '../../../src/hw/instructions/row.ts';
import { findInstruction, instructions } from '../../../src/hw/instructions/table.ts';
import { asm, edgeValues, encode, generator } from '../bench.ts';
import { writeElf } from './elf-writer.ts';

/** Instructions that stay together: a branch goes to the beginning of one. */
interface Group {
  readonly codes: readonly number[];
  /** Branches only: how many groups to skip; the last code is given its offset. */
  readonly skip?: number;
  readonly withOffset?: (offset: number) => number;
}

const CODE_START = 0x1_0000;
const RECORDS_START = 0x1000_0100;
export const RECORD_SIZE = 1024;
export const RECORD_RESULTS = 256;
const RECORD_SCRATCH_MIDDLE = 768;
const SCRATCH_REACH = 248;
const RECORD = 31;
const SCRATCH = 30;
/** Registers that random instructions may write: 1 to 29. */
const WRITABLE = 29;

type Random = (below: number) => number;

const size = (code: number): number => ((code & 3) === 3 ? 4 : 2);
const sizeOf = (codes: readonly number[]): number => codes.reduce((sum, code) => sum + size(code), 0);

const computing = instructions.filter(
  ({ destination, name }) => destination === 'rd' && !name.startsWith('rd'),
);
const loads = instructions.filter(({ mask, match }) => (match & 0x7f) === 0x03 && mask !== 0);
const stores = instructions.filter(({ format }) => format === 'S');
const branches = instructions.filter(({ format }) => format === 'B');
const exchanges = instructions.filter(({ name }) => name.startsWith('amo'));

/** All 16-bit codes that compute, load or store, by what they expand to; and for jumps the way back. */
const compressedComputing: number[] = [];
const compressedMemory: number[] = [];
const compressedJumps = new Map<number, number>();
for (let code = 0; code < 0x1_0000; code++) {
  const expansion = expandCompressed(code);
  const instruction = expansion === 0 ? null : findInstruction(expansion);
  if (instruction === null) continue;
  const rd = (expansion >>> 7) & 31;
  if (instruction.format === 'S') compressedMemory.push(code);
  else if (['B', 'J'].includes(instruction.format) || instruction.name === 'jalr')
    compressedJumps.set(expansion, code);
  else if (instruction.name === 'ebreak' || rd > WRITABLE) continue;
  else if ((expansion & 0x7f) === 0x03) compressedMemory.push(code);
  else compressedComputing.push(code);
}

const pick = <T>(random: Random, list: readonly T[]): T => list[random(list.length)] as T;
const destination = (random: Random): number => (random(16) === 0 ? 0 : 1 + random(WRITABLE));

/** Random bits wherever the instruction leaves them open, with this rd and these sources unless they are fixed. */
function fill(instruction: Instruction, random: Random, rd: number, rs1: number, rs2 = random(32)): number {
  const noise = (random(2 ** 16) * 2 ** 16 + random(2 ** 16)) >>> 0;
  const fields = (rd << 7) | (rs1 << 15) | (rs2 << 20);
  const isImmediate = ['I', 'U', 'J', 'shift64', 'shift32'].includes(instruction.format);
  const fixed = isImmediate ? (instruction.format === 'U' ? 0xf80 : 0xf8f80) : 0x1ff8f80;
  const open = ((noise & ~fixed) | (fields & fixed)) >>> 0;
  return ((open & ~instruction.mask) | instruction.match) >>> 0;
}

const compute = (random: Random): number =>
  random(3) === 0
    ? pick(random, compressedComputing)
    : fill(pick(random, computing), random, destination(random), random(32));

function memoryGroup(random: Random): Group {
  const offset = random(2 * SCRATCH_REACH) - SCRATCH_REACH;
  switch (random(5)) {
    case 0: {
      const code = pick(random, compressedMemory);
      const expansion = expandCompressed(code);
      const isStore = (expansion & 0x7f) === 0x23;
      const immediate = isStore ? ((expansion >>> 25) << 5) | ((expansion >>> 7) & 31) : expansion >>> 20;
      return { codes: [asm.addi((expansion >>> 15) & 31, SCRATCH, offset - immediate), code] };
    }
    case 1:
    case 2: {
      const bits = pick(random, loads).match;
      return { codes: [(bits | encode.i(0, 0, destination(random), SCRATCH, offset)) >>> 0] };
    }
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

function controlGroup(random: Random): Group {
  const skip = random(4);
  switch (random(6)) {
    case 0: {
      const rd = destination(random);
      return { codes: [0x6f], skip, withOffset: (offset) => asm.jal(rd, offset) };
    }
    case 1: {
      const base = 1 + random(WRITABLE);
      return { codes: [encode.u(0x17, base, 0), asm.jalr(destination(random), base, 8 + random(2))] };
    }
    case 2: {
      const base = 1 + random(WRITABLE);
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
      const counter = 1 + random(WRITABLE);
      const body = Array.from({ length: 1 + random(3) }, () => compute(random)).filter((code) => {
        const expanded = size(code) === 2 ? expandCompressed(code) : code;
        return ((expanded >>> 7) & 31) !== counter;
      });
      const back = -(sizeOf(body) + 4);
      const rounds = asm.addi(counter, 0, 1 + random(5));
      return { codes: [rounds, ...body, asm.addi(counter, counter, -1), asm.bne(counter, 0, back)] };
    }
    default: {
      const { match } = pick(random, branches);
      const [rs1, rs2] = [random(32), random(32)];
      const withOffset = (offset: number): number => (match | encode.b(0, rs1, rs2, offset)) >>> 0;
      return { codes: [match], skip, withOffset };
    }
  }
}

function randomGroup(random: Random): Group {
  const kind = random(10);
  if (kind < 5) return { codes: [compute(random)] };
  if (kind < 8) return memoryGroup(random);
  return kind === 8 ? atomicGroup(random) : controlGroup(random);
}

/** The groups of sequence `index` of a seed. */
function groupsOf(seed: number, index: number, groupCount: number): Group[] {
  const random = generator(seed * 1_000_003 + index * 7919 + 1);
  for (let i = 0; i < 8; i++) random(2);
  return Array.from({ length: groupCount }, () => randomGroup(random));
}

/** Gives branches their offsets; those that lead beyond the end lead to the end. */
function link(groups: readonly Group[]): number[] {
  return groups.flatMap((group, index) => {
    if (group.withOffset === undefined) return group.codes;
    const skipped = groups.slice(index + 1, index + 1 + (group.skip ?? 0));
    const offset = sizeOf(group.codes) + skipped.reduce((sum, { codes }) => sum + sizeOf(codes), 0);
    return [...group.codes.slice(0, -1), group.withOffset(offset)];
  });
}

function loadAddress(rd: number, address: number): number[] {
  const upper = (address + 0x800) >>> 12;
  return [asm.lui(rd, upper), encode.i(0x1b, 0, rd, rd, address & 0xfff)];
}

export interface Sequence {
  readonly index: number;
  /** Groups taken from its beginning. */
  readonly groupCount: number;
}

export interface RandomProgram {
  readonly elf: Uint8Array<ArrayBuffer>;
  /** Random instructions in it, not counting what loads and stores registers. */
  readonly instructionCount: number;
  /** Codes of the last sequence's random part. */
  readonly lastCodes: readonly number[];
  readonly outputSize: number;
}

/** The initial record of a sequence: registers, results (zeros), scratch. */
function initialRecord(seed: number, index: number): Uint8Array {
  const random = generator(seed * 31 + index * 104_729 + 17);
  const bytes = new Uint8Array(RECORD_SIZE);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < RECORD_SIZE; at += 8) {
    if (at >= RECORD_RESULTS && at < 2 * RECORD_RESULTS) continue;
    const noise = (BigInt(random(2 ** 31)) << 33n) ^ BigInt(random(2 ** 31));
    const value = [noise, noise >> BigInt(random(64)), pick(random, edgeValues)][random(3)] as bigint;
    view.setBigUint64(at, BigInt.asUintN(64, value), true);
  }
  return bytes;
}

/**
 * Builds the program of these sequences of a seed. The first record is at position `firstPosition`: a sequence that is
 * run alone keeps its place within a page.
 */
export function buildProgram(seed: number, sequences: readonly Sequence[], firstPosition = 0): RandomProgram {
  const codes: number[] = [];
  const records = new Uint8Array((firstPosition + sequences.length) * RECORD_SIZE);
  let instructionCount = 0;
  let lastCodes: number[] = [];
  sequences.forEach(({ index, groupCount }, offset) => {
    const position = firstPosition + offset;
    const record = RECORDS_START + position * RECORD_SIZE;
    records.set(initialRecord(seed, index), position * RECORD_SIZE);
    lastCodes = link(groupsOf(seed, index, groupCount));
    instructionCount += lastCodes.length;
    codes.push(...loadAddress(RECORD, record));
    for (let i = 1; i < RECORD; i++) codes.push(asm.ld(i, RECORD, 8 * i));
    codes.push(asm.addi(SCRATCH, RECORD, RECORD_SCRATCH_MIDDLE), ...lastCodes);
    for (let i = 1; i <= RECORD; i++) codes.push(asm.sd(i, RECORD, RECORD_RESULTS + 8 * i));
  });
  const system = (number: number): number[] => [asm.addi(17, 0, number), asm.ecall];
  codes.push(
    asm.addi(10, 0, 1),
    ...loadAddress(11, RECORDS_START),
    ...loadAddress(12, records.length),
    ...system(64),
  );
  codes.push(asm.addi(10, 0, 0), ...system(93));
  const text = new Uint8Array(sizeOf(codes));
  const view = new DataView(text.buffer);
  let at = 0;
  for (const code of codes) {
    if (size(code) === 4) view.setUint32(at, code, true);
    else view.setUint16(at, code, true);
    at += size(code);
  }
  const elf = writeElf(CODE_START, [
    { address: CODE_START, bytes: text, flags: 5 },
    { address: RECORDS_START, bytes: records, flags: 6 },
  ]);
  return { elf, instructionCount, lastCodes, outputSize: records.length };
}
