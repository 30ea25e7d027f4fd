/**
 * K.14, N.20, P.15: the transcript test, its short form: programs of several kinds are killed and go on, and end as
 * undisturbed. `npm run crash -- --programs all` is the campaign.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isGood, lineDifference } from '../../src/cli/crash/campaign.ts';
import { campaigns } from '../../src/cli/crash/campaigns.ts';
import { planner } from '../../src/cli/crash/plan.ts';
import { partOf, readParts, writeParts } from '../../src/cli/crash/report.ts';
import { subjects } from '../../src/cli/crash/subjects.ts';
import { scratchFolder } from '../tools/scratch.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
/** The programs that are killed here: the campaign in CI kills all of them. */
const here = new Set(['transcript', 'tide', 'echo']);
/** Of each program; `npm run tiers` takes one in each tier. */
const KILLS = Number(process.env.KILLS ?? 2);

test('programs of three kinds end byte for byte as undisturbed after kills', async () => {
  const chosen = subjects.filter(({ name }) => here.has(name));
  const seed = Number(process.env.PERDURE_SEED ?? 11);
  const results = await campaigns({
    command: [process.execPath, main],
    subjects: chosen,
    kills: KILLS * chosen.length,
    seed,
    jobs: 1,
    folder: scratchFolder(),
    progress: () => undefined,
    grown: () => undefined,
  });
  assert.is(results.size, here.size);
  for (const [name, result] of results) {
    const repeat = `${name}, PERDURE_SEED=${seed}`;
    assert.equal(result.failures, [], repeat);
    assert.ok(isGood(result), repeat);
    assert.is(result.kills, KILLS, repeat);
    assert.ok(result.rounds >= 1, repeat);
  }
});

test('the programs of the campaign are of at least eight kinds, one reads what is typed, one has more memory than RAM', () => {
  assert.ok(new Set(subjects.map(({ program }) => program)).size >= 8);
  for (const { program } of subjects) assert.ok(fs.existsSync(program), program);
  assert.ok(subjects.some(({ inputLines }) => inputLines > 0));
  assert.ok(subjects.some(({ name, arguments: [mebibytes] }) => name === 'tide' && Number(mebibytes) > 16));
});

test('a report grows by parts, each seed once, and counts what lies inside demarcation, commit and recovery', () => {
  const file = path.join(scratchFolder(), 'report.json');
  assert.equal(readParts(file), []);
  const result = {
    ...{ kills: 3, byPhase: { running: 1, demarcation: 1, commit: 1, recovery: 0 } },
    ...{
      byPoint: { collected: 1, 'commit-body': 1 },
      rounds: 2,
      identical: true,
      lostLines: 0,
      repeatedLines: 0,
    },
    ...{ differentImages: 0, damagedImages: 0, failures: [] },
  };
  const one = partOf(1, 3, new Map([['a', result]]));
  const two = partOf(
    2,
    6,
    new Map([
      ['a', result],
      ['b', result],
    ]),
  );
  writeParts(file, [one]);
  writeParts(file, [...readParts(file), two]);
  assert.equal(readParts(file), [one, two]);
  const { total } = JSON.parse(fs.readFileSync(file, 'utf8'));
  assert.is(total.kills, 9);
  assert.is(total.killsInside, 6);
  assert.equal(total.byProgram, { a: 6, b: 3 });
  fs.writeFileSync(file, '{}');
  assert.throws(() => readParts(file), /no report of a crash campaign/);
});

test('the comparison sees lost and repeated lines', () => {
  assert.equal(lineDifference('a\nb\nc\n', 'a\nb\nc\n'), { lost: 0, repeated: 0 });
  assert.equal(lineDifference('a\nb\nc\n', 'a\nc\n'), { lost: 1, repeated: 0 });
  assert.equal(lineDifference('a\nb\nc\n', 'a\nb\nb\nc\nx\n'), { lost: 0, repeated: 2 });
});

test('at least a third of the planned kills lie inside demarcation, commit or recovery, whatever the seed', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const next = planner(seed);
    const plans = Array.from({ length: 300 }, () => next());
    const inside = plans.filter((plan) => plan.phase !== 'running').length;
    assert.ok(inside >= 100, `seed ${seed}: ${inside} of 300`);
  }
});

test('a point that a program does not come to is left out, and what is left is still planned', () => {
  const next = planner(3, (label) => label !== 'collected');
  const plans = Array.from({ length: 200 }, () => next());
  assert.equal([...new Set(plans.map(({ label }) => label))].sort(), ['collected', null].sort());
  assert.ok(plans.every(({ phase, label }) => (phase === 'running') === (label === null)));
});

test.run();
