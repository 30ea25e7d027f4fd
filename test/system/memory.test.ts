/**
 * P.02: RAM out of bounds, and pools that are killed. Memory beyond the RAM, another RAM in each life and kills:
 * test/system/determinism.test.ts, and at length `npm run -s memory`; the store alone: test/persist/store-space.test.ts.
 */
import path from 'node:path';
import Database from 'better-sqlite3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { scratchFolder } from '../tools/scratch.ts';
import { perdure, program, sizeOf } from './perdure.ts';

test('RAM below the least or above the most is refused in one line that says both, and nothing is made', async () => {
  const cwd = scratchFolder();
  for (const ram of ['8M', '16383K', '4G']) {
    const { status, stderr } = await perdure(['run', '--ram', ram, 'image.db', program('pools')], { cwd });
    assert.is(status, 64);
    assert.match(stderr, new RegExp(`^perdure: --ram ${ram}: out of range, 16M to 3G is possible\n`));
    assert.is(sizeOf(path.join(cwd, 'image.db')), 0);
  }
});

test('what was killed with its pool is in no row of the image, and its file is small', async () => {
  const cwd = scratchFolder();
  const rounds = 40;
  const all = [
    'run',
    '--clock',
    'instructions',
    '--durability',
    'process',
    '--interval',
    '5',
    '--ram',
    '16M',
  ];
  const { status, stdout, stderr } = await perdure(
    [...all, 'image.db', program('pools'), String(rounds), '64'],
    { cwd },
  );
  assert.is(status, 0, stderr);
  assert.match(stdout, new RegExp(`^round ${rounds} hash [0-9a-f]{16}\n$`, 'm'));
  const reader = new Database(path.join(cwd, 'image.db'), { readonly: true });
  const count = (table: string): number =>
    reader.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number;
  assert.ok(count('page') < 40, `${count('page')} pages: the program's own`);
  assert.ok(count('object') < 40, `${count('object')} objects: the program's own`);
  reader.close();
});

test.run();
