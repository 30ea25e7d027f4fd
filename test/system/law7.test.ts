/**
 * Law 7: nothing gets out before it is durable. The machine dies at each point around a commit; the bytes in the output
 * file are then never more than the newest committed generation covers.
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openStore } from '../../src/persist/store/open.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { perdure, program, sizeOf } from './perdure.ts';

const LINES = 400;
const reference = Array.from({ length: LINES }, (_, i) => `count ${i + 1}\n`).join('');
const run = ['run', '--clock', 'instructions', '--interval', '0.1', '--seed', '1', '--out', 'out.txt'];
const subject = ['image.db', program('counter'), String(LINES), '1'];

/** Bytes of output that the newest committed generation covers; null when there is none. */
async function covered(image: string): Promise<number | null> {
  const store = openStore(image, {
    create: false,
    durability: 'process',
    effects: { wallMs: () => 0, randomBytes, pid: process.pid },
  });
  const { head } = store;
  await store.close();
  if (head === null) return null;
  return (JSON.parse(head.border) as { output: { taken: number } }).output.taken;
}

async function dieAt(point: string): Promise<{ out: string; covered: number | null }> {
  const cwd = scratchFolder();
  const outcome = await perdure([...run, ...subject], { cwd, env: { PERDURE_CRASH_POINT: point } });
  assert.is(outcome.signal, 'SIGKILL', `${point}: ${outcome.stderr}`);
  const file = path.join(cwd, 'out.txt');
  const out = sizeOf(file) === 0 ? '' : fs.readFileSync(file, 'utf8');
  const bytes = await covered(path.join(cwd, 'image.db'));
  assert.ok(out.length <= (bytes ?? 0), `${point}: ${out.length} bytes are out, ${bytes} are committed`);
  assert.ok(reference.startsWith(out), `${point}: what is out is a beginning of the whole`);
  return { out, covered: bytes };
}

test('before the first commit no byte is out', async () => {
  for (const label of ['published', 'commit-begin', 'commit-body', 'commit-head', 'commit-before']) {
    const { out, covered: bytes } = await dieAt(`${label}:1`);
    if (label.startsWith('commit')) assert.is(bytes, null, `${label}: nothing is committed`);
    assert.is(label.startsWith('commit') ? out : '', '', label);
  }
});

test('later, only what a committed generation covers is out, at every point around a commit', async () => {
  let bytesOut = 0;
  for (const point of [
    'published:20',
    'commit-before:12',
    'commit-after:9',
    'acknowledged:15',
    'released:3',
  ]) {
    bytesOut += (await dieAt(point)).out.length;
  }
  assert.ok(bytesOut > 0, 'some output was out at all');
});

test('each step of the clock is a row of the checkpoint at which it was made', async () => {
  const cwd = scratchFolder();
  const args = ['run', '--seed', '1', '--interval', '5', 'image.db', program('counter'), '8', '20'];
  const outcome = await perdure(args, { cwd });
  assert.is(outcome.status, 0, outcome.stderr);
  const database = new Database(path.join(cwd, 'image.db'), { readonly: true });
  const rows = database
    .prepare(
      `SELECT j.data, c.tick, p.tick AS before FROM journal j JOIN checkpoint c ON c.generation = j.generation
       LEFT JOIN checkpoint p ON p.generation = j.generation - 1 WHERE j.kind = 'clock'`,
    )
    .all() as { data: Buffer; tick: number; before: number | null }[];
  database.close();
  assert.ok(rows.length > 0, 'the clock was stepped');
  for (const { data, tick, before } of rows) {
    const target = Number(data.readBigUInt64LE(0));
    assert.ok(target <= tick && target > (before ?? 0), `${before} < ${target} <= ${tick}`);
  }
});

test.run();
