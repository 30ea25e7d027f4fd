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
import { beginning, type Choice, choices, describe, prologue, steer } from './model/commands.ts';
import { differences } from './model/compare.ts';
import { leftOut, modelledEntries } from './model/entries.ts';
import type { Model } from './model/model.ts';
import { type Command, newThing } from './model/things.ts';
import { ModelWorld } from './model/world.ts';

const seed = Number(process.env.SEED ?? 1);
const RUNS = Number(process.env.RUNS ?? 60);
const LENGTH = Number(process.env.LENGTH ?? 150);

const counts = { made: 0 };
/** Entry points that are only called as a part of a small program. */
const called = new Set<EntryName>(['thread_set_state', 'thread_return_from_exception']);
const outcomesSeen = new Map<string, number>();

/** What differed, and the commands that were made up to there. */
interface Failure {
  readonly wrong: string;
  readonly commands: readonly Command[];
}

/** Gives both each command that `next` names, until one makes a difference. */
function run(next: (model: Model) => Command | null | undefined): Failure | null {
  const model = makeModel();
  for (const [place, type] of beginning) model.places[place] = newThing(type, place, null);
  const world = new ModelWorld();
  const commands: Command[] = [];
  for (let command = next(model); command !== undefined; command = next(model)) {
    if (command === null || !mayMake(model, command)) continue;
    commands.push(command);
    try {
      const name = world.make(command, model);
      if (name !== null) called.add(name);
      makeCommand(model, command);
      const wrong = differences(model, world, command);
      if (wrong.length > 0) return { wrong: wrong.join('\n'), commands };
    } catch (error) {
      return { wrong: error instanceof Error ? `${error.stack}` : '', commands };
    }
    note(model, command);
  }
  try {
    world.world.kernel.check();
  } catch (error) {
    return { wrong: error instanceof Error ? `${error.stack}` : '', commands };
  }
  return null;
}

function note(model: Model, command: Command): void {
  counts.made += 1;
  const after = model.threads[command.thread] ?? null;
  const isOver = after !== null && after.step === 'sleep';
  const key = `${command.verb}: ${isOver ? `${after.result.kind} ${after.result.code}` : 'waits'}`;
  outcomesSeen.set(key, (outcomesSeen.get(key) ?? 0) + 1);
}

function steered(choices: readonly Choice[]): Failure | null {
  let i = -1;
  return run((model) => {
    i += 1;
    if (i < prologue.length) return prologue[i];
    const choice = choices[i - prologue.length];
    return choice === undefined ? undefined : steer(model, choice);
  });
}

function replayed(commands: readonly Command[]): Failure | null {
  let i = -1;
  return run((model) => {
    i += 1;
    const command = commands[i];
    const thread = command === undefined ? null : (model.threads[command.thread] ?? null);
    return command === undefined ? undefined : thread !== null && model.mayGo(thread) ? command : null;
  });
}

/** Leaves out commands, many at first, then one by one, as long as something differs at the end. */
function shrunk(failure: Failure): Failure {
  let best = failure;
  for (
    let size = Math.ceil(best.commands.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let start = best.commands.length - size; start >= 0; start -= size) {
      const fewer = best.commands.filter((_, i) => i < start || i >= start + size);
      best = replayed(fewer) ?? best;
    }
  }
  return best;
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
  let failure: Failure | null = null;
  // Choices depend on what was before them, so it is the commands that are shrunk.
  const property = fc.property(programs, (program) => {
    failure ??= steered(program);
    return failure === null;
  });
  const details = fc.check(property, { seed, numRuns: RUNS, endOnFailure: true });
  if (failure !== null) {
    const { wrong, commands } = shrunk(failure);
    const lines = commands.map((command) => `  ${describe(command)}`);
    const again = `again: SEED=${seed} RUNS=${RUNS} LENGTH=${LENGTH} node test/kernel/model.test.ts`;
    assert.unreachable(`${wrong}\nafter\n${lines.join('\n')}\n${again}`);
  }
  assert.is(details.failed, false);
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
