/**
 * The mode in which whole suites run taken apart does take apart: a world ends in another kernel than it began in, once for
 * each entry; and what is opted out of it is a short list.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { optOuts, rebuildsAfterEntry, rebuiltCount, runRebuildingSlice } from './every-entry.ts';
import { assertSame, resultOf } from './rebuild.ts';
import { scenarios } from './scenarios.ts';
import { World } from './world.ts';

test('a slice in the mode goes through a kernel for each entry, and ends as in one kernel', () => {
  const scenario = scenarios[1];
  assert.ok(scenario !== undefined);
  if (scenario === undefined) return;
  const alone = new World();
  scenario.build(alone);
  alone.finish();
  const world = new World();
  scenario.build(world);
  const [kernel, before] = [world.kernel, rebuiltCount()];
  for (let i = 0; i < 100; i += 1) {
    if (runRebuildingSlice(world, 1_000_000) !== 'idle') continue;
    const deadline = world.kernel.nextDeadline();
    if (deadline === null) break;
    world.kernel.stepClock(deadline);
  }
  assert.is.not(world.kernel, kernel);
  const rebuilt = rebuiltCount() - before;
  assert.ok(rebuilt >= 100, `${rebuilt} kernels`);
  assertSame(resultOf(world), resultOf(alone), 'in the mode');
});

test('with the mode switched on, and only then, a world rebuilds whenever it runs', () => {
  const world = new World();
  scenarios[0]?.build(world);
  const kernel = world.kernel;
  world.finish();
  assert.is(world.kernel !== kernel, rebuildsAfterEntry);
  assert.is(rebuildsAfterEntry, process.env.PERDURE_REBUILD === 'entry');
});

test('at most ten are opted out: single tests, each by a name of its own, and one file', () => {
  assert.ok(Object.keys(optOuts).length <= 10);
  const names = Object.keys(optOuts).filter((name) => !name.endsWith('.test.ts'));
  assert.is(Object.keys(optOuts).length - names.length, 1);
  const folders = [import.meta.dirname, join(import.meta.dirname, '../userland')];
  const used = folders
    .flatMap((folder) => readdirSync(folder).map((file) => ({ folder, file })))
    .filter(({ file }) => file.endsWith('.test.ts'))
    .flatMap(({ folder, file }) => {
      const text = readFileSync(join(folder, file), 'utf8');
      return [...text.matchAll(/optOut(?:\(|: )'([^']+)'/g)].map(([, name = '']) => {
        assert.ok(name.startsWith(`${file.replace('.test.ts', '')}: `), `${file}: ${name}`);
        return name;
      });
    });
  assert.equal(used.sort(), names.sort());
});

test.run();
