/**
 * Runs a random program on qemu-riscv64 and on our hart in one of its tiers and compares every record; finds the
 * instruction that differs.
 */
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BareEnd, createBareProgram } from '../../../src/hw/bare.ts';
import { parseElf } from '../../../src/hw/elf.ts';
import { disassemble, registerNames } from '../../../src/hw/instructions/disassemble.ts';
import type { Tier, TierStatistics } from '../../../src/hw/machine.ts';
import { EARLY, generator } from '../bench.ts';
import {
  buildProgram,
  codesOf,
  type RandomProgram,
  RECORD_SIZE,
  record,
  type Sequence,
  sequencesFor,
} from './generate.ts';

const RAM_BYTES = 256 * 1024 * 1024;
const QEMU = 'qemu-riscv64-static';
const GROUPS_PER_SEQUENCE = 40;
const RECORDS_PER_PAGE = 4;
const CUT_NEVER = 1_000_000_000;

/** How our hart runs a program: in which tier, and in pieces of which budgets. */
export interface Way {
  readonly tier: Tier;
  /** Budgets of 1 to this many instructions at random; 0 for one run. */
  readonly cutMax: number;
}

export interface Comparison {
  /** Random instructions that were executed and whose record was compared. */
  readonly instructions: number;
  readonly sequences: number;
  readonly statistics: TierStatistics;
  /** Null when everything was equal. */
  readonly difference: string | null;
}

/** The output under qemu; throws when it does not end well. */
export function runOnQemu(program: RandomProgram, folder: string): Uint8Array {
  const file = join(folder, 'random.elf');
  writeFileSync(file, program.elf, { mode: 0o755 });
  const { status, signal, stdout, stderr } = spawnSync(QEMU, [file], { maxBuffer: 1 << 30 });
  rmSync(file);
  if (status !== 0) throw new Error(`${QEMU} ended with ${status ?? signal}: ${stderr}`);
  if (stdout.length !== program.outputSize) throw new Error(`${QEMU} wrote ${stdout.length} bytes`);
  return stdout;
}

interface HartRun {
  readonly output: Uint8Array;
  readonly end: BareEnd;
  readonly statistics: TierStatistics;
}

export function runOnHart(program: RandomProgram, { tier, cutMax }: Way): HartRun {
  const pieces: Uint8Array[] = [];
  const bare = createBareProgram(parseElf(program.elf, 'random.elf'), {
    ramBytes: RAM_BYTES,
    arguments: ['random.elf'],
    environment: [],
    ticksPerNanosecond: 4,
    wallBaseNs: 0n,
    random: new Uint8Array(16),
    tier,
    heat: EARLY,
    effects: { write: (_, bytes) => pieces.push(bytes), read: () => new Uint8Array(0) },
  });
  if (bare === null) throw new Error('the random program does not fit in RAM');
  const random = generator(cutMax + 1);
  let end: BareEnd = { kind: 'budget' };
  while (end.kind === 'budget') end = bare.run(cutMax === 0 ? CUT_NEVER : 1 + random(cutMax));
  return { output: Buffer.concat(pieces), end, statistics: bare.machine.tierStatistics() };
}

function recordOf(output: Uint8Array, position: number): Buffer {
  return Buffer.from(output.buffer, output.byteOffset + position * RECORD_SIZE, RECORD_SIZE);
}

function placeName(at: number): string {
  if (at >= record.scratch) return `scratch[${at - record.scratchMiddle}]`;
  if (at >= record.fcsr) return 'fcsr';
  return at >= record.f ? `f${(at - record.f) / 8}` : (registerNames[(at - record.x) / 8] ?? '');
}

/** What differs between two records, in words. */
function describeRecords(ours: Buffer, theirs: Buffer): string[] {
  const lines: string[] = [];
  const hex = (value: bigint): string => value.toString(16).padStart(16, '0');
  for (let at = 0; at < RECORD_SIZE; at += 8) {
    const [a, b] = [ours.readBigUInt64LE(at), theirs.readBigUInt64LE(at)];
    if (a !== b) lines.push(`  ${placeName(at)}: ours ${hex(a)}, qemu's ${hex(b)}`);
  }
  return lines;
}

function describeEnd(end: BareEnd): string {
  const text = JSON.stringify(end, (_, v) => (typeof v === 'bigint' ? `0x${v.toString(16)}` : v));
  return `  ours ended: ${text}`;
}

/** Runs one sequence alone, cut after some groups: the difference in words, or null. */
function compareOne(seed: number, sequence: Sequence, folder: string, way: Way): string[] | null {
  const position = sequence.index % RECORDS_PER_PAGE;
  const program = buildProgram(seed, [sequence], position);
  const theirs = runOnQemu(program, folder);
  const { output, end } = runOnHart(program, way);
  if (end.kind !== 'exit') return [describeEnd(end)];
  const lines = describeRecords(recordOf(output, position), recordOf(theirs, position));
  return lines.length === 0 ? null : lines;
}

/**
 * Finds the first group after which a sequence differs, and says what it does: with one round, or else with all. When
 * that group is harmless, a branch before it went wrong.
 */
function explain(seed: number, index: number, folder: string, way: Way): string {
  const place = `tier ${way.tier}, seed ${seed}, sequence ${index}`;
  for (const rounds of [{ rounds: 1 }, {}]) {
    if (compareOne(seed, { index, groupCount: GROUPS_PER_SEQUENCE, ...rounds }, folder, way) === null)
      continue;
    for (let groupCount = 1; groupCount <= GROUPS_PER_SEQUENCE; groupCount++) {
      const lines = compareOne(seed, { index, groupCount, ...rounds }, folder, way);
      if (lines === null) continue;
      const before = codesOf(seed, index, groupCount - 1).length;
      const codes = codesOf(seed, index, groupCount).slice(before);
      const text = codes.map((code) => `  ${code.toString(16).padStart(8)}  ${disassemble(code)}`);
      return [`${place}, group ${groupCount}:`, ...text, ...lines].join('\n');
    }
  }
  return `${place}: differs only together with the sequences before it`;
}

/** Compares at least this many random instructions of a seed. */
export function compareWithQemu(seed: number, instructionsMin: number, folder: string, way: Way): Comparison {
  const sequences = sequencesFor(seed, instructionsMin, GROUPS_PER_SEQUENCE);
  const program = buildProgram(seed, sequences);
  const theirs = runOnQemu(program, folder);
  const { output, end, statistics } = runOnHart(program, way);
  const result = { instructions: program.instructionCount, sequences: sequences.length, statistics };
  if (end.kind === 'exit' && Buffer.compare(output, theirs) === 0) return { ...result, difference: null };
  let position = sequences.findIndex(
    (_, i) =>
      output.length < (i + 1) * RECORD_SIZE || Buffer.compare(recordOf(output, i), recordOf(theirs, i)) !== 0,
  );
  // When ours ended early there is no output to look at: where it stopped says which sequence it was.
  if (end.kind === 'trap') position = program.places.findIndex((place) => end.pc < BigInt(place[1]));
  const difference = `${explain(seed, Math.max(position, 0), folder, way)}\n${describeEnd(end)}`;
  return { ...result, difference };
}
