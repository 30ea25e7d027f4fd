/**
 * Fork: a kept generation becomes an image of its own, also while a machine runs the old one.
 *
 * Invariants: the old image is only read, in one snapshot; the new file appears under its name when it is whole, with an
 * id of its own; its newest record says that it was forked, so the next life detaches sinks and sources. Its history
 * begins there. Called by the command line; the effects are the caller's.
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import type Database from 'better-sqlite3';
import { GrowingBytes, sha256 } from './bytes.ts';
import { makeShared } from './channel.ts';
import { appendObject } from './entries.ts';
import { exitCodes, StoreError } from './errors.ts';
import { Folder } from './folder.ts';
import { emptySum } from './head.ts';
import { type GenerationView, type History, withHistory } from './history.ts';
import { OpenImage } from './image.ts';
import { DEFAULT_LADDER, isLadder, parseLadder } from './ladder.ts';
import { RING_BYTES_MIN, storeLimits } from './limits.ts';
import type { StoreEffects } from './options.ts';
import { readPrograms, writeProgram } from './programs.ts';
import { emptyParts, PackedRecord, recordFlags, writeRecord } from './record.ts';
import { openLooker, openWriter, unlessUnreadable } from './schema.ts';
import { readSurvivors } from './survivors.ts';

/** Pages written in one transaction. */
const PAGES_AT_ONCE = 4096;

export interface Forked {
  readonly generation: number;
  readonly pages: number;
  readonly objects: number;
}

/**
 * Writes the generation that `choose` names into a new image at `target`; from what is left of a damaged one if `isDamaged`.
 * Throws StoreError or DamageError.
 */
export function fork(
  path: string,
  choose: (history: History, database: Database.Database) => number,
  target: string,
  effects: StoreEffects,
  isDamaged = false,
): Forked {
  if (existsSync(target)) {
    throw new StoreError(exitCodes.cannotCreate, `${target}: exists already`, 'name a file that does not');
  }
  const reader = openLooker(path);
  const part = `${target}.fork-${effects.pid}`;
  try {
    const write = (history: History): Forked => {
      const view = history.at(choose(history, reader));
      return writeImage(reader, history, view, part, effects);
    };
    const made = isDamaged ? withHistory(reader, write, readSurvivors) : withHistory(reader, write);
    renameSync(part, target);
    return made;
  } finally {
    reader.close();
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(part + suffix, { force: true });
  }
}

function writeImage(
  reader: Database.Database,
  history: History,
  view: GenerationView,
  part: string,
  effects: StoreEffects,
): Forked {
  const id = Buffer.from(effects.randomBytes(16)).toString('hex');
  const create = { id, createdMs: effects.wallMs() };
  const database = openWriter(part, create, 'power', () => undefined);
  try {
    const rim = { nowMs: () => 0, phase: () => undefined };
    const image = new OpenImage(
      database,
      storeLimits,
      rim,
      makeShared(new SharedArrayBuffer(RING_BYTES_MIN)),
    );
    image.reverse.stop();
    // Nobody sees the file before it is whole and on the disk: it needs no log, and waits for the disk once.
    database.pragma('journal_mode = MEMORY');
    database.pragma('synchronous = OFF');
    for (const program of readPrograms(reader, history.head.programHash)) writeProgram(image, program);
    const pages = writePages(image, view);
    const objects = writeRecordOf(image, view);
    copyFacts(reader, database, view.generation);
    const folder = new Folder(image, parseLadder(DEFAULT_LADDER), () => undefined);
    folder.request();
    while (!folder.isComplete()) folder.step();
    database.pragma('synchronous = FULL');
    image.begin();
    image.head.closed = true;
    image.headTable.write(image.head);
    image.commit();
    database.pragma('journal_mode = DELETE');
    return { generation: view.generation, pages, objects };
  } finally {
    database.close();
  }
}

function writePages(image: OpenImage, view: GenerationView): number {
  let count = 0;
  image.begin();
  for (const { number, content, entry } of view.pages()) {
    if (entry === null) image.writePage(number, view.generation, Buffer.from(content));
    else image.copyPage(number, entry, content);
    if (++count % PAGES_AT_ONCE > 0) continue;
    image.flushMap(view.generation);
    image.headTable.write(image.head);
    image.commit();
    image.begin();
  }
  image.flushMap(view.generation);
  image.headTable.write(image.head);
  image.commit();
  return count;
}

/** The generation's record: all its objects, so that folding puts them into their table. Returns their number. */
function writeRecordOf(image: OpenImage, view: GenerationView): number {
  const { head } = image;
  const { generation } = view;
  const parts = emptyParts();
  for (const object of view.objects()) {
    parts.objectCount++;
    appendObject(parts.objects, object);
  }
  const out = new GrowingBytes(parts.objects.length + 4096);
  writeRecord(
    out,
    {
      generation,
      parent: view.parent,
      tick: view.tick,
      wallMs: view.wallMs,
      pauseUs: 0,
      flags: recordFlags.clean | recordFlags.forked,
      kernelRecord: view.kernelRecord,
      border: Buffer.from(view.border),
      parentHash: new Uint8Array(32),
      pagesFolded: generation,
      mapGeneration: head.map.generation,
      mapHash: head.map.hash,
    },
    parts,
  );
  const body = Buffer.from(out.used());
  const hash = sha256(body);
  image.begin();
  image.database
    .prepare('INSERT INTO record (generation, since, hash, body) VALUES (?, ?, ?, ?)')
    .run(generation, generation - 1, hash, body);
  head.generation = generation;
  head.recordHash = hash;
  head.pagesFolded = generation;
  head.objectsFolded = generation - 1;
  head.history = { floor: generation, through: generation - 1, rows: emptySum };
  image.headTable.write(head);
  image.commit();
  image.noteRecord(new PackedRecord(body), hash);
  return parts.objectCount;
}

function copyFacts(reader: Database.Database, database: Database.Database, generation: number): void {
  const write = database.prepare('INSERT OR REPLACE INTO image (key, value) VALUES (?, ?)');
  const facts = new Map<string, string>();
  unlessUnreadable(() => {
    const rows = reader.prepare<[], { key: string; value: string }>('SELECT key, value FROM image').all();
    for (const { key, value } of rows) facts.set(key, value);
  });
  const keep = facts.get('keep');
  // The ladder of a damaged image may be none.
  if (keep !== undefined && isLadder(keep)) write.run('keep', keep);
  write.run('forked', JSON.stringify({ image: facts.get('id') ?? '', generation }));
}
