/**
 * `perdure hart`: runs a bare user-mode program on the machine, without kernel or image.
 *
 * Ends with the guest's own status, or with 128 + the signal that Linux would send for a trap. The machine and the calls
 * it answers are src/hw/bare.ts; here are the files, the words and the exit code.
 */
import fs from 'node:fs';
import path from 'node:path';
import { type BareEnd, type BareProgram, createBareProgram } from '../../hw/bare.ts';
import { ElfError, type ElfProgram, parseElf, symbolAt } from '../../hw/elf.ts';
import { disassemble, floatRegisterNames, registerNames } from '../../hw/instructions/disassemble.ts';
import { type Tier, traps } from '../../hw/machine.ts';
import { entries } from '../../kernel/abi/entries.ts';
import { TICKS_PER_NANOSECOND } from '../../kernel/abi/memory.ts';
import { ExitCode, OperatorError } from '../errors.ts';
import type { Invocation } from '../verb.ts';

/** Pages are taken from the host when first touched, so a large RAM costs a small program nothing. */
const RAM_BYTES = 1024 * 1024 * 1024;
const TRACE_BUFFER_CHARACTERS = 1 << 16;

/** Words for a trap, and the signal that Linux would send. */
const trapWords: Readonly<Record<number, readonly [words: string, signal: number]>> = {
  [traps.instructionMisaligned]: ['misaligned instruction', 7],
  [traps.instructionAccess]: ['instruction access fault', 7],
  [traps.illegalInstruction]: ['illegal instruction', 4],
  [traps.breakpoint]: ['breakpoint', 5],
  [traps.loadMisaligned]: ['misaligned atomic load', 7],
  [traps.loadAccess]: ['load access fault', 7],
  [traps.storeMisaligned]: ['misaligned atomic store', 7],
  [traps.storeAccess]: ['store access fault', 7],
  [traps.instructionPageFault]: ['instruction page fault', 11],
  [traps.loadPageFault]: ['load page fault', 11],
  [traps.storePageFault]: ['store page fault', 11],
};
const SIGKILL = 9;

function loadProgram(file: string): ElfProgram {
  const stat = fs.statSync(file);
  // A pipe is fine (`<(command)` of a shell); a device might never end.
  if (!stat.isFile() && !stat.isFIFO()) {
    throw new OperatorError(
      ExitCode.inputMissing,
      `${file}: it is no file`,
      'give a static RISC-V program (ELF64)',
    );
  }
  if (stat.size > RAM_BYTES) throw doesNotFit(file);
  try {
    return parseElf(fs.readFileSync(file), file);
  } catch (error) {
    if (!(error instanceof ElfError)) throw error;
    throw new OperatorError(ExitCode.damaged, error.message, 'give a static RISC-V program (ELF64)');
  }
}

function doesNotFit(file: string): OperatorError {
  return new OperatorError(
    ExitCode.damaged,
    `${file}: it does not fit in ${RAM_BYTES / 2 ** 20} MiB, or its arguments and environment not on its stack`,
    null,
  );
}

/** A program built for the kernel would ask for ever what nobody answers here. */
function refuseKernelProgram(file: string, call: number): void {
  const entry = Object.entries(entries).find(([, { number }]) => number === call);
  if (entry === undefined) return;
  throw new OperatorError(
    ExitCode.damaged,
    `${file}: it calls the kernel (${entry[0]}), and there is none here`,
    `perdure run ${file}, or build it with perdure-cc -mbare`,
  );
}

