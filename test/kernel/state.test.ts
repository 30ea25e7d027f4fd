/**
 * Export and import of the nine types: what comes out goes in again, in any order, and nothing more than that goes in.
 */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { faults, outcomes } from '../../src/kernel/abi/codes.ts';
import { type EntryName, entries } from '../../src/kernel/abi/entries.ts';
import {
  links,
  states,
  type TypeName,
  threadFlags,
  typeNames,
  typeNumbers,
} from '../../src/kernel/abi/types.ts';
import { Assembler } from './assembler.ts';
import { assertSame, describeImage, runInSlices } from './rebuild.ts';
import { scenarios } from './scenarios.ts';
import { type Image, own, PROGRAM, SLAB_SIZE, World } from './world.ts';

const BASE = SLAB_SIZE;
/** One place for each type. */
const placeOf = (type: TypeName): number => BASE + 0x20 * typeNumbers[type];
const all = typeNames.map((type): [TypeName, number] => [type, placeOf(type)]);

function worldWithAll(): World {
  const world = new World();
  for (const [type, place] of all) world.must(`${type}_create` as EntryName, place);
  return world;
}

function peek(world: World, type: TypeName, place: number): Uint8Array {
  world.must(`${type}_peek_state` as EntryName, place, world.buffer);
  return world.bytes.slice(0, states[type].size);
}

test('every object of every type is made once, at an aligned free place, and is gone after destroy', () => {
  const world = new World();
  for (const [type, place] of all) {
    const name = (operation: string): EntryName => `${type}_${operation}` as EntryName;
    assert.is(world.call(name('create'), place + 8), faults.notAligned);
    assert.is(world.call(name('destroy'), place), faults.noObject);
    world.must(name('create'), place);
    assert.is(world.call(name('create'), place), faults.objectExists);
    assert.is(world.call(name('peek_state'), place, 0), outcomes.success);
    world.must(name('destroy'), place);
    assert.is(world.call(name('peek_state'), place, 0), faults.noObject);
    world.kernel.check();
  }
});

test('a thread that is made where others were destroyed has nothing of theirs', () => {
  const world = new World();
  const place = placeOf('thread');
  const serialAt = states.thread.offset.serial;
  const fresh = (): Uint8Array => {
    world.must('thread_create', place);
    const state = peek(world, 'thread', place);
    // Serials are never used again, and a hash that nobody chose is the serial.
    state.fill(0, states.thread.offset.hash, states.thread.offset.hash + 8);
    state.fill(0, serialAt, serialAt + 8);
    return state;
  };
  const first = fresh();
  for (let i = 0; i < 20; i += 1) {
    const words = { flags: 1, priority: 3, pc: 0x5000, x9: 77, fcsr: 0x21, savedPc: 9, pending: 1 };
    world.setState('thread', place, words, []);
    world.must('thread_destroy', place);
    world.kernel.check();
    assert.equal(fresh(), first);
  }
});

test('naming an object by the entry of another type is a fault', () => {
  const world = worldWithAll();
  for (const [type] of all) {
    for (const [other, place] of all) {
      const expected = type === other ? outcomes.success : faults.wrongType;
      assert.is(world.call(`${type}_peek_state` as EntryName, place, 0), expected, `${type} at a ${other}`);
    }
  }
});

test('the hash is write-once, chosen by the maker or by the kernel', () => {
  const world = new World();
  for (const [type, place] of all) {
    if (type === 'reference') continue;
    world.must(`${type}_create_hash` as EntryName, place, 12345);
    assert.is(new DataView(peek(world, type, place).buffer).getBigUint64(0, true), 12345n);
    const state = world.fillState(type, { hash: 999 });
    assert.is(world.call(`${type}_set_state` as EntryName, place, state), outcomes.success, type);
    assert.is(new DataView(peek(world, type, place).buffer).getBigUint64(0, true), 12345n);
  }
});

test('a hash is a whole word, and comes back from an image as it was', () => {
  const world = new World();
  const hash = 2n ** 64n - 3n;
  world.must('mutex_create_hash', SLAB_SIZE, hash);
  world.must('reference_create', SLAB_SIZE + 0x20);
  world.must('mutex_reference', SLAB_SIZE, SLAB_SIZE + 0x20);
  for (const isRebuilt of [false, true]) {
    if (isRebuilt) world.rebuild();
    world.must('reference_hash', SLAB_SIZE + 0x20);
    assert.is(world.task.resultWord(0), hash);
  }
});

test('a link of the wrong type is refused, and nothing of the state is taken', () => {
  const world = worldWithAll();
  for (const [target, place] of all) {
    if (target === 'mapping' || target === 'reference') continue;
    world.must(`${target}_reference` as EntryName, place, world.scratch(0));
    for (const [type, object] of all) {
      links[type].forEach((link, index) => {
        const allowed: Readonly<Record<string, string>> = {
          owner: 'thread',
          inheritor: 'thread',
          region: 'region',
          space: 'space',
          keeper: 'port',
          portset: 'portset',
          scheduler: 'port',
          client: 'thread',
          server: 'thread',
        };
        const refs = links[type].map((_, i) => (i === index ? world.scratch(0) : 0));
        const before = peek(world, type, object);
        const outcome = world.call(`${type}_set_state` as EntryName, object, 0, ...refs);
        const isAllowed = (allowed[link] ?? target) === target;
        assert.is(outcome, isAllowed ? outcomes.success : faults.wrongType, `${type}.${link} to a ${target}`);
        if (!isAllowed) assert.equal(peek(world, type, object), before);
      });
    }
  }
  world.kernel.check();
});

