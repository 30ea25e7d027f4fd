/**
 * N.07: a user task can use every entry point. Two tasks call each entry of the table with objects of their own of all
 * types, right and wrong: each call ends with an outcome, a fault, or waits and can be broken off; no host exception,
 * and every invariant holds.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { zeroRecord } from '../../src/base/layout.ts';
import { type EntryName, entries } from '../../src/kernel/abi/entries.ts';
import { states, typeNames } from '../../src/kernel/abi/types.ts';
import { type Processor, waiting } from '../../src/userland/task/task.ts';
import { World } from './world.ts';

/** A small generator of test choices, so that a failure can be repeated. */
function choices(seed: number): () => number {
  let state = seed * 2654435761;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const ROUNDS = 50;
const names = Object.keys(entries) as EntryName[];

/** Where a task's objects lie in its space, outside its own memory; and the pages that its region offers. */
const OBJECTS = 0x1_0000;
const PAGES = 0x10_0000;

/** Objects of all types, references to them behind, and places where nothing lies; the region offers some pages. */
function makeObjects(task: Processor): void {
  typeNames.forEach((type, i) => {
    const place = OBJECTS + 0x100 + 0x20 * i;
    task.call(entries[`${type}_create` as EntryName].number, place);
    const reference = OBJECTS + 0x300 + 0x20 * i;
    // What an earlier round moved away or made elsewhere.
    for (let place = 0x500; place < 0x600; place += 0x20) {
      task.call(entries[`${type}_destroy` as EntryName].number, OBJECTS + place);
    }
    task.call(entries.reference_create.number, reference);
    const name = `${type}_reference`;
    if (name in entries) task.call(entries[name as EntryName].number, place, reference);
  });
  const own = OBJECTS + 0x420;
  task.call(entries.reference_create.number, own);
  task.call(entries.space_reference.number, task.memoryAddress + 0x20, own);
  states.region.write(task.memoryView, 0x5000, {
    ...zeroRecord(states.region),
    startAddress: BigInt(PAGES),
    size: 0x8000n,
    protection: 7n,
  });
  const region = OBJECTS + 0x100 + 0x20 * typeNames.indexOf('region');
  task.call(entries.region_set_state.number, region, task.memoryAddress + 0x5000, own);
}

/** What an argument of this name may well be. */
function fitting(argument: string, buffer: number): readonly number[] {
  const base = OBJECTS;
  const type = (typeNames as readonly string[]).indexOf(argument);
  const free = Array.from({ length: 8 }, (_, i) => base + 0x500 + 0x20 * i);
  const references = Array.from({ length: 9 }, (_, i) => base + 0x300 + 0x20 * i);
  if (argument === 'reference' || argument === 'other') return references;
  if (argument.endsWith('Reference'))
    return [0, 0, 0, ...references.filter((_, i) => argument.startsWith(typeNames[i] ?? ''))];
  if (type >= 0) return [base + 0x100 + 0x20 * type, base + 0x100 + 0x20 * type, ...free.slice(0, 1)];
  if (argument === 'destination') return free;
  if (['state', 'items', 'handlers', 'saved', 'send', 'receive', 'source', 'record'].includes(argument)) {
    return [buffer + 0x2000, buffer + 0x3000, argument === 'state' ? 0 : buffer + 0x4000];
  }
  if (argument === 'offset') return [0, 4096];
  return [0, 1, 2, 3, 7, 64];
}

test('every entry point can be called by a task: an outcome, a fault, or a wait that can be broken off', () => {
  const seed = 7;
  const next = choices(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
  const world = new World();
  const tasks = [0, 1].map(() => world.kernel.createTask({ memoryPages: 8 }));
  const results = new Map<EntryName, Set<string>>();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const task of tasks) makeObjects(task);
    for (const name of names) {
      const task = pick(tasks);
      const base = task.memoryAddress;
      const places = [
        ...Array.from({ length: 28 }, (_, i) => OBJECTS + 0x100 + 0x20 * i),
        ...[0, 1, 8, 40, 4096, base, base + 0x20, base + 0x2000, base + 0x4008, 2 ** 60],
      ];
      const args = entries[name].arguments.map((argument) => {
        if (next() < 0.1) return pick(places);
        return pick(fitting(argument, base));
      });
      const label = `${name}(${args.map((value) => value.toString(16)).join(', ')}), round ${round}, seed ${seed}`;
      try {
        let outcome = task.call(entries[name].number, ...args);
        const kinds = results.get(name) ?? new Set<string>();
        results.set(name, kinds);
        if (outcome === waiting) {
          kinds.add('waits');
          world.kernel.check();
          if (!task.cancel()) outcome = task.finish();
          else outcome = 0;
        }
        assert.ok(outcome >= 0 && outcome < 0x200, `${label} gave ${outcome}`);
        kinds.add(outcome < 0x100 ? 'outcome' : 'fault');
      } catch (error) {
        throw new Error(`${label}: ${error}`);
      }
    }
    world.kernel.check();
    assert.ok(world.run(1000) !== 'limit');
    for (const task of tasks) task.takePending();
  }
  const never = names.filter(
    (name) => !results.get(name)?.has('outcome') && !results.get(name)?.has('waits'),
  );
  // A task has no pc to go on at, and no processor to donate.
  const refused = ['thread_return_from_exception', 'thread_schedule'];
  assert.equal(
    never.filter((name) => !refused.includes(name)),
    [],
    'each other entry did something',
  );
});

test.run();
