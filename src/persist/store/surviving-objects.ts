/**
 * The objects of a damaged image: from the blocks, from the rows, or from what both and the records still prove.
 *
 * Both tables have every object, and the head proves each by a sum of its own; where one of them is what the head says, it
 * is the truth, and tells which rows of the other are damaged, missing or older. Only where both are damaged, the records
 * say what they know. Only reads. Called by survivors.ts, and by `perdure check` for an image that looks sound.
 */
import type Database from 'better-sqlite3';
import { PAGE_SIZE } from '../../base/limits.ts';
import { GrowingBytes } from './bytes.ts';
import { DamageError, type StoredObject } from './contract.ts';
import { appendObject } from './entries.ts';
import { formatOfNumber } from './formats.ts';
import { addRow, emptySum, type HeadRow, isSameSum, type RowSum, removeRow } from './head.ts';
import type { FoldedObjects } from './history.ts';
import type { IndexRow } from './history-index.ts';
import {
  blockOf,
  blockRows,
  checkBlock,
  type DatedObject,
  describeBlock,
  objectsOfBlock,
} from './object-blocks.ts';
import { ownerOfPage } from './page-place.ts';
import type { PackedRecord } from './record.ts';
import { OBJECT_COLUMNS, type ObjectColumns, parsed, readObjectRow } from './restart.ts';
import { objectRowHash, objectRowOf } from './rows.ts';
import { unlessUnreadable } from './schema.ts';

