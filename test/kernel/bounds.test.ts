/**
 * N.09: what one stage does is bounded and charged, whatever a program has set up; and running out is an outcome that
 * depends on what is saved, on nothing else. Steps are counted, not time.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  CHAIN_MAX,
  CHANGED_ITEMS_MAX,
  CLIMB_STEPS_MAX,
  NESTED_COLLECTORS_MAX,
  PLACES_MAX,
  STAGE_WORK,
  STEPS_PER_WORK,
} from '../../src/base/limits.ts';
import { faults, outcomes } from '../../src/kernel/abi/codes.ts';
import { type EntryName, entries } from '../../src/kernel/abi/entries.ts';
import { ENTRY_TICKS, itemKinds, WORK_TICKS } from '../../src/kernel/abi/memory.ts';
import { states } from '../../src/kernel/abi/types.ts';
import type { Mutex } from '../../src/kernel/state.ts';
import { Assembler, a0, a1, a7, s0, s1, s2 } from './assembler.ts';
import { assertSame, resultOf } from './rebuild.ts';
import { DATA, own, PROGRAM, SLAB_SIZE, World } from './world.ts';

const BASE = SLAB_SIZE;
const GATE = PROGRAM + own.gate;
const PAGE = 4096;
const CROWD = 700;
const OBJECTS = 0x2_0000;
const THREADS = 0x2_1000;

/** A program whose first thread makes one call once all the others wait; they wait as `wait` says, then end. */
function crowd(wait: Assembler, call: (code: Assembler) => Assembler, count = CROWD): World {
  const world = new World();
  const code = new Assembler()
    .li(s2, DATA)
    .call('mutex_lock', PROGRAM + OBJECTS)
    .call('clock_read');
  code.addi(a0, a1, 2000).invoke('clock_sleep').label('before');
  call(code).mv(s1, a0).li(s0, 1).sd(s0, s2).end(GATE);
  world.addProgram(1, code);
  world.write(BASE + 0xa000, wait.mv(s1, a0).end(GATE).bytes());
  world.make(BASE + OBJECTS, {
    0: 'mutex',
    32: 'cond',
    64: 'port',
    96: 'portset',
    128: 'space',
    160: 'mutex',
  });
  for (let i = 0; i < count; i += 1) world.addThread(BASE, THREADS + 0x20 * i, { pc: PROGRAM + 0xa000 });
  return world;
}

/** The most work that one entry did, and what was charged in all; runs the world to its end. */
function observe(world: World): { most: number; entries: number } {
  const k = world.kernel.state;
  let most = 0;
  let work = 0;
  const addTicks = k.machine.hart.addTicks.bind(k.machine.hart);
  k.machine.hart.addTicks = (ticks: number) => {
    work = Math.round((ticks - ENTRY_TICKS) / WORK_TICKS);
    most = Math.max(most, work);
    addTicks(ticks);
  };
  world.finish();
  k.machine.hart.addTicks = addTicks;
  return { most, entries: world.kernel.statistics().entries };
}

const waits: Readonly<Record<string, () => Assembler>> = {
  mutex: () => new Assembler().call('mutex_lock', PROGRAM + OBJECTS),
  cond: () => new Assembler().call('cond_wait_again', PROGRAM + OBJECTS + 0x20, PROGRAM + OBJECTS + 0xa0),
  port: () => new Assembler().call('ipc_call', PROGRAM + OBJECTS + 0x40, DATA, 8, DATA, 8),
  portset: () => new Assembler().call('ipc_wait_receive', PROGRAM + OBJECTS + 0x60, 0, 0, DATA, 8),
};
const places: Readonly<Record<string, number>> = { mutex: 0, cond: 0x20, port: 0x40, portset: 0x60 };

for (const type of Object.keys(waits)) {
  test(`the end of a ${type} with a crowd of waiters is told to all of them, in bounded stages`, () => {
    const end = `${type}_destroy` as EntryName;
    const world = crowd((waits[type] as () => Assembler)(), (code) =>
      code.call(end, PROGRAM + OBJECTS + (places[type] as number)),
    );
    const { most } = observe(world);
    assert.ok(most >= STAGE_WORK - 1 && most <= STAGE_WORK + 1, `${most} units of work in an entry`);
    for (let i = 0; i < CROWD; i += 1) {
      assert.is(Number(world.thread(BASE + THREADS + 0x20 * i).x[s1]), outcomes.canceled);
    }
    assert.is(
      world.call(`${type}_peek_state` as EntryName, BASE + OBJECTS + (places[type] as number), 0),
      faults.noObject,
    );
    world.kernel.check();
  });
}

