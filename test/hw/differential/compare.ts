/**
 * Runs a random program on qemu-riscv64 and on our hart and compares every record; finds the instruction that differs.
 */
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BareEnd, createBareProgram } from '../../../src/hw/bare.ts';
import { parseElf } from '../../../src/hw/elf.ts';
import { disassemble, registerNames } from '../../../src/hw/instructions/disassemble.ts';
import { buildProgram, type RandomProgram, RECORD_RESULTS, RECORD_SIZE, type Sequence } from './generate.ts';

const RAM_BYTES = 256 * 1024 * 1024;
const QEMU = 'qemu-riscv64-static';
const GROUPS_PER_SEQUENCE = 30;
const RECORDS_PER_PAGE = 4;

export interface Comparison {
  readonly instructions: number;
  readonly sequences: number;
  /** Null when everything was equal. */
  readonly difference: string | null;
}

/** The output under qemu; throws when it does not end well. */
function runOnQemu(program: RandomProgram, folder: string): Uint8Array {
  const file = join(folder, 'random.elf');
  writeFileSync(file, program.elf, { mode: 0o755 });
  const { status, signal, stdout, stderr } = spawnSync(QEMU, [file], { maxBuffer: 1 << 30 });
  rmSync(file);
  if (status !== 0) throw new Error(`${QEMU} ended with ${status ?? signal}: ${stderr}`);
  return stdout;
}

/** The output on our hart, and how it ended. `cut` gives the budget of each run. */
function runOnHart(program: RandomProgram, cut: () => number): { output: Uint8Array; end: BareEnd } {
  const pieces: Uint8Array[] = [];
  const bare = createBareProgram(parseElf(program.elf, 'random.elf'), {
    ramBytes: RAM_BYTES,
    arguments: ['random.elf'],
    environment: [],
    ticksPerNanosecond: 4,
    wallBaseNs: 0n,
    random: new Uint8Array(16),
    effects: { write: (_, bytes) => pieces.push(bytes), read: () => new Uint8Array(0) },
  });
  if (bare === null) throw new Error('the random program does not fit in RAM');
  let end: BareEnd = { kind: 'budget' };
  while (end.kind === 'budget') end = bare.run(cut());
  return { output: Buffer.concat(pieces), end };
}

function recordOf(output: Uint8Array, position: number): Buffer {
  return Buffer.from(output.buffer, output.byteOffset + position * RECORD_SIZE, RECORD_SIZE);
}

/** What differs between two records, in words. */
function describeRecords(ours: Buffer, theirs: Buffer): string[] {
  const lines: string[] = [];
  for (let at = 0; at < RECORD_SIZE; at += 8) {
    const [a, b] = [ours.readBigUInt64LE(at), theirs.readBigUInt64LE(at)];
    if (a === b) continue;
    const isRegister = at >= RECORD_RESULTS && at < 2 * RECORD_RESULTS;
    const name = isRegister
      ? registerNames[(at - RECORD_RESULTS) / 8]
      : `scratch[${at - 2 * RECORD_RESULTS}]`;
    lines.push(
      `  ${name}: ours ${a.toString(16).padStart(16, '0')}, qemu's ${b.toString(16).padStart(16, '0')}`,
    );
  }
  return lines;
}

/** Runs one sequence alone, cut after some groups: the difference in words, or null. */
function compareOne(seed: number, sequence: Sequence, folder: string): string[] | null {
  const position = sequence.index % RECORDS_PER_PAGE;
  const program = buildProgram(seed, [sequence], position);
  const theirs = runOnQemu(program, folder);
  const { output, end } = runOnHart(program, () => 1_000_000);
  if (end.kind !== 'exit')
    return [
      `  ours ended: ${JSON.stringify(end, (_, v) => (typeof v === 'bigint' ? `0x${v.toString(16)}` : v))}`,
    ];
  const lines = describeRecords(recordOf(output, position), recordOf(theirs, position));
  return lines.length === 0 ? null : lines;
}

/**
 * Finds the first group after which a sequence differs, and says what it does. When that is harmless, a branch before it
 * went wrong.
 */
function explain(seed: number, index: number, folder: string): string {
  for (let groupCount = 1; groupCount <= GROUPS_PER_SEQUENCE; groupCount++) {
    const lines = compareOne(seed, { index, groupCount }, folder);
    if (lines === null) continue;
    const before = buildProgram(seed, [{ index, groupCount: groupCount - 1 }]).lastCodes.length;
    const codes = buildProgram(seed, [{ index, groupCount }]).lastCodes.slice(before);
    const text = codes.map((code) => `  ${code.toString(16).padStart(8)}  ${disassemble(code)}`);
    return [`seed ${seed}, sequence ${index}, group ${groupCount}:`, ...text, ...lines].join('\n');
  }
  return `seed ${seed}, sequence ${index}: differs only together with the sequences before it`;
}

/** Compares at least this many random instructions of a seed. `cut` gives our hart's budgets. */
export function compareWithQemu(
  seed: number,
  instructionsMin: number,
  folder: string,
  cut: () => number = () => 1_000_000,
): Comparison {
  const perSequence = GROUPS_PER_SEQUENCE * 1.4;
  const count = Math.ceil(instructionsMin / perSequence) + 1;
  const sequences = Array.from({ length: count }, (_, index) => ({ index, groupCount: GROUPS_PER_SEQUENCE }));
  const program = buildProgram(seed, sequences);
  const theirs = runOnQemu(program, folder);
  const { output, end } = runOnHart(program, cut);
  const result = { instructions: program.instructionCount, sequences: count };
  if (theirs.length !== program.outputSize) throw new Error(`${QEMU} wrote ${theirs.length} bytes`);
  if (end.kind === 'exit' && Buffer.compare(output, theirs) === 0) return { ...result, difference: null };
  let position = sequences.findIndex(
    (_, i) =>
      output.length < (i + 1) * RECORD_SIZE || Buffer.compare(recordOf(output, i), recordOf(theirs, i)) !== 0,
  );
  // When ours ended early there is no output to look at: try each sequence alone.
  if (end.kind !== 'exit') position = sequences.findIndex((s) => compareOne(seed, s, folder) !== null);
  return { ...result, difference: explain(seed, Math.max(position, 0), folder) };
}