/** Bytes of standard input, waiting for them; none at its end. */
function readInput(lengthMax: number): Uint8Array {
  const buffer = Buffer.alloc(lengthMax);
  for (;;) {
    try {
      return buffer.subarray(0, fs.readSync(0, buffer, 0, lengthMax, null));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EOF') return buffer.subarray(0, 0);
      if (code !== 'EAGAIN') throw error;
      // A terminal that another process has set to answer at once: look again in a moment.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** Bytes nobody can foresee. The system's own source: Node's would take 6 ms to load, of the start's 100. */
function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const source = fs.openSync('/dev/urandom', 'r');
  fs.readSync(source, bytes);
  fs.closeSync(source);
  return bytes;
}

/** The environment for the program: ours, without what bin/perdure put there for Node. */
function environmentOf({ env }: Invocation): string[] {
  return Object.entries(env)
    .filter(([name]) => name !== 'NODE_COMPILE_CACHE')
    .map(([name, value]) => `${name}=${value ?? ''}`);
}

/** Writes a line an instruction: address, bits, text. */
class TraceFile {
  private readonly descriptor: number;
  private text = '';

  constructor(file: string) {
    this.descriptor = fs.openSync(file, 'w');
  }

  add(pc: bigint, bits: number): void {
    const code = bits.toString(16).padStart((bits & 3) === 3 ? 8 : 4, '0');
    this.text += `${pc.toString(16).padStart(10, '0')} ${code.padEnd(8)} ${disassemble(bits)}\n`;
    if (this.text.length > TRACE_BUFFER_CHARACTERS) this.flush();
  }

  private flush(): void {
    fs.writeSync(this.descriptor, this.text);
    this.text = '';
  }

  close(): void {
    this.flush();
    fs.closeSync(this.descriptor);
  }
}

const hexadecimal = (value: bigint): string => `0x${value.toString(16)}`;

/** Where an address is, as symbol + offset; empty when no symbol is near. */
function nameAddress(program: ElfProgram, address: bigint): string {
  const symbol = symbolAt(program.symbols, Number(address));
  if (symbol === null) return '';
  // A name comes from the file: it must not speak to the terminal.
  return `${symbol.name.replace(/\p{Cc}/gu, '?')}+${hexadecimal(address - BigInt(symbol.address))}`;
}

function describeTrap(program: ElfProgram, bare: BareProgram, end: BareEnd & { kind: 'trap' }): string[] {
  const [words] = trapWords[end.cause] ?? [`trap ${end.cause}`, 0];
  const where = nameAddress(program, end.pc);
  const lines = [
    `${words} (cause ${end.cause}) at pc ${hexadecimal(end.pc)}${where === '' ? '' : ` (${where})`}, ` +
      `${end.cause === traps.illegalInstruction ? 'instruction' : 'address'} ${hexadecimal(end.value)}`,
  ];
  const { x, f, fcsr } = bare.machine.hart;
  for (const [names, registers] of [
    [registerNames, x],
    [floatRegisterNames, f],
  ] as const) {
    for (let row = 0; row < 32; row += 4) {
      const cells = names
        .slice(row, row + 4)
        .map((name, i) => `${name.padStart(4)} ${(registers[row + i] ?? 0n).toString(16).padStart(16, '0')}`);
      lines.push(`  ${cells.join('  ')}`);
    }
  }
  lines.push(`  fcsr ${fcsr.toString(16).padStart(2, '0')}`);
  return lines;
}

function exitCodeOf(end: BareEnd): number {
  switch (end.kind) {
    case 'exit':
      return end.status;
    case 'trap':
      return 128 + (trapWords[end.cause]?.[1] ?? SIGKILL);
    case 'budget':
      return ExitCode.done;
    case 'exhausted':
      return 128 + SIGKILL;
  }
}

function writeReport(
  invocation: Invocation,
  program: ElfProgram,
  bare: BareProgram,
  end: BareEnd,
  seconds: number,
): void {
  const file = invocation.options.report as string | undefined;
  if (file === undefined && !invocation.json) return;
  const instructions = Number(bare.machine.hart.retiredWord[0]);
  const tiers = bare.machine.tierStatistics();
  const report = {
    ended: end.kind === 'exhausted' ? 'error' : end.kind,
    status: end.kind === 'exit' ? end.status : null,
    trap:
      end.kind === 'trap'
        ? {
            cause: end.cause,
            pc: hexadecimal(end.pc),
            value: hexadecimal(end.value),
            symbol: nameAddress(program, end.pc),
          }
        : null,
    tier: invocation.options.tier,
    tiers: { ...tiers, translateMs: Number(tiers.translateMs.toFixed(3)) },
    instructions,
    seconds: Number(seconds.toFixed(6)),
    mips: Number((instructions / Math.max(seconds, 1e-9) / 1e6).toFixed(2)),
  };
  const text = `${JSON.stringify(report)}\n`;
  if (file !== undefined) fs.writeFileSync(path.resolve(invocation.cwd, file), text);
  if (invocation.json) invocation.stderr.write(text);
}

/** Runs the program to its end or its budget; the trace is whole whatever comes. */
function runToEnd(bare: BareProgram, invocation: Invocation, trace: TraceFile | null): BareEnd {
  try {
    return bare.run((invocation.options.budget as number | undefined) ?? Number.MAX_SAFE_INTEGER);
  } finally {
    trace?.close();
  }
}

export async function run(invocation: Invocation): Promise<number> {
  const [name = '', ...args] = invocation.operands;
  const file = path.resolve(invocation.cwd, name);
  const program = loadProgram(file);
  const traceFile = invocation.options.trace as string | undefined;
  const trace = traceFile === undefined ? null : new TraceFile(path.resolve(invocation.cwd, traceFile));
  const bare = createBareProgram(program, {
    ramBytes: RAM_BYTES,
    arguments: [name, ...args],
    environment: environmentOf(invocation),
    ticksPerNanosecond: TICKS_PER_NANOSECOND,
    wallBaseNs: BigInt(Date.now()) * 1_000_000n,
    random: randomBytes(16),
    tier: invocation.options.tier as Tier,
    now: () => performance.now(),
    effects: {
      write: (descriptor, bytes) => (descriptor === 1 ? invocation.stdout : invocation.stderr).write(bytes),
      read: readInput,
      unknownCall: (call) => refuseKernelProgram(file, call),
    },
    ...(trace === null ? {} : { trace: (pc, bits) => trace.add(pc, bits) }),
  });
  if (bare === null) throw doesNotFit(file);
  const startMs = performance.now();
  const end = runToEnd(bare, invocation, trace);
  const seconds = (performance.now() - startMs) / 1000;
  const say = (line: string): void => invocation.stderr.write(`${line}\n`);
  if (end.kind === 'trap') for (const line of describeTrap(program, bare, end)) say(line);
  if (end.kind === 'exhausted') say(`the memory of the machine (${RAM_BYTES / 2 ** 20} MiB) is spent`);
  if (end.kind === 'budget' && !invocation.quiet)
    say(`perdure: stopped after ${invocation.options.budget} instructions`);
  writeReport(invocation, program, bare, end, seconds);
  return exitCodeOf(end);
}
