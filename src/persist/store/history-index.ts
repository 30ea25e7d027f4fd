/**
 * The rows of history as an index: which there are, what each covers; their bodies are read and verified on demand.
 *
 * Invariants: the index is proved by the head's sum of row hashes before anything is read through it; a body that does not
 * match its row's hash is never handed out. Only reads. Used by history.ts and by survivors.ts.
 */
import type Database from 'better-sqlite3';
import { sha256 } from './bytes.ts';
import { DamageError } from './contract.ts';
import { addRow, emptySum, type HeadRow, type RowSum } from './head.ts';
import { RECORD_CACHE_BYTES } from './limits.ts';
import { PackedRecord } from './record.ts';
import { parsed } from './restart.ts';
import { type HistoryRow, historyRowHash } from './rows.ts';
import { unlessUnreadable } from './schema.ts';

/** A row of the index: its body is read and verified when it is needed. */
export interface IndexRow extends HistoryRow {
  /** Where the epoch after that of a reverse row begins; Infinity for the newest. */
  end: number;
  /** Numbers of its pages, ascending, once it was read: so that it need not be read again for others. */
  pages: Uint32Array | null;
}

/** The row of a record that is proved by the chain of the head and whose body is at hand. */
export function chainRow(key: number): IndexRow {
  const end = Number.POSITIVE_INFINITY;
  return { kind: 'record', key, since: key - 1, base: 0, hash: Buffer.alloc(0), end, pages: null };
}

/** False when it is known that the row says nothing of the page. */
export function mayHavePage({ pages }: IndexRow, number: number): boolean {
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

/** Bodies of rows, verified when they are read, and kept while there is room. */
export class Bodies {
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
    const body = unlessUnreadable(() => this.selects[row.kind].get(row.key));
    if (!(body instanceof Buffer) || !sha256(body).equals(row.hash)) {
      throw new DamageError(`${nameOf(row)} does not match its hash: generations before it cannot be read`);
    }
    const record = parsed(nameOf(row), () => new PackedRecord(body));
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

export interface HistoryIndex {
  /** Oldest first. */
  readonly records: readonly IndexRow[];
  /** Newest first. */
  readonly reverse: readonly IndexRow[];
}

/** The rows of history up to `through`, without their bodies; and what proves them. Whoever believes them compares it. */
export function loadIndex(database: Database.Database, through: number): HistoryIndex & { total: RowSum } {
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
  return { records, reverse, total };
}

/** The rows of history without their bodies, proved by the head's sum. Throws DamageError. */
export function readIndex(database: Database.Database, head: HeadRow): HistoryIndex {
  const { through, rows: expected } = head.history;
  const { total, ...index } = loadIndex(database, through);
  if (total.count !== expected.count) {
    throw new DamageError(`history has ${total.count} rows, the head knows ${expected.count}`);
  }
  if (total.sum !== expected.sum)
    throw new DamageError('history has a row that is not the one that was written');
  return index;
}
