/**
 * The side file `IMAGE-side`: who owns the image, and what was acknowledged last.
 *
 * A tiny SQLite database held in exclusive locking mode: the operating system frees the lock when its holder dies. Its one
 * row has the newest generation that the worker acknowledged, so a log that was cut short is noticed at the next opening.
 * Removed by a clean close. Owned by the worker.
 */
import { existsSync, unlinkSync } from 'node:fs';
import Database from 'better-sqlite3';
import { exitCodes, StoreError } from './errors.ts';

export function sidePath(imagePath: string): string {
  return `${imagePath}-side`;
}

export interface SideFile {
  /** What the last owner acknowledged; null when the file was not there, or its owner wrote nothing. */
  readonly acknowledgedBefore: number | null;
  acknowledge(generation: number): void;
  /** After an opening that was refused: the file is as it was before. */
  abandon(): void;
  /** Closes and removes it. */
  remove(): void;
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');
}

/** Takes the lock. `owner` describes the present owner for the message when there is one. */
export function openSide(imagePath: string, pid: number, owner: () => string): SideFile {
  const path = sidePath(imagePath);
  const existed = existsSync(path);
  let database: Database.Database | null = null;
  try {
    database = new Database(path, { timeout: 0 });
    return lockSide(path, database, pid, existed);
  } catch (error) {
    database?.close();
    if (!isBusy(error)) throw error;
    throw new StoreError(
      exitCodes.inUse,
      `${imagePath} is in use by ${owner()}`,
      'stop that machine, or wait until it has ended',
    );
  }
}

function lockSide(path: string, database: Database.Database, pid: number, existed: boolean): SideFile {
  database.pragma('locking_mode = EXCLUSIVE');
  database.pragma('page_size = 512');
  // The table comes with a journal, so that a crash leaves all of it or nothing; the updates rewrite one page.
  database
    .transaction(() => {
      database.exec(
        `CREATE TABLE IF NOT EXISTS side (id INTEGER PRIMARY KEY CHECK (id = 1), generation INTEGER NOT NULL) STRICT`,
      );
      // In the file's header, where `owner.ts` can read it although the file is locked.
      database.pragma(`user_version = ${pid}`);
    })
    .exclusive();
  const before = existed
    ? (database.prepare('SELECT generation FROM side').pluck().get() as number | undefined)
    : undefined;
  database.pragma('synchronous = OFF');
  const update = database.prepare('INSERT OR REPLACE INTO side VALUES (1, ?)');
  database.pragma('journal_mode = OFF');
  return {
    acknowledgedBefore: before ?? null,
    acknowledge: (generation) => {
      update.run(generation);
    },
    abandon: () => {
      if (!existed) unlinkSync(path);
      database.close();
    },
    remove: () => {
      // Unlinked while the lock is held: whoever opens the path afterwards makes a file of its own.
      unlinkSync(path);
      database.close();
    },
  };
}
