/**
 * Random programs for the comparison with qemu: independent sequences of random groups, one after another.
 *
 * Each sequence loads its registers and fcsr from its own record in memory, runs its groups for some rounds, and stores
 * the registers back; at the end the program writes all records to standard output and exits. Invariants: sequence `i`
 * of a seed is the same whatever the number of sequences; every counted instruction is executed, because no branch can
 * pass it by, and its record is compared.
 */
import { asm, edgeValues, encode, generator } from '../bench.ts';
import { writeElf } from './elf-writer.ts';
import {
  csr,
  csrNumbers,
  floatMemory,
  floatOperand,
  inRegister,
  integerOperand,
  operandTriple,
} from './floats.ts';
import {
  type Group,
  POOL,
  pick,
  type Random,
  RECORD,
  randomGroup,
  SCRATCH,
  size,
  sizeOf,
  TRIPLE,
  TRIPLES_REACH,
  WRITABLE,
} from './groups.ts';

const CODE_START = 0x1_0000;
const RECORDS_START = 0x1000_0100;
const POOL_START = 0x800_0000;
const POOL_TRIPLES = 2400;

/**
 * A record, in this order: x0 to x31 (the place of x0 holds the rounds that are left), f0 to f31, fcsr, scratch. The
 * scratch area lies on two pages in one record of four.
 */
export const RECORD_SIZE = 1024;
export const record = { x: 0, rounds: 0, f: 256, fcsr: 512, scratch: 520, scratchMiddle: 768 } as const;

/** The groups of sequence `index` of a seed, and how often they run. */
interface Plan {
  readonly groups: readonly Group[];
  readonly rounds: number;
}

/** One sequence of 48 runs so often that it becomes hot in every tier; its code stays as it is. */
const HOT_ROUNDS = 2500;

function planOf(seed: number, index: number, groupCount: number): Plan {
  const random = generator(seed * 1_000_003 + index * 7919 + 1);
  for (let i = 0; i < 8; i++) random(2);
  const isHot = random(48) === 0;
  const rounds = isHot ? HOT_ROUNDS : pick(random, [1, 2, 3, 5]);
  return { rounds, groups: Array.from({ length: groupCount }, () => randomGroup(random, isHot)) };
}

/** Gives branches their offsets; those that lead beyond the end lead to the end. */
export function link(groups: readonly Group[]): number[] {
  return groups.flatMap((group, index) => {
    if (group.withOffset === undefined) return group.codes;
    const skipped = groups.slice(index + 1, index + 1 + (group.skip ?? 0));
    const offset = sizeOf(group.codes) + skipped.reduce((sum, { codes }) => sum + sizeOf(codes), 0);
    return [...group.codes.slice(0, -1), group.withOffset(offset)];
  });
}

