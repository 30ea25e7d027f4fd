/**
 * A stock `sqlite3 -readonly` reads every table, view and ready-made query while a machine runs and after it was killed.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { states, typeNumbers } from '../../src/kernel/abi/types.ts';
import type { StoredLink, StoredObject } from '../../src/persist/store/contract.ts';
import { testNeeding } from '../tools/needs.ts';
import { Model, PAGE } from './store-model.ts';
import { open, runChild, withImage } from './store-tools.ts';

const run = promisify(execFile);
const stock = testNeeding(test, 'sqlite3');
const queries = fileURLToPath(new URL('../../store/queries/', import.meta.url));

async function ask(path: string, sql: string): Promise<Record<string, unknown>[]> {
  const { stdout } = await run('sqlite3', ['-readonly', '-json', path, sql]);
  return stdout === '' ? [] : (JSON.parse(stdout) as Record<string, unknown>[]);
}

/** Asks every table, view and query of the image; returns how many there were. */
async function askEverything(path: string): Promise<number> {
  const names = await ask(path, "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')");
  const sql = names.map(({ name }) => `SELECT count(*) FROM ${name}; SELECT * FROM ${name} LIMIT 3;`);
  for (const file of readdirSync(queries)) sql.push(readFileSync(queries + file, 'utf8'));
  const { stderr } = await run('sqlite3', ['-readonly', path, sql.join('\n')], { maxBuffer: 1 << 26 });
  assert.is(stderr, '');
  return names.length;
}

