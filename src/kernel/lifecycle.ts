/**
 * Making and destroying objects of all types.
 *
 * Destroying takes the object out of every derived structure and wakes what waited on it; links to it read as null from
 * then on, without being visited. Invariant: a user task's own thread and space are never destroyed by an entry point.
 * Called by state-calls.ts, discard, and the maker of user tasks.
 */
import { outcomes } from './abi/codes.ts';
import { typeNumbers } from './abi/types.ts';
import { countCancel } from './interrupts.ts';
import { dropClient, dropServer, dropWaiters } from './ipc/connection.ts';
import { isFaulting } from './ipc/handover.ts';
import { spacesAbove, spacesOver } from './memory/chain.ts';
import { countCollector, noteObjectGone, pageNumber, settle, touch } from './memory/changed.ts';
import { dropTables } from './memory/tables.ts';
import { displace, place, type TypeNumber } from './names.ts';
import { detach } from './objects/mapping.ts';
import { give, passOn } from './objects/mutex.ts';
import { leaveSet } from './objects/port.ts';
import { detachRegion } from './objects/region.ts';
import { unloadRegisters } from './registers.ts';
import { finish, leaveQueue, park, wake } from './schedule.ts';
import {
  type Bottom,
  emptyQueue,
  emptyThreadFields,
  type KernelObject,
  type KernelState,
  type Port,
  type Queue,
  type Space,
  type Thread,
} from './state.ts';
import { note, traceEvents } from './trace.ts';

/** A serial for an object at this place. Objects in a task's own memory are in no image and take others. */
function newSerial(k: KernelState, home: Space | null, address: number): number {
  if (home === null || home.bottom?.pages.get(pageNumber(address))?.isTaskMemory) {
    k.nextTransientSerial += 1;
    return k.nextTransientSerial - 1;
  }
  k.nextSerial += 1;
  return k.nextSerial - 1;
}

/** Fields that are the same for all types; a hash of 0 lets the kernel choose: the serial. */
function baseOf(k: KernelState, home: Space, address: number, hash: bigint) {
  const serial = newSerial(k, home, address);
  return { home, address, serial, hash: hash === 0n ? BigInt(serial) : hash, alive: true, isTouched: false };
}

function makeObject(
  k: KernelState,
  type: TypeNumber,
  home: Space,
  address: number,
  hash: bigint,
): KernelObject {
  const base = baseOf(k, home, address, hash);
  switch (type) {
    case typeNumbers.mutex:
      return { ...base, type, flags: 0n, owner: null, waiters: emptyQueue('ticket') };
    case typeNumbers.cond:
      return { ...base, type, flags: 0n, inheritor: null, waiters: emptyQueue('ticket') };
    case typeNumbers.mapping:
      return {
        ...base,
        type,
        regionOffset: 0,
        startAddress: 0,
        size: 0,
        protection: 0,
        region: null,
        space: null,
      };
    case typeNumbers.region:
      return {
        ...base,
        type,
        startAddress: 0,
        size: 0,
        protection: 0,
        space: null,
        keeper: null,
        collecting: false,
        objectLimit: 0,
        threadLimit: 0,
        changedPages: new Map(),
        changedObjects: new Map(),
        changedOrder: null,
        mappings: new Set(),
      };
    case typeNumbers.port: {
      const clients = emptyQueue('ticket');
      const port: Port = { ...base, type, alias: 0n, portset: null, clients, busyIndex: -1 };
      clients.port = port;
      return port;
    }
    case typeNumbers.portset:
      return {
        ...base,
        type,
        ports: new Set(),
        busy: [],
        servers: emptyQueue('ticket'),
        service: null,
        isBorder: false,
      };
    case typeNumbers.space:
      return { ...base, ...emptySpaceFields(null), type };
    case typeNumbers.thread:
      return { ...base, ...emptyThreadFields(false), type };
    case typeNumbers.reference:
      return { ...base, type, target: null };
  }
}

