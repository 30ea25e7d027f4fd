/**
 * The store against its model: what was written is what is read, in flight, in records and folded, over any reopening.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openStore } from '../../src/persist/store/open.ts';
import type { OpenStore } from '../../src/persist/store/store.ts';
import { Model, PAGE, tinyLimits } from './store-model.ts';
import { effects, open, withImage } from './store-tools.ts';

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** What a run does with the store, one after another. */
type Step =
  | { readonly kind: 'advance'; readonly count: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'compare' | 'reopen' | 'hash' };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ kind: fc.constant('advance' as const), count: fc.integer({ min: 1, max: 25 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 60 }) }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('compare' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('hash' as const) }) },
  ),
  { minLength: 3, maxLength: 10 },
);

async function reopened(store: OpenStore, model: Model): Promise<OpenStore> {
  await store.close();
  assert.equal(readdirSync(dirname(store.path)), ['image.db'], 'a clean stop leaves one file');
  const next = open(store.path);
  if (model.generation > 0) assert.equal(model.differencesAtOpening(next), []);
  return next;
}

test('whatever is written, read, folded and reopened, every page and object is as the model has it', async () => {
  const property = fc.asyncProperty(fc.integer({ min: 1, max: 1_000_000 }), steps, (seed, list) =>
    withImage(async (path) => {
      let store = open(path);
      const model = new Model(seed);
      const told: number[] = [];
      store.onCommit((generation) => told.push(generation));
      for (const step of list) {
        if (step.kind === 'advance') for (let i = 0; i < step.count; i++) model.advance(store);
        else if (step.kind === 'wait') await pause(step.ms);
        else if (step.kind === 'compare') assert.equal(model.differences(store), []);
        else if (step.kind === 'hash') assert.is(store.imageHash(), store.imageHash());
        else store = await reopened(store, model);
      }
      store.waitForCommit(model.generation);
      assert.is(store.committed, model.generation);
      store = await reopened(store, model);
      await store.close();
      assert.equal(
        told,
        [...new Set(told)].sort((a, b) => a - b),
        'commits are told in order, once',
      );
    }),
  );
  await fc.assert(property, { numRuns: 8 });
});

test('the image hash is a function of the state, not of how it was written', async () => {
  const hashes: string[] = [];
  for (const variant of [0, 1]) {
    const hash = await withImage(async (path) => {
      let store = open(path, variant === 0 ? {} : { limits: {} });
      const model = new Model(5);
      while (model.generation < 40) {
        model.advance(store);
        if (variant === 1 && model.generation % 13 === 0) store = await reopened(store, model);
        if (variant === 0 && model.generation % 9 === 0) await pause(10);
      }
      const hash = store.imageHash();
      await store.close();
      const again = open(path);
      assert.is(again.imageHash(), hash, 'a second process computes the same');
      model.advance(again);
      assert.is.not(again.imageHash(), hash, 'another state has another hash');
      await again.close();
      return hash;
    });
    hashes.push(hash);
  }
  assert.is(hashes[0], hashes[1]);
});

test('a link to a destroyed object counts as null in the image hash, a page of zeros as absent', async () => {
  const hashOf = (serial: bigint, hasTarget: boolean, hasZeros: boolean): Promise<string> =>
    withImage(async (path) => {
      const store = open(path);
      const batch = store.begin(0);
      assert.ok(batch);
      const link = serial === 0n ? null : { address: 96, serial };
      batch.object({ address: 64, type: 5, serial: 3n, state: new Uint8Array(24), links: [link] });
      if (hasTarget) batch.object({ address: 96, type: 6, serial: 7n, state: new Uint8Array(16), links: [] });
      if (hasZeros) batch.page(17, new Uint8Array(PAGE), 0);
      const model = new Model(1);
      batch.publish({ ...model.header(), generation: 1, parent: 0 });
      const hash = store.imageHash();
      await store.close();
      return hash;
    });
  assert.is(await hashOf(7n, false, false), await hashOf(0n, false, true));
  assert.is.not(await hashOf(7n, true, false), await hashOf(0n, true, false));
  assert.is(await hashOf(8n, true, false), await hashOf(0n, true, false));
});

