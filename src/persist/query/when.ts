/**
 * WHEN: which generation a person means. A generation, HEAD, HEAD~n (n kept generations before it), a tag, or an ISO time
 * (the newest kept generation then).
 *
 * Holds no state. Called by the verbs that look back, and by the functions of SQL that take a WHEN.
 */
import type Database from 'better-sqlite3';
import { exitCodes, StoreError } from '../store/errors.ts';
import type { History } from '../store/history.ts';

export const WHEN_WORDS = 'WHEN is a generation, HEAD, HEAD~n, a tag or an ISO time';

/** The generation that WHEN names; null is the head. Throws StoreError when there is no such one, or it is not kept. */
export function chooseGeneration(when: string | null, history: History, database: Database.Database): number {
  if (when === null || when === 'HEAD') return history.head.generation;
  if (/^\d{1,15}$/.test(when)) return Number(when);
  const kept = history.generations();
  const [, back] = /^HEAD~(\d{1,15})$/.exec(when) ?? [];
  let found: number | null | undefined;
  if (back !== undefined) found = kept.at(-1 - Number(back));
  else if (/^\d{4}-\d\d-\d\d/.test(when)) {
    const wallMs = database.prepare("SELECT unixepoch(?, 'subsec') * 1000").pluck().get(when) as
      | number
      | null;
    if (wallMs === null) {
      throw new StoreError(exitCodes.usage, `'${when}' is not an ISO time`, 'IMAGE@2026-11-23T18:00:00Z');
    }
    found = history.newestAt(wallMs);
  } else {
    const tagged = database.prepare('SELECT generation FROM tag WHERE name = ?').pluck();
    found = tagged.get(when) as number | undefined;
    if (found === undefined) {
      throw new StoreError(exitCodes.missing, `there is no generation '${when}'`, WHEN_WORDS);
    }
  }
  if (found !== null && found !== undefined) return found;
  throw new StoreError(
    exitCodes.missing,
    `no generation is kept for '${when}'`,
    `kept are ${kept.length}, from ${kept[0] ?? 0} to ${kept.at(-1) ?? 0}`,
  );
}
