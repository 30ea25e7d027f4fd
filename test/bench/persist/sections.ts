/**
 * What bench:persist measures, section by section. Each takes the scale (how much of it) and gives plain figures.
 *
 * Called by ../persist.ts; starts processes through machine.ts, one at a time.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { project } from '../build.ts';
import { median, type Quantiles, spread } from '../statistics.ts';
import { argumentsOf, GIB, idleLoad, type Load, MIB, runRig, startMachine, withFolder } from './machine.ts';
import type { RigConfig, RigRound } from './rig.ts';

export interface Scale {
  readonly dirty: readonly number[];
  readonly ram: readonly number[];
  /** Memory that the program fills and draws its pages from: half of RAM, at most this. */
  readonly areaBytesMax: number;
  readonly warmMs: number;
  readonly roundMs: number;
  readonly rounds: number;
  /** How long rates, and bytes written over time, are looked at. */
  readonly rateMs: number;
  readonly writtenMs: number;
  readonly pairs: number;
  readonly work: number;
  readonly imageBytes: readonly number[];
  readonly imageObjects: readonly number[];
  readonly resumes: number;
  /** The sources are measured, not dist. */
  readonly isSource: boolean;
  /** The parts of pauses are told. */
  readonly isSplit: boolean;
  readonly say: (line: string) => void;
}

const RAM = 256 * MIB;
/** Bytes that change in a page, when not all of it does. */
const BYTES = 104;
const WHOLE = 4096;

function rig(
  scale: Scale,
  folder: string,
  program: string,
  load: Partial<Load>,
  more: Partial<RigConfig>,
): Promise<RigRound[]> {
  const full: Load = { ...idleLoad, bytes: BYTES, areaBytes: 8 * MIB, ...load };
  return runRig({
    isSource: scale.isSource,
    image: join(folder, 'image.db'),
    program,
    arguments: argumentsOf(full),
    ramBytes: RAM,
    intervalMs: 10,
    durability: 'process',
    clock: 'real',
    warmMs: 1000,
    measureMs: 1000,
    rounds: 1,
    ...more,
  });
}

/** The medians of the rounds, of each quantile by itself; `spread` is that of p99. */
export interface Pause extends Quantiles {
  readonly spread: number;
  /** Processor time of a demarcation alone, microseconds, in the mean. */
  readonly cpu: number;
  /** Pages that were dirty, as the store counted them. */
  readonly pages: number;
  readonly checkpoints: number;
}

function pauseOf(rounds: readonly RigRound[]): Pause {
  const of = (name: keyof Quantiles): number => median(rounds.map(({ pauseUs }) => pauseUs[name]));
  return {
    p10: of('p10'),
    p50: of('p50'),
    p99: of('p99'),
    max: Math.max(...rounds.map(({ pauseUs }) => pauseUs.max)),
    spread: spread(rounds.map(({ pauseUs }) => pauseUs.p99)),
    cpu: median(rounds.map(({ cpuUs }) => cpuUs)),
    pages: median(rounds.map(({ pagesPerCheckpoint }) => pagesPerCheckpoint)),
    checkpoints: rounds.reduce((sum, { checkpoints }) => sum + checkpoints, 0),
  };
}

/** Of the round whose pauses were the shortest, so that other programs have the least say in it. */
function sayParts(rounds: readonly RigRound[], say: Scale['say']): void {
  const [best] = rounds.toSorted((a, b) => a.pauseUs.p50 - b.pauseUs.p50);
  say('  part of it (µs: p10, p50, p99, max; ms in all)');
  for (const [name, { p10, p50, p99, max, sumMs }] of Object.entries(best?.partsUs ?? {}))
    say(`  ${name}: ${[p10, p50, p99, max].map((us) => us.toFixed(1)).join(', ')}; ${sumMs.toFixed(1)}`);
}

export type PauseTable = Readonly<Record<string, Readonly<Record<string, Pause>>>>;