function emptySpaceFields(bottom: Bottom | null) {
  return {
    keeper: null,
    scheduler: null,
    mappings: [],
    lastMapping: null,
    regions: new Set<never>(),
    threads: new Set<never>(),
    rootFrame: -1,
    asid: 0,
    bottom,
  };
}

/** Makes an object at a free place. All its links are null; a thread is stopped. */
export function createObject(
  k: KernelState,
  type: TypeNumber,
  home: Space,
  address: number,
  hash: bigint,
): KernelObject {
  const object = makeObject(k, type, home, address, hash);
  place(k, object);
  if (type === typeNumbers.thread) k.threadCount += 1;
  touch(k, object);
  note(k, traceEvents.create.kind, 0, object.serial, type);
  return object;
}

/** Destroys an object of any type. */
export function destroyObject(k: KernelState, object: KernelObject): void {
  if (object.type === typeNumbers.mapping) detach(k, object);
  if (object.type === typeNumbers.region) detachRegion(k, object);
  if (object.type === typeNumbers.space) releaseSpace(k, object);
  if (object.type === typeNumbers.thread) {
    releaseThread(k, object);
    k.threadCount -= 1;
  }
  note(k, traceEvents.destroy.kind, 0, object.serial, object.type);
  noteObjectGone(k, object);
  displace(k, object);
  object.alive = false;
  switch (object.type) {
    case typeNumbers.mutex:
      give(k, object, null);
      cancelAll(k, object.waiters);
      break;
    case typeNumbers.cond:
      cancelAll(k, object.waiters);
      break;
    case typeNumbers.port:
      leaveSet(object);
      cancelAll(k, object.clients);
      break;
    case typeNumbers.portset:
      object.service = null;
      k.toServe.delete(object);
      for (const port of [...object.ports]) leaveSet(port);
      cancelAll(k, object.servers);
      break;
    default:
      break;
  }
}

/** Wakes all that wait: calls end with `canceled`, faults are taken again. */
function cancelAll(k: KernelState, queue: Queue): void {
  for (let first = queue.first; first !== null; first = queue.first) {
    countCancel(first);
    if (isFaulting(first)) wake(k, first);
    else finish(k, first, outcomes.canceled);
  }
}

/** What lives in a space that goes away stays where it is, without memory. */
function releaseSpace(k: KernelState, space: Space): void {
  if (k.nestedCollectingCount > 0) settle(k);
  dropTables(k, spacesAbove(space));
  for (const region of space.regions) {
    dropTables(k, spacesOver(region));
    countCollector(k, region, -1);
    region.space = null;
  }
  for (const thread of space.threads) park(k, thread);
}

/** A thread that goes away lets go of its peers, its mutexes and its place in queues. */
function releaseThread(k: KernelState, thread: Thread): void {
  leaveQueue(k, thread);
  dropClient(k, thread, true);
  dropServer(k, thread, true);
  dropWaiters(k, thread);
  for (const mutex of [...thread.owned]) passOn(k, mutex);
  thread.space?.threads.delete(thread);
  if (k.loaded === thread) unloadRegisters(k);
}

/** The space and the thread of a user task; the bottom of whatever is mapped out of it. */
export function createTaskObjects(
  k: KernelState,
  bottom: Bottom,
  spaceAddress: number,
  threadAddress: number,
): { space: Space; thread: Thread } {
  const serial = newSerial(k, null, spaceAddress);
  const fields = {
    ...emptySpaceFields(bottom),
    type: typeNumbers.space,
    address: spaceAddress,
    serial,
    hash: BigInt(serial),
    alive: true,
    isTouched: false,
  };
  // A bottom space lies in itself.
  const space = fields as unknown as Space & { home: Space };
  space.home = space;
  place(k, space);
  const threadSerial = newSerial(k, null, threadAddress);
  const thread: Thread = {
    ...emptyThreadFields(true),
    type: typeNumbers.thread,
    home: space,
    address: threadAddress,
    serial: threadSerial,
    hash: BigInt(threadSerial),
    alive: true,
    isTouched: false,
  };
  thread.flags = 0;
  thread.space = space;
  space.threads.add(thread);
  place(k, thread);
  return { space, thread };
}
