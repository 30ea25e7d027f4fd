/**
 * A look at an image before anything is written into it: what it was made with.
 *
 * Invariant: changes no byte of the image, but for a change that a death left half made, and leaves no file beside it that was not there. Unverified: whoever goes on
 * opens the image, which verifies it; so whatever cannot be read here counts as nothing seen, and opening says why.
 * Called by the entry point before it opens the store; never by a process that has the image open (POSIX locks).
 */
import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { BUSY_MS } from './limits.ts';
import { FORMAT_VERSION } from './migrate.ts';
import { APPLICATION_ID, isJournalLeft, takeBack } from './schema.ts';

export interface ImagePeek {
  /** Newest committed generation; 0 for an image whose creation has not come to its first checkpoint. */
  readonly generation: number;
  /** In the order in which they were added. */
  readonly programs: readonly { name: string; hash: Uint8Array; arguments: readonly string[] }[];
}

/** What the image at `path` says about itself; null when there is no image that this release can read. */
export function peekImage(path: string): ImagePeek | null {
  if (!existsSync(path)) return null;
  try {
    return look(path);
  } catch (error) {
    if (isJournalLeft(error)) return lookAgain(path);
    if (error instanceof Database.SqliteError) return null;
    throw error;
  }
}

function lookAgain(path: string): ImagePeek | null {
  try {
    takeBack(path);
    return look(path);
  } catch (error) {
    if (error instanceof Database.SqliteError) return null;
    throw error;
  }
}

function look(path: string): ImagePeek | null {
  // A read-only connection cannot take away the log's files that SQLite makes for it; one that may write does so when
  // it is closed, and has nothing else to write when there was no log. Where there is one it must not be touched.
  const hasLog = existsSync(`${path}-wal`) || existsSync(`${path}-journal`);
  const database = new Database(path, { readonly: hasLog, fileMustExist: true, timeout: BUSY_MS });
  try {
    database.pragma('query_only = 1');
    if (database.pragma('application_id', { simple: true }) !== APPLICATION_ID) return null;
    if ((database.pragma('user_version', { simple: true }) as number) > FORMAT_VERSION) return null;
    return database.transaction(() => {
      const generation = database.prepare('SELECT max(generation) FROM record').pluck().get();
      const programs = database
        .prepare<[], { name: string; hash: Buffer; arguments: string }>(
          'SELECT name, hash, arguments FROM program ORDER BY id',
        )
        .all();
      return {
        generation: typeof generation === 'number' ? generation : 0,
        programs: programs.map((row) => ({ ...row, arguments: JSON.parse(row.arguments) as string[] })),
      };
    })();
  } finally {
    database.close();
  }
}
