/**
 * What a damaged image still has, and proves: the foundation from which its older generations are read.
 *
 * Invariants: nothing is taken for proved that only looks right: a row counts when its hash is right and something else
 * leads to that hash (the head, the chain, the sum of history) or it continues a row of which that holds; whatever is of
 * no use is named. Only reads. Called through withHistory by undamaged.ts and by fork, for images that are refused.
 */
import type Database from 'better-sqlite3';
import { InvariantError } from '../../base/assert.ts';
import { PAGE_SIZE } from '../../base/limits.ts';
import { GrowingBytes, sha256 } from './bytes.ts';
import { DamageError, type StoredObject } from './contract.ts';
import { appendObject } from './entries.ts';
import { formatOfNumber } from './formats.ts';
import { addRow, emptySum, type HeadRow, type RowSum, removeRow } from './head.ts';
import { findHead } from './head-recovery.ts';
import type { FoldedObjects, Foundation } from './history.ts';
import { Bodies, chainRow, type HistoryIndex, type IndexRow, loadIndex } from './history-index.ts';
import { ownerOfPage } from './page-place.ts';
import { PackedRecord } from './record.ts';
import { OBJECT_COLUMNS, type ObjectColumns, readObjectRow } from './restart.ts';
import { objectRowHash, objectRowOf } from './rows.ts';
import { readImageId, unlessUnreadable } from './schema.ts';

export interface Survivors extends Foundation {
  /** What is lost at the head besides pages, in words. */
  readonly losses: readonly string[];
}

/** Reads what is there. Throws DamageError when there is not one record. */
export function readSurvivors(database: Database.Database): Survivors {
  const found = findHead(database, idOf(database));
  if (found === null) throw new DamageError('no record of any generation can be read');
  const { head, isProven, trouble } = found;
  const { chain, lostFrom } = survivingChain(database, head, isProven);
  const losses = trouble === null ? [] : [trouble];
  if (lostFrom <= head.generation) losses.push(`the record of generation ${lostFrom}`);
  const { index, isIndexProven } = survivingIndex(database, head, isProven);
  if (isProven && !isIndexProven) losses.push('a row of history');
  let objects: (FoldedObjects & { losses: readonly string[] }) | null = null;
  const folded = () => {
    const known = new Map(chain.map((record) => [record.generation, record]));
    const bodies = new Bodies(database);
    const rows = [...index.records, ...chain.map(({ generation }) => chainRow(generation))];
    objects ??= foldedObjects(database, head, rows, (row) => known.get(row.key) ?? bodies.read(row));
    return objects;
  };
  return {
    head,
    chain,
    index,
    objects: folded,
    damage: { lostFrom, foldedFrom: isIndexProven ? 0 : head.generation },
    losses: [...losses, ...folded().losses],
  };
}

function idOf(database: Database.Database): string {
  try {
    return unlessUnreadable(() => readImageId(database)) ?? '';
  } catch (error) {
    if (error instanceof DamageError) return '';
    throw error;
  }
}

interface RecordRow {
  readonly since: number;
  readonly hash: Buffer;
  readonly body: Buffer;
}

/** The records that are not history yet, up to the first that is lost. */
function survivingChain(
  database: Database.Database,
  head: HeadRow,
  isProven: boolean,
): { chain: PackedRecord[]; lostFrom: number } {
  const select = database.prepare<[number], RecordRow>(
    'SELECT since, hash, body FROM record WHERE generation = ?',
  );
  const first = head.history.through + 1;
  const records: { record: PackedRecord; hash: Buffer }[] = [];
  for (let generation = first; generation <= head.generation; generation++) {
    const row = unlessUnreadable(() => select.get(generation));
    const found = row === undefined ? null : readRecordRow(row, generation);
    if (found === null) break;
    records.push(found);
  }
  const anchor = head.anchor.generation - first;
  const { recordHash } = head.anchor;
  if (isProven && records[anchor]?.hash.equals(recordHash) === false) records.length = anchor;
  // Up to the head row's each is proved by the one after it; those after it follow one another.
  for (let i = records.length - 1; i > 0; i--) {
    if (i >= records.length) continue;
    const { record } = records[i] as { record: PackedRecord };
    const before = records[i - 1] as { hash: Buffer };
    if (!record.parentHash.equals(before.hash)) records.length = i > anchor ? i : i - 1;
  }
  const next = first + records.length;
  return {
    chain: records.map(({ record }) => record),
    lostFrom: next > head.generation ? Number.POSITIVE_INFINITY : next,
  };
}

function readRecordRow(
  { since, hash, body }: RecordRow,
  generation: number,
): { record: PackedRecord; hash: Buffer } | null {
  if (since !== generation - 1 || !sha256(body).equals(hash)) return null;
  try {
    const record = new PackedRecord(body);
    record.verifyShape();
    return record.generation === generation ? { record, hash } : null;
  } catch (error) {
    if (error instanceof InvariantError || error instanceof RangeError) return null;
    throw error;
  }
}

/** Rows of history; where the head does not prove them, those records alone that lead on from the creation. */
function survivingIndex(
  database: Database.Database,
  head: HeadRow,
  isProven: boolean,
): { index: HistoryIndex; isIndexProven: boolean } {
  const loaded = unlessUnreadable(() => loadIndex(database, head.history.through));
  if (loaded === undefined) return { index: { records: [], reverse: [] }, isIndexProven: false };
  const { records, reverse, total } = loaded;
  const { rows } = head.history;
  const isIndexProven = isProven && total.count === rows.count && total.sum === rows.sum;
  return { index: { records, reverse: isIndexProven ? reverse : [] }, isIndexProven };
}

