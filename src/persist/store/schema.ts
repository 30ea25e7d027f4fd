/**
 * Opening the database file: is it an image, of which format; creating one.
 *
 * Invariants: a file that is not an image is never written to; a new image's tables appear in one transaction. The SQL
 * text lies in `store/`. Called by the worker (which owns the writing connection) and, to read, by everybody else.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { Durability } from './contract.ts';
import { DamageError } from './contract.ts';
import { exitCodes, StoreError } from './errors.ts';
import { freshHead, HeadTable } from './head.ts';
import { BUSY_MS } from './limits.ts';
import { FORMAT_OLDEST, FORMAT_VERSION, migrate } from './migrate.ts';
import { programsHash } from './rows.ts';
import { refuseLost } from './side.ts';

/** SQLite's application_id of an image: 'Perd'. */
export const APPLICATION_ID = 0x5065_7264;

const sqlFolder = new URL('../../../store/', import.meta.url);

/** The text of a file in `store/`. */
export function readSql(name: string): string {
  return readFileSync(new URL(name, sqlFolder), 'utf8');
}

/**
 * Says whether there is something at `path`. Looks at no byte itself: closing a file would drop the locks that this
 * process may have on it (POSIX); SQLite knows better.
 */
export function probeFile(path: string): 'missing' | 'empty' | 'file' {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return 'missing';
  if (!found.isFile()) {
    throw new StoreError(exitCodes.foreign, `${path} is not a file`, 'name an image file');
  }
  return found.size === 0 ? 'empty' : 'file';
}

/** Refuses a database that is not an image, or of a format newer than ours. True when it has no tables yet. */
function isBlank(database: Database.Database, path: string): boolean {
  const count = database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get();
  const application = database.pragma('application_id', { simple: true });
  if (count === 0 && application === 0) return true;
  if (application !== APPLICATION_ID) {
    throw new StoreError(
      exitCodes.foreign,
      `${path} is not an image: it is an SQLite file of another application`,
      'name an image, or another path to make a new one',
    );
  }
  const version = database.pragma('user_version', { simple: true }) as number;
  if (version > FORMAT_VERSION) {
    throw new StoreError(
      exitCodes.foreign,
      `${path} has image format ${version}; this release knows formats up to ${FORMAT_VERSION}`,
      'open it with the release that wrote it, or a newer one',
    );
  }
  if (version < FORMAT_OLDEST) {
    throw new StoreError(
      exitCodes.foreign,
      `${path} has image format ${version}, of a version before the first release; this one knows formats from ${FORMAT_OLDEST} on`,
      'make a new image from the program',
    );
  }
  return false;
}

export function missing(path: string): StoreError {
  return new StoreError(exitCodes.missing, `${path}: there is no image`, 'name a program to make one');
}

/**
 * Opens a connection that cannot write. Throws StoreError when there is no image, or a foreign one. What SQLite makes beside
 * a file without a log, to read it, stays there: whoever only looks asks for `openLooker`.
 */
export function openReader(path: string): Database.Database {
  return openVerifiedOrMended(path, true);
}

/** The same, and leaves nothing beside the file that was not there: a connection that could write takes it away. */
export function openLooker(path: string): Database.Database {
  const hasLog = existsSync(`${path}-wal`) || existsSync(`${path}-journal`);
  return openVerifiedOrMended(path, hasLog);
}

function openVerifiedOrMended(path: string, readonly: boolean): Database.Database {
  if (probeFile(path) !== 'file') throw missing(path);
  try {
    return openVerified(path, readonly);
  } catch (error) {
    if (!isJournalLeft(error)) throw translated(path, error);
  }
  translate(path, () => takeBack(path));
  return translate(path, () => openVerified(path, readonly));
}

/** A death, while a file changed between its two kinds of journal, left the change half made: a writer takes it back. */
export function takeBack(path: string): void {
  const writer = new Database(path, { timeout: BUSY_MS });
  try {
    writer.prepare('SELECT count(*) FROM sqlite_schema').get();
  } finally {
    writer.close();
  }
}

/** True when a connection that only reads says that somebody has to do that first. */
export function isJournalLeft(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code === 'SQLITE_READONLY_ROLLBACK';
}

