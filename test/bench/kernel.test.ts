import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { typeNames } from '../../src/kernel/abi/types.ts';
import { kinds } from './kernel/kinds.ts';
import type { Figure } from './kernel/measure.ts';
import { type Figures, toJson, toTable } from './kernel/report.ts';
import { createTrip } from './kernel/trip.ts';

const tool = join(fileURLToPath(new URL('.', import.meta.url)), 'kernel.ts');
const run = (...args: readonly string[]) =>
  spawnSync(process.execPath, [tool, ...args], { encoding: 'utf8' });

const isPositive = (value: unknown, what: string): void =>
  assert.ok(typeof value === 'number' && value > 0, `${what} is a number above 0, not ${value}`);

test('a quick run ends with one JSON object that has every figure asked for', () => {
  const { status, stdout, stderr } = run(
    '--json',
    '--quick',
    '--rounds',
    '1',
    '--warm-ups',
    '0',
    '--objects',
    '100',
  );
  assert.is(status, 0, stderr);
  const json = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  const single = ['nullCallNs', 'mutexPairNs', 'onewayUs', 'idempotentUs', 'reliableUs', 'transferGBs'];
  const more = ['pagerFaultUs', 'emptyTripNs', 'contextSwitchNs', 'threadCreateDestroyUs'];
  for (const name of [...single, ...more]) isPositive(json[name], name);
  for (const name of ['exportUs', 'importUs']) {
    assert.equal(Object.keys(json[name]), typeNames);
    for (const type of typeNames) isPositive(json[name][type], `${name} of ${type}`);
  }
  assert.is(typeof json.levelNs, 'number');
  for (const { name, onlyAlone } of kinds) {
    for (const table of ['trips', 'instructions']) isPositive(json[table][name], `${table} of ${name}`);
    if (onlyAlone) continue;
    for (const size of ['ten', 'many']) isPositive(json.scale[name][size], `${name} among ${size}`);
  }
});

test('wrong options end with 64', () => {
  for (const args of [
    ['--rounds', '0'],
    ['--objects', 'x'],
    ['--kind', 'nothing'],
  ]) {
    assert.is(run(...args).status, 64, args.join(' '));
  }
});

test('an empty trip gives back the sum of what its function returned', () => {
  assert.is(createTrip()(4), 10);
});

test('the table says what was asked for and missed, and what is slower among many', () => {
  const figure = (ns: number): Figure => ({ ns, least: ns, spread: 0, trips: ns / 10, instructions: 5 });
  const figures: Figures = {
    few: new Map([
      ['null call', figure(151)],
      ['mutex pair', figure(300)],
      ['random mutex', figure(300)],
    ]),
    many: new Map([
      ['mutex pair', figure(601)],
      ['random mutex', figure(799)],
    ]),
    objects: 100,
    emptyTripNs: 10,
    rounds: 1,
    quick: true,
    cpu: 'x',
    loadAverage: 0,
    seconds: 1,
  };
  const lines = toTable(figures).split('\n');
  assert.match(lines.find((line) => line.startsWith('null call')) ?? '', /150 +NOT MET$/);
  assert.match(lines.find((line) => line.startsWith('mutex pair')) ?? '', /601 SLOWER$/);
  assert.match(lines.find((line) => line.startsWith('random mutex')) ?? '', /799$/);
  assert.is(toJson(figures).nullCallNs, 151);
  assert.is(toJson(figures).reliableUs, null);
});

test.run();
