/**
 * What folding overwrites is put aside, so that older generations can be read: the rows of `reverse`.
 *
 * A reverse row is a packed record that leads back: the `pc` of a page's entry is the generation of the content that it
 * gives; an object's state is the one before, a gone object did not exist. An *epoch* is a stretch of folding: an object
 * is put aside once in an epoch, a page each time until an entry of it is absolute (all of its bytes), then no more.
 * Reading goes on from there with the records, which are a chain without a gap (history.ts has the rules).
 * Invariants: the row is written in the transaction that overwrites; a damaged page is never put aside as a good one.
 * Worker only. Called by `image.ts` for pages and `folder.ts` for objects; `thinner.ts` deletes old epochs.
 */
import type Database from 'better-sqlite3';
import { PAGE_SIZE } from '../../base/limits.ts';
import { GrowingBytes, sha256 } from './bytes.ts';
import { DamageError, type StoredObject } from './contract.ts';
import { DELTA_BYTES_MAX, encodeRuns } from './delta.ts';
import { appendObject } from './entries.ts';
import { addRow, type HeadRow } from './head.ts';
import { REVERSE_ROW_BYTES } from './limits.ts';
import type { MapEntry } from './map.ts';
import { type PageSelect, readFoldedPage } from './pages.ts';
import {
  clearParts,
  emptyParts,
  finishPageEntry,
  pageEntry,
  pageKinds,
  type RecordParts,
  writeRecord,
} from './record.ts';
import { historyRowHash } from './rows.ts';

/** From so many differing bytes on, all bytes of the page are put aside, and then nothing more of it in this epoch. */
const ABSOLUTE_FROM_BYTES = 768;

const WORDS = PAGE_SIZE / 4;

/** Where the epoch in progress begins; see `reverse` in schema.sql. */
export interface Epoch {
  readonly begin: number;
  readonly base: number;
}

export class ReverseLog {
  private readonly select: PageSelect;
  private readonly insert: Database.Statement;
  private readonly parts: RecordParts = emptyParts();
  private readonly body = new GrowingBytes(64 * 1024);
  private readonly words = new Int32Array(2 * WORDS);
  private readonly bytes: Buffer;
  /** Pages and objects of which nothing more need be put aside in this epoch. */
  private readonly pages = new Set<number>();
  private readonly objects = new Set<number>();
  private isStopped = false;
  private nextId: number;
  private epochNow: Epoch = { begin: 0, base: 0 };
  /** Bytes of rows written in this epoch. */
  epochBytes = 0;

  constructor(database: Database.Database, select: PageSelect) {
    this.select = select;
    this.insert = database.prepare(
      'INSERT INTO reverse (id, epoch, base, hash, body) VALUES (?, ?, ?, ?, ?)',
    );
    this.nextId = 1 + (database.prepare('SELECT coalesce(max(id), 0) FROM reverse').pluck().get() as number);
    this.bytes = Buffer.from(this.words.buffer);
  }

  get epoch(): Epoch {
    return this.epochNow;
  }

  /** Pages and objects known to be put aside: memory that a new epoch gives back. */
  get size(): number {
    return this.pages.size + this.objects.size;
  }

  /** The newest row's; 0 when there was none. */
  get lastId(): number {
    return this.nextId - 1;
  }

  /** Begins an epoch at what is committed now; one before may have begun there too. Not while rows wait to be written. */
  beginEpoch(head: HeadRow): void {
    this.epochNow = { begin: head.generation, base: Math.min(head.pagesFolded, head.objectsFolded) };
    this.pages.clear();
    this.objects.clear();
    this.epochBytes = 0;
  }

  /** The page's row is about to be overwritten with `now` (null: zeros); `entry` is what the map says about the old. */
  savePage(number: number, entry: MapEntry | null, now: Buffer | null): void {
    if (this.isStopped || this.pages.has(number)) return;
    const { parts } = this;
    parts.numbers.push(number);
    parts.places.push(parts.pages.length);
    const at = parts.pages.reserve(pageEntry.size);
    const before = entry === null ? 0 : entry.generation;
    const old = entry === null ? null : this.readOld(number, entry);
    if (old === null) {
      finishPageEntry(parts.pages.buffer, at, entry === null ? pageKinds.zero : pageKinds.lost, before, 0);
      this.pages.add(number);
      return;
    }
    if (now === null) this.bytes.fill(0, 0, PAGE_SIZE);
    else now.copy(this.bytes, 0, 0, PAGE_SIZE);
    old.copy(this.bytes, PAGE_SIZE, 0, PAGE_SIZE);
    const runsAt = parts.pages.reserve(DELTA_BYTES_MAX);
    const { words, bytes } = this;
    const { buffer } = parts.pages;
    const end = encodeRuns(words, 0, words, WORDS, bytes, buffer, runsAt);
    const size = end - runsAt;
    if (size >= ABSOLUTE_FROM_BYTES && now !== null) {
      old.copy(buffer, runsAt, 0, PAGE_SIZE);
      parts.pages.length = runsAt + PAGE_SIZE;
      finishPageEntry(buffer, at, pageKinds.full, before, 0);
      this.pages.add(number);
      return;
    }
    parts.pages.length = end;
    finishPageEntry(buffer, at, now === null ? pageKinds.replace : pageKinds.delta, before, size);
    if (now === null) this.pages.add(number);
  }

  private readOld(number: number, entry: MapEntry): Buffer | null {
    try {
      return readFoldedPage(this.select, number, entry);
    } catch (error) {
      if (error instanceof DamageError) return null;
      throw error;
    }
  }

  /** What is in the page's row now is nowhere else: it is put aside again when it is overwritten. */
  forgetPage(number: number): void {
    this.pages.delete(number);
  }

  /** Nothing is put aside: for an image that is only being made. */
  stop(): void {
    this.isStopped = true;
  }

  /** True when the object is to be put aside before it is overwritten. */
  needsObject(address: number): boolean {
    return !this.isStopped && !this.objects.has(address);
  }

  /** The object's row is about to be overwritten or deleted; `old` is null when there is none. */
  saveObject(address: number, old: StoredObject | null): void {
    this.objects.add(address);
    const { parts } = this;
    if (old === null) parts.gone.push(address);
    else {
      parts.objectCount++;
      appendObject(parts.objects, old);
    }
  }

  /** True when what was put aside should become a row although the transaction goes on. */
  isLarge(): boolean {
    return this.parts.pages.length + this.parts.objects.length > REVERSE_ROW_BYTES;
  }

  /** Writes what was put aside into a row, inside the caller's transaction; the caller writes the head. True if there was any. */
  flush(head: HeadRow): boolean {
    const { parts } = this;
    if (parts.numbers.length + parts.objectCount + parts.gone.length === 0) return false;
    const { begin, base } = this.epochNow;
    const empty = new Uint8Array(0);
    writeRecord(
      this.body,
      {
        generation: head.generation,
        parent: base,
        tick: 0n,
        wallMs: 0,
        pauseUs: 0,
        flags: 0,
        kernelRecord: empty,
        border: empty,
        parentHash: new Uint8Array(32),
        pagesFolded: head.pagesFolded,
        mapGeneration: 0,
        mapHash: new Uint8Array(16),
      },
      parts,
    );
    const body = Buffer.from(this.body.used());
    const row = { kind: 'reverse', key: this.nextId++, since: begin, base, hash: sha256(body) } as const;
    this.insert.run(row.key, begin, base, row.hash, body);
    head.history = { ...head.history, rows: addRow(head.history.rows, historyRowHash(row)) };
    this.epochBytes += body.length;
    clearParts(parts);
    return true;
  }
}
