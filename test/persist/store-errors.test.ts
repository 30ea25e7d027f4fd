/**
 * When the disk fails: nothing is acknowledged falsely, the owner is told, and after the cause is gone it goes on. And the
 * `sql` verb: what it prints and how it ends.
 */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Model } from './store-model.ts';
import { open, runChild, withImage } from './store-tools.ts';

const child = fileURLToPath(new URL('./store-child.ts', import.meta.url));
const command = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const SEED = 41;

test('a disk that is full stops the machine, and what was acknowledged is there when there is room again', async () => {
  await withImage(async (path) => {
    // A limit on the size of files, in units of 1024 bytes, stands for the full disk.
    const words = `trap '' XFSZ; ulimit -f 700; exec "$0" "$@"`;
    const program = [process.execPath, child, path, String(SEED), '3000', '', 'process'];
    const end = spawnSync('bash', ['-c', words, ...program], { encoding: 'utf8', timeout: 60_000 });
    assert.is(end.status, 1, end.stderr);
    assert.match(end.stderr, /StoreError: .*(disk is full|disk I\/O error)/);
    const acknowledged = Math.max(
      0,
      ...[...end.stdout.matchAll(/acknowledged (\d+)\n/g)].map((m) => Number(m[1])),
    );
    const store = open(path);
    const generation = store.head?.generation ?? 0;
    assert.ok(generation >= acknowledged && generation > 0, `${generation} >= ${acknowledged}`);
    assert.equal(Model.at(SEED, generation).differencesAtOpening(store), []);
    await store.close();
    const next = await runChild({ path, seed: SEED, last: generation + 20 });
    assert.is(next.code, 0, next.errors);
  });
});

test('after a failure of the worker nothing more is taken or acknowledged, and closing tells the failure', async () => {
  await withImage(async (path) => {
    const store = open(path);
    const model = new Model(SEED);
    model.advance(store);
    store.waitForCommit(1);
    // Somebody else writes the record that is next.
    const foreign = new Database(path);
    foreign.exec("INSERT INTO record VALUES (2, 1, x'00', x'00')");
    foreign.close();
    model.advance(store);
    assert.throws(() => store.waitForCommit(2), /UNIQUE|constraint/i);
    assert.ok(store.failure);
    assert.is(store.committed, 1);
    assert.throws(() => store.begin(0), /UNIQUE|constraint/i);
    let told = '';
    await store.close().catch((error: Error) => {
      told = error.message;
    });
    assert.match(told, /UNIQUE|constraint/i);
  });
});

async function sql(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [command, 'sql', ...words]);
    return { code: 0, stdout, stderr };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

test('perdure sql prints a table or JSON, and its exit codes say what was wrong', async () => {
  await withImage(async (path) => {
    const store = open(path);
    const model = new Model(SEED);
    while (model.generation < 3) model.advance(store);
    store.waitForCommit(3);
    const live = await sql(path, 'SELECT generation FROM state');
    assert.equal(live, { code: 0, stdout: 'generation\n         3\n', stderr: '' }, 'while it runs');
    await store.close();
    const query =
      "SELECT generation, tick, x'0a0b' AS bytes, NULL AS missing FROM checkpoint ORDER BY generation LIMIT 2";
    const json = await sql('--json', path, query);
    assert.equal(JSON.parse(json.stdout), [
      { generation: 1, tick: 1000, bytes: '0a0b', missing: null },
      { generation: 2, tick: 2000, bytes: '0a0b', missing: null },
    ]);
    const empty = await sql(path, 'SELECT name FROM program_summary');
    assert.is(empty.stdout, 'name\n');
    assert.is((await sql(path, 'SELEC')).code, 64);
    assert.is((await sql(path, 'DELETE FROM page')).code, 64);
    assert.is((await sql(`${path}-none`, 'SELECT 1')).code, 66);
    assert.not(existsSync(`${path}-none`));
    writeFileSync(`${path}-foreign`, 'words '.repeat(400));
    assert.is((await sql(`${path}-foreign`, 'SELECT 1')).code, 65);
    const damage = new Database(path);
    damage.exec('UPDATE head SET generation = 2');
    damage.close();
    const damaged = await sql(path, 'SELECT 1');
    assert.is(damaged.code, 65);
    assert.match(damaged.stderr, /damaged: the head row/);
  });
});

test.run();
