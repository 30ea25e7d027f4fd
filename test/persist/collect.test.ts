/**
 * I.06, I.09: over random histories with restores, tags and other lives, `gc` deletes what it said it would, and no generation
 * that is kept answers differently; a tagged one is always kept. RUNS (2) is the number of random histories.
 */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { planCollection } from '../../src/persist/store/collect.ts';
import { withHistory } from '../../src/persist/store/history.ts';
import { abandonedOf } from '../../src/persist/store/keep.ts';
import { byAge, parseLadder } from '../../src/persist/store/ladder.ts';
import { restoreGeneration } from '../../src/persist/store/rewind.ts';
import { openReader } from '../../src/persist/store/schema.ts';
import type { OpenStore } from '../../src/persist/store/store.ts';
import { addTag, deleteTag, isTagName, readTags } from '../../src/persist/store/tags.ts';
import { Model } from './store-model.ts';
import { open, withImage } from './store-tools.ts';

const runs = Number(process.env.RUNS ?? 2);

/** What a generation was, by the line it lies on: the model of the newest one goes on from where a restore went back to. */
type Past = Map<number, Model>;

function copyOf(model: Model): Model {
  const copy = new Model(model.seed);
  copy.generation = model.generation;
  copy.outputTaken = model.outputTaken;
  copy.confirmed = model.confirmed;
  for (const [number, page] of model.pages) copy.pages.set(number, page);
  for (const [address, object] of model.objects) copy.objects.set(address, object);
  return copy;
}

function look<T>(path: string, work: (...found: Parameters<Parameters<typeof withHistory>[1]>) => T): T {
  const reader = openReader(path);
  try {
    return withHistory(reader, work);
  } finally {
    reader.close();
  }
}

/** Every kept generation is what it was; returns them. */
function compareAll(path: string, past: Past): number[] {
  return look(path, (history) => {
    for (const generation of history.generations()) {
      const view = history.at(generation);
      // Generations that a restore made are compared with what they went back to, but for the facts, which are their own.
      const wrong = (past.get(generation) as Model)
        .differencesOfView(view)
        .filter((words) => words !== 'the facts differ');
      assert.equal(wrong, [], `generation ${generation} of ${history.generations().join(' ')}`);
    }
    return history.generations();
  });
}

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('advance' as const), count: fc.integer({ min: 1, max: 15 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('restore' as const, 'tag' as const, 'untag' as const),
      which: fc.integer({ min: 0, max: 1000 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('reopen' as const, 'fold' as const) }) },
);

/** A history on one image, with what each generation was. */
class Life {
  readonly path: string;
  store: OpenStore;
  model: Model;
  readonly past: Past = new Map();
  readonly tags = new Map<string, number>();
  keep: string;

  constructor(path: string, seed: number, keep: string) {
    this.path = path;
    this.keep = keep;
    this.store = open(path, { keep });
    this.model = new Model(seed);
  }

  advance(count: number): void {
    for (let i = 0; i < count; i++) {
      this.model.advance(this.store);
      this.past.set(this.model.generation, copyOf(this.model));
    }
    this.store.waitForCommit(this.model.generation);
  }

  kept(): number[] {
    return look(this.path, (history) => history.generations());
  }

  restore(which: number): void {
    const kept = this.kept();
    const chosen = kept[which % kept.length] as number;
    const made = restoreGeneration(this.store, () => chosen, 1_700_000_000_000 + this.model.generation + 1);
    this.model = copyOf(this.past.get(chosen) as Model);
    this.model.generation = made.generation;
    this.model.confirmed = this.model.outputTaken;
    this.past.set(made.generation, copyOf(this.past.get(chosen) as Model));
  }

  async reopen(): Promise<void> {
    await this.store.close();
    this.store = open(this.path, { keep: this.keep });
  }
}