test('a full ring is told as back-pressure, and nothing in it is lost', async () => {
  await withImage(async (path) => {
    const store = open(path, { limits: { ...tinyLimits, batchesMax: 3 } });
    const model = new Model(9);
    let refused = 0;
    while (model.generation < 150) {
      model.step();
      for (;;) {
        const batch = store.begin(model.changedBytes());
        if (batch !== null) {
          model.fill(batch);
          break;
        }
        refused++;
        store.waitForCommit(Math.min(store.committed + 1, model.generation - 1));
      }
    }
    assert.ok(refused > 0, 'the ring was full now and then');
    assert.equal(model.differences(store), []);
    await (await reopened(store, model)).close();
  });
});

test('a batch many times larger than the ring is one checkpoint, readable at once', async () => {
  await withImage(async (path) => {
    const store = open(path);
    const pages = Array.from({ length: 1000 }, (_, i) => Buffer.alloc(PAGE, `page ${i} `));
    const batch = store.begin(pages.length * PAGE);
    assert.ok(batch);
    pages.forEach((page, i) => {
      batch.page(0x40_1000 + i, page, 0);
    });
    batch.publish({ ...new Model(1).header(), generation: 1, parent: 0 });
    pages.forEach((page, i) => {
      assert.equal(Buffer.compare(store.readPage(0x40_1000 + i) as Uint8Array, page), 0);
    });
    assert.is(store.committed, 1);
    await store.close();
    const again = open(path);
    assert.is(again.head?.generation, 1);
    pages.forEach((page, i) => {
      assert.equal(Buffer.compare(again.readPage(0x40_1000 + i) as Uint8Array, page), 0);
    });
    await again.close();
  });
});

test('who has waited for the newest batch finds the ring empty, whatever its size', async () => {
  await withImage(async (path) => {
    const store = open(path);
    const page = Buffer.alloc(PAGE);
    for (let generation = 1; generation <= 4000; generation++) {
      const batch = store.begin(300 * PAGE);
      assert.ok(batch, `generation ${generation}: begin found room`);
      page.writeUInt32LE(generation, 0);
      batch.page(0x40_1000, page, 0);
      batch.publish({ ...new Model(1).header(), generation, parent: generation - 1 });
      store.waitForCommit(generation);
    }
    await store.close();
  });
});

test('an idle machine is folded once and then writes nothing', async () => {
  await withImage(async (path) => {
    const store = open(path);
    const model = new Model(3);
    while (model.generation < 20) model.advance(store);
    store.waitForCommit(20);
    await pause(600);
    const files = readdirSync(dirname(path));
    const look = (): unknown =>
      files.map((name) => {
        const { size, mtimeNs, ctimeNs } = statSync(`${dirname(path)}/${name}`, { bigint: true });
        return [name, size, mtimeNs, ctimeNs];
      });
    const before = look();
    const { transactions } = store.statistics();
    const { user, system } = process.cpuUsage();
    await pause(700);
    const used = process.cpuUsage({ user, system });
    assert.equal(look(), before, 'no file was written');
    assert.is(store.statistics().transactions, transactions);
    assert.ok((used.user + used.system) / 700_000 < 0.1, `idle used ${used.user + used.system} us of 700 ms`);
    assert.is(store.statistics().tracedPages, 0, 'everything was folded');
    await (await reopened(store, model)).close();
  });
});

test('the log does not grow without bound under steady writing', async () => {
  await withImage(async (path) => {
    const store = open(path, { limits: { ...tinyLimits, logBytes: 256 * 1024 } });
    const model = new Model(4);
    while (model.generation < 400) {
      model.advance(store);
      if (model.generation % 20 === 0) await pause(1);
    }
    store.waitForCommit(400);
    const { size } = statSync(`${path}-wal`);
    assert.ok(size < 4 * 1024 * 1024, `the log has ${size} bytes`);
    assert.ok((store.statistics().logCheckpoints as number) > 2, 'the log was copied several times');
    await store.close();
  });
});

