/**
 * Forged files: rows changed by somebody who computes all the hashes anew.
 *
 * Opening such a file either refuses it (DamageError, or exit code 65), or gives a store that can be read and closed: never
 * an error of another kind. Called by the test and by `npm run damage`.
 */
import Database from 'better-sqlite3';
import { sha256 } from '../../src/persist/store/bytes.ts';
import { addRow, emptySum, type HeadRow, HeadTable } from '../../src/persist/store/head.ts';
import { recordHeader } from '../../src/persist/store/record.ts';
import { objectRowHash, outputRowHash } from '../../src/persist/store/rows.ts';
import { readImageId } from '../../src/persist/store/schema.ts';
import { randomOf } from './store-model.ts';
import { open } from './store-tools.ts';

type Random = (below: number) => number;

/** A byte, a word or a stretch of a blob changed. */
function scribble(random: Random, bytes: Buffer, from = 0): void {
  const at = from + random(Math.max(1, bytes.length - from - 8));
  const kind = random(4);
  if (kind === 0) bytes[at] = random(256);
  else if (kind === 1) bytes.writeUInt32LE([0, 1, 0xffff, 0x7fff_ffff, 0xffff_ffff][random(5)] as number, at);
  else if (kind === 2) bytes.writeUInt16LE([0, 1, 4096, 0xffff][random(4)] as number, at);
  else for (let i = at; i < Math.min(bytes.length, at + 40); i++) bytes[i] = random(256);
}

/** Text with some characters changed, left out or doubled. */
function scrawl(random: Random, text: string): string {
  const at = random(text.length + 1);
  const bits = ['', '0', '9', '-', '{', '}', ',', 'null', '1e9', '"', '99999999999999999999', ' '];
  return text.slice(0, at) + (bits[random(bits.length)] as string) + text.slice(at + random(3));
}

/** All records from `first` on get their parents' hashes again; the newest one's goes into the head. */
function rehashRecords(database: Database.Database, head: HeadRow): void {
  const rows = database
    .prepare<[], { generation: number; body: Buffer }>(
      'SELECT generation, body FROM record ORDER BY generation',
    )
    .all();
  let parent: Buffer | null = null;
  for (const { generation, body } of rows) {
    if (parent !== null) parent.copy(body, recordHeader.offset.parentHash);
    parent = sha256(body);
    database.prepare('UPDATE record SET body = ? WHERE generation = ?').run(body, generation);
  }
  if (parent !== null) head.recordHash = parent;
}

function forgeRecord(random: Random, database: Database.Database, head: HeadRow): string {
  const generations = database.prepare('SELECT generation FROM record').pluck().all() as number[];
  const generation = generations[random(generations.length)] as number;
  const body = database
    .prepare('SELECT body FROM record WHERE generation = ?')
    .pluck()
    .get(generation) as Buffer;
  const inHeader = random(3) === 0;
  scribble(random, body, inHeader ? recordHeader.offset.flags : recordHeader.size);
  if (inHeader) scribble(random, body.subarray(0, recordHeader.size));
  database.prepare('UPDATE record SET body = ? WHERE generation = ?').run(body, generation);
  rehashRecords(database, head);
  return `record ${generation}`;
}

function forgeObject(random: Random, database: Database.Database, head: HeadRow): string {
  const rows = database
    .prepare<
      [],
      { address: number; serial: bigint; type: string; generation: number; state: string; links: string }
    >('SELECT address, serial, type, generation, state, links FROM object')
    .all();
  const victim = rows[random(rows.length)];
  if (victim === undefined) return 'no object';
  const row = { ...victim, serial: BigInt(victim.serial) };
  if (random(2) === 0) row.state = scrawl(random, row.state);
  else row.links = scrawl(random, row.links);
  if (random(8) === 0) row.type = ['mutex', 'thread', 'nothing', ''][random(4)] as string;
  try {
    database
      .prepare('UPDATE object SET state = ?, links = ?, type = ?, hash = ? WHERE address = ?')
      .run(row.state, row.links, row.type, objectRowHash(row), row.address);
  } catch {
    // SQLite itself refuses what is no JSON.
    return 'an object that is no JSON';
  }
  head.objects = (database.prepare('SELECT hash FROM object').pluck().all() as Buffer[]).reduce(
    addRow,
    emptySum,
  );
  return `object ${row.address}`;
}

