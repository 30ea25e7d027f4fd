/**
 * Older generations of an image, as any connection can read them: pages, objects and facts of each kept one.
 *
 * How a page of generation g is found: begin with its folded content; while that is newer than g, go back by the newest
 * row of `reverse` that has the page and was not used yet; then go forward by the records up to g. An object: from the
 * table go back by all reverse rows of epochs that ended after g, then forward by all records up to g.
 * Invariants: every row is verified against the head before its first use, and a damaged one is named; all is read in
 * one snapshot, which the caller holds (`withHistory`); nothing is ever written.
 * Called by fork, restore and whoever looks back; never by a machine that runs.
 */
import type Database from 'better-sqlite3';
import { assert } from '../../base/assert.ts';
import { PAGE_SIZE } from '../../base/limits.ts';
import { readInteger, sha256 } from './bytes.ts';
import { DamageError, type StoredObject } from './contract.ts';
import { exitCodes, StoreError } from './errors.ts';
import { addRow, emptySum, type HeadRow, HeadTable } from './head.ts';
import { RECORD_CACHE_BYTES } from './limits.ts';
import { PageMap } from './map.ts';
import { type PageSelect, preparePageSelect, readFoldedPage } from './pages.ts';
import { PackedRecord, pageKinds, recordHeader } from './record.ts';
import { readObjects, readOutput, readRecords } from './restart.ts';
import { type HistoryRow, historyRowHash } from './rows.ts';
import { readImageId, translate } from './schema.ts';

/** A row of the index: its body is read and verified when it is needed. */
interface IndexRow extends HistoryRow {
  /** Where the epoch after that of a reverse row begins; Infinity for the newest. */
  end: number;
  /** Numbers of its pages, ascending, once it was read: so that it need not be read again for others. */
  pages: Uint32Array | null;
}

/** Runs `work` on one snapshot of the image's history. */
export function withHistory<T>(database: Database.Database, work: (history: History) => T): T {
  return translate('the image', () => database.transaction(() => work(new History(database)))());
}

export class History {
  readonly head: HeadRow;
  private readonly database: Database.Database;
  /** Oldest first. */
  private readonly records: readonly IndexRow[];
  /** Newest first. */
  private readonly reverse: readonly IndexRow[];
  private readonly bodies: Bodies;
  private readonly map: PageMap;
  private readonly select: PageSelect;
  private readonly chain: ReadonlyMap<number, PackedRecord>;
  /** Objects as the table has them. */
  private folded: readonly StoredObject[] | null = null;

  /** Reads and verifies the head and the index of history. Throws DamageError. */
  constructor(database: Database.Database) {
    this.database = database;
    this.head = new HeadTable(database, readImageId(database)).read();
    const { records } = readRecords(database, this.head);
    this.chain = new Map(records.map((record) => [record.generation, record]));
    this.bodies = new Bodies(database);
    const old = readIndex(database, this.head);
    const newer = records
      .filter(({ generation }) => generation > this.head.history.through)
      .map(({ generation: key }) => ({ ...chainRow, key, since: key - 1 }));
    this.records = [...old.records, ...newer];
    this.reverse = old.reverse;
    const blockSelect = database.prepare('SELECT entries FROM map WHERE id = ?').pluck();
    this.map = new PageMap((key) => blockSelect.get(key) as Buffer | undefined);
    this.map.setRoot(this.head.map);
    this.select = preparePageSelect(database);
  }

  /** Generations that can be read, ascending. */
  generations(): number[] {
    const { floor } = this.head.history;
    return this.records.map((row) => row.key).filter((generation) => generation >= floor);
  }

  /** The newest kept generation that is not newer than `generation`; null when there is none. */
  newestUpTo(generation: number): number | null {
    return this.generations().findLast((kept) => kept <= generation) ?? null;
  }

