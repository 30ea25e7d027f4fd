/**
 * Measures workloads on engines in rounds: every round runs each workload once on each engine, one after the other with
 * the same contents, so that what disturbs the machine for a while disturbs all of them.
 *
 * Seconds are wall clock of the process less the median of the empty program on the same engine, for all engines alike.
 * A ratio is taken within a round; the median over the rounds counts. Contents differ from round to round (seed).
 * Checksums of a round must be equal on all engines; where they are not, the engine's time does not count. Called by
 * cpu.ts; progress goes to its callback.
 */
import { type EngineName, engineNames, type HartReport, type Job, type Run } from './engines.ts';
import { geometricMean, median, spread } from './statistics.ts';
import type { Workload } from './workloads.ts';

/** Runs of the empty program in each round: its time is taken off every other, so it should be sure. */
const EMPTY_RUNS = 3;
/** A shorter time is lost in what starting a process varies by. */
const SECONDS_MIN = 0.0005;

export interface Plan {
  readonly workloads: readonly Workload[];
  readonly engines: readonly EngineName[];
  /** The part of the full size that is run in all rounds. Asked in the first, just before the workload runs. */
  readonly partOf: (workload: Workload) => number;
  readonly firstSeed: number;
  /** Asked after each round with the number of rounds done: is another to follow? */
  readonly another: (rounds: number) => boolean;
  /** Runs jobs in one process of an engine; none is the empty program. */
  readonly run: (engine: EngineName, jobs: readonly Job[]) => Run;
  readonly progress: (line: string) => void;
}

export interface Measured {
  readonly name: string;
  readonly size: number;
  /** Of the full size. */
  readonly part: number;
  /** Net seconds a round; what failed is left out, so indexes are rounds. */
  readonly seconds: Readonly<Record<EngineName, readonly (number | null)[]>>;
  /** What our hart reported in each round. */
  readonly reports: readonly HartReport[];
}

export interface Failure {
  readonly workload: string;
  readonly engine: EngineName;
  readonly seed: number;
  readonly what: string;
}

export interface Measurement {
  readonly rounds: number;
  readonly workloads: readonly Measured[];
  /** Seconds of the empty program, medians. */
  readonly empty: Readonly<Partial<Record<EngineName, number>>>;
  readonly failures: readonly Failure[];
}

interface Series {
  readonly workload: Workload;
  /** Units and part of a run: decided before the first. */
  size: number;
  part: number;
  readonly wall: Record<EngineName, (number | null)[]>;
  readonly reports: HartReport[];
}

const perEngine = <T>(make: (engine: EngineName) => T): Record<EngineName, T> =>
  Object.fromEntries(engineNames.map((engine) => [engine, make(engine)])) as Record<EngineName, T>;

/** Runs one workload on all engines, beginning with another one each time; notes what failed. */
function measureOnce(plan: Plan, series: Series, seed: number, turn: number, failures: Failure[]): void {
  const { engines } = plan;
  const job: Job = { name: series.workload.name, size: series.size, seed };
  const ran = engines.map((_, i) => {
    const engine = engines[(i + turn) % engines.length] as EngineName;
    return { engine, run: plan.run(engine, [job]) };
  });
  // The most trustworthy engine there is says what the checksum should be.
  const trusted = (['native', 'qemuUser', 'qemuSystem', 'qemuIcount', 'hart'] as const)
    .map((engine) => ran.find((one) => one.engine === engine && one.run.failure === null))
    .find((one) => one !== undefined);
  for (const { engine, run } of ran) {
    const wrong = run.failure === null && run.lines[0] !== trusted?.run.lines[0];
    const what = wrong ? `its checksum is "${run.lines[0]}", not "${trusted?.run.lines[0]}"` : run.failure;
    if (what !== null) failures.push({ workload: job.name, engine, seed, what });
    else if (run.report !== null) series.reports.push(run.report);
    series.wall[engine].push(what === null ? run.seconds : null);
  }
}

export function measure(plan: Plan): Measurement {
  const failures: Failure[] = [];
  const empty = perEngine(() => [] as number[]);
  const all: readonly Series[] = plan.workloads.map((workload) => ({
    workload,
    size: 0,
    part: 0,
    wall: perEngine(() => []),
    reports: [],
  }));
  let rounds = 0;
  do {
    const seed = plan.firstSeed + rounds;
    for (const engine of Array.from({ length: EMPTY_RUNS }, () => plan.engines).flat()) {
      const run = plan.run(engine, []);
      if (run.failure === null) empty[engine].push(run.seconds);
      else failures.push({ workload: 'the empty program', engine, seed, what: run.failure });
    }
    all.forEach((series, index) => {
      plan.progress(`round ${rounds + 1}: ${series.workload.name}`);
      if (rounds === 0) {
        series.part = plan.partOf(series.workload);
        series.size = Math.max(1, Math.round(series.workload.size * series.part));
      }
      measureOnce(plan, series, seed, rounds + index, failures);
    });
    rounds++;
  } while (plan.another(rounds));
  const startUp = perEngine((engine) => median(empty[engine]));
  const net = ({ workload, wall }: Series, engine: EngineName): (number | null)[] =>
    wall[engine].map((s, round) => {
      const seconds = s === null ? null : s - startUp[engine];
      if (seconds === null || seconds >= SECONDS_MIN) return seconds;
      const what = 'it takes no longer than the empty program, as far as can be measured';
      failures.push({ workload: workload.name, engine, seed: plan.firstSeed + round, what });
      return null;
    });
  return {
    rounds,
    workloads: all.map((series) => ({
      name: series.workload.name,
      size: series.size,
      part: series.part,
      seconds: perEngine((engine) => net(series, engine)),
      reports: series.reports,
    })),
    empty: Object.fromEntries(plan.engines.map((engine) => [engine, startUp[engine]])),
    failures,
  };
}

/** The rounds in which an engine's time counts. */
export function secondsOf(measured: Measured, engine: EngineName): number[] {
  return measured.seconds[engine].filter((s) => s !== null);
}

/** Our speed as a ratio of theirs (above 1: we are faster), a value for each round in which both ran. */
export function ratiosOf(measured: Measured, theirs: EngineName): number[] {
  return measured.seconds[theirs].flatMap((their, round) => {
    const our = measured.seconds.hart[round] ?? null;
    return their === null || our === null ? [] : [their / our];
  });
}

export interface Summary {
  readonly ratio: number;
  readonly spread: number;
}

export function ratioOf(measured: Measured, theirs: EngineName): Summary | null {
  const ratios = ratiosOf(measured, theirs);
  return ratios.length === 0 ? null : { ratio: median(ratios), spread: spread(ratios) };
}

/** The geometric mean of the workloads' ratios; null when not all of them have one. */
export function meanRatio(measurement: Measurement, theirs: EngineName): number | null {
  const ratios = measurement.workloads.map((one) => ratioOf(one, theirs)?.ratio);
  const known = ratios.filter((ratio) => ratio !== undefined);
  return known.length === ratios.length && known.length > 0 ? geometricMean(known) : null;
}
