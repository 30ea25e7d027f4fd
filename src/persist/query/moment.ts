/**
 * One generation of an image as it can be asked about: its rows through a lens, its pages, its memory by address, its symbols.
 *
 * Two connections in one snapshot: `rows` answers SQL, `deep` reads what the functions in that SQL ask for (a connection that
 * is answering cannot be asked). Invariants: both see the same commit; nothing is written to the file; until `close` the
 * snapshot is held, so whoever opens one closes it within a second while a machine runs.
 * Made by `reader.ts`.
 */
import type Database from 'better-sqlite3';
import { PAGE_SIZE } from '../../base/limits.ts';
import type { StoredObject } from '../store/contract.ts';
import { exitCodes, StoreError } from '../store/errors.ts';
import { History, type ObjectApart } from '../store/history.ts';
import { OBJECT_COLUMNS, type ObjectColumns, readObjectRow } from '../store/restart.ts';
import { openReader, translate } from '../store/schema.ts';
import { putLens } from './lens.ts';
import { Spaces } from './space.ts';
import { Symbols } from './symbols.ts';
import { chooseGeneration } from './when.ts';

/** Commits may come between the beginnings of two snapshots: so often they are begun again. */
const SNAPSHOT_TRIES = 1000;

export class Moment {
  readonly generation: number;
  readonly rows: Database.Database;
  readonly history: History;
  private readonly deep: Database.Database;
  private readonly objectRow: Database.Statement<[number], ObjectColumns>;
  private apartMade: ReadonlyMap<number, ObjectApart | null> | null = null;
  private spacesMade: Spaces | null = null;
  private symbolsMade: Symbols | null = null;
  private numbersMade: readonly number[] | null = null;

  /**
   * `when`: see when.ts; null is the newest. `equip` gives the connection its functions before the lens is put on.
   * Throws StoreError (no image, not kept) or DamageError.
   */
  constructor(path: string, when: string | null, equip: (moment: Moment) => void) {
    this.rows = openReader(path);
    let deep: Database.Database | null = null;
    try {
      deep = openReader(path);
      this.deep = deep;
      translate(path, () => sameSnapshot(this.rows, this.deep));
      this.history = translate(path, () => new History(this.deep));
      this.generation = chooseGeneration(when, this.history, this.deep);
      // Throws when the generation is not kept.
      this.history.at(this.generation);
      this.objectRow = deep
        .prepare<[number], ObjectColumns>(`SELECT ${OBJECT_COLUMNS} FROM object WHERE address = ?`)
        .raw();
      equip(this);
      putLens(this.rows, this.history, this.generation, this.objectsApart);
    } catch (error) {
      deep?.close();
      this.rows.close();
      throw error;
    }
  }

  close(): void {
    this.rows.close();
    this.deep.close();
  }

  /** Content of a page, null when it is all zeros. Valid until the next call. */
  page(number: number): Buffer | null {
    return this.history.readPage(number, this.generation);
  }

  /** Numbers of the pages that are not all zeros, ascending. */
  pageNumbers(): readonly number[] {
    if (this.numbersMade === null) {
      const mayHave = this.history.pageNumbers(this.generation);
      const changed = this.history.changedPages(Math.min(this.generation, this.history.head.pagesFolded));
      this.numbersMade = mayHave.filter((number) => !changed.has(number) || isSomething(this.page(number)));
    }
    return this.numbersMade;
  }

  /** What is to be read instead of rows of `object`; see history.ts. */
  get objectsApart(): ReadonlyMap<number, ObjectApart | null> {
    this.apartMade ??= this.history.objectsApart(this.generation);
    return this.apartMade;
  }

  /** The object at an address; null when there is none. Throws DamageError. */
  object(address: number): StoredObject | null {
    const apart = this.objectsApart.get(address);
    if (apart !== undefined) return apart?.object ?? null;
    const row = this.objectRow.get(address);
    return row === undefined ? null : readObjectRow(row);
  }

  get spaces(): Spaces {
    this.spacesMade ??= new Spaces(this.deep, this.objectsApart);
    return this.spacesMade;
  }

  get symbols(): Symbols {
    this.symbolsMade ??= new Symbols(this.deep);
    return this.symbolsMade;
  }

  /** `length` bytes of a space from `address` on; null when not all of them are mapped. Pages without content are zeros. */
  memory(space: number, address: number, length: number): Buffer | null {
    const bytes = Buffer.alloc(length);
    for (let done = 0; done < length; ) {
      const place = this.spaces.locate(space, address + done);
      if (place === null) return null;
      const offset = place.address % PAGE_SIZE;
      const count = Math.min(length - done, place.length, PAGE_SIZE - offset);
      this.page((place.address - offset) / PAGE_SIZE)?.copy(bytes, done, offset, offset + count);
      done += count;
    }
    return bytes;
  }
}

function isSomething(page: Buffer | null): boolean {
  return page?.some((byte) => byte !== 0) ?? false;
}

/** Begins a read transaction on both, so that they see the same commit. */
function sameSnapshot(first: Database.Database, second: Database.Database): void {
  const begin = (database: Database.Database): string => {
    database.exec('BEGIN');
    return database
      .prepare('SELECT hex(authentication) || (SELECT max(generation) FROM record) FROM head')
      .pluck()
      .get() as string;
  };
  for (let i = 0; i < SNAPSHOT_TRIES; i++) {
    if (begin(first) === begin(second)) return;
    first.exec('ROLLBACK');
    second.exec('ROLLBACK');
  }
  throw new StoreError(exitCodes.ioError, 'the image changes faster than it can be read', 'ask again');
}
