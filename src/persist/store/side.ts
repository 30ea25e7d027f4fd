/**
 * The side file `IMAGE-side`: who owns the image, and what was acknowledged last.
 *
 * A tiny SQLite database held in exclusive locking mode: the operating system frees the lock when its holder dies. It says
 * by which durability and in which life of the operating system the owner works, so a loss of power can be told from a
 * file that was tampered with. Behind the database's pages lie two slots for the generation that was acknowledged last, so
 * a log that was cut short is noticed at the next opening.
 * Invariants: what the database says is synced before anything is written into the image; an acknowledgement is one
 * unsynced write into the slots in turn, each a block of its own and checked by its complement; a slot that a loss of power
 * spoiled says nothing. Removed by a clean close. Owned by the worker.
 */
import { closeSync, existsSync, openSync, readSync, rmSync, statSync, unlinkSync, writeSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { Durability } from './contract.ts';
import { exitCodes, StoreError } from './errors.ts';

export function sidePath(imagePath: string): string {
  return `${imagePath}-side`;
}

/** What the last owner left. */
export interface LastOwner {
  /** What it acknowledged; null when no slot can be read. */
  readonly acknowledged: number | null;
  readonly durability: Durability;
  /** Of the operating system's life that it ran in; '' when unknown. */
  readonly bootId: string;
}

export interface SideFile {
  /** Null when the file was not there. */
  readonly lastOwner: LastOwner | null;
  /** Says who has the lock. Waits for the disk. */
  announce(): void;
  acknowledge(generation: number): void;
  /** After an opening that was refused: what the last owner left is as it was. */
  abandon(): void;
  /** The image is the owner's from now on: what the last one left is forgotten. */
  adopt(generation: number): void;
  /** Closes and removes it. */
  remove(): void;
}

export interface SideOwner {
  readonly pid: number;
  readonly durability: Durability;
  readonly bootId: string;
}

/** True when SQLite says that another connection has the lock. */
export function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');
}

function isSpoiled(error: unknown): boolean {
  return error instanceof Database.SqliteError && /^SQLITE_(CORRUPT|NOTADB|ERROR)/.test(error.code);
}

/** Takes the lock. `describe` names the present owner for the message when there is one. */
export function openSide(imagePath: string, owner: SideOwner, describe: () => string): SideFile {
  const path = sidePath(imagePath);
  const existed = existsSync(path);
  let database: Database.Database | null = null;
  try {
    database = new Database(path, { timeout: 0 });
    return lockSide(path, database, owner, existed);
  } catch (error) {
    database?.close();
    if (isBusy(error)) {
      throw new StoreError(
        exitCodes.inUse,
        `${imagePath} is in use by ${describe()}`,
        'stop that machine, or wait until it has ended',
      );
    }
    if (!isSpoiled(error)) throw error;
    throw new StoreError(
      exitCodes.foreign,
      `${path} is damaged: it does not say what ${imagePath} had acknowledged (${(error as Error).message})`,
      'bring back the file that belongs to the image',
    );
  }
}

/** Bytes of a block of the file system: what is written into one cannot spoil another. */
const BLOCK_BYTES = 4096;
const DATABASE_PAGES = 2;
const SLOT_COUNT = 2;
const SLOT_BYTES = 16;

/**
 * The slots, through a descriptor of their own. It must be closed after the database: closing any descriptor of a file
 * frees the locks that the process has on it (POSIX).
 */
class Slots {
  private readonly descriptor: number;
  private readonly bytes = Buffer.alloc(SLOT_BYTES);
  private next = 0;

  constructor(path: string) {
    this.descriptor = openSync(path, 'r+');
  }

  /** The newest generation that a slot says; null when none can be read. */
  read(): number | null {
    let newest: number | null = null;
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      const { bytes } = this;
      if (readSync(this.descriptor, bytes, 0, SLOT_BYTES, this.offset(slot)) !== SLOT_BYTES) continue;
      const generation = bytes.readBigUInt64LE(0);
      if (bytes.readBigUInt64LE(8) !== BigInt.asUintN(64, ~generation)) continue;
      if (generation > BigInt(Number.MAX_SAFE_INTEGER)) continue;
      newest = Math.max(newest ?? 0, Number(generation));
    }
    return newest;
  }

  write(generation: number): void {
    const value = BigInt(generation);
    this.bytes.writeBigUInt64LE(value, 0);
    this.bytes.writeBigUInt64LE(BigInt.asUintN(64, ~value), 8);
    writeSync(this.descriptor, this.bytes, 0, SLOT_BYTES, this.offset(this.next));
    this.next = (this.next + 1) % SLOT_COUNT;
  }

  close(): void {
    closeSync(this.descriptor);
  }

  private offset(slot: number): number {
    return (DATABASE_PAGES + slot) * BLOCK_BYTES;
  }
}

