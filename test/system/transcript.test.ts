/** K.14, N.20: the transcript test, its short form; `npm run crash` is the campaign. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { campaign, lineDifference } from '../../src/cli/crash/campaign.ts';
import { planner } from '../../src/cli/crash/plan.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { program } from './perdure.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

test('a transcript ends byte for byte as undisturbed after 12 kills', async () => {
  const result = await campaign({
    command: [process.execPath, main],
    program: program('transcript'),
    arguments: ['1500'],
    kills: 12,
    seed: Number(process.env.PERDURE_SEED ?? 11),
    folder: scratchFolder(),
    progress: () => undefined,
  });
  assert.equal(result.failures, []);
  assert.is(result.identical, true);
  assert.is(result.kills, 12);
  assert.ok(result.rounds >= 1);
});

test('every entry point, used again and again, ends as undisturbed after 6 kills', async () => {
  const result = await campaign({
    command: [process.execPath, main],
    program: program('examples'),
    arguments: ['4'],
    kills: 6,
    seed: Number(process.env.PERDURE_SEED ?? 5),
    folder: scratchFolder(),
    progress: () => undefined,
  });
  assert.equal(result.failures, []);
  assert.is(result.identical, true);
  assert.is(result.kills, 6);
});

test('the comparison sees lost and repeated lines', () => {
  assert.equal(lineDifference('a\nb\nc\n', 'a\nb\nc\n'), { lost: 0, repeated: 0 });
  assert.equal(lineDifference('a\nb\nc\n', 'a\nc\n'), { lost: 1, repeated: 0 });
  assert.equal(lineDifference('a\nb\nc\n', 'a\nb\nb\nc\nx\n'), { lost: 0, repeated: 2 });
});

test('at least a third of the planned kills lie inside demarcation, commit or recovery, whatever the seed', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const next = planner(seed);
    const plans = Array.from({ length: 300 }, next);
    const inside = plans.filter((plan) => plan.phase !== 'running').length;
    assert.ok(inside >= 100, `seed ${seed}: ${inside} of 300`);
  }
  assert.ok(path.isAbsolute(main));
});

test.run();
