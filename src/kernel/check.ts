/**
 * The invariant check: what must hold between two entries (fluke.md F.4 and H.13, as far as it applies to us).
 *
 * `checkState` looks at everything; `checkChanged` at the objects touched since the last collect, for demarcations. Each
 * fact has a name; a broken one stops the machine before anything is committed (law 9). Never changes anything.
 */
import { assert } from '../base/assert.ts';
import { isAligned } from '../base/integer.ts';
import { OBJECT_SIZE, PAGE_SIZE, PRIORITY_MAX } from '../base/limits.ts';
import { threadFlags, typeNumbers } from './abi/types.ts';
import { resolve } from './memory/chain.ts';
import { pageNumber } from './memory/changed.ts';
import { forEachEntry } from './memory/tables.ts';
import { isBefore } from './queue.ts';
import { hasReservation } from './registers.ts';
import { firstRunnable } from './schedule.ts';
import {
  type Bottom,
  type KernelObject,
  type KernelState,
  live,
  type Mutex,
  type Page,
  type Port,
  type Queue,
  type Region,
  type Space,
  type Thread,
  TRANSIENT_SERIAL_START,
} from './state.ts';

function name(object: KernelObject): string {
  return `object ${object.serial} (type ${object.type}) at ${object.address}`;
}

/** What every living object must satisfy. */
function checkObject(k: KernelState, object: KernelObject): void {
  const label = name(object);
  assert(object.type >= 1 && object.type <= 9, `check: ${label} has a known type`);
  assert(object.alive, `check: ${label} in the index is alive`);
  assert(isAligned(object.address, OBJECT_SIZE), `check: ${label} is aligned`);
  assert(k.bySerial.get(object.serial) === object, `check: the serial of ${label} leads to it`);
  assert(
    object.serial < k.nextSerial || object.serial >= TRANSIENT_SERIAL_START,
    `check: the serial of ${label} was handed out`,
  );
  const bottom = object.home.bottom;
  assert(bottom !== null, `check: ${label} lies in a bottom space`);
  assert(bottom.objects.get(object.address) === object, `check: the address of ${label} leads to it`);
  const list = bottom.objectsByPage.get(pageNumber(object.address));
  assert(list?.includes(object) === true, `check: the page of ${label} lists it`);
  switch (object.type) {
    case typeNumbers.mutex:
      checkMutex(object);
      break;
    case typeNumbers.port:
      checkPort(object);
      break;
    case typeNumbers.space:
      checkSpace(object);
      break;
    case typeNumbers.region:
      checkRegion(object);
      break;
    case typeNumbers.thread:
      checkThread(k, object);
      break;
    case typeNumbers.mapping: {
      const space = live(object.space);
      if (space === null || object.size === 0) return;
      assert(space.mappings.includes(object), `check: the space of ${label} lists it`);
      break;
    }
    case typeNumbers.reference: {
      const target = live(object.target);
      if (target === null) return;
      const isAllowed = target.type !== typeNumbers.mapping && target.type !== typeNumbers.reference;
      assert(isAllowed, `check: the target of ${label} may be referenced`);
      break;
    }
    default:
      break;
  }
}

function checkMutex(mutex: Mutex): void {
  const owner = live(mutex.owner);
  assert(mutex.owner === null || owner !== null, `check: the owner of ${name(mutex)} is alive`);
  assert(
    owner === null || owner.owned.has(mutex),
    `check: the owner of ${name(mutex)} knows that it owns it`,
  );
  assert(
    owner !== null || mutex.waiters.first === null,
    `check: nobody waits for ${name(mutex)}, which is free`,
  );
}

function checkPort(port: Port): void {
  const set = live(port.portset);
  if (set === null) return;
  assert(set.ports.has(port), `check: the set of ${name(port)} lists it`);
  const isBusy = set.busyPorts.has(port);
  assert(
    isBusy === (port.clients.first !== null),
    `check: the set of ${name(port)} knows whether it has clients`,
  );
  const isMet = port.clients.first !== null && set.servers.first !== null && set.service === null;
  assert(!isMet, `check: no server waits while ${name(port)} has clients`);
}

