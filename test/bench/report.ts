/**
 * What `npm run bench:cpu` says: a table for people, and one JSON object for programs.
 *
 * Invariant: the worst workload is named as large as the mean, and what failed is said. Pure functions of a
 * measurement; called by cpu.ts.
 */
import { flagsText } from './build.ts';
import { type EngineName, engineNames, engineTitles } from './engines.ts';
import { type Measured, type Measurement, meanRatio, ratioOf, secondsOf } from './measure.ts';
import { median, spread } from './statistics.ts';

/** What is compared with ours. */
export const others = ['qemuUser', 'qemuSystem', 'qemuIcount', 'native'] as const;

/** What M.14 and M.15 ask for. */
export const demands = { qemuUser: 0.7, qemuSystem: 0.85, qemuIcount: 1.8, worst: 0.25, mips: 180 } as const;

export interface Extras {
  /** Runs of the interpreter, MIPS; empty when it was not asked for or failed. */
  readonly interpreterMips: readonly number[];
  readonly firstInstructionMs: readonly number[];
  readonly failures: readonly string[];
}

export interface Circumstances {
  readonly versions: Readonly<Record<string, string>>;
  readonly cpu: string;
  readonly loadAverage: number;
  readonly quick: boolean;
  readonly seconds: number;
}

const rounded = (value: number, digits: number): number | null =>
  Number.isFinite(value) ? Number(value.toFixed(digits)) : null;

/** The workload with the least ratio to qemu-user; null when there is none. */
export function worstOf(measurement: Measurement): { name: string; ratio: number } | null {
  const known = measurement.workloads.flatMap((one) => {
    const summary = ratioOf(one, 'qemuUser');
    return summary === null ? [] : [{ name: one.name, ratio: summary.ratio }];
  });
  return known.toSorted((a, b) => a.ratio - b.ratio)[0] ?? null;
}

/** The part of the hart's own time that went into translating, median of the rounds; null when it does not say. */
export function translatingPart(measured: Measured): number | null {
  const parts = measured.reports.flatMap(({ tiers, seconds }) =>
    tiers?.translateMs === undefined ? [] : [tiers.translateMs / 1000 / seconds],
  );
  return parts.length === 0 ? null : median(parts);
}

const instructionsOf = (measured: Measured): number =>
  median(measured.reports.map(({ instructions }) => instructions));

function workloadJson(measured: Measured): object {
  const ran = engineNames.filter((engine) => secondsOf(measured, engine).length > 0);
  const each = (value: (engine: EngineName) => number | null): object =>
    Object.fromEntries(ran.map((engine) => [engine, value(engine)]));
  return {
    name: measured.name,
    size: measured.size,
    part: rounded(measured.part, 3),
    seconds: each((engine) => rounded(median(secondsOf(measured, engine)), 4)),
    least: each((engine) => rounded(Math.min(...secondsOf(measured, engine)), 4)),
    spread: each((engine) => rounded(spread(secondsOf(measured, engine)), 3)),
    ratio: Object.fromEntries(
      others.flatMap((engine) => {
        const summary = ratioOf(measured, engine);
        return summary === null ? [] : [[engine, rounded(summary.ratio, 3)]];
      }),
    ),
    instructions: rounded(instructionsOf(measured), 0),
    mips: rounded(instructionsOf(measured) / median(secondsOf(measured, 'hart')) / 1e6, 0),
    translatingPart: rounded(translatingPart(measured) ?? Number.NaN, 4),
    tiers: measured.reports.at(-1)?.tiers ?? null,
  };
}

/** The object of M.18. */
export function toJson(measurement: Measurement, extras: Extras, circumstances: Circumstances): object {
  const worst = worstOf(measurement);
  return {
    workloads: measurement.workloads.map(workloadJson),
    geomean: Object.fromEntries(
      others.map((engine) => [engine, rounded(meanRatio(measurement, engine) ?? Number.NaN, 3)]),
    ),
    worst: worst === null ? null : { name: worst.name, ratio: rounded(worst.ratio, 3) },
    interpreterMips: rounded(median(extras.interpreterMips), 1),
    interpreterSpread: rounded(spread(extras.interpreterMips), 3),
    firstInstructionMs: rounded(median(extras.firstInstructionMs), 1),
    firstInstructionSpread: rounded(spread(extras.firstInstructionMs), 3),
    rounds: measurement.rounds,
    emptySeconds: Object.fromEntries(
      Object.entries(measurement.empty).map(([engine, seconds]) => [engine, rounded(seconds, 4)]),
    ),
    failures: [
      ...measurement.failures.map(
        (f) => `${f.workload} on ${engineTitles[f.engine]}, seed ${f.seed}: ${f.what}`,
      ),
      ...extras.failures,
    ],
    flags: flagsText,
    ...circumstances,
  };
}

