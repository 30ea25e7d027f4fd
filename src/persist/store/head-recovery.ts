/**
 * The head of an image whose head row is damaged, older than the rest, or missing.
 *
 * Each column is the root of something that is still there, so each can be computed. Where one column was changed, the
 * row with the computed value has the authentication again: then it is proved as if nothing had happened. Otherwise the
 * computed row is the best that can be said, and what it covers is believed only as far as it proves itself.
 * Only reads. Called by survivors.ts, never on the way to a machine that runs.
 */
import type Database from 'better-sqlite3';
import { readInteger } from './bytes.ts';
import {
  addRow,
  authenticationOf,
  emptySum,
  freshHead,
  type HeadRow,
  HeadTable,
  type RowSum,
} from './head.ts';
import { loadIndex } from './history-index.ts';
import { absentEntry, computedRoot, type MapEntry, rootKey } from './map.ts';
import { computedProgramsHash } from './programs.ts';
import { recordHeader } from './record.ts';
import { unlessUnreadable } from './schema.ts';

export interface FoundHead {
  readonly head: HeadRow;
  /** True when its authentication, or all that it covers, says so. */
  readonly isProven: boolean;
  /** What is wrong with the row; null when nothing is. */
  readonly trouble: string | null;
}

/** The head, as good as it can be had; null when there is no record at all. */
export function findHead(database: Database.Database, imageId: string): FoundHead | null {
  const newest = newestRecord(database);
  if (newest === null) return null;
  const found = findRow(database, imageId, newest);
  const { head } = found;
  // Records that are newer than the row go on from its record.
  if (newest.generation > head.generation) {
    head.generation = newest.generation;
    head.recordHash = newest.hash;
  }
  return found;
}

function findRow(database: Database.Database, imageId: string, newest: NewestRecord): FoundHead {
  const stored = unlessUnreadable(() => new HeadTable(database, imageId).readUnproven()) ?? null;
  if (stored === null) {
    const trouble = 'the head row is missing or unreadable';
    return { head: computedHead(database, newest), isProven: false, trouble };
  }
  const { head: row } = stored;
  if (authenticationOf(imageId, row).equals(stored.authentication)) {
    if (!isStale(database, row, newest)) return { head: row, isProven: true, trouble: null };
    const trouble = `the head row is an older one, of generation ${row.generation}`;
    return { head: computedHead(database, newest), isProven: false, trouble };
  }
  const trouble = 'a column of the head row was changed';
  for (const head of mended(database, row, newest)) {
    if (!authenticationOf(imageId, head).equals(stored.authentication)) continue;
    const { generation, recordHash } = head;
    return { head: { ...head, anchor: { generation, recordHash } }, isProven: true, trouble };
  }
  // All columns are what they are the roots of: then it is the authentication itself, or the id of the image.
  const computed = computedHead(database, newest);
  const { generation, pagesFolded, history, closed, map } = row;
  const recordHash = hashOf(database, generation) ?? newest.hash;
  const bounded = {
    generation,
    recordHash,
    pagesFolded,
    history,
    closed,
    map: rootOf(database, map.generation),
  };
  const isSame = authenticationOf('', { ...computed, ...bounded }).equals(authenticationOf('', row));
  return { head: isSame ? row : computed, isProven: isSame, trouble };
}

/** True when tables have been written since, which never happens without the row. */
function isStale(database: Database.Database, row: HeadRow, newest: NewestRecord): boolean {
  const isAhead = newest.generation > row.generation;
  return (
    (isAhead && (row.closed || row.generation === 0)) ||
    objectsFolded(database) > row.objectsFolded ||
    rootOf(database, null).generation > row.map.generation
  );
}

function hashOf(database: Database.Database, generation: number): Buffer | undefined {
  const select = database.prepare<[number], Buffer>('SELECT hash FROM record WHERE generation = ?').pluck();
  return unlessUnreadable(() => select.get(generation));
}

interface NewestRecord {
  readonly generation: number;
  readonly hash: Buffer;
  /** When it was committed: pages have been folded since, perhaps. */
  readonly pagesFolded: number;
}

function newestRecord(database: Database.Database): NewestRecord | null {
  const at = recordHeader.offset.pagesFolded + 1;
  const row = unlessUnreadable(() =>
    database
      .prepare<[], { generation: number; hash: Buffer; folded: Buffer }>(
        `SELECT generation, hash, substr(body, ${at}, 8) AS folded FROM record ORDER BY generation DESC LIMIT 1`,
      )
      .get(),
  );
  if (row === undefined) return null;
  const { generation, hash, folded } = row;
  const isPlausible = folded.length === 8 && folded.readBigUInt64LE(0) <= BigInt(generation);
  return { generation, hash, pagesFolded: isPlausible ? readInteger(folded, 0) : 0 };
}

