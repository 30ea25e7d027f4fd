/** `perdure run` as a person uses it: programs end with their status, go on after SIGKILL, refuse what does not fit. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { scratchFolder } from '../tools/scratch.ts';
import { perdure, program, readReport, sizeOf } from './perdure.ts';

const counter = program('counter');
const numbers = (text: string): number[] => [...text.matchAll(/\d+/g)].map((match) => Number(match[0]));
const hashOf = (file: string): string => createHash('sha256').update(fs.readFileSync(file)).digest('hex');

test('a program runs to its end, and the machine returns its status and leaves one file', async () => {
  const cwd = scratchFolder();
  const outcome = await perdure(['run', 'image.db', program('hello'), 'a', 'b'], { cwd });
  assert.is(outcome.status, 2, outcome.stderr);
  assert.match(outcome.stdout, /hello/i);
  assert.equal(fs.readdirSync(cwd), ['image.db']);
});

test('run PROGRAM.elf alone makes ./PROGRAM.db and says so', async () => {
  const cwd = scratchFolder();
  const outcome = await perdure(['run', counter, '3', '1'], { cwd });
  assert.is(outcome.status, 0, outcome.stderr);
  assert.match(outcome.stderr, /counter\.db/);
  assert.ok(fs.existsSync(path.join(cwd, 'counter.db')));
});

test('a counter that is killed with SIGKILL goes on with the next number', async () => {
  const cwd = scratchFolder();
  const args = ['run', '--out', 'out.txt', 'image.db'];
  const first = await perdure([...args, counter, '60', '5'], {
    cwd,
    killWhen: () => sizeOf(path.join(cwd, 'out.txt')) > 0,
  });
  assert.is(first.signal, 'SIGKILL');
  const second = await perdure(args, { cwd });
  assert.is(second.status, 0, second.stderr);
  assert.match(second.stderr, /goes on at generation \d+/);
  const undisturbed = await perdure(['run', '--out', 'other.txt', 'other.db', counter, '60', '5'], { cwd });
  assert.is(undisturbed.status, 0);
  const text = fs.readFileSync(path.join(cwd, 'out.txt'), 'utf8');
  assert.is(text, fs.readFileSync(path.join(cwd, 'other.txt'), 'utf8'));
  assert.ok(numbers(text).length >= 60);
});

test('an image whose program has ended gives its status again and runs nothing', async () => {
  const cwd = scratchFolder();
  await perdure(['run', 'image.db', counter, '3', '1'], { cwd });
  const before = hashOf(path.join(cwd, 'image.db'));
  const again = await perdure(['run', 'image.db'], { cwd });
  assert.is(again.status, 0, again.stderr);
  assert.is(again.stdout, '');
  assert.match(again.stderr, /ended/);
  assert.ok(before.length > 0);
});

test('an image that lost its owner while SQLite changed its journal is still that image', async () => {
  const cwd = scratchFolder();
  const args = ['run', '--out', 'out.txt', 'image.db', counter, '40', '1'];
  const stopped = await perdure(
    ['run', '--clock', 'instructions', '--stop-at', '20000000', ...args.slice(1)],
    { cwd },
  );
  assert.is(stopped.status, 0, stopped.stderr);
  // What a kill in the last moment of a clean stop leaves: a change half made, and the journal that takes it back.
  const dies = `
    import Database from 'better-sqlite3';
    const database = new Database('image.db');
    database.pragma('cache_size = 1');
    database.exec("BEGIN; UPDATE page SET content = zeroblob(4096); UPDATE object SET state = '{}'");
    process.kill(process.pid, 'SIGKILL');`;
  fs.writeFileSync(path.join(cwd, 'dies.mjs'), dies);
  fs.symlinkSync(
    fileURLToPath(new URL('../../node_modules', import.meta.url)),
    path.join(cwd, 'node_modules'),
  );
  assert.is(spawnSync(process.execPath, ['dies.mjs'], { cwd }).signal, 'SIGKILL');
  assert.ok(sizeOf(path.join(cwd, 'image.db-journal')) > 0, 'the journal is left');
  const ended = await perdure(args, { cwd });
  assert.is(ended.status, 0, ended.stderr);
  assert.is(numbers(fs.readFileSync(path.join(cwd, 'out.txt'), 'utf8')).length, 40);
});

test('another program or other arguments are refused with 64, and nothing is changed', async () => {
  const cwd = scratchFolder();
  await perdure(['run', '--clock', 'instructions', '--stop-at', '50000', 'image.db', counter, '100'], {
    cwd,
  });
  const before = hashOf(path.join(cwd, 'image.db'));
  for (const operands of [
    [counter, '200'],
    [program('hello'), '100'],
  ]) {
    const refused = await perdure(['run', 'image.db', ...operands], { cwd });
    assert.is(refused.status, 64);
    assert.match(refused.stderr, /--fresh/);
  }
  assert.is(hashOf(path.join(cwd, 'image.db')), before);
  assert.equal(fs.readdirSync(cwd), ['image.db'], 'and no log is left beside it');
});

test('--fresh keeps the old image aside and starts anew', async () => {
  const cwd = scratchFolder();
  await perdure(['run', 'image.db', counter, '3', '1'], { cwd });
  const fresh = await perdure(['run', '--fresh', 'image.db', counter, '5', '1'], { cwd });
  assert.is(fresh.status, 0, fresh.stderr);
  assert.is(numbers(fresh.stdout).at(-1), 5);
  assert.is(fs.readdirSync(cwd).filter((file) => file.startsWith('image.db')).length, 2);
});

test('a missing image without a program is one clear line and exit 66', async () => {
  const outcome = await perdure(['run', 'nothing.db'], { cwd: scratchFolder() });
  assert.is(outcome.status, 66);
  assert.match(outcome.stderr, /nothing\.db/);
});

test('input that is piped in reaches the program, and its end ends it', async () => {
  const cwd = scratchFolder();
  const outcome = await perdure(['run', 'image.db', program('echo')], { cwd, input: 'one\ntwo\nthree\n' });
  assert.is(outcome.status, 0, outcome.stderr);
  assert.is(outcome.stdout, '1: one\n2: two\n3: three\necho: 3 lines\n');
});

test('Ctrl-C takes a last checkpoint, exits with 130, and the image goes on', async () => {
  const cwd = scratchFolder();
  let interrupted = false;
  const first = await perdure(['run', 'image.db', counter, '30', '10'], {
    cwd,
    onOutput: (text, kill) => {
      if (interrupted || numbers(text).length < 5) return;
      interrupted = true;
      kill('SIGINT');
    },
  });
  assert.is(first.status, 130, first.stderr);
  assert.equal(fs.readdirSync(cwd), ['image.db']);
  const second = await perdure(['run', 'image.db'], { cwd });
  assert.is(second.status, 0, second.stderr);
  const all = numbers(first.stdout + second.stdout);
  assert.equal(all, [...new Set(all)], 'after a clean stop no byte comes twice');
  assert.is(all.at(-1), 30);
});

test('a second machine on one image is refused with 69 while the first runs, and perdure kill ends the first', async () => {
  const cwd = scratchFolder();
  let outcomes: Promise<readonly [number | null, number | null]> | null = null;
  const first = await perdure(['run', 'image.db', counter, '100000', '5'], {
    cwd,
    onOutput: () => {
      outcomes ??= perdure(['run', 'image.db'], { cwd }).then(async (second) => {
        const kill = await perdure(['kill', 'image.db'], { cwd });
        return [second.status, kill.status] as const;
      });
    },
  });
  assert.is(first.signal, 'SIGKILL');
  assert.equal(await outcomes, [69, 0]);
});

test('the report says how the run ended', async () => {
  const cwd = scratchFolder();
  await perdure(['run', '--report', 'report.json', 'image.db', counter, '3', '1'], { cwd });
  const report = readReport(cwd);
  assert.is(report.ended, 'exit');
  assert.is(report.status, 0);
  assert.ok(report.instructions > 0);
});

test('hart refuses a program that was built for the kernel, and says what to do', async () => {
  const outcome = await perdure(['hart', program('hello')], { cwd: scratchFolder() });
  assert.is(outcome.status, 65);
  assert.match(outcome.stderr, /perdure run .*hello\.elf/);
});

test.run();
