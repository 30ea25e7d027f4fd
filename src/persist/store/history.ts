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
import { readInteger } from './bytes.ts';
import { DamageError, type StoredObject } from './contract.ts';
import { exitCodes, StoreError } from './errors.ts';
import { type HeadRow, HeadTable } from './head.ts';
import {
  Bodies,
  chainRow,
  type HistoryIndex,
  type IndexRow,
  mayHavePage,
  readIndex,
} from './history-index.ts';
import { MAP_FANOUT, type MapEntry, PageMap } from './map.ts';
import { isPage, type PageSelect, preparePageSelect, readFoldedPage } from './pages.ts';
import { type PackedRecord, pageKinds, recordHeader } from './record.ts';
import { readObjects, readOutput, readRecords } from './restart.ts';
import { readImageId, translate, unlessUnreadable } from './schema.ts';

/** What older generations are read from. A damaged image has less of it (survivors.ts), a sound one all. */
export interface Foundation {
  readonly head: HeadRow;
  /** Verified records that the chain of the head proves, without a gap, oldest first. */
  readonly chain: readonly PackedRecord[];
  /** Rows of history up to head.history.through. */
  readonly index: HistoryIndex;
  /** Objects as the table has them, and those whose rows are of no use. */
  readonly objects: () => FoldedObjects;
  /** Null for a sound image. */
  readonly damage: {
    /** Oldest generation whose record is lost; nothing from there on can be read. Infinity when none is. */
    readonly lostFrom: number;
    /** Only from here on may what is folded be believed; older generations come out of records alone, or not at all. */
    readonly foldedFrom: number;
  } | null;
}

export interface FoldedObjects {
  readonly objects: readonly StoredObject[];
  /** Addresses of which nobody knows what the table should say, with the words for each; null when they may be any. */
  readonly lost: ReadonlyMap<number, string> | null;
}

/** Reads and verifies the head and the index of history. Throws DamageError. */
function readFoundation(database: Database.Database): Foundation {
  const head = new HeadTable(database, readImageId(database)).read();
  const { records } = readRecords(database, head);
  const objects = () => ({ objects: readObjects(database, head, []), lost: new Map<number, string>() });
  return { head, chain: records, index: readIndex(database, head), objects, damage: null };
}

/** Runs `work` on one snapshot of the image's history. */
export function withHistory<T>(
  database: Database.Database,
  work: (history: History) => T,
  foundation = readFoundation,
): T {
  return translate('the image', () =>
    database.transaction(() => work(new History(database, foundation(database))))(),
  );
}

export class History {
  readonly head: HeadRow;
  private readonly database: Database.Database;
  private readonly foundation: Foundation;
  /** Oldest first. */
  private readonly records: readonly IndexRow[];
  /** Newest first. */
  private readonly reverse: readonly IndexRow[];
  /** Up to here the records lead from the image's creation on without a gap. */
  private readonly recordedThrough: number;
  private readonly bodies: Bodies;
  private readonly map: PageMap;
  private readonly select: PageSelect;
  private readonly selectBlock;
  private readonly chain: ReadonlyMap<number, PackedRecord>;
  /** Objects as the table has them. */
  private folded: FoldedObjects | null = null;
  private readonly lostObjects = new Map<IndexRow, readonly number[]>();

  /** Throws DamageError. */
  constructor(database: Database.Database, foundation = readFoundation(database)) {
    this.database = database;
    this.foundation = foundation;
    this.head = foundation.head;
    this.chain = new Map(foundation.chain.map((record) => [record.generation, record]));
    this.bodies = new Bodies(database);
    const newer = foundation.chain
      .filter(({ generation }) => generation > this.head.history.through)
      .map(({ generation }) => chainRow(generation));
    this.records = [...foundation.index.records, ...newer];
    this.reverse = foundation.index.reverse;
    const gap = this.records.findIndex(({ since }, i) => since !== (this.records[i - 1]?.key ?? 0));
    this.recordedThrough = this.records.at(gap < 0 ? -1 : gap - 1)?.key ?? 0;
    if (gap === 0) this.recordedThrough = 0;
    const blockSelect = database.prepare('SELECT entries FROM map WHERE id = ?').pluck();
    this.map = new PageMap((key) => unlessUnreadable(() => blockSelect.get(key) as Buffer | undefined));
    this.map.setRoot(this.head.map);
    this.select = preparePageSelect(database);
    this.selectBlock = database.prepare<[number, number], { number: number; content: Buffer }>(
      'SELECT number, content FROM page WHERE number BETWEEN ? AND ?',
    );
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
    const { damage } = this.foundation;
    if (damage !== null && generation >= damage.lostFrom) {
      throw new DamageError(`the record of generation ${damage.lostFrom} is lost, and with it ${generation}`);
    }
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
    const { damage } = this.foundation;
    if (damage === null) return this.readByFolded(number, generation);
    // Then nothing else is needed.
    const isRecorded = generation <= this.recordedThrough;
    try {
      if (generation >= damage.foldedFrom) return this.readByFolded(number, generation);
    } catch (error) {
      if (!(error instanceof DamageError) || !isRecorded) throw error;
    }
    if (!isRecorded) throw new DamageError(`page ${number} of generation ${generation} cannot be proved`);
    return this.readByRecords(number, generation);
  }