/** Waits until the image is there and has a checkpoint; a loaded machine starts a process slowly. */
async function untilWritten(path: string): Promise<void> {
  for (const end = Date.now() + 20_000; ; ) {
    try {
      const [row] = await ask(path, 'SELECT generation FROM head');
      if ((row?.generation as number) > 0) return;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
    assert.ok(Date.now() < end, 'the writer has made a checkpoint');
    await new Promise((done) => setTimeout(done, 50));
  }
}

stock('a stock client reads everything while a writer runs, and after it was killed', async () => {
  await withImage(async (path) => {
    const writer = runChild({ path, seed: 21, last: 1_000_000, killAfterMs: 2500 });
    let generation = 0;
    let rounds = 0;
    await untilWritten(path);
    for (let i = 0; i < 3; i++) {
      assert.ok((await askEverything(path)) > 25, 'there are tables and views');
      const [row] = await ask(path, 'SELECT generation FROM state');
      if ((row?.generation as number) > generation) rounds++;
      generation = row?.generation as number;
    }
    assert.ok(rounds >= 1, 'the writer went on meanwhile');
    const end = await writer;
    assert.is(end.errors, '');
    assert.is(end.signal, 'SIGKILL');
    assert.ok((await askEverything(path)) > 25);
    const [row] = await ask(path, 'SELECT generation FROM state');
    assert.ok((row?.generation as number) >= end.acknowledged);
  });
});

function object(
  type: keyof typeof typeNumbers,
  address: number,
  serial: bigint,
  words: Record<string, bigint>,
  links: StoredLink[],
): StoredObject {
  const shape = states[type];
  const state = new Uint8Array(shape.size);
  const view = new DataView(state.buffer);
  for (const [name, word] of Object.entries({ ...words, serial })) {
    const place = shape.places.find((p) => p.name === name.replace(/\d+$/, '') || p.name === name);
    assert.ok(place, name);
    const index = place.count === 0 ? 0 : Number(/\d+$/.exec(name)?.[0] ?? 0);
    view.setBigUint64(place.offset + index * 8, word, true);
  }
  return { address, type: typeNumbers[type], serial, state, links };
}

const SLAB = 0x4_0000_0000;

stock('threads, what they wait for, and memory by program are there to be asked for', async () => {
  await withImage(async (path) => {
    const store = open(path);
    const batch = store.begin(0);
    assert.ok(batch);
    const space: StoredLink = { address: SLAB + 32, serial: 2n };
    const mutex: StoredLink = { address: SLAB + 4096, serial: 3n };
    batch.object(object('space', SLAB + 32, 2n, {}, [null, null]));
    batch.object(object('mutex', SLAB + 4096, 3n, { locked: 1n }, [{ address: SLAB, serial: 1n }]));
    const registers = { pc: 0x1_0000n, x2: 0x3f_0000_0000n, x10: 0xffff_ffff_ffff_ffffn, x17: 16n };
    batch.object(object('thread', SLAB, 1n, registers, [space, null, null, null, null]));
    batch.object(object('thread', SLAB + 64, 4n, { ticket: 9n }, [space, null, mutex, null, null]));
    batch.object(object('thread', SLAB + 96, 5n, { ticket: 8n }, [space, null, mutex, null, null]));
    const stale: StoredLink = { address: SLAB + 4096, serial: 77n };
    batch.object(object('thread', SLAB + 128, 6n, { flags: 1n }, [space, null, stale, null, null]));
    batch.object(object('reference', SLAB + 160, 7n, {}, [{ name: 'output' }]));
    batch.page(0x40_1010, Buffer.alloc(PAGE, 1), 0);
    batch.page(0x40_0fff, Buffer.alloc(PAGE, 2), 0);
    batch.publish({ ...new Model(1).header(), generation: 1, parent: 0 });
    store.imageHash();
    const threads = await ask(
      path,
      'SELECT address, state, waiting_for_type, space, pc, sp, a0, a7 FROM thread',
    );
    assert.equal(threads, [
      {
        address: SLAB,
        state: 'runnable',
        waiting_for_type: null,
        space: SLAB + 32,
        pc: 0x1_0000,
        sp: 0x3f_0000_0000,
        a0: -1,
        a7: 16,
      },
      {
        address: SLAB + 64,
        state: 'waiting',
        waiting_for_type: 'mutex',
        space: SLAB + 32,
        pc: 0,
        sp: 0,
        a0: 0,
        a7: 0,
      },
      {
        address: SLAB + 96,
        state: 'waiting',
        waiting_for_type: 'mutex',
        space: SLAB + 32,
        pc: 0,
        sp: 0,
        a0: 0,
        a7: 0,
      },
      {
        address: SLAB + 128,
        state: 'stopped',
        waiting_for_type: null,
        space: SLAB + 32,
        pc: 0,
        sp: 0,
        a0: 0,
        a7: 0,
      },
    ]);
    const waiters = await ask(path, 'SELECT place, thread FROM waiter ORDER BY place');
    assert.equal(waiters, [
      { place: 1, thread: SLAB + 96 },
      { place: 2, thread: SLAB + 64 },
    ]);
    assert.equal(await ask(path, 'SELECT locked, owner, waiters FROM mutex'), [
      { locked: 1, owner: SLAB, waiters: 2 },
    ]);
    assert.equal(await ask(path, 'SELECT threads FROM space'), [{ threads: 4 }]);
    assert.equal(await ask(path, 'SELECT target, external FROM reference'), [
      { target: null, external: 'output' },
    ]);
    assert.equal(await ask(path, 'SELECT kind, pages, first_address FROM page_summary ORDER BY kind'), [
      { kind: 'memory', pages: 1, first_address: 0x1_0000 },
      { kind: 'stack', pages: 1, first_address: 0x3f_0000_0000 - PAGE },
    ]);
    await store.close();
  });
});

stock('rights say which space reaches which object, and by which step', async () => {
  await withImage(async (path) => {
    const store = open(path);
    const batch = store.begin(0);
    assert.ok(batch);
    const at = (offset: number): number => SLAB + offset;
    const link = (offset: number, serial: bigint): StoredLink => ({ address: at(offset), serial });
    const segment: StoredLink = { name: 'segment' };
    // Space A sees one page of the segment as its own; space B sees through A's region one half of that page.
    batch.object(object('space', at(0x100), 1n, {}, [null, null]));
    batch.object(object('space', at(0x120), 2n, {}, [null, null]));
    const whole = { startAddress: 0x1000n, size: 0x1000n, regionOffset: BigInt(at(0x5000)), protection: 7n };
    batch.object(object('mapping', at(0x140), 3n, whole, [segment, link(0x100, 1n)]));
    const upper = { startAddress: 0x1800n, size: 0x800n, protection: 5n };
    batch.object(object('region', at(0x5000), 4n, upper, [link(0x100, 1n), null]));
    const half = { startAddress: 0x9000n, size: 0x800n, protection: 3n };
    batch.object(object('mapping', at(0x160), 5n, half, [link(0x5000, 4n), link(0x120, 2n)]));
    // In the upper half a reference leads to a mutex far away; one that was destroyed leads nowhere.
    batch.object(object('reference', at(0x5900), 6n, {}, [link(0x8000, 7n)]));
    batch.object(object('mutex', at(0x8000), 7n, {}, [null]));
    batch.object(object('reference', at(0x5920), 8n, {}, [link(0x8020, 99n)]));
    batch.object(object('cond', at(0x8020), 9n, {}, [null]));
    batch.publish({ ...new Model(1).header(), generation: 1, parent: 0 });
    store.imageHash();
    const rows = await ask(path, 'SELECT space, object, how, via FROM rights ORDER BY space, object, how');
    const words = rows.map(({ space, object: found, how, via }) => [
      Number(space) - SLAB,
      Number(found) - SLAB,
      how,
      Number(via) - SLAB,
    ]);
    assert.equal(words, [
      [0x100, 0x5000, 'memory', 0x140],
      [0x100, 0x5900, 'memory', 0x140],
      [0x100, 0x5920, 'memory', 0x140],
      [0x100, 0x8000, 'reference', 0x5900],
      [0x120, 0x5900, 'memory', 0x160],
      [0x120, 0x5920, 'memory', 0x160],
      [0x120, 0x8000, 'reference', 0x5900],
    ]);
    const windows = await ask(
      path,
      'SELECT space, start_address, size, segment_address, protection FROM memory_window ORDER BY space',
    );
    assert.equal(windows[1], {
      space: at(0x120),
      start_address: 0x9000,
      size: 0x800,
      segment_address: at(0x5800),
      // What mapping, region and mapping leave: read alone.
      protection: 1,
    });
    await store.close();
  });
});

stock('after a clean stop the tables are exactly the machine', async () => {
  await withImage(async (path) => {
    const store = open(path, { keep: 'all:1h,size:1G' });
    const model = new Model(31);
    while (model.generation < 50) model.advance(store);
    await store.close();
    const pages = await ask(path, 'SELECT number, lower(hex(content)) AS content FROM page ORDER BY number');
    const expected = [...model.pages]
      .filter(([, page]) => page.some((byte) => byte !== 0))
      .sort(([a], [b]) => a - b)
      .map(([number, page]) => ({ number, content: page.toString('hex') }));
    assert.equal(pages, expected);
    const objects = await ask(path, 'SELECT address FROM object ORDER BY address');
    assert.equal(
      objects.map((row) => row.address),
      [...model.objects.keys()].sort((a, b) => a - b),
    );
    const journal = await ask(
      path,
      'SELECT kind, lower(hex(data)) AS data FROM journal WHERE generation = 50 ORDER BY sequence',
    );
    assert.equal(
      journal,
      model.journal.map(({ kind, data }) => ({ kind, data: data.toString('hex') })),
    );
    const [row] = await ask(path, 'SELECT count(*) AS n, max(generation) AS g FROM checkpoint');
    assert.equal(row, { n: 50, g: 50 }, 'each kept generation has its row');
  });
});

test('every 64-bit word of a state is the same integer in SQL', async () => {
  await withImage(async (path) => {
    const store = open(path);
    const words = [
      0n,
      1n,
      0x7fff_ffff_ffff_ffffn,
      0x8000_0000_0000_0000n,
      0xffff_ffff_ffff_ffffn,
      1n << 53n,
      (1n << 53n) - 1n,
    ];
    const batch = store.begin(0);
    assert.ok(batch);
    words.forEach((alias, i) => {
      batch.object(object('port', i * 32, BigInt(i + 1), { alias }, [null]));
    });
    batch.publish({ ...new Model(1).header(), generation: 1, parent: 0 });
    await store.close();
    const reader = new Database(path, { readonly: true });
    const found = reader.prepare('SELECT alias FROM port ORDER BY address').pluck().safeIntegers(true).all();
    reader.close();
    assert.equal(
      found,
      words.map((word) => BigInt.asIntN(64, word)),
    );
  });
});

test.run();
