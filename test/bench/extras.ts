/**
 * The two figures beside the table: the interpreter's speed, and how long a guest's first instruction takes to come.
 *
 * Called by cpu.ts. The interpreter runs all workloads at small sizes in one process; its speed is retired instructions
 * by the seconds of `perdure hart --json`, faults of pages and calls included. The first instruction is timed from
 * outside: from before `bin/perdure` is spawned until the byte that the guest's first five instructions write is here.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { type Built, project } from './build.ts';
import { type Job, runJobs } from './engines.ts';
import { workloads } from './workloads.ts';

/** MIPS of one process that runs all the workloads, a value a run. */
export function interpreterMips(built: Built, runs: number, firstSeed: number): number[] {
  return Array.from({ length: runs }, (_, i) => {
    const jobs: Job[] = workloads.map(({ name, smallSize }) => ({
      name,
      size: smallSize,
      seed: firstSeed + i,
    }));
    const run = runJobs('hart', built, jobs, 'interpreter');
    if (run.failure !== null || run.report === null) throw new Error(`the interpreter: ${run.failure}`);
    return run.report.instructions / run.report.seconds / 1e6;
  });
}

/** Milliseconds from spawn to the guest's first byte, once. */
function firstByteMs(built: Built): Promise<number> {
  return new Promise((settle, reject) => {
    const startMs = performance.now();
    const child = spawn(join(project, 'bin', 'perdure'), ['hart', built.firstByte], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let byteMs: number | null = null;
    child.stdout.on('data', () => {
      byteMs ??= performance.now() - startMs;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0 && byteMs !== null) settle(byteMs);
      else reject(new Error(`the first instruction: perdure hart ended with ${code}`));
    });
  });
}

export async function firstInstructionMs(built: Built, runs: number): Promise<number[]> {
  const values: number[] = [];
  for (let i = 0; i < runs; i++) values.push(await firstByteMs(built));
  return values;
}
