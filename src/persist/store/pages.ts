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
import { unlessUnreadable } from './schema.ts';

/** Where a page was published: the generations whose records are not folded yet. */
export interface PageTrace {
  newest: number;
  /** Byte offset of the newest content in the ring, or -1. Main thread only. */
  ringOffset: number;
  /** Ascending. */
  readonly generations: number[];
}

/** Notes there is room for at first; a settled list is used again. */
const NOTES_FIRST = 4096;

/**
 * Traces of all pages that have records which are not folded. A demarcation only lists what it has copied (`noteLater`):
 * finding its place among tens of thousands of pages costs more than the copy, and need not be done while the machine
 * stands. Invariant: whoever looks into `pages` has called `settle`.
 */
export class PageTraces {
  readonly pages = new Map<number, PageTrace>();
  /** Notes that are not in `pages` yet: number, generation and place of each, one after another. */
  private later = new Float64Array(3 * NOTES_FIRST);
  private laterCount = 0;
  private folded = 0;
  /** What was folded when the present walk over all pages, or the last one, began. */
  private trimmed = 0;
  private rest: Iterator<[number, PageTrace]> | null = null;

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

  noteLater(number: number, generation: number, ringOffset: number): void {
    const at = 3 * this.laterCount++;
    if (at === this.later.length) {
      const larger = new Float64Array(2 * at);
      larger.set(this.later);
      this.later = larger;
    }
    this.later[at] = number;
    this.later[at + 1] = generation;
    this.later[at + 2] = ringOffset;
  }

  /** The notes of this generation say another place: its bytes are not where they were put. */
  moveLater(generation: number, ringOffset: number): void {
    const { later } = this;
    for (let at = 3 * (this.laterCount - 1); at >= 0 && later[at + 1] === generation; at -= 3)
      if ((later[at + 2] as number) >= 0) later[at + 2] = ringOffset;
  }

  get waitingCount(): number {
    return this.laterCount;
  }

  settle(): void {
    const { later } = this;
    for (let at = 0; at < 3 * this.laterCount; at += 3)
      this.note(later[at] as number, later[at + 1] as number, later[at + 2] as number);
    this.laterCount = 0;
    if (later.length > 16 * 3 * NOTES_FIRST) this.later = new Float64Array(3 * NOTES_FIRST);
  }

  /** Forgets what is folded: records up to and including `folded`. */
  trim(folded: number): void {
    this.trimLater(folded);
    this.rest = null;
    this.trimSome(Number.POSITIVE_INFINITY);
  }

  /** The same, in steps of `trimSome`; what is folded and still noted does no harm. */
  trimLater(folded: number): void {
    this.settle();
    this.folded = folded;
  }

  /** Goes on with forgetting, for so many pages. */
  trimSome(count: number): void {
    if (this.rest === null) {
      if (this.folded === this.trimmed) return;
      this.trimmed = this.folded;
      this.rest = this.pages.entries();
    }
    const { folded, rest } = this;
    for (let i = 0; i < count; i++) {
      const next = rest.next();
      if (next.done === true) {
        this.rest = null;
        return;
      }
      const [number, trace] = next.value;
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

/** True when the map's entry proves the content. */
export function isPage(content: Buffer, number: number, entry: MapEntry): boolean {
  return content.length === PAGE_SIZE && pageHash(number, entry.generation, content).equals(entry.hash);
}

/** The folded content of a page, verified; `entry` is what the map says about it. Throws DamageError. */
export function readFoldedPage(select: PageSelect, number: number, entry: MapEntry): Buffer {
  const row = unlessUnreadable(() => select.get(number));
  const where = `page ${number} of generation ${entry.generation} (${ownerOfPage(number)})`;
  if (row === undefined) throw new DamageError(`${where}: its row is missing or unreadable`);
  if (row.content.length !== PAGE_SIZE) throw new DamageError(`${where}: its row has a wrong size`);
  if (!isPage(row.content, number, entry)) {
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
