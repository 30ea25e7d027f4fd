/**
 * The head row: which state is the newest, and the roots that authenticate everything a restart reads.
 *
 * Invariant: the row's `authentication` is the SHA-256 of the image's id and all its other columns. Written by the worker
 * in every transaction that changes what it covers; verified by every reader before it trusts anything else. A commit that
 * only adds a record does not write it: records that are newer than the row go on from its record, each with the hash of
 * the one before (`readRecords` verifies the chain), and the newest is the state.
 */
import type Database from 'better-sqlite3';
import { assert } from '../../base/assert.ts';
import { SHORT_HASH_BYTES, sha256, writeInteger } from './bytes.ts';
import { DamageError } from './contract.ts';
import { absentEntry, type MapEntry } from './map.ts';

export interface HeadRow {
  /** The newest generation, and its record's hash. */
  generation: number;
  recordHash: Buffer;
  /** The same when the row was written: from there on the records' chain speaks. */
  anchor: HeadAnchor;
  pagesFolded: number;
  objectsFolded: number;
  map: MapEntry;
  /** Rows of `object`, and of `object_block`. */
  objects: RowSum;
  objectBlocks: RowSum;
  output: RowSum;
  programHash: Buffer;
  history: HistoryHead;
  closed: boolean;
}

export interface HeadAnchor {
  readonly generation: number;
  readonly recordHash: Buffer;
}

/** What the head says about history. */
export interface HistoryHead {
  /** Oldest generation that can be read. */
  readonly floor: number;
  /** Rows of `record` up to here are in `rows`; newer ones are proved by their chain. */
  readonly through: number;
  /** Those, and all rows of `reverse`. */
  readonly rows: RowSum;
}

/** A set of rows: their number, and the sum of their short hashes modulo 2^128. A changed row costs O(1). */
export interface RowSum {
  readonly count: number;
  readonly sum: bigint;
}

export const emptySum: RowSum = { count: 0, sum: 0n };

function toBigint(hash: Buffer): bigint {
  return hash.readBigUInt64LE(0) | (hash.readBigUInt64LE(8) << 64n);
}

export function addRow(total: RowSum, hash: Buffer): RowSum {
  return { count: total.count + 1, sum: BigInt.asUintN(128, total.sum + toBigint(hash)) };
}

/** The sum of many rows, added up without a bigint for each. */
export class RowAdder {
  private count = 0;
  private high = 0n;
  /** Words of 32 bits, lowest first; each sum is exact while there are fewer than 2^21 rows. */
  private readonly words = new Float64Array(4);

  add(hash: Buffer): void {
    for (let i = 0; i < 4; i++) {
      this.words[i] = (this.words[i] as number) + hash.readUInt32LE(4 * i);
    }
    if (++this.count % ROWS_EXACT === 0) this.carry();
  }

  private carry(): void {
    for (let i = 0; i < 4; i++) this.high += BigInt(this.words[i] as number) << BigInt(32 * i);
    this.words.fill(0);
  }

  total(): RowSum {
    this.carry();
    return { count: this.count, sum: BigInt.asUintN(128, this.high) };
  }
}

/** Rows whose words of 32 bits can be added up in a number of 53. */
const ROWS_EXACT = 2 ** 20;

/** True for the same rows, as far as anybody can tell. */
export function isSameSum(one: RowSum, other: RowSum): boolean {
  return one.count === other.count && one.sum === other.sum;
}

export function removeRow(total: RowSum, hash: Buffer): RowSum {
  return { count: total.count - 1, sum: BigInt.asUintN(128, total.sum - toBigint(hash)) };
}

function sumToBytes(sum: bigint): Buffer {
  const bytes = Buffer.alloc(SHORT_HASH_BYTES);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, sum), 0);
  bytes.writeBigUInt64LE(sum >> 64n, 8);
  return bytes;
}

export function freshHead(programHash: Buffer): HeadRow {
  const recordHash = Buffer.alloc(32);
  return {
    generation: 0,
    recordHash,
    anchor: { generation: 0, recordHash },
    pagesFolded: 0,
    objectsFolded: 0,
    map: absentEntry,
    objects: emptySum,
    objectBlocks: emptySum,
    output: emptySum,
    programHash,
    history: { floor: 1, through: 0, rows: emptySum },
    closed: false,
  };
}

/** What proves the other columns. */
export function authenticationOf(imageId: string, head: HeadRow): Buffer {
  const integers = [
    head.generation,
    head.pagesFolded,
    head.objectsFolded,
    head.map.generation,
    head.objects.count,
    head.objectBlocks.count,
    head.output.count,
    head.history.floor,
    head.history.through,
    head.history.rows.count,
    head.closed ? 1 : 0,
  ];
  const numbers = Buffer.alloc(8 * integers.length);
  integers.forEach((value, i) => {
    writeInteger(numbers, i * 8, value);
  });
  return sha256(
    Buffer.concat([
      numbers,
      head.recordHash,
      head.map.hash,
      sumToBytes(head.objects.sum),
      sumToBytes(head.objectBlocks.sum),
      sumToBytes(head.output.sum),
      sumToBytes(head.history.rows.sum),
      head.programHash,
      Buffer.from(imageId),
    ]),
  );
}

interface Columns {
  generation: number;
  record_hash: Buffer;
  pages_folded: number;
  objects_folded: number;
  map_generation: number;
  map_hash: Buffer;
  object_count: number;
  object_sum: Buffer;
  object_block_count: number;
  object_block_sum: Buffer;
  output_count: number;
  output_sum: Buffer;
  program_hash: Buffer;
  history_floor: number;
  history_through: number;
  history_count: number;
  history_sum: Buffer;
  closed: number;
  authentication: Buffer;
}

