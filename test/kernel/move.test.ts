/**
 * Objects of all nine types move: what they are stays, what links to them follows, and whoever keeps an image by what
 * changed has the same image as one who looks at everything.
 */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { faults, outcomes } from '../../src/kernel/abi/codes.ts';
import { type EntryName, entries } from '../../src/kernel/abi/entries.ts';
import { itemKinds } from '../../src/kernel/abi/memory.ts';
import { links, notReferencable, type TypeName, typeNames } from '../../src/kernel/abi/types.ts';
import { Assembler } from './assembler.ts';
import { own, PROGRAM, SLAB_SIZE, World } from './world.ts';

const BASE = SLAB_SIZE;
const SEED = 20_261_123;

const entry = (type: TypeName, operation: string): EntryName => `${type}_${operation}` as EntryName;

interface Entry {
  readonly words: string;
  readonly serial: number;
  /** Address and serial of each target. */
  readonly links: readonly (readonly [number, number] | null)[];
}

/** What a saver has of each object, by address. */
function objectsOf(world: World): Map<number, Entry> {
  const { objects } = world.save();
  const serials = new Map(objects.map((object) => [object.address, object.serial]));
  return new Map(
    objects.map(({ address, serial, state, links: targets }) => {
      const saved = targets.map((target) =>
        typeof target === 'number' ? ([target, serials.get(target) ?? 0] as const) : null,
      );
      return [address, { words: Buffer.from(state).toString('hex'), serial, links: saved }];
    }),
  );
}

/** What a restart makes of it: a link to what is no longer that object is null. */
function readAs(saved: ReadonlyMap<number, Entry>): string[] {
  const lines = [...saved].map(([address, { words, links: targets }]) => {
    const read = targets.map((link) =>
      link !== null && saved.get(link[0])?.serial === link[1] ? link[0] : null,
    );
    return `${address.toString(16)} ${JSON.stringify(read)} ${words}`;
  });
  return lines.sort();
}

for (const type of typeNames) {
  test(`a ${type} moves: its state is the same elsewhere, and what may not move or be moved to is refused`, () => {
    const world = new World();
    const [from, to, taken] = [BASE + 0x400, BASE + 0x2420, BASE + 0x440];
    world.must(entry(type, 'create'), from);
    world.must('mutex_create', taken);
    const before = objectsOf(world).get(from);
    assert.is(world.call(entry(type, 'move'), from, taken), faults.objectExists);
    assert.is(world.call(entry(type, 'move'), from, from), faults.objectExists);
    assert.is(world.call(entry(type, 'move'), from, to + 8), faults.notAligned);
    assert.is(world.call(entry(type, 'move'), from, world.task.memoryAddress + 0x900), faults.raceCondition);
    assert.is(world.call(entry(type, 'move'), to, from), faults.noObject);
    if (type !== 'mutex') assert.is(world.call(entry(type, 'move'), taken, to), faults.wrongType);
    world.must(entry(type, 'move'), from, to);
    assert.equal(objectsOf(world).get(to), before);
    assert.is(world.call(entry(type, 'peek_state'), from, 0), faults.noObject);
    assert.is(world.call(entry(type, 'move'), from, to), faults.noObject);
    world.must(entry(type, 'create'), from);
    world.kernel.check();
  });
}

test('every type of the table moves', () => {
  const moves = (Object.keys(entries) as EntryName[]).filter((name) => name.endsWith('_move'));
  assert.equal(moves.sort(), typeNames.map((type) => entry(type, 'move')).sort());
});

test('a thread moves only while it is stopped, and nobody moves a user task', () => {
  const world = new World();
  const code = new Assembler().call('thread_move', PROGRAM, PROGRAM + 0x400);
  world.addProgram(1, code);
  assert.is(world.call('thread_move', BASE, BASE + 0x400), faults.raceCondition, 'it is runnable');
  world.run();
  assert.is(Number(world.thread(BASE).faultCode), faults.self);
  world.must('thread_get_state', BASE, 0);
  world.must('thread_move', BASE, BASE + 0x400);
  const task = world.task.memoryAddress;
  assert.is(world.call('thread_move', task, BASE + 0x420), faults.self);
  assert.is(world.call('space_move', task + 0x20, BASE + 0x420), faults.raceCondition);
  assert.is(world.call('region_move', world.region, BASE + 0x420), faults.raceCondition);
});

