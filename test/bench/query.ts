/**
 * `npm run bench:query`: what it costs to ask an image, to look back, and to fork (I.11).
 *
 *     node test/bench/query.ts [--json] [--quick]
 *
 * An image with 100,000 objects of all types (as many threads as ports, mutexes, ...), and a history in which 64 pages and 8
 * objects change a generation, made by the store itself; another of 1 GiB to fork, beside a plain copy of the same file. Each figure is
 * the median of seven, and the spread. With --json the last line is one JSON object. Exits 0 however fast it was, 64 on wrong options.
 */
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { links, states, type TypeName, typeNames, typeNumbers } from '../../src/kernel/abi/types.ts';
import { lookAt } from '../../src/persist/query/reader.ts';
import type { Batch, Store, StoredLink, StoredObject } from '../../src/persist/store/contract.ts';
import { fork } from '../../src/persist/store/fork.ts';
import { withHistory } from '../../src/persist/store/history.ts';
import { openStore } from '../../src/persist/store/open.ts';
import { openReader } from '../../src/persist/store/schema.ts';
import { median, spread } from './statistics.ts';

const SLAB = 2 ** 34;
const PAGE = 4096;
const ROUNDS = 7;

function options() {
  try {
    return parseArgs({
      options: { json: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
    }).values;
  } catch (error) {
    console.error(`bench:query: ${(error as Error).message}`);
    process.exit(64);
  }
}

const { json, quick } = options();
const objectCount = quick ? 5_000 : 100_000;
const generations = quick ? 60 : 1_000;
const largeBytes = quick ? 32 * 2 ** 20 : 2 ** 30;
const effects = { wallMs: () => Date.now(), randomBytes, pid: process.pid, bootId: '' };

const addressOf = (index: number): number => SLAB + 2 ** 26 + index * 64;
/** A link to the `seed`-th object of a type. */
function linkTo(type: TypeName, seed: number): StoredLink {
  const place = typeNames.indexOf(type);
  const index = (seed % Math.floor(objectCount / typeNames.length)) * typeNames.length + place;
  return { address: addressOf(index), serial: BigInt(index + 1) };
}

/** What each link of a type leads to, so that the views have something to join. */
const targets: Readonly<Record<string, (seed: number) => StoredLink>> = {
  space: (seed) => linkTo('space', seed),
  region: (seed) => (seed % 2 === 0 ? { name: 'segment' } : linkTo('region', seed)),
  portset: (seed) => linkTo('portset', seed),
  owner: (seed) => linkTo('thread', seed),
  waitingFor: (seed) => linkTo((['port', 'mutex', 'cond', 'portset'] as const)[seed % 4] as TypeName, seed),
  target: (seed) => linkTo(typeNames[seed % 6] as TypeName, seed),
};

function objectAt(index: number, version: number): StoredObject {
  const type = typeNames[index % typeNames.length] as TypeName;
  const state = new Uint8Array(states[type].size);
  const view = new DataView(state.buffer);
  const seed = Math.imul(index, 2654435761) >>> 8;
  const put = (name: string, value: number | bigint): void => {
    const place = states[type].places.find((candidate) => candidate.name === name);
    if (place !== undefined) view.setBigUint64(place.offset, BigInt(value), true);
  };
  put('serial', index + 1);
  put('retired', version * 1000 + index);
  put('pc', 0x10000 + (seed % 4096));
  put('startAddress', (seed % 2 ** 20) * PAGE);
  put('size', (1 + (seed % 16)) * PAGE);
  put('regionOffset', SLAB + (seed % 2 ** 15) * PAGE);
  put('protection', 7);
  const stored = links[type].map((name) => targets[name]?.(seed) ?? null);
  return {
    address: addressOf(index),
    type: typeNumbers[type],
    serial: BigInt(index + 1),
    state,
    links: stored,
  };
}

/** One generation. */
function advance(store: Store, generation: number, bytes: number, fill: (batch: Batch) => void): void {
  let batch = store.begin(bytes);
  while (batch === null) {
    store.waitForCommit(Math.min(store.committed + 1, generation - 1));
    batch = store.begin(bytes);
  }
  fill(batch);
  batch.publish({
    generation,
    parent: generation - 1,
    tick: BigInt(generation) * 1000n,
    wallMs: Date.now(),
    kernelRecord: new Uint8Array(72),
    border: '{}',
    pauseUs: 1,
    clean: false,
  });
}

async function makeImage(path: string): Promise<void> {
  const store = openStore(path, { create: true, durability: 'process', effects, keep: 'all:1h,size:4G' });
  advance(store, 1, objectCount * 900, (batch) => {
    for (let i = 0; i < objectCount; i++) batch.object(objectAt(i, 0));
  });
  const page = randomBytes(PAGE);
  for (let generation = 2; generation <= generations; generation++) {
    advance(store, generation, 64 * (PAGE + 64) + 8 * 900, (batch) => {
      for (let i = 0; i < 64; i++) {
        page.writeUInt32LE(generation * 64 + i, (i * 64) % PAGE);
        batch.page(2 ** 22 + 0x1000 + ((generation * 37 + i) % 2048), page, 0x10000);
      }
      for (let i = 0; i < 8; i++)
        batch.object(objectAt((generation * 131 + i * 7919) % objectCount, generation));
    });
  }
  await store.close();
}

async function makeLarge(path: string): Promise<void> {
  const store = openStore(path, { create: true, durability: 'process', effects, keep: 'none' });
  const pages = largeBytes / PAGE;
  const content = randomBytes(2 * PAGE);
  let generation = 0;
  for (let first = 0; first < pages; first += 1024) {
    advance(store, ++generation, 1024 * (PAGE + 64), (batch) => {
      for (let i = first; i < Math.min(pages, first + 1024); i++)
        batch.page(2 ** 22 + 0x1000 + i, content.subarray(i % PAGE, (i % PAGE) + PAGE), 0);
    });
  }
  await store.close();
}

interface Figure {
  readonly ms: number;
  readonly spread: number;
}

function measure(work: (round: number) => void, rounds = ROUNDS): Figure {
  work(-1);
  const times = Array.from({ length: rounds }, (_, round) => {
    const start = performance.now();
    work(round);
    return performance.now() - start;
  });
  return { ms: Number(median(times).toFixed(2)), spread: Number(spread(times).toFixed(2)) };
}

const folder = mkdtempSync(join(tmpdir(), 'perdure-bench-query-'));
try {
  const image = join(folder, 'image.db');
  await makeImage(image);
  const views: Record<string, Figure> = {};
  const names = lookAt(image, null, ({ rows }) =>
    rows.prepare("SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name").pluck().all(),
  ) as string[];
  for (const name of names) {
    views[name] = measure(
      () => lookAt(image, null, ({ rows }) => rows.prepare(`SELECT * FROM ${name}`).raw().all()),
      5,
    );
    process.stderr.write(`${name}: ${views[name]?.ms} ms\n`);
  }
  const kept = (round: number): string =>
    String(2 + Math.floor(((round + 1.5) / (ROUNDS + 1)) * (generations - 2)));
  const threadAt = measure((round) =>
    lookAt(image, kept(round), ({ rows }) => rows.prepare('SELECT * FROM thread').raw().all()),
  );
  const pageAt: number[] = [];
  const reader = openReader(image);
  withHistory(reader, (history) => {
    for (let i = 0; i < 400; i++) {
      const generation = 2 + ((i * 7919) % (generations - 1));
      const start = performance.now();
      history.readPage(2 ** 22 + 0x1000 + ((i * 613) % 2048), generation);
      pageAt.push(performance.now() - start);
    }
  });
  reader.close();
  const large = join(folder, 'large.db');
  await makeLarge(large);
  const forks: number[] = [];
  const copies: number[] = [];
  for (let i = 0; i < (quick ? 2 : 3); i++) {
    const target = join(folder, 'other.db');
    let start = performance.now();
    fork(large, (history) => history.head.generation, target, effects);
    forks.push(performance.now() - start);
    rmSync(target);
    start = performance.now();
    copyFileSync(large, target);
    copies.push(performance.now() - start);
    rmSync(target);
  }
  const figures = {
    views,
    threadViewAtMs: threadAt,
    pageAtMs: Number(median(pageAt).toFixed(3)),
    forkMs: Math.round(median(forks)),
    copyMs: Math.round(median(copies)),
    largeBytes: statSync(large).size,
    objects: objectCount,
    generations,
    cpu: `${cpus().length} x ${cpus()[0]?.model.trim()}`,
    loadAverage: Number((loadavg()[0] ?? 0).toFixed(1)),
  };
  if (json) console.log(JSON.stringify(figures));
  else {
    const slowest = Object.entries(views).sort(([, a], [, b]) => b.ms - a.ms);
    for (const [name, { ms, spread: wide }] of slowest)
      console.log(`view ${name} of ${objectCount} objects: ${ms} ms (1000 asked), spread ${wide}`);
    console.log(`thread view at a kept generation: ${threadAt.ms} ms (100 asked), spread ${threadAt.spread}`);
    console.log(`page at a kept generation: ${figures.pageAtMs} ms (10 asked)`);
    console.log(
      `fork of ${figures.largeBytes} bytes: ${figures.forkMs} ms; a copy of the file: ${figures.copyMs} ms`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
