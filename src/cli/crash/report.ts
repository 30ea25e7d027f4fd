/**
 * The report of a crash campaign: what was killed where, and what came of it. It grows: a campaign of another seed is added
 * to what the file has, so that a long one can be done in parts.
 *
 * Invariant: the file is replaced whole; a part is in it once. Called by `perdure crash --report`.
 */
import fs from 'node:fs';
import { z } from 'zod';
import { ExitCode, OperatorError } from '../errors.ts';
import type { CampaignResult } from './campaign.ts';

/** The folder of a campaign, as it stands in messages. */
const workFolder = /[^\s:]*\/perdure-crash-\w+\//g;

const counts = z.record(z.string(), z.number().int().nonnegative());

const partRow = z.strictObject({
  seed: z.number().int().nonnegative(),
  /** Kills asked for, and done. */
  wanted: z.number().int().positive(),
  kills: z.number().int().nonnegative(),
  /** Runs to the end that were compared with an undisturbed one. */
  runs: z.number().int().nonnegative(),
  byPhase: counts,
  byPoint: counts,
  byProgram: counts,
  lostLines: z.number().int().nonnegative(),
  repeatedLines: z.number().int().nonnegative(),
  differentImages: z.number().int().nonnegative(),
  damagedImages: z.number().int().nonnegative(),
  failures: z.array(z.string()),
});

export type PartRow = z.infer<typeof partRow>;

const reportShape = z.object({ parts: z.array(partRow) });

function addInto(total: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(more)) total[name] = (total[name] ?? 0) + count;
}

function sorted(record: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What the campaigns on several programs amount to. */
export function partOf(seed: number, wanted: number, results: ReadonlyMap<string, CampaignResult>): PartRow {
  const part: PartRow = {
    ...{ seed, wanted, kills: 0, runs: 0, byPhase: {}, byPoint: {}, byProgram: {} },
    ...{ lostLines: 0, repeatedLines: 0, differentImages: 0, damagedImages: 0, failures: [] },
  };
  for (const [name, result] of results) {
    part.kills += result.kills;
    part.runs += result.rounds;
    part.lostLines += result.lostLines;
    part.repeatedLines += result.repeatedLines;
    part.differentImages += result.differentImages;
    part.damagedImages += result.damagedImages;
    addInto(part.byPhase, result.byPhase);
    addInto(part.byPoint, result.byPoint);
    addInto(part.byProgram, { [name]: result.kills });
    // The report is kept with the project: where the files lay is of no use to its readers.
    part.failures.push(...result.failures.map((failure) => `${name}: ${failure.replaceAll(workFolder, '')}`));
  }
  return { ...part, byPoint: sorted(part.byPoint), byProgram: sorted(part.byProgram) };
}

/** The parts that a file has; none when there is no file. Throws OperatorError. */
export function readParts(file: string): PartRow[] {
  if (!fs.existsSync(file)) return [];
  try {
    return reportShape.parse(JSON.parse(fs.readFileSync(file, 'utf8'))).parts;
  } catch {
    throw new OperatorError(
      ExitCode.damaged,
      `${file} is no report of a crash campaign`,
      'name another file',
    );
  }
}

/** Writes totals and parts. */
export function writeParts(file: string, parts: readonly PartRow[]): void {
  const byPhase: Record<string, number> = {};
  const byPoint: Record<string, number> = {};
  const byProgram: Record<string, number> = {};
  for (const part of parts) {
    addInto(byPhase, part.byPhase);
    addInto(byPoint, part.byPoint);
    addInto(byProgram, part.byProgram);
  }
  const sum = (of: (part: PartRow) => number): number => parts.reduce((total, part) => total + of(part), 0);
  const kills = sum((part) => part.kills);
  const total = {
    kills,
    killsInside: kills - (byPhase.running ?? 0),
    runs: sum((part) => part.runs),
    lostLines: sum((part) => part.lostLines),
    repeatedLines: sum((part) => part.repeatedLines),
    differentImages: sum((part) => part.differentImages),
    damagedImages: sum((part) => part.damagedImages),
    failures: sum((part) => part.failures.length),
    byPhase: sorted(byPhase),
    byProgram: sorted(byProgram),
    byPoint: sorted(byPoint),
  };
  const text = JSON.stringify({ total, parts }, null, 2);
  fs.writeFileSync(`${file}.new`, `${text}\n`);
  fs.renameSync(`${file}.new`, file);
}
