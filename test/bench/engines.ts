/**
 * The engines that are compared, and one run of the benchmark's program on one of them.
 *
 * A run is a real process, timed from before it is spawned until it has ended; what the same engine needs for the
 * empty program (the same file without arguments) is taken off by measure.ts. Translation and warming up are thus part
 * of every engine's time, starting a process and loading a file of none. A run that fails is a value, so that one
 * engine's failure is shown beside the others' times.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type Built, project } from './build.ts';

/** Our own first, then in the order of the table. */
export const engineNames = ['hart', 'qemuUser', 'qemuSystem', 'qemuIcount', 'native'] as const;
export type EngineName = (typeof engineNames)[number];
export type Tier = 'interpreter' | 'translator' | 'auto';

export const engineTitles: Readonly<Record<EngineName, string>> = {
  hart: 'perdure',
  qemuUser: 'qemu-user',
  qemuSystem: 'qemu-system',
  qemuIcount: 'icount',
  native: 'native',
};

/** The program that must be in PATH for an engine besides the compilers; null when none. */
export const engineTools: Readonly<Record<EngineName, string | null>> = {
  hart: null,
  qemuUser: 'qemu-riscv64-static',
  qemuSystem: 'qemu-system-riscv64',
  qemuIcount: 'qemu-system-riscv64',
  native: null,
};

/** One workload's run: name, units, seed. */
export interface Job {
  readonly name: string;
  readonly size: number;
  readonly seed: number;
}

/** What `perdure hart --json` reports; see src/cli/verbs/hart.ts. */
export interface HartReport {
  readonly instructions: number;
  readonly seconds: number;
  readonly mips: number;
  readonly tiers?: Readonly<Record<string, number>>;
}

export interface Run {
  /** Wall clock from spawn to end. */
  readonly seconds: number;
  /** The lines that the program printed: `NAME checksum`. */
  readonly lines: readonly string[];
  /** Null for the other engines. */
  readonly report: HartReport | null;
  /** What went wrong; null when nothing did. */
  readonly failure: string | null;
}

/** Beyond this a run has failed: no workload takes a tenth of it on the slowest tier that is meant to run it. */
const TIMEOUT_MS = 120_000;

/** One hart in machine mode without firmware; semihosting brings arguments in and the output out. */
const virtMachine = ['-M', 'virt', '-smp', '1', '-m', '256M', '-bios', 'none', '-display', 'none'];
const console = ['-serial', 'none', '-monitor', 'none', '-chardev', 'stdio,id=console'];

function systemCommand(built: Built, args: readonly string[], more: readonly string[]): string[] {
  const semihosting = [
    'enable=on',
    'target=native',
    'chardev=console',
    ...args.map((arg) => `arg=${arg}`),
  ].join(',');
  const options = [
    ...virtMachine,
    ...console,
    ...more,
    '-semihosting-config',
    semihosting,
    '-kernel',
    built.system,
  ];
  return ['qemu-system-riscv64', ...options];
}

const perdure = join(project, 'bin', 'perdure');

function commandOf(engine: EngineName, built: Built, args: readonly string[], tier: Tier): string[] {
  switch (engine) {
    case 'hart':
      return [perdure, 'hart', '--tier', tier, '--json', built.user, ...args];
    case 'qemuUser':
      return ['qemu-riscv64-static', built.user, ...args];
    case 'qemuSystem':
      return systemCommand(built, args, []);
    case 'qemuIcount':
      return systemCommand(built, args, ['-icount', 'shift=0']);
    case 'native':
      return [built.native, ...args];
  }
}

function parseReport(text: string): HartReport | null {
  const line = text.trimEnd().split('\n').at(-1) ?? '';
  try {
    return JSON.parse(line) as HartReport;
  } catch {
    return null;
  }
}

/** Runs jobs one after another in one process of the engine; none is the empty program. */
export function runJobs(engine: EngineName, built: Built, jobs: readonly Job[], tier: Tier = 'auto'): Run {
  const args = jobs.flatMap((job) => [job.name, String(job.size), String(job.seed)]);
  const [command = '', ...rest] = commandOf(engine, built, args, tier);
  const startMs = performance.now();
  const { status, signal, stdout, stderr, error } = spawnSync(command, rest, {
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const seconds = (performance.now() - startMs) / 1000;
  const lines = (stdout ?? '').split('\n').filter((line) => line !== '');
  const report = engine === 'hart' ? parseReport(stderr ?? '') : null;
  const said = [lines.find((line) => line.startsWith('FAILED')), (stderr ?? '').split('\n')[0]].find(Boolean);
  let failure: string | null = null;
  if (error !== undefined) failure = error.message;
  else if (status !== 0) failure = `ended with ${status ?? signal}${said === undefined ? '' : `: ${said}`}`;
  else if (lines.length !== jobs.length) failure = `printed ${lines.length} checksums for ${jobs.length}`;
  else if (engine === 'hart' && report === null) failure = 'printed no report';
  return { seconds, lines, report, failure };
}
