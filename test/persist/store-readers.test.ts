/**
 * A stock client that looks at an image while its machine stops: it is neither waited for nor in the way, and what it
 * leaves beside the image is gone after the next clean stop.
 */
import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DamageError, type Store } from '../../src/persist/store/contract.ts';
import { startStore } from '../../src/persist/store/open.ts';
import { Model, PAGE, tinyLimits } from './store-model.ts';
import { effects, open, runChild, withImage } from './store-tools.ts';

function publish(store: Store, generation: number): void {
  const batch = store.begin(2 * PAGE);
  assert.ok(batch);
  batch.page(7, Buffer.alloc(PAGE, generation), 0);
  batch.publish({
    generation,
    parent: generation - 1,
    tick: BigInt(generation),
    wallMs: generation,
    kernelRecord: new Uint8Array(0),
    border: '{}',
    pauseUs: 0,
    clean: true,
  });
  store.waitForCommit(generation);
}

for (const [what, look] of [
  ['has looked', (reader: Database.Database) => reader.prepare('SELECT * FROM head').all()],
  [
    'is in the middle of looking',
    (reader: Database.Database) => reader.prepare('SELECT * FROM map').iterate().next(),
  ],
] as const) {
  test(`a clean stop beside a client that ${what} is one, and nothing is lost`, async () => {
    await withImage(async (path) => {
      const store = open(path);
      publish(store, 1);
      const reader = new Database(path, { readonly: true });
      look(reader);
      publish(store, 2);
      await store.close();
      assert.not(existsSync(`${path}-side`));
      const again = open(path);
      assert.is(again.head?.generation, 2);
      assert.is(again.head?.clean, true);
      assert.is(again.readPage(7)?.[0], 2);
      publish(again, 3);
      await again.close();
      // The client goes last; the next clean stop leaves one file.
      reader.close();
      const last = open(path);
      assert.is(last.readPage(7)?.[0], 3);
      await last.close();
      assert.not(existsSync(`${path}-wal`));
    });
  });
}

test('what was read before the lock was ours does not count when somebody wrote since', async () => {
  await withImage(async (path) => {
    const end = await runChild({ path, seed: 5, last: 400, crash: 'fold-objects-after:2' });
    assert.is(end.signal, 'SIGKILL');
    const starting = startStore(path, { create: false, durability: 'process', effects, limits: tinyLimits });
    const other = new Database(path);
    const newest = '(SELECT max(generation) FROM record)';
    const { changes } = other
      .prepare(`UPDATE record SET body = zeroblob(length(body)) WHERE generation = ${newest}`)
      .run();
    other.close();
    assert.is(changes, 1, 'there is a newest record');
    assert.throws(
      () => starting.finish(),
      (error: unknown) => error instanceof DamageError,
    );
  });
});

test('a page that takes the place of another in the shadow is written whole, also when the two are alike', async () => {
  await withImage(async (path) => {
    const store = open(path, { limits: { ...tinyLimits, shadowPages: 1 } });
    for (const number of [7, 8, 9]) {
      const batch = store.begin(2 * PAGE);
      assert.ok(batch);
      batch.page(number, Buffer.alloc(PAGE, 3), 0);
      const generation = number - 6;
      batch.publish({ ...new Model(1).header(), generation, parent: generation - 1 });
      store.waitForCommit(generation);
    }
    await store.close();
    const next = open(path);
    for (const number of [7, 8, 9])
      assert.equal(next.readPage(number), Buffer.alloc(PAGE, 3), `page ${number}`);
    await next.close();
  });
});

test.run();