  /** The newest kept generation taken at that wall clock time (ms since 1970) or before; null when there is none. */
  newestAt(wallMs: number): number | null {
    const time = this.database
      .prepare(`SELECT substr(body, ${recordHeader.offset.wallMs + 1}, 8) FROM record WHERE generation = ?`)
      .pluck();
    const found = this.generations().findLast((generation) => {
      const bytes = time.get(generation);
      return bytes instanceof Buffer && bytes.length === 8 && readInteger(bytes, 0) <= wallMs;
    });
    return found ?? null;
  }

  /** A kept generation. Throws StoreError when it is not kept, DamageError when its record is damaged. */
  at(generation: number): GenerationView {
    const index = this.records.findIndex((row) => row.key === generation);
    if (index < 0 || generation < this.head.history.floor) {
      const older = this.newestUpTo(generation);
      throw new StoreError(
        exitCodes.missing,
        `generation ${generation} is not kept`,
        older === null
          ? `the oldest that is kept is ${this.generations()[0] ?? 'none'}, the newest ${this.head.generation}`
          : `the newest kept one before it is ${older}`,
      );
    }
    return new GenerationView(this, generation, this.record(this.records[index] as IndexRow));
  }

  /** Output of the head that is not confirmed, by sink and offset. */
  unconfirmedOutput(): ReturnType<typeof readOutput> {
    return readOutput(this.database, this.head, [...this.chain.values()]);
  }

  private record(row: IndexRow): PackedRecord {
    return this.chain.get(row.key) ?? this.bodies.read(row);
  }

  /** Content of a page at a kept generation, null for zeros. The result may be reused by the next call. */
  readPage(number: number, generation: number): Buffer | null {
    const entry = this.map.lookup(number);
    // Nobody knows since when an absent page is absent: then as far back as possible. Records say all that came later.
    let at = entry === null ? Number.POSITIVE_INFINITY : entry.generation;
    const back: { record: PackedRecord; place: number }[] = [];
    let needsFolded = entry !== null;
    for (const row of this.reverse) {
      if (at <= generation) break;
      if (row.end <= generation) break;
      if (!mayHavePage(row, number)) continue;
      const record = this.bodies.read(row);
      const place = record.findPage(number);
      if (place < 0) continue;
      const kind = record.pageKind(place);
      at = kind === pageKinds.zero ? Number.POSITIVE_INFINITY : record.pagePc(place);
      if (kind !== pageKinds.delta) {
        back.length = 0;
        needsFolded = false;
      }
      back.push({ record, place });
    }
    if (at === Number.POSITIVE_INFINITY) at = 0;
    const forward = this.forwardTo(number, at, generation);
    const newest = forward[0];
    const needsBefore = newest === undefined || newest.record.pageKind(newest.place) === pageKinds.delta;
    let page: Buffer | null = null;
    if (needsBefore && needsFolded && entry !== null) {
      page = Buffer.from(readFoldedPage(this.select, number, entry));
    }
    for (const { record, place } of needsBefore ? [...back, ...forward] : forward) {
      if (record.pageKind(place) === pageKinds.lost) {
        throw new DamageError(
          `page ${number} of generation ${generation}: what it was made from was damaged when it was overwritten`,
        );
      }
      page ??= Buffer.alloc(PAGE_SIZE);
      record.applyPage(place, page);
    }
    return page;
  }

  /** The entries of records newer than `from` up to `to` that have the page, oldest first. */
  private forwardTo(number: number, from: number, to: number): { record: PackedRecord; place: number }[] {
    const found: { record: PackedRecord; place: number }[] = [];
    for (let i = this.records.length - 1; i >= 0; i--) {
      const row = this.records[i] as IndexRow;
      if (row.key > to) continue;
      if (row.key <= from) break;
      if (!mayHavePage(row, number)) continue;
      const record = this.record(row);
      const place = record.findPage(number);
      if (place < 0) continue;
      const kind = record.pageKind(place);
      if (kind === pageKinds.folded) {
        // The content is where we come from, unless it is of a generation that we should have found it in.
        if (row.since >= from) {
          throw new DamageError(`page ${number} of generation ${row.key}: its content is not in the history`);
        }
        break;
      }
      found.push({ record, place });
      if (kind !== pageKinds.delta) break;
    }
    return found.reverse();
  }