function described(object: StoredObject): string {
  const { address, type } = object;
  return `object ${address} (${formatOfNumber(type).name}, on the ${ownerOfPage(Math.floor(address / PAGE_SIZE))})`;
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

interface Table {
  readonly rows: ReadonlyMap<number, TableRow>;
  readonly total: RowSum;
  /** Words for those that do not match their hashes, by address. */
  readonly lost: ReadonlyMap<number, string>;
}

/** Reads the rows that can be read, from both ends if need be. */
function readRows(database: Database.Database): ReadonlyMap<number, ObjectColumns> {
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

function readTable(database: Database.Database): Table {
  const rows = new Map<number, TableRow>();
  const lost = new Map<number, string>();
  let total = emptySum;
  for (const [address, columns] of readRows(database)) {
    let object: StoredObject | null = null;
    try {
      object = readObjectRow(columns);
    } catch (error) {
      if (!(error instanceof DamageError)) throw error;
      lost.set(address, error.message);
    }
    const hash = columns[6];
    if (hash.length === 16) total = addRow(total, hash);
    rows.set(address, { object, generation: columns[3], hash });
  }
  return { rows, total, lost };
}

interface Blocks {
  readonly objects: ReadonlyMap<number, DatedObject>;
  readonly total: RowSum;
  readonly ids: ReadonlySet<number>;
  /** Words for those that cannot be used, by number. */
  readonly lost: ReadonlyMap<number, string>;
}

function readBlocks(database: Database.Database): Blocks {
  const objects = new Map<number, DatedObject>();
  const ids = new Set<number>();
  const lost = new Map<number, string>();
  let total = emptySum;
  unlessUnreadable(() => {
    for (const row of blockRows(database)) {
      const [id, , hash] = row;
      ids.add(id);
      if (hash.length === 16) total = addRow(total, hash);
      try {
        checkBlock(row);
        const found = parsed(describeBlock(id), () => objectsOfBlock(row));
        for (const dated of found) objects.set(dated.object.address, dated);
      } catch (error) {
        if (!(error instanceof DamageError)) throw error;
        lost.set(id, error.message);
      }
    }
  });
  return { objects, total, ids, lost };
}

/** What is wrong with rows, in words by address, where the blocks are right. */
function wrongRows(table: Table, { objects }: Blocks): Map<number, string> {
  const wrong = new Map(table.lost);
  for (const [address, { object, generation }] of objects) {
    const row = table.rows.get(address);
    if (row === undefined) wrong.set(address, `${described(object)}: its row is missing`);
    else if (row.object !== null && !bytesOf(row.object).equals(bytesOf(object))) {
      const which = row.generation < generation ? 'an older one' : 'another one';
      wrong.set(address, `${described(object)}: its row is ${which}, of generation ${row.generation}`);
    }
  }
  for (const [address, { object }] of table.rows) {
    if (object !== null && !objects.has(address))
      wrong.set(address, `${described(object)}: it was destroyed, and has a row again`);
  }
  return wrong;
}

/** What is wrong with blocks, in words, where the rows are right. */
function wrongBlocks(table: Table, blocks: Blocks): string[] {
  const wrong = new Map(blocks.lost);
  const note = (id: number, words: string): void => {
    if (!wrong.has(id)) wrong.set(id, `${describeBlock(id)}: ${words}`);
  };
  for (const [address, { object }] of table.rows) {
    const id = blockOf(address);
    const dated = blocks.objects.get(address);
    if (!blocks.ids.has(id)) note(id, 'its row is missing');
    else if (dated === undefined || object === null || !bytesOf(dated.object).equals(bytesOf(object)))
      note(id, 'its row is an older one');
  }
  for (const address of blocks.objects.keys())
    if (!table.rows.has(address)) note(blockOf(address), 'its row is an older one');
  return [...wrong.values()];
}

/** What is wrong with the rows or blocks of an image whose head is right; nothing when they are one. */
export function differencesOfTables(database: Database.Database, head: HeadRow): string[] {
  const table = readTable(database);
  const blocks = readBlocks(database);
  if (isSameSum(blocks.total, head.objectBlocks) && blocks.lost.size === 0)
    return isSameSum(table.total, head.objects) && table.lost.size === 0
      ? []
      : named([...wrongRows(table, blocks).values()], 'the sum of the rows of object is wrong');
  return named(wrongBlocks(table, blocks), 'the sum of the blocks of objects is wrong');
}

function named(words: string[], otherwise: string): string[] {
  return words.length > 0 ? words : [otherwise];
}

/** Objects as they were folded; what is damaged, missing, or older, in words. */
export function survivingObjects(
  database: Database.Database,
  head: HeadRow,
  isHeadProven: boolean,
  rows: readonly IndexRow[],
  read: (row: IndexRow) => PackedRecord,
): FoldedObjects & { losses: readonly string[] } {
  const table = readTable(database);
  const blocks = readBlocks(database);
  const inRows = [...table.rows.values()].flatMap(({ object }) => object ?? []);
  const inBlocks = [...blocks.objects.values()].map(({ object }) => object);
  const areBlocksRight = blocks.lost.size === 0 && isSameSum(blocks.total, head.objectBlocks);
  const areRowsRight = table.lost.size === 0 && isSameSum(table.total, head.objects);
  const lost = new Map<number, string>();
  if (isHeadProven && areBlocksRight) {
    const losses = areRowsRight ? [] : [...wrongRows(table, blocks).values()];
    return { objects: inBlocks, lost, losses };
  }
  if (isHeadProven && areRowsRight) return { objects: inRows, lost, losses: wrongBlocks(table, blocks) };
  // The sums of a head that is not proved are those of what is there: then the two tables must say the same.
  const areOne = blocks.lost.size === 0 && wrongRows(table, blocks).size === 0;
  if (areOne) return { objects: inBlocks, lost, losses: [] };
  for (const [address, words] of table.lost) lost.set(address, words);
  const wrong = differences(table.rows, recordedObjects(rows, read, head.objectsFolded));
  for (const { address, words } of wrong) lost.set(address, words);
  const isExplained = isHeadProven && explains(wrong, table.rows, table.total, head.objects);
  const losses = [...lost.values(), ...blocks.lost.values()];
  return {
    objects: inRows,
    lost: isExplained ? lost : null,
    losses: named(losses, 'a row of object, and a block of objects, that no record tells of'),
  };
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
    const what =
      now === null
        ? 'its row is missing'
        : said.object === null
          ? 'it was destroyed, and has a row again'
          : `its row is an older one, of generation ${row?.generation ?? 0}`;
    wrong.push({ ...said, address, words: `${described(said.object ?? (now as StoredObject))}: ${what}` });
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
  if (open?.object == null) return isSameSum(sum, expected);
  for (let generation = open.since + 1; generation <= open.key; generation++) {
    if (isSameSum(addRow(sum, rowHash(open.object, generation)), expected)) return true;
  }
  return false;
}

function rowHash(object: StoredObject, generation: number): Buffer {
  return objectRowHash(objectRowOf(object, generation));
}
