/**
 * When the surroundings fail: one clear line, the documented exit code, and after the cause is gone it goes on with
 * nothing lost. Real processes. What needs a mount is done with one where that is allowed, else by a limit on file sizes.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findTool, testNeeding } from '../tools/needs.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { type Outcome, perdure, program, sizeOf } from './perdure.ts';

const counter = program('counter');
const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const counted = (last: number): string => Array.from({ length: last }, (_, i) => `count ${i + 1}\n`).join('');
const exact = ['run', '--clock', 'instructions', '--out', 'out.txt'];

/** One line of what, one of what next, no stack. */
function assertClear(outcome: Pick<Outcome, 'status' | 'stderr'>, status: number, told: RegExp): void {
  assert.is(outcome.status, status, outcome.stderr);
  assert.match(outcome.stderr, told);
  const lines = outcome.stderr
    .split('\n')
    .filter((line) => line !== '' && !/goes on at generation/.test(line));
  assert.is(lines.length, 2, outcome.stderr);
  assert.match(lines[1] ?? '', /^ {2}next: /);
}

async function assertGoesOn(cwd: string, image: string, last: number): Promise<void> {
  const again = await perdure([...exact, image, counter, String(last), '1'], { cwd });
  assert.is(again.status, 0, again.stderr);
  assert.is(fs.readFileSync(path.join(cwd, 'out.txt'), 'utf8'), counted(last));
}

/** A file system of this size at `folder`; false when this process may not mount. */
function mountSmall(folder: string, size: string): boolean {
  fs.mkdirSync(folder);
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]).status === 0;
}

test('a disk that fills up stops the machine with 74; with room again it goes on and no output is lost', async () => {
  const cwd = scratchFolder();
  const full = path.join(cwd, 'full');
  const isMounted = mountSmall(full, '300k');
  try {
    let outcome: Pick<Outcome, 'status' | 'stderr'>;
    if (isMounted) outcome = await perdure([...exact, 'full/image.db', counter, '2000', '1'], { cwd });
    else {
      const words = `trap '' XFSZ; ulimit -f 250; exec "$0" "$@"`;
      const args = [process.execPath, main, ...exact, 'full/image.db', counter, '2000', '1'];
      outcome = spawnSync('bash', ['-c', words, ...args], { cwd, encoding: 'utf8', timeout: 60_000 });
    }
    assertClear(outcome, 74, /image\.db: .*(disk is full|disk I\/O error)/);
    assert.ok(counted(2000).startsWith(fs.readFileSync(path.join(cwd, 'out.txt'), 'utf8')));
    if (isMounted) execFileSync('mount', ['-o', 'remount,size=50m', full]);
    await assertGoesOn(cwd, 'full/image.db', 2000);
  } finally {
    if (isMounted) execFileSync('umount', [full]);
  }
});

test('a folder that is missing, or in which nothing may be made, is exit 73 and one line', async () => {
  const cwd = scratchFolder();
  assertClear(
    await perdure(['run', 'nowhere/image.db', counter, '3', '1'], { cwd }),
    73,
    /folder does not exist/,
  );
  const closed = path.join(cwd, 'closed');
  fs.mkdirSync(closed);
  fs.chmodSync(closed, 0o555);
  fs.chmodSync(cwd, 0o755);
  const args = [process.execPath, main, 'run', 'closed/image.db', counter, '3', '1'];
  const isRoot = process.getuid?.() === 0;
  // Root may write everywhere: somebody else has to try.
  const canLeave = isRoot && findTool('setpriv') !== null;
  if (isRoot && !canLeave) return;
  const [first, ...rest] = canLeave ? ['setpriv', '--reuid=65534', '--clear-groups', ...args] : args;
  const outcome = spawnSync(first as string, rest, { cwd, encoding: 'utf8', timeout: 60_000 });
  assertClear(outcome, 73, /closed\/image\.db: .*(open|write)/);
  fs.chmodSync(closed, 0o755);
  await assertGoesOn(cwd, 'closed/image.db', 3);
});

test('another program that holds a lock on the image for a moment delays it, for long stops it with 69', async () => {
  const cwd = scratchFolder();
  const image = path.join(cwd, 'image.db');
  let foreign: Database.Database | null = null;
  let holdMs = 1500;
  const hold = (): void => {
    if (foreign !== null || !fs.existsSync(`${image}-wal`) || sizeOf(path.join(cwd, 'out.txt')) === 0) return;
    foreign = new Database(image, { timeout: 3000 });
    foreign.exec('BEGIN IMMEDIATE');
    if (holdMs > 0) setTimeout(free, holdMs);
  };
  const free = (): void => {
    foreign?.exec('ROLLBACK');
    foreign?.close();
  };
  const args = ['run', '--out', 'out.txt', 'image.db', counter, '150', '10'];
  const watch = setInterval(hold, 5);
  const moment = await perdure(args, { cwd });
  clearInterval(watch);
  assert.is(moment.status, 0, moment.stderr);
  assert.is(fs.readFileSync(path.join(cwd, 'out.txt'), 'utf8'), counted(150));

  fs.rmSync(path.join(cwd, 'out.txt'));
  fs.rmSync(image);
  foreign = null;
  holdMs = 0;
  const again = setInterval(hold, 5);
  const long = await perdure(args, { cwd });
  clearInterval(again);
  assertClear(long, 69, /image\.db is locked by another program/);
  const locked = await perdure(['run', '--out', 'out.txt', 'image.db'], { cwd });
  assertClear(locked, 69, /image\.db is locked by another program/);
  free();
  const end = await perdure(['run', '--out', 'out.txt', 'image.db'], { cwd });
  assert.is(end.status, 0, end.stderr);
  assert.is(fs.readFileSync(path.join(cwd, 'out.txt'), 'utf8'), counted(150));
});

testNeeding(test, 'gcc')(
  'a file system without shared memory is exit 74 and one line; elsewhere it goes on',
  async () => {
    const cwd = scratchFolder();
    const library = path.join(cwd, 'no-shared-memory.so');
    const source = fileURLToPath(new URL('./no-shared-memory.c', import.meta.url));
    execFileSync('gcc', ['-shared', '-fPIC', '-o', library, source, '-ldl']);
    const args = [...exact, 'image.db', counter, '3', '1'];
    assertClear(await perdure(args, { cwd, env: { LD_PRELOAD: library } }), 74, /image\.db: .*shared memory/);
    await assertGoesOn(cwd, 'image.db', 3);
    assertClear(await perdure(args, { cwd, env: { LD_PRELOAD: library } }), 74, /image\.db: .*shared memory/);
  },
);

test.run();
