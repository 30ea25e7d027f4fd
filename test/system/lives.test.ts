/**
 * P.12 with real processes: a program is told how each life of its machine began, with an id that no other life has; the
 * clock goes on, the wall clock is the host's, and all of it came in as rows.
 */
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { life, lifeKinds } from '../../src/kernel/abi/memory.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { perdure, program, sizeOf } from './perdure.ts';

const lives = program('lives');
const tickets = (text: string): number[] =>
  [...text.matchAll(/^ticket [0-9a-f]{4}-(\d+)$/gm)].map((match) => Number(match[1]));
const notices = (text: string): string[] =>
  [...text.matchAll(/^notice: (life \d+ \w+)/gm)].map(([, what]) => what ?? '');
const ids = (text: string): string[] => [...text.matchAll(/ ([0-9a-f]{32}) /g)].map(([, id]) => id ?? '');

function rows(image: string, kind: string): { generation: number; data: Buffer }[] {
  const database = new Database(image, { readonly: true });
  const found = database
    .prepare('SELECT generation, data FROM journal WHERE kind = ? ORDER BY generation')
    .all(kind) as { generation: number; data: Buffer }[];
  database.close();
  return found;
}

test('each restart is told once, with a new id, and tickets go on without a gap', async () => {
  const cwd = scratchFolder();
  const out = path.join(cwd, 'out.txt');
  const args = ['run', '--out', 'out.txt', 'image.db'];
  const text = (): string => (sizeOf(out) === 0 ? '' : fs.readFileSync(out, 'utf8'));
  for (let round = 1; round <= 3; round++) {
    const enough = tickets(text()).length + 3;
    const outcome = await perdure(round === 1 ? [...args, lives, '120', '10'] : args, {
      cwd,
      killWhen: () => tickets(text()).length >= enough,
    });
    assert.is(outcome.signal, 'SIGKILL', outcome.stderr);
  }
  const last = await perdure(args, { cwd });
  assert.is(last.status, 0, last.stderr);
  assert.equal(
    tickets(text()),
    Array.from({ length: 120 }, (_, i) => i + 1),
  );
  assert.equal(notices(text()), ['life 2 resumed', 'life 3 resumed', 'life 4 resumed']);
  // Of four lives, the last named twice: by the notice and at the end.
  assert.is(new Set(ids(text())).size, 4);
  const entered = rows(path.join(cwd, 'image.db'), 'life').map(({ data }) =>
    life.read(new DataView(data.buffer, data.byteOffset, data.length), 0),
  );
  assert.equal(
    entered.map(({ kind, count }) => [Number(kind), Number(count)]),
    [
      [lifeKinds.created, 1],
      [lifeKinds.resumed, 2],
      [lifeKinds.resumed, 3],
      [lifeKinds.resumed, 4],
    ],
  );
  entered.forEach((each, i) => {
    const before = entered[i - 1];
    if (before === undefined) return;
    assert.ok(each.monotonic > before.monotonic, 'the monotonic clock goes on');
    assert.ok(each.wall > before.wall, 'the wall clock is the host’s');
  });
  assert.is(
    rows(path.join(cwd, 'image.db'), 'wall').length,
    4,
    'the wall clock enters as a row of each life',
  );
});

test('a life that dies before its first checkpoint never was', async () => {
  for (const point of ['copied:1', 'commit-before:1', 'acknowledged:1']) {
    const cwd = scratchFolder();
    await perdure(['run', '--stop-at', '100000', 'image.db', lives, '3', '1'], { cwd });
    const died = await perdure(['run', 'image.db'], { cwd, env: { PERDURE_CRASH_POINT: point } });
    assert.is(died.signal, 'SIGKILL', died.stderr);
    const last = await perdure(['run', 'image.db'], { cwd });
    assert.is(last.status, 0, last.stderr);
    const count = point.startsWith('acknowledged') ? 3 : 2;
    assert.match(last.stdout, new RegExp(`^main: life ${count} resumed `, 'm'), point);
    assert.is(rows(path.join(cwd, 'image.db'), 'life').length, count);
  }
});

test('an image that was put back or copied is told so, has another seed, and leaves the old output file alone', async () => {
  for (const origin of ['restored', 'forked'] as const) {
    const cwd = scratchFolder();
    const before = await perdure(
      [
        'run',
        '--clock',
        'instructions',
        '--stop-at',
        '20000000',
        '--out',
        'out.txt',
        'image.db',
        lives,
        '8',
        '1',
      ],
      { cwd },
    );
    assert.is(before.status, 0, before.stderr);
    const shown = fs.readFileSync(path.join(cwd, 'out.txt'), 'utf8');
    assert.ok(tickets(shown).length >= 1 && tickets(shown).length < 8, shown);
    const other = { cwd, env: { PERDURE_ORIGIN: origin }, preload: './put-back.ts' };
    const refused = await perdure(['run', '--out', 'out.txt', 'image.db'], other);
    assert.is(refused.status, 65, refused.stderr);
    const after = await perdure(['run', '--out', 'new.txt', 'image.db'], other);
    assert.is(after.status, 0, after.stderr);
    assert.is(fs.readFileSync(path.join(cwd, 'out.txt'), 'utf8'), shown);
    const text = fs.readFileSync(path.join(cwd, 'new.txt'), 'utf8');
    assert.equal(notices(text), [`life 2 ${origin}`]);
    assert.equal(tickets(shown + text), [1, 2, 3, 4, 5, 6, 7, 8]);
    const names = (out: string): string[] =>
      [...out.matchAll(/^ticket ([0-9a-f]{4})-/gm)].map(([, n]) => n ?? '');
    assert.is.not(names(shown).at(-1), names(text).at(-1), 'tickets have another name');
    assert.is(rows(path.join(cwd, 'image.db'), 'seed').length, 1);
  }
});

test('the wall clock is the host’s in each life, and counts from 1970 with --clock instructions', async () => {
  const cwd = scratchFolder();
  const before = Math.floor(Date.now() / 1000);
  const real = await perdure(['run', 'real.db', lives, '1', '1'], { cwd });
  const seconds = (text: string): number => Number(/ at (\d+) s/.exec(text)?.[1]);
  assert.ok(seconds(real.stdout) >= before && seconds(real.stdout) <= before + 60, real.stdout);
  const counted = await perdure(['run', '--clock', 'instructions', 'counted.db', lives, '1', '1'], { cwd });
  assert.is(seconds(counted.stdout), 0);
  assert.equal(rows(path.join(cwd, 'counted.db'), 'wall'), []);
});

test.run();