test('a broadcast wakes a crowd in bounded stages; unlocking for waiters that may no longer have the mutex too', () => {
  const world = crowd((waits.cond as () => Assembler)(), (code) =>
    code.call('cond_broadcast', PROGRAM + OBJECTS + 0x20),
  );
  const { most } = observe(world);
  assert.ok(most <= STAGE_WORK + 1, `${most} units of work in an entry`);
  const mutex =
    world.kernel.state.machine &&
    ([...world.kernel.state.bySerial.values()].find(
      (object) => object.address === BASE + OBJECTS + 0xa0,
    ) as Mutex);
  let waiting = 0;
  for (let thread = mutex.waiters.first; thread !== null; thread = thread.next) waiting += 1;
  assert.is(waiting, CROWD - 1, 'one has the mutex, the others wait for it');
  world.kernel.check();
});

test('a receiver sends away a crowd of faults whose keeper its port is no more in bounded stages', () => {
  const receive = (code: Assembler) => code.call('ipc_wait_receive', PROGRAM + OBJECTS + 0x60, 0, 0, DATA, 8);
  const world = crowd(new Assembler().li(s1, 8).ld(s1, s1), receive);
  world.must('portset_reference', BASE + OBJECTS + 0x60, world.scratch(0));
  world.setState('port', BASE + OBJECTS + 0x40, {}, [world.scratch(0)]);
  world.must('port_reference', BASE + OBJECTS + 0x40, world.scratch(1));
  world.setState('space', BASE + own.space, {}, [world.scratch(1)]);
  world.must('thread_get_state', BASE, 0, 0, 0, 0, 0, 0);
  while (world.run() !== 'idle');
  // All wait at the port; nobody keeps their space now.
  world.setState('space', BASE + own.space, {}, [world.scratch(7)]);
  world.must('thread_peek_state', BASE, world.buffer, 0, 0, 0, 0, 0);
  world.view.setBigUint64(states.thread.offset.flags, 0n, true);
  world.must('thread_set_state', BASE, world.buffer, 0, 0, 0, 0, 0);
  const { most } = observe(world);
  assert.ok(most >= STAGE_WORK && most <= STAGE_WORK + 2, `${most} units of work in one entry`);
  world.kernel.check();
});

test('the end of a server with a crowd of clients whose answers it has put off is told to all, in bounded stages', () => {
  const server = PROGRAM + OBJECTS + 0x200;
  const world = crowd((waits.port as () => Assembler)(), (code) => code.call('thread_destroy', server));
  world.make(BASE + OBJECTS, { 512: 'thread', 544: 'reference' });
  world.must('portset_reference', BASE + OBJECTS + 0x60, world.scratch(0));
  world.setState('port', BASE + OBJECTS + 0x40, {}, [world.scratch(0)]);
  // It receives and puts off; all of them stay at it.
  const serve = new Assembler().label('next');
  serve.call('ipc_wait_receive', PROGRAM + OBJECTS + 0x60, 0, 0, DATA + 0x100, 8);
  serve.call('thread_get_client', PROGRAM + OBJECTS + 0x220).j('next');
  world.write(BASE + 0xb000, serve.bytes());
  world.startThread(BASE + OBJECTS + 0x200, BASE + own.spaceReference, {
    pc: PROGRAM + 0xb000,
    priority: 20,
  });
  const { most } = observe(world);
  assert.ok(most >= STAGE_WORK - 1 && most <= STAGE_WORK + 1, `${most} units of work in an entry`);
  const port = OBJECTS + 0x40;
  const waiting = Array.from({ length: CROWD }, (_, i) => world.thread(BASE + THREADS + 0x20 * i));
  assert.ok(
    waiting.every(({ x }) => Number(x[a7]) === entries.ipc_call.number),
    'each asks again',
  );
  world.must('port_destroy', BASE + port);
  world.kernel.check();
});

