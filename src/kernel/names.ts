/**
 * Objects by address: what a caller's address names, and the index of what lies where.
 *
 * Whoever can write a page can name the objects in it (design.md section 4); there is no handle table. Naming follows
 * the mapping chain with the right to write and never asks whether the page is in memory.
 * Invariant: `objects`, `objectsByPage` and `bySerial` of a bottom space agree, and hold exactly what is alive.
 * Called by the decoders of every entry point; `place` and `displace` by lifecycle.ts only.
 */

import { present } from '../base/assert.ts';
import { isAligned } from '../base/integer.ts';
import { OBJECT_SIZE, PAGE_SIZE } from '../base/limits.ts';
import { faults, outcomes } from './abi/codes.ts';
import { protection, typeNumbers } from './abi/types.ts';
import { resolve } from './memory/chain.ts';
import { pageNumber } from './memory/changed.ts';
import { countObject } from './memory/limits.ts';
import { addSpan, nextSpan, removeSpan } from './memory/spans.ts';
import {
  type Bottom,
  type KernelObject,
  type KernelState,
  live,
  type Port,
  type Portset,
  type Reference,
  type Space,
  type Thread,
} from './state.ts';

export type TypeNumber = KernelObject['type'];
export type ObjectOfType<T extends TypeNumber> = Extract<KernelObject, { type: T }>;

/** What a lookup gives: the object, or the fault. */
export type Named<T> = T | number;

/** Finds where an object named by this address of the caller would lie: 0 with `k.chain` set, or a fault. */
export function findPlace(k: KernelState, caller: Thread, address: number): number {
  const space = caller.space;
  if (space === null || address < 0) return faults.invalidAddress;
  if (!isAligned(address, OBJECT_SIZE)) return faults.notAligned;
  if (!resolve(k.chain, space, address, protection.write)) return faults.invalidAddress;
  return 0;
}

/** The object at this address of the caller, of any type, or a fault. */
export function objectAt(k: KernelState, caller: Thread, address: number): Named<KernelObject> {
  const found = findPlace(k, caller, address);
  if (found !== 0) return found;
  return k.chain.space?.bottom?.objects.get(k.chain.address) ?? faults.noObject;
}

/** The object of this type at this address of the caller, or a fault. */
export function named<T extends TypeNumber>(
  k: KernelState,
  caller: Thread,
  address: number,
  type: T,
): Named<ObjectOfType<T>> {
  const object = objectAt(k, caller, address);
  if (typeof object === 'number') return object;
  return object.type === type ? (object as ObjectOfType<T>) : faults.wrongType;
}

/** The reference at this address, or a fault. */
export function namedReference(k: KernelState, caller: Thread, address: number): Named<Reference> {
  const object = objectAt(k, caller, address);
  if (typeof object === 'number') return object;
  return object.type === typeNumbers.reference ? object : faults.notReference;
}

/** True when both addresses lie on one page: then what is true of where one leads is true of the other. */
export function isOnePage(address: number, other: number): boolean {
  return address - (address & (PAGE_SIZE - 1)) === other - (other & (PAGE_SIZE - 1));
}

/**
 * The same, with what the caller named last in this entry, at `near`: on one page with it, the way down is known. What
 * is named together mostly lies together.
 */
export function namedReferenceNear(
  k: KernelState,
  caller: Thread,
  address: number,
  near: number,
): Named<Reference> {
  const bottom = k.chain.space === null ? null : k.chain.space.bottom;
  if (bottom === null || address < 0 || !isOnePage(address, near)) return namedReference(k, caller, address);
  if (!isAligned(address, OBJECT_SIZE)) return faults.notAligned;
  const object = bottom.objects.get(k.chain.address + (address - near));
  if (object === undefined) return faults.noObject;
  return object.type === typeNumbers.reference ? object : faults.notReference;
}

/**
 * An object of this type, named by its own address or by that of a reference to it. A null reference gives
 * `invalidDestination`.
 */
function namedEitherWay<T extends TypeNumber>(
  k: KernelState,
  caller: Thread,
  address: number,
  type: T,
): Named<ObjectOfType<T>> {
  const object = objectAt(k, caller, address);
  if (typeof object === 'number') return object;
  if (object.type === type) return object as ObjectOfType<T>;
  if (object.type !== typeNumbers.reference) return faults.wrongType;
  const target = live(object.target);
  if (target === null) return outcomes.invalidDestination;
  return target.type === type ? (target as ObjectOfType<T>) : faults.wrongType;
}

