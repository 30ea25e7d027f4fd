/**
 * Restart: what is read and verified before a program sees a byte.
 *
 * The head row proves the record that was the newest when it was written; records after it are a chain that ends at the
 * newest, each with its parent's hash; the head's sums prove the rows of objects and output; the
 * map's root proves pages, which are verified when they are first touched. What is wrong is a DamageError that says what.
 * Called by `store.ts` on a connection that only reads, and by the worker for the side file's question.
 */
import type Database from 'better-sqlite3';
import { InvariantError } from '../../base/assert.ts';
import { PAGE_SIZE } from '../../base/limits.ts';
import { sha256 } from './bytes.ts';
import type { StoredObject } from './contract.ts';
import { DamageError } from './contract.ts';
import { exitCodes, StoreError } from './errors.ts';
import { checkShape, formatOfName, formatOfNumber, textToLinks, textToState } from './formats.ts';
import { addRow, emptySum, type HeadRow, HeadTable, RowAdder, type RowSum } from './head.ts';
import { blockRows, checkBlock, takeObjects } from './object-blocks.ts';
import { ownerOfPage } from './page-place.ts';
import { PackedRecord } from './record.ts';
import { type OutputRow, objectHash, outputRowHash } from './rows.ts';
import { readImageId } from './schema.ts';
import { isOtherLife, type SideFile } from './side.ts';

/**
 * Refuses an image whose log was cut short or left behind, unless the loss is accepted or was the power's and allowed for.
 * Returns the generation that was acknowledged and is lost, or null.
 */
export function refuseCutLog(
  database: Database.Database,
  path: string,
  side: SideFile,
  options: { readonly acceptLoss: boolean; readonly bootId: string },
): number | null {
  const head = new HeadTable(database, readImageId(database)).read();
  const { lastOwner } = side;
  const acknowledged = lastOwner?.acknowledged ?? null;
  if (acknowledged === null ? head.closed || head.generation === 0 : acknowledged <= head.generation) {
    return null;
  }
  // The system was started anew: the power, not somebody's hand, has spoiled an unsynced slot or, where a commit does not
  // wait for the disk, taken the newest commits.
  const wasPowerLost = isOtherLife(lastOwner?.bootId ?? '', options.bootId);
  const isPowerLoss = wasPowerLost && (acknowledged === null || lastOwner?.durability === 'process');
  if (options.acceptLoss || isPowerLoss) return acknowledged;
  const what =
    acknowledged === null
      ? `was not closed and its side file is ${lastOwner === null ? 'missing' : 'damaged'}: its log may be cut short too (newest generation here: ${head.generation})`
      : `ends at generation ${head.generation}, but generation ${acknowledged} was acknowledged: its log was cut short`;
  throw new StoreError(
    exitCodes.foreign,
    `${path} ${what}`,
    `bring back the files IMAGE-wal and IMAGE-side that belong to it, or go back to a copy of it made by a clean stop`,
  );
}

export interface VerifiedRecords {
  /** Records that are not folded, those that history has not taken over, and the head's own, oldest first. */
  readonly records: readonly PackedRecord[];
  readonly hashes: ReadonlyMap<number, Buffer>;
}

/** Reads the records that a restart needs and verifies the chain back from the newest through the head row's. Throws DamageError. */
export function readRecords(database: Database.Database, head: HeadRow): VerifiedRecords {
  const first = Math.min(
    head.pagesFolded + 1,
    head.objectsFolded + 1,
    head.anchor.generation,
    head.history.through + 1,
  );
  const rows = database
    .prepare<[number], { generation: number; body: Buffer }>(
      'SELECT generation, body FROM record WHERE generation >= ? ORDER BY generation',
    )
    .all(first);
  const newest = rows.at(-1);
  if (newest !== undefined && newest.generation > head.generation) {
    throw new DamageError(
      `the head row says generation ${head.generation}, but there is a record of generation ${newest.generation}`,
    );
  }
  const hashes = new Map<number, Buffer>();
  const records: PackedRecord[] = [];
  let expected = head.recordHash;
  for (let generation = head.generation; generation >= first && generation > 0; generation--) {
    const row = rows[generation - first];
    if (row === undefined || row.generation !== generation) {
      throw new DamageError(`the record of generation ${missingOne(rows, first)} is missing`);
    }
    if (generation === head.anchor.generation && !expected.equals(head.anchor.recordHash)) {
      throw new DamageError(`the record of generation ${generation + 1} does not follow the head row`);
    }
    if (!sha256(row.body).equals(expected)) {
      throw new DamageError(`the record of generation ${generation} does not match its hash`);
    }
    const record = parsed(`the record of generation ${generation}`, () => {
      const found = new PackedRecord(row.body);
      found.verifyShape();
      return found;
    });
    if (record.generation !== generation) {
      throw new DamageError(`the record of generation ${generation} says it is another's`);
    }
    hashes.set(generation, expected);
    records.push(record);
    expected = record.parentHash;
  }
  return { records: records.reverse(), hashes };
}

/** Runs `work` on bytes of the file that have their hash; what cannot be read is damage (somebody forged it), not our defect. */
export function parsed<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const isOurs =
      error instanceof InvariantError || error instanceof RangeError || error instanceof SyntaxError;
    if (!isOurs) throw error;
    throw new DamageError(`${what} cannot be read: ${error.message}`);
  }
}

function missingOne(rows: readonly { generation: number }[], first: number): number {
  const index = rows.findIndex((row, i) => row.generation !== first + i);
  return first + (index < 0 ? rows.length : index);
}

/** Address, serial, type, generation, state, links, hash: see OBJECT_COLUMNS. */
export type ObjectColumns = [number, string, string, number, string, string, Buffer];

