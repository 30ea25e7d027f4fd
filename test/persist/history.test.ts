/**
 * P.05: every kept generation answers what was recorded, whatever was folded, thinned, killed and reopened meanwhile.
 * RUNS (3) is the number of random histories; `npm run history` makes many.
 */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Store } from '../../src/persist/store/contract.ts';
import { fork } from '../../src/persist/store/fork.ts';
import { withHistory } from '../../src/persist/store/history.ts';
import { bucketOf, EACH, LadderError, parseLadder, TOO_OLD } from '../../src/persist/store/ladder.ts';
import { restoreGeneration } from '../../src/persist/store/rewind.ts';
import { openReader } from '../../src/persist/store/schema.ts';
import { addTag } from '../../src/persist/store/tags.ts';
import { Model, tinyLimits } from './store-model.ts';
import { effects, open, runChild, withImage } from './store-tools.ts';

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

const runs = Number(process.env.RUNS ?? 3);

/** A model's generation is taken a millisecond after the one before: so this ladder thins within a short test. */
const shortLadder = 'all:12ms,4ms:40ms,20ms:200ms,size:10M';

/** What each generation was: pages are replaced by the model, never changed, so a copy of the map is enough. */
function snapshot(model: Model): Model {
  const copy = new Model(model.seed);
  copy.generation = model.generation;
  copy.outputTaken = model.outputTaken;
  copy.confirmed = model.confirmed;
  for (const [number, page] of model.pages) copy.pages.set(number, page);
  for (const [address, object] of model.objects) copy.objects.set(address, object);
  return copy;
}

/** Generations compared of a long history: these from the oldest on, evenly, and the newest. */
const COMPARED = 14;

/** Compares kept generations with what they were; returns all kept ones. */
function compareAll(
  path: string,
  at: (generation: number) => Model,
  last = Number.POSITIVE_INFINITY,
): number[] {
  const reader = openReader(path);
  try {
    return withHistory(reader, (history) => {
      const kept = history.generations().filter((generation) => generation <= last);
      const spacing = Math.ceil(kept.length / COMPARED);
      for (const generation of kept.filter((_, i) => i % spacing === 0 || i === kept.length - 1)) {
        const wrong = at(generation).differencesOfView(history.at(generation));
        assert.equal(wrong, [], `generation ${generation} of ${kept.join(' ')}`);
      }
      return kept;
    });
  } finally {
    reader.close();
  }
}

test('every kept generation answers what was recorded, over folds, thinning and reopening', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('advance' as const), count: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 60 }) }),
    fc.record({ kind: fc.constantFrom('compare' as const, 'reopen' as const, 'fold' as const) }),
  );
  const property = fc.asyncProperty(
    fc.integer({ min: 1, max: 1_000_000 }),
    fc.array(step, { minLength: 4, maxLength: 12 }),
    fc.constantFrom(shortLadder, 'all:1h,size:1G', '3ms:1s,size:200K', 'none'),
    (seed, steps, keep) =>
      withImage(async (path) => {
        let store = open(path, { keep });
        const model = new Model(seed);
        const past = new Map<number, Model>();
        const at = (generation: number): Model => past.get(generation) as Model;
        for (const todo of steps) {
          if (todo.kind === 'advance') {
            for (let i = 0; i < todo.count; i++) {
              model.advance(store);
              past.set(model.generation, snapshot(model));
              if (i % 7 === 0) await pause(1);
            }
          } else if (todo.kind === 'wait') await pause(todo.ms);
          else if (todo.kind === 'fold') store.imageHash();
          else if (todo.kind === 'compare') {
            store.waitForCommit(model.generation);
            const kept = compareAll(path, at);
            if (model.generation > 0) assert.is(kept.at(-1), model.generation, 'the newest is always kept');
          } else {
            await store.close();
            store = open(path, { keep });
            if (model.generation > 0) assert.equal(model.differencesAtOpening(store), []);
          }
        }
        await store.close();
        compareAll(path, at);
      }),
  );
  await fc.assert(property, { numRuns: runs });
});