  /** Numbers of all pages that may differ from zeros at the generation, ascending. */
  pageNumbers(generation: number): number[] {
    const numbers = new Set<number>(this.map.present());
    // Absent now, but changed since, or not folded yet.
    const { pagesFolded } = this.head;
    for (const number of this.changedPages(Math.min(generation, pagesFolded))) numbers.add(number);
    return [...numbers].sort((a, b) => a - b);
  }

  /** Numbers of all pages that may differ between the generation and the head. */
  changedPages(generation: number): Set<number> {
    return this.changedBetween(generation, this.head.generation);
  }

  /** Numbers of all pages that may differ between two generations, `from` the older. */
  changedBetween(from: number, to: number): Set<number> {
    const numbers = new Set<number>();
    for (const row of this.records) {
      if (row.key <= from) continue;
      if (row.key > to && row.since >= to) break;
      const record = this.record(row);
      for (let i = 0; i < record.pageCount; i++) numbers.add(record.pageNumber(i));
    }
    return numbers;
  }

  /** All objects at a kept generation, in address order. */
  objects(generation: number): StoredObject[] {
    this.folded ??= readObjects(this.database, this.head, []);
    const objects = new Map(this.folded.map((object) => [object.address, object]));
    for (const [address, found] of this.objectsApart(generation)) {
      if (found === null) objects.delete(address);
      else objects.set(address, found.object);
    }
    return [...objects.values()].sort((a, b) => a.address - b.address);
  }

  /**
   * What is to be read instead of the rows of `object`, for a kept generation: by address, null where there was no object.
   * All other rows are right as they are.
   */
  objectsApart(generation: number): Map<number, ObjectApart | null> {
    const apart = new Map<number, ObjectApart | null>();
    const apply = (record: PackedRecord, by: number | null): void => {
      for (const address of record.gone()) apart.set(address, null);
      for (const { object } of record.objects()) apart.set(object.address, { object, generation: by });
    };
    // Records lead on from the oldest state that anything here is of.
    let from = this.head.objectsFolded;
    for (const row of this.reverse) {
      if (row.end <= generation) break;
      from = Math.min(from, row.base);
      apply(this.bodies.read(row), null);
    }
    for (const row of this.records) {
      if (row.key > generation) break;
      if (row.key > from) apply(this.record(row), row.key);
    }
    return apart;
  }

  /** The records up to a kept generation, from the oldest that is read as one: what each checkpoint changed. */
  *recordsUpTo(generation: number): Generator<PackedRecord> {
    for (const row of this.records) {
      if (row.key > generation) return;
      if (row.key >= this.head.history.floor) yield this.record(row);
    }
  }
}

/** An object as it was; `generation`: the kept one by whose record it changed last, null when that is not known. */
export interface ObjectApart {
  readonly object: StoredObject;
  readonly generation: number | null;
}

const chainRow = {
  kind: 'record' as const,
  base: 0,
  hash: Buffer.alloc(0),
  end: Number.POSITIVE_INFINITY,
  pages: null,
};

/** False when it is known that the row says nothing of the page. */
function mayHavePage({ pages }: IndexRow, number: number): boolean {
  if (pages === null) return true;
  let low = 0;
  let high = pages.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((pages[middle] as number) < number) low = middle + 1;
    else high = middle;
  }
  return pages[low] === number;
}

/** One kept generation. Valid as long as its snapshot. */
export class GenerationView {
  readonly generation: number;
  readonly parent: number;
  readonly tick: bigint;
  /** Milliseconds since 1970. */
  readonly wallMs: number;
  readonly kernelRecord: Uint8Array;
  /** JSON text. */
  readonly border: string;
  private readonly history: History;

