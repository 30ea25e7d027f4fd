/**
 * The worker's own state about the open image, and the statements on it: shared by the committer and the folder.
 *
 * Invariants: `head` is the newest state after the last transaction (or the one that is open): the head row's columns, and
 * the newest record;
 * `map` agrees with `head.map` after each flush; `traces` name every record that is newer than head.pagesFolded for the
 * pages it has. If a transaction fails the worker stops, so none of this is ever rolled back.
 */
import type Database from 'better-sqlite3';
import { PAGE_SIZE } from '../../base/limits.ts';
import type { Shared, StatisticName } from './channel.ts';
import { statisticNames } from './channel.ts';
import { addRow, type HeadRow, HeadTable } from './head.ts';
import type { StoreLimits } from './limits.ts';
import { isZero, type MapEntry, PageMap, pageHash } from './map.ts';
import { type FileView, type PageSelect, PageTraces, preparePageSelect, RecordCache } from './pages.ts';
import type { WorkerPhase } from './phases.ts';
import type { PackedRecord } from './record.ts';
import { ReverseLog } from './reverse.ts';
import { historyRowHash } from './rows.ts';
import { readImageId } from './schema.ts';
import { Shadow } from './shadow.ts';

/** Bytes in front of a page's content; see `page` in schema.sql. A row has 4581 bytes, of which 489 lie in its leaf. */
export const PAGE_PAD_BYTES = 476;
const pad = Buffer.alloc(PAGE_PAD_BYTES);

/** Effects of the worker's rim. */
export interface WorkerEffects {
  /** Monotonic, milliseconds. */
  readonly nowMs: () => number;
  readonly phase: (label: WorkerPhase) => void;
}

/** A record as the thinner sees it: what it covers, when it was taken, how large it is. */
export interface RecordFact {
  readonly generation: number;
  readonly since: number;
  readonly wallMs: number;
  readonly bytes: number;
}

export class OpenImage {
  readonly database: Database.Database;
  readonly limits: StoreLimits;
  readonly effects: WorkerEffects;
  readonly headTable: HeadTable;
  head: HeadRow;
  readonly map: PageMap;
  readonly shadow: Shadow;
  readonly traces = new PageTraces();
  readonly records: RecordCache;
  /** Hash of each record that is newer than head.history.through, and what history needs to know of it. */
  readonly recordHashes = new Map<number, Buffer>();
  private readonly recordFacts: RecordFact[] = [];
  readonly reverse: ReverseLog;
  /** Records whose objects are not folded, oldest first. */
  readonly pendingRecords: PackedRecord[] = [];
  pendingRecordBytes = 0;
  /** Bytes of records whose pages are not folded. */
  unfoldedBytes = 0;
  private unfoldedBytesMax = 0;
  /** About how much the log has grown since it was last looked at. */
  writtenBytes = 0;
  readonly begin: () => void;
  readonly commit: () => void;
  readonly pageSelect: PageSelect;
  private readonly pageUpdate: Database.Statement;
  private readonly pageInsert: Database.Statement;
  private readonly pageDelete: Database.Statement;
  private readonly mapWrite: Database.Statement;
  private readonly mapDelete: Database.Statement;
  private readonly statistics: Float64Array;

  constructor(database: Database.Database, limits: StoreLimits, effects: WorkerEffects, shared: Shared) {
    this.database = database;
    this.limits = limits;
    this.effects = effects;
    this.statistics = new Float64Array(shared.statistics);
    this.headTable = new HeadTable(database, readImageId(database));
    this.head = this.headTable.read();
    const blockSelect = database.prepare('SELECT entries FROM map WHERE id = ?').pluck();
    this.map = new PageMap((key) => blockSelect.get(key) as Buffer | undefined);
    this.map.setRoot(this.head.map);
    this.shadow = new Shadow(limits.shadowPages);
    const bodySelect = database.prepare('SELECT body FROM record WHERE generation = ?').pluck();
    this.records = new RecordCache({
      body: (generation) => bodySelect.get(generation) as Buffer | undefined,
      hashOf: (generation) => this.recordHashes.get(generation),
    });
    const begin = database.prepare('BEGIN IMMEDIATE');
    const commit = database.prepare('COMMIT');
    this.begin = () => {
      begin.run();
    };
    this.commit = () => {
      commit.run();
      this.writtenBytes += 4 * PAGE_SIZE;
      this.count('transactions', 1);
    };
    this.pageSelect = preparePageSelect(database);
    this.reverse = new ReverseLog(database, this.pageSelect);
    this.reverse.beginEpoch(this.head);
    this.pageUpdate = database.prepare('UPDATE page SET content = ? WHERE number = ?');
    this.pageInsert = database.prepare('INSERT INTO page (number, pad, content) VALUES (?, ?, ?)');
    this.pageDelete = database.prepare('DELETE FROM page WHERE number = ?');
    this.mapWrite = database.prepare(
      'INSERT INTO map (id, entries) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET entries = excluded.entries',
    );
    this.mapDelete = database.prepare('DELETE FROM map WHERE id = ?');
  }