export function namedThread(k: KernelState, caller: Thread, address: number): Named<Thread> {
  return namedEitherWay(k, caller, address, typeNumbers.thread);
}

export function namedPort(k: KernelState, caller: Thread, address: number): Named<Port> {
  return namedEitherWay(k, caller, address, typeNumbers.port);
}

export function namedPortset(k: KernelState, caller: Thread, address: number): Named<Portset> {
  return namedEitherWay(k, caller, address, typeNumbers.portset);
}

/** Index in a list in address order at which `address` is or would be. */
function positionOf(list: readonly KernelObject[], address: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle] as KernelObject).address < address) low = middle + 1;
    else high = middle;
  }
  return low;
}

function bottomOf(space: Space): Bottom {
  return present(space.bottom, 'names: an object lies in a bottom space');
}

/**
 * The key of a serial in `bySerial`. The host's Map hashes numbers in a way that everybody knows, and a program can keep of
 * many objects those whose serials collide: so they are mixed with a number that it does not know.
 */
export function serialKey(k: KernelState, serial: number): number {
  const word = k.hashWords[0] as number;
  return serial < 2 ** 30 ? serial ^ (word & 0x3fff_ffff) : serial + word;
}

/** Puts a new object into the index. */
export function place(k: KernelState, object: KernelObject): void {
  const bottom = bottomOf(object.home);
  bottom.objects.set(object.address, object);
  k.bySerial.set(serialKey(k, object.serial), object);
  countObject(k, object, 1);
  const page = pageNumber(object.address);
  const list = bottom.objectsByPage.get(page);
  if (list === undefined) {
    const first = [object];
    bottom.objectsByPage.set(page, first);
    addSpan(bottom.pagesWithObjects, page, page + 1, 0, first);
  } else list.splice(positionOf(list, object.address), 0, object);
}

/** Takes an object out of the index. */
export function displace(k: KernelState, object: KernelObject): void {
  const bottom = bottomOf(object.home);
  bottom.objects.delete(object.address);
  k.bySerial.delete(serialKey(k, object.serial));
  countObject(k, object, -1);
  const page = pageNumber(object.address);
  const list = present(bottom.objectsByPage.get(page), 'names: the page of an object is in the index');
  list.splice(positionOf(list, object.address), 1);
  if (list.length === 0) {
    bottom.objectsByPage.delete(page);
    removeSpan(bottom.pagesWithObjects, page, 0);
  }
}

/** The first object of the bottom space at or above `address` and below `end`, or null. */
export function firstObject(bottom: Bottom, address: number, end: number): KernelObject | null {
  // The page of the address may hold objects below it only: then the next one decides.
  let from = pageNumber(address);
  for (let i = 0; i < 2; i += 1) {
    const next = nextSpan(bottom.pagesWithObjects, from);
    if (next === null || next.start * PAGE_SIZE >= end) return null;
    const object = next.item[positionOf(next.item, address)];
    if (object !== undefined) return object.address < end ? object : null;
    from = next.start + 1;
  }
  return null;
}

/**
 * Whether an exported serial may be taken by this object: handed out before, no other living object's, and only while
 * a restart brings objects back. A guest that could give a new object the serial of a dead one at the same place would
 * revive, at the next restart, links that are null now (law 5). The one place that decides it.
 */
export function maySerialBe(k: KernelState, object: KernelObject, serial: number): boolean {
  if (k.hasRun || serial <= 0 || serial >= k.nextSerial) return false;
  const holder = k.bySerial.get(serialKey(k, serial));
  return holder === undefined || holder === object;
}

/** Puts the object into what it hangs on, which is ordered by serials, or takes it out. */
function hang(object: KernelObject, operation: 'add' | 'delete'): void {
  if (object.type === typeNumbers.mutex) object.owner?.owned[operation](object);
  else if (object.type === typeNumbers.port) object.portset?.ports[operation](object);
  else if (object.type === typeNumbers.thread) object.space?.threads[operation](object);
}

/** Gives the object this serial. Only before the first slice of a life. */
export function setSerial(k: KernelState, object: KernelObject, serial: number): void {
  k.bySerial.delete(serialKey(k, object.serial));
  hang(object, 'delete');
  object.serial = serial;
  hang(object, 'add');
  k.bySerial.set(serialKey(k, serial), object);
}
