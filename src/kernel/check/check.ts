/**
 * The invariant check: what must hold between two entries; a broken invariant stops the machine before anything is
 * committed (law 9). Never changes anything but where it has got to.
 *
 * Three ways: `checkState` looks at everything, for tests; `checkChanged` at the objects that a demarcation has collected;
 * `checkSome` goes on with a pass over everything that is spread over many demarcations, a bounded part at each.
 * All invariants have names (`invariants.ts`). Called by kernel.ts.
 */
import { typeNumbers } from '../abi/types.ts';
import { TRANSIENT_SERIAL_START } from '../first-state.ts';
import { forEachLinker } from '../links.ts';
import { isNested } from '../memory/changed.ts';
import { isListed } from '../memory/spans.ts';
import { visitTables } from '../memory/tables.ts';
import { serialKey } from '../names.ts';
import { operationsOf } from '../objects/table.ts';
import {
  type Bottom,
  type KernelObject,
  type KernelState,
  live,
  type Queue,
  type Space,
  type Thread,
} from '../state.ts';
import { contentsOf } from './contents.ts';
import { holds } from './invariants.ts';
import { checkLent } from './lent.ts';
import { checkFrame } from './memory.ts';
import { checkObject } from './objects.ts';
import { checkQueueEnds, checkQueueIndex } from './queues.ts';
import { checkRingCount } from './rings.ts';

/** A pass over everything, with a stop after each step. What was made since it began may be left to the next. */
function* pass(k: KernelState): Generator<void> {
  let left = k.bySerial.size;
  for (const object of k.bySerial.values()) {
    checkObject(k, object);
    yield;
    // Whatever hung on an object that has gone meanwhile need not know of it any more.
    const contents = contentsOf(k, object);
    while (object.alive && contents.next().done !== true) yield;
    left -= 1;
    if (left <= 0) break;
  }
  for (let frame = 0; frame < k.frameBump; frame += 1) {
    checkFrame(k, frame);
    // Frames without a page cost next to nothing.
    if (frame % 16 === 0 || k.pageOfFrame[frame] !== null) yield;
  }
  checkRoots(k);
}

/** What belongs to no object, and is next to the state itself. */
function checkRoots(k: KernelState): void {
  checkQueueEnds(k.sleepers, null);
  // At every demarcation: nothing is called for the priorities that nobody has.
  const { runnable, runnableMask } = k;
  for (let priority = 0; priority < runnable.length; priority += 1) {
    const queue = runnable[priority] as Queue;
    const isMarked = ((runnableMask >>> priority) & 1) === 1;
    if (!isMarked && queue.first === null && queue.last === null) continue;
    checkQueueEnds(queue, null);
    holds(isMarked === (queue.first !== null), 'runnableMaskIsRight', queue.first);
  }
  for (const thread of k.tasksToTell) holds(thread.isTask, 'toldAreTasks', thread);
  const hasRoom =
    Number.isSafeInteger(k.nextTicket) &&
    Number.isSafeInteger(k.nextTurn) &&
    k.nextSerial > 0 &&
    k.nextSerial < TRANSIENT_SERIAL_START;
  holds(hasRoom && Number.isSafeInteger(k.nextTransientSerial), 'numbersAreLeft');
  holds(k.loaded === null || k.loaded.alive, 'loadedIsAlive', k.loaded);
}

/** The full check. */
export function checkState(k: KernelState): void {
  for (const _step of pass(k));
  checkCounts(k);
  checkIndexes(k);
  checkTouched(k);
  checkLinkers(k);
  checkLimits(k);
  checkQueuesWhole(k);
  checkLent(k);
  checkFreeFrames(k);
  checkTables(k);
  checkStates(k);
}

/** Goes on with the spread pass for this many steps. True when it came to an end of everything; it then begins anew. */
export function checkSome(k: KernelState, steps: number): boolean {
  k.checkPass ??= pass(k);
  for (let i = 0; i < steps; i += 1) {
    if (k.checkPass.next().done !== true) continue;
    k.checkPass = null;
    return true;
  }
  return false;
}

/** The check of what a checkpoint has collected, by serial: O(changed). */
export function checkChanged(k: KernelState, serials: readonly number[]): void {
  for (const serial of serials) {
    const object = k.bySerial.get(serialKey(k, serial)) ?? null;
    holds(object !== null, 'serialLeadsToObject');
    if (object !== null) checkObject(k, object);
  }
  checkRoots(k);
}

/** Counters are what counting gives. */
function checkCounts(k: KernelState): void {
  let collectingCount = 0;
  let nestedCount = 0;
  let threadCount = 0;
  let schedulerLinks = 0;
  for (const object of k.bySerial.values()) {
    if (object.type === typeNumbers.thread && object.serial < TRANSIENT_SERIAL_START) threadCount += 1;
    const mayLink = object.type === typeNumbers.thread || object.type === typeNumbers.space;
    if (mayLink && object.scheduler !== null) schedulerLinks += 1;
    if (object.type !== typeNumbers.region || !object.collecting) continue;
    collectingCount += 1;
    if (isNested(live(object.space))) nestedCount += 1;
  }
  holds(collectingCount === k.collectingCount, 'collectingCountIsRight');
  holds(nestedCount === k.nestedCollectingCount, 'nestedCountIsRight');
  holds(schedulerLinks === k.schedulerLinks, 'schedulerLinksAreCounted');
  holds(threadCount === k.threadCount, 'threadCountIsRight');
}

