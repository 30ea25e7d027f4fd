/**
 * I.06 through the command line: names for generations, also of a machine under load; `gc` shows first, deletes with --yes, and
 * what stays goes on as before.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { dispatch } from '../../src/cli/dispatch.ts';
import { bufferWriter } from '../../src/cli/output.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { perdure, program, sizeOf } from './perdure.ts';

const isLong = process.env.CI !== undefined;
const TAGS = isLong ? 8 : 3;
const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** Calls a verb that has no guest in this process. */
async function call(cwd: string, ...words: string[]) {
  const [stdout, stderr] = [bufferWriter(), bufferWriter()];
  const status = await dispatch(words, { stdout, stderr, env: {}, cwd });
  return { status, stdout: stdout.text(), stderr: stderr.text() };
}

async function json<T>(cwd: string, verb: string, ...words: string[]): Promise<T> {
  const { status, stdout, stderr } = await call(cwd, verb, '--json', ...words);
  assert.is(status, 0, `${verb} ${words.join(' ')}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

interface Given {
  readonly generation: number;
}

test('a machine under load is tagged again and again, thins its history meanwhile, and keeps what was tagged', async () => {
  const cwd = scratchFolder();
  const out = path.join(cwd, 'out');
  const words = ['run', '--keep', 'all:20ms,10ms:50ms,size:64K', '--out', 'out'];
  const child = spawn(process.execPath, [main, ...words, 'image.db', program('service'), '100000000'], {
    cwd,
    stdio: 'ignore',
  });
  const ended = once(child, 'exit');
  const threads = async (when: number): Promise<string> =>
    (await call(cwd, 'sql', '--json', `image.db@${when}`, 'SELECT address, retired, pc, sp FROM thread'))
      .stdout;
  const seen = new Map<number, string>();
  try {
    while (sizeOf(out) === 0 && child.exitCode === null) await new Promise((done) => setTimeout(done, 20));
    for (let i = 0; i < TAGS; i++) {
      const before = sizeOf(out);
      const { generation } = await json<Given>(cwd, 'tag', '-m', `the ${i}th`, 'image.db', `t${i}`);
      seen.set(generation, await threads(generation));
      while (sizeOf(out) === before && child.exitCode === null)
        await new Promise((done) => setTimeout(done, 5));
    }
    assert.is((await call(cwd, 'tag', 'image.db', 't1')).status, 73, 'a name is given once');
    assert.is((await call(cwd, 'tag', '-d', 'image.db', 't1')).status, 0);
    assert.is((await call(cwd, 'gc', '--yes', 'image.db')).status, 69, 'nothing is deleted while it runs');
    assert.is(child.exitCode, null, 'the machine still runs');
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
  // A life whose clean stop folds everything, and thins what is too much.
  assert.is((await perdure(['run', '--stop-at', '1', '--out', 'out', 'image.db'], { cwd })).status, 0);
  const tags = await json<(Given & { name: string; message: string })[]>(cwd, 'tag', 'image.db');
  assert.equal(
    tags.map(({ name }) => name).sort(),
    Array.from({ length: TAGS }, (_, i) => `t${i}`)
      .filter((name) => name !== 't1')
      .sort(),
  );
  const kept = new Set(
    (await json<Given[]>(cwd, 'log', '-n', '100000', 'image.db')).map(({ generation }) => generation),
  );
  for (const { generation, name } of tags) {
    assert.ok(kept.has(generation), `${name} is kept`);
    assert.is(await threads(generation), seen.get(generation), `${name} answers as it did`);
  }
  const newest = Math.max(...kept);
  assert.ok(newest > 5, `${newest} generations`);
  assert.ok(kept.size < newest / 2, `others were thinned: ${kept.size} of ${newest} are left`);
  const { stdout } = await call(cwd, 'log', '--oneline', '-n', '100000', 'image.db');
  assert.match(stdout, new RegExp(` \\(t${TAGS - 1}\\) `));
  assert.is((await call(cwd, 'fork', 'image.db@t0', 'first.db')).status, 0);
});

interface Plan {
  readonly gone: readonly number[];
  readonly goneOfLines: readonly number[];
  readonly kept: number;
}

test('gc shows what it would do, does it with --yes, and the image goes on to the same end', async () => {
  const cwd = scratchFolder();
  const run = (...more: string[]) =>
    perdure(['run', '--clock', 'instructions', '--seed', '1', '--ram', '16M', '--keep', 'all:1h', ...more], {
      cwd,
    });
  assert.is((await run('--stop-at', '16000000', 'image.db', program('transcript'), '60')).status, 0);
  await call(cwd, 'tag', 'image.db@HEAD~2', 'two');
  assert.is((await call(cwd, 'restore', 'image.db@two')).status, 0);
  assert.is((await run('--stop-at', '18000000', 'image.db')).status, 0);
  const bytes = fs.readFileSync(path.join(cwd, 'image.db'));
  const shown = await json<Plan>(cwd, 'gc', 'image.db');
  assert.ok(
    shown.goneOfLines.length > 0 && shown.goneOfLines.length === shown.gone.length,
    JSON.stringify(shown),
  );
  assert.match(
    (await call(cwd, 'gc', '--dry-run', '--yes', 'image.db')).stdout,
    /lines that a restore left: \d+ to \d+/,
  );
  assert.ok(fs.readFileSync(path.join(cwd, 'image.db')).equals(bytes), 'nothing was changed');
  fs.copyFileSync(path.join(cwd, 'image.db'), path.join(cwd, 'copy.db'));
  const done = await json<Plan & { before: number; after: number }>(cwd, 'gc', '--yes', 'image.db');
  assert.equal(done.gone, shown.gone);
  assert.ok(done.after <= done.before, `${done.before} bytes before, ${done.after} after`);
  assert.equal((await json<Plan>(cwd, 'gc', 'image.db')).gone, [], 'nothing is left to do');
  assert.is((await call(cwd, 'check', '--deep', 'image.db')).status, 0);
  // To keep nothing but the tag and the newest.
  await json<Plan>(cwd, 'gc', '--keep', 'none', '-y', 'image.db');
  const left = (await json<Given[]>(cwd, 'log', 'image.db')).map(({ generation }) => generation);
  assert.ok(left.length <= 3 && left.length >= 2, left.join(' '));
  const end = await run('image.db');
  assert.is(end.status, 0, end.stderr);
  if (isLong)
    assert.is(end.stdout, (await run('copy.db')).stdout, 'the copy that nothing was taken from ends alike');
});

test('what cannot be tagged, and a gc that is asked wrongly, is one line', async () => {
  const cwd = scratchFolder();
  await perdure(['run', 'image.db', program('transcript'), '2'], { cwd });
  const cases: readonly [string[], number, RegExp][] = [
    [['tag', 'image.db', 'HEAD'], 64, /is no name for a generation/],
    [['tag', 'image.db', '17'], 64, /is no name for a generation/],
    [['tag', '-d', 'image.db'], 64, /which tag/],
    [['tag', '-d', 'image.db', 'none'], 66, /there is no tag 'none'/],
    [['tag', 'image.db@99999', 'late'], 66, /generation 99999 is not kept/],
    [['tag', '-d', 'image.db@HEAD', 'x'], 64, /needs nothing else/],
    [['gc', 'image.db@HEAD'], 64, /about all generations/],
    [['gc', '--keep', 'sometimes', 'image.db'], 64, /is no ladder/],
    [['gc', '--yes', 'nowhere.db'], 66, /nowhere\.db/],
  ];
  for (const [words, status, message] of cases) {
    const outcome = await call(cwd, ...words);
    assert.is(outcome.status, status, `${words.join(' ')}: ${outcome.stderr}`);
    assert.match(outcome.stderr, message);
  }
  assert.equal(fs.readdirSync(cwd), ['image.db'], 'nothing is left behind');
});

test.run();
