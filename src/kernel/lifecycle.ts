/**
 * Making, destroying and moving objects of all types; what differs is in the file of the type.
 *
 * Destroying takes the object out of every derived structure and wakes what waited on it, in stages when that is much;
 * links to it read as null from then on, without being visited. Moving changes where an object lies, and nothing else:
 * serial, hash, links and waiters stay. Invariant: a user task's own thread and space are never destroyed or moved by an
 * entry point. Called by state-calls.ts, discard, and the maker of user tasks.
 */
import { threadFlags } from './abi/types.ts';
import { emptyThread, takeImage } from './first-state.ts';
import { noteMoved, noteObjectGone, pageNumber, touch } from './memory/changed.ts';
import { displace, place, type TypeNumber } from './names.ts';
import type { ObjectFields } from './objects/operations.ts';
import { emptySpace } from './objects/space.ts';
import { operationsOf } from './objects/table.ts';
import type { Bottom, KernelObject, KernelState, Space, Thread } from './state.ts';
import { note, traceEvents } from './trace.ts';

/** True for a place in a user task's own memory, which is no part of any image. */
export function isTaskMemory(home: Space, address: number): boolean {
  return home.bottom?.pages.get(pageNumber(address))?.isTaskMemory === true;
}

/** A serial for an object at this place. Objects in a task's own memory are in no image and take others. */
function newSerial(k: KernelState, isTransient: boolean): number {
  if (isTransient) {
    k.nextTransientSerial += 1;
    return k.nextTransientSerial - 1;
  }
  k.nextSerial += 1;
  return k.nextSerial - 1;
}

/** Fields that are the same for all types; a hash of 0 lets the kernel choose: the serial. */
function fieldsOf(home: Space, address: number, serial: number, hash: bigint): ObjectFields {
  return {
    home,
    address,
    serial,
    hash: hash === 0n ? BigInt(serial) : hash,
    alive: true,
    isTouched: false,
    firstReference: null,
    referenceCount: 0,
    linkers: null,
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
  const serial = newSerial(k, isTaskMemory(home, address));
  const object = operationsOf(type).make(fieldsOf(home, address, serial, hash), k);
  place(k, object);
  touch(k, object);
  note(k, traceEvents.create.kind, 0, object.serial, type);
  return object;
}

/**
 * Destroys an object of any type, or as much of it as fits into a stage: true when it is gone. `caller` is the thread
 * that wants it, which must be able to go on until it is.
 */
export function destroyObject(k: KernelState, object: KernelObject, caller: Thread | null): boolean {
  // Who destroys its own peer is alerted behind the call (the dispatcher), or its handler would be taken for the call.
  const enabled = caller === null ? 0 : caller.flags & threadFlags.exceptionsEnabled;
  if (caller !== null) caller.flags &= ~enabled;
  const isReleased = operationsOf(object.type).release(k, object, caller);
  if (caller !== null) caller.flags |= enabled;
  if (!isReleased) return false;
  note(k, traceEvents.destroy.kind, 0, object.serial, object.type);
  noteObjectGone(k, object);
  displace(k, object);
  object.alive = false;
  return true;
}

/** Moves an object to a free place. What links to it follows by itself; that it did is noted. */
export function moveObject(k: KernelState, object: KernelObject, home: Space, address: number): void {
  noteObjectGone(k, object);
  displace(k, object);
  object.home = home;
  object.address = address;
  place(k, object);
  noteMoved(k, object);
}

/** The space and the thread of a user task; the bottom of whatever is mapped out of it. */
export function createTaskObjects(
  k: KernelState,
  bottom: Bottom,
  spaceAddress: number,
  threadAddress: number,
): { space: Space; thread: Thread } {
  const fields = fieldsOf(null as unknown as Space, spaceAddress, newSerial(k, true), 0n);
  const space = emptySpace(fields, bottom);
  // A bottom space lies in itself.
  space.home = space;
  place(k, space);
  const serial = newSerial(k, true);
  const thread = emptyThread(takeImage(k), space, threadAddress, serial, BigInt(serial), true);
  thread.flags = 0;
  thread.space = space;
  space.threads.add(thread);
  place(k, thread);
  return { space, thread };
}