/** The indexes of bottom spaces hold the living objects and nothing else. */
function checkIndexes(k: KernelState): void {
  const bottoms = new Map<Space, Bottom>();
  for (const object of k.bySerial.values()) {
    if (object.home.bottom !== null) bottoms.set(object.home, object.home.bottom);
  }
  let byAddress = 0;
  let byPage = 0;
  for (const bottom of bottoms.values()) {
    byAddress += bottom.objects.size;
    for (const list of bottom.objectsByPage.values()) byPage += list.length;
    for (const [page, list] of bottom.objectsByPage) {
      holds(isListed(bottom.pagesWithObjects, page, page + 1, 0, list), 'indexesAgree');
    }
    holds(bottom.pagesWithObjects.count === bottom.objectsByPage.size, 'indexesAgree');
  }
  holds(byAddress === k.bySerial.size && byPage === k.bySerial.size, 'indexesAgree');
  let objectCount = 0;
  for (const object of k.bySerial.values()) if (object.serial < TRANSIENT_SERIAL_START) objectCount += 1;
  holds(objectCount === k.objectCount, 'objectCountIsRight');
}

/** Whoever links to an object is found from there. */
function checkLinkers(k: KernelState): void {
  const linkers = new Map<KernelObject, Set<KernelObject>>();
  for (const object of k.bySerial.values()) {
    const found = new Set<KernelObject>();
    forEachLinker(object, (linker) => found.add(linker));
    linkers.set(object, found);
  }
  for (const object of k.bySerial.values()) {
    if (object.type === typeNumbers.thread && object.isTask) continue;
    for (const target of operationsOf(object.type).links(k, object)) {
      holds(target === null || linkers.get(target)?.has(object) === true, 'linkersAreFound', object);
    }
  }
}

/** Regions with a limit know how much lies in them. */
function checkLimits(k: KernelState): void {
  for (const region of k.bySerial.values()) {
    if (region.type !== typeNumbers.region || region.objectLimit + region.threadLimit === 0) continue;
    const space = live(region.space);
    if (space === null || space.bottom === null) continue;
    let objectCount = 0;
    let threadCount = 0;
    for (const object of space.bottom.objects.values()) {
      const offset = object.address - region.startAddress;
      if (offset < 0 || offset >= region.size) continue;
      objectCount += 1;
      if (object.type === typeNumbers.thread) threadCount += 1;
    }
    const isRight = objectCount === region.objectCount && threadCount === region.threadCount;
    holds(isRight, 'limitsCountRight', region);
  }
}

function checkTouched(k: KernelState): void {
  const listed = new Set<KernelObject>(k.touched);
  for (const object of k.bySerial.values()) {
    holds(object.isTouched === listed.has(object), 'touchedIsListed', object);
  }
}

/** Whoever is in a queue is there once, and nobody is in one who is gone. */
function checkQueuesWhole(k: KernelState): void {
  const queued = new Set<Thread>();
  const walk = (queue: Queue): void => {
    for (let thread = queue.first; thread !== null; thread = thread.next) {
      holds(thread.queue === queue && !queued.has(thread), 'queueIsLinked', thread);
      holds(thread.alive, 'queuedIsAlive', thread);
      queued.add(thread);
    }
    checkQueueIndex(queue);
  };
  walk(k.sleepers);
  k.runnable.forEach(walk);
  for (const object of k.bySerial.values()) {
    if (object.type === typeNumbers.portset) {
      walk(object.servers);
      walk(object.donors);
    } else if (object.type === typeNumbers.port) walk(object.clients);
    else if (
      object.type === typeNumbers.mutex ||
      object.type === typeNumbers.cond ||
      object.type === typeNumbers.thread
    ) {
      walk(object.waiters);
      if (object.type === typeNumbers.thread) walk(object.scheduled);
    }
  }
  for (const object of k.bySerial.values()) {
    if (object.type !== typeNumbers.thread) continue;
    holds((object.queue !== null) === queued.has(object), 'queueIsLinked', object);
  }
}

/** Whatever comes out of an object of the image would go in again. */
function checkStates(k: KernelState): void {
  for (const object of k.bySerial.values()) {
    checkRingCount(object);
    if (object.serial >= TRANSIENT_SERIAL_START) continue;
    const operations = operationsOf(object.type);
    k.record.fill(0);
    const view = object.type === typeNumbers.thread ? object.view : k.recordView;
    operations.write(k, object, view);
    const fault = operations.check(k, object, view, operations.links(k, object));
    holds(fault === 0, 'stateGoesIn', object);
  }
}

/** Tables are in one space or free, and no two spaces have the same identifier. */
function checkTables(k: KernelState): void {
  const identifiers = new Set<number>();
  const tables = new Set<number>(k.freeTables);
  let count = k.freeTables.length;
  for (const space of k.spacesWithTables) {
    identifiers.add(space.asid);
    count += visitTables(k, space, (table) => tables.add(table));
  }
  holds(identifiers.size === k.spacesWithTables.size, 'identifiersDiffer');
  holds(tables.size === count && count === k.tableNext, 'tablesAreCounted');
  for (const table of tables) holds(table < k.tableNext, 'tablesAreCounted');
}

/** Every frame that was ever used holds a page or is free, once. */
function checkFreeFrames(k: KernelState): void {
  const free = new Set<number>();
  for (let i = 0; i < k.freeFrameCount; i += 1) {
    const frame = k.freeFrames[i] as number;
    const isEmpty = k.pageOfFrame[frame] === null && frame >= k.tableEnd && frame < k.frameBump;
    holds(isEmpty && !free.has(frame), 'freeFrameIsEmpty');
    free.add(frame);
  }
  let held = 0;
  for (let frame = k.tableEnd; frame < k.frameBump; frame += 1) {
    if (k.pageOfFrame[frame] !== null) held += 1;
  }
  holds(held + free.size === k.frameBump - k.tableEnd, 'framesAreCounted');
}