test('references refuse mappings and references', () => {
  const world = worldWithAll();
  assert.not.ok('mapping_reference' in entries);
  assert.not.ok('reference_reference' in entries);
  assert.is(world.call('mutex_reference', placeOf('mutex'), placeOf('cond')), faults.notReference);
});

test('a destroyed target reads as null, and what is made at its address later is another thing', () => {
  const world = worldWithAll();
  const reference = world.scratch(0);
  world.must('mutex_reference', placeOf('mutex'), reference);
  world.must('reference_copy', reference, world.scratch(1));
  world.must('mutex_destroy', placeOf('mutex'));
  world.must('mutex_create', placeOf('mutex'));
  for (const stale of [reference, world.scratch(1)]) {
    world.must('reference_check', stale);
    assert.is(world.task.result(0), 1);
    assert.is(world.call('reference_locate', stale, world.region), outcomes.notFound);
    assert.is(world.call('reference_type', stale), outcomes.notFound);
  }
  world.must('mutex_reference', placeOf('mutex'), reference);
  world.must('reference_compare', reference, world.scratch(1));
  assert.is(world.task.result(0), 0);
});

test('a serial is taken only if it was handed out before and no living object has it', () => {
  const world = new World();
  const serialOf = (place: number): number =>
    Number(states.mutex.read(new DataView(peek(world, 'mutex', place).buffer), 0).serial);
  const first = BASE + 0x100;
  const second = BASE + 0x120;
  world.must('mutex_create', first);
  world.must('mutex_create', second);
  const [one, two] = [serialOf(first), serialOf(second)];
  world.setState('mutex', second, { serial: one });
  assert.is(serialOf(second), two, "a living object's");
  world.setState('mutex', second, { serial: 1_000_000 });
  assert.is(serialOf(second), two, 'never handed out');
  world.setState('mutex', second, { serial: 2n ** 60n });
  assert.is(serialOf(second), two, 'no number at all');
  world.setState('mutex', second, { serial: 0 });
  assert.is(serialOf(second), two, 'none');
  world.must('mutex_destroy', first);
  world.setState('mutex', second, { serial: one });
  assert.is(serialOf(second), one, 'of one that is gone');
  world.kernel.check();
});

test('once guests have run, no object takes a serial: a dead link stays dead over a restart', () => {
  const world = new World();
  const place = BASE + 0x100;
  const serialOf = (): bigint =>
    states.mutex.read(new DataView(peek(world, 'mutex', place).buffer), 0).serial;
  world.must('mutex_create', place);
  const dead = serialOf();
  world.kernel.run(1);
  world.must('mutex_destroy', place);
  world.must('mutex_create', place);
  world.setState('mutex', place, { serial: Number(dead) });
  assert.is.not(serialOf(), dead);
});

test('a mutex is locked exactly when it has an owner', () => {
  const world = worldWithAll();
  const mutex = placeOf('mutex');
  world.must('thread_reference', placeOf('thread'), world.scratch(0));
  assert.is(
    world.call('mutex_set_state', mutex, world.fillState('mutex', { locked: 1 })),
    faults.invalidState,
  );
  assert.is(
    world.call('mutex_set_state', mutex, world.fillState('mutex', { locked: 2 }), world.scratch(0)),
    faults.invalidState,
  );
  world.setState('mutex', mutex, { locked: 1 }, [world.scratch(0)]);
  assert.is(world.call('mutex_trylock', mutex), outcomes.busy);
  world.must('thread_destroy', placeOf('thread'));
  world.must('mutex_trylock', mutex);
  world.must('mutex_unlock', mutex);
  assert.is(world.call('mutex_unlock', mutex), faults.notOwner);
  world.kernel.check();
});

test('mappings must be aligned, end within their space and not overlap', () => {
  const world = worldWithAll();
  world.must('space_reference', placeOf('space'), world.scratch(1));
  const mapping = placeOf('mapping');
  const other = BASE + 0x400;
  world.must('mapping_create', other);
  const set = (place: number, words: Record<string, number>): number =>
    world.call(
      'mapping_set_state',
      place,
      world.fillState('mapping', words),
      world.reference('region'),
      world.scratch(1),
    );
  assert.is(set(mapping, { startAddress: 1 }), faults.notAligned);
  assert.is(set(mapping, { size: 100 }), faults.notAligned);
  assert.is(set(mapping, { regionOffset: 8 }), faults.notAligned);
  assert.is(set(mapping, { protection: 8 }), faults.invalidState);
  assert.is(set(mapping, { protection: 2 }), faults.invalidState, 'writing needs reading');
  assert.is(set(mapping, { startAddress: 0x40_0000_0000, size: 0x1000 }), faults.invalidAddress);
  assert.is(set(mapping, { startAddress: 0x1000, size: 0x2000, protection: 7 }), outcomes.success);
  assert.is(set(other, { startAddress: 0x2000, size: 0x1000 }), faults.addressOverlap);
  assert.is(set(other, { startAddress: 0, size: 0x2000 }), faults.addressOverlap);
  assert.is(set(other, { startAddress: 0x3000, size: 0x1000 }), outcomes.success);
  assert.is(
    set(mapping, { startAddress: 0x1000, size: 0x2000, protection: 1 }),
    outcomes.success,
    'itself is no overlap',
  );
  world.kernel.check();
});

