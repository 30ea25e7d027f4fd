/**
 * P.08, input with real processes: a file is read on behind what entered, whatever dies; what was typed at a terminal and
 * answered is in the image.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { testNeeding } from '../tools/needs.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { perdure, program, sizeOf } from './perdure.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const echo = program('echo');

interface End {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** One life whose standard input is the file. */
function life(args: readonly string[], cwd: string, input: string, killWhen?: () => boolean): Promise<End> {
  const descriptor = fs.openSync(path.join(cwd, input), 'r');
  const child = spawn(process.execPath, [main, ...args], { cwd, stdio: [descriptor, 'ignore', 'pipe'] });
  fs.closeSync(descriptor);
  return new Promise((resolve) => {
    let stderr = '';
    child.stderr?.on('data', (chunk) => {
      stderr += String(chunk);
    });
    const poll = setInterval(() => {
      if (killWhen?.() === true) child.kill('SIGKILL');
    }, 2);
    child.on('close', (status, signal) => {
      clearInterval(poll);
      resolve({ status, signal, stderr });
    });
  });
}

const lines = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}\n`).join('');
const echoed = (count: number): string =>
  `${Array.from({ length: count }, (_, i) => `${i + 1}: line ${i + 1}\n`).join('')}echo: ${count} lines\n`;

test('a program whose input is a file reads each line once, however often the machine is killed', async () => {
  const cwd = scratchFolder();
  const count = 20_000;
  fs.writeFileSync(path.join(cwd, 'in.txt'), lines(1, count));
  const out = path.join(cwd, 'out.txt');
  const args = ['run', '--interval', '1', '--out', 'out.txt', 'image.db'];
  let kills = 0;
  for (let round = 0; round < 3; round++) {
    const enough = sizeOf(out) + 40_000;
    const end = await life(round === 0 ? [...args, echo] : args, cwd, 'in.txt', () => sizeOf(out) > enough);
    if (end.signal === 'SIGKILL') kills += 1;
    if (round > 0) assert.match(end.stderr, /the input file goes on at byte \d+/);
  }
  assert.ok(kills >= 2, `${kills} kills`);
  const last = await life(args, cwd, 'in.txt');
  assert.is(last.status, 0, last.stderr);
  assert.ok(fs.readFileSync(out, 'utf8') === echoed(count), 'every line once');
});

test('a file that grew is read on, another one from its beginning', async () => {
  const cwd = scratchFolder();
  const args = ['run', '--out', 'out.txt', 'image.db'];
  const write = (name: string, content: string): void => fs.writeFileSync(path.join(cwd, name), content);
  write('in.txt', lines(1, 3));
  const stopped = await life(
    ['run', '--clock', 'instructions', '--stop-at', '500', '--out', 'out.txt', 'image.db', echo],
    cwd,
    'in.txt',
  );
  assert.is(stopped.status, 0, stopped.stderr);
  fs.appendFileSync(path.join(cwd, 'in.txt'), lines(4, 5));
  const grown = await life(args, cwd, 'in.txt');
  assert.is(grown.status, 0, grown.stderr);
  assert.is(fs.readFileSync(path.join(cwd, 'out.txt'), 'utf8'), echoed(5));

  write('a.txt', lines(1, 2));
  await life(['run', '--clock', 'instructions', '--stop-at', '500', 'other.db', echo], cwd, 'a.txt');
  fs.rmSync(path.join(cwd, 'a.txt'));
  write('b.txt', lines(3, 4));
  const other = await life(['run', '--out', 'other.txt', 'other.db'], cwd, 'b.txt');
  assert.is(other.status, 0, other.stderr);
  assert.match(other.stderr, /another file than before/);
  assert.is(fs.readFileSync(path.join(cwd, 'other.txt'), 'utf8').split('\n').at(-2), 'echo: 4 lines');
});

/** A command on a terminal of its own; what a person would type is written to `stdin`. */
function terminal(
  command: string,
  cwd: string,
): { child: ChildProcess; text: () => string; ended: Promise<unknown> } {
  const child = spawn('script', ['-qefc', command, '/dev/null'], { cwd, stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += String(chunk);
  });
  const ended = new Promise((resolve) => {
    child.on('close', resolve);
  });
  return { child, text: () => text, ended };
}

testNeeding(test, 'script')(
  'what was typed and answered is in the image, whenever the machine is killed',
  async () => {
    const cwd = scratchFolder();
    const command = `exec '${process.execPath}' '${main}' run image.db '${echo}'`;
    const answered = (text: string): number =>
      Math.max(0, ...[...text.matchAll(/^(\d+): typed/gm)].map(([, n]) => Number(n)));
    let typed = 0;
    for (let round = 1; round <= 2; round++) {
      const { child, text, ended } = terminal(command, cwd);
      const before = typed;
      while (answered(text()) < before + 4) {
        typed += 1;
        child.stdin?.write(`typed ${typed}\n`);
        const wanted = typed;
        // Every third line is typed without waiting for the answer: it may be lost, and nothing has said that it came.
        const deadline = Date.now() + (typed % 3 === 0 ? 0 : 60_000);
        while (answered(text()) < wanted && Date.now() < deadline)
          await new Promise((go) => setTimeout(go, 5));
      }
      const seen = answered(text());
      const killed = await perdure(['kill', 'image.db'], { cwd });
      assert.is(killed.status, 0, killed.stderr);
      await ended;
      typed = Math.max(seen, answered(text()));
      // The next line that the program reads has the next number: no answered line is forgotten.
      if (round < 2) continue;
      const last = await perdure(['run', 'image.db'], { cwd, input: 'at last\n' });
      assert.is(last.status, 0, last.stderr);
      const number = Number(/^(\d+): at last$/m.exec(last.stdout)?.[1]);
      assert.ok(number > seen, `${seen} lines were answered, the next one has number ${number}`);
    }
  },
);

test.run();