function sumOf(database: Database.Database, table: 'object' | 'object_block' | 'output'): RowSum {
  const select = database.prepare<[], Buffer>(`SELECT hash FROM ${table}`).pluck();
  let total = emptySum;
  unlessUnreadable(() => {
    for (const hash of select.iterate()) if (hash.length === 16) total = addRow(total, hash);
  });
  return total;
}

function objectsFolded(database: Database.Database): number {
  const select = database.prepare<[], number>('SELECT coalesce(max(generation), 0) FROM checkpoint').pluck();
  return unlessUnreadable(() => select.get()) ?? 0;
}

function rootOf(database: Database.Database, generation: number | null): MapEntry {
  const select = database.prepare<[number], Buffer>('SELECT entries FROM map WHERE id = ?').pluck();
  const entries = unlessUnreadable(() => select.get(rootKey));
  return entries === undefined ? absentEntry : computedRoot(entries, generation);
}

/** The row with one column computed, in each way that there is. */
function* mended(database: Database.Database, head: HeadRow, newest: NewestRecord): Generator<HeadRow> {
  const select = database.prepare<[Buffer], number>('SELECT generation FROM record WHERE hash = ?').pluck();
  const generation = unlessUnreadable(() => select.get(head.recordHash)) ?? newest.generation;
  yield { ...head, generation };
  yield { ...head, recordHash: hashOf(database, head.generation) ?? newest.hash };
  yield { ...head, closed: !head.closed };
  yield { ...head, objectsFolded: objectsFolded(database) };
  const { hash } = head.map;
  yield { ...head, map: { generation: rootOf(database, null).generation, hash } };
  yield { ...head, map: rootOf(database, head.map.generation) };
  const objects = sumOf(database, 'object');
  yield { ...head, objects: { ...head.objects, count: objects.count } };
  yield { ...head, objects: { ...head.objects, sum: objects.sum } };
  const blocks = sumOf(database, 'object_block');
  yield { ...head, objectBlocks: { ...head.objectBlocks, count: blocks.count } };
  yield { ...head, objectBlocks: { ...head.objectBlocks, sum: blocks.sum } };
  const output = sumOf(database, 'output');
  yield { ...head, output: { ...head.output, count: output.count } };
  yield { ...head, output: { ...head.output, sum: output.sum } };
  const programHash = computedProgramsHash(database);
  if (programHash !== null) yield { ...head, programHash };
  for (let n = newest.pagesFolded; n <= head.generation; n++) yield { ...head, pagesFolded: n };
  yield* mendedHistory(database, head);
}

function* mendedHistory(database: Database.Database, head: HeadRow): Generator<HeadRow> {
  const { history } = head;
  const rowsUpTo = (through: number): RowSum =>
    unlessUnreadable(() => loadIndex(database, through).total) ?? emptySum;
  const rows = rowsUpTo(history.through);
  yield { ...head, history: { ...history, rows: { ...history.rows, count: rows.count } } };
  yield { ...head, history: { ...history, rows: { ...history.rows, sum: rows.sum } } };
  const through = Math.min(head.pagesFolded, head.objectsFolded, head.generation - 1);
  yield { ...head, history: { ...history, through } };
  const select = database.prepare<[], number>('SELECT generation FROM record ORDER BY generation').pluck();
  const keys = unlessUnreadable(() => select.all()) ?? [];
  for (const key of [...keys, 1, history.through + 1]) yield { ...head, history: { ...history, floor: key } };
}

/** The row computed whole. History is believed only as far as its records lead from the image's creation on. */
function computedHead(database: Database.Database, newest: NewestRecord): HeadRow {
  const folded = objectsFolded(database);
  const { generation, hash: recordHash, pagesFolded } = newest;
  const rows = database
    .prepare<[], { generation: number; since: number }>(
      'SELECT generation, since FROM record ORDER BY generation DESC',
    )
    .all();
  // All above it must be there, one by one: down to what was folded when the newest was written, or to what was merged.
  let through = generation;
  for (const row of rows) {
    if (through <= Math.min(pagesFolded, folded, generation - 1)) break;
    if (row.since !== row.generation - 1) {
      through = row.generation;
      break;
    }
    through = row.since;
  }
  return {
    ...freshHead(computedProgramsHash(database) ?? Buffer.alloc(32)),
    generation,
    recordHash,
    anchor: { generation, recordHash },
    pagesFolded: Math.min(pagesFolded, generation),
    objectsFolded: Math.min(folded, generation),
    map: rootOf(database, null),
    objects: sumOf(database, 'object'),
    objectBlocks: sumOf(database, 'object_block'),
    output: sumOf(database, 'output'),
    history: { floor: rows.at(-1)?.generation ?? generation, through, rows: emptySum },
  };
}
