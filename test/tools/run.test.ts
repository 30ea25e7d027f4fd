import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { project } from './arrows.ts';
import { plant, scratchFolder } from './scratch.ts';

const uvu = JSON.stringify(import.meta.resolve('uvu'));
const head = `import { test, suite } from ${uvu};\n`;
const needs = JSON.stringify(join(project, 'test/tools/needs.ts'));
const passing = `${head}test('a', () => {});\ntest('b', () => {});\ntest.run();\n`;

/** Runs the runner over planted files (path below `test/` to content). */
function run(files: Record<string, string>, words: string[] = [], env: Record<string, string> = {}) {
  const folder = scratchFolder();
  plant(folder, Object.fromEntries(Object.entries(files).map(([name, text]) => [`test/${name}`, text])));
  const { CI: _ci, PERDURE_REQUIRE_TOOLS: _tools, ...inherited } = process.env;
  const runner = join(project, 'test/run.ts');
  const ran = spawnSync(process.execPath, [runner, '--root', join(folder, 'test'), ...words], {
    encoding: 'utf8',
    env: { ...inherited, ...env },
  });
  return {
    folder,
    status: ran.status,
    output: ran.stdout,
    lastLine: ran.stdout.trimEnd().split('\n').at(-1),
  };
}

test('the last line counts the tests of all files, and the exit code is 0', () => {
  const { status, lastLine } = run({
    'one.test.ts': passing,
    'deep/er/two.test.ts': passing,
    'helper.ts': 'throw 1',
  });
  assert.is(lastLine, '4 passed, 0 failed');
  assert.is(status, 0);
});

test('a failing test fails the run, and its output is shown', () => {
  const failing = `${head}test('the sum is right', () => { throw new Error('planted trouble'); });\ntest('b', () => {});\ntest.run();\n`;
  const { status, lastLine, output } = run({ 'one.test.ts': passing, 'two.test.ts': failing });
  assert.is(lastLine, '3 passed, 1 failed');
  assert.is(status, 1);
  assert.match(output, 'the sum is right');
  assert.match(output, 'planted trouble');
});

test('the output of a passing file is not shown', () => {
  const { output } = run({ 'one.test.ts': `${passing}console.log('chatter');\n` });
  assert.not.match(output, 'chatter');
});

for (const [what, text, complaint] of [
  ['a file that forgets test.run()', `${head}test('a', () => {});\n`, 'forgets test.run()'],
  ['a file without any test', `${head}test.run();\n`, 'holds no test'],
  ['an empty file', '', 'no summary'],
  [
    'a file whose test ends the process',
    `${head}test('a', () => process.exit(0));\ntest.run();\n`,
    'exit code 1',
  ],
  ['a file that ends early with exit code 0', `${passing}process.exit(0);\n`, 'exits early'],
  ['a file that cannot be loaded', "import './missing.ts';\n", 'exit code 1'],
  ['a file that is killed', "process.kill(process.pid, 'SIGKILL');\n", 'SIGKILL'],
  [
    'a file with a late unhandled rejection',
    `${passing}setTimeout(() => Promise.reject(new Error('late')), 100);\n`,
    'exit code is 1',
  ],
] as const) {
  test(`${what} is a failure, also among files that pass`, () => {
    const { status, lastLine, output } = run({ 'bad.test.ts': text, 'one.test.ts': passing });
    assert.match(String(lastLine), /^\d+ passed, 1 failed$/);
    assert.is(status, 1);
    assert.match(output, complaint);
  });
}

test('a file that does not end in time is killed with its children and is a failure', async () => {
  const child = "import { spawn } from 'node:child_process';\nimport { writeFileSync } from 'node:fs';\n";
  const script =
    "const pid = spawn('sleep', ['60'], { stdio: 'inherit' }).pid;\nwriteFileSync(process.env.PID_FILE, String(pid));\n";
  const pidFile = join(scratchFolder(), 'pid');
  const began = performance.now();
  const { status, lastLine, output } = run(
    { 'slow.test.ts': `${child}${script}${passing}` },
    ['--timeout-seconds', '2'],
    {
      PID_FILE: pidFile,
    },
  );
  assert.ok(performance.now() - began < 30_000);
  assert.is(lastLine, '2 passed, 1 failed');
  assert.is(status, 1);
  assert.match(output, 'did not end in time');
  const pid = Number(readFileSync(pidFile, 'utf8'));
  const isAlive = () =>
    existsSync(`/proc/${pid}/stat`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  for (let i = 0; i < 50 && isAlive(); i++) await pause(20);
  assert.is(isAlive(), false);
});

test('a child that a passing file leaves behind is ended with it and holds nothing up', () => {
  const text = `import { spawn } from 'node:child_process';\n${passing}spawn('sleep', ['60'], { stdio: 'inherit' }).unref();\n`;
  const began = performance.now();
  const { lastLine } = run({ 'one.test.ts': text }, ['--timeout-seconds', '20']);
  assert.is(lastLine, '2 passed, 0 failed');
  assert.ok(performance.now() - began < 15_000);
});

test('a missing tool is said and counted as skipped, and is a failure where tools are required', () => {
  const text = `${head}import { testNeeding } from ${needs};
testNeeding(test, 'no-such-tool')('the sums agree', () => { throw 1; });
testNeeding(test, 'sh')('a shell is there', () => {});
test.run();\n`;
  const files = { 'one.test.ts': text };
  const free = run(files);
  assert.is(free.lastLine, '1 passed, 0 failed, 1 skipped');
  assert.is(free.status, 0);
  assert.match(free.output, 'SKIPPED (no no-such-tool): the sums agree');
  for (const env of [{ CI: 'true' }, { PERDURE_REQUIRE_TOOLS: '1' }]) {
    const strict = run(files, [], env);
    assert.is(strict.lastLine, '1 passed, 1 failed, 1 skipped');
    assert.is(strict.status, 1);
  }
});

test('words filter the files by path, and a filter that matches nothing is a failure', () => {
  const files = { 'alpha/one.test.ts': passing, 'beta/two.test.ts': passing };
  const { output, lastLine } = run(files, ['beta']);
  assert.is(lastLine, '2 passed, 0 failed');
  assert.not.match(output, 'alpha/one');
  const none = run(files, ['gamma']);
  assert.is(none.lastLine, '0 passed, 1 failed');
  assert.is(none.status, 1);
});

test('a run in which everything was skipped is not a success', () => {
  const { status } = run({ 'one.test.ts': `${head}test.skip('a', () => {});\ntest.run();\n` });
  assert.is(status, 1);
});

test.run();
