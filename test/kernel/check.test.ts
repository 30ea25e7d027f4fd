/**
 * The invariant check: a whole kernel passes, and each fact is seen failing on a state in which just it is broken.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InvariantError } from '../../src/base/assert.ts';
import { entries } from '../../src/kernel/abi/entries.ts';
import { pendingBits, states, threadFlags, typeNumbers } from '../../src/kernel/abi/types.ts';
import { type InvariantName, invariants } from '../../src/kernel/check/invariants.ts';
import { setClient, setServer } from '../../src/kernel/links.ts';
import { addSpan, removeSpan, type Spans } from '../../src/kernel/memory/spans.ts';
import { visitTable } from '../../src/kernel/memory/tables.ts';
import { serialKey } from '../../src/kernel/names.ts';

import { dequeue, enqueue } from '../../src/kernel/queue.ts';
import { registersOf, setEntryNumber } from '../../src/kernel/registers.ts';
import type {
  KernelObject,
  KernelState,
  Mapping,
  Mutex,
  Page,
  Port,
  Portset,
  Queue,
  Reference,
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
  world.make(SLAB_SIZE, {
    1024: 'region',
    1056: 'thread',
    1088: 'port',
    1120: 'portset',
    1152: 'thread',
    1184: 'mapping',
  });
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
  // It is this one kernel that will be broken.
  for (let i = 0; i < 2000 && !isBusy(); i += 1) world.kernel.run(37);
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

const freshOf = (k: KernelState): Thread => objectAt<Thread>(k, SLAB_SIZE + 0x480);
const sleeperOf = (k: KernelState): Thread => objectAt<Thread>(k, SLAB_SIZE + 0x420);
const referenceOf = (k: KernelState): Reference =>
  objects(k).find((object) => object.type === typeNumbers.reference && object.target !== null) as Reference;
const bottomRegionOf = (k: KernelState): Region =>
  objects(k).find((object) => object.type === typeNumbers.region && object.space?.bottom != null) as Region;
const regionOf = (k: KernelState): Region => objectAt<Region>(k, SLAB_SIZE + 0x400);
const portOf = (k: KernelState): Port => objectAt<Port>(k, SLAB_SIZE + 0x440);
const setOf = (k: KernelState): Portset => objectAt<Portset>(k, SLAB_SIZE + 0x460);
/** The port of the gate: it has clients once the threads have ended. */
const servedPort = (k: KernelState): Port =>
  objects(k).find((object) => object.type === typeNumbers.port && object.portset?.service != null) as Port;

