/**
 * The invariant check: a whole kernel passes, and each fact is seen failing on a state in which just it is broken.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InvariantError } from '../../src/base/assert.ts';
import { states } from '../../src/kernel/abi/types.ts';
import type {
  KernelObject,
  KernelState,
  Mutex,
  Page,
  Port,
  Region,
  Space,
  Thread,
} from '../../src/kernel/state.ts';
import { scenarios } from './scenarios.ts';
import { own, PROGRAM, SLAB_SIZE, World } from './world.ts';

/** A world in the middle of things: runnable and waiting threads, clients at a port, sleepers, tables, changed sets. */
function busyWorld(): World {
  const world = new World();
  const scenario = scenarios.find((candidate) => candidate.name.includes('under a mutex'));
  scenario?.build(world);
  world.make(SLAB_SIZE, { 1024: 'region', 1056: 'thread', 1088: 'port', 1120: 'portset', 1152: 'thread' });
  const space = SLAB_SIZE + own.spaceReference;
  world.setState('region', SLAB_SIZE + 0x400, { startAddress: PROGRAM, size: 0x1000, protection: 7 }, [
    space,
  ]);
  world.must('region_collect', SLAB_SIZE + 0x400, world.buffer, 0);
  world.startThread(SLAB_SIZE + 0x420, space, {
    pc: PROGRAM,
    x17: 0x6c1,
    x10: 10 ** 9,
    deadline: 4 * 10 ** 9,
  });
  const isBusy = (): boolean => {
    const k = world.kernel.state;
    return mutexOf(k).waiters.first?.next != null && firstOf(k) !== undefined;
  };
  for (let i = 0; i < 2000 && !isBusy(); i += 1) world.run(37);
  assert.ok(isBusy(), 'two threads wait for the mutex and one runs');
  world.kernel.check();
  return world;
}

function objects(k: KernelState): KernelObject[] {
  return [...k.bySerial.values()];
}

function objectAt<T extends KernelObject>(k: KernelState, address: number): T {
  const found = objects(k).find((object) => object.address === address);
  assert.ok(found !== undefined, `an object at ${address}`);
  return found as T;
}

function waiterOf(k: KernelState): Thread {
  const waiter = objectAt<Mutex>(k, SLAB_SIZE + 0x100).waiters.first;
  assert.ok(waiter !== null, 'somebody waits for the mutex');
  return waiter as Thread;
}

const mutexOf = (k: KernelState): Mutex => objectAt<Mutex>(k, SLAB_SIZE + 0x100);
const spaceOf = (k: KernelState): Space => objectAt<Space>(k, SLAB_SIZE + own.space);
const pageOf = (k: KernelState): Page =>
  k.pageOfFrame.find((page) => page !== null && !page.isTaskMemory) as Page;
const firstOf = (k: KernelState): Thread => {
  const queue = k.runnable.findLast((candidate) => candidate.first !== null);
  return queue?.first as Thread;
};