function checkSpace(space: Space): void {
  let end = -1;
  for (const mapping of space.mappings) {
    assert(mapping.alive && mapping.space === space, `check: mappings of ${name(space)} are its own`);
    assert(mapping.startAddress >= end, `check: mappings of ${name(space)} are in order and do not overlap`);
    end = mapping.startAddress + mapping.size;
  }
  for (const region of space.regions) {
    assert(region.alive && region.space === space, `check: regions of ${name(space)} are its own`);
  }
  for (const thread of space.threads) {
    assert(thread.alive && thread.space === space, `check: threads of ${name(space)} are its own`);
  }
}

function checkRegion(region: Region): void {
  assert(isAligned(region.startAddress, PAGE_SIZE), `check: ${name(region)} begins at a page`);
  const hasSet = region.changedPages.size > 0 || region.changedObjects.size > 0;
  assert(region.collecting || !hasSet, `check: ${name(region)} has a changed set only if it collects`);
  for (const mapping of region.mappings) {
    if (mapping.alive) assert(mapping.region === region, `check: mappings of ${name(region)} link to it`);
  }
}

/** The queue that the thread's words say, `undefined` for any that fits the object. */
function checkThread(k: KernelState, thread: Thread): void {
  const label = name(thread);
  assert(
    thread.priority >= 0 && thread.priority <= PRIORITY_MAX,
    `check: the priority of ${label} is in range`,
  );
  assert(thread.ticket < k.nextTicket, `check: the ticket of ${label} was handed out`);
  assert(thread.turn < k.nextTurn, `check: the turn of ${label} was handed out`);
  const isStopped = (thread.flags & threadFlags.stopped) !== 0;
  const isFaulting = (thread.flags & threadFlags.faulting) !== 0;
  const queue = thread.queue;
  const hasSpace = live(thread.space) !== null;
  if (thread.isTask || isStopped || !hasSpace) {
    assert(queue === null, `check: ${label} is in no queue, being a task, stopped or without space`);
    return;
  }
  const mayReserve = queue?.order === 'turn' && firstRunnable(k) === thread;
  assert(
    mayReserve || !hasReservation(k, thread),
    `check: ${label} has a reservation only if it is its turn`,
  );
  const waitingFor = live(thread.waitingFor);
  if (queue === null) {
    assert(
      isFaulting && waitingFor === null,
      `check: ${label} is in no queue only at a fault that nobody answers`,
    );
  } else if (queue.order === 'turn') {
    assert(queue === k.runnable[thread.priority], `check: ${label} runs at its priority`);
    assert(
      waitingFor === null && !isFaulting && thread.deadline === 0n,
      `check: ${label}, runnable, waits for nothing`,
    );
  } else if (queue.order === 'deadline') {
    assert(thread.deadline !== 0n && waitingFor === null, `check: ${label} sleeps until its deadline only`);
  } else {
    assert(waitingFor !== null && queueFits(waitingFor, queue), `check: ${label} waits where its link says`);
    assert(thread.ticket > 0, `check: ${label}, waiting, has a ticket`);
  }
}

function queueFits(object: KernelObject, queue: Queue): boolean {
  switch (object.type) {
    case typeNumbers.mutex:
    case typeNumbers.cond:
    case typeNumbers.thread:
      return object.waiters === queue;
    case typeNumbers.port:
      return object.clients === queue;
    case typeNumbers.portset:
      return object.servers === queue;
    default:
      return false;
  }
}

/** A queue is linked both ways, in order, and knows its ends. */
function checkQueue(queue: Queue): void {
  let previous: Thread | null = null;
  for (let thread = queue.first; thread !== null; thread = thread.next) {
    assert(thread.queue === queue && thread.previous === previous, 'check: a queue is linked both ways');
    assert(thread.alive, 'check: whoever is in a queue is alive');
    assert(previous === null || isBefore(queue.order, previous, thread), 'check: a queue is in order');
    previous = thread;
  }
  assert(queue.last === previous, 'check: a queue knows its last thread');
}