function lockSide(path: string, database: Database.Database, owner: SideOwner, existed: boolean): SideFile {
  database.pragma('locking_mode = EXCLUSIVE');
  database.pragma(`page_size = ${BLOCK_BYTES}`);
  database.pragma('synchronous = FULL');
  // With a journal and synced, so that a crash leaves all of it or nothing. Where there is an owner's row nothing is
  // written yet, and so nothing waits for the disk: a machine that goes on does so the sooner.
  const left = database
    .transaction(() => {
      const isMade = existed && database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() !== 0;
      const found = isMade ? readOwner(database) : null;
      if (!isMade) {
        database.exec(
          'CREATE TABLE owner (id INTEGER PRIMARY KEY CHECK (id = 1), durability TEXT NOT NULL, boot TEXT NOT NULL) STRICT',
        );
      }
      return found;
    })
    .exclusive();
  const slots = new Slots(path);
  const close = (): void => {
    database.close();
    slots.close();
  };
  return {
    lastOwner: left === null ? null : { ...left, acknowledged: slots.read() },
    // In the file's header, where `owner.ts` can read it although the file is locked.
    announce: () => {
      database.pragma(`user_version = ${owner.pid}`);
    },
    acknowledge: (generation) => slots.write(generation),
    adopt: (generation) => {
      for (let slot = 0; slot < SLOT_COUNT; slot++) slots.write(generation);
      // Its commit syncs the slots too.
      database.prepare('INSERT OR REPLACE INTO owner VALUES (1, ?, ?)').run(owner.durability, owner.bootId);
      // Nothing more is written through SQLite; its defensive mode, which better-sqlite3 turns on, would refuse this.
      database.unsafeMode(true);
      database.pragma('journal_mode = OFF');
      database.unsafeMode(false);
      rmSync(`${path}-journal`, { force: true });
    },
    abandon: () => {
      if (!existed) unlinkSync(path);
      close();
    },
    remove: () => {
      // Unlinked while the lock is held: whoever opens the path afterwards makes a file of its own.
      unlinkSync(path);
      close();
    },
  };
}

/**
 * What the last owner of an image left; null when it left nothing, or somebody has the lock, or nothing can be read. Only for
 * a process that has no lock on the side file: closing the file would free it (POSIX).
 */
function peekSide(imagePath: string): LastOwner | null {
  const path = sidePath(imagePath);
  if (!existsSync(path)) return null;
  let database: Database.Database | null = null;
  try {
    database = new Database(path, { readonly: true, fileMustExist: true, timeout: 0 });
    const owner = readOwner(database);
    const slots = new Slots(path);
    try {
      return { ...owner, acknowledged: slots.read() };
    } finally {
      slots.close();
    }
  } catch (error) {
    if (isBusy(error) || isSpoiled(error) || isNotReadable(error)) return null;
    throw error;
  } finally {
    database?.close();
  }
}

function isNotReadable(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return (
    typeof code === 'string' && /^(SQLITE_(READONLY|CANTOPEN|IOERR)|EACCES|EROFS|EPERM|ENOENT)/.test(code)
  );
}

/**
 * Where there is no image, or an empty one: refuses when what lies beside it says that there was one, which somebody took
 * away or whose log was damaged before the first copy into the file. Unless the power took it, where nobody had promised
 * more. Before the lock is taken.
 */
export function refuseLost(imagePath: string, bootId: string): void {
  const left = peekSide(imagePath);
  const acknowledged = left?.acknowledged ?? 0;
  if (left?.durability === 'process' && isOtherLife(left.bootId, bootId)) return;
  const log = statSync(`${imagePath}-wal`, { throwIfNoEntry: false });
  // A creation that failed may leave an empty one.
  const isLogAlone = !existsSync(sidePath(imagePath)) && (log?.size ?? 0) > LOG_HEADER_BYTES;
  if (acknowledged === 0 && !isLogAlone) return;
  const what =
    acknowledged === 0
      ? 'there is its log, but no image that it belongs to'
      : `generation ${acknowledged} of it was acknowledged, but there is no image: its file or its log was taken away, or cut`;
  throw new StoreError(
    exitCodes.foreign,
    `${imagePath}: ${what}`,
    'bring back the files IMAGE, IMAGE-wal and IMAGE-side that belong together; run --fresh begins anew and keeps what is there',
  );
}

/** Of SQLite's log (file format 4.1). */
const LOG_HEADER_BYTES = 32;

/** True when both are known and differ: the system was started anew between them. */
export function isOtherLife(before: string, now: string): boolean {
  return before !== '' && now !== '' && before !== now;
}

function readOwner(database: Database.Database): Omit<LastOwner, 'acknowledged'> {
  const found = database
    .prepare<[], { durability: string; boot: string }>('SELECT durability, boot FROM owner')
    .get();
  return { durability: found?.durability === 'process' ? 'process' : 'power', bootId: found?.boot ?? '' };
}