function placeOf(address: number): string {
  return `on the ${ownerOfPage(Math.floor(address / PAGE_SIZE))}`;
}

function bytesOf(object: StoredObject): Buffer {
  const out = new GrowingBytes(256);
  appendObject(out, object);
  return Buffer.from(out.used());
}

interface TableRow {
  /** Null when its content does not match its hash. */
  readonly object: StoredObject | null;
  readonly generation: number;
  readonly hash: Buffer;
}

/** Reads the rows that can be read, from both ends if need be. */
function readTable(database: Database.Database): ReadonlyMap<number, ObjectColumns> {
  const rows = new Map<number, ObjectColumns>();
  for (const order of ['ASC', 'DESC']) {
    const select = database
      .prepare<[], ObjectColumns>(`SELECT ${OBJECT_COLUMNS} FROM object ORDER BY address ${order}`)
      .raw();
    const isWhole = unlessUnreadable(() => {
      for (const row of select.iterate()) rows.set(row[0], row);
      return true;
    });
    if (isWhole === true) break;
  }
  return rows;
}

/** Objects as the table has them; which rows are damaged, missing, or older than the records say. */
function foldedObjects(
  database: Database.Database,
  head: HeadRow,
  rows: readonly IndexRow[],
  read: (row: IndexRow) => PackedRecord,
): FoldedObjects & { losses: readonly string[] } {
  const table = new Map<number, TableRow>();
  const lost = new Map<number, string>();
  let total = emptySum;
  for (const [address, columns] of readTable(database)) {
    let object: StoredObject | null = null;
    try {
      object = readObjectRow(columns);
    } catch (error) {
      if (!(error instanceof DamageError)) throw error;
      lost.set(address, error.message);
    }
    const hash = columns[6];
    if (hash.length === 16) total = addRow(total, hash);
    table.set(address, { object, generation: columns[3], hash });
  }
  const objects = [...table.values()].flatMap(({ object }) => object ?? []);
  if (isSame(total, head.objects)) return { objects, lost, losses: [...lost.values()] };
  const wrong = differences(table, recordedObjects(rows, read, head.objectsFolded));
  for (const { address, words } of wrong) lost.set(address, words);
  const isExplained = explains(wrong, table, total, head.objects);
  const losses = [...lost.values()];
  if (losses.length === 0) losses.push(`a row of object that no record tells of`);
  return { objects, lost: isExplained ? lost : null, losses };
}

function isSame(one: RowSum, other: RowSum): boolean {
  return one.count === other.count && one.sum === other.sum;
}

/** What records say of an object: what it was when the table was folded, and what it has been since. */
interface Recorded {
  readonly object: StoredObject | null;
  /** It was changed after `since`, at `key` the latest. */
  readonly since: number;
  readonly key: number;
  /** Folding may have come to these already. */
  readonly later: (StoredObject | null)[];
}

function recordedObjects(
  rows: readonly IndexRow[],
  read: (row: IndexRow) => PackedRecord,
  objectsFolded: number,
): ReadonlyMap<number, Recorded> {
  const found = new Map<number, Recorded>();
  for (const row of rows) {
    let record: PackedRecord;
    try {
      record = read(row);
    } catch (error) {
      if (!(error instanceof DamageError)) throw error;
      continue;
    }
    const note = (address: number, object: StoredObject | null): void => {
      if (row.key > objectsFolded) found.get(address)?.later.push(object);
      else found.set(address, { object, since: row.since, key: row.key, later: [] });
    };
    for (const address of record.gone()) note(address, null);
    for (const { object } of record.objects()) note(object.address, object);
  }
  return found;
}

interface Difference extends Recorded {
  readonly address: number;
  readonly words: string;
}

/** Rows that are not what the records say. */
function differences(
  table: ReadonlyMap<number, TableRow>,
  recorded: ReadonlyMap<number, Recorded>,
): Difference[] {
  const wrong: Difference[] = [];
  for (const [address, said] of recorded) {
    const row = table.get(address);
    const now = row === undefined ? null : row.object;
    if (row !== undefined && now === null) continue;
    const isRight = [said.object, ...said.later].some((object) =>
      object === null || now === null ? object === now : bytesOf(object).equals(bytesOf(now)),
    );
    if (isRight) continue;
    const { name } = formatOfNumber((said.object ?? (now as StoredObject)).type);
    const what =
      now === null
        ? 'its row is missing'
        : said.object === null
          ? 'it was destroyed, and has a row again'
          : `its row is an older one, of generation ${row?.generation ?? 0}`;
    wrong.push({ ...said, address, words: `object ${address} (${name}, ${placeOf(address)}): ${what}` });
  }
  return wrong;
}

/** True when the table would have the sum that the head knows if these rows were what the records say. */
function explains(
  wrong: readonly Difference[],
  table: ReadonlyMap<number, TableRow>,
  total: RowSum,
  expected: RowSum,
): boolean {
  let sum = total;
  // Where several generations were merged, the row has one of them: tried, if there is one such row.
  let open: Difference | null = null;
  for (const difference of wrong) {
    const row = table.get(difference.address);
    if (row !== undefined) sum = removeRow(sum, row.hash);
    if (difference.object === null) continue;
    if (open === null && difference.key - difference.since > 1) open = difference;
    else sum = addRow(sum, rowHash(difference.object, difference.key));
  }
  if (open?.object == null) return isSame(sum, expected);
  for (let generation = open.since + 1; generation <= open.key; generation++) {
    if (isSame(addRow(sum, rowHash(open.object, generation)), expected)) return true;
  }
  return false;
}

function rowHash(object: StoredObject, generation: number): Buffer {
  return objectRowHash(objectRowOf(object, generation));
}