function checkQueuesOf(object: KernelObject): void {
  switch (object.type) {
    case typeNumbers.mutex:
    case typeNumbers.cond:
    case typeNumbers.thread:
      checkQueue(object.waiters);
      break;
    case typeNumbers.port:
      checkQueue(object.clients);
      break;
    case typeNumbers.portset:
      checkQueue(object.servers);
      break;
    default:
      break;
  }
}

/** Frames and pages agree, and free frames hold nothing. */
function checkFrames(k: KernelState, bottoms: ReadonlyMap<Space, Bottom>): void {
  let pageCount = 0;
  for (const [space, bottom] of bottoms) {
    for (const [number, page] of bottom.pages) {
      pageCount += 1;
      assert(page.space === space && page.number === number, `check: page ${number} knows its place`);
      assert(k.pageOfFrame[page.frame] === page, `check: the frame of page ${number} holds it`);
      assert(page.pins === 0, `check: page ${number} is not pinned between entries`);
    }
  }
  const held = k.pageOfFrame.filter((page) => page !== null).length;
  assert(held === pageCount, 'check: every frame in use holds a page of a living space');
  for (let i = 0; i < k.freeFrameCount; i += 1) {
    assert(k.pageOfFrame[k.freeFrames[i] as number] === null, 'check: a free frame holds no page');
  }
}

/** No table entry allows what the chain does not. */
function checkTables(k: KernelState): void {
  for (const space of k.spacesWithTables) {
    forEachEntry(k, space, (number, frame, rights) => {
      const page = k.pageOfFrame[frame] as Page | null;
      const isReached = resolve(k.chain, space, number * PAGE_SIZE, 0);
      assert(isReached && page !== null, `check: a table entry for page ${number} leads to a page`);
      assert(
        k.chain.space === page.space && pageNumber(k.chain.address) === page.number,
        `check: the table entry for page ${number} leads where the mappings lead`,
      );
      const allowed = k.chain.rights & page.protection;
      assert(
        (rights & ~allowed) === 0,
        `check: the table entry for page ${number} allows no more than the chain`,
      );
      assert(
        page.entries.some((entry) => entry.space === space && entry.page === number),
        `check: page ${page.number} remembers its table entry`,
      );
    });
  }
}

/** The full check. */
export function checkState(k: KernelState): void {
  const bottoms = new Map<Space, Bottom>();
  let collectingCount = 0;
  let nestedCount = 0;
  for (const object of k.bySerial.values()) {
    if (object.home.bottom !== null) bottoms.set(object.home, object.home.bottom);
    checkObject(k, object);
    checkQueuesOf(object);
    if (object.type === typeNumbers.region && object.collecting && live(object.space) !== null) {
      collectingCount += 1;
      if (object.space?.bottom === null) nestedCount += 1;
    }
  }
  let indexed = 0;
  for (const bottom of bottoms.values()) {
    indexed += bottom.objects.size;
    for (const list of bottom.objectsByPage.values()) {
      list.forEach((object, i) => {
        const before = list[i - 1];
        assert(
          before === undefined || before.address < object.address,
          'check: objects of a page are in order',
        );
      });
    }
  }
  assert(indexed === k.bySerial.size, 'check: the indexes by address and by serial hold the same objects');
  assert(collectingCount === k.collectingCount, 'check: the number of collecting regions is right');
  assert(nestedCount === k.nestedCollectingCount, 'check: the number of nested collecting regions is right');
  checkQueue(k.sleepers);
  k.runnable.forEach((queue, priority) => {
    checkQueue(queue);
    const isMarked = (k.runnableMask >>> priority) % 2 === 1;
    assert(isMarked === (queue.first !== null), 'check: the mask of runnable priorities is right');
  });
  checkFrames(k, bottoms);
  checkTables(k);
}

/** The check of what changed since the last collect. */
export function checkChanged(k: KernelState): void {
  for (const object of k.touched) if (object.alive) checkObject(k, object);
  const first = k.sleepers.first;
  assert(first === null || first.queue === k.sleepers, 'check: the first sleeper sleeps');
}