test('what hangs on a space, a region or a mapping stays when it moves: a program runs on', () => {
  const world = new World();
  const code = new Assembler().label('loop').addi(9, 9, 1).j('loop');
  world.addProgram(1, code);
  world.run(1000);
  const before = world.thread(BASE).x[9] as bigint;
  world.must('space_move', BASE + own.space, BASE + 0x500);
  world.must('mapping_move', BASE + own.mapping, BASE + 0x520);
  world.run(1000);
  assert.ok((world.thread(BASE).x[9] as bigint) > before);
  world.kernel.check();
});

interface Step {
  readonly kind: 'make' | 'destroy' | 'move' | 'link' | 'collect';
  readonly type: number;
  readonly place: number;
  readonly other: number;
  readonly link: number;
}

const PLACES = 16;
const place = (index: number): number => BASE + 0x400 + 0x20 * (index % PLACES) + 0x1000 * (index % 3);

test('an image that is kept by what changed is the image that looking at everything gives, whatever moves', () => {
  const kinds = ['make', 'destroy', 'move', 'move', 'link', 'link', 'link', 'link', 'collect'] as const;
  const step: fc.Arbitrary<Step> = fc.record({
    kind: fc.constantFrom(...kinds),
    type: fc.nat(8),
    place: fc.nat(PLACES - 1),
    other: fc.nat(PLACES - 1),
    link: fc.nat(4),
  });
  let moved = 0;
  let linked = 0;
  const property = fc.property(fc.array(step, { minLength: 60, maxLength: 120 }), (steps) => {
    const world = new World();
    world.must('reference_create', BASE + 0x300);
    const types = new Map<number, TypeName>();
    typeNames.forEach((name, i) => {
      types.set(place(i), name);
      world.must(entry(name, 'create'), place(i));
    });
    world.collect();
    const kept = objectsOf(world);
    for (const { kind, type, place: at, other, link } of [...steps, { kind: 'collect' } as Step]) {
      const [here, there] = [place(at ?? 0), place(other ?? 0)];
      const found = types.get(here);
      const target = types.get(there);
      if (kind === 'make' && found === undefined) {
        types.set(here, typeNames[type] as TypeName);
        world.must(entry(typeNames[type] as TypeName, 'create'), here);
      } else if (kind === 'destroy' && found !== undefined) {
        types.delete(here);
        world.must(entry(found, 'destroy'), here);
      } else if (kind === 'move' && found !== undefined && target === undefined) {
        world.must(entry(found, 'move'), here, there);
        types.delete(here);
        types.set(there, found);
        moved += 1;
      } else if (kind === 'link' && found !== undefined && target !== undefined) {
        if (links[found].length === 0 || notReferencable.includes(target)) continue;
        world.must(entry(target, 'reference'), there, BASE + 0x300);
        const references = links[found].map((_, i) => (i === link % links[found].length ? BASE + 0x300 : 0));
        if (world.call(entry(found, 'set_state'), here, 0, ...references) === outcomes.success) linked += 1;
      } else if (kind === 'collect') {
        const all = objectsOf(world);
        for (const { offset, kind: what } of world.collect()) {
          if (what === itemKinds.objectGone) kept.delete(offset);
          else if (what === itemKinds.object) kept.set(offset, all.get(offset) as Entry);
        }
        assert.equal(readAs(kept), readAs(all));
        world.kernel.check();
      }
    }
  });
  fc.assert(property, { numRuns: 80, seed: SEED });
  assert.ok(moved > 200 && linked > 100, `${moved} moves, ${linked} links`);
});

test('a move costs the same whatever links to the object, and is charged for it', () => {
  const world = new World();
  world.must('mutex_create', BASE + 0x400);
  for (let i = 0; i < 5000; i += 1) {
    world.must('reference_create', BASE + 0x1_0000 + 0x20 * i);
    world.must('mutex_reference', BASE + 0x400, BASE + 0x1_0000 + 0x20 * i);
  }
  world.collect();
  world.must('mutex_move', BASE + 0x400, BASE + 0x420);
  assert.is(world.kernel.state.touched.length, 2, 'the object and the region that notes it, nobody else yet');
  assert.is(world.collect().length, 5002);
});

test.run();