test('gc deletes what it said, and changes no answer of what it keeps, over random histories', async () => {
  const property = fc.asyncProperty(
    fc.integer({ min: 1, max: 1_000_000 }),
    fc.array(step, { minLength: 4, maxLength: 10 }),
    fc.constantFrom('all:1h,size:1G', 'all:12ms,4ms:40ms,20ms:200ms,size:10M'),
    fc.constantFrom(null, 'none', '10ms:1h'),
    (seed, steps, keep, collected) =>
      withImage(async (path) => {
        const life = new Life(path, seed, keep);
        life.advance(3);
        for (const todo of steps) {
          if (todo.kind === 'advance') life.advance(todo.count);
          else if (todo.kind === 'restore') {
            // The store's own view of what it wrote has no place for another line: a life of its own, as of the verb.
            await life.reopen();
            life.restore(todo.which);
            await life.reopen();
          } else if (todo.kind === 'tag') {
            const kept = life.kept();
            const tag = {
              name: `t${life.tags.size}-${todo.which}`,
              generation: kept[todo.which % kept.length] as number,
            };
            addTag(path, { ...tag, createdMs: 1, message: 'why' });
            life.tags.set(tag.name, tag.generation);
          } else if (todo.kind === 'untag') {
            const [name, generation] = [...life.tags][todo.which % Math.max(1, life.tags.size)] ?? [];
            if (name === undefined) continue;
            assert.is(deleteTag(path, name), generation);
            life.tags.delete(name);
          } else if (todo.kind === 'fold') life.store.imageHash();
          else await life.reopen();
        }
        await life.reopen();
        const hash = life.store.imageHash();
        const ladder = byAge(parseLadder(collected ?? keep));
        const plan = look(path, (history) => {
          const reader = openReader(path);
          try {
            return planCollection(reader, history, ladder);
          } finally {
            reader.close();
          }
        });
        const before = life.kept();
        life.store.collect(ladder, plan.abandoned);
        assert.is(life.store.imageHash(), hash, 'the head is the same');
        await life.store.close();
        const kept = compareAll(path, life.past);
        assert.equal(kept, plan.kept, `of ${before.join(' ')} stays what was said`);
        assert.equal(
          [...plan.gone, ...kept].sort((a, b) => a - b),
          before,
        );
        for (const [name, generation] of life.tags)
          assert.ok(kept.includes(generation), `tag ${name}: ${generation}`);
        const newest = [...life.tags.values()].sort((a, b) => a - b);
        look(path, () => undefined);
        const reader = openReader(path);
        assert.equal(
          readTags(reader).map(({ generation }) => generation),
          newest,
        );
        assert.is(reader.pragma('freelist_count', { simple: true }), 0, 'the file has no free pages');
        assert.is(reader.pragma('integrity_check', { simple: true }), 'ok');
        reader.close();
        // And it runs on.
        life.store = open(path, { keep });
        assert.is(life.store.imageHash(), hash);
        life.advance(9);
        await life.store.close();
        compareAll(path, life.past);
      }),
  );
  await fc.assert(property, { numRuns: runs, includeErrorInReport: true });
});

test('a line that a restore left is what neither came before nor after it', () => {
  const plain = (generation: number, parent = generation - 1, since = generation - 1) => ({
    generation,
    since,
    parent,
  });
  assert.equal([...abandonedOf([plain(1), plain(2), plain(3)])], []);
  // 4 and 5 were left for 3; and again 6 and 7, which had gone on from 3.
  const twice = [1, 2, 3, 4, 5].map((generation) => plain(generation));
  assert.equal([...abandonedOf([...twice, plain(6, 3), plain(7)])].sort(), [4, 5]);
  assert.equal([...abandonedOf([...twice, plain(6, 3), plain(7), plain(8, 2)])].sort(), [3, 4, 5, 6, 7]);
  // Thinned: 7 holds 6 and 7, and 5 what was 3 to 5.
  assert.equal([...abandonedOf([plain(1), plain(2), plain(5, 4, 2), plain(7, 2, 5), plain(8)])], [5]);
});

test('a generation that was tagged while history is thinned stays, and answers as before', async () => {
  await withImage(async (path) => {
    const life = new Life(path, 21, 'all:3ms,2ms:8ms,4ms:30ms,size:0');
    const merged = (): number => life.store.statistics().recordsMerged ?? 0;
    let tagged = 0;
    // Until there was something to thin, however fast this machine is.
    for (let i = 0; i < 60 || (merged() < 40 && i < 2000); i++) {
      life.advance(2);
      await new Promise((done) => setTimeout(done, i % 3));
      // Any generation that may still be there, while the worker merges what lies around it.
      const generation = Math.max(1, life.model.generation - (i % 50));
      try {
        addTag(path, { name: `t${i}`, generation, createdMs: 1, message: '' });
        life.tags.set(`t${i}`, generation);
        tagged++;
      } catch (error) {
        assert.match((error as Error).message, /is not kept any more/);
      }
      if (i % 3 === 2)
        for (const [name] of [...life.tags].slice(0, 2)) life.tags.delete(name) && deleteTag(path, name);
    }
    await life.store.close();
    const kept = compareAll(path, life.past);
    for (const [name, generation] of life.tags)
      assert.ok(kept.includes(generation), `${name} is ${generation}`);
    assert.ok(tagged > 5, `${tagged} tags`);
  });
});

test('a tag is a name that can mean nothing else', () => {
  for (const name of ['good', 'v1.0', 'before/upgrade', 'a-b_c+d']) assert.ok(isTagName(name), name);
  for (const name of [
    '',
    '12',
    'HEAD',
    'head',
    'HEAD~1',
    '2026-11-24',
    'a b',
    'a@b',
    '-d',
    'ä',
    'x'.repeat(101),
  ])
    assert.not.ok(isTagName(name), name);
});

test.run();
