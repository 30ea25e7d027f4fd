/**
 * Every scenario does what it should when nobody disturbs it; the other suites compare with these runs.
 */
import { test } from 'uvu';
import { scenarios } from './scenarios.ts';
import { World } from './world.ts';

for (const scenario of scenarios) {
  test(scenario.name, () => {
    const world = new World();
    scenario.build(world);
    world.kernel.check();
    world.finish();
    world.kernel.check();
    scenario.check(world);
  });
}

test.run();