test('state is set on stopped threads only, and stopping one takes it out of the race', () => {
  const world = new World();
  world.addProgram(1, new Assembler().label('loop').j('loop'));
  world.run(1000);
  assert.is(world.call('thread_set_state', BASE, 0), faults.raceCondition);
  world.must('thread_get_state', BASE, 0);
  assert.is(world.run(1000), 'idle');
  assert.is(Number(world.thread(BASE).flags), threadFlags.stopped);
  world.kernel.check();
  world.setState('thread', BASE, { pc: PROGRAM + 0x1000, priority: 3 }, []);
  assert.is(world.run(1000), 'limit');
  world.kernel.check();
});

test('order words that were never handed out are not taken', () => {
  const world = new World();
  world.addProgram(1, new Assembler().label('loop').j('loop'));
  world.run(10);
  world.must('thread_get_state', BASE, 0);
  world.setState('thread', BASE, {
    pc: PROGRAM + 0x1000,
    turn: 10 ** 12,
    ticket: 10 ** 12,
    quantumLeft: 10 ** 12,
  });
  const state = world.thread(BASE);
  assert.ok(state.turn < 100n && state.ticket < 100n && state.quantumLeft <= 100_000n);
  world.kernel.check();
});

test('a thread that claims to wait for what its registers do not name runs instead, or waits and gets nothing', () => {
  const world = worldWithAll();
  world.addProgram(2, new Assembler().label('loop').j('loop'));
  const thread = 2 * SLAB_SIZE;
  for (const [type, place] of all) {
    if (type === 'mapping' || type === 'reference') continue;
    world.must(`${type}_reference` as EntryName, place, world.scratch(0));
    world.must('thread_get_state', thread, 0);
    for (const verb of ['mutex_lock', 'cond_wait_again', 'thread_self', 'clock_sleep'] as const) {
      world.must('thread_get_state', thread, 0);
      const words = { pc: PROGRAM + 0x1000, x17: entries[verb].number, x10: PROGRAM, priority: 3 };
      world.setState('thread', thread, words, [0, 0, world.scratch(0), 0, 0]);
      // Whether the registers name the cond is asked when it is signalled: memory may change its shape meanwhile.
      if (type === 'cond' && verb === 'cond_wait_again') world.must('cond_signal', place);
      assert.is(world.run(10), 'limit', `${verb} and a ${type}`);
      world.kernel.check();
    }
  }
});

/** Images at many instants of the scenarios. */
function instants(): Image[] {
  const found: Image[] = [];
  for (const scenario of scenarios) {
    const world = new World();
    scenario.build(world);
    let count = 0;
    runInSlices(world, () => {
      count += 1;
      if (count % 5 === 0 && count < 200) found.push(world.save());
      return 37;
    });
  }
  return found;
}

test('an image restores to itself, and the threads may be set in any order', () => {
  const images = instants();
  assert.ok(images.length > 100, `${images.length} instants`);
  const order = fc.sample(
    fc.array(fc.double({ noNaN: true, min: 0, max: 1 }), { minLength: 16, maxLength: 16 }),
    {
      numRuns: images.length,
      seed: 7,
    },
  );
  images.forEach((image, i) => {
    const keys = order[i] ?? [];
    const objects = image.objects
      .map((object, j) => ({ object, key: keys[j % 16] ?? 0 }))
      .sort((a, b) => a.key - b.key)
      .map(({ object }) => object);
    const world = new World({ image: { ...image, objects } });
    world.kernel.check();
    assertSame(describeImage(world.save()), describeImage(image), `instant ${i}`);
  });
});

test('peek leaves no trace: looking at everything changes neither the image nor what happens next', () => {
  for (const scenario of scenarios) {
    const watched = new World();
    scenario.build(watched);
    runInSlices(watched, () => {
      watched.save();
      return 501;
    });
    const alone = new World();
    scenario.build(alone);
    alone.finish();
    assertSame(describeImage(watched.save()), describeImage(alone.save()), scenario.name);
  }
});

test("an object's place in its own image: own objects of a program are named at their own addresses", () => {
  const world = new World();
  world.addProgram(1, new Assembler().label('loop').j('loop'));
  const saved = world.save().objects.map((object) => object.address - BASE);
  for (const place of [own.thread, own.space, own.mapping, own.spaceReference])
    assert.ok(saved.includes(place));
});

test.run();
