/**
 * Blocks of objects: the table `object_block`, which has all objects in the form in which a restart reads them.
 *
 * A block has the objects of 512 bytes of addresses, sixteen at the most:
 *   id u64, then for each object: generation u64 (the one that changed it last), the object as in a record (entries.ts)
 * in the order of addresses; without an object there is no row. Invariants: a block is written in the transaction that
 * writes the rows of `object` it stands beside, and the head's sum covers it. Written by the folder, read by whoever needs
 * all objects. Holds no state but its statements.
 */
import type Database from 'better-sqlite3';
import { OBJECT_SIZE, PAGE_SIZE } from '../../base/limits.ts';
import { GrowingBytes, readInteger, SHORT_HASH_BYTES, sha256, writeInteger } from './bytes.ts';
import { DamageError, type StoredObject } from './contract.ts';
import { appendObject, objectEnd, readObject } from './entries.ts';
import { addRow, type RowSum, removeRow } from './head.ts';
import { ownerOfPage } from './page-place.ts';

/** Addresses that a block covers. */
const SPAN = 16 * OBJECT_SIZE;
const ID_BYTES = 8;
const GENERATION_BYTES = 8;

/** An object, and the generation that changed it last. */
export interface DatedObject {
  readonly object: StoredObject;
  readonly generation: number;
}

/** Number, content, hash. */
export type BlockColumns = [number, Buffer, Buffer];
export const BLOCK_COLUMNS = 'id, content, hash';

/** All blocks, in their order. */
export function blockRows(database: Database.Database): Iterable<BlockColumns> {
  const select = database.prepare<[], BlockColumns>(`SELECT ${BLOCK_COLUMNS} FROM object_block ORDER BY id`);
  return select.raw().iterate();
}

/** The block that the object at an address is in. */
export function blockOf(address: number): number {
  return Math.floor(address / SPAN);
}

/** In words: which objects the block has. */
export function describeBlock(id: number): string {
  const first = id * SPAN;
  return `object block ${id} (objects at ${first} to ${first + SPAN - 1}, on the ${ownerOfPage(Math.floor(first / PAGE_SIZE))})`;
}

/** Checks the block against its hash. Throws DamageError. */
export function checkBlock([id, content, hash]: BlockColumns): void {
  const isWhole =
    content.length > ID_BYTES &&
    hash.length === SHORT_HASH_BYTES &&
    sha256(content).compare(hash, 0, SHORT_HASH_BYTES, 0, SHORT_HASH_BYTES) === 0 &&
    readInteger(content, 0) === id;
  if (!isWhole) throw new DamageError(`${describeBlock(id)}: its row does not match its hash`);
}

/**
 * Gives out the objects of a block that was checked, in the order of addresses. What is no object throws as readObject does,
 * or DamageError: who can compute hashes can make any bytes a block.
 */
export function takeObjects(
  [id, content]: BlockColumns,
  take: (object: StoredObject, generation: number) => void,
): void {
  let before = -1;
  for (let at = ID_BYTES; at < content.length; ) {
    const generation = readInteger(content, at);
    const { object, end } = readObject(content, at + GENERATION_BYTES, true);
    const { address } = object;
    if (end > content.length || address <= before || blockOf(address) !== id) {
      throw new DamageError(`${describeBlock(id)}: object ${address} cannot be in it`);
    }
    take(object, generation);
    before = address;
    at = end;
  }
}

/** The same as a list. */
export function objectsOfBlock(row: BlockColumns): DatedObject[] {
  const found: DatedObject[] = [];
  takeObjects(row, (object, generation) => found.push({ object, generation }));
  return found;
}

function appendInteger(out: GrowingBytes, value: number): void {
  const at = out.reserve(8);
  writeInteger(out.buffer, at, value);
}

/** The blocks of one writing connection. */
export class ObjectBlocks {
  private readonly select: Database.Statement<[number], BlockColumns>;
  private readonly insert: Database.Statement<[number, Buffer, Buffer]>;
  private readonly remove: Database.Statement<[number]>;
  private readonly scratch = new GrowingBytes(16 * 1024);
  /** Objects of the block that was looked into last. */
  private found: { readonly id: number; readonly objects: ReadonlyMap<number, DatedObject> } | null = null;

  constructor(database: Database.Database) {
    this.select = database
      .prepare<[number], BlockColumns>(`SELECT ${BLOCK_COLUMNS} FROM object_block WHERE id = ?`)
      .raw();
    this.insert = database.prepare(
      'INSERT OR REPLACE INTO object_block (id, content, hash) VALUES (?, ?, ?)',
    );
    this.remove = database.prepare('DELETE FROM object_block WHERE id = ?');
  }

  /** The object at that address, as the table has it. Throws DamageError. */
  find(address: number): DatedObject | null {
    const id = blockOf(address);
    if (this.found?.id !== id) {
      const row = this.select.get(id);
      const objects = new Map<number, DatedObject>();
      if (row !== undefined) {
        checkBlock(row);
        for (const dated of objectsOfBlock(row)) objects.set(dated.object.address, dated);
      }
      this.found = { id, objects };
    }
    return this.found.objects.get(address) ?? null;
  }

  /**
   * Puts changes into their blocks, inside the caller's transaction: in the order of addresses, null for an object that is
   * gone. Returns what the head's sum is then. Throws DamageError when a block there is not what was written.
   */
  write(before: RowSum, changes: readonly (readonly [number, DatedObject | null])[]): RowSum {
    let total = before;
    this.found = null;
    for (let from = 0; from < changes.length; ) {
      const id = blockOf((changes[from] as [number, unknown])[0]);
      let to = from + 1;
      while (to < changes.length && blockOf((changes[to] as [number, unknown])[0]) === id) to++;
      total = this.writeBlock(total, id, changes.slice(from, to));
      from = to;
    }
    return total;
  }

  private writeBlock(
    before: RowSum,
    id: number,
    changes: readonly (readonly [number, DatedObject | null])[],
  ): RowSum {
    const { scratch } = this;
    const old = this.select.get(id);
    if (old !== undefined) checkBlock(old);
    scratch.length = 0;
    appendInteger(scratch, id);
    let at = ID_BYTES;
    const oldBytes = old?.[1] ?? null;
    // Copies what the block has below an address; at `limit` itself it is replaced.
    const copyBelow = (limit: number): void => {
      while (oldBytes !== null && at < oldBytes.length) {
        const entry = at + GENERATION_BYTES;
        const address = readInteger(oldBytes, entry);
        if (address > limit) return;
        const end = objectEnd(oldBytes, entry);
        if (address < limit) scratch.append(oldBytes.subarray(at, end));
        at = end;
      }
    };
    for (const [address, entry] of changes) {
      copyBelow(address);
      if (entry === null) continue;
      appendInteger(scratch, entry.generation);
      appendObject(scratch, entry.object);
    }
    copyBelow(Number.POSITIVE_INFINITY);
    const total = old === undefined ? before : removeRow(before, old[2]);
    if (scratch.length === ID_BYTES) {
      if (old !== undefined) this.remove.run(id);
      return total;
    }
    const content = scratch.used();
    const hash = sha256(content).subarray(0, SHORT_HASH_BYTES);
    this.insert.run(id, content, hash);
    return addRow(total, hash);
  }
}