test('a process killed while it folds or thins leaves every kept generation readable', async () => {
  const seed = 3;
  for (const crash of ['thin-commit:2', 'thin-after:3', 'fold-pages-commit:2', 'fold-objects-after:2']) {
    await withImage(async (path) => {
      for (let life = 0; life < (runs > 3 ? 3 : 1); life++) {
        const end = await runChild({ path, seed, last: 100_000, crash, keep: shortLadder });
        assert.is(end.signal, 'SIGKILL', crash);
        const kept = compareAll(path, (generation) => Model.at(seed, generation));
        assert.ok(kept.length > 1, 'there is history');
      }
    });
  }
});

async function fill(store: Store, model: Model, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    model.advance(store);
    if (i % 5 === 0) await pause(2);
  }
  store.waitForCommit(model.generation);
  store.imageHash();
}

test('history and file stay within the size bound, whatever runs', async () => {
  await withImage(async (path) => {
    const bound = 400 * 1024;
    const store = open(path, {
      keep: `all:1h,size:${bound}`,
      limits: { ...tinyLimits, logBytes: 64 * 1024 },
    });
    const model = new Model(11);
    let most = 0;
    for (let round = 0; round < 5; round++) {
      await fill(store, model, 60);
      await pause(120);
      const { historyBytes = 0 } = store.statistics();
      const slack = 4 * (tinyLimits.pageFoldBytes ?? 0);
      assert.ok(historyBytes <= bound + slack, `round ${round}: history takes ${historyBytes} bytes`);
      const reader = openReader(path);
      const stored = reader
        .prepare(
          'SELECT (SELECT sum(length(body)) FROM record) + (SELECT coalesce(sum(length(body)), 0) FROM reverse)',
        )
        .pluck()
        .get() as number;
      assert.ok(stored <= bound + slack, `round ${round}: ${stored} bytes of rows`);
      const kept = withHistory(reader, (history) => history.generations());
      most = Math.max(most, kept.length);
      reader.close();
    }
    assert.ok(most > 1, `and there is history: at most ${most} generations`);
    await store.close();
  });
});

test('the ladder keeps what it says', async () => {
  await withImage(async (path) => {
    const store = open(path, { keep: 'all:20ms,10ms:100ms,100ms:1s,size:1G' });
    const model = new Model(2);
    await fill(store, model, 300);
    await pause(400);
    const now = model.generation;
    const kept = compareAll(path, (generation) => Model.at(2, generation));
    await store.close();
    const each = (from: number, to: number) => kept.filter((g) => g > from && g <= to).length;
    assert.is(each(now - 20, now), 20, 'each of the last twenty');
    assert.ok(
      each(now - 80, now - 30) >= 5 && each(now - 80, now - 30) <= 8,
      `then one in ten: ${kept.join(' ')}`,
    );
    const old = each(0, now - 200);
    assert.ok(old >= 2 && old <= 4, `then one in a hundred: ${kept.join(' ')}`);
  });
});

test('a tagged generation is kept whatever the ladder and the size say', async () => {
  await withImage(async (path) => {
    const store = open(path, { keep: 'all:1h,size:1G' });
    const model = new Model(6);
    await fill(store, model, 30);
    await store.close();
    addTag(path, { name: 'good', generation: 17, createdMs: 1, message: '' });
    const again = open(path, { keep: 'all:5ms,size:0' });
    await fill(again, model, 60);
    await pause(200);
    await fill(again, model, 10);
    await pause(200);
    const kept = compareAll(path, (generation) => Model.at(6, generation));
    await again.close();
    assert.ok(kept.includes(17), `17 is among ${kept.join(' ')}`);
    assert.ok(kept.length < 60, `and others are not: ${kept.join(' ')}`);
  });
});