function forgeBlock(random: Random, database: Database.Database, head: HeadRow): string {
  const rows = database
    .prepare<[], { id: number; content: Buffer }>('SELECT id, content FROM object_block')
    .all();
  const victim = rows[random(rows.length)];
  if (victim === undefined) return 'no block';
  const { id, content } = victim;
  scribble(random, content, random(4) === 0 ? 0 : 8);
  const forged = random(6) === 0 ? content.subarray(0, random(content.length)) : content;
  const hash = sha256(forged).subarray(0, 16);
  database.prepare('UPDATE object_block SET content = ?, hash = ? WHERE id = ?').run(forged, hash, id);
  const hashes = database.prepare('SELECT hash FROM object_block').pluck().all() as Buffer[];
  head.objectBlocks = hashes.reduce(addRow, emptySum);
  return `object block ${id}`;
}

function forgeOutput(random: Random, database: Database.Database, head: HeadRow): string {
  const row = {
    sink: 'out',
    offset: random(2) === 0 ? random(1000) : -random(1000),
    generation: 1,
    bytes: Buffer.alloc(random(50)),
  };
  database
    .prepare(
      'INSERT OR REPLACE INTO output (sink, offset, generation, bytes, hash) VALUES (@sink, @offset, @generation, @bytes, @hash)',
    )
    .run({ ...row, hash: outputRowHash(row) });
  head.output = (database.prepare('SELECT hash FROM output').pluck().all() as Buffer[]).reduce(
    addRow,
    emptySum,
  );
  return `output at ${row.offset}`;
}

function forgeHead(random: Random, _database: Database.Database, head: HeadRow): string {
  const number = [0, 1, head.generation - 1, head.generation + 1, random(100), 2 ** 40][random(6)] as number;
  const column = (['generation', 'pagesFolded', 'objectsFolded'] as const)[random(3)] as 'generation';
  head[column] = number;
  // A head that could not be written is no forgery.
  head.pagesFolded = Math.min(head.pagesFolded, head.generation);
  head.objectsFolded = Math.min(head.objectsFolded, head.generation);
  return `head.${column} = ${number}`;
}

const forgeries = [
  forgeRecord,
  forgeRecord,
  forgeRecord,
  forgeObject,
  forgeBlock,
  forgeBlock,
  forgeOutput,
  forgeHead,
];

/** Forges the file at `path` as the seed says; what was done. */
export function forgeFile(path: string, seed: number): string {
  const random = randomOf(seed);
  const database = new Database(path);
  try {
    const table = new HeadTable(database, readImageId(database));
    const head = table.read();
    const what = (forgeries[random(forgeries.length)] as typeof forgeHead)(random, database, head);
    table.write(head);
    return what;
  } finally {
    database.close();
  }
}

/** Opens, reads and closes a forged file. Returns true when it was refused; throws what is neither. */
export async function tryForged(path: string): Promise<boolean> {
  let store: ReturnType<typeof open> | null = null;
  const isRefusal = (error: unknown): boolean => {
    const { name, exitCode } = error as { name: string; exitCode?: number };
    return name === 'DamageError' || (name === 'StoreError' && exitCode === 65);
  };
  let isRefused = false;
  try {
    store = open(path, { create: false });
    for (const slab of [0, 0x40_0000, 0x40_1000, 0x80_0800]) {
      for (let i = 0; i < 12; i++) store.readPage(slab + i);
    }
  } catch (error) {
    if (!isRefusal(error)) throw error;
    isRefused = true;
  }
  await store?.close().catch((error: unknown) => {
    if (!isRefusal(error)) throw error;
    isRefused = true;
  });
  return isRefused;
}
