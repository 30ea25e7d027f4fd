/**
 * Tags: names that a person gives to generations, so that these are kept and can be found.
 *
 * Others than the worker write this one table, also while a machine runs. Invariants: a change is one short transaction, in
 * which nothing is read but by key and nobody waits for the disk, so a commit beside it waits for milliseconds at most; a
 * tag is only given to a generation that is kept at that instant, and the thinner looks at the tags in each transaction of
 * its own: so no tagged generation is ever thinned. Called by the verb `tag`.
 */
import { closeSync, fsyncSync, openSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { exitCodes, StoreError } from './errors.ts';
import { BUSY_MS } from './limits.ts';
import { translate } from './schema.ts';

export interface Tag {
  readonly name: string;
  readonly generation: number;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
  /** '' when there is none. */
  readonly message: string;
}

/** A name that can be no other WHEN: letters, digits and . _ + / -, beginning with a letter. */
export function isTagName(name: string): boolean {
  return /^[A-Za-z][\w.+/-]{0,99}$/.test(name) && !/^HEAD$/i.test(name);
}

/** All tags, by generation, then by name. */
export function readTags(database: Database.Database): Tag[] {
  return database
    .prepare<[], Tag>(
      'SELECT name, generation, created_ms AS createdMs, message FROM tag ORDER BY generation, name',
    )
    .all();
}

/** Gives a kept generation a name. Throws StoreError. */
export function addTag(path: string, tag: Tag): void {
  change(path, (database) => {
    const known = database.prepare('SELECT generation FROM tag WHERE name = ?').pluck().get(tag.name);
    if (known !== undefined) {
      throw new StoreError(
        exitCodes.cannotCreate,
        `there is a tag '${tag.name}' already, of generation ${known}`,
        'choose another name, or delete it with -d',
      );
    }
    const kept = database
      .prepare(
        'SELECT 1 FROM record, head WHERE record.generation = ? AND record.generation >= head.history_floor',
      )
      .get(tag.generation);
    if (kept === undefined) {
      throw new StoreError(
        exitCodes.missing,
        `generation ${tag.generation} is not kept any more`,
        'perdure log shows those that are',
      );
    }
    database
      .prepare('INSERT INTO tag (name, generation, created_ms, message) VALUES (?, ?, ?, ?)')
      .run(tag.name, tag.generation, tag.createdMs, tag.message);
  });
}

/** Takes a name away again; returns the generation that had it. Throws StoreError. */
export function deleteTag(path: string, name: string): number {
  return change(path, (database) => {
    const found = database.prepare('DELETE FROM tag WHERE name = ? RETURNING generation').pluck().get(name) as
      | number
      | undefined;
    if (found !== undefined) return found;
    throw new StoreError(exitCodes.missing, `there is no tag '${name}'`, 'perdure tag IMAGE lists them');
  });
}

function change<T>(path: string, work: (database: Database.Database) => T): T {
  return translate(path, () => {
    const database = new Database(path, { fileMustExist: true, timeout: BUSY_MS });
    try {
      // Copying the log is the worker's business; and nobody is to wait for the disk behind this lock.
      database.pragma('wal_autocheckpoint = 0');
      const isLogged = database.pragma('journal_mode', { simple: true }) === 'wal';
      if (isLogged) database.pragma('synchronous = NORMAL');
      const result = database.transaction(() => work(database)).immediate();
      if (isLogged) syncLog(`${path}-wal`);
      return result;
    } finally {
      database.close();
    }
  });
}

/** What was committed is on the disk when this returns. No lock of SQLite lies on the log, so closing it frees none. */
function syncLog(path: string): void {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return;
  const log = openSync(path, 'r');
  try {
    fsyncSync(log);
  } finally {
    closeSync(log);
  }
}
