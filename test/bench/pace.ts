/**
 * How much of each workload a quick run does, so that it ends in time: the usual part, or less when the machine is slow.
 *
 * It goes by what the first round's workloads have taken so far. A pure function of the clock that is passed in; called by
 * cpu.ts.
 */
import { QUICK_PART, type Workload } from './workloads.ts';

/** Less would measure little but starting processes and translating. */
const PART_MIN = 0.05;
/** Before anything is known: milliseconds that a whole size takes on all engines together. */
const WHOLE_MS = 6000;

export interface Pace {
  /** The part that a workload of the first round does; asked just before it runs, in the order of the workloads. */
  partOf(workload: Workload): number;
  /** After the first round: would one more of the same end in time? */
  fitsAnother(rounds: number): boolean;
}

/** Rounds are to end at `endMs` of the clock `now`. */
export function createPace(workloads: readonly Workload[], endMs: number, now: () => number): Pace {
  const usualPart = ({ quickPart }: Workload): number => quickPart ?? QUICK_PART;
  const startMs = now();
  let asked = 0;
  let given = 0;
  return {
    partOf(workload) {
      const left = workloads.slice(asked).reduce((sum, one) => sum + usualPart(one), 0);
      asked++;
      const elapsedMs = now() - startMs;
      const wholeMs = given === 0 ? WHOLE_MS : elapsedMs / given;
      const scale = (endMs - now()) / (left * wholeMs);
      const part = Math.max(PART_MIN, usualPart(workload) * Math.min(1, scale));
      given += part;
      return part;
    },
    fitsAnother: (rounds) => now() + (now() - startMs) / rounds < endMs,
  };
}