/** What is broken, the words that the check must say, and how. */
const breakages: readonly [string, (world: World, k: KernelState) => void][] = [
  ['has a known type', (_w, k) => Object.assign(objectAt(k, SLAB_SIZE + 0x440), { type: 12 })],
  ['in the index is alive', (_w, k) => Object.assign(objectAt(k, SLAB_SIZE + 0x440), { alive: false })],
  ['is aligned', (_w, k) => Object.assign(mutexOf(k), { address: SLAB_SIZE + 0x101 })],
  ['leads to it', (_w, k) => Object.assign(mutexOf(k), { serial: waiterOf(k).serial })],
  ['was handed out', (_w, k) => Object.assign(k, { nextSerial: 3 })],
  ['the address of', (_w, k) => mutexOf(k).home.bottom?.objects.delete(SLAB_SIZE + 0x100)],
  ['lists it', (_w, k) => mutexOf(k).home.bottom?.objectsByPage.clear()],
  ['hold the same objects', (_w, k) => k.bySerial.delete(objectAt(k, SLAB_SIZE + 0x480).serial)],
  ['knows that it owns it', (_w, k) => mutexOf(k).owner?.owned.clear()],
  ['which is free', (_w, k) => Object.assign(mutexOf(k), { owner: null })],
  [
    'the owner of',
    (_w, k) => {
      const owner = objectAt<Thread>(k, SLAB_SIZE + 0x480);
      mutexOf(k).owner = owner;
      owner.owned.add(mutexOf(k));
      owner.alive = false;
    },
  ],
  [
    'the set of',
    (_w, k) =>
      Object.assign(objectAt<Port>(k, SLAB_SIZE + 0x440), { portset: objectAt(k, SLAB_SIZE + 0x460) }),
  ],
  [
    'knows whether it has clients',
    (_w, k) => {
      const port = objects(k).find((object) => object.type === 5 && object.portset !== null) as Port;
      port.portset?.busyPorts.add(port);
    },
  ],
  ['do not overlap', (_w, k) => spaceOf(k).mappings.push(spaceOf(k).mappings[0] as never)],
  ['the space of', (_w, k) => spaceOf(k).mappings.pop()],
  ['regions of', (_w, k) => Object.assign(objectAt<Region>(k, SLAB_SIZE + 0x400), { space: null })],
  ['threads of', (_w, k) => Object.assign(objectAt<Thread>(k, SLAB_SIZE + 0x220), { space: null })],
  ['begins at a page', (_w, k) => Object.assign(objectAt<Region>(k, SLAB_SIZE + 0x400), { startAddress: 5 })],
  [
    'only if it collects',
    (_w, k) => {
      const region = objects(k).find((object) => object.type === 4 && object.collecting) as Region;
      region.changedPages.set(0, 1);
      region.collecting = false;
    },
  ],
  ['number of collecting regions', (_w, k) => Object.assign(k, { collectingCount: 7 })],
  ['number of nested collecting', (_w, k) => Object.assign(k, { nestedCollectingCount: 7 })],
  ['mappings of', (_w, k) => Object.assign(spaceOf(k).mappings[0] as object, { region: null, space: null })],
  ['the priority of', (_w, k) => Object.assign(waiterOf(k), { priority: 40 })],
  ['the ticket of', (_w, k) => Object.assign(k, { nextTicket: 1 })],
  ['the turn of', (_w, k) => Object.assign(k, { nextTurn: 1 })],
  ['in no queue, being', (_w, k) => Object.assign(waiterOf(k), { flags: 1 })],
  [
    'at a fault that nobody answers',
    (_w, k) =>
      Object.assign(objectAt<Thread>(k, SLAB_SIZE + 0x480), { flags: 0, space: spaceOf(k) }) &&
      spaceOf(k).threads.add(objectAt<Thread>(k, SLAB_SIZE + 0x480)),
  ],
  [
    'has a reservation only',
    (_w, k) => waiterOf(k).view.setBigUint64(states.thread.offset.reservation, 64n, true),
  ],
  ['runnable, waits for nothing', (_w, k) => Object.assign(firstOf(k), { waitingFor: mutexOf(k) })],
  ['runs at its priority', (_w, k) => Object.assign(firstOf(k), { priority: 3 })],
  [
    'sleeps until its deadline',
    (_w, k) => Object.assign(objectAt<Thread>(k, SLAB_SIZE + 0x420), { deadline: 0n }),
  ],
  ['waits where its link says', (_w, k) => Object.assign(waiterOf(k), { waitingFor: firstOf(k) })],
  ['waiting, has a ticket', (_w, k) => Object.assign(waiterOf(k), { ticket: 0 })],
  ['linked both ways', (_w, k) => Object.assign(waiterOf(k), { previous: firstOf(k) })],
  [
    'is in order',
    (_w, k) => Object.assign(waiterOf(k), { ticket: 10 ** 6 }) && Object.assign(k, { nextTicket: 10 ** 7 }),
  ],
  ['knows its last thread', (_w, k) => Object.assign(mutexOf(k).waiters, { last: firstOf(k) })],
  [
    'objects of a page are in order',
    (_w, k) =>
      mutexOf(k)
        .home.bottom?.objectsByPage.get(SLAB_SIZE / 4096)
        ?.reverse(),
  ],
  ['the mask of runnable priorities', (_w, k) => Object.assign(k, { runnableMask: k.runnableMask | 8 })],
  ['holds it', (_w, k) => Object.assign(k.pageOfFrame, { [pageOf(k).frame]: null })],
  ['knows its place', (_w, k) => Object.assign(pageOf(k), { number: 77 })],
  ['is not pinned', (_w, k) => Object.assign(pageOf(k), { pins: 1 })],
  ['every frame in use', (_w, k) => pageOf(k).space.bottom?.pages.delete(pageOf(k).number)],
  [
    'a free frame holds no page',
    (_w, k) => {
      k.freeFrames[0] = pageOf(k).frame;
      k.freeFrameCount = 1;
    },
  ],
  [
    'allows no more than the chain',
    (_w, k) => {
      for (const page of k.pageOfFrame) if (page !== null) page.protection = 1;
    },
  ],
  [
    'remembers its table entry',
    (_w, k) => {
      for (const page of k.pageOfFrame) page?.entries.splice(0);
    },
  ],
  [
    'leads where the mappings lead',
    (_w, k) => Object.assign(spaceOf(k).mappings[0] as object, { regionOffset: 0x8000 }),
  ],
  ['leads to a page', (_w, k) => Object.assign(spaceOf(k).mappings[0] as object, { size: 0x1000 })],
];

for (const [words, damage] of breakages) {
  test(`the check finds it when broken: ${words}`, () => {
    const world = busyWorld();
    damage(world, world.kernel.state);
    let said = '';
    try {
      world.kernel.check();
    } catch (error) {
      assert.instance(error, InvariantError);
      said = (error as Error).message;
    }
    assert.ok(said.includes(words), `the check says "${said}"`);
  });
}

test('the check of a demarcation finds a broken object that was touched', () => {
  const world = busyWorld();
  world.collect();
  world.run(1);
  world.kernel.checkChanged();
  const first = firstOf(world.kernel.state);
  first.waitingFor = mutexOf(world.kernel.state);
  assert.throws(() => world.kernel.checkChanged(), /waits for nothing/);
});

test('every scenario passes the check after every entry', () => {
  for (const scenario of scenarios) {
    const world = new World();
    scenario.build(world);
    let count = 0;
    world.kernel.afterEntry = () => {
      count += 1;
      world.kernel.check();
    };
    world.finish();
    assert.ok(count > 0);
  }
});

test.run();