test('a crowd that is told in several stages is told the same when all is rebuilt after each of them', () => {
  const make = () =>
    crowd(
      (waits.mutex as () => Assembler)(),
      (code) => code.call('mutex_destroy', PROGRAM + OBJECTS),
      STAGE_WORK + 20,
    );
  const plain = make();
  plain.finish();
  const rebuilt = make();
  // Taking everything apart takes long: only from where the stages begin.
  while (rebuilt.word(BASE + 0x1_0000) === 0 && rebuilt.run(1000) !== 'idle');
  const deadline = rebuilt.kernel.nextDeadline();
  if (deadline !== null) rebuilt.kernel.stepClock(deadline);
  let count = 0;
  rebuilt.kernel.afterEntry = () => {
    count += 1;
    if (count <= 3) rebuilt.task.giveUpSlice();
  };
  for (let i = 0; i < 3; i += 1) {
    rebuilt.run();
    rebuilt.rebuild();
  }
  rebuilt.finish();
  assertSame(resultOf(rebuilt), resultOf(plain), 'rebuilt');
});

test('a space with a thousand windows, regions and threads ends in bounded stages, and leaves them where they are', () => {
  const world = new World();
  const code = new Assembler()
    .call('space_destroy', PROGRAM + OBJECTS)
    .mv(s1, a0)
    .end(GATE);
  world.addProgram(1, code);
  world.make(BASE + OBJECTS, { 0: 'space', 32: 'reference' });
  world.must('space_reference', BASE + OBJECTS, BASE + OBJECTS + 0x20);
  const at = (i: number): number => BASE + 0x3_0000 + 0x20 * i;
  for (let i = 0; i < 1000; i += 1) {
    const words = { startAddress: 0x100_0000 + i * PAGE, size: PAGE, protection: 3 };
    const type = i % 2 === 0 ? 'mapping' : 'region';
    world.must(`${type}_create`, at(i));
    const refs =
      type === 'mapping' ? [world.reference('region'), BASE + OBJECTS + 0x20] : [BASE + OBJECTS + 0x20];
    world.setState(type, at(i), words, refs);
  }
  const { most } = observe(world);
  assert.ok(most <= STAGE_WORK + 1, `${most} units of work in an entry`);
  assert.is(Number(world.thread(BASE).x[s1]), 0);
  world.must('mapping_peek_state', at(0), 0);
  world.kernel.check();
});

test('a discard of many objects goes on in stages, and says how far it came', () => {
  const world = new World();
  const region = PROGRAM + 0x100;
  world.addProgram(
    1,
    new Assembler().call('region_discard', region, 0x3_0000, 0x1_0000).mv(s1, a0).mv(s2, a1).end(GATE),
  );
  world.make(BASE, { 256: 'region' });
  const words = { startAddress: PROGRAM, size: SLAB_SIZE, protection: 7 };
  world.setState('region', BASE + 0x100, words, [BASE + own.spaceReference]);
  for (let i = 0; i < 1000; i += 1) world.must('mutex_create', BASE + 0x3_0000 + 0x20 * i);
  const before = world.kernel.state.objectCount;
  const { most } = observe(world);
  assert.ok(most <= STAGE_WORK + 1, `${most} units of work in an entry`);
  assert.is(world.kernel.state.objectCount, before - 1000);
  assert.equal([Number(world.thread(BASE).x[s1]), Number(world.thread(BASE).x[s2])], [0, 0x4_0000]);
  world.kernel.check();
});

test('windows that double level by level: a change at the bottom is followed to a bound, and is charged', () => {
  const world = new World();
  const levels = 14;
  const at = (level: number, slot: number): number => BASE + 0x4_0000 + level * 0x100 + slot * 0x20;
  world.addProgram(
    1,
    new Assembler()
      .call('region_protect', PROGRAM + 0x4_0000 + 0x40, 1)
      .mv(s1, a0)
      .end(GATE),
  );
  for (let level = 0; level < levels; level += 1) {
    world.make(at(level, 0), {
      0: 'space',
      32: 'reference',
      64: 'region',
      96: 'reference',
      128: 'mapping',
      160: 'mapping',
    });
    world.must('space_reference', at(level, 0), at(level, 1));
    world.must('region_reference', at(level, 2), at(level, 3));
    // Both windows of a level show all of the level below, so each byte is there twice as often.
    const size = PAGE * 2 ** Math.min(level, 12);
    const words = { startAddress: 0x1000_0000, size, protection: 7 };
    world.setState('region', at(level, 2), words, [at(level, 1)]);
    if (level === 0) continue;
    const below = PAGE * 2 ** Math.min(level - 1, 12);
    for (const [slot, shift] of [
      [4, 0],
      [5, below],
    ] as const) {
      const window = { startAddress: 0x1000_0000 + shift, size: below, protection: 7 };
      world.setState('mapping', at(level, slot), window, [at(level - 1, 3), at(level, 1)]);
    }
  }
  const { most } = observe(world);
  assert.is(Number(world.thread(BASE).x[s1]), 0);
  const bound = PLACES_MAX + 1 + CLIMB_STEPS_MAX / STEPS_PER_WORK;
  assert.ok(most > PLACES_MAX / 4 && most <= bound, `${most} units of work in an entry`);
  assert.ok(CHAIN_MAX >= 1000);
  world.kernel.check();
});

