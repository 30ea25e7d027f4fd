import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { testNeeding } from '../tools/needs.ts';
import { type Figures, toJson, toTable } from './persist/report.ts';
import type { Pause } from './persist/sections.ts';
import { quantiles } from './statistics.ts';

const tool = join(fileURLToPath(new URL('.', import.meta.url)), 'persist.ts');
const run = (...args: readonly string[]) =>
  spawnSync(process.execPath, [tool, ...args], { encoding: 'utf8' });

testNeeding(test, 'riscv64-unknown-elf-gcc')(
  'a short run ends with one JSON object: figures where they were asked for, null elsewhere',
  () => {
    const small = ['--pages', '2', '--ram', '16', '--round-ms', '60', '--sources'];
    const { status, stdout, stderr } = run('--json', '--quick', '--section', 'pause', ...small);
    assert.is(status, 0, stderr);
    const json = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
    const pause = json.pauseUs[2][16];
    for (const name of ['p50', 'p99', 'max']) assert.ok(pause[name] > 0, `pause ${name}`);
    assert.ok(pause.pages >= 2, `the two pages were dirty: ${pause.pages}`);
    assert.ok(pause.checkpoints > 0, 'checkpoints were taken');
    for (const name of ['rateHz', 'slowdownPercent', 'outputDelayMs', 'resumeMs', 'writtenPerCheckpoint'])
      assert.is(json[name], null, name);
  },
);

test('wrong options end with 64', () => {
  for (const args of [['--section', 'nothing'], ['--pages', '0'], ['--ram', 'x'], ['--nothing']])
    assert.is(run(...args).status, 64, args.join(' '));
});

test('quantiles are of the sorted values, and of nothing they are no numbers', () => {
  assert.equal(quantiles([3, 1, 2]), { p10: 1, p50: 2, p99: 3, max: 3 });
  assert.ok(Number.isNaN(quantiles([]).p99));
});

const pause = (p99: number): Pause => ({
  p10: 9,
  p50: 10,
  p99,
  max: 900,
  spread: 0,
  cpu: 9,
  pages: 64,
  checkpoints: 500,
});

const figures: Figures = {
  pauses: { 64: { 16: pause(201), 256: pause(200), 2048: pause(400) } },
  rateProcess: {
    hz: 1000,
    lagMs: quantiles([1]),
    pauseUs: quantiles([1]),
    seconds: 60,
    logBytesMax: 8 << 20,
  },
  ratePower: { hz: 900, lagMs: quantiles([1]), pauseUs: quantiles([1]), seconds: 60, logBytesMax: 8 << 20 },
  slowdown: { percent: 11, spread: 3, pairs: [11] },
  output: quantiles([4]),
  resumes: [{ bytes: 10 << 20, objects: 1000, ms: 149, least: 140, spread: 0.1 }],
  commits: [{ pages: 8, changed: 8, threads: 1, bytes: 9000, bound: 9080, record: 1500 }],
  written: [{ pages: 8, bytesPerSecond: 2_100_000 }],
  quick: false,
  cpu: 'a',
  loadAverage: 0,
  seconds: 1,
};

test('the table marks what misses its bound and nothing else', () => {
  const missed = toTable(figures)
    .split('\n')
    .filter((line) => line.endsWith('MISSED'));
  assert.is(missed.length, 4, missed.join('\n'));
  for (const word of ['64 pages of 16 MiB', 'rate, 8 pages', 'slowdown', 'written, 8'])
    assert.ok(
      missed.some((line) => line.includes(word)),
      word,
    );
});

test('the JSON object has the members that are asked for', () => {
  const json = toJson(figures);
  assert.equal(json.rateHz, { process: 1000, power: 900 });
  assert.equal(json.resumeMs, { '10 MiB, 1000 objects': 149 });
  assert.equal(json.writtenPerCheckpoint, { 8: 9000 });
  assert.is(json.slowdownPercent, 11);
});

test.run();