function openVerified(path: string, readonly: boolean): Database.Database {
  const database = new Database(path, { readonly, fileMustExist: true, timeout: BUSY_MS });
  try {
    if (!readonly) database.pragma('query_only = 1');
    if (isBlank(database, path)) throw missing(path);
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

/** Refuses what is no image before anything is written beside it; null when there is nothing yet, and that is well. */
export function openExisting(path: string, create: boolean, bootId: string): Database.Database | null {
  if (probeFile(path) !== 'file') refuseLost(path, bootId);
  if (create && probeFile(path) !== 'file') return null;
  try {
    return openReader(path);
  } catch (error) {
    // A creation that died before its tables were committed: made anew.
    if (!(error instanceof StoreError && error.exitCode === exitCodes.missing)) throw error;
    refuseLost(path, bootId);
    if (create) return null;
    throw error;
  }
}

export interface NewImage {
  /** Hexadecimal. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
}

/**
 * Opens the writing connection; makes the tables when there are none and `create` says what to write into them.
 * `created` is called after that transaction.
 */
export function openWriter(
  path: string,
  create: NewImage | null,
  durability: Durability,
  created: () => void,
): Database.Database {
  if (probeFile(path) !== 'file' && create === null) throw missing(path);
  const database = translate(path, () => new Database(path, { timeout: BUSY_MS }));
  try {
    return translate(path, () => {
      const blank = isBlank(database, path);
      if (blank && create === null) throw missing(path);
      if (blank) database.pragma('page_size = 4096');
      const mode = database.pragma('journal_mode = WAL', { simple: true });
      if (mode !== 'wal') {
        throw noSharedMemory(path);
      }
      setSyncs(database, durability);
      database.pragma('temp_store = MEMORY');
      if (blank && create !== null) {
        createTables(database, create);
        created();
      } else migrate(database);
      return database;
    });
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Another writing connection of this process to an image that is open, for copying its log. */
export function openCopier(path: string, durability: Durability): Database.Database {
  return translate(path, () => {
    const database = new Database(path, { fileMustExist: true, timeout: BUSY_MS });
    setSyncs(database, durability);
    return database;
  });
}

function setSyncs(database: Database.Database, durability: Durability): void {
  database.pragma(`synchronous = ${durability === 'power' ? 'FULL' : 'NORMAL'}`);
  database.pragma('wal_autocheckpoint = 0');
}

function noSharedMemory(path: string): StoreError {
  return new StoreError(
    exitCodes.ioError,
    `${path}: the file system does not offer the shared memory that a write-ahead log needs`,
    'put the image on a local file system',
  );
}

function createTables(database: Database.Database, image: NewImage): void {
  database
    .transaction(() => {
      database.exec(readSql('schema.sql'));
      database.exec(readSql('views.sql'));
      const insert = database.prepare('INSERT INTO image (key, value) VALUES (?, ?)');
      insert.run('id', image.id);
      insert.run('created', String(image.createdMs));
      new HeadTable(database, image.id).write(freshHead(programsHash([])));
      database.pragma(`application_id = ${APPLICATION_ID}`);
      database.pragma(`user_version = ${FORMAT_VERSION}`);
    })
    .immediate();
}

export function readImageId(database: Database.Database): string {
  const id = database.prepare("SELECT value FROM image WHERE key = 'id'").pluck().get();
  if (typeof id !== 'string') throw new DamageError('the id of the image is missing');
  return id;
}

function isCorrupt(error: unknown): boolean {
  // A file that ends too early is damaged, not a failing disk.
  return (
    error instanceof Database.SqliteError &&
    (error.code.startsWith('SQLITE_CORRUPT') || error.code === 'SQLITE_IOERR_SHORT_READ')
  );
}

/** What `work` reads; undefined, as for a row that is missing, when SQLite finds the file damaged there. */
export function unlessUnreadable<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (isCorrupt(error)) return undefined;
    throw error;
  }
}

/** Runs `work`; what SQLite cannot do comes out as a StoreError or DamageError with a clear message. */
export function translate<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw translated(path, error);
  }
}

/** The error that an operator should see for what SQLite threw. */
export function translated(path: string, error: unknown): Error {
  if (error instanceof TypeError && error.message.includes('directory does not exist')) {
    return new StoreError(exitCodes.cannotCreate, `${path}: the folder does not exist`, 'make the folder');
  }
  if (!(error instanceof Database.SqliteError)) {
    return error instanceof Error ? error : new Error(String(error));
  }
  const { code, message } = error;
  if (isCorrupt(error)) return new DamageError(`${path}: ${message}`);
  if (code.startsWith('SQLITE_NOTADB')) {
    const advice = 'name an image, or another path to make a new one';
    return new StoreError(exitCodes.foreign, `${path} is not an image: ${message}`, advice);
  }
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    const advice = 'close the other program that writes into it';
    return new StoreError(exitCodes.inUse, `${path} is locked by another program`, advice);
  }
  if (code === 'SQLITE_FULL') {
    const advice = 'make room and run again: nothing acknowledged is lost';
    return new StoreError(exitCodes.ioError, `${path}: the disk is full`, advice);
  }
  if (code.startsWith('SQLITE_IOERR_SHM')) return noSharedMemory(path);
  if (code.startsWith('SQLITE_CANTOPEN') || code.startsWith('SQLITE_READONLY')) {
    const advice = 'check the path and its permissions';
    return new StoreError(exitCodes.cannotCreate, `${path}: ${message}`, advice);
  }
  const advice = 'look at the disk; nothing acknowledged is lost';
  return new StoreError(exitCodes.ioError, `${path}: ${message} (${code})`, advice);
}

/** What the connection sees, as a number that is the same as long as no other connection has committed. */
export function contentVersion(reader: Database.Database): number {
  return reader.prepare('PRAGMA data_version').pluck().get() as number;
}