/** Of each group, how many instructions are executed whatever the branches do. */
function sureCounts(groups: readonly Group[]): number[] {
  const counts = groups.map(({ codes, unsure }) => codes.length - (unsure ?? 0));
  groups.forEach(({ skip }, index) => {
    counts.fill(0, index + 1, index + 1 + (skip ?? 0));
  });
  return counts;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

function loadAddress(rd: number, address: number): number[] {
  const upper = (address + 0x800) >>> 12;
  return [asm.lui(rd, upper), encode.i(0x1b, 0, rd, rd, address & 0xfff)];
}

const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** Called with x30 as link: registers from the record, and back. */
const loadRegisters: readonly number[] = [
  asm.lw(1, RECORD, record.fcsr),
  csr(1, 0, csrNumbers.fcsr, 1),
  ...range(0, 31).map((i) => floatMemory.load(true, i, RECORD, record.f + 8 * i)),
  ...range(1, WRITABLE).map((i) => asm.ld(i, RECORD, record.x + 8 * i)),
  asm.jalr(0, SCRATCH, 0),
];
const saveRegisters: readonly number[] = [
  ...range(1, WRITABLE + 1).map((i) => asm.sd(i, RECORD, record.x + 8 * i)),
  ...range(0, 31).map((i) => floatMemory.store(true, i, RECORD, record.f + 8 * i)),
  csr(2, 1, csrNumbers.fcsr, 0),
  asm.sd(1, RECORD, record.fcsr),
  asm.jalr(0, SCRATCH, 0),
];
const LOAD_ROUTINE = CODE_START + 4;
const SAVE_ROUTINE = LOAD_ROUTINE + 4 * loadRegisters.length;

export interface Sequence {
  readonly index: number;
  /** Groups taken from its beginning. */
  readonly groupCount: number;
  /** Instead of as often as the seed says. */
  readonly rounds?: number;
}

export interface RandomProgram {
  readonly elf: Uint8Array<ArrayBuffer>;
  /** Random instructions that are executed for sure; what loads and stores registers is not counted. */
  readonly instructionCount: number;
  /** Addresses of each sequence's random part: first and end. */
  readonly places: readonly (readonly [number, number])[];
  readonly outputSize: number;
}

/** The initial record of a sequence. */
function initialRecord(seed: number, index: number, rounds: number): Uint8Array {
  const random = generator(seed * 31 + index * 104_729 + 17);
  const bytes = new Uint8Array(RECORD_SIZE);
  const view = new DataView(bytes.buffer);
  const put = (at: number, value: bigint): void => view.setBigUint64(at, BigInt.asUintN(64, value), true);
  const float = (): bigint => {
    const width = random(2) === 0 ? 32 : 64;
    return inRegister(random, floatOperand(random, width), width);
  };
  const integer = (): bigint => {
    const noise = (BigInt(random(2 ** 31)) << 33n) ^ BigInt(random(2 ** 31));
    return pick(random, [noise, noise >> BigInt(random(64)), pick(random, edgeValues)]);
  };
  for (let at = record.x + 8; at < record.f; at += 8) put(at, integer());
  for (let at = record.f; at < record.fcsr; at += 8) put(at, float());
  for (let at = record.scratch; at < RECORD_SIZE; at += 8) put(at, random(3) === 0 ? float() : integer());
  put(record.rounds, BigInt(rounds));
  put(record.fcsr, BigInt((random(5) << 5) | random(32)));
  return bytes;
}

/** The operands that sequences load from: triples of doubles, singles, integers in turn. */
function poolOf(seed: number): Uint8Array {
  const random = generator(seed * 15_485_863 + 5);
  const bytes = new Uint8Array(POOL_TRIPLES * TRIPLE);
  const view = new DataView(bytes.buffer);
  for (let triple = 0; triple < POOL_TRIPLES; triple++) {
    const kind = triple % 3;
    const width = kind === 0 ? 64 : 32;
    const values =
      kind === 2
        ? [integerOperand(random), integerOperand(random), integerOperand(random)]
        : operandTriple(random, width).map((bits) => inRegister(random, bits, width));
    values.forEach((value, i) => {
      view.setBigUint64(triple * TRIPLE + 8 * i, value, true);
    });
  }
  return bytes;
}

/** A place in the pool that has triples enough on both sides, and begins with one of doubles. */
function poolPointer(random: Random): number {
  const places = Math.floor((POOL_TRIPLES - 2 * TRIPLES_REACH) / 3);
  return POOL_START + (TRIPLES_REACH + 3 * random(places)) * TRIPLE;
}

/** A call that a translator cannot see through: what is called is translated once, not with every caller. */
const farCall = (address: number): number[] => [
  ...loadAddress(SCRATCH, address),
  asm.jalr(SCRATCH, SCRATCH, 0),
];

/** The code of one sequence that begins at this address: all of it, and where its random part lies in it. */
function sequenceCode(
  seed: number,
  index: number,
  recordAddress: number,
  body: readonly number[],
  start: number,
): { codes: readonly number[]; bodyAt: number } {
  const pool = poolPointer(generator(seed * 7 + index * 65_537 + 3));
  const codes = [...loadAddress(RECORD, recordAddress), ...loadAddress(POOL, pool)];
  codes.push(...farCall(LOAD_ROUTINE));
  const roundAt = start + sizeOf(codes);
  codes.push(asm.addi(SCRATCH, RECORD, record.scratchMiddle));
  const bodyAt = start + sizeOf(codes);
  codes.push(...body);
  codes.push(
    asm.ld(SCRATCH, RECORD, record.rounds),
    asm.addi(SCRATCH, SCRATCH, -1),
    asm.sd(SCRATCH, RECORD, record.rounds),
    asm.beq(SCRATCH, 0, 8),
  );
  codes.push(asm.jal(0, roundAt - (start + sizeOf(codes))));
  codes.push(...farCall(SAVE_ROUTINE));
  return { codes, bodyAt };
}

export function bytesOf(codes: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(sizeOf(codes));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const code of codes) {
    if (size(code) === 4) view.setUint32(at, code, true);
    else view.setUint16(at, code, true);
    at += size(code);
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
  const places: (readonly [number, number])[] = [];
  let instructionCount = 0;
  let here = SAVE_ROUTINE + sizeOf(saveRegisters);
  const append = (more: readonly number[]): void => {
    codes.push(...more);
    here += sizeOf(more);
  };
  sequences.forEach((sequence, offset) => {
    const position = firstPosition + offset;
    const plan = planOf(seed, sequence.index, sequence.groupCount);
    const initial = initialRecord(seed, sequence.index, sequence.rounds ?? plan.rounds);
    records.set(initial, position * RECORD_SIZE);
    const body = link(plan.groups);
    instructionCount += sum(sureCounts(plan.groups));
    const recordAddress = RECORDS_START + position * RECORD_SIZE;
    const { codes: all, bodyAt } = sequenceCode(seed, sequence.index, recordAddress, body, here);
    places.push([bodyAt, bodyAt + sizeOf(body)]);
    append(all);
  });
  const system = (number: number): number[] => [asm.addi(17, 0, number), asm.ecall];
  append([asm.addi(10, 0, 1), ...loadAddress(11, RECORDS_START), ...loadAddress(12, records.length)]);
  append([...system(64), asm.addi(10, 0, 0), ...system(93)]);
  const routines = [...loadRegisters, ...saveRegisters];
  const text = bytesOf([asm.jal(0, 4 + sizeOf(routines)), ...routines, ...codes]);
  const elf = writeElf(CODE_START, [
    { address: CODE_START, bytes: text, flags: 7 },
    { address: POOL_START, bytes: poolOf(seed), flags: 4 },
    { address: RECORDS_START, bytes: records, flags: 6 },
  ]);
  return { elf, instructionCount, places, outputSize: records.length };
}

/** The random part of one sequence. */
export function codesOf(seed: number, index: number, groupCount: number): readonly number[] {
  return link(planOf(seed, index, groupCount).groups);
}

/** The first sequences of a seed, so many that at least this many random instructions are executed. */
export function sequencesFor(seed: number, instructionsMin: number, groupCount: number): Sequence[] {
  const sequences: Sequence[] = [];
  for (let count = 0; count < instructionsMin; ) {
    const index = sequences.length;
    sequences.push({ index, groupCount });
    count += sum(sureCounts(planOf(seed, index, groupCount).groups));
  }
  return sequences;
}
