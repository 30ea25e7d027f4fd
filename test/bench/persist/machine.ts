/**
 * Starting the processes that bench:persist measures: a rig with gauges (rig.ts), and `perdure run` of the built `dist`.
 *
 * Every image lies in a scratch folder of its own, which goes with it. Called by sections.ts.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BuildError, project } from '../build.ts';
import type { RigConfig, RigRound } from './rig.ts';

export const MIB = 1024 * 1024;
export const GIB = 1024 * MIB;

/** What the program of dirty.c is told. */
export interface Load {
  readonly areaBytes: number;
  readonly objects: number;
  readonly pages: number;
  /** Changed in each page. */
  readonly bytes: number;
  readonly threads: number;
  /** Times that it works on the next page, then it ends; 0: it follows demarcations for ever. */
  readonly work: number;
  /** It prints a line after each pause of so many milliseconds, and changes nothing; 0: it does not. */
  readonly printMs: number;
}

export const idleLoad: Load = {
  areaBytes: MIB,
  objects: 0,
  pages: 1,
  bytes: 8,
  threads: 1,
  work: 0,
  printMs: 0,
};

export function argumentsOf(load: Load): string[] {
  const { areaBytes, objects, pages, bytes, threads, work, printMs } = load;
  return [areaBytes / 1024, objects, pages, bytes, threads, work, printMs].map(String);
}

/** Runs `work` with a folder that exists only meanwhile. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(process.env.PERDURE_BENCH_FOLDER ?? tmpdir(), 'perdure-bench-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The program, compiled into the folder. Throws BuildError. */
export function buildDirty(folder: string): string {
  const file = join(folder, 'dirty.elf');
  const compiler = join(project, 'src', 'userland', 'kit', 'perdure-cc');
  const source = join(project, 'test', 'bench', 'persist', 'dirty.c');
  try {
    execFileSync(compiler, ['-O2', '-Wall', '-Wextra', '-Werror', source, '-o', file], { stdio: 'pipe' });
  } catch (error) {
    throw new BuildError(`dirty.c was not compiled: ${(error as Error).message.trim()}`);
  }
  return file;
}

/** Throws BuildError when there is no `dist`. */
export function requireDist(): void {
  if (existsSync(join(project, 'dist', 'cli', 'main.js'))) return;
  throw new BuildError('dist is missing; run npm run build');
}

/** As bin/perdure starts Node. */
const nodeOptions = ['--v8-pool-size=0', '--min-semi-space-size=16'];

/** Runs a rig to its end. */
export async function runRig(config: RigConfig): Promise<RigRound[]> {
  const rig = join(project, 'test', 'bench', 'persist', 'rig.ts');
  const child = spawn(process.execPath, [...nodeOptions, rig, JSON.stringify(config)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let errors = '';
  child.stdout.on('data', (bytes: Buffer) => {
    out += bytes.toString();
  });
  child.stderr.on('data', (bytes: Buffer) => {
    errors += bytes.toString();
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`a rig ended with ${code}: ${errors.trim()}`);
  return JSON.parse(out.trim().split('\n').at(-1) as string) as RigRound[];
}

/** A `perdure run` that goes on until it is killed. */
export interface Machine {
  /** From exec of node to its first instruction in an image that goes on, or to the program's first word; milliseconds. */
  readonly startMs: number;
  /** Kills it with a real SIGKILL. */
  kill(): Promise<void>;
}

/** Starts `perdure run`, and waits until `word` is on its stderr or stdout. */
export async function startMachine(
  args: readonly string[],
  word: string,
  isSource: boolean,
): Promise<Machine> {
  const main = join(project, ...(isSource ? ['src', 'cli', 'main.ts'] : ['dist', 'cli', 'main.js']));
  const preload = join(project, 'bin', 'resolve.mjs');
  const cache = join(project, 'node_modules', '.cache', 'perdure-bench');
  const startedMs = performance.now();
  const options = [...nodeOptions, ...(isSource ? ['--import', preload] : []), main, 'run', ...args];
  const child = spawn(process.execPath, options, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_COMPILE_CACHE: cache },
  });
  const closed = new Promise<void>((resolve) => child.on('close', () => resolve()));
  let said = '';
  const startMs = await new Promise<number>((resolve, reject) => {
    const look = (bytes: Buffer): void => {
      said += bytes.toString();
      if (said.includes(word)) resolve(performance.now() - startedMs);
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.on('close', (code) => reject(new Error(`perdure run ended with ${code}: ${said.trim()}`)));
  });
  return {
    startMs,
    kill: async () => {
      child.kill('SIGKILL');
      await closed;
    },
  };
}
