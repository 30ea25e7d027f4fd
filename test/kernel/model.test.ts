/**
 * Random programs of entry points, from several threads in two spaces, do what a small model says: every outcome and
 * fault, who waits for what, what messages brought, and all of it also when everything is rebuilt in between (N.16).
 *
 * A failing program is shrunk and printed. SEED=n repeats a run, RUNS=n makes it longer (`npm run models`).
 */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Command, Model, PLACES, type Result, THREADS, type Verb, verbs } from './model.ts';
import { describe, ModelWorld, type Seen } from './model-world.ts';

const seed = Number(process.env.SEED ?? 1);
const RUNS = Number(process.env.RUNS ?? 60);
const LENGTH = 80;

/** Verbs by how often they are wanted: objects must be there, and threads that wait must get out again. */
const weights: Readonly<Partial<Record<Verb, number>>> = {
  create_mutex: 3,
  create_cond: 2,
  create_reference: 3,
  create_port: 3,
  create_portset: 3,
  destroy: 2,
  reference: 6,
  join: 5,
  lock: 5,
  unlock: 5,
  wait: 4,
  signal: 3,
  receive: 5,
  call: 5,
  connect: 4,
  reply: 3,
  reply_receive: 4,
  answer: 4,
  interrupt: 6,
};

/** Places have a favourite type each, so that programs get somewhere. */
const favourites = [
  'create_mutex',
  'create_mutex',
  'create_cond',
  'create_reference',
  'create_reference',
  'create_reference',
  'create_port',
  'create_port',
  'create_portset',
  'create_portset',
] as const satisfies readonly Verb[];

function favourite(verb: Verb, value: number): number {
  const wanted: Partial<Record<Verb, readonly number[]>> = {
    lock: [0, 1],
    trylock: [0, 1],
    unlock: [0, 1],
    owner: [0, 1],
    wait: [2],
    signal: [2],
    broadcast: [2],
    copy: [3, 4, 5],
    compare: [3, 4, 5],
    check: [3, 4, 5],
    type: [3, 4, 5],
    join: [6, 7],
    send: [6, 7, 3],
    call: [6, 7, 3],
    connect: [6, 7, 4],
    receive: [8, 9, 5],
    reply_receive: [8, 9],
    answer: [8, 9],
    reference: [6, 7, 8, 9, 0],
  };
  const list = wanted[verb] ?? Array.from({ length: PLACES }, (_, i) => i);
  return list[value % list.length] as number;
}

const place = fc.integer({ min: 0, max: PLACES - 1 });
const commands: fc.Arbitrary<Command> = fc
  .record({
    thread: fc.integer({ min: 0, max: THREADS - 1 }),
    verb: fc.oneof(...verbs.map((verb) => ({ weight: weights[verb] ?? 1, arbitrary: fc.constant(verb) }))),
    a: place,
    b: place,
    value: fc.integer({ min: 1, max: 1000 }),
    isLikely: fc.integer({ min: 0, max: 5 }),
  })
  .map(({ thread, verb, a, b, value, isLikely }) => {
    if (isLikely === 0) return { thread, verb, a, b, value };
    const other = verb === 'wait' ? b % 2 : 3 + (b % 3);
    if (verb.startsWith('create_')) return { thread, verb: favourites[a] ?? verb, a, b: other, value };
    return { thread, verb, a: favourite(verb, a), b: other, value };
  });

function sameResult(model: Result | null, seen: Result | null): boolean {
  if (model === null || seen === null) return model === seen;
  if (model.kind === 'fault' || seen.kind === 'fault')
    return model.kind === seen.kind && model.code === seen.code;
  return model.code === seen.code && model.words.every((word, i) => word === seen.words[i]);
}

function textOf(result: Result | null): string {
  if (result === null) return 'waits';
  return result.kind === 'fault'
    ? `fault ${result.code.toString(16)}`
    : `outcome ${result.code} (${result.words.join(', ')})`;
}

function compareThread(model: Model, seen: Seen, thread: number): string[] {
  const expected = model.threads[thread];
  if (expected === undefined) return [];
  const wrong: string[] = [];
  const { result } = expected;
  if (!sameResult(result, seen.result)) {
    wrong.push(`thread ${thread}: ${textOf(seen.result)}, the model says ${textOf(result)}`);
  }
  const at = expected.waitsAt?.place ?? null;
  if (result === null && (at !== seen.waitsAt || expected.waitsFor !== seen.waitsFor)) {
    wrong.push(
      `thread ${thread} waits at place ${seen.waitsAt}, for thread ${seen.waitsFor}; the model says ${at}, ${expected.waitsFor}`,
    );
  }
  for (const word of ['received', 'answered'] as const) {
    if (seen[word] !== expected[word])
      wrong.push(`thread ${thread}: ${word} ${seen[word]}, the model says ${expected[word]}`);
  }
  return wrong;
}

/** Programs begin with an object of its favourite type at each place. */
const beginning: readonly Command[] = favourites.map((verb, a) => ({ thread: 0, verb, a, b: 0, value: 0 }));

let made = 0;
const outcomesSeen = new Map<string, number>();

/** Runs the program on both; throws at the first difference, with the program up to it. */
function runProgram(program: readonly Command[]): void {
  const model = new Model();
  const world = new ModelWorld();
  const done: string[] = [];
  for (const command of [...beginning, ...program]) {
    const isAside = command.verb === 'interrupt' || command.verb === 'rebuild';
    if (!isAside && model.isBusy(command.thread)) continue;
    if (command.verb === 'interrupt') {
      const thread = command.a % THREADS;
      if (!model.isBusy(thread) || !model.mayInterrupt(thread)) continue;
    }
    done.push(describe(command));
    world.make(command, model);
    model.make(command);
    made += 1;
    const wrong = model.threads.flatMap((_, thread) => compareThread(model, world.see(thread), thread));
    const after = model.threads[command.thread]?.result ?? null;
    const key = `${command.verb}: ${after?.kind ?? 'waits'} ${after?.code ?? ''}`;
    outcomesSeen.set(key, (outcomesSeen.get(key) ?? 0) + 1);
    if (command.verb === 'owner' && after?.kind === 'outcome') {
      const locked = world.locked(command.thread);
      if (locked !== model.locked(command.a))
        wrong.push(`the mutex at place ${command.a} says locked ${locked}`);
    }
    if (wrong.length > 0) throw new Error(`${wrong.join('\n')}\nafter\n  ${done.join('\n  ')}`);
  }
  world.world.kernel.check();
}

test('random programs of entry points do what the model says', () => {
  const programs = fc.array(commands, { minLength: 1, maxLength: LENGTH, size: 'max' });
  const details = fc.check(fc.property(programs, runProgram), { seed, numRuns: RUNS });
  if (details.failed) {
    const { errorInstance } = details;
    const message = errorInstance instanceof Error ? errorInstance.message : '';
    assert.unreachable(`${message}\nagain: SEED=${seed} RUNS=${RUNS} node test/kernel/model.test.ts`);
  }
  assert.ok(made > RUNS * 20, `${made} commands were made`);
  console.log(
    `model: ${RUNS} programs, ${made} commands, ${outcomesSeen.size} different things that came of them`,
  );
});

test.run();
