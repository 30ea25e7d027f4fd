/**
 * Random programs of entry points, from several threads in two spaces, do what a small model says: every outcome and
 * fault, who waits for what, conversations, messages, state in and out, the order in which threads run, and all of it
 * also when everything is rebuilt in between (N.16).
 *
 * A failing program is shrunk and printed. SEED=n repeats a run, RUNS=n makes it longer (`npm run models`).
 */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type EntryName, entries } from '../../src/kernel/abi/entries.ts';
import { makeCommand, makeModel, mayMake } from './model/calls.ts';
import { beginning, type Choice, choices, describe, steer } from './model/commands.ts';
import { differences } from './model/compare.ts';
import { leftOut, modelledEntries } from './model/entries.ts';
import { newThing } from './model/things.ts';
import { ModelWorld } from './model/world.ts';

const seed = Number(process.env.SEED ?? 1);
const RUNS = Number(process.env.RUNS ?? 60);
const LENGTH = Number(process.env.LENGTH ?? 80);

const counts = { made: 0 };
/** Entry points that are only called as a part of a small program. */
const called = new Set<EntryName>(['thread_set_state', 'thread_return_from_exception']);
const outcomesSeen = new Map<string, number>();

/** Runs the program on both; throws at the first difference, with the program up to it. */
function runProgram(program: readonly Choice[]): void {
  const model = makeModel();
  for (const [place, type] of beginning) model.places[place] = newThing(type, place, null);
  const world = new ModelWorld();
  const done: string[] = [];
  for (const choice of program) {
    const command = steer(model, choice);
    if (command === null || !mayMake(model, command)) continue;
    done.push(describe(command));
    const name = world.make(command, model);
    if (name !== null) called.add(name);
    makeCommand(model, command);
    counts.made += 1;
    const wrong = differences(model, world, command);
    const after = model.threads[command.thread] ?? null;
    const came =
      after === null || after.step !== 'sleep' ? 'waits' : `${after.result.kind} ${after.result.code}`;
    const key = `${command.verb}: ${came}`;
    outcomesSeen.set(key, (outcomesSeen.get(key) ?? 0) + 1);
    if (wrong.length > 0) throw new Error(`${wrong.join('\n')}\nafter\n  ${done.join('\n  ')}`);
  }
  world.world.kernel.check();
}

test('every entry point is in the model, or is left out for a reason', () => {
  const modelled = modelledEntries();
  const neither = Object.keys(entries).filter(
    (name) => !modelled.has(name as EntryName) && !(name in leftOut),
  );
  assert.equal(neither, []);
  assert.equal(
    Object.keys(leftOut).filter((name) => modelled.has(name as EntryName) || !(name in entries)),
    [],
  );
});

test('random programs of entry points do what the model says', () => {
  const programs = fc.array(choices, { minLength: 1, maxLength: LENGTH, size: 'max' });
  const details = fc.check(fc.property(programs, runProgram), { seed, numRuns: RUNS });
  if (details.failed) {
    const { errorInstance } = details;
    const { message: text, stack } = errorInstance instanceof Error ? errorInstance : new Error();
    const message = text.includes('\nafter\n') ? text : stack;
    assert.unreachable(`${message}\nagain: SEED=${seed} RUNS=${RUNS} node test/kernel/model.test.ts`);
  }
  assert.ok(counts.made > RUNS * 10, `${counts.made} commands were made`);
  console.log(
    `model: ${RUNS} programs, ${counts.made} commands, ${outcomesSeen.size} different things that came of them`,
  );
  const missed = [...modelledEntries()].filter((name) => !called.has(name));
  if (RUNS >= 1000) assert.equal(missed, [], 'entry points that were never called');
  if (process.env.SHOW !== undefined)
    for (const [key, count] of [...outcomesSeen].sort()) console.log(`${key}: ${count}`);
});

test.run();
