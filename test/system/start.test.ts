/** K.13: `npm start` shows a kill, a resume and three answers, with and without a terminal, and ends by itself. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { testNeeding } from '../tools/needs.ts';
import { scratchFolder } from '../tools/scratch.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));
const demo = path.join(project, 'examples/start.ts');
const SECONDS_MAX = 60;

interface Shown {
  readonly status: number | null;
  readonly text: string;
  readonly seconds: number;
}

/** Runs a command to its end without input; everything it shows, without carriage returns. */
function show(command: string, words: readonly string[]): Promise<Shown> {
  const beganMs = performance.now();
  const child = spawn(command, words, { cwd: project, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      text += String(chunk);
    });
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), SECONDS_MAX * 1000);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => {
      clearTimeout(timer);
      resolve({ status, text: text.replaceAll('\r', ''), seconds: (performance.now() - beganMs) / 1000 });
    });
  });
}

/** What a person must have seen, in this order. */
function checkShown({ status, text, seconds }: Shown, image: string): void {
  assert.is(status, 0, text);
  assert.ok(seconds < SECONDS_MAX, `${seconds} s`);
  const steps = [
    `$ bin/perdure run ${image} src/userland/programs/counter.elf`,
    'count 1\n',
    `$ bin/perdure kill ${image}`,
    'killed ',
    `$ bin/perdure sql ${image} "SELECT state`,
    `$ bin/perdure run ${image}\n`,
    'count 35\n',
    `$ bin/perdure sql ${image} "SELECT generation`,
    `$ bin/perdure sql ${image} "SELECT id, pid`,
  ];
  let from = 0;
  for (const step of steps) {
    const at = text.indexOf(step, from);
    assert.ok(at >= 0, `"${step}" comes in its turn in:\n${text}`);
    from = at;
  }
  const killed = /killed (\d+);/.exec(text)?.[1];
  const lives = [...text.matchAll(/^ +([12]) +(\d+) +\d+$/gm)];
  assert.equal(
    lives.map((life) => life[1]),
    ['1', '2'],
  );
  assert.is(lives[0]?.[2], killed, 'the first process of the image is the one that was killed');
  assert.is.not(lives[1]?.[2], killed);
}

test('without a terminal the demo kills, resumes, asks, and ends with 0', async () => {
  const folder = scratchFolder();
  const shown = await show(process.execPath, [demo, folder]);
  checkShown(shown, path.join(folder, 'demo.db'));
  console.log(`npm start: ${shown.seconds.toFixed(1)} s without a terminal`);
  assert.equal(
    fs.readdirSync(folder).filter((file) => /side|journal/.test(file)),
    [],
    'a clean end leaves no side file',
  );
});

const inTerminal = process.platform === 'linux' ? testNeeding(test, 'script') : test.skip;
if (process.platform !== 'linux') console.log('SKIPPED (needs Linux): the demo in a terminal');
inTerminal('in a terminal it does the same', async () => {
  const folder = scratchFolder();
  const line = `'${process.execPath}' '${demo}' '${folder}'`;
  checkShown(await show('script', ['-qec', line, '/dev/null']), path.join(folder, 'demo.db'));
});

test.run();
