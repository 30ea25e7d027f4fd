/**
 * What a damaged image still has, and proves: the foundation from which its older generations are read.
 *
 * Invariants: nothing is taken for proved that only looks right: a row counts when its hash is right and something else
 * leads to that hash (the head, the chain, the sum of history) or it continues a row of which that holds; whatever is of
 * no use is named. Only reads. Called through withHistory by undamaged.ts and by fork, for images that are refused.
 */
import type Database from 'better-sqlite3';
import { InvariantError } from '../../base/assert.ts';
import { sha256 } from './bytes.ts';
import { DamageError } from './contract.ts';
import type { HeadRow } from './head.ts';
import { findHead } from './head-recovery.ts';
import type { Foundation } from './history.ts';
import { Bodies, chainRow, type HistoryIndex, loadIndex } from './history-index.ts';
import { PackedRecord } from './record.ts';
import { readImageId, unlessUnreadable } from './schema.ts';
import { survivingObjects } from './surviving-objects.ts';

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
  let objects: ReturnType<typeof survivingObjects> | null = null;
  const folded = () => {
    const known = new Map(chain.map((record) => [record.generation, record]));
    const bodies = new Bodies(database);
    const rows = [...index.records, ...chain.map(({ generation }) => chainRow(generation))];
    objects ??= survivingObjects(
      database,
      head,
      isProven,
      rows,
      (row) => known.get(row.key) ?? bodies.read(row),
    );
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
