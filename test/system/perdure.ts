/**
 * Starts real `perdure` processes for tests: a run to its end, a run that is killed, a report.
 *
 * Called by test/system. Never looks into an image by itself.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TierStatistics } from '../../src/hw/machine.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** The ELF file of a program of src/userland/programs. */
export function program(name: string): string {
  return fileURLToPath(new URL(`../../src/userland/programs/${name}.elf`, import.meta.url));
}

export interface Outcome {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What stdin holds; closed after it. */
  readonly input?: string;
  /** A module of this folder that Node loads first. */
  readonly preload?: string;
  /** SIGKILL after so many milliseconds. */
  readonly killAfterMs?: number;
  /** SIGKILL as soon as this holds; asked every few milliseconds. */
  readonly killWhen?: () => boolean;
  /** Called with each chunk of stdout. */
  readonly onOutput?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
}

/** One process; a test that hangs is killed after a minute and shows as SIGKILL. */
export function perdure(args: readonly string[], surroundings: Surroundings): Promise<Outcome> {
  const { preload } = surroundings;
  const first = preload === undefined ? [] : ['--import', new URL(preload, import.meta.url).href];
  const child = spawn(process.execPath, [...first, main, ...args], {
    cwd: surroundings.cwd,
    env: { ...process.env, ...surroundings.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  return new Promise((resolve, reject) => {
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += String(chunk);
      surroundings.onOutput?.(stdout, (signal) => child.kill(signal));
    });
    child.stderr.on('data', (chunk) => {
      stderr += String(chunk);
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), surroundings.killAfterMs ?? 60_000);
    const { killWhen } = surroundings;
    const poll = setInterval(() => {
      if (killWhen?.() === true) child.kill('SIGKILL');
    }, 5);
    child.on('error', reject);
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      clearInterval(poll);
      resolve({ status, signal, stdout, stderr });
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(surroundings.input ?? '');
  });
}

/** Bytes of a file; 0 when it is not there. */
export function sizeOf(file: string): number {
  return fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

export interface Report {
  readonly ended: string;
  readonly status: number | null;
  readonly generation: number;
  readonly tick: string;
  readonly instructions: number;
  /** As PERDURE_TIER named it. */
  readonly tier: string;
  readonly tiers: TierStatistics;
  readonly imageHash: string | null;
  readonly pagesEvicted: number;
  readonly checkpoints: number;
  readonly checkPasses: number;
}

export function readReport(folder: string, name = 'report.json'): Report {
  return JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8')) as Report;
}
