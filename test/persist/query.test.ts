/**
 * I.03: what SQL says of any kept generation is what was recorded, through the lens, by functions and by the tables of the
 * past; also of what is not folded yet. RUNS (2) is the number of random histories.
 */
import type Database from 'better-sqlite3';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Moment } from '../../src/persist/query/moment.ts';
import { lookAt } from '../../src/persist/query/reader.ts';
import { StoreError } from '../../src/persist/store/errors.ts';
import { formatOfNumber, linksToText, stateToText } from '../../src/persist/store/formats.ts';
import { Model, PAGE } from './store-model.ts';
import { open, withImage } from './store-tools.ts';

const runs = Number(process.env.RUNS ?? 2);

interface ObjectRow {
  readonly address: number;
  readonly type: string;
  readonly state: string;
  readonly links: string;
}

function expectedObjects(model: Model): ObjectRow[] {
  const objects = [...model.objects.values()].sort((a, b) => a.address - b.address);
  return objects.map(({ address, type, state, links }) => {
    const format = formatOfNumber(type);
    return {
      address,
      type: format.name,
      state: stateToText(format, state),
      links: linksToText(format, links),
    };
  });
}

function expectedPages(model: Model): number[] {
  const zeros = Buffer.alloc(PAGE);
  const numbers = [...model.pages].filter(([, page]) => !page.equals(zeros)).map(([number]) => number);
  return numbers.sort((a, b) => a - b);
}

const objectsOf = (database: Database.Database, table = 'object'): unknown[] =>
  database.prepare(`SELECT address, type, state, links FROM ${table} ORDER BY address`).all();

/** The moment says of everything what the model says. */
function compare({ rows, generation }: Moment, model: Model): void {
  const words = `generation ${generation}`;
  assert.equal(objectsOf(rows), expectedObjects(model), words);
  assert.equal(
    rows.prepare('SELECT number FROM page ORDER BY number').pluck().all(),
    expectedPages(model),
    words,
  );
  for (const number of expectedPages(model).filter((_, i) => i % 5 === 0)) {
    const page = rows.prepare('SELECT page_content(?)').pluck().get(number) as Buffer;
    assert.ok(page.equals(model.pages.get(number) as Buffer), `page ${number} of ${words}`);
  }
  const newest = rows.prepare('SELECT max(generation) FROM checkpoint').pluck().get();
  assert.is(newest, generation);
  const journal = rows
    .prepare('SELECT kind, data FROM journal WHERE generation = ? ORDER BY sequence')
    .all(generation);
  assert.equal(
    journal,
    model.journal.map(({ kind, data }) => ({ kind, data })),
    words,
  );
}

/** What the tables of differences must say, from two models. */
function differentObjects(first: Model, second: Model): number[] {
  // Another serial is another object, however alike they are.
  const texts = (model: Model) =>
    new Map(
      expectedObjects(model).map((row) => [
        row.address,
        `${model.objects.get(row.address)?.serial} ${JSON.stringify(row)}`,
      ]),
    );
  const [before, after] = [texts(first), texts(second)];
  const addresses = new Set([...before.keys(), ...after.keys()]);
  return [...addresses].filter((address) => before.get(address) !== after.get(address)).sort((a, b) => a - b);
}

function differentPages(first: Model, second: Model): number[] {
  const zeros = Buffer.alloc(PAGE);
  const numbers = new Set([...first.pages.keys(), ...second.pages.keys()]);
  const isDifferent = (number: number): boolean =>
    !(first.pages.get(number) ?? zeros).equals(second.pages.get(number) ?? zeros);
  return [...numbers].filter(isDifferent).sort((a, b) => a - b);
}

test('SQL about any kept generation says what was recorded, folded or not, with a writer at work', async () => {
  const property = fc.asyncProperty(
    fc.integer({ min: 1, max: 1_000_000 }),
    fc.integer({ min: 3, max: 90 }),
    fc.boolean(),
    (seed, count, isClosed) =>
      withImage(async (path) => {
        const store = open(path, { keep: 'all:1h,size:1G' });
        const model = new Model(seed);
        for (let i = 0; i < count; i++) {
          model.advance(store);
          if (i % 9 === 0) await new Promise((done) => setTimeout(done, 3));
        }
        store.waitForCommit(count);
        if (isClosed) await store.close();
        const asked = [null, '1', String(Math.ceil(count / 2)), 'HEAD~1', 'HEAD'];
        for (const when of asked) {
          lookAt(path, when, (moment) => compare(moment, Model.at(seed, moment.generation)));
        }
        lookAt(path, null, ({ rows }) => {
          const middle = Math.ceil(count / 2);
          const past = Model.at(seed, middle);
          assert.equal(objectsOf(rows, `object_at(${middle})`), expectedObjects(past));
          for (const [a, b] of [
            [middle, count],
            [count, middle],
            [1, middle],
          ] as const) {
            const [first, second] = [Model.at(seed, a), Model.at(seed, b)];
            const objects = rows
              .prepare('SELECT DISTINCT address FROM object_difference(?, ?)')
              .pluck()
              .all(a, b);
            assert.equal(objects, differentObjects(first, second), `objects from ${a} to ${b}`);
            const pages = rows.prepare('SELECT number FROM page_difference(?, ?)').pluck().all(a, b);
            assert.equal(pages, differentPages(first, second), `pages from ${a} to ${b}`);
          }
        });
      }),
  );
  await fc.assert(property, { numRuns: runs, includeErrorInReport: true });
});

test('a WHEN that names nothing says what there is, and nothing is left open', async () => {
  await withImage(async (path) => {
    const store = open(path);
    const model = new Model(5);
    for (let i = 0; i < 3; i++) model.advance(store);
    store.waitForCommit(3);
    for (const when of ['77', 'HEAD~99', 'no such tag', '1999-01-01T00:00:00Z', '2000-99-99'])
      assert.throws(
        () => lookAt(path, when, () => undefined),
        (error: unknown) => error instanceof StoreError,
      );
    assert.is(
      lookAt(path, null, ({ generation }) => generation),
      3,
    );
    await store.close();
  });
});

test.run();