test('a damaged row of history is named when it is read, and the head runs on', async () => {
  await withImage(async (path) => {
    const store = open(path, { keep: 'all:1h,size:1G' });
    const model = new Model(8);
    await fill(store, model, 60);
    await store.close();
    const { default: Database } = await import('better-sqlite3');
    const damage = (sql: string): void => {
      const writer = new Database(path);
      assert.is(writer.prepare(sql).run().changes > 0, true, sql);
      writer.close();
    };
    const flip = `CAST(substr(body, 1, 400) || x'77' || substr(body, 402) AS BLOB)`;
    const finder = openReader(path);
    const hit = finder
      .prepare('SELECT min(generation) FROM record WHERE generation > 19 AND length(body) > 500')
      .pluck()
      .get() as number;
    finder.close();
    const readAll = (generation: number): void => {
      const reader = openReader(path);
      try {
        withHistory(reader, (history) => {
          const view = history.at(generation);
          for (const number of view.pageNumbers()) view.readPage(number);
          view.objects();
        });
      } finally {
        reader.close();
      }
    };
    damage(`UPDATE reverse SET body = ${flip} WHERE length(body) > 500`);
    assert.throws(() => readAll(1), /row \d+ of history .* does not match its hash/);
    damage(`UPDATE record SET body = ${flip} WHERE generation = ${hit}`);
    assert.throws(() => readAll(hit), /history record of generations \d+ to \d+ does not match its hash/);
    const again = open(path, { keep: shortLadder });
    assert.equal(model.differencesAtOpening(again), []);
    await fill(again, model, 40);
    await again.close();
    damage('DELETE FROM reverse WHERE id = (SELECT min(id) FROM reverse)');
    assert.throws(() => readAll(model.generation), /history has \d+ rows, the head knows \d+/);
    const last = open(path);
    assert.equal(model.differencesAtOpening(last), []);
    await last.close();
  });
});

test('a fork is the generation it was made from, beside a running owner; a restore is it again', async () => {
  for (const seed of [4]) {
    await withImage(async (path) => {
      let store = open(path, { keep: 'all:1h,size:1G' });
      const model = new Model(seed);
      for (let i = 0; i < 3; i++) model.advance(store);
      store.waitForCommit(model.generation);
      // Nothing is folded yet: all pages are in records only.
      fork(path, () => 2, `${path}.early`, effects);
      const early = open(`${path}.early`);
      assert.equal(Model.at(seed, 2).differencesOfState(early), []);
      await early.close();
      await fill(store, model, 47);
      for (let i = 0; i < 9; i++) model.advance(store);
      store.waitForCommit(model.generation);
      for (const generation of [1, 23, 55, 59]) {
        const copy = `${path}.${generation}`;
        assert.is(fork(path, () => generation, copy, effects).generation, generation);
        const forked = open(copy);
        assert.is(forked.head?.origin, 'forked');
        assert.equal(forked.head?.unconfirmedOutput, []);
        const past = Model.at(seed, generation);
        assert.equal(past.differencesOfState(forked), []);
        past.advance(forked);
        forked.waitForCommit(past.generation);
        assert.equal(past.differences(forked), []);
        await forked.close();
      }
      assert.throws(() => fork(path, () => 7, `${path}.1`, effects), /exists already/);
      assert.throws(() => fork(path, () => 700, `${path}.x`, effects), /generation 700 is not kept/);
      const hash = store.imageHash();
      for (const generation of [20, 59, 3]) {
        const made = restoreGeneration(store, () => generation, 1_700_000_000_500);
        await store.close();
        store = open(path);
        assert.is(store.head?.generation, made.generation);
        assert.is(store.head?.origin, 'restored');
        assert.equal(store.head?.unconfirmedOutput, []);
        assert.equal(Model.at(seed, generation).differencesOfState(store), []);
        if (generation === 59) assert.is(store.imageHash(), hash, 'to the last byte');
      }
      await store.close();
      compareAll(path, (generation) => Model.at(seed, generation), 59);
    });
  }
});

test('ladders are read as they are written down, and others are refused', () => {
  assert.equal(parseLadder('all:10s,1m:1h,size:2M'), {
    steps: [
      { spacingMs: 0, ageMs: 10_000 },
      { spacingMs: 60_000, ageMs: 3_600_000 },
    ],
    sizeBytes: 2 * 1024 * 1024,
  });
  assert.is(parseLadder('none').steps.length, 0);
  for (const text of [
    '',
    'all',
    'all:x',
    '1s:1m,1s:2m',
    '1m:1h,1s:2h',
    'size:1X',
    'size:1,size:2',
    'all:1s:2s',
  ]) {
    assert.throws(
      () => parseLadder(text),
      (error: unknown) => error instanceof LadderError,
      text,
    );
  }
  const ladder = parseLadder('all:10s,1s:1m,size:1G');
  assert.is(bucketOf(ladder, 95_000, 100_000), EACH);
  assert.is(bucketOf(ladder, 40_000, 100_000), TOO_OLD);
  assert.is(bucketOf(ladder, 70_001, 100_000), bucketOf(ladder, 70_999, 100_000));
});

test.run();
