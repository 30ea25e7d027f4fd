/**
 * Crash campaigns on several programs, side by side. Each has its share of the kills and a seed of its own.
 *
 * Called by `perdure crash`; `campaign.ts` is one of them.
 */
import fs from 'node:fs';
import path from 'node:path';
import { type CampaignResult, campaign, emptyResult, isGood } from './campaign.ts';
import type { Subject } from './subjects.ts';

export interface CampaignsOptions {
  readonly command: readonly [string, ...string[]];
  readonly subjects: readonly Subject[];
  readonly kills: number;
  readonly seed: number;
  readonly jobs: number;
  /** An empty folder; each program gets one of its own in it. */
  readonly folder: string;
  readonly progress: (line: string) => void;
  /** Called with what there is so far whenever a program is through with a piece. */
  readonly grown: (results: ReadonlyMap<string, CampaignResult>) => void;
}

/** Kills after which a program makes room for the next, so that an interrupted campaign has something of all. */
const PIECE_KILLS = 25;

function add(total: CampaignResult, more: CampaignResult): void {
  total.kills += more.kills;
  total.rounds += more.rounds;
  total.lostLines += more.lostLines;
  total.repeatedLines += more.repeatedLines;
  total.differentImages += more.differentImages;
  total.damagedImages += more.damagedImages;
  total.identical &&= more.identical;
  total.failures.push(...more.failures);
  for (const phase of Object.keys(total.byPhase) as (keyof CampaignResult['byPhase'])[])
    total.byPhase[phase] += more.byPhase[phase];
  for (const [point, count] of Object.entries(more.byPoint))
    total.byPoint[point] = (total.byPoint[point] ?? 0) + count;
}

interface Piece {
  readonly subject: Subject;
  readonly kills: number;
  readonly seed: number;
}

/** The pieces of work, the programs in turn. */
function piecesOf({ subjects, kills, seed }: CampaignsOptions): Piece[] {
  const pieces: Piece[] = [];
  const left = subjects.map(
    (_, i) => Math.floor(kills / subjects.length) + (i < kills % subjects.length ? 1 : 0),
  );
  while (left.some((count) => count > 0)) {
    for (const [i, subject] of subjects.entries()) {
      const count = Math.min(left[i] as number, PIECE_KILLS);
      if (count === 0) continue;
      left[i] = (left[i] as number) - count;
      pieces.push({ subject, kills: count, seed: (seed * 100_003 + pieces.length) >>> 0 });
    }
  }
  return pieces;
}

export async function campaigns(options: CampaignsOptions): Promise<Map<string, CampaignResult>> {
  const results = new Map<string, CampaignResult>();
  const pieces = piecesOf(options);
  for (const { subject } of pieces) results.set(subject.name, emptyResult());
  const queue = pieces.entries();
  const work = async (): Promise<void> => {
    for (const [i, { subject, kills, seed }] of queue) {
      const folder = path.join(options.folder, `${i}-${subject.name}`);
      fs.mkdirSync(folder);
      const result = await campaign({
        command: options.command,
        program: subject.program,
        arguments: subject.arguments,
        ram: subject.ram,
        inputLines: subject.inputLines,
        kills,
        seed,
        folder,
        compiled: path.join(options.folder, 'compiled'),
        progress: () => undefined,
      });
      if (isGood(result)) fs.rmSync(folder, { recursive: true, force: true });
      add(results.get(subject.name) as CampaignResult, result);
      options.grown(results);
      const kill = [...results.values()].reduce((sum, one) => sum + one.kills, 0);
      options.progress(
        `${kill} of ${options.kills} kills; ${subject.name}, seed ${seed}: ${result.kills} kills, ${result.rounds} runs compared`,
      );
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, work));
  return results;
}