/** Serials as digits: as integers they would need bigints for all columns. */
export const OBJECT_COLUMNS = 'address, CAST(serial AS TEXT), type, generation, state, links, hash';

/** The object in a row, verified against the row's own hash. Throws DamageError. */
export function readObjectRow(row: ObjectColumns | undefined): StoredObject {
  if (row === undefined) throw new DamageError('the row of an object is missing');
  const [address, serial, type, generation, state, links, stored] = row;
  if (!objectHash(address, serial, type, generation, state, links).equals(stored)) {
    throw badObjectRow(address, type, generation);
  }
  return objectOf(address, serial, type, state, links);
}

function badObjectRow(address: number, type: string, generation: number): DamageError {
  const owner = ownerOfPage(Math.floor(address / PAGE_SIZE));
  return new DamageError(
    `object ${address} (${type}, on the ${owner}) of generation ${generation}: its row does not match its hash`,
  );
}

function objectOf(address: number, serial: string, type: string, state: string, links: string): StoredObject {
  const format = formatOfName(type);
  return {
    address,
    type: format.number,
    serial: BigInt.asUintN(64, BigInt(serial)),
    state: textToState(format, state),
    links: textToLinks(format, links),
  };
}

/** All objects of the head in address order, verified as a whole before the first is given out. */
export function readObjects(
  database: Database.Database,
  head: HeadRow,
  records: readonly PackedRecord[],
): StoredObject[] {
  const list: StoredObject[] = [];
  const blocks = new RowAdder();
  const take = (object: StoredObject): void => {
    checkShape(object);
    list.push(object);
  };
  for (const row of blockRows(database)) {
    checkBlock(row);
    blocks.add(row[2]);
    parsed('a block of objects', () => takeObjects(row, take));
  }
  const expected = head.objectBlocks;
  expectSum('object_block', expected, blocks.total(), head.objectsFolded, () => missingTargets(list));
  return withRecords(list, head, records);
}

/** The objects of the blocks, in address order, as the records have left them that are newer. */
function withRecords(list: StoredObject[], head: HeadRow, records: readonly PackedRecord[]): StoredObject[] {
  const changed = new Map<number, StoredObject | null>();
  for (const record of records) {
    if (record.generation <= head.objectsFolded) continue;
    parsed(`the record of generation ${record.generation}`, () => {
      for (const address of record.gone()) changed.set(address, null);
      for (const { object } of record.objects()) {
        checkShape(object);
        changed.set(object.address, object);
      }
    });
  }
  if (changed.size === 0) return list;
  const now: StoredObject[] = [];
  for (const object of list) {
    const newer = changed.get(object.address);
    if (newer !== null) now.push(newer ?? object);
    if (newer !== undefined) changed.delete(object.address);
  }
  const added = [...changed.values()].filter((object) => object !== null);
  return added.length === 0 ? now : [...now, ...added].sort((a, b) => a.address - b.address);
}

/** What may be missing: objects that others refer to and that have no row (or were destroyed). */
function missingTargets(objects: readonly StoredObject[]): string {
  const found: string[] = [];
  const addresses = new Set(objects.map(({ address }) => address));
  for (const object of objects) {
    object.links.forEach((link, i) => {
      if (link === null || 'name' in link || addresses.has(link.address)) return;
      const format = formatOfNumber(object.type);
      found.push(`${format.links[i]} ${link.address} of ${format.name} ${object.address}`);
    });
  }
  const shown = found.slice(0, 5).join(', ');
  return found.length === 0 ? '' : `; without a row: ${shown}${found.length > 5 ? ', and others' : ''}`;
}

function expectSum(
  what: string,
  expected: RowSum,
  found: RowSum,
  generation: number,
  hint: () => string = () => '',
): void {
  if (found.count !== expected.count) {
    throw new DamageError(
      `table ${what} has ${found.count} rows, generation ${generation} has ${expected.count}${hint()}`,
    );
  }
  if (found.sum !== expected.sum) {
    throw new DamageError(`table ${what} has a row that is not of generation ${generation}`);
  }
}

/** Output that is committed and not confirmed, by sink and offset; verified. */
export function readOutput(
  database: Database.Database,
  head: HeadRow,
  records: readonly PackedRecord[],
): { sink: string; offset: number; bytes: Uint8Array }[] {
  const rows = database
    .prepare<[], OutputRow & { hash: Buffer }>('SELECT * FROM output ORDER BY sink, offset')
    .all();
  let total = emptySum;
  for (const row of rows) {
    const hash = outputRowHash(row);
    if (!hash.equals(row.hash)) {
      throw new DamageError(
        `output of '${row.sink}' at ${row.offset}, generation ${row.generation}: its row does not match its hash`,
      );
    }
    total = addRow(total, hash);
  }
  expectSum('output', head.output, total, head.objectsFolded);
  let pieces: { sink: string; offset: number; bytes: Uint8Array }[] = rows.map((row) => ({
    sink: row.sink,
    offset: row.offset,
    bytes: row.bytes,
  }));
  for (const record of records) {
    if (record.generation <= head.objectsFolded) continue;
    parsed(`the record of generation ${record.generation}`, () => {
      for (const { name: sink, offset, data } of record.output()) {
        pieces.push({ sink, offset, bytes: data });
      }
      for (const { name, offset } of record.confirmations()) {
        pieces = pieces.filter((p) => p.sink !== name || p.offset + p.bytes.length > offset);
      }
    });
  }
  return pieces.sort((a, b) => (a.sink === b.sink ? a.offset - b.offset : a.sink < b.sink ? -1 : 1));
}