  private readByRecords(number: number, generation: number): Buffer | null {
    const pieces = this.forwardTo(number, 0, generation);
    if (pieces.length === 0) return null;
    const page = Buffer.alloc(PAGE_SIZE);
    for (const { record, place } of pieces) record.applyPage(place, page);
    return page;
  }

  private readByFolded(number: number, generation: number): Buffer | null {
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
    if (at > generation) {
      throw new DamageError(`page ${number} of generation ${generation}: only what it was at ${at} is known`);
    }
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

  /** Numbers of all pages that may differ from zeros at the generation, ascending. Throws DamageError. */
  pageNumbers(generation: number): number[] {
    const numbers =
      this.foundation.damage === null
        ? // Absent now, but changed since, or not folded yet.
          this.changedPages(Math.min(generation, this.head.pagesFolded))
        : this.namedPages();
    try {
      for (const number of this.map.present()) numbers.add(number);
    } catch (error) {
      if (this.foundation.damage === null || generation > this.recordedThrough) throw error;
      // Then the records must name them all.
      for (const row of this.records) if (row.key <= generation) this.record(row);
    }
    return [...numbers].sort((a, b) => a - b);
  }

  /**
   * All pages that are not zeros at the generation, ascending: read a block of the map at a time, since most lie in the
   * table as they were. Throws DamageError.
   */
  *pages(generation: number): Generator<PageThen> {
    const isSound = this.foundation.damage === null;
    const changed = this.changedUnlessDamaged(generation);
    let rows = new Map<number, Buffer>();
    let block = -1;
    for (const number of this.pageNumbers(generation)) {
      const entry = isSound && !changed.has(number) ? this.map.lookup(number) : null;
      if (entry === null || entry.generation > generation) {
        const content = this.readPage(number, generation);
        if (content !== null) yield { number, content, entry: null };
        continue;
      }
      if (block !== Math.floor(number / MAP_FANOUT)) {
        block = Math.floor(number / MAP_FANOUT);
        rows = this.readBlock(block);
      }
      const content = rows.get(number);
      const isProved = content !== undefined && isPage(content, number, entry);
      yield { number, entry, content: isProved ? content : readFoldedPage(this.select, number, entry) };
    }
  }

  /** Numbers of pages of which the map may not say what they were. */
  private changedUnlessDamaged(generation: number): ReadonlySet<number> {
    if (this.foundation.damage !== null) return new Set();
    return this.changedPages(Math.min(generation, this.head.pagesFolded));
  }

  /** Contents in the table that one block of the map describes, unverified; none when SQLite cannot read one of them. */
  private readBlock(block: number): Map<number, Buffer> {
    const first = block * MAP_FANOUT;
    const rows = unlessUnreadable(() => this.selectBlock.all(first, first + MAP_FANOUT - 1));
    return new Map(rows?.map(({ number, content }) => [number, content]));
  }

  /** Numbers of all pages that anything readable says something of; `lost` is told of each row that is not. */
  namedPages(lost?: () => void): Set<number> {
    const numbers = new Set<number>();
    for (const row of [...this.records, ...this.reverse]) {
      const record = this.recordUnlessLost(row);
      if (record === null) {
        lost?.();
        continue;
      }
      for (let i = 0; i < record.pageCount; i++) numbers.add(record.pageNumber(i));
    }
    return numbers;
  }

  /** The pages whose folded content is damaged, and the map blocks, in words. */
  damagedPages(): { readonly numbers: number[]; readonly words: string[]; readonly isMapLost: boolean } {
    const numbers: number[] = [];
    const words: string[] = [];
    let isMapLost = false;
    const present = this.map.present((error) => {
      words.push(error.message);
      isMapLost = true;
    });
    for (const number of present) {
      const entry = this.map.lookup(number);
      try {
        if (entry !== null) readFoldedPage(this.select, number, entry);
      } catch (error) {
        if (!(error instanceof DamageError)) throw error;
        numbers.push(number);
        words.push(error.message);
      }
    }
    return { numbers, words, isMapLost };
  }

  private recordUnlessLost(row: IndexRow, lost?: (words: string) => void): PackedRecord | null {
    try {
      return this.record(row);
    } catch (error) {
      if (!(error instanceof DamageError)) throw error;
      lost?.(error.message);
      return null;
    }
  }

  /** Reads every row of history; what is damaged, in words. */
  lostRows(): string[] {
    const words: string[] = [];
    for (const row of [...this.records, ...this.reverse])
      this.recordUnlessLost(row, (lost) => words.push(lost));
    return words;
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

  /** False when an object of the generation is certainly lost: what `objects` would find with more work. */
  hasObjects(generation: number): boolean {
    this.folded ??= this.foundation.objects();
    const { lost } = this.folded;
    if (generation <= this.recordedThrough || lost?.size === 0) return true;
    if (lost === null || generation < (this.foundation.damage?.foldedFrom ?? 0)) return false;
    const unknown = new Set(lost.keys());
    let from = this.head.objectsFolded;
    const know = (row: IndexRow): void => {
      for (const address of this.lostObjectsIn(row, lost)) unknown.delete(address);
    };
    for (const row of this.reverse) {
      if (row.end <= generation) break;
      from = Math.min(from, row.base);
      know(row);
    }
    for (const row of this.records) if (row.key > from && row.key <= generation) know(row);
    return unknown.size === 0;
  }

  /** Which of the lost objects a row says something of. */
  private lostObjectsIn(row: IndexRow, lost: ReadonlyMap<number, string>): readonly number[] {
    const known = this.lostObjects.get(row);
    if (known !== undefined) return known;
    const record = this.recordUnlessLost(row);
    const named =
      record === null ? [] : [...record.gone(), ...[...record.objects()].map((o) => o.object.address)];
    const found = named.filter((address) => lost.has(address));
    this.lostObjects.set(row, found);
    return found;
  }

  /** All objects at a kept generation, in address order. Throws DamageError. */
  objects(generation: number): StoredObject[] {
    try {
      return this.objectsByFolded(generation);
    } catch (error) {
      const isRecorded = this.foundation.damage !== null && generation <= this.recordedThrough;
      if (!(error instanceof DamageError) || !isRecorded) throw error;
    }
    const objects = new Map<number, StoredObject>();
    for (const row of this.records) if (row.key <= generation) applyObjects(this.record(row), objects);
    return sorted(objects);
  }

  private objectsByFolded(generation: number): StoredObject[] {
    this.folded ??= this.foundation.objects();
    const { lost } = this.folded;
    if (lost === null || generation < (this.foundation.damage?.foldedFrom ?? 0)) {
      throw new DamageError(`the objects of generation ${generation} cannot be proved`);
    }
    const objects = new Map(this.folded.objects.map((object) => [object.address, object]));
    const apart = this.objectsApart(generation);
    for (const [address, words] of lost) if (!apart.has(address)) throw new DamageError(words);
    for (const [address, found] of apart) {
      if (found === null) objects.delete(address);
      else objects.set(address, found.object);
    }
    return sorted(objects);
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

/** A page as it was. */
export interface PageThen {
  readonly number: number;
  /** Valid until the next page. */
  readonly content: Buffer;
  /** What the map says about this content; null when it says something else. */
  readonly entry: MapEntry | null;
}

/** An object as it was; `generation`: the kept one by whose record it changed last, null when that is not known. */
export interface ObjectApart {
  readonly object: StoredObject;
  readonly generation: number | null;
}

function sorted(objects: ReadonlyMap<number, StoredObject>): StoredObject[] {
  return [...objects.values()].sort((a, b) => a.address - b.address);
}

function applyObjects(record: PackedRecord, objects: Map<number, StoredObject>): void {
  for (const address of record.gone()) objects.delete(address);
  for (const { object } of record.objects()) objects.set(object.address, object);
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

  /** All pages that are not zeros, ascending. Throws DamageError. */
  pages(): Generator<PageThen> {
    return this.history.pages(this.generation);
  }
}