/** Statements on the head row of one connection. */
export class HeadTable {
  private readonly imageId: string;
  private readonly select: Database.Statement<[], Columns>;
  private readonly update: Database.Statement<Columns>;
  private readonly newest: Database.Statement<[number], { generation: number; hash: Buffer }>;

  constructor(database: Database.Database, imageId: string) {
    this.imageId = imageId;
    this.select = database.prepare<[], Columns>('SELECT * FROM head WHERE id = 1');
    this.update = database.prepare<Columns>(
      `INSERT OR REPLACE INTO head VALUES (1, @generation, @record_hash, @pages_folded,
         @objects_folded, @map_generation, @map_hash, @object_count, @object_sum,
         @object_block_count, @object_block_sum, @output_count, @output_sum, @program_hash, @history_floor, @history_through, @history_count, @history_sum,
         @closed, @authentication)`,
    );
    this.newest = database.prepare(
      'SELECT generation, hash FROM record WHERE generation > ? ORDER BY generation DESC LIMIT 1',
    );
  }

  /**
   * The newest state: the row, verified, and the newest record after it, which is not (`readRecords` does it). Throws
   * DamageError.
   */
  read(): HeadRow {
    const head = this.readRow();
    const newest = this.newest.get(head.generation);
    if (newest === undefined) return head;
    if (head.closed || head.generation === 0) {
      const what = head.closed ? 'closed' : 'new';
      throw new DamageError(
        `the head row says ${what} at generation ${head.generation}, but there is a record of generation ${newest.generation}`,
      );
    }
    if (newest.hash.length !== 32) {
      throw new DamageError(`the record of generation ${newest.generation} does not match its hash`);
    }
    head.generation = newest.generation;
    head.recordHash = newest.hash;
    return head;
  }

  /** The row, verified: all that changes when something is folded. Throws DamageError. */
  readRow(): HeadRow {
    const found = this.readUnproven();
    if (found === undefined) throw new DamageError('the head row is missing');
    if (found === null) throw new DamageError('the head row has columns that cannot be');
    const { head, authentication } = found;
    if (!authenticationOf(this.imageId, head).equals(authentication)) {
      throw new DamageError(`the head row (generation ${head.generation}) does not match its authentication`);
    }
    return head;
  }

  /** The row as it is, and what should prove it; undefined when there is none, null when it can be no head. */
  readUnproven(): { head: HeadRow; authentication: Buffer } | null | undefined {
    const row = this.select.get();
    if (row === undefined) return undefined;
    const sizes: [Buffer, number][] = [
      [row.record_hash, 32],
      [row.map_hash, SHORT_HASH_BYTES],
      [row.object_sum, SHORT_HASH_BYTES],
      [row.object_block_sum, SHORT_HASH_BYTES],
      [row.output_sum, SHORT_HASH_BYTES],
      [row.history_sum, SHORT_HASH_BYTES],
      [row.program_hash, 32],
    ];
    const isImpossible =
      sizes.some(([bytes, size]) => bytes.length !== size) ||
      [row.generation, row.pages_folded, row.objects_folded].some(isNoGeneration) ||
      [row.map_generation, row.object_count, row.object_block_count, row.output_count].some(isNoGeneration) ||
      [row.history_floor, row.history_through, row.history_count].some(isNoGeneration);
    if (isImpossible) return null;
    const rows = { count: row.history_count, sum: toBigint(row.history_sum) };
    const head: HeadRow = {
      generation: row.generation,
      recordHash: row.record_hash,
      anchor: { generation: row.generation, recordHash: row.record_hash },
      pagesFolded: row.pages_folded,
      objectsFolded: row.objects_folded,
      map: { generation: row.map_generation, hash: row.map_hash },
      objects: { count: row.object_count, sum: toBigint(row.object_sum) },
      objectBlocks: { count: row.object_block_count, sum: toBigint(row.object_block_sum) },
      output: { count: row.output_count, sum: toBigint(row.output_sum) },
      programHash: row.program_hash,
      history: { floor: row.history_floor, through: row.history_through, rows },
      closed: row.closed === 1,
    };
    return { head, authentication: row.authentication };
  }

  /** Writes the row, inside the caller's transaction. */
  write(head: HeadRow): void {
    assert(head.pagesFolded <= head.generation, 'head: pages are folded up to what is committed');
    assert(head.objectsFolded <= head.generation, 'head: objects are folded up to what is committed');
    this.update.run({
      generation: head.generation,
      record_hash: head.recordHash,
      pages_folded: head.pagesFolded,
      objects_folded: head.objectsFolded,
      map_generation: head.map.generation,
      map_hash: head.map.hash,
      object_count: head.objects.count,
      object_sum: sumToBytes(head.objects.sum),
      object_block_count: head.objectBlocks.count,
      object_block_sum: sumToBytes(head.objectBlocks.sum),
      output_count: head.output.count,
      output_sum: sumToBytes(head.output.sum),
      program_hash: head.programHash,
      history_floor: head.history.floor,
      history_through: head.history.through,
      history_count: head.history.rows.count,
      history_sum: sumToBytes(head.history.rows.sum),
      closed: head.closed ? 1 : 0,
      authentication: authenticationOf(this.imageId, head),
    });
    head.anchor = { generation: head.generation, recordHash: head.recordHash };
  }
}

function isNoGeneration(value: number): boolean {
  return !Number.isSafeInteger(value) || value < 0;
}
