/**
 * P.05 through the command line: a generation that is kept becomes an image of its own, beside a machine that runs, or the
 * head again; the life that follows is told so, detached, and goes on from there to the end.
 */
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { scratchFolder } from '../tools/scratch.ts';
import { type Outcome, perdure, program, sizeOf } from './perdure.ts';

const LAST = 120;
const tickets = (text: string): number[] =>
  [...text.matchAll(/^ticket [0-9a-f]{4}-(\d+)$/gm)].map((match) => Number(match[1]));

function read(file: string): string {
  return sizeOf(file) === 0 ? '' : fs.readFileSync(file, 'utf8');
}

/** What the life wrote goes on to the last ticket without a gap, from not after `next`. */
function assertGoesOn(text: string, kind: string, next: number): void {
  assert.match(text, new RegExp(`^notice: life 2 ${kind} `, 'm'));
  const found = tickets(text);
  const first = found[0] ?? 0;
  assert.ok(first >= 1 && first <= next, `${first} is not after ${next}`);
  assert.equal(
    found,
    Array.from({ length: LAST - first + 1 }, (_, i) => first + i),
  );
}

test('a fork beside a running machine, and a restore after a kill, go on by themselves and know what they are', async () => {
  const cwd = scratchFolder();
  const out = path.join(cwd, 'out.txt');
  const count = (): number => tickets(read(out)).length;
  let beside: Promise<Outcome[]> | null = null;
  let next = 0;
  let isForked = false;
  const ended = await perdure(['run', '--out', 'out.txt', 'image.db', program('lives'), String(LAST), '20'], {
    cwd,
    killWhen: () => {
      if (beside === null && count() >= 5) {
        beside = Promise.all([
          perdure(['fork', 'image.db', 'fork.db'], { cwd }),
          perdure(['restore', 'image.db@HEAD~1'], { cwd }),
        ]).then((outcomes) => {
          next = count() + 2;
          isForked = true;
          return outcomes;
        });
      }
      return isForked && count() >= next + 3;
    },
  });
  const [fork, refused] = (await (beside as Promise<Outcome[]> | null)) ?? [];
  assert.is(fork?.status, 0, fork?.stderr);
  assert.is(refused?.status, 69, 'no restore while it runs');
  assert.is(ended.signal, 'SIGKILL', 'the machine went on meanwhile');

  const forked = await perdure(['run', '--out', 'forked.txt', 'fork.db'], { cwd });
  assert.is(forked.status, 0, forked.stderr);
  assertGoesOn(read(path.join(cwd, 'forked.txt')), 'forked', next);

  const before = count();
  const restore = await perdure(['restore', '--json', 'image.db@HEAD~5'], { cwd });
  assert.is(restore.status, 0, restore.stderr);
  const made = JSON.parse(restore.stdout) as { generation: number; restored: number };
  const again = await perdure(['run', '--out', 'restored.txt', 'image.db'], { cwd });
  assert.is(again.status, 0, again.stderr);
  assertGoesOn(read(path.join(cwd, 'restored.txt')), 'restored', before + 1);
  assert.is(count(), before, 'the file of the old line is left alone');

  // The old line is still there: the same generation once more, as an image of its own.
  const old = await perdure(['fork', `image.db@${made.restored}`, 'old.db'], { cwd });
  assert.is(old.status, 0, old.stderr);
  const run = await perdure(['run', '--out', 'old.txt', 'old.db'], { cwd });
  assert.is(run.status, 0, run.stderr);
  assertGoesOn(read(path.join(cwd, 'old.txt')), 'forked', before + 1);
});

test('what cannot be gone back to is one line', async () => {
  const cwd = scratchFolder();
  await perdure(['run', 'image.db', program('lives'), '2', '1'], { cwd });
  const cases: readonly [string[], number, RegExp][] = [
    [['fork', 'image.db@99999', 'new.db'], 66, /generation 99999 is not kept/],
    [['restore', 'image.db@HEAD~99999'], 66, /no generation is kept for 'HEAD~99999'/],
    [['restore', 'image.db@2001-01-01T00:00:00Z'], 66, /no generation is kept/],
    [['restore', 'image.db'], 64, /which generation/],
    [['fork', 'image.db', 'image.db'], 73, /exists already/],
    [['fork', 'nowhere.db', 'new.db'], 66, /nowhere\.db/],
    [['run', '--keep', 'sometimes', 'image.db'], 64, /--keep sometimes/],
  ];
  for (const [args, status, message] of cases) {
    const outcome = await perdure(args, { cwd });
    assert.is(outcome.status, status, `${args.join(' ')}: ${outcome.stderr}`);
    assert.match(outcome.stderr, message);
    assert.not.ok(/\n {4}at /.test(outcome.stderr), outcome.stderr);
  }
  assert.equal(fs.readdirSync(cwd), ['image.db'], 'nothing is left behind');
});

test.run();
