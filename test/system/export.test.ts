/**
 * I.06, I.09: an image that is exported and imported is the same image; one flipped or missing byte is noticed; check and
 * repair say what is wrong and what is left.
 */
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { dispatch } from '../../src/cli/dispatch.ts';
import { bufferWriter } from '../../src/cli/output.ts';
import { openStore } from '../../src/persist/store/open.ts';
import { effects } from '../persist/store-tools.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { perdure, program } from './perdure.ts';

const cwd = scratchFolder();

async function call(...line: string[]) {
  const [stdout, stderr] = [bufferWriter(), bufferWriter()];
  const code = await dispatch(line, { stdout, stderr, env: {}, cwd });
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

/** Hash of the state in an image, whatever the file looks like. */
async function hashOf(name: string): Promise<string> {
  const copy = path.join(cwd, 'hashed.db');
  fs.copyFileSync(path.join(cwd, name), copy);
  const store = openStore(copy, { create: false, durability: 'process', effects });
  const hash = store.imageHash();
  await store.close();
  fs.rmSync(copy);
  return hash;
}

test.before(async () => {
  const words = ['run', '--clock', 'instructions', '--seed', '1', '--stop-at', '50000000'];
  const { status, stderr } = await perdure([...words, 'image.db', program('service'), '100000'], { cwd });
  assert.is(status, 0, stderr);
});

test('export and import give the same image, for any kept generation', async () => {
  for (const when of ['', '@HEAD~7', '@HEAD~2']) {
    assert.is((await call('fork', `image.db${when}`, 'forked.db')).code, 0);
    const exported = await call('export', `image.db${when}`, 'packed.zst');
    assert.is(exported.code, 0, exported.stderr);
    const imported = await call('import', 'packed.zst', 'again.db');
    assert.is(imported.code, 0, imported.stderr);
    assert.is(await hashOf('again.db'), await hashOf('forked.db'), when);
    if (when === '') assert.is(await hashOf('again.db'), await hashOf('image.db'));
    for (const name of ['forked.db', 'packed.zst', 'again.db']) fs.rmSync(path.join(cwd, name));
  }
});

test('an exported file with a flipped byte, or cut, or of something else is refused with 65 and leaves nothing', async () => {
  assert.is((await call('export', 'image.db', 'packed.zst')).code, 0);
  const whole = fs.readFileSync(path.join(cwd, 'packed.zst'));
  const bad: Buffer[] = [
    whole.subarray(0, whole.length - 1),
    whole.subarray(0, 1000),
    Buffer.from('no image'),
    Buffer.alloc(0),
  ];
  for (let i = 0; i < 24; i++) {
    const flipped = Buffer.from(whole);
    const at = Math.floor((i / 24) * whole.length);
    flipped[at] = (flipped[at] as number) ^ (1 << (i % 8));
    bad.push(flipped);
  }
  for (const bytes of bad) {
    fs.writeFileSync(path.join(cwd, 'bad.zst'), bytes);
    const before = fs.readdirSync(cwd).sort();
    const { code, stderr } = await call('import', 'bad.zst', 'bad.db');
    assert.is(code, 65, `${bytes.length} bytes: ${stderr}`);
    assert.match(stderr, /^perdure: .+\n {2}next: .+\n$/);
    assert.equal(fs.readdirSync(cwd).sort(), before, 'nothing is left behind');
  }
});

test('check names what is wrong, and repair makes an image of what is left, the damaged one untouched', async () => {
  assert.match((await call('check', '--deep', 'image.db')).stdout, /^image\.db is whole: generation \d+/);
  const file = path.join(cwd, 'broken.db');
  fs.copyFileSync(path.join(cwd, 'image.db'), file);
  const database = new Database(file);
  database.pragma('journal_mode = DELETE');
  // A page of the program's memory: only --deep looks at it.
  database.exec('UPDATE page SET content = zeroblob(4096) WHERE number = (SELECT max(number) FROM page)');
  database.close();
  const before = fs.readFileSync(file);
  assert.is((await call('check', 'broken.db')).code, 0);
  const deep = await call('check', '--deep', 'broken.db');
  assert.is(deep.code, 1, deep.stdout);
  assert.match(deep.stdout, /memory of program 1 at 0x/);
  const repaired = await call('repair', 'broken.db', 'repaired.db');
  assert.is(repaired.code, 0, repaired.stderr);
  assert.ok(fs.readFileSync(file).equals(before), 'the damaged file is as it was');
  assert.is((await call('check', '--deep', 'repaired.db')).code, 0);
  const on = await perdure(
    ['run', '--clock', 'instructions', '--out', 'o', '--stop-at', '60000000', 'repaired.db'],
    { cwd },
  );
  assert.is(on.status, 0, on.stderr);
});

test.run();
