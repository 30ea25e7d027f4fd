/**
 * P.16: the process can die before and after every statement that changes a file. `npm run crash:points` dies at all of
 * them; here at a few, and the list of them is compared with the source.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { serverPhases } from '../../src/persist/phases.ts';
import { mainPhases, workerPhases } from '../../src/persist/store/phases.ts';
import { deathsOf, die, type Recording, record, type Scenario, scenarios } from './steps.ts';
import { idleExceptions, labelsWithoutVisit, unvisited } from './steps-lint.ts';
import { randomOf } from './store-model.ts';

const seed = Number(process.env.PERDURE_SEED ?? 1);
const recordings: [Scenario, Recording][] = [];

test('undisturbed lives of every scenario are right, and make many steps', async () => {
  for (const scenario of scenarios) {
    const recording = await record(scenario);
    assert.is(recording.wrong, null, scenario.name);
    assert.ok(recording.visits.size > 40, `${scenario.name}: ${recording.visits.size} steps`);
    recordings.push([scenario, recording]);
  }
});

test('every statement of the source that changes a file is a step of some scenario, or has its reason', () => {
  const sites = recordings.flatMap(([, { visits }]) => [...visits.keys()]);
  assert.equal(unvisited(sites), []);
  assert.equal(idleExceptions(), []);
  // The check itself: without the commit's own statement it complains.
  const without = sites.filter((site) => !site.startsWith('persist/store/committer.ts'));
  assert.ok(unvisited(without).some((line) => line.includes('insertRecord.run')));
});

test('every labelled point is visited somewhere in the source', () => {
  const labels = [...Object.keys(mainPhases), ...Object.keys(workerPhases), ...Object.keys(serverPhases)];
  assert.equal(labelsWithoutVisit(labels), []);
  assert.equal(labelsWithoutVisit(['no-such-label']), ['no-such-label']);
});

test('a death before or after a step loses nothing', async () => {
  const random = randomOf(seed);
  for (const [scenario, recording] of recordings) {
    const deaths = deathsOf(recording);
    for (let i = 0; i < 2; i++) {
      const death = deaths[random(deaths.length)];
      assert.ok(death);
      const what = `${scenario.name}: ${death.when} visit ${death.visit} of ${death.site}; PERDURE_SEED=${seed}`;
      assert.is(await die(scenario, death), null, what);
    }
  }
});

test.run();
