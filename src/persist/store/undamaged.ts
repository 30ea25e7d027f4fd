/**
 * The newest generation that a damage has not touched, and what the damage has: for an image that was refused.
 *
 * A generation counts when its record, each of its objects and each page that may be wrong can be read and proved, from
 * whatever there is (survivors.ts), and when whoever would run it has nothing against it. Slow, and only reads. Called by
 * the command line when it refuses an image; `fork` of the generation found then reads it the same way.
 */
import type Database from 'better-sqlite3';
import { DamageError } from './contract.ts';
import { type GenerationView, type History, withHistory } from './history.ts';
import { isLadder } from './ladder.ts';
import { readPrograms } from './programs.ts';
import { translate, unlessUnreadable } from './schema.ts';
import { readSurvivors } from './survivors.ts';

export interface Undamaged {
  /** Null when there is none. */
  readonly generation: number | null;
  /** When it was taken, ms since 1970; 0 when there is none. */
  readonly wallMs: number;
  /** The head of the image, damaged or not. */
  readonly head: number;
  /** What was found damaged, each in words. */
  readonly losses: readonly string[];
}

/** Generations that are read whole and then not accepted, at most: what is wrong with so many is wrong with all. */
const REFUSED_MAX = 8;

/** Looks for it. `accept` throws DamageError for one that cannot be run. */
export function newestUndamaged(
  database: Database.Database,
  accept: (view: GenerationView) => void,
): Undamaged {
  let losses: string[] = [];
  const foundation = (of: Database.Database) => {
    const survivors = readSurvivors(of);
    losses = [...survivors.losses];
    return survivors;
  };
  try {
    return withHistory(database, (history) => search(database, history, accept, losses), foundation);
  } catch (error) {
    if (!(error instanceof DamageError)) throw error;
    return { generation: null, wallMs: 0, head: 0, losses: [...losses, error.message] };
  }
}

function search(
  database: Database.Database,
  history: History,
  accept: (view: GenerationView) => void,
  found: readonly string[],
): Undamaged {
  const head = history.head.generation;
  const { numbers, words, isMapLost } = history.damagedPages();
  const losses = [...found, ...words];
  let isHistoryLost = false;
  const named = history.namedPages(() => {
    isHistoryLost = true;
  });
  const output = troubleWith(() => history.unconfirmedOutput());
  if (output !== null) losses.push(output);
  const keep = unlessUnreadable(() =>
    database.prepare("SELECT value FROM image WHERE key = 'keep'").pluck().get(),
  );
  if (typeof keep === 'string' && !isLadder(keep)) losses.push('the ladder of history');
  const programs = troubleWith(() => readPrograms(database, history.head.programHash));
  // They are in no generation, but in all.
  if (programs !== null) return { generation: null, wallMs: 0, head, losses: [...losses, programs] };
  const suspects = new Set([...numbers, ...(isMapLost || isHistoryLost ? named : [])]);
  let refused = 0;
  for (const generation of history.generations().reverse()) {
    if (refused >= REFUSED_MAX) break;
    if (!history.hasObjects(generation)) continue;
    const failing = firstLost(history, generation, suspects, isHistoryLost);
    if (failing === null) {
      const view = history.at(generation);
      const isAccepted = isFine(() => {
        view.objects();
        accept(view);
      });
      if (isAccepted) return { generation, wallMs: view.wallMs, head, losses };
      refused++;
    } else if (failing >= 0) {
      // What could not be read is asked for first of the next one.
      suspects.delete(failing);
      const rest = [...suspects];
      suspects.clear();
      for (const number of [failing, ...rest]) suspects.add(number);
    }
  }
  return { generation: null, wallMs: 0, head, losses };
}

/** A page that cannot be read at the generation, -1 for its record, null when all can. */
function firstLost(
  history: History,
  generation: number,
  suspects: ReadonlySet<number>,
  isHistoryLost: boolean,
): number | null {
  if (!isFine(() => history.at(generation))) return -1;
  for (const number of suspects) if (!isFine(() => history.readPage(number, generation))) return number;
  if (!isHistoryLost) return null;
  // A row of history that cannot be read may be of any page.
  let lost: number | null = null;
  const isKnown = isFine(() => {
    const all = history.pageNumbers(generation);
    lost = all.find((number) => !isFine(() => history.readPage(number, generation))) ?? null;
  });
  return isKnown ? lost : -1;
}

function isFine(work: () => unknown): boolean {
  return troubleWith(work) === null;
}

/** What damage `work` finds; null when none. */
function troubleWith(work: () => unknown): string | null {
  try {
    translate('the image', work);
    return null;
  } catch (error) {
    if (error instanceof DamageError) return error.message;
    throw error;
  }
}