/** Dirty pages -> RAM in MiB -> pause. Sets that fill more than half of RAM are left out. */
export async function measurePauses(
  program: string,
  scale: Scale,
  what: { readonly bytes?: number; readonly threads?: number },
): Promise<PauseTable> {
  const table: Record<string, Record<string, Pause>> = {};
  for (const pages of scale.dirty) {
    const row: Record<string, Pause> = {};
    table[pages] = row;
    for (const ramBytes of scale.ram) {
      const areaBytes = Math.min(ramBytes / 2, scale.areaBytesMax);
      if (pages * WHOLE > areaBytes) continue;
      scale.say(
        `pause: ${pages} pages, ${ramBytes / MIB} MiB, ${what.bytes ?? BYTES} bytes, ${what.threads ?? 1} threads`,
      );
      const { warmMs, roundMs: measureMs, rounds } = scale;
      // Sixteen megabytes a hundred times a second are more than a disk takes: what waits for it is no pause.
      const intervalMs = pages > 1024 ? 100 : 10;
      const found = await withFolder((folder) =>
        rig(
          scale,
          folder,
          program,
          { ...what, pages, areaBytes },
          { ramBytes, intervalMs, warmMs, measureMs, rounds, isSplit: scale.isSplit },
        ),
      );
      if (scale.isSplit) sayParts(found, scale.say);
      row[ramBytes / MIB] = pauseOf(found);
    }
  }
  return table;
}

export interface Rate {
  readonly hz: number;
  readonly lagMs: Quantiles;
  readonly pauseUs: Quantiles;
  readonly seconds: number;
  readonly logBytesMax: number;
}

/** A thousand checkpoints a second are asked for, while somebody reads the image. */
export async function measureRate(
  program: string,
  scale: Scale,
  durability: 'process' | 'power',
  pages: number,
): Promise<Rate> {
  scale.say(`rate: ${pages} pages, durability ${durability}, ${scale.rateMs / 1000} s`);
  const [round] = await withFolder(async (folder) => {
    const running = rig(
      scale,
      folder,
      program,
      { pages },
      { durability, intervalMs: 1, warmMs: scale.warmMs, measureMs: scale.rateMs },
    );
    const image = join(folder, 'image.db');
    while (!existsSync(`${image}-wal`)) await sleep(20);
    await sleep(500);
    const script = join(project, 'test', 'bench', 'persist', 'reader.ts');
    const reader = spawn(process.execPath, [script, image], { stdio: ['ignore', 'ignore', 'inherit'] });
    const closed = new Promise((resolve) => reader.on('close', resolve));
    try {
      return await running;
    } finally {
      reader.kill('SIGKILL');
      await closed;
    }
  });
  const { rateHz: hz, lagMs, pauseUs, seconds, logBytesMax } = round as RigRound;
  return { hz, lagMs, pauseUs, seconds, logBytesMax };
}

/** By how much a program takes longer with a hundred checkpoints of 64 pages a second: the median of pairs, and their spread. */
export async function measureSlowdown(
  program: string,
  scale: Scale,
): Promise<{ readonly percent: number; readonly spread: number; readonly pairs: readonly number[] }> {
  const ratios: number[] = [];
  const once = async (isKept: boolean): Promise<number> => {
    const load = { pages: 64, work: scale.work };
    const more = { warmMs: 0, measureMs: 0 };
    const [round] = await withFolder((folder) =>
      rig(scale, folder, program, load, isKept ? more : { ...more, image: null, intervalMs: 3_600_000 }),
    );
    return (round as RigRound).seconds;
  };
  for (let pair = 0; pair < scale.pairs; pair++) {
    scale.say(`slowdown: pair ${pair + 1} of ${scale.pairs}`);
    // Either goes first as often as the other.
    const first = await once(pair % 2 === 0);
    const second = await once(pair % 2 !== 0);
    ratios.push(pair % 2 === 0 ? first / second : second / first);
  }
  const percent = ratios.map((ratio) => (ratio - 1) * 100);
  return { percent: median(percent), spread: Math.max(...percent) - Math.min(...percent), pairs: percent };
}

