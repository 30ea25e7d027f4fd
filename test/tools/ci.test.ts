import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { project } from './arrows.ts';
import { findTool } from './needs.ts';
import { plant, scratchFolder } from './scratch.ts';

const tools = [
  'gcc',
  'riscv64-unknown-elf-gcc',
  'riscv64-linux-gnu-gcc',
  'qemu-riscv64-static',
  'qemu-system-riscv64',
  'sqlite3',
];
/** Every call of npm and of the package manager appends its words to the file `calls`. */
const recorded = (text: string) => `#!/bin/sh\necho "$(basename "$0") $*" >> "$CALLS"\n${text}\n`;

/**
 * Runs .ci/run in a tree of its own with stand-ins for npm and the tools; `npm` and `apt` are shell text, run with
 * the words of the call.
 */
function ci(npm: string, options: { missing?: readonly string[]; apt?: string } = {}) {
  const folder = scratchFolder();
  const bin = join(folder, 'stand-ins');
  mkdirSync(join(folder, '.ci'), { recursive: true });
  copyFileSync(join(project, '.ci/run'), join(folder, '.ci/run'));
  const programs: Record<string, string> = {
    npm: recorded(npm),
    'apt-get': recorded(options.apt ?? 'exit 0'),
  };
  programs.sudo = recorded('shift\nexec "$@"');
  const present = tools.filter((tool) => !options.missing?.includes(tool));
  for (const tool of present) programs[tool] = '#!/bin/sh\necho /\n';
  plant(bin, programs);
  for (const name of Object.keys(programs)) chmodSync(join(bin, name), 0o755);
  const calls = join(folder, 'calls');
  // What the script itself uses, linked one by one, so that no tool of this machine shows through.
  for (const name of [
    'bash',
    'sh',
    'mktemp',
    'tee',
    'tail',
    'rm',
    'id',
    'dirname',
    'basename',
    'sleep',
    'env',
    'chmod',
    'cp',
  ]) {
    const path = findTool(name);
    if (path !== null) plant(bin, {});
    if (path !== null) spawnSync('ln', ['-s', path, join(bin, name)]);
  }
  const ran = spawnSync(join(bin, 'bash'), [join(folder, '.ci/run')], {
    encoding: 'utf8',
    env: { PATH: bin, CALLS: calls, STAND_INS: bin, PERDURE_RETRY_PAUSE_SECONDS: '0' },
  });
  return {
    status: ran.status,
    output: ran.stdout + ran.stderr,
    lastLine: ran.stdout.trimEnd().split('\n').at(-1),
    calls: existsSync(calls) ? readFileSync(calls, 'utf8').trimEnd().split('\n') : [],
  };
}

const allFine = 'case "$*" in test) echo "41 passed, 0 failed" ;; esac';
/** The steps of the script, without the two that install. */
const checks = readFileSync(join(project, '.ci/run'), 'utf8').match(/^(step|beside) .*$/gm)?.length ?? 0;

test('it calls npm ci and then exactly npm test, tools required, and sums the passes of all steps', () => {
  const { status, lastLine, calls, output } = ci(
    `[ "$CI$PERDURE_REQUIRE_TOOLS" = true1 ] || exit 9\n${allFine}`,
  );
  assert.equal(calls.slice(0, 2), ['npm ci', 'npm test']);
  assert.is(lastLine, `${41 + checks - 1} passed, 0 failed`, output);
  assert.is(status, 0);
  assert.match(output, /=== npm test: exit 0, \d+ s/);
});

test('failures of the tests are summed and fail the run', () => {
  const { status, lastLine } = ci('case "$*" in test) echo "40 passed, 3 failed"; exit 1 ;; esac');
  assert.is(lastLine, `${40 + checks - 1} passed, 3 failed`);
  assert.is(status, 1);
});

test('any single failing step fails the run', () => {
  const steps = [...new Set(ci(allFine).calls)];
  assert.is(steps.length, checks - 1);
  for (const step of steps.filter((call) => call !== 'npm ci')) {
    const words = step.replace(/^npm /, '');
    const { status, lastLine } = ci(`[ "$*" = "${words}" ] && exit 7\n${allFine}`);
    assert.match(String(lastLine), /, 1 failed$/, step);
    assert.is(status, 1, step);
  }
});

test('an exit code is not hidden by a last line without failures', () => {
  const { status, lastLine } = ci('case "$*" in test) echo "41 passed, 0 failed"; exit 1 ;; esac');
  assert.match(String(lastLine), /, 1 failed$/);
  assert.is(status, 1);
});

test('a download that fails is tried again, but not for ever', () => {
  const twice = `[ "$*" = ci ] && [ "$(tail -n 2 "$CALLS")" != "npm ci\nnpm ci" ] && exit 1\n${allFine}`;
  const { status, calls } = ci(twice);
  assert.is(status, 0);
  assert.is(calls.filter((call) => call === 'npm ci').length, 2);
  const never = ci(`[ "$*" = ci ] && exit 1\n${allFine}`);
  assert.is(never.calls.filter((call) => call === 'npm ci').length, 5);
  assert.is(never.status, 1);
  assert.match(String(never.lastLine), /, 1 failed$/);
});

test('missing tools are installed with apt, again after a failed download, and a tool that stays away is a failure', () => {
  const missing = ['qemu-riscv64-static'];
  const install = 'case "$*" in *install*) cp "$STAND_INS/sqlite3" "$STAND_INS/qemu-riscv64-static" ;; esac';
  const once = `[ -e "$CALLS.once" ] || { : > "$CALLS.once"; exit 1; }\n${install}`;
  const fine = ci(allFine, { missing, apt: once });
  assert.is(fine.status, 0, fine.output);
  assert.is(fine.calls.filter((line) => line === 'apt-get update').length, 2);
  const call = fine.calls.find((line) => line.includes('install')) ?? '';
  for (const name of [
    'gcc-riscv64-unknown-elf',
    'picolibc-riscv64-unknown-elf',
    'gcc-riscv64-linux-gnu',
    'libc6-dev-riscv64-cross',
    'qemu-user-static',
    'qemu-system-misc',
    'sqlite3',
  ]) {
    assert.match(call, name);
  }
  const away = ci(allFine, { missing });
  assert.is(away.status, 1);
  assert.match(away.output, 'qemu-riscv64-static is missing');
  const broken = ci(allFine, { missing, apt: 'exit 100' });
  assert.is(broken.status, 1);
  assert.is(broken.calls.filter((line) => line === 'apt-get update').length, 5);
});

test.run();