test('a port at which a crowd asks for the processor is destroyed, though they would ask again between the stages', () => {
  const world = new World();
  // Who destroys has a lower priority than all of them.
  world.addProgram(
    1,
    new Assembler()
      .call('port_destroy', PROGRAM + OBJECTS)
      .li(s1, 1)
      .end(GATE),
    { priority: 5 },
  );
  const [port, portReference, space, mapping, spaceReference] = [0, 32, 64, 96, 128].map(
    (offset) => BASE + OBJECTS + offset,
  ) as [number, number, number, number, number];
  world.make(BASE + OBJECTS, { 0: 'port', 32: 'reference', 64: 'space', 96: 'mapping', 128: 'reference' });
  world.must('port_reference', port, portReference);
  world.must('space_reference', space, spaceReference);
  const window = { regionOffset: BASE, startAddress: PROGRAM, size: SLAB_SIZE, protection: 7 };
  world.setState('mapping', mapping, window, [world.reference('region'), spaceReference]);
  world.must('space_set_state', space, 0, 0, portReference);
  world.write(BASE + 0xa000, new Assembler().end(GATE).bytes());
  for (let i = 0; i < CROWD; i += 1) {
    const thread = BASE + THREADS + 0x20 * i;
    world.must('thread_create', thread);
    world.startThread(thread, spaceReference, { pc: PROGRAM + 0xa000 });
  }
  world.run(200_000);
  assert.is(world.call('port_peek_state', port, 0), faults.noObject);
  assert.is(Number(world.thread(BASE).x[s1]), 1);
  assert.is(world.kernel.state.schedulerLinks, 0, 'what is linked to nothing asks nowhere');
  world.finish();
});

test('limits of regions: running out of objects or threads is an outcome, and a rebuilt kernel counts the same', () => {
  const world = new World();
  world.must('region_create', BASE + 0x400);
  const words = { startAddress: BASE, size: SLAB_SIZE, protection: 7, objectLimit: 10, threadLimit: 2 };
  world.must('mutex_create', BASE + 0x1000);
  world.setState('region', BASE + 0x400, words, [world.reference('space')]);
  const make = (type: string, i: number): number =>
    world.call(`${type}_create` as EntryName, BASE + 0x2000 + 0x20 * i);
  assert.equal(
    [0, 1, 2].map((i) => make('thread', i)),
    [0, 0, outcomes.noMemory],
  );
  // The region itself and the mutex count too.
  assert.equal(
    [3, 4, 5, 6, 7, 8, 9].map((i) => make('cond', i)),
    [0, 0, 0, 0, 0, 0, outcomes.noMemory],
  );
  world.must('mutex_create', BASE + SLAB_SIZE + 0x20);
  assert.is(
    world.call('mutex_move', BASE + SLAB_SIZE + 0x20, BASE + 0x3000),
    outcomes.noMemory,
    'nor may one move in',
  );
  world.must('mutex_move', BASE + 0x1000, BASE + 0x3000);
  world.rebuild();
  assert.is(make('port', 10), outcomes.noMemory);
  world.must('cond_destroy', BASE + 0x2000 + 0x20 * 3);
  assert.is(make('thread', 3), outcomes.noMemory, 'there is room, but not for a thread');
  assert.is(make('port', 3), outcomes.success);
  world.must('mutex_move', BASE + 0x3000, BASE + SLAB_SIZE + 0x40);
  assert.is(make('port', 11), outcomes.success, 'one has moved out');
  world.kernel.check();
});