/** For each invariant, a way to break just it. */
const breakages: Readonly<Record<InvariantName, (k: KernelState, world: World) => unknown>> = {
  typeIsKnown: (k) => Object.assign(portOf(k), { type: 12 }),
  indexedIsAlive: (k) => Object.assign(portOf(k), { alive: false }),
  addressIsAligned: (k) => Object.assign(mutexOf(k), { address: SLAB_SIZE + 0x101 }),
  serialLeadsToObject: (k) => Object.assign(portOf(k), { serial: freshOf(k).serial }),
  serialWasHandedOut: (k) => Object.assign(k, { nextSerial: 3 }),
  transientLiesOutside(k) {
    const mutex = mutexOf(k);
    k.bySerial.delete(serialKey(k, mutex.serial));
    mutex.serial = k.nextTransientSerial;
    k.nextTransientSerial += 1;
    k.bySerial.set(serialKey(k, mutex.serial), mutex);
  },
  stateGoesIn: (k) => freshOf(k).view.setBigUint64(states.thread.offset.cancelCount, 2n ** 60n, true),
  homeIsBottom: (k) => Object.assign(mutexOf(k), { home: spaceOf(k) }),
  addressLeadsToObject: (k) => mutexOf(k).home.bottom?.objects.delete(SLAB_SIZE + 0x100),
  pageListsObject: (k) =>
    mutexOf(k)
      .home.bottom?.objectsByPage.get(SLAB_SIZE / 4096)
      ?.reverse(),
  linkersAreLinked: (k) => Object.assign(referenceOf(k), { previousReference: referenceOf(k) }),
  indexesAgree: (k) => k.bySerial.delete(serialKey(k, portOf(k).serial)),
  linkHasItsType: (k) => Object.assign(freshOf(k), { client: mutexOf(k) }),
  touchedIsListed: (k) => Object.assign(freshOf(k), { isTouched: !freshOf(k).isTouched }),
  mutexFlagsAreRead: (k) => Object.assign(mutexOf(k), { ceiling: 31 }),
  ownerIsAlive(k) {
    const owner = freshOf(k);
    mutexOf(k).owner = owner;
    owner.owned.add(mutexOf(k));
    owner.alive = false;
  },
  ownerKnowsMutex: (k) => mutexOf(k).owner?.owned.clear(),
  ownedIsOwned: (k) => freshOf(k).owned.add(mutexOf(k)),
  freeMutexHasNoWaiters: (k) => Object.assign(mutexOf(k), { owner: null }),
  setListsPort: (k) => Object.assign(portOf(k), { portset: setOf(k) }),
  listedPortIsInSet: (k) => setOf(k).ports.add(portOf(k)),
  setKnowsBusyPorts(k) {
    withClient(k);
    setOf(k).busy.pop();
  },
  busyPortsAreInOrder(k) {
    const later = { ...withClient(k), ticket: 2 ** 40 };
    const other = { ...portOf(k), clients: { ...portOf(k).clients, first: later }, busyIndex: 0 };
    setOf(k).ports.add(other);
    setOf(k).busy.unshift(other);
    portOf(k).busyIndex = 1;
  },
  clientsMeetServers(k) {
    join(portOf(k), setOf(k));
    const [client, server] = [calling(k), taken(k)];
    setEntryNumber(registersOf(k, server), entries.ipc_wait_receive.number);
    client.waitingFor = portOf(k);
    enqueue(portOf(k).clients, client);
    server.waitingFor = setOf(k);
    enqueue(setOf(k).servers, server);
  },
  clientsOfTaskAreServed(k) {
    const client = calling(k);
    client.waitingFor = servedPort(k);
    enqueue(servedPort(k).clients, client);
  },
  queueKnowsPort: (k) => Object.assign(portOf(k).clients, { port: null }),
  priorityInRange: (k) => Object.assign(waiterOf(k), { priority: 40 }),
  ticketWasHandedOut: (k) => Object.assign(k, { nextTicket: 1 }),
  turnWasHandedOut: (k) => Object.assign(k, { nextTurn: 1 }),
  idleIsInNoQueue: (k) => Object.assign(waiterOf(k), { flags: 1 }),
  taskHasNoTurn: (k, world) => {
    const task = objectAt<Thread>(k, world.task.memoryAddress);
    k.runnableMask |= 1 << task.priority;
    enqueue(k.runnable[task.priority] as Queue, task);
  },
  pendingIsTaken(k) {
    const thread = Object.assign(firstOf(k), { pending: pendingBits.interrupt });
    thread.flags |= threadFlags.exceptionsEnabled;
    thread.view.setUint32(states.thread.offset.interruptHandler, 0x1000, true);
  },
  wordsAreLegal: (k) => Object.assign(freshOf(k), { pending: 8 }),
  programLiesAbove(k) {
    const bottom = freshOf(k).home;
    Object.assign(freshOf(k), { space: bottom });
    bottom.threads.add(freshOf(k));
  },
  connectionHasOneSender(k) {
    const [client, server] = [freshOf(k), sleeperOf(k)];
    setServer(client, server);
    setClient(server, client);
  },
  waiterMakesItsCall: (k) => setEntryNumber(registersOf(k, waiterOf(k)), entries.mutex_trylock.number),
  answerIsOwed(k) {
    const client = taken(k);
    setEntryNumber(registersOf(k, client), entries.ipc_call.number);
    client.waitingFor = sleeperOf(k);
    enqueue(sleeperOf(k).waiters, client);
  },
  donorMakesItsCall: (k) => Object.assign(firstOf(k), { flags: firstOf(k).flags | threadFlags.donating }),
  unqueuedIsAtFault(k) {
    Object.assign(freshOf(k), { flags: 0, space: spaceOf(k) });
    spaceOf(k).threads.add(freshOf(k));
  },
  reservationIsFirst: (k) => waiterOf(k).view.setBigUint64(states.thread.offset.reservation, 64n, true),
  runsAtPriority: (k) => Object.assign(firstOf(k), { priority: 31, effective: 31 }),
  schedulerKnowsScheduled: (k) =>
    Object.assign(firstOf(k), { flags: firstOf(k).flags | threadFlags.scheduled }),
  ownsProcessorOrWaits: (k) =>
    Object.assign(waiterOf(k), { flags: waiterOf(k).flags | threadFlags.donating }),
  schedulerLinksAreCounted: (k) => Object.assign(k, { schedulerLinks: 3 }),
  effectiveIsHighest: (k) => Object.assign(freshOf(k), { effective: 31 }),
  lendsWhereItWaits: (k) => Object.assign(mutexOf(k), { lends: 30 }),
  lentIsCounted: (k) => Object.assign(freshOf(k), { lentMask: 1 }),
  queueIndexIsRight: (k) => Object.assign(mutexOf(k).waiters, { index: [{ threads: [] }] }),
  runnableWaitsForNothing: (k) => Object.assign(firstOf(k), { waitingFor: mutexOf(k) }),
  sleeperHasDeadline: (k) =>
    Object.assign(objectAt<Thread>(k, SLAB_SIZE + 0x420), { waitingFor: mutexOf(k) }),
  waitsWhereLinkSays: (k) => Object.assign(waiterOf(k), { waitingFor: firstOf(k) }),
  waiterHasTicket: (k) => Object.assign(waiterOf(k), { ticket: 0 }),
  queueIsLinked: (k) => Object.assign(waiterOf(k), { previous: firstOf(k) }),
  queuedIsAlive(k) {
    k.bySerial.delete(serialKey(k, waiterOf(k).serial));
    spaceOf(k).threads.delete(waiterOf(k));
    waiterOf(k).alive = false;
  },
  queueIsOrdered(k) {
    waiterOf(k).ticket = 10 ** 6;
    k.nextTicket = 10 ** 7;
  },
  toldAreTasks: (k) => k.tasksToTell.add(freshOf(k)),
  numbersAreLeft: (k) => Object.assign(k, { nextTurn: 2 ** 53 }),
  runnableMaskIsRight: (k) => Object.assign(k, { runnableMask: k.runnableMask | 8 }),
  objectCountIsRight: (k) => Object.assign(k, { objectCount: 77 }),
  limitsAreListed: (k) => Object.assign(bottomRegionOf(k), { objectLimit: 5 }),
  limitsCountRight(k) {
    const region = bottomRegionOf(k);
    region.objectLimit = 5;
    const { startAddress: start, size, rank, space } = region;
    addSpan(space?.bottom?.limits as Spans<Region>, start, start + size, rank, region);
  },
  linkersAreFound: (k) => bottomRegionOf(k).keeper?.linkers?.clear(),
  threadCountIsRight: (k) => Object.assign(k, { threadCount: 77 }),
  loadedIsAlive(k) {
    k.loaded = { ...freshOf(k), alive: false };
  },
  spaceListsMapping: (k) => removeSpan(spaceOf(k).mappings, mappingOf(k).startAddress, mappingOf(k).rank),
  listedMappingIsOfSpace: (k) =>
    addSpan(spaceOf(k).mappings, 2 ** 37, 2 ** 37 + 4096, 1, { ...mappingOf(k), space: null }),
  mappingsDoNotOverlap(k) {
    const { startAddress: start, size } = mappingOf(k);
    addSpan(spaceOf(k).mappings, start + 4096, start + size, 1, { ...mappingOf(k), alive: true });
  },
  lastMappingIsListed(k) {
    spaceOf(k).lastMapping = { ...mappingOf(k), space: null };
  },
  regionListsMapping: (k) => Object.assign(mappingOf(k), { rank: 10 ** 6 }),
  listedMappingIsOfRegion: (k) => addSpan(regionOf(k).mappings, 0, 4096, 1, mappingOf(k)),
  mappingIsAligned: (k) => Object.assign(objectAt<Mapping>(k, SLAB_SIZE + 0x4a0), { regionOffset: 5 }),
  spaceListsRegion: (k) => removeSpan(spaceOf(k).regions, regionOf(k).startAddress, regionOf(k).rank),
  listedRegionIsOfSpace: (k) => Object.assign(regionOf(k), { space: null }),
  spaceListsThread: (k) => spaceOf(k).threads.clear(),
  listedThreadIsOfSpace: (k) => spaceOf(k).threads.add(freshOf(k)),
  regionIsAligned: (k) => Object.assign(regionOf(k), { startAddress: 5 }),
  protectionIsLegal: (k) => Object.assign(regionOf(k), { protection: 2 }),
  setOnlyIfCollecting(k) {
    regionOf(k).changedPages.set(0, 1);
    regionOf(k).collecting = false;
  },
  changedOrderIsRight: (k) => Object.assign(regionOf(k).changedOrder, { sorted: [1, 2, 3] }),
  collectingCountIsRight: (k) => Object.assign(k, { collectingCount: 7 }),
  nestedCountIsRight: (k) => Object.assign(k, { nestedCollectingCount: 7 }),
  pageKnowsPlace: (k) => Object.assign(pageOf(k), { number: 77 }),
  frameHoldsPage: (k) => Object.assign(k.pageOfFrame, { [pageOf(k).frame]: null }),
  heldPageIsListed: (k) => pageOf(k).space.bottom?.pages.delete(pageOf(k).number),
  pageIsNotPinned: (k) => Object.assign(pageOf(k), { pins: 1 }),
  freeFrameIsEmpty(k) {
    k.freeFrames[0] = pageOf(k).frame;
    k.freeFrameCount = 1;
  },
  framesAreCounted: (k) => Object.assign(k, { frameBump: k.frameBump + 1 }),
  entryLeadsToPage(k) {
    const { startAddress: start, rank } = mappingOf(k);
    removeSpan(spaceOf(k).mappings, start, rank);
    addSpan(spaceOf(k).mappings, start, start + 0x1000, rank, mappingOf(k));
    // The list by offset and the mapping itself are changed too, so that only the entries are wrong.
    const region = mappingOf(k).region as Region;
    removeSpan(region.mappings, mappingOf(k).regionOffset, rank);
    addSpan(
      region.mappings,
      mappingOf(k).regionOffset,
      mappingOf(k).regionOffset + 0x1000,
      rank,
      mappingOf(k),
    );
    Object.assign(mappingOf(k), { size: 0x1000 });
  },
  entryFollowsChain: (k) => Object.assign(mappingOf(k), { regionOffset: 0x8000 }),
  entryWithinRights(k) {
    for (const page of k.pageOfFrame) if (page !== null) page.protection = 1;
  },
  pageRemembersEntry(k) {
    for (const page of k.pageOfFrame) page?.entries.splice(0);
  },
  tablesAreCounted: (k) => k.freeTables.push(spaceOf(k).rootFrame),
  identifiersDiffer: (k) => Object.assign(spaceOf(k), { asid: k.nextAsid }),
  tablesAreListed: (k) => k.spacesWithTables.clear(),
  cleanPageIsUnchanged(k, world) {
    world.supply(40 * SLAB_SIZE);
    world.kernel.settle();
    const page = k.pageOfFrame.find((found) => found?.number === (40 * SLAB_SIZE) / 4096) as Page;
    k.machine.frame(page.frame)[77] = 1;
  },
};

