/**
 * Restore: the head moves back to what a kept generation was, by a new generation; the old line stays as history.
 *
 * Invariants: the new generation is an ordinary commit, all of it or nothing; its parent is the generation that was
 * restored, its content that one's to the last byte; output that had not left is given up, since the sink belongs to the
 * old line. Called by the command line with a store that this process owns and no machine runs.
 */
import { PAGE_SIZE } from '../../base/limits.ts';
import { GrowingBytes } from './bytes.ts';
import type { Store, StoredObject } from './contract.ts';
import { appendObject } from './entries.ts';
import { type History, withHistory } from './history.ts';
import { openReader } from './schema.ts';

export interface Restored {
  /** The new head. */
  readonly generation: number;
  /** What it is again. */
  readonly restored: number;
  readonly pages: number;
  readonly objects: number;
}

/** Commits a generation that is what the one that `choose` names was. Throws StoreError or DamageError. */
export function restoreGeneration(
  store: Store,
  choose: (history: History, database: ReturnType<typeof openReader>) => number,
  wallMs: number,
): Restored {
  const reader = openReader(store.path);
  try {
    return withHistory(reader, (history) => writeBack(store, history, choose(history, reader), wallMs));
  } finally {
    reader.close();
  }
}

function writeBack(store: Store, history: History, restored: number, wallMs: number): Restored {
  const view = history.at(restored);
  const current = history.head.generation;
  const numbers = [...history.changedPages(restored)].sort((a, b) => a - b);
  const objects = objectChanges(history.objects(current), view.objects());
  const bytes = numbers.length * (PAGE_SIZE + 32) + objects.bytes;
  const batch = store.begin(bytes);
  if (batch === null) throw new Error('restore: an idle store has room');
  let pages = 0;
  for (const number of numbers) {
    const found = history.readPage(number, current);
    const before = found === null ? null : Buffer.from(found);
    const now = view.readPage(number);
    if (now === null ? before === null : before?.equals(now) === true) continue;
    pages++;
    if (now === null) batch.pageGone(number);
    else batch.page(number, now, 0);
  }
  for (const address of objects.gone) batch.objectGone(address);
  for (const object of objects.changed) batch.object(object);
  for (const { sink, offset, bytes: data } of history.unconfirmedOutput()) {
    batch.confirmOutput(sink, offset + data.length);
  }
  const generation = current + 1;
  const { tick, kernelRecord, border } = view;
  batch.publish({
    generation,
    parent: restored,
    tick,
    wallMs,
    kernelRecord,
    border,
    pauseUs: 0,
    clean: true,
    restored: true,
  });
  store.waitForCommit(generation);
  return { generation, restored, pages, objects: objects.changed.length + objects.gone.length };
}

/** What must be written and removed so that `before` becomes `after`; `bytes` bounds it from above. */
function objectChanges(before: readonly StoredObject[], after: readonly StoredObject[]) {
  const old = new Map(before.map((object) => [object.address, bytesOf(object)]));
  const changed: StoredObject[] = [];
  let bytes = 0;
  for (const object of after) {
    const now = bytesOf(object);
    if (old.get(object.address)?.equals(now) !== true) {
      changed.push(object);
      bytes += now.length + 64;
    }
    old.delete(object.address);
  }
  return { changed, gone: [...old.keys()], bytes: bytes + old.size * 32 };
}

function bytesOf(object: StoredObject): Buffer {
  const out = new GrowingBytes(256);
  appendObject(out, object);
  return Buffer.from(out.used());
}