  view(): FileView {
    const { map, pageSelect: select, records, head } = this;
    return { map, select, records, pagesFolded: head.pagesFolded };
  }

  count(name: StatisticName, amount: number): void {
    const index = statisticNames.indexOf(name);
    this.statistics[index] = (this.statistics[index] as number) + amount;
  }

  set(name: StatisticName, value: number): void {
    this.statistics[statisticNames.indexOf(name)] = value;
  }

  /** Writes a page into the table and its map, inside the open transaction; `flushMap` completes it. */
  writePage(number: number, generation: number, content: Buffer | null): void {
    this.writtenBytes += 2 * PAGE_SIZE;
    const entry = this.map.lookup(number);
    const isGone = content === null || (content.length === PAGE_SIZE && isZero(content));
    if (isGone && entry === null) return;
    this.reverse.savePage(number, entry, isGone ? null : content);
    if (isGone) {
      this.pageDelete.run(number);
      this.map.set(number, null);
      return;
    }
    if (this.pageUpdate.run(content, number).changes === 0) this.insertPage(number, content);
    this.map.set(number, { generation, hash: pageHash(number, generation, content) });
  }

  /** Puts a page that has no row into the table, as an entry of a map says: for an image that is only being made. */
  copyPage(number: number, entry: MapEntry, content: Buffer): void {
    this.insertPage(number, content);
    this.map.set(number, entry);
  }

  private insertPage(number: number, content: Buffer): void {
    this.pageInsert.run(number, pad, content);
  }

  /** Brings the map's rows and the root in `head` up to date, inside the open transaction; true when there was anything. */
  flushMap(generation: number): boolean {
    if (!this.map.isChanged) return false;
    this.map.flush(generation, (key, entries) => {
      if (entries === null) this.mapDelete.run(key);
      else this.mapWrite.run(key, entries);
    });
    this.head.map = { generation: this.map.root.generation, hash: Buffer.from(this.map.root.hash) };
    return true;
  }

  /** Takes in a committed record: what folding and reading need to know of it. */
  noteRecord(record: PackedRecord, hash: Buffer): void {
    const { generation } = record;
    this.recordHashes.set(generation, hash);
    const { length: bytes } = record.body;
    const { wallMs } = record;
    this.recordFacts.push({ generation, since: generation - 1, wallMs, bytes });
    this.writtenBytes += bytes;
    if (generation > this.head.pagesFolded) {
      const { pageCount } = record;
      for (let i = 0; i < pageCount; i++) this.traces.note(record.pageNumber(i), generation, -1);
      this.setUnfolded(this.unfoldedBytes + record.body.length);
    }
    if (generation > this.head.objectsFolded) {
      this.pendingRecords.push(record);
      this.pendingRecordBytes += record.body.length;
    }
  }

  setUnfolded(bytes: number): void {
    this.unfoldedBytes = bytes;
    this.set('unfoldedBytes', bytes);
    this.unfoldedBytesMax = Math.max(bytes, this.unfoldedBytesMax);
    this.set('unfoldedBytesMax', this.unfoldedBytesMax);
  }

  /**
   * Makes records that nothing but history needs part of it; inside the caller's transaction, which writes the head.
   * Returns them.
   */
  moveToHistory(): RecordFact[] {
    const { head, recordFacts } = this;
    const through = Math.min(head.pagesFolded, head.objectsFolded, head.generation - 1);
    const end = recordFacts.findIndex(({ generation }) => generation > through);
    const moved = recordFacts.splice(0, end < 0 ? recordFacts.length : end);
    let { rows } = head.history;
    for (const { generation, since } of moved) {
      const hash = this.recordHashes.get(generation) as Buffer;
      rows = addRow(rows, historyRowHash({ kind: 'record', key: generation, since, base: 0, hash }));
      this.recordHashes.delete(generation);
    }
    if (moved.length > 0) head.history = { ...head.history, through, rows };
    return moved;
  }
}