const mappingOf = (k: KernelState): Mapping => objectAt<Mapping>(k, SLAB_SIZE + own.mapping);

function join(port: Port, set: Portset): void {
  port.portset = set;
  set.ports.add(port);
}

/** A client at a port of a set that nobody serves. */
function withClient(k: KernelState): Thread {
  join(portOf(k), setOf(k));
  const client = calling(k);
  client.waitingFor = portOf(k);
  enqueue(portOf(k).clients, client);
  return client;
}

/** The same with a call in its registers. */
function calling(k: KernelState): Thread {
  const thread = taken(k);
  setEntryNumber(registersOf(k, thread), entries.ipc_call.number);
  return thread;
}

/** A thread of the world that waits for the mutex, taken out of its queue. */
function taken(k: KernelState): Thread {
  const thread = waiterOf(k);
  dequeue(thread);
  return thread;
}

for (const name of Object.keys(breakages) as InvariantName[]) {
  test(`the check finds it when broken: ${invariants[name]}`, () => {
    const world = busyWorld();
    world.isChecked = false;
    breakages[name](world.kernel.state, world);
    let said = '';
    try {
      world.kernel.check();
    } catch (error) {
      assert.instance(error, InvariantError);
      said = (error as Error).message;
    }
    assert.ok(said.includes(`(${name}`), `the check says "${said}"`);
  });
}

