/**
 * Deaths of the process: at every labelled point of the store's work, at random moments, twice in a row. What is reopened
 * is the newest acknowledged generation or a newer one, whole.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { mainPhases, workerPhases } from '../../src/persist/store/phases.ts';
import { Model } from './store-model.ts';
import { type ChildEnd, open, runChild, withImage } from './store-tools.ts';

const seed = Number(process.env.PERDURE_SEED ?? 1);
const repeat = `repeat with PERDURE_SEED=${seed}`;
/** Generations of a life: few when it is to end cleanly, more than it will reach when it is to die on the way. */
const LAST_WHEN_CLOSING = 12;
const LAST = 1000;

/** Opens what a dead child left and compares it with the model; returns the generation it was at. */
async function checkLeft(path: string, end: ChildEnd, what: string): Promise<number> {
  assert.is(end.errors, '', `${what}: ${repeat}`);
  const store = open(path);
  const generation = store.head?.generation ?? 0;
  assert.ok(
    generation >= end.acknowledged,
    `${what}: ${generation} < acknowledged ${end.acknowledged}; ${repeat}`,
  );
  assert.ok(
    generation <= end.published + 1,
    `${what}: ${generation} > published ${end.published}; ${repeat}`,
  );
  const wrong = generation === 0 ? [] : Model.at(seed, generation).differencesAtOpening(store);
  assert.equal(wrong, [], `${what}: ${repeat}`);
  await store.close();
  return generation;
}

const labels = [...Object.keys(mainPhases), ...Object.keys(workerPhases)];
/** Points that are passed once in the life of a process, or too seldom for a short one. */
const once = /^(copy|open|verify|load-|close-|thin-|log-)/;

test('a process killed at any labelled point leaves the newest acknowledged generation or a newer one', async () => {
  for (const [i, label] of labels.entries()) {
    await withImage(async (path) => {
      const visit = once.test(label) ? 1 : 1 + (i % 3);
      const last = label.startsWith('close-') ? LAST_WHEN_CLOSING : LAST;
      // Something must be thinned: generations of the model are a millisecond apart.
      const keep = label.startsWith('thin-') ? 'all:5ms,2ms:10ms,size:1M' : '';
      const end = await runChild({ path, seed, last, crash: `${label}:${visit}`, keep });
      assert.is(end.signal, 'SIGKILL', `${label}:${visit} was visited; ${repeat}`);
      await checkLeft(path, end, label);
    });
  }
});

test('a second death during recovery changes nothing', async () => {
  for (const label of [
    'open-locked',
    'verify',
    'load-objects',
    'open-life',
    'fold-objects-commit',
    'log-before',
  ]) {
    await withImage(async (path) => {
      const first = await runChild({ path, seed, last: 400, crash: 'commit-before:30' });
      assert.is(first.signal, 'SIGKILL');
      const second = await runChild({ path, seed, last: 400, crash: `${label}:1` });
      assert.is(second.signal, 'SIGKILL', label);
      const acknowledged = Math.max(first.acknowledged, second.acknowledged);
      const published = Math.max(first.published, second.published);
      await checkLeft(path, { ...second, acknowledged, published }, `second death at ${label}`);
    });
  }
});

test('killed from outside again and again, it goes on from where it was', async () => {
  for (const durability of ['process', 'power']) {
    await withImage(async (path) => {
      let before = 0;
      // A busy machine may not come to its first commit within a life.
      for (let i = 0; i < 3 || (before <= 2 && i < 20); i++) {
        const end = await runChild({
          path,
          seed,
          last: 100_000,
          killAfterMs: 20 + ((seed * 37 + i * 53) % 90),
          durability,
        });
        assert.is(end.signal, 'SIGKILL');
        assert.ok(end.acknowledged >= before, 'nothing acknowledged earlier was lost');
        before = await checkLeft(path, end, `kill ${i}`);
      }
      assert.ok(before > 2, 'it went on');
    });
  }
});

test.run();
