/**
 * The content of a page as the file has it: the folded page, verified through the map, with the records applied that
 * are newer than it.
 *
 * Invariants: everything is read in one snapshot of the file (main thread) or in the worker's own view of it; a record's
 * body is hashed before its first use; only records newer than the folded page are applied, in order.
 * Used by the main thread for faults and by the worker for folding. Knows nothing of what is in flight.
 */
import type Database from 'better-sqlite3';
import { assert } from '../../base/assert.ts';
import { PAGE_SIZE } from '../../base/limits.ts';
import { sha256 } from './bytes.ts';
import { DamageError } from './contract.ts';
import { RECORD_CACHE_BYTES } from './limits.ts';
import { type MapEntry, type PageMap, pageHash } from './map.ts';
import { ownerOfPage } from './page-place.ts';
import { PackedRecord, pageKinds } from './record.ts';

/** Where a page was published: the generations whose records are not folded yet. */
export interface PageTrace {
  newest: number;
  /** Byte offset of the newest content in the ring, or -1. Main thread only. */
  ringOffset: number;
  /** Ascending. */
  readonly generations: number[];
}

/** Traces of all pages that have records which are not folded. */
export class PageTraces {
  readonly pages = new Map<number, PageTrace>();

  note(number: number, generation: number, ringOffset: number): void {
    const trace = this.pages.get(number);
    if (trace === undefined) {
      this.pages.set(number, { newest: generation, ringOffset, generations: [generation] });
      return;
    }
    assert(trace.newest <= generation, 'pages: traces are noted in order of generation');
    if (trace.newest !== generation) trace.generations.push(generation);
    trace.newest = generation;
    trace.ringOffset = ringOffset;
  }

  /** Forgets what is folded: records up to and including `folded`. */
  trim(folded: number): void {
    for (const [number, trace] of this.pages) {
      if (trace.newest <= folded) this.pages.delete(number);
      else if ((trace.generations[0] as number) <= folded) {
        const first = trace.generations.findIndex((generation) => generation > folded);
        trace.generations.splice(0, first);
      }
    }
  }
}

/** Where record bodies come from, and what they must hash to. */
export interface RecordSource {
  readonly body: (generation: number) => Buffer | undefined;
  readonly hashOf: (generation: number) => Buffer | undefined;
}

/** Records, verified when they are first read, and kept while there is room. */
export class RecordCache {
  private readonly source: RecordSource;
  private readonly records = new Map<number, PackedRecord>();
  private byteCount = 0;

  constructor(source: RecordSource) {
    this.source = source;
  }

  add(record: PackedRecord): void {
    this.records.set(record.generation, record);
    this.byteCount += record.body.length;
    for (const [generation, old] of this.records) {
      if (this.byteCount <= RECORD_CACHE_BYTES || old === record) break;
      this.records.delete(generation);
      this.byteCount -= old.body.length;
    }
  }

  /** Forgets records up to and including `generation`. */
  trim(generation: number): void {
    for (const [old, record] of this.records) {
      if (old > generation) continue;
      this.records.delete(old);
      this.byteCount -= record.body.length;
    }
  }

  get(generation: number): PackedRecord {
    const cached = this.records.get(generation);
    if (cached !== undefined) return cached;
    const body = this.source.body(generation);
    if (body === undefined) throw new DamageError(`the record of generation ${generation} is missing`);
    const hash = this.source.hashOf(generation);
    assert(hash !== undefined, `pages: the hash of the record of generation ${generation} is known`);
    if (!sha256(body).equals(hash)) {
      throw new DamageError(`the record of generation ${generation} does not match its hash`);
    }
    const record = new PackedRecord(body);
    this.add(record);
    return record;
  }
}

export type PageSelect = Database.Statement<[number], { content: Buffer }>;

export function preparePageSelect(database: Database.Database): PageSelect {
  return database.prepare<[number], { content: Buffer }>('SELECT content FROM page WHERE number = ?');
}

/** The folded content of a page, verified; `entry` is what the map says about it. Throws DamageError. */
export function readFoldedPage(select: PageSelect, number: number, entry: MapEntry): Buffer {
  const row = select.get(number);
  const where = `page ${number} of generation ${entry.generation} (${ownerOfPage(number)})`;
  if (row === undefined) throw new DamageError(`${where}: its row is missing`);
  if (row.content.length !== PAGE_SIZE) throw new DamageError(`${where}: its row has a wrong size`);
  if (!pageHash(number, entry.generation, row.content).equals(entry.hash)) {
    throw new DamageError(`${where}: its content does not match its hash in the map`);
  }
  return row.content;
}

/** One state of the file, as one connection sees it. */
export interface FileView {
  readonly map: PageMap;
  readonly select: PageSelect;
  readonly records: RecordCache;
  readonly pagesFolded: number;
}

/**
 * The newest content of a page in the view that `view` has of the file; null for zeros. `trace`
 * names the records that may be newer than the folded page; those up to `folded` certainly are not. Throws DamageError.
 */
export function readPageContent(number: number, view: FileView, trace: PageTrace | undefined): Buffer | null {
  const { map, select, records } = view;
  const entry = map.lookup(number);
  const base = Math.max(view.pagesFolded, entry === null ? 0 : entry.generation);
  const newer = trace === undefined ? [] : trace.generations.filter((g) => g > base);
  // Begin at the last record that does not need what was before it.
  let first = newer.length - 1;
  while (first >= 0 && needsBefore(records, newer[first] as number, number)) first--;
  let content: Buffer | null = null;
  if (first < 0) {
    if (entry !== null) content = readFoldedPage(select, number, entry);
    first = 0;
  }
  if (newer.length === 0) return content;
  const page = content ?? Buffer.alloc(PAGE_SIZE);
  for (const generation of newer.slice(first)) {
    const record = records.get(generation);
    record.applyPage(placeIn(record, number), page);
  }
  return page;
}

function placeIn(record: PackedRecord, number: number): number {
  const place = record.findPage(number);
  assert(place >= 0, `pages: the record of generation ${record.generation} has page ${number}`);
  return place;
}

function needsBefore(records: RecordCache, generation: number, number: number): boolean {
  const record = records.get(generation);
  return record.pageKind(placeIn(record, number)) === pageKinds.delta;
}
