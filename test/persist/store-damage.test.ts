/**
 * Damage: whatever is changed behind the store's back is noticed before a wrong byte is shown, and named; or it is harmless.
 */
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type HeadRow, HeadTable } from '../../src/persist/store/head.ts';
import { readImageId } from '../../src/persist/store/schema.ts';
import { cases, damageCopy } from './damage-cases.ts';
import { copyImage, type Images, isClear, verdict, withCrashed } from './damage-tools.ts';
import { Model, randomOf } from './store-model.ts';
import { open, withImage } from './store-tools.ts';
import { offerFor, wrongWithOffer } from './undamaged.ts';

const seed = Number(process.env.PERDURE_SEED ?? 11);
const repeat = `repeat with PERDURE_SEED=${seed}`;
/** Rewrites the head row, with a right authentication, as `work` says. */
function forgedHead(images: Images, work: (head: HeadRow) => void): Promise<string> {
  copyImage(images.newer, images.copy);
  const database = new Database(images.copy);
  const table = new HeadTable(database, readImageId(database));
  const head = table.readRow();
  assert.ok(table.read().generation > head.generation, 'there are records after the head row');
  work(head);
  table.write(head);
  database.close();
  return verdict(images.copy, seed);
}

test('every changed, missing or older row is noticed before it is shown, and named', async () => {
  await withCrashed(seed, async (images) => {
    const random = randomOf(seed);
    for (const { what, sql, told, offered, named, isCompared } of cases) {
      // All columns of the head are alike: CI takes each, a person waits for every third.
      if (what.startsWith('head.') && process.env.CI !== 'true' && random(3) > 0) continue;
      damageCopy(images, sql);
      // First: opening an image makes rows right again that are folded anew.
      const offer = offerFor(images.copy);
      const found = await verdict(images.copy, seed);
      assert.match(found, told, `${what}: '${found}'; ${repeat}`);
      const wanted = offered ?? 'newest';
      const { generation = null, head = 0, losses = [] } = offer ?? {};
      const is = generation === head ? 'newest' : generation === null ? 'none' : 'older';
      assert.is(is, wanted, `${what}: ${generation} of ${head} is offered; ${repeat}`);
      assert.ok(losses.length > 0 || found.startsWith('StoreError'), `${what}: what is lost is named`);
      assert.match(losses.join('\n'), named ?? /^/, `${what}; ${repeat}`);
      if (isCompared !== true || generation === null) continue;
      assert.is(await wrongWithOffer(images.copy, seed, generation), '', `${what}: ${repeat}`);
    }
    const other = await forgedHead(images, (head) => {
      head.recordHash = Buffer.alloc(32, 7);
    });
    assert.match(other, /^DamageError: the record of generation \d+ does not follow the head row/, repeat);
    const closed = await forgedHead(images, (head) => {
      head.closed = true;
    });
    assert.match(closed, /^DamageError: the head row says closed/, repeat);
  });
});

test('flipped bits anywhere in the files are noticed or harmless', async () => {
  await withCrashed(seed, async (images) => {
    const random = randomOf(seed);
    let noticed = 0;
    for (let i = 0; i < 40; i++) {
      copyImage(images.newer, images.copy);
      const part = random(3) === 0 ? '-wal' : '';
      const bytes = readFileSync(images.copy + part);
      const at = random(bytes.length);
      bytes[at] = (bytes[at] as number) ^ (1 << random(8));
      writeFileSync(images.copy + part, bytes);
      const found = await verdict(images.copy, seed);
      assert.ok(
        isClear(found),
        `byte ${at} of ${part === '' ? 'the file' : 'the log'}: '${found}'; ${repeat}`,
      );
      if (found !== '') noticed++;
    }
    assert.ok(noticed > 5, `${noticed} of 40 flips hit something that matters`);
  });
});

test('a log that was cut short, or left behind, is refused with exit code 65', async () => {
  await withCrashed(seed, async (images) => {
    rmSync(`${images.copy}-wal`, { force: true });
    copyImage(images.newer, images.copy);
    rmSync(`${images.copy}-wal`);
    assert.match(await verdict(images.copy, seed), /^StoreError 65: .*(cut short|side file)|^DamageError/);
    copyImage(images.newer, images.copy);
    const log = readFileSync(`${images.copy}-wal`);
    writeFileSync(`${images.copy}-wal`, log.subarray(0, log.length - 4096));
    const cut = await verdict(images.copy, seed);
    assert.ok(/^StoreError 65: .*cut short/.test(cut) || cut === '', cut);
    copyImage(images.newer, images.copy);
    rmSync(`${images.copy}-side`);
    assert.match(await verdict(images.copy, seed), /^StoreError 65: .*side file is missing/);
    assert.match(
      await verdict(images.copy, seed),
      /^StoreError 65: .*side file is missing/,
      'a refusal changes nothing',
    );
  });
});

test('an image that was taken away, or emptied, leaves no room for a new one while what lies beside it says so', async () => {
  await withCrashed(seed, async (images) => {
    const { copy } = images;
    const refuses = async (told: RegExp, files: readonly string[]): Promise<void> => {
      const before = files.map((part) => readFileSync(copy + part));
      assert.match(await verdict(copy, seed), told);
      assert.throws(() => open(copy, { create: true }), told, 'nor is it made anew');
      const after = files.map((part) => readFileSync(copy + part));
      assert.ok(
        after.every((bytes, i) => bytes.equals(before[i] as Buffer)),
        'untouched',
      );
    };
    const acknowledged = /generation \d+ of it was acknowledged, but there is no image/;
    copyImage(images.newer, copy);
    rmSync(copy);
    await refuses(acknowledged, ['-wal', '-side']);
    writeFileSync(copy, '');
    await refuses(acknowledged, ['', '-side']);
    rmSync(copy);
    rmSync(`${copy}-side`);
    await refuses(/there is its log, but no image/, ['-wal']);
    rmSync(`${copy}-wal`);
    assert.throws(() => open(copy, { create: false }), /there is no image/);
    const made = open(copy, { create: true });
    assert.is(made.head, null, 'with nothing beside it, it is new');
    await made.close();
  });
});

test('files of others and formats of the future are refused with exit code 65, untouched', async () => {
  await withImage(async (path) => {
    const refused = async (told: RegExp): Promise<void> => {
      const before = readFileSync(path);
      assert.match(await verdict(path, seed), told);
      assert.equal(Buffer.compare(readFileSync(path), before), 0);
      assert.not(existsSync(`${path}-side`));
    };
    writeFileSync(path, 'no database at all, but long enough to be looked at as one '.repeat(40));
    await refused(/^StoreError 65: .* is not an image/);
    rmSync(path);
    const foreign = new Database(path);
    foreign.exec('CREATE TABLE mine (x)');
    foreign.close();
    await refused(/^StoreError 65: .*another application/);
    rmSync(path);
    const store = open(path);
    new Model(seed).advance(store);
    await store.close();
    const future = new Database(path);
    future.pragma('user_version = 99');
    future.pragma('journal_mode = DELETE');
    future.close();
    await refused(/^StoreError 65: .*image format 99/);
    assert.ok(statSync(path).size > 0);
  });
});

test.run();
