/**
 * A damaged image of a real machine: one line says what is lost, and the command in it brings the machine back.
 */
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { scratchFolder } from '../tools/scratch.ts';
import { type Outcome, perdure, program } from './perdure.ts';

const LAST = 60;

function read(file: string): string {
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
}

function change(image: string, sql: string): void {
  const database = new Database(image);
  assert.is(database.prepare(sql).run().changes, 1, sql);
  database.close();
}

/** The one line of a refusal: exit 65, no stack, and the command that it advises. */
function offeredBy(refused: Outcome, told: RegExp): string[] {
  assert.is(refused.status, 65, refused.stderr);
  assert.match(refused.stderr, told);
  assert.not.ok(/\n {4}at /.test(refused.stderr), refused.stderr);
  const [, command] = /perdure (fork \S+) NEW$/m.exec(refused.stderr) ?? [];
  assert.ok(command, refused.stderr);
  return (command as string).split(' ');
}

test('damage found at the first touch stops the machine, and before that nothing wrong is committed', async () => {
  const cwd = scratchFolder();
  const out = path.join(cwd, 'out.txt');
  const image = path.join(cwd, 'image.db');
  const run = ['run', '--clock', 'instructions', '--out'];
  const first = ['--stop-at', String(3e8), 'image.db', program('counter'), String(LAST), '3'];
  const stopped = await perdure([...run, 'out.txt', ...first], { cwd });
  assert.is(stopped.status, 0, stopped.stderr);
  const shown = read(out);
  assert.ok(shown.length > 100, shown);
  // Its own memory: a page that it touches when it goes on, after a first checkpoint.
  change(image, 'UPDATE page SET content = zeroblob(4096) WHERE number = (SELECT max(number) FROM page)');
  const refused = await perdure([...run, 'out.txt', 'image.db'], { cwd });
  const advised = offeredBy(
    refused,
    /image\.db is damaged: page \d+ of generation \d+ \(memory of program 1 at 0x[0-9a-f]+\): its content/,
  );
  assert.is(read(out), shown, 'nothing was written');
  assert.not.ok(fs.existsSync(`${image}-wal`) || fs.existsSync(`${image}-shm`), 'nothing is left beside it');
  const forked = await perdure([...advised, 'new.db'], { cwd });
  assert.is(forked.status, 0, forked.stderr);
  const ended = await perdure([...run, 'new.txt', 'new.db'], { cwd });
  assert.is(ended.status, 0, ended.stderr);
  const whole = Array.from({ length: LAST }, (_, i) => `count ${i + 1}\n`).join('');
  assert.is(read(path.join(cwd, 'new.txt')), whole.slice(shown.length), 'the rest, from where it was');
});

test.run();
