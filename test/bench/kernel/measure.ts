/**
 * Times the kinds of kinds.ts: processor time of this thread, so that a busy machine matters little; each round times
 * everything once, the empty trip first, so that figure and trip of one round belong together.
 *
 * Called by ../kernel.ts.
 */
import { median, spread } from '../statistics.ts';
import type { Kind } from './kinds.ts';
import { createTrip } from './trip.ts';
import type { BenchWorld } from './world.ts';

export interface Figure {
  /** Nanoseconds of the host each time: the median of the rounds, and its spread as a part of it. */
  readonly ns: number;
  readonly spread: number;
  /** The same as a multiple of the empty trip of the same round. */
  readonly trips: number;
  /** Guest instructions each time. */
  readonly instructions: number;
}

export interface Timed {
  readonly kind: Kind;
  readonly at: BenchWorld;
}

/** Nanoseconds of processor time of this thread so far. */
function cpuNs(): number {
  // Asking for the whole process brings the books of this thread up to date; Linux does it only every few ms else.
  process.cpuUsage();
  const { user, system } = process.threadCpuUsage();
  return (user + system) * 1000;
}

/** Ticks that the calibration begins with. */
const FIRST_TICKS = 20_000;

interface Sample {
  readonly ns: number;
  readonly instructions: number;
  /** Ticks for a sample of the time wanted. */
  readonly ticks: number;
}

/** Runs for so many ticks of guests; when nobody can run, time goes on to the next sleeper. */
function runFor({ kernel }: BenchWorld['world'], ticks: number): void {
  for (let left = ticks; left > 0; left -= kernel.state.spentTicks) {
    if (kernel.run(left) !== 'idle') return;
    const deadline = kernel.nextDeadline();
    if (deadline === null || kernel.state.spentTicks === 0) return;
    kernel.stepClock(deadline);
  }
}

function sample({ kind, at }: Timed, ticks: number, wantedNs: number): Sample {
  const { kernel } = at.world;
  at.begin(kind);
  runFor(at.world, Math.ceil(ticks / 8));
  const turns = at.turns();
  const { retired } = kernel.statistics();
  const startNs = cpuNs();
  runFor(at.world, ticks);
  const tookNs = cpuNs() - startNs;
  const times = (at.turns() - turns) * kind.times;
  const instructions = (kernel.statistics().retired - retired) / times;
  at.end(kind);
  if (times === 0 && ticks < 1e9) return sample({ kind, at }, ticks * 8, wantedNs);
  if (times === 0) throw new Error(`bench:kernel: ${kind.name} does not happen`);
  const factor = Math.min(16, wantedNs / Math.max(tookNs, 1000));
  return { ns: tookNs / times, instructions, ticks: Math.max(FIRST_TICKS, Math.ceil(ticks * factor)) };
}

/** Rounds of everything; the first `warmUps` are not counted. `sampleMs` is what one sample takes. */
export function measureAll(
  timed: readonly Timed[],
  options: { rounds: number; warmUps: number; sampleMs: number; progress: (round: number) => void },
): { figures: Map<Timed, Figure>; emptyTripNs: number } {
  const trip = createTrip();
  const ticks = new Map<Timed, number>();
  const found = new Map<Timed, (Sample & { trips: number })[]>(timed.map((one) => [one, []]));
  const tripNs: number[] = [];
  let tripCount = 100_000;
  for (let round = -options.warmUps; round < options.rounds; round += 1) {
    options.progress(round);
    const startNs = cpuNs();
    trip(tripCount);
    const tookNs = Math.max(1000, cpuNs() - startNs);
    const oneNs = tookNs / tripCount;
    tripCount = Math.ceil((tripCount * options.sampleMs * 1e6) / tookNs);
    if (round >= 0) tripNs.push(oneNs);
    for (const one of timed) {
      const got = sample(one, ticks.get(one) ?? FIRST_TICKS, options.sampleMs * 1e6);
      ticks.set(one, got.ticks);
      if (round >= 0) found.get(one)?.push({ ...got, trips: got.ns / oneNs });
    }
  }
  const figures = new Map(
    [...found].map(([one, samples]) => {
      const of = (value: (s: Sample & { trips: number }) => number): number[] => samples.map(value);
      const ns = of((s) => s.ns);
      return [
        one,
        {
          ns: median(ns),
          spread: spread(ns),
          trips: median(of((s) => s.trips)),
          instructions: median(of((s) => s.instructions)),
        },
      ] as const;
    }),
  );
  return { figures, emptyTripNs: median(tripNs) };
}
