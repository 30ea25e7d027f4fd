/**
 * Every entry point is atomic (law 2): at every instant at which what a thread does has changed, and with ATOMIC=all at
 * every instruction, the world is taken out, made again in a fresh kernel, and ends as it would have. Generated from the
 * table of entry points; an entry that was not stopped in each way in which it can be fails.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type EntryName, entries } from '../../src/kernel/abi/entries.ts';
import {
  Coverage,
  goOnFrom,
  type Instant,
  rebuildAlways,
  stepThrough,
  stopAndGoOn,
  undisturbed,
} from './atomicity.ts';
import { assertSame, resultOf } from './rebuild.ts';
import { allSituations, needsOf } from './situations.ts';
import { builtEntries } from './situations-kit.ts';

const isEvery = process.env.ATOMIC === 'all';
const only = process.env.SITUATION;
const coverage = new Coverage();
let instantCount = 0;

for (const [index, situation] of allSituations.entries()) {
  if (only !== undefined && !situation.name.includes(only)) continue;
  let whole: ReturnType<typeof undisturbed>;
  let instants: readonly Instant[] = [];

  test(`ends the same step by step: ${situation.name}`, () => {
    whole = undisturbed(situation);
    const stepped = stepThrough(situation, coverage, isEvery);
    assertSame(resultOf(stepped.world), whole.result, 'step by step');
    instants = stepped.instants;
    instantCount += instants.length;
  });

  test(`goes on in a fresh kernel from each instant: ${situation.name}`, () => {
    for (const instant of instants) goOnFrom(instant, whole);
  });

  const isShort = !isEvery && only === undefined && index % 3 !== 0;
  if (!isShort)
    test(`rebuilt at every instant: ${situation.name}`, () => {
      assert.ok(rebuildAlways(situation, whole, isEvery) >= 1);
    });

  test(`stopped by get_state, set again in a fresh kernel: ${situation.name}`, () => {
    // Every fourth of them unless there is time for all: each costs two kernels.
    const stopped = instants.filter((_, i) => isEvery || i % 4 === index % 4);
    for (const instant of stopped) stopAndGoOn(situation, instant, whole);
  });
}

for (const name of Object.keys(entries) as EntryName[]) {
  if (only !== undefined) break;
  test(`${name} was stopped in every way in which it can be`, () => {
    if (!builtEntries.has(name)) return;
    const missing = needsOf(name).kinds.filter((kind) => !coverage.has(name, kind));
    assert.equal(missing, [], `${name} was never seen so`);
    assert.ok(coverage.has(name, 'before') || needsOf(name).situations.length === 0, `${name} was made`);
  });
}

test('no entry point is without a handler', () => {
  const unbuilt = (Object.keys(entries) as EntryName[]).filter((name) => !builtEntries.has(name));
  assert.equal(unbuilt, []);
  console.log(`${instantCount} instants in ${allSituations.length} situations`);
});

test.run();