test('the machine has a bound of its own; what a task has for itself is not counted', () => {
  const world = new World();
  const k = world.kernel.state;
  assert.is(k.objectCount, 0);
  k.objectsMax = 5;
  k.threadsMax = 1;
  const make = (type: string, i: number): number =>
    world.call(`${type}_create` as EntryName, BASE + 0x20 * i);
  assert.equal([make('thread', 0), make('thread', 1)], [0, outcomes.noMemory]);
  assert.equal(
    [2, 3, 4, 5, 6].map((i) => make('mutex', i)),
    [0, 0, 0, 0, outcomes.noMemory],
  );
  assert.is(world.call('mutex_create', world.task.memoryAddress + 0xa00), outcomes.success);
  world.must('mutex_destroy', BASE + 0x40);
  assert.is(make('mutex', 6), outcomes.success);
});

test('one item taken from a large changed set costs what one of a small set does', () => {
  const world = new World();
  const count = 20_000;
  for (let i = 0; i < count; i += 1) world.must('mutex_create', BASE + 0x20 * i);
  world.must('region_collect', world.region, world.buffer, 1);
  const region = [...world.kernel.state.bySerial.values()].find((object) => object.address === world.region);
  assert.ok(region?.type === 4);
  if (region?.type !== 4) return;
  const { sorted } = region.changedOrder;
  for (let i = 0; i < 100; i += 1) {
    world.must('mutex_destroy', BASE + 0x20 * (count - 1 - i));
    world.must('region_collect', world.region, world.buffer, 1);
  }
  assert.is(region.changedOrder.sorted, sorted, 'the large list was not sorted again');
  const offsets = world.collect().map((entry) => entry.offset);
  assert.equal(
    offsets,
    [...offsets].sort((a, b) => a - b),
  );
  assert.is(offsets.length, count - 101);
});

/** A nested region that collects: over the whole space of a program, whose slab lies in it. */
function nestedCollector(): { world: World; region: number } {
  const world = new World();
  world.addProgram(1, new Assembler().call('mutex_create', PROGRAM + OBJECTS).end(GATE));
  const region = BASE + 0x3_0000;
  world.make(BASE, { 196608: 'region' });
  const size = 2 * CHANGED_ITEMS_MAX * PAGE;
  world.setState('region', region, { size, protection: 7 }, [BASE + own.spaceReference, 0]);
  world.must('region_collect', region, world.buffer, 0);
  return { world, region };
}

const collecting = (world: World, region: number): bigint => {
  world.must('region_peek_state', region, world.buffer, 0, 0);
  return world.view.getBigUint64(states.region.offset.collecting, true);
};

test('a nested region that nobody collects holds so many changes, then gives them up and says so', () => {
  const { world, region } = nestedCollector();
  const { page } = itemKinds;
  let marked = 0;
  const mark = () => world.call('region_mark_changed', region, (CHANGED_ITEMS_MAX + marked) * PAGE, page, 0);
  while (mark() === outcomes.success) marked += 1;
  assert.is(mark(), outcomes.noMemory);
  // The making of this world left a few changes of its own.
  assert.ok(marked <= CHANGED_ITEMS_MAX && marked > CHANGED_ITEMS_MAX - 10, `${marked} were marked`);
  assert.is(collecting(world, region), 1n);
  world.finish();
  // The program made a mutex: one change too many.
  assert.is(collecting(world, region), 0n);
  world.must('region_peek_changed', region, 0, world.buffer, 10);
  assert.is(world.task.result(2), 10);
  world.kernel.check();
  world.must('region_collect', region, world.buffer, 0);
  assert.is(collecting(world, region), 1n);
});

test('so many nested regions may collect at once; one more is told that there is no room', () => {
  const { world } = nestedCollector();
  for (let i = 1; i <= NESTED_COLLECTORS_MAX; i += 1) {
    const region = BASE + 0x3_0000 + 0x20 * i;
    world.must('region_create', region);
    const words = { size: PAGE, protection: 7 };
    world.setState('region', region, words, [BASE + own.spaceReference, 0]);
    const expected = i < NESTED_COLLECTORS_MAX ? outcomes.success : outcomes.noMemory;
    assert.is(world.call('region_collect', region, world.buffer, 0), expected, `region ${i}`);
    if (i < NESTED_COLLECTORS_MAX) continue;
    assert.is(world.call('region_mark_changed', region, 0, itemKinds.page, 0), expected);
    const state = world.fillState('region', { ...words, collecting: 1 });
    assert.is(world.call('region_set_state', region, state, 0, 0), expected);
  }
  world.kernel.check();
});

test.run();
