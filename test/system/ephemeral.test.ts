/** `perdure run --ephemeral`: kernel, border and program, without an image; nothing is left, and nothing is different. */
import fs from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { scratchFolder } from '../tools/scratch.ts';
import { perdure, program, readReport } from './perdure.ts';

test('a program runs to its end with its arguments and status, and no file is left', async () => {
  const cwd = scratchFolder();
  const outcome = await perdure(['run', '--ephemeral', program('hello'), 'a', '--b'], { cwd });
  const kept = await perdure(['run', 'image.db', program('hello'), 'a', '--b'], { cwd: scratchFolder() });
  assert.is(outcome.status, kept.status, outcome.stderr);
  assert.is(outcome.stdout, kept.stdout);
  assert.equal(fs.readdirSync(cwd), []);
});

test('input, output into a file and the report work as with an image', async () => {
  const cwd = scratchFolder();
  const text = 'one\ntwo\n'.repeat(2000);
  const args = ['run', '--ephemeral', '--out', 'out.txt', '--report', 'report.json', program('echo')];
  const outcome = await perdure(args, { cwd, input: text });
  assert.is(outcome.status, 0, outcome.stderr);
  const lines = fs.readFileSync(`${cwd}/out.txt`, 'utf8').split('\n');
  assert.is(lines[0], '1: one');
  assert.is(lines[3999], '4000: two');
  assert.is(lines[4000], 'echo: 4000 lines');
  assert.is(readReport(cwd).imageHash, null);
  assert.is(readReport(cwd).ended, 'exit');
  assert.equal(fs.readdirSync(cwd).sort(), ['out.txt', 'report.json']);
});

test('memory larger than RAM works, and gives what an image gives', async () => {
  const cwd = scratchFolder();
  const args = ['--ram', '16M', '--clock', 'instructions', '--report', 'report.json'];
  // Twice the memory of the machine, written once.
  const filled = [program('fill'), '32', '0'];
  const outcome = await perdure(['run', ...args, '--ephemeral', ...filled], { cwd });
  assert.is(outcome.status, 0, outcome.stderr);
  assert.ok(readReport(cwd).pagesEvicted > 1000, 'pages were evicted');
  const tick = readReport(cwd).tick;
  const kept = await perdure(['run', ...args, 'image.db', ...filled], { cwd });
  assert.is(kept.stdout, outcome.stdout);
  assert.is(readReport(cwd).tick, tick);
});

test('Ctrl-C stops with 130 and says that nothing is kept', async () => {
  const cwd = scratchFolder();
  let isStopped = false;
  const stopped = await perdure(['run', '--ephemeral', program('counter'), '1000', '5'], {
    cwd,
    onOutput: (_text, kill) => {
      if (!isStopped) kill('SIGINT');
      isStopped = true;
    },
  });
  assert.is(stopped.status, 130, stopped.stderr);
  assert.match(stopped.stderr, /nothing is kept/);
  assert.equal(fs.readdirSync(cwd), []);
});

test('an image, a missing file, and --fresh are refused in one line', async () => {
  const cwd = scratchFolder();
  await perdure(['run', 'image.db', program('counter'), '1', '1'], { cwd });
  const image = await perdure(['run', '--ephemeral', 'image.db'], { cwd });
  assert.is(image.status, 64, image.stderr);
  assert.match(image.stderr, /not a program/);
  const missing = await perdure(['run', '--ephemeral', 'none.elf'], { cwd });
  assert.is(missing.status, 66, missing.stderr);
  const both = await perdure(['run', '--ephemeral', '--fresh', program('hello')], { cwd });
  assert.is(both.status, 64, both.stderr);
  assert.is((await perdure(['run', '--ephemeral'], { cwd })).status, 64);
});

test.run();
