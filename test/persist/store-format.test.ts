/**
 * The file format is pinned: sizes and offsets as documented, bytes and text determine each other, old formats migrate.
 *
 * UPDATE=1 writes the tables of docs/format.md anew; what then differs in git is a change of the format.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wordOf } from '../../src/base/bytes.ts';
import type { FieldPlace } from '../../src/base/layout.ts';
import { kernelRecord } from '../../src/kernel/abi/memory.ts';
import { links, states, typeNames, typeNumbers } from '../../src/kernel/abi/types.ts';
import { GrowingBytes } from '../../src/persist/store/bytes.ts';
import { applyRuns, DELTA_BYTES_MAX, encodeRuns } from '../../src/persist/store/delta.ts';
import { createDiffer } from '../../src/persist/store/differ.ts';
import { appendObject, readObject } from '../../src/persist/store/entries.ts';
import {
  formatOfNumber,
  linksToText,
  stateToText,
  textToLinks,
  textToState,
} from '../../src/persist/store/formats.ts';
import { addRow, emptySum, RowAdder } from '../../src/persist/store/head.ts';
import { PageMap, pageHash } from '../../src/persist/store/map.ts';
import { migrate } from '../../src/persist/store/migrate.ts';
import { pageEntry, recordHeader } from '../../src/persist/store/record.ts';
import { PAGE, randomObject, randomOf } from './store-model.ts';

const document = fileURLToPath(new URL('../../docs/format.md', import.meta.url));

function table(places: readonly FieldPlace[], size: number): string {
  const rows = places.map(
    (p) => `| ${p.offset} | ${p.name} | ${p.scalar}${p.count > 0 ? `[${p.count}]` : ''} |`,
  );
  return ['| offset | field | type |', '| ---: | --- | --- |', ...rows, '', `${size} bytes.`].join('\n');
}

function replaceSection(text: string, marker: string, content: string): string {
  const start = text.indexOf(`<!-- ${marker} -->`);
  assert.ok(start >= 0, `docs/format.md has a section for ${marker}`);
  const end = text.indexOf('<!-- end -->', start);
  return `${text.slice(0, start)}<!-- ${marker} -->\n${content}\n${text.slice(end)}`;
}

test('docs/format.md has the layouts as they are in the code', () => {
  const before = readFileSync(document, 'utf8');
  let text = before;
  for (const shape of [recordHeader, pageEntry, kernelRecord]) {
    text = replaceSection(text, `layout ${shape.name}`, table(shape.places, shape.size));
  }
  const rows = typeNames.map((name) => {
    const fields = states[name].places
      .map((p) => (p.count > 0 ? `${p.name}[${p.count}]` : p.name))
      .join(', ');
    return `| ${typeNumbers[name]} | ${name} | ${fields} | ${links[name].join(', ')} |`;
  });
  const head = ['| number | type | fields | links |', '| ---: | --- | --- | --- |'];
  text = replaceSection(text, 'states', [...head, ...rows].join('\n'));
  if (process.env.UPDATE === '1') writeFileSync(document, text);
  else assert.is(before, text, 'a layout changed: that is a new format version; then UPDATE=1');
});

test('sizes that lie in every image are as they were', () => {
  assert.equal(
    { header: recordHeader.size, entry: pageEntry.size, kernel: kernelRecord.size },
    { header: 168, entry: 16, kernel: 72 },
  );
});

const pageBytes = fc
  .tuple(fc.integer({ min: 0, max: 1 << 30 }), fc.integer({ min: 0, max: 3 }))
  .map(([seed, kind]) => {
    const random = randomOf(seed);
    const before = Buffer.alloc(PAGE);
    if (kind > 0) for (let i = 0; i < PAGE; i++) before[i] = random(256);
    const now = Buffer.from(before);
    for (let i = random(kind === 3 ? 3000 : 30); i > 0; i--) now[random(PAGE)] = random(256);
    return { before, now };
  });

test('the runs of a difference, applied to the page before, give the page after', () => {
  const property = fc.property(pageBytes, ({ before, now }) => {
    const out = Buffer.alloc(DELTA_BYTES_MAX + 8);
    const words = (bytes: Buffer): Int32Array => new Int32Array(new Uint8Array(bytes).buffer);
    const end = encodeRuns(words(before), 0, words(now), 0, now, out, 4);
    assert.ok(end <= 4 + DELTA_BYTES_MAX);
    const page = Buffer.from(before);
    applyRuns(page, out, 4, end);
    assert.equal(Buffer.compare(page, now), 0);
    let changed = 0;
    for (let i = 0; i < PAGE; i++) if (before[i] !== now[i]) changed++;
    assert.ok(end - 4 <= changed * 5, `${end - 4} bytes for ${changed} changed`);
  });
  fc.assert(property, { numRuns: 300 });
});

test("the worker's differ finds the same runs, to the byte, and leaves the shadow as the page is", () => {
  const shadow = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const ring = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const differ = createDiffer(shadow, ring);
  const [shadowBytes, ringBytes] = [Buffer.from(shadow.buffer), new Uint8Array(ring.buffer)];
  const [shadowAt, ringAt, runsAt] = [PAGE, 24 * 8, 4 * PAGE];
  const property = fc.property(pageBytes, ({ before, now }) => {
    const words = (bytes: Buffer): Int32Array => new Int32Array(new Uint8Array(bytes).buffer);
    const want = Buffer.alloc(DELTA_BYTES_MAX);
    const end = encodeRuns(words(before), 0, words(now), 0, now, want, 0);
    before.copy(shadowBytes, shadowAt);
    ringBytes.set(now, ringAt);
    const found = shadowBytes.subarray(runsAt, differ(shadowAt, ringAt, runsAt));
    assert.is(Buffer.compare(found, want.subarray(0, end)), 0);
    assert.is(Buffer.compare(shadowBytes.subarray(shadowAt, shadowAt + PAGE), now), 0);
  });
  fc.assert(property, { numRuns: 500 });
});

test('every state and link is the same after text, and after bytes', () => {
  const property = fc.property(fc.integer({ min: 0, max: 1 << 30 }), (seed) => {
    const object = randomObject(seed * 32, randomOf(seed));
    const format = formatOfNumber(object.type);
    const text = stateToText(format, object.state);
    JSON.parse(text);
    assert.equal(textToState(format, text), object.state);
    assert.equal(textToLinks(format, linksToText(format, object.links)), object.links);
    const bytes = new GrowingBytes(16);
    appendObject(bytes, object);
    const { object: read, end } = readObject(bytes.used(), 0);
    assert.is(end, bytes.length);
    assert.equal(read, object);
  });
  fc.assert(property, { numRuns: 300 });
});

test('every word is the same after text, at every length and sign', () => {
  const format = formatOfNumber(typeNumbers.mutex);
  const edges = Array.from({ length: 19 }, (_, digits) => 10n ** BigInt(digits));
  const values = [
    0n,
    ...edges.flatMap((edge) => [edge - 1n, edge, -edge, edge + 1n]),
    2n ** 53n,
    -(2n ** 63n),
  ];
  const state = new Uint8Array(format.size);
  const view = new DataView(state.buffer);
  for (const value of values) {
    for (let at = 0; at < format.size; at += 8) view.setBigInt64(at, value, true);
    assert.equal(textToState(format, stateToText(format, state)), state, String(value));
    const word = wordOf(state, 8);
    assert.is(BigInt(word), BigInt.asUintN(64, value), String(value));
    assert.is(typeof word === 'number', BigInt.asUintN(64, value) < 2n ** 53n, String(value));
  }
  const text = stateToText(format, state);
  for (const wrong of ['', '-', '1-', '--1', '12345678901234567890', '1e3', '+1', ' 1', '0x1'])
    assert.throws(
      () => textToState(format, text.replace(/:-?\d+/, `:${wrong}`)),
      /written as expected|bad word/,
    );
});

test('many hashes added up at once are the sum of adding each', () => {
  const property = fc.property(fc.array(fc.uint8Array({ minLength: 16, maxLength: 16 })), (hashes) => {
    const buffers = hashes.map((hash) => Buffer.from(hash));
    const adder = new RowAdder();
    for (const hash of buffers) adder.add(hash);
    assert.equal(adder.total(), buffers.reduce(addRow, emptySum));
  });
  fc.assert(property);
});

test('the map finds every page that was set, and only those, through any sequence of flushes', () => {
  const numbers = fc.oneof(fc.integer({ min: 0, max: 600 }), fc.integer({ min: 0, max: 0xffff_ffff }));
  const change = fc.record({ number: numbers, isGone: fc.boolean(), isLast: fc.boolean() });
  const property = fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
    const rows = new Map<number, Buffer>();
    const write = (key: number, entries: Buffer | null): void => {
      if (entries === null) rows.delete(key);
      else rows.set(key, Buffer.from(entries));
    };
    const load = (key: number): Buffer | undefined => {
      const found = rows.get(key);
      return found === undefined ? undefined : Buffer.from(found);
    };
    const map = new PageMap(load);
    const reader = new PageMap(load);
    const model = new Map<number, number>();
    let generation = 1;
    for (const { number, isGone, isLast } of changes) {
      if (isGone) model.delete(number);
      else model.set(number, generation);
      map.set(number, isGone ? null : { generation, hash: pageHash(number, generation, Buffer.alloc(PAGE)) });
      if (isLast) map.flush(generation++, write);
    }
    map.flush(generation, write);
    reader.setRoot(map.root);
    assert.equal(
      [...reader.present()],
      [...model.keys()].sort((a, b) => a - b),
    );
    for (const [number, expected] of model) assert.is(reader.lookup(number)?.generation, expected);
    if (model.size === 0) assert.is(rows.size, 0, 'an empty map has no rows');
  });
  fc.assert(property, { numRuns: 60 });
});

test('migration takes every step once, in order, and a step that fails leaves the version before it', () => {
  const database = new Database(':memory:');
  const taken: number[] = [];
  const steps = {
    0: () => taken.push(0),
    1: (d: Database.Database) => {
      d.exec('CREATE TABLE grown (x)');
      throw new Error('no room');
    },
  };
  assert.throws(() => migrate(database, steps, 2), /no room/);
  assert.is(database.pragma('user_version', { simple: true }), 1);
  assert.is(database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get(), 0);
  migrate(database, { 1: () => taken.push(1) }, 2);
  assert.equal(taken, [0, 1]);
  assert.is(database.pragma('user_version', { simple: true }), 2);
  assert.throws(() => migrate(database, {}, 1), /at most/);
});

test.run();
