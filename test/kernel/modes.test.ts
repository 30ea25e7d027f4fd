/**
 * Law 8 and law 1: how a run is sliced, what is evicted, and taking everything apart after every entry (K.17) never
 * change what is left at the end: registers, links, memory, tick, counters, output. Nor does the tier (M.13).
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createMachine } from '../../src/hw/create.ts';
import type { Tier } from '../../src/hw/machine.ts';
import { assertSame, resultOf, runInSlices, runRebuilding } from './rebuild.ts';
import { type Scenario, scenarios } from './scenarios.ts';
import { RAM_BYTES, SEGMENT_SIZE, World } from './world.ts';

const tiers: readonly Tier[] = ['interpreter', 'translator', 'auto'];

function undisturbed(scenario: Scenario): string[] {
  const world = new World();
  scenario.build(world);
  world.finish();
  return resultOf(world);
}

/** A small generator of test choices, so that a failure can be repeated. */
function choices(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const translatedScenarios: string[] = [];

for (const scenario of scenarios) {
  const expected = undisturbed(scenario);

  test(`rebuilt in a fresh kernel after every entry: ${scenario.name}`, () => {
    const world = new World();
    scenario.build(world);
    const rebuilt = runRebuilding(world, true);
    assert.ok(rebuilt > 3, `it was rebuilt ${rebuilt} times`);
    assertSame(resultOf(world), expected, 'rebuilt');
    scenario.check(world);
  });

  for (const limit of [1, 2, 3, 7, 1000]) {
    test(`in slices of ${limit}: ${scenario.name}`, () => {
      const world = new World();
      scenario.build(world);
      runInSlices(world, () => limit);
      assertSame(resultOf(world), expected, `slices of ${limit}`);
    });
  }

  test(`in each tier, and with the tier changed at random between slices: ${scenario.name}`, () => {
    for (const tier of ['interpreter', 'translator', null] as const) {
      const next = choices(9);
      const world = new World({ machine: createMachine(RAM_BYTES, { tier: tier ?? 'auto' }) });
      scenario.build(world);
      runInSlices(world, () => {
        if (tier === null) world.machine.setTier(tiers[Math.floor(next() * tiers.length)] as Tier);
        return 1 + Math.floor(next() ** 3 * 300);
      });
      assertSame(resultOf(world), expected, tier ?? 'random');
      const { interpreted, translated } = world.machine.tierStatistics();
      assert.is(interpreted + translated, world.kernel.statistics().retired, tier ?? 'random');
      if (tier === 'translator' && translated > 0) translatedScenarios.push(scenario.name);
    }
  });

  test(`with pages evicted at random, slices at random: ${scenario.name}`, () => {
    for (let seed = 1; seed <= 3; seed += 1) {
      const next = choices(seed);
      const world = new World();
      scenario.build(world);
      world.pagerDelays = seed === 3 ? 1 : 0;
      runInSlices(world, () => {
        for (let i = 0; i < 3; i += 1) {
          const slab = 1 + Math.floor(next() * 2);
          const page = Math.floor(next() ** 2 * 80);
          if (next() < 0.3) world.evict((slab * 256 + page) * 4096);
        }
        return 1 + Math.floor(next() ** 3 * 3000);
      });
      for (let offset = 0; offset < SEGMENT_SIZE; offset += 4096) world.evict(offset);
      assertSame(resultOf(world), expected, `seed ${seed}`);
    }
  });
}

test('in the translator all scenarios run translated but those in which control arrives nowhere twice', () => {
  assert.ok(translatedScenarios.length >= scenarios.length - 2, translatedScenarios.join('; '));
});

test.run();