const cell = (text: string, width: number): string => text.padStart(width);

function line(measured: Measured): string {
  const cells = engineNames.map((engine) => {
    const seconds = secondsOf(measured, engine);
    if (seconds.length === 0) return cell('-', 15);
    const around = seconds.length === 1 ? '' : `±${Math.round(spread(seconds) * 50)}%`;
    return cell(`${median(seconds).toFixed(3)} ${around.padStart(5)}`, 15);
  });
  const ratios = others.map((engine) => cell(ratioOf(measured, engine)?.ratio.toFixed(2) ?? '-', 8));
  return `${measured.name.padEnd(10)}${cells.join('')} |${ratios.join('')}`;
}

const verdict = (value: number, demand: number): string => (value >= demand ? 'met' : 'NOT MET');

/** The table: seconds with half the spread, ratios, means, the worst. */
export function toTable(measurement: Measurement, extras: Extras, circumstances: Circumstances): string {
  const titles = engineNames.map((engine) => cell(engineTitles[engine], 15)).join('');
  const headings = others.map((engine) => cell(engineTitles[engine].replace('qemu-', ''), 8)).join('');
  const { rounds: count } = measurement;
  const rounds = count === 1 ? 'one round' : `median of ${count} rounds, half the spread`;
  const lines = [
    `Seconds (${rounds}) and our speed as a ratio of theirs`,
    '',
    `${''.padEnd(10)}${titles} |${headings}`,
    ...measurement.workloads.map(line),
    '',
  ];
  for (const engine of others) {
    const mean = meanRatio(measurement, engine);
    const demand = engine === 'native' ? null : demands[engine];
    const asked = demand === null || mean === null ? '' : `, asked ${demand}: ${verdict(mean, demand)}`;
    const said = mean === null ? 'not all workloads ran on both' : `${mean.toFixed(3)}${asked}`;
    lines.push(`${`Geometric mean to ${engineTitles[engine]}:`.padEnd(34)}${said}`);
  }
  const worst = worstOf(measurement);
  if (worst !== null) {
    const asked = `asked ${demands.worst}: ${verdict(worst.ratio, demands.worst)}`;
    lines.push(
      `${'Worst workload to qemu-user:'.padEnd(34)}${worst.ratio.toFixed(3)} (${worst.name}), ${asked}`,
    );
  }
  const translating = measurement.workloads
    .flatMap((one) => ({ name: one.name, part: translatingPart(one) ?? -1 }))
    .toSorted((a, b) => b.part - a.part)[0];
  if (translating !== undefined && translating.part >= 0) {
    const percent = `${(translating.part * 100).toFixed(1)} % (${translating.name})`;
    lines.push(`${'Most of its time translating:'.padEnd(34)}${percent}`);
  }
  if (extras.interpreterMips.length > 0) {
    const mips = median(extras.interpreterMips);
    const around = `±${(spread(extras.interpreterMips) * 50).toFixed(1)}%`;
    lines.push(
      `${'Interpreter, MIPS:'.padEnd(34)}${mips.toFixed(1)} ${around}, asked ${demands.mips}: ${verdict(mips, demands.mips)}`,
    );
  }
  if (extras.firstInstructionMs.length > 0) {
    const around = `±${Math.round(spread(extras.firstInstructionMs) * 50)}%`;
    lines.push(
      `${'First instruction after, ms:'.padEnd(34)}${median(extras.firstInstructionMs).toFixed(1)} ${around}`,
    );
  }
  lines.push(
    '',
    'Wall clock of the process less that of the empty program, translation included; a round runs each workload',
    'on one engine after another. native calls fma() of the C library where the guest has an instruction.',
    `guest: ${flagsText.guest}; native: ${flagsText.native}`,
    `${Object.values(circumstances.versions).join('; ')}; ${circumstances.cpu}`,
  );
  for (const f of measurement.failures)
    lines.push(`FAILED: ${f.workload} on ${engineTitles[f.engine]}, seed ${f.seed}: ${f.what}`);
  for (const failure of extras.failures) lines.push(`FAILED: ${failure}`);
  return lines.join('\n');
}
