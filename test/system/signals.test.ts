/** P.09 with real processes: how a machine is stopped, by keys on a terminal and by signals, once and twice. */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { testNeeding } from '../tools/needs.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { perdure, program } from './perdure.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const counter = program('counter');
const numbers = (text: string): number[] => [...text.matchAll(/count (\d+)/g)].map(([, n]) => Number(n));
const counted = (last: number): number[] => Array.from({ length: last }, (_, i) => i + 1);

test('SIGTERM takes a last checkpoint and leaves with 143; one file is left, and the image goes on', async () => {
  const cwd = scratchFolder();
  let sent = false;
  const first = await perdure(['run', 'image.db', counter, '30', '10'], {
    cwd,
    onOutput: (_text, kill) => {
      if (!sent) kill('SIGTERM');
      sent = true;
    },
  });
  assert.is(first.status, 143, first.stderr);
  assert.equal(fs.readdirSync(cwd), ['image.db']);
  const second = await perdure(['run', 'image.db'], { cwd });
  assert.is(second.status, 0, second.stderr);
  assert.equal(numbers(first.stdout + second.stdout), counted(30), 'after a clean stop no byte comes twice');
});

test('a second Ctrl-C leaves at once, although the disk does not answer, and nothing shown is lost', async () => {
  const cwd = scratchFolder();
  const stuck = path.join(cwd, 'stuck');
  const env = { PERDURE_STUCK_FROM: stuck, PERDURE_STUCK_UNTIL: path.join(cwd, 'never') };
  let signals = 0;
  let kill: (signal: NodeJS.Signals) => void = () => undefined;
  const again = setInterval(() => {
    // The disk will never answer: the first alone could not end it.
    if (signals > 0 && signals < 3) kill('SIGINT');
    if (signals > 0) signals += 1;
  }, 250);
  const first = await perdure(['run', 'image.db', counter, '500', '10'], {
    cwd,
    env,
    preload: './stuck-disk.ts',
    onOutput: (text, send) => {
      kill = send;
      if (numbers(text).length >= 3 && signals === 0) {
        signals = 1;
        fs.writeFileSync(stuck, '');
        send('SIGINT');
      }
    },
  });
  clearInterval(again);
  assert.is(first.signal, 'SIGINT', first.stderr);
  assert.match(first.stderr, /again to stop at once/);
  const second = await perdure(['run', 'image.db'], { cwd });
  assert.is(second.status, 0, second.stderr);
  const shown = numbers(first.stdout).at(-1) ?? 0;
  const rest = numbers(second.stdout);
  assert.ok((rest[0] ?? 0) <= shown + 1, `${shown} was shown, it goes on with ${rest[0]}`);
  assert.equal(rest, counted(500).slice((rest[0] ?? 0) - 1));
});

test('one key press that arrives twice, as under npm, is one', async () => {
  const cwd = scratchFolder();
  let sent = false;
  const outcome = await perdure(['run', 'image.db', counter, '3000', '10'], {
    cwd,
    onOutput: (_text, kill) => {
      if (sent) return;
      sent = true;
      kill('SIGINT');
      kill('SIGINT');
    },
  });
  assert.is(outcome.status, 130, outcome.stderr);
  assert.equal(fs.readdirSync(cwd), ['image.db']);
});

/** A command on a terminal of its own; `type` writes what a person would type. */
function onTerminal(
  command: string,
  cwd: string,
): { child: ChildProcess; type: (keys: string) => void; text: () => string } {
  const child = spawn('script', ['-qefc', command, '/dev/null'], { cwd, stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += String(chunk);
  });
  return { child, type: (keys) => child.stdin.write(keys), text: () => text };
}

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
};

testNeeding(test, 'script')(
  'Ctrl-C typed at a terminal takes a last checkpoint and leaves with 130',
  async () => {
    const cwd = scratchFolder();
    const command = `'${process.execPath}' '${main}' run image.db '${counter}' 30 10`;
    const { child, type, text } = onTerminal(command, cwd);
    const ended = new Promise<number | null>((resolve) => {
      child.on('close', (status) => resolve(status));
    });
    await until(() => numbers(text()).length >= 5);
    type('\x03');
    assert.is(await ended, 130, text());
    assert.match(text(), /stopping after a last checkpoint/);
    assert.equal(fs.readdirSync(cwd), ['image.db']);
    const second = await perdure(['run', 'image.db'], { cwd });
    assert.equal(numbers(text() + second.stdout), counted(30));
  },
);

test.run();