/** How long output is held at the default interval and durability, milliseconds. */
export async function measureOutput(program: string, scale: Scale): Promise<Quantiles> {
  scale.say('output');
  const { warmMs } = scale;
  const [round] = await withFolder((folder) =>
    rig(
      scale,
      folder,
      program,
      { printMs: 23 },
      { durability: 'power', warmMs, measureMs: scale.roundMs * scale.rounds },
    ),
  );
  return (round as RigRound).outputMs;
}

/** From exec of node to the first guest instruction after a kill, milliseconds. */
export async function measureResume(
  program: string,
  scale: Scale,
  imageBytes: number,
  objects: number,
): Promise<{ readonly ms: number; readonly least: number; readonly spread: number }> {
  scale.say(`resume: ${imageBytes / MIB} MiB, ${objects} objects`);
  return withFolder(async (folder) => {
    const image = join(folder, 'image.db');
    const load: Load = { ...idleLoad, areaBytes: imageBytes, objects, pages: 8, bytes: BYTES };
    const ram = ['--ram', imageBytes >= GIB ? '3G' : '256M'];
    const made = await startMachine([...ram, image, program, ...argumentsOf(load)], 'ready', scale.isSource);
    await sleep(3000);
    await made.kill();
    const found: number[] = [];
    for (let i = 0; i <= scale.resumes; i++) {
      const machine = await startMachine([image], 'goes on at', scale.isSource);
      // The first one fills the cache of compiled code.
      if (i > 0) found.push(machine.startMs);
      await sleep(1200);
      await machine.kill();
    }
    return { ms: median(found), least: Math.min(...found), spread: spread(found) };
  });
}

/** Nothing is folded and the log is never copied: what it grows by is what commits put into it. */
const nothingFolded = {
  objectFoldMs: 1e9,
  pageFoldBytes: 2 ** 50,
  idleFoldMs: 1e9,
  pageFoldMs: 1e9,
  logBytes: 2 ** 50,
  logBytesMax: 2 ** 50,
};

/** What a changed page or object may add to the log besides its bytes (P.03). */
const ENTRY_BYTES = 48;
/** Bytes of a thread that change while it runs a little: its counters, its turn, some registers. */
const THREAD_BYTES = 96;

export interface Written {
  /** Log bytes a commit. */
  readonly bytes: number;
  readonly bound: number;
  /** The packed record alone. */
  readonly record: number;
}

/** What a commit adds to the log, beside its bound. */
export async function measureCommits(
  program: string,
  scale: Scale,
  pages: number,
  bytes: number,
  threads: number,
): Promise<Written> {
  scale.say(`log: ${pages} pages, ${bytes} bytes, ${threads} threads`);
  const { warmMs, roundMs: measureMs } = scale;
  const [found] = await withFolder((folder) =>
    rig(
      scale,
      folder,
      program,
      { pages, bytes, threads, areaBytes: Math.max(8 * MIB, pages * WHOLE) },
      { warmMs, measureMs, limits: nothingFolded },
    ),
  );
  const round = found as RigRound;
  const changed = pages * bytes + threads * THREAD_BYTES;
  return {
    bytes: round.logBytesPerCheckpoint,
    bound: 1.5 * (changed + ENTRY_BYTES * (pages + threads)) + 8192,
    record: round.recordBytesPerCheckpoint,
  };
}

/** All that the process writes at default settings, bytes a second. */
export async function measureWritten(program: string, scale: Scale, pages: number): Promise<number> {
  scale.say(`written: ${pages} pages, ${scale.writtenMs / 1000} s`);
  const { warmMs, writtenMs: measureMs } = scale;
  const [round] = await withFolder((folder) =>
    rig(scale, folder, program, { pages }, { durability: 'power', warmMs, measureMs }),
  );
  return (round as RigRound).writtenPerSecond;
}
