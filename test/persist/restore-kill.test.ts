/**
 * A restore that is killed on its way has happened or has not: the image is what it was, or what it was put back to.
 */
import { spawn } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { workerPhases } from '../../src/persist/store/phases.ts';
import { Model } from './store-model.ts';
import { open, withImage } from './store-tools.ts';

const seed = Number(process.env.PERDURE_SEED ?? 4);
const LAST = 24;
const BACK = 9;
const script = fileURLToPath(new URL('./restore-child.ts', import.meta.url));

/** Whether the restore has happened when the process dies there. */
const deaths = [
  ['commit-begin', false],
  ['commit-before', false],
  ['commit-after', true],
  ['commit-side', true],
  ['fold-pages-commit', true],
  ['close-marked', true],
] as const satisfies readonly (readonly [keyof typeof workerPhases, boolean])[];

test('a kill during restore leaves the head as it was, or put back, and never a part of it', async () => {
  await withImage(async (path) => {
    const store = open(path);
    const model = new Model(seed);
    while (model.generation < LAST) {
      model.advance(store);
      store.waitForCommit(model.generation);
    }
    await store.close();
    for (const [label, isDone] of deaths) {
      const copy = `${path}.copy`;
      copyFileSync(path, copy);
      const child = spawn(process.execPath, [script, copy, String(BACK), label]);
      const signal = await new Promise((done) => child.on('close', (_, by) => done(by)));
      const what = `${label}; repeat with PERDURE_SEED=${seed}`;
      assert.is(signal, 'SIGKILL', what);
      const again = open(copy);
      assert.is(again.head?.generation, isDone ? LAST + 1 : LAST, what);
      assert.is(again.head?.origin, isDone ? 'restored' : undefined, what);
      const wrong = isDone
        ? Model.at(seed, BACK).differencesOfState(again)
        : Model.at(seed, LAST).differencesAtOpening(again);
      assert.equal(wrong, [], what);
      await again.close();
      for (const part of ['', '-wal', '-shm', '-side']) rmSync(copy + part, { force: true });
    }
  });
});

test.run();
