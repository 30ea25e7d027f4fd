/** P.13 with real processes: a status line on a terminal only, and `--stats FILE`. */
import { spawnSync } from 'node:child_process';
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
const ESCAPE = '\x1b';

test('--stats writes a line of JSON a second and one at the end', async () => {
  const cwd = scratchFolder();
  const outcome = await perdure(['run', '--stats', 'stats.jsonl', 'image.db', counter, '30', '50'], { cwd });
  assert.is(outcome.status, 0, outcome.stderr);
  assert.not.ok(outcome.stderr.includes(ESCAPE), 'no status line without a terminal');
  const lines = fs.readFileSync(path.join(cwd, 'stats.jsonl'), 'utf8').trimEnd().split('\n');
  const readings = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.ok(readings.length >= 2, `${readings.length} lines`);
  for (const reading of readings) {
    assert.equal(Object.keys(reading).sort(), [
      'checkpoints',
      'committed',
      'dirtyPages',
      'ended',
      'generation',
      'mips',
      'pauseUsMax',
      'recordBytesPerSecond',
      'seconds',
      'tick',
      'time',
      'writtenBytesPerSecond',
    ]);
    assert.ok(Number(reading.committed) <= Number(reading.generation));
  }
  assert.equal([...new Set(readings.slice(0, -1).map(({ ended }) => ended))], [null]);
  const last = readings.at(-1);
  assert.is(last?.ended, 'exit');
  const sum = readings.reduce((total, { checkpoints }) => total + Number(checkpoints), 0);
  assert.ok(sum <= Number(last?.generation) && sum >= Number(last?.generation) - 2, `${sum} checkpoints`);
});

test('a place for --stats that cannot be written is refused before an image is made', async () => {
  const cwd = scratchFolder();
  for (const [file, status] of [
    ['nowhere/stats', 73],
    ['image.db', 64],
  ] as const) {
    const outcome = await perdure(['run', '--stats', file, 'image.db', counter, '1'], { cwd });
    assert.is(outcome.status, status, outcome.stderr);
  }
  assert.equal(fs.readdirSync(cwd), []);
});

testNeeding(test, 'script')(
  'a terminal shows a status line as narrow as it is; -q, TERM=dumb and a pipe have none',
  () => {
    const onTerminal = (command: string): string => {
      const cwd = scratchFolder();
      const perdureCommand = `'${process.execPath}' '${main}'`;
      return spawnSync('script', ['-qefc', command.replace('PERDURE', perdureCommand), '/dev/null'], {
        cwd,
        encoding: 'utf8',
        input: '',
      }).stdout.replaceAll(ESCAPE, 'ESC');
    };
    const run = `run image.db '${counter}' 5 300`;
    const shown = onTerminal(`stty cols 30; PERDURE ${run}`);
    const drawn = [...shown.matchAll(/\rESC\[K(?:ESC\[2m)?(generation[^E\r]*)/g)].map(
      ([, text]) => text ?? '',
    );
    assert.ok(drawn.length > 0, shown);
    for (const text of drawn) assert.ok(text.length < 30, text);
    assert.match(
      onTerminal(`stty cols 80; NO_COLOR=1 PERDURE ${run}`),
      /ESC\[Kgeneration \d+ \| pause \d+ us \| /,
    );
    for (const command of [
      `stty cols 80; PERDURE run -q image.db '${counter}' 5 300`,
      `stty cols 80; TERM=dumb PERDURE ${run}`,
      `stty cols 80; PERDURE ${run} | cat`,
    ]) {
      assert.not.match(onTerminal(command), /ESC\[K/, command);
    }
  },
);

test.run();
