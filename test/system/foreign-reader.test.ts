/**
 * Somebody reads the image of a running machine and does not stop: commits go on, the log grows, and the machine says so.
 */
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { storeLimits } from '../../src/persist/store/limits.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { perdure, program, sizeOf } from './perdure.ts';

/** Begins to read, and stays; null when there is nothing to read yet. */
function beginToRead(image: string): Database.Database | null {
  let database: Database.Database | null = null;
  try {
    database = new Database(image, { readonly: true });
    database.exec('BEGIN');
    database.prepare('SELECT generation FROM head').get();
    return database;
  } catch {
    database?.close();
    return null;
  }
}

// 128 MiB of log take their time: without CI the reader stays as well, but the log stays shorter.
const isLong = process.env.CI === 'true';

test('a foreign reader that stays stalls no commit; the operator is told how long the log has become', async () => {
  const cwd = scratchFolder();
  const log = path.join(cwd, 'image.db-wal');
  let reader: Database.Database | null = null;
  const out = (): string => fs.readFileSync(path.join(cwd, 'out.txt'), 'utf8');
  // Writes 8 MiB over and over, as whole pages.
  const args = [
    '--durability',
    'process',
    '--out',
    'out.txt',
    'image.db',
    program('sweep'),
    '8',
    isLong ? '100' : '20',
  ];
  const ended = await perdure(['run', '--clock', 'instructions', ...args], {
    cwd,
    killWhen: () => {
      if (reader === null && sizeOf(log) > 0) reader = beginToRead(path.join(cwd, 'image.db'));
      return false;
    },
  });
  const stayed = reader as Database.Database | null;
  assert.ok(stayed?.inTransaction, 'it read to the end');
  stayed?.close();
  assert.is(ended.status, 0, ended.stderr);
  assert.match(out(), /./);
  if (!isLong) return;
  const told = /image\.db-wal has grown to (\d+) MiB: somebody who reads the image/.exec(ended.stderr);
  assert.ok(told, `${sizeOf(log)} bytes of log; ${ended.stderr}`);
  assert.ok(Number(told?.[1]) * 2 ** 20 >= storeLimits.logBytesMax - 2 ** 20, told?.[0]);
});

test.run();
