/** What hostile and clumsy users do: each of these once broke something, or would without the check it names. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { placeOf } from '../../src/cli/machine/ended.ts';
import { setAside } from '../../src/cli/machine/target.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { perdure, program, readReport } from './perdure.ts';

const counter = program('counter');
const counted = (last: number): string => Array.from({ length: last }, (_, i) => `count ${i + 1}\n`).join('');
const instructions = ['run', '--clock', 'instructions'];

test('Ctrl-C at the first line of output stops within a second: no wake-up is lost', async () => {
  for (let round = 1; round <= 4; round++) {
    const cwd = scratchFolder();
    let interruptedMs = 0;
    const outcome = await perdure(['run', 'image.db', counter, '3000', '10'], {
      cwd,
      onOutput: (_text, kill) => {
        if (interruptedMs === 0) kill('SIGINT');
        interruptedMs ||= performance.now();
      },
    });
    assert.is(outcome.status, 130, outcome.stderr);
    assert.ok(performance.now() - interruptedMs < 5000, `round ${round} stopped late`);
  }
});

test('an output file that cannot be used is refused before an image is made', async () => {
  const cwd = scratchFolder();
  fs.writeFileSync(path.join(cwd, 'notes.txt'), 'mine\n');
  for (const [option, file, status] of [
    ['--out', 'nowhere/out.txt', 73],
    ['--report', 'nowhere/report.json', 73],
    ['--out', 'notes.txt', 65],
    ['--out', '.', 73],
    ['--out', 'image.db', 64],
  ] as const) {
    const outcome = await perdure(['run', option, file, 'image.db', counter, '3', '1'], { cwd });
    assert.is(outcome.status, status, `${option} ${file}: ${outcome.stderr}`);
    assert.match(outcome.stderr, /next: /);
    assert.not.match(outcome.stderr, /\n {4}at /, 'no stack');
  }
  assert.equal(fs.readdirSync(cwd), ['notes.txt']);
  assert.is(fs.readFileSync(path.join(cwd, 'notes.txt'), 'utf8'), 'mine\n');
});

test('what is no image and what is no program is refused with 65 and left as it was', async () => {
  const cwd = scratchFolder();
  const at = (name: string): string => path.join(cwd, name);
  fs.mkdirSync(at('folder'));
  fs.writeFileSync(at('text'), 'just text\n'.repeat(100));
  fs.writeFileSync(at('cut.elf'), fs.readFileSync(counter).subarray(0, 5000));
  const before = fs.readdirSync(cwd);
  for (const operands of [
    ['folder', counter],
    ['text', counter],
    ['text'],
    ['image.db', 'cut.elf'],
    ['image.db', 'text'],
  ]) {
    const outcome = await perdure(['run', ...operands], { cwd });
    assert.is(outcome.status, 65, `${operands}: ${outcome.stderr}`);
  }
  assert.is((await perdure(['run', '--fresh', 'folder', counter], { cwd })).status, 65);
  assert.equal(fs.readdirSync(cwd), before);
  assert.is(fs.readFileSync(at('text'), 'utf8'), 'just text\n'.repeat(100));
});

test('--fresh puts regular files aside and never renames a pipe or a device', () => {
  const cwd = scratchFolder();
  const pipe = path.join(cwd, 'pipe');
  execFileSync('mkfifo', [pipe]);
  fs.writeFileSync(path.join(cwd, 'image.db'), 'old');
  setAside(path.join(cwd, 'image.db'), pipe, () => undefined);
  const left = fs.readdirSync(cwd);
  assert.ok(left.includes('pipe'));
  assert.not.ok(left.includes('image.db'));
  assert.is(left.length, 2);
});

test('--fresh is refused while a machine runs the image', async () => {
  const cwd = scratchFolder();
  let second: Promise<number | null> | null = null;
  const first = await perdure(['run', 'image.db', counter, '100000', '5'], {
    cwd,
    onOutput: (_text, kill) => {
      second ??= perdure(['run', '--fresh', 'image.db', counter, '3', '1'], { cwd }).then(({ status }) => {
        kill('SIGKILL');
        return status;
      });
    },
  });
  assert.is(first.signal, 'SIGKILL');
  assert.is(await second, 69);
});

const hasFull = fs.existsSync('/dev/full');
if (!hasFull) console.log('SKIPPED (needs /dev/full): a full disk under --out loses no output');
(hasFull ? test : test.skip)('a full disk under --out is exit 74 and loses no output', async () => {
  const cwd = scratchFolder();
  const full = await perdure([...instructions, '--out', '/dev/full', 'image.db', counter, '50', '1'], {
    cwd,
  });
  assert.is(full.status, 74, full.stderr);
  const again = await perdure([...instructions, '--out', 'out.txt', 'image.db'], { cwd });
  assert.is(again.status, 0, again.stderr);
  assert.is(fs.readFileSync(path.join(cwd, 'out.txt'), 'utf8'), counted(50));
});

test('a new output file gets nothing before a checkpoint knows it, so a kill in between harms nothing', async () => {
  const cwd = scratchFolder();
  const args = [...instructions, '--interval', '0.1'];
  const die = async (out: string, point: string): Promise<void> => {
    const outcome = await perdure([...args, '--out', out, 'image.db', counter, '4000', '1'], {
      cwd,
      env: { PERDURE_CRASH_POINT: point },
    });
    assert.is(outcome.signal, 'SIGKILL', outcome.stderr);
  };
  await die('first.txt', 'released:2');
  await die('second.txt', 'restart-end:1');
  // Bytes may be there only if the first life died before any were confirmed: then they belong to this file as well.
  const early = fs.readFileSync(path.join(cwd, 'second.txt'), 'utf8');
  const last = await perdure([...args, '--out', 'second.txt', 'image.db'], { cwd });
  assert.is(last.status, 0, last.stderr);
  const second = fs.readFileSync(path.join(cwd, 'second.txt'), 'utf8');
  assert.ok(second.length > 0 && counted(4000).endsWith(second));
  assert.ok(second.startsWith(early));
});

test('a program that ended just before the kill gives its output, status and report in the next life', async () => {
  const cwd = scratchFolder();
  const args = [...instructions, '--interval', '3600000', '--out', 'out.txt', '--report', 'report.json'];
  const operands = ['image.db', program('hello'), 'a'];
  const plain = await perdure([...instructions, '--out', 'other.txt', 'other.db', ...operands.slice(1)], {
    cwd,
  });
  const env = { PERDURE_CRASH_POINT: 'acknowledged:2' };
  const killed = await perdure([...args, ...operands], { cwd, env });
  assert.is(killed.signal, 'SIGKILL', killed.stderr);
  for (let life = 2; life <= 3; life++) {
    const { status, stderr } = await perdure([...args, ...operands], { cwd });
    assert.is(status, plain.status, stderr);
    assert.is(
      fs.readFileSync(path.join(cwd, 'out.txt'), 'utf8'),
      fs.readFileSync(path.join(cwd, 'other.txt'), 'utf8'),
    );
    assert.is(readReport(cwd).ended, 'exit');
  }
  assert.equal(
    fs.readdirSync(cwd).filter((file) => file.startsWith('image.db')),
    ['image.db'],
  );
});

test('a creation that died before its first checkpoint is made anew with its program, and says so without', async () => {
  for (const point of ['open-created:1', 'open-life:1', 'commit-before:1']) {
    const cwd = scratchFolder();
    const killed = await perdure(['run', 'image.db', counter, '3', '1'], {
      cwd,
      env: { PERDURE_CRASH_POINT: point },
    });
    assert.is(killed.signal, 'SIGKILL');
    const without = await perdure(['run', 'image.db'], { cwd });
    assert.is(without.status, 66, without.stderr);
    const again = await perdure(['run', 'image.db', counter, '4', '1'], { cwd });
    assert.is(again.status, 0, again.stderr);
    assert.is(again.stdout, counted(4), point);
  }
});

test('a megabyte of input and of output goes through whole', async () => {
  const cwd = scratchFolder();
  const lines = Array.from({ length: 100_000 }, (_, i) => `line ${i}`);
  const input = `${lines.join('\n')}\n`;
  const outcome = await perdure(['run', '--out', 'out.txt', 'image.db', program('echo')], { cwd, input });
  assert.is(outcome.status, 0, outcome.stderr);
  const expected = lines.map((line, i) => `${i + 1}: ${line}\n`).join('');
  const got = fs.readFileSync(path.join(cwd, 'out.txt'), 'utf8');
  assert.ok(got === `${expected}echo: ${lines.length} lines\n`, `${got.length} bytes came out`);
});

test('a place in the program is named by the function it lies in, and by none when it lies outside', () => {
  const symbols = [
    { name: 'start', address: 0x100, size: 0, kind: 'label' },
    { name: 'main', address: 0x200, size: 0x40, kind: 'function' },
    { name: 'table', address: 0x300, size: 0x40, kind: 'object' },
    { name: 'end', address: 0x400, size: 0, kind: 'label' },
  ];
  assert.is(placeOf('0x104', symbols), '0x104 (start + 0x4)');
  assert.is(placeOf('0x200', symbols), '0x200 (main)');
  assert.is(placeOf('0x23e', symbols), '0x23e (main + 0x3e)');
  assert.is(placeOf('0x123456', symbols), '0x123456');
  assert.is(placeOf('0x10', symbols), '0x10');
});

test.run();