  constructor(history: History, generation: number, record: PackedRecord) {
    assert(record.generation === generation, `history: the record of generation ${generation} is its own`);
    this.history = history;
    this.generation = generation;
    this.parent = record.parent;
    this.tick = record.header.tick;
    this.wallMs = record.wallMs;
    this.kernelRecord = record.kernelRecord;
    this.border = record.border;
  }

  /** A page's content, null for zeros. Valid until the next call. Throws DamageError. */
  readPage(number: number): Uint8Array | null {
    return this.history.readPage(number, this.generation);
  }

  /** All objects, in address order. Throws DamageError. */
  objects(): StoredObject[] {
    return this.history.objects(this.generation);
  }

  /** Numbers of all pages that may differ from zeros, ascending. */
  pageNumbers(): number[] {
    return this.history.pageNumbers(this.generation);
  }
}

/** Bodies of rows, verified when they are read, and kept while there is room. */
class Bodies {
  private readonly selects: Readonly<Record<IndexRow['kind'], Database.Statement>>;
  private readonly cache = new Map<IndexRow, PackedRecord>();
  private byteCount = 0;

  constructor(database: Database.Database) {
    this.selects = {
      record: database.prepare('SELECT body FROM record WHERE generation = ?').pluck(),
      reverse: database.prepare('SELECT body FROM reverse WHERE id = ?').pluck(),
    };
  }

  /** Throws DamageError. */
  read(row: IndexRow): PackedRecord {
    const cached = this.cache.get(row);
    if (cached !== undefined) return cached;
    const body = this.selects[row.kind].get(row.key);
    if (!(body instanceof Buffer) || !sha256(body).equals(row.hash)) {
      throw new DamageError(`${nameOf(row)} does not match its hash: generations before it cannot be read`);
    }
    const record = new PackedRecord(body);
    row.pages ??= Uint32Array.from({ length: record.pageCount }, (_, i) => record.pageNumber(i)).sort();
    this.cache.set(row, record);
    this.byteCount += body.length;
    for (const [oldest, old] of this.cache) {
      if (this.byteCount <= RECORD_CACHE_BYTES || old === record) break;
      this.cache.delete(oldest);
      this.byteCount -= old.body.length;
    }
    return record;
  }
}

function nameOf({ kind, key, since }: HistoryRow): string {
  if (kind === 'reverse') return `row ${key} of history (table reverse, epoch from generation ${since})`;
  return `the history record of generations ${since + 1} to ${key}`;
}

/** The rows of history without their bodies, proved by the head's sum. Throws DamageError. */
function readIndex(database: Database.Database, head: HeadRow) {
  const { through, rows: expected } = head.history;
  const select = (sql: string) => database.prepare<[], Omit<HistoryRow, 'kind'>>(sql).all();
  const records = select(
    `SELECT generation AS key, since, 0 AS base, hash FROM record
     WHERE generation <= ${through} ORDER BY generation`,
  ).map((row): IndexRow => ({ ...row, kind: 'record', end: Number.POSITIVE_INFINITY, pages: null }));
  const reverse = select('SELECT id AS key, epoch AS since, base, hash FROM reverse ORDER BY id DESC').map(
    (row): IndexRow => ({ ...row, kind: 'reverse', end: Number.POSITIVE_INFINITY, pages: null }),
  );
  reverse.forEach((row, i) => {
    const newer = reverse[i - 1];
    if (newer !== undefined) row.end = newer.since === row.since ? newer.end : newer.since;
  });
  let total = emptySum;
  for (const row of [...records, ...reverse]) total = addRow(total, historyRowHash(row));
  if (total.count !== expected.count) {
    throw new DamageError(`history has ${total.count} rows, the head knows ${expected.count}`);
  }
  if (total.sum !== expected.sum)
    throw new DamageError('history has a row that is not the one that was written');
  return { records, reverse };
}