/** What counts or indexes say of all together is looked at by the full check only. */
const wholeOnly: readonly InvariantName[] = [
  'indexesAgree',
  'touchedIsListed',
  'linkersAreFound',
  'limitsCountRight',
  'objectCountIsRight',
  'threadCountIsRight',
  'lentIsCounted',
  'stateGoesIn',
  'tablesAreCounted',
  'schedulerLinksAreCounted',
  'queueIndexIsRight',
  'collectingCountIsRight',
  'nestedCountIsRight',
  'freeFrameIsEmpty',
  'framesAreCounted',
];

test('the spread pass finds every one of them too, but what is a sum over all', () => {
  for (const name of Object.keys(breakages) as InvariantName[]) {
    const world = busyWorld();
    world.isChecked = false;
    breakages[name](world.kernel.state, world);
    let isFound = false;
    try {
      while (!world.kernel.checkSome(7));
    } catch (error) {
      assert.instance(error, InvariantError);
      isFound = true;
    }
    assert.is(isFound, !wholeOnly.includes(name), name);
  }
});

test('the spread pass comes to an end while guests run, evicted pages come and go, and objects are made', () => {
  const world = busyWorld();
  let calls = 0;
  let passes = 0;
  while (passes < 3) {
    calls += 1;
    if (world.kernel.checkSome(20)) passes += 1;
    world.run(50);
    world.make(3 * SLAB_SIZE, { [0x20 * calls]: 'mutex' });
    if (calls % 3 === 0) world.evict(SLAB_SIZE + 0x1000);
  }
  assert.ok(calls > 9 && calls < 2000, `${calls} calls for three passes`);
});

