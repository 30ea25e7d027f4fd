/**
 * Times the kinds of kinds.ts: processor time of this thread, so that a busy machine matters little; each round times
 * everything once, the empty trip first, so that figure and trip of one round belong together.
 *
 * A world is timed in a process of its own, as a machine is in life: code that has seen two of them is slower for both.
 * Called by world-main.ts and ../kernel.ts.
 */
import { median, spread } from '../statistics.ts';
import type { Kind } from './kinds.ts';
import { createTrip } from './trip.ts';
import type { BenchWorld } from './world.ts';

export interface Figure {
  /** Nanoseconds of the host each time: the median of the rounds, and its spread as a part of it. */
  readonly ns: number;
  readonly spread: number;
  /** The least of the rounds: the machine as undisturbed as it was. */
  readonly least: number;
  /** The same as a multiple of the empty trip of the same round. */
  readonly trips: number;
  /** Guest instructions each time. */
  readonly instructions: number;
}

interface Timed {
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

/** What one round found: by kind, and for one empty trip. */
export interface Round {
  readonly tripNs: number;
  readonly samples: Readonly<Record<string, { readonly ns: number; readonly instructions: number }>>;
}

/** Times each of the kinds in this world once a call; what a sample takes is learned from round to round. */
export function createRounds(at: BenchWorld, chosen: readonly Kind[], sampleMs: number): () => Round {
  const trip = createTrip();
  const ticks = new Map<Kind, number>();
  let tripCount = 100_000;
  return () => {
    const startNs = cpuNs();
    trip(tripCount);
    const tookNs = Math.max(1000, cpuNs() - startNs);
    const tripNs = tookNs / tripCount;
    tripCount = Math.ceil((tripCount * sampleMs * 1e6) / tookNs);
    const samples: Record<string, { ns: number; instructions: number }> = {};
    for (const kind of chosen) {
      const got = sample({ kind, at }, ticks.get(kind) ?? FIRST_TICKS, sampleMs * 1e6);
      ticks.set(kind, got.ticks);
      samples[kind.name] = { ns: got.ns, instructions: got.instructions };
    }
    return { tripNs, samples };
  };
}

/** What the rounds say together, by kind. */
export function figuresOf(rounds: readonly Round[]): ReadonlyMap<string, Figure> {
  const names = Object.keys(rounds[0]?.samples ?? {});
  return new Map(
    names.map((name) => {
      const samples = rounds.flatMap(({ samples, tripNs }) => {
        const one = samples[name];
        return one === undefined ? [] : [{ ...one, trips: one.ns / tripNs }];
      });
      const ns = samples.map((one) => one.ns);
      const figure: Figure = {
        ns: median(ns),
        least: Math.min(...ns),
        spread: spread(ns),
        trips: median(samples.map(({ trips }) => trips)),
        instructions: median(samples.map(({ instructions }) => instructions)),
      };
      return [name, figure] as const;
    }),
  );
}