test('output is kept until it is confirmed, over reopening', async () => {
  await withImage(async (path) => {
    let store = open(path);
    const write = (generation: number, outputs: [number, string][], confirm: number | null): void => {
      const batch = store.begin(0);
      assert.ok(batch);
      for (const [offset, words] of outputs) batch.output('out', offset, Buffer.from(words));
      if (confirm !== null) batch.confirmOutput('out', confirm);
      batch.publish({ ...new Model(1).header(), generation, parent: generation - 1 });
    };
    const kept = (): unknown =>
      store.head?.unconfirmedOutput.map((piece) => [piece.offset, Buffer.from(piece.bytes).toString()]);
    write(1, [[0, 'one ']], null);
    write(2, [[4, 'two ']], null);
    await store.close();
    store = open(path);
    assert.equal(kept(), [
      [0, 'one '],
      [4, 'two '],
    ]);
    write(3, [[8, 'three']], 4);
    await store.close();
    store = open(path);
    assert.equal(kept(), [
      [4, 'two '],
      [8, 'three'],
    ]);
    write(4, [], 13);
    await store.close();
    store = open(path);
    assert.equal(kept(), []);
    await store.close();
  });
});

test('programs are kept with their symbols, and those of a creation that died are forgotten', async () => {
  await withImage(async (path) => {
    const { hash } = await import('node:crypto');
    const elf = Buffer.from('not really an ELF file');
    const program = {
      name: 'counter',
      hash: hash('sha256', elf, 'buffer'),
      elf,
      arguments: ['counter', '10 "x"'],
      symbols: [{ name: 'main', address: 0x1_0000, size: 12, kind: 'function' }],
    };
    let store = open(path);
    store.addProgram(program);
    await store.close();
    store = open(path);
    assert.is(store.head, null, 'no generation yet');
    store.addProgram(program);
    const model = new Model(2);
    model.advance(store);
    await store.close();
    store = open(path);
    const programs = store.head?.programs ?? [];
    assert.is(programs.length, 1);
    assert.equal(programs[0]?.arguments, program.arguments);
    assert.equal(programs[0]?.symbols, program.symbols);
    assert.equal(Buffer.compare(programs[0]?.elf as Uint8Array, elf), 0);
    await store.close();
  });
});

test('the generation of a page is that of its newest batch, folded or not', async () => {
  await withImage(async (path) => {
    let store = open(path);
    const model = new Model(6);
    const newest = new Map<number, number>();
    while (model.generation < 60) {
      model.advance(store);
      for (const number of model.change?.pages.keys() ?? []) newest.set(number, model.generation);
      for (const number of model.change?.pagesGone ?? []) newest.delete(number);
      if (model.generation % 10 === 0) await pause(8);
    }
    const isZero = (number: number): boolean => model.pages.get(number)?.every((byte) => byte === 0) ?? true;
    const check = (): void => {
      for (const [number, generation] of newest) {
        if (!isZero(number)) assert.is(store.pageGeneration(number), generation, `page ${number}`);
      }
      assert.is(store.pageGeneration(0x7777_7777), 0);
    };
    check();
    store = await reopened(store, model);
    check();
    await store.close();
  });
});

test('a second owner is refused with exit code 69, and the first goes on', async () => {
  await withImage(async (path) => {
    const store = open(path);
    const model = new Model(8);
    model.advance(store);
    const attempt = (): unknown => open(path);
    assert.throws(attempt, (error: { exitCode: number; message: string }) => {
      return error.exitCode === 69 && error.message.includes(`process ${process.pid}`);
    });
    model.advance(store);
    await (await reopened(store, model)).close();
  });
});

test('a missing image is refused with exit code 66 unless it is to be created, and nothing is left behind', async () => {
  await withImage((path) => {
    const attempt = (): unknown => openStore(path, { create: false, durability: 'process', effects });
    assert.throws(attempt, (error: { exitCode: number }) => error.exitCode === 66);
    assert.not(existsSync(path));
    assert.equal(readdirSync(dirname(path)), []);
    const nowhere = (): unknown => open(`${path}/no/folder.db`);
    assert.throws(nowhere, (error: { exitCode: number }) => error.exitCode === 73);
  });
});

test.run();
