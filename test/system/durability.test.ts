/**
 * P.04 with real processes: `--durability` reaches what it is about: SQLite's `synchronous` for the image, the side file
 * that a later life asks, the output file. What really survives a loss of power is shown by the power campaign.
 */
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { scratchFolder } from '../tools/scratch.ts';
import { perdure, program, sizeOf } from './perdure.ts';

/** Values of `PRAGMA synchronous`, sqlite.org/pragma.html. */
const NORMAL = 1;
const FULL = 2;

async function killed(options: readonly string[]): Promise<{ lines: string[]; side: unknown }> {
  const cwd = scratchFolder();
  const record = path.join(cwd, 'record');
  const out = path.join(cwd, 'out.txt');
  const outcome = await perdure(
    ['run', ...options, '--out', 'out.txt', 'image.db', program('counter'), '500', '5'],
    {
      cwd,
      env: { PERDURE_RECORD: record },
      preload: './record-syncs.ts',
      killWhen: () => sizeOf(out) > 60,
    },
  );
  assert.is(outcome.signal, 'SIGKILL', outcome.stderr);
  const side = new Database(path.join(cwd, 'image.db-side'), { readonly: true });
  const said = side.prepare('SELECT durability FROM owner').pluck().get();
  side.close();
  return { lines: fs.readFileSync(record, 'utf8').trimEnd().split('\n'), side: said };
}

test('power is the default: each commit and the output file are synced, and the side file says so', async () => {
  for (const options of [[], ['--durability', 'power']]) {
    const { lines, side } = await killed(options);
    assert.ok(lines.includes(`image.db synchronous ${FULL}`), lines.join('; '));
    assert.not.ok(lines.includes(`image.db synchronous ${NORMAL}`));
    assert.ok(lines.includes('output synced'));
    assert.is(side, 'power');
  }
});

test('process: the operating system is trusted with each commit and with the output file', async () => {
  const { lines, side } = await killed(['--durability', 'process']);
  assert.ok(lines.includes(`image.db synchronous ${NORMAL}`), lines.join('; '));
  assert.not.ok(lines.includes(`image.db synchronous ${FULL}`));
  assert.not.ok(lines.includes('output synced'));
  assert.is(side, 'process');
});

test('another word is refused with 64', async () => {
  const cwd = scratchFolder();
  const outcome = await perdure(['run', '--durability', 'disk', 'image.db', program('counter')], { cwd });
  assert.is(outcome.status, 64);
  assert.match(outcome.stderr, /process.*power/);
  assert.equal(fs.readdirSync(cwd), []);
});

test.run();