test('at whatever step the spread pass stands, everything that a program has may be destroyed', () => {
  const destroy = (world: World): void => {
    world.must('region_destroy', SLAB_SIZE + 0x400);
    world.must('mapping_destroy', SLAB_SIZE + 0x4a0);
    world.must('space_destroy', SLAB_SIZE + own.space);
  };
  let steps = 0;
  for (let isOver = false; !isOver; steps += 1) {
    const world = busyWorld();
    const shown = { startAddress: 0x7000_0000, size: 0x1000, protection: 7 };
    world.must('reference_create', SLAB_SIZE + 0x4c0);
    world.must('region_reference', SLAB_SIZE + 0x400, SLAB_SIZE + 0x4c0);
    world.setState('mapping', SLAB_SIZE + 0x4a0, shown, [SLAB_SIZE + 0x4c0, SLAB_SIZE + own.spaceReference]);
    isOver = world.kernel.checkSome(steps + 1);
    destroy(world);
    while (!world.kernel.checkSome(100));
  }
  assert.ok(steps > 50, `${steps} steps`);
});

test('a pass is as many steps as there are things, and a call no more than it is given', () => {
  const world = busyWorld();
  const k = world.kernel.state;
  let steps = 0;
  while (!world.kernel.checkSome(1)) steps += 1;
  assert.ok(steps > k.bySerial.size && steps < 20 * k.bySerial.size + k.frameBump, `${steps} steps`);
});

test('the check of a demarcation finds what is broken in the objects it is given, however often changes were carried on', () => {
  const world = busyWorld();
  const k = world.kernel.state;
  world.collect();
  const first = firstOf(k);
  world.run(1);
  world.kernel.settle();
  world.kernel.checkChanged([first.serial, freshOf(k).serial]);
  world.isChecked = false;
  first.waitingFor = mutexOf(k);
  world.kernel.checkChanged([freshOf(k).serial]);
  assert.throws(
    () => world.kernel.checkChanged([freshOf(k).serial, first.serial]),
    /runnableWaitsForNothing/,
  );
  assert.throws(() => world.kernel.checkChanged([k.nextSerial]), /serialLeadsToObject/);
});

test('one step of the check looks at a few entries of a table, and all steps together at all of them', () => {
  const world = busyWorld();
  const space = spaceOf(world.kernel.state);
  const pages: number[] = [];
  let steps = 0;
  for (let from = 0; from >= 0; steps += 1) {
    let count = 0;
    from = visitTable(world.kernel.state, space, from, 1, (page) => {
      pages.push(page);
      count += 1;
    });
    assert.ok(count <= 1);
  }
  const whole: number[] = [];
  for (let from = 0; from >= 0; )
    from = visitTable(world.kernel.state, space, from, 512, (page) => whole.push(page));
  assert.ok(whole.length > 1 && steps >= whole.length);
  assert.equal(pages, whole);
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
