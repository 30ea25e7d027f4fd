/**
 * P.02: what is killed leaves the file. Pages that were discarded have no row, their space is used again, and a clean
 * stop gives back to the file system what is mostly free.
 */
import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Store } from '../../src/persist/store/contract.ts';
import { isWorthShrinking } from '../../src/persist/store/shrink.ts';
import { PAGE, randomOf } from './store-model.ts';
import { open, withImage } from './store-tools.ts';

const limits = { pageFoldBytes: 512 * 1024, logBytes: 512 * 1024, objectFoldMs: 20, idleFoldMs: 1000 };
/** What history may take: little, since everything here is about what is left without it. */
const keep = 'all:10s,size:512K';
const random = randomOf(1);

function noisePage(): Buffer {
  const page = Buffer.alloc(PAGE);
  for (let at = 0; at < PAGE; at += 4) page.writeUInt32LE(random(0x1_0000_0000), at);
  return page;
}

/** One batch of pages that come and pages that go. */
function publish(store: Store, generation: number, come: readonly number[], gone: readonly number[]): void {
  const need = come.length * (PAGE + 64) + gone.length * 64;
  let batch = store.begin(need);
  if (batch === null) {
    store.waitForCommit(generation - 1);
    batch = store.begin(need);
  }
  if (batch === null) throw new Error('the ring has room');
  for (const number of gone) batch.pageGone(number);
  for (const number of come) batch.page(number, noisePage(), 0);
  batch.publish({
    generation,
    parent: generation - 1,
    tick: BigInt(generation),
    wallMs: generation,
    kernelRecord: new Uint8Array(0),
    border: '{}',
    pauseUs: 0,
    clean: false,
  });
}

function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

function rowsOf(path: string): { pages: unknown; blocks: unknown } {
  const reader = new Database(path, { readonly: true });
  const count = (table: string): unknown => reader.prepare(`SELECT count(*) FROM ${table}`).pluck().get();
  const rows = { pages: count('page'), blocks: count('map') };
  reader.close();
  return rows;
}

test('in a loop that makes pools and kills them, each where none was before, the file levels off', async () => {
  await withImage(async (path) => {
    const store = open(path, { limits, keep });
    const pool = 8;
    const sizes: number[] = [];
    const rounds = 1200;
    for (let round = 1; round <= rounds; round++) {
      publish(store, round, range(round * pool, pool), round === 1 ? [] : range((round - 1) * pool, pool));
      // The worker shares its processor with others: what is being measured is space, not who is faster.
      if (round % 20 === 0) store.waitForCommit(round);
      if (round % (rounds / 4) === 0) sizes.push(statSync(path).size);
    }
    const [first = 0, , , last = 0] = sizes;
    const made = rounds * pool * PAGE;
    assert.ok(last < made / 3, `${made} bytes were made and killed, the file has ${sizes.join(', ')}`);
    assert.ok(last < 3 * first + 4 * 1024 * 1024, `it levels off: ${sizes.join(', ')}`);
    store.waitForCommit(rounds);
    await store.close();
    assert.is(rowsOf(path).pages, pool, 'only the last pool has rows');
    assert.ok(statSync(path).size < 5 * 1024 * 1024);
  });
});

test('however fast checkpoints come, records that are not folded stay within twice their limit and two records', async () => {
  await withImage(async (path) => {
    const pageFoldBytes = 128 * 1024;
    const small = {
      ...limits,
      pageFoldBytes,
      foldRows: 4,
      objectFoldMs: 1e9,
      pageFoldMs: 1e9,
      idleFoldMs: 1e9,
    };
    const store = open(path, { limits: small, keep });
    const pages = 12;
    for (let round = 1; round <= 400; round++) publish(store, round, range((round * 7) % 97, pages), []);
    store.waitForCommit(400);
    const { unfoldedBytesMax = 0, pageFolds = 0, recordBytes = 0 } = store.statistics();
    assert.ok(recordBytes > 50 * pageFoldBytes, 'far more came than may lie there');
    const bound = 2 * (pageFoldBytes + recordBytes / 399);
    assert.ok(unfoldedBytesMax <= bound, `${unfoldedBytesMax} bytes were not folded, ${bound} may be`);
    assert.ok(pageFolds < recordBytes / pageFoldBytes, `${pageFolds} passes: none began before it was due`);
    await store.close();
  });
});

test('a clean stop gives back what is mostly free, and the image is the same', async () => {
  await withImage(async (path) => {
    let store = open(path, { limits, keep });
    const many = range(1, 4000);
    for (let i = 0; i < 20; i++) publish(store, i + 1, many.slice(i * 200, i * 200 + 200), []);
    store.waitForCommit(20);
    await store.close();
    const full = statSync(path).size;
    assert.ok(full > 4000 * PAGE);
    store = open(path, { limits, keep });
    publish(store, 21, [], many.slice(100));
    const hash = store.imageHash();
    assert.ok(statSync(path).size >= full, 'a running machine keeps its free pages');
    await store.close();
    assert.ok(statSync(path).size < full / 10, `${full} bytes before, ${statSync(path).size} after`);
    store = open(path, { limits, keep });
    assert.is(store.imageHash(), hash);
    await store.close();
  });
});

test('a file is written anew only when it gives back more than it costs', () => {
  const mebibyte = 1024 * 1024;
  assert.is(isWorthShrinking(3 * mebibyte, mebibyte), false, 'too little');
  assert.is(isWorthShrinking(5 * mebibyte, mebibyte), true);
  assert.is(isWorthShrinking(40 * mebibyte, 50 * mebibyte), false, 'more is in use');
  assert.is(isWorthShrinking(900 * mebibyte, 300 * mebibyte), false, 'somebody waits');
});

test.run();
