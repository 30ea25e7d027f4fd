/**
 * Damage: whatever is changed behind the store's back is noticed before a wrong byte is shown, and named; or it is harmless.
 */
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type HeadRow, HeadTable } from '../../src/persist/store/head.ts';
import { readImageId } from '../../src/persist/store/schema.ts';
import { copyImage, type Images, isClear, verdict, withCrashed } from './damage-tools.ts';
import { Model, randomOf } from './store-model.ts';
import { open, withImage } from './store-tools.ts';

const seed = Number(process.env.PERDURE_SEED ?? 11);
const repeat = `repeat with PERDURE_SEED=${seed}`;
/** Changes a copy with plain SQL, as a foreign program would; `old` is the earlier image, attached. */
async function damaged(images: Images, sql: string): Promise<string> {
  copyImage(images.newer, images.copy);
  copyImage(images.older, `${images.copy}.old`);
  const database = new Database(images.copy);
  database.exec(`ATTACH '${images.copy}.old' AS old`);
  const before = database.prepare('SELECT total_changes()').pluck().get() as number;
  database.exec(sql);
  const after = database.prepare('SELECT total_changes()').pluck().get() as number;
  assert.ok(after > before, `the damage was done: ${sql}`);
  database.close();
  return verdict(images.copy, seed);
}

/** An expression for a blob with one byte changed. */
const flipped = (column: string, at: number): string =>
  `CAST(substr(${column}, 1, ${at}) || (CASE WHEN substr(${column}, ${at + 1}, 1) = x'5a' THEN x'5b' ELSE x'5a' END) || substr(${column}, ${at + 2}) AS BLOB)`;

const changedPages = `(SELECT n.number FROM page AS n JOIN old.page AS o ON o.number = n.number AND o.content <> n.content)`;
const changedObject = `(SELECT n.address FROM object AS n JOIN old.object AS o ON o.address = n.address AND o.generation < n.generation LIMIT 1)`;

const cases: readonly { readonly what: string; readonly sql: string; readonly told: RegExp }[] = [
  {
    what: 'a byte of the content of pages',
    sql: `UPDATE page SET content = ${flipped('content', 1234)}`,
    told: /^DamageError: page \d+ of generation \d+ \(.* of (program \d+ at 0x[0-9a-f]+|nobody)\): its content/,
  },
  {
    what: 'page rows that are gone',
    sql: `DELETE FROM page`,
    told: /^DamageError: page \d+ of generation \d+ \(.*\): its row is missing/,
  },
  {
    what: 'page rows replaced by older ones',
    sql: `UPDATE page SET content = (SELECT content FROM old.page AS o WHERE o.number = page.number) WHERE number IN ${changedPages}`,
    told: /^DamageError: page \d+ of generation/,
  },
  {
    what: 'all pages and the map replaced by older ones',
    sql: 'DELETE FROM page; DELETE FROM map; INSERT INTO page SELECT * FROM old.page; INSERT INTO map SELECT * FROM old.map',
    told: /^DamageError: map block 0 of level 3/,
  },
  {
    what: 'a byte of the map',
    sql: `UPDATE map SET entries = ${flipped('entries', 2)} WHERE id = (SELECT min(id) FROM map)`,
    told: /^DamageError: map block/,
  },
  {
    what: 'a map row that is gone',
    sql: 'DELETE FROM map WHERE id = (SELECT min(id) FROM map)',
    told: /^DamageError: map block \d+ of level 0, generation \d+ \(pages \d+ to \d+: .*\): its row is missing/,
  },
  {
    what: "a digit of an object's state",
    sql: `UPDATE object SET state = json_set(state, '$.serial', (state ->> 'serial') + 1) WHERE address = (SELECT min(address) FROM object)`,
    told: /^DamageError: object \d+ \(\w+, on the .*\) of generation \d+: its row does not match/,
  },
  {
    what: "an object's link",
    sql: `UPDATE object SET links = replace(links, 'null', '{"name":"console"}') WHERE address = (SELECT address FROM object WHERE links LIKE '%null%' LIMIT 1)`,
    told: /^DamageError: object/,
  },
  {
    what: "an object's serial",
    sql: 'UPDATE object SET serial = serial + 1 WHERE address = (SELECT max(address) FROM object)',
    told: /^DamageError: object/,
  },
  {
    what: 'an object row that is gone',
    sql: 'DELETE FROM object WHERE address = (SELECT min(address) FROM object)',
    told: /^DamageError: table object has \d+ rows/,
  },
  {
    what: 'an object row replaced by an older valid one',
    sql: `CREATE TEMP TABLE one AS SELECT * FROM old.object WHERE address = ${changedObject}; INSERT OR REPLACE INTO main.object SELECT * FROM one`,
    told: /^DamageError: table object has a row that is not of generation/,
  },
  {
    what: 'a byte of the newest record',
    sql: `UPDATE record SET body = ${flipped('body', 200)} WHERE generation = (SELECT max(generation) FROM record)`,
    told: /^DamageError: the record of generation \d+ does not match/,
  },
  {
    what: 'a byte of an earlier record',
    sql: `UPDATE record SET body = ${flipped('body', 300)} WHERE generation = (SELECT max(generation) - 1 FROM record)`,
    told: /^DamageError: the record of generation \d+ does not match/,
  },
  {
    what: 'the newest record gone',
    sql: 'DELETE FROM record WHERE generation = (SELECT max(generation) FROM record)',
    told: /^StoreError 65: .* ends at generation \d+, but generation \d+ was acknowledged/,
  },
  {
    what: 'records after the head row replaced by one that does not follow it',
    sql: `DELETE FROM record WHERE generation > (SELECT generation FROM head);
      INSERT INTO record SELECT (SELECT generation + 1 FROM head), since, hash, body FROM record WHERE generation = (SELECT generation FROM head)`,
    told: /^(StoreError 65|DamageError): /,
  },
  {
    what: "the newest record's hash",
    sql: `UPDATE record SET hash = ${flipped('hash', 3)} WHERE generation = (SELECT max(generation) FROM record)`,
    told: /^DamageError: the record of generation \d+ does not match/,
  },
  {
    what: 'an earlier record gone',
    sql: 'DELETE FROM record WHERE generation = (SELECT max(generation) - 1 FROM record)',
    told: /^DamageError: the record of generation \d+ is missing/,
  },
  { what: 'the head row gone', sql: 'DELETE FROM head', told: /^DamageError: the head row is missing/ },
  {
    what: 'the head row replaced by the older one',
    sql: 'DELETE FROM head; INSERT INTO head SELECT * FROM old.head',
    told: /^(StoreError 65|DamageError): /,
  },
  {
    what: "the image's id",
    sql: "UPDATE image SET value = 'abc' WHERE key = 'id'",
    told: /^DamageError: the head row/,
  },
  ...['generation', 'pages_folded', 'objects_folded', 'map_generation', 'object_count', 'output_count'].map(
    (column) => ({
      what: `head.${column}`,
      sql: `UPDATE head SET ${column} = ${column} + 1`,
      told: /^DamageError: the head row/,
    }),
  ),
  ...['record_hash', 'map_hash', 'object_sum', 'output_sum', 'program_hash', 'authentication'].map(
    (column) => ({
      what: `head.${column}`,
      sql: `UPDATE head SET ${column} = ${flipped(column, 3)}`,
      told: /^DamageError: the head row/,
    }),
  ),
];

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
    for (const { what, sql, told } of cases) {
      const found = await damaged(images, sql);
      assert.match(found, told, `${what}: '${found}'; ${repeat}`);
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
