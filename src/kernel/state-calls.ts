/**
 * The entry points that every type has: create, create_hash, destroy, move, reference, get_state, set_state, peek_state.
 *
 * One handler each for all types; what differs is in `objects/`. Links come out into, and go in from, reference objects
 * only (fluke.md A.1.6). Called by the dispatcher, which binds the type.
 */
import { faults, outcomes } from './abi/codes.ts';
import { links, notReferencable, states, type TypeName, typeNames, typeNumbers } from './abi/types.ts';
import { createObject, destroyObject, isTaskMemory, moveObject } from './lifecycle.ts';
import { settle } from './memory/changed.ts';
import { openRead, openWrite, readRecordThrough, writeRecordThrough } from './memory/copy.ts';
import { hasRoom, mayLieAt } from './memory/limits.ts';
import {
  findPlace,
  isOnePage,
  maySerialBe,
  named,
  namedReference,
  namedReferenceNear,
  setSerial,
  type TypeNumber,
} from './names.ts';
import { type NewLinks, readNumber, writeNumber } from './objects/operations.ts';
import { pointAt } from './objects/reference.ts';
import { operationsOf } from './objects/table.ts';
import { maySetState } from './objects/thread.ts';
import { argument, argumentWord } from './registers.ts';
import { results } from './results.ts';
import { stop } from './resume.ts';
import { type KernelObject, type KernelState, live, type Thread } from './state.ts';

/** Links whose change is noted for one unit of work. */
const LINKS_PER_WORK = 16;

/** Types that each link may point at; null: any that may be referenced. */
const linkTypes: Readonly<Record<TypeName, readonly (TypeNumber | null)[]>> = {
  mutex: [typeNumbers.thread],
  cond: [typeNumbers.thread],
  mapping: [typeNumbers.region, typeNumbers.space],
  region: [typeNumbers.space, typeNumbers.port],
  port: [typeNumbers.portset],
  portset: [],
  space: [typeNumbers.port, typeNumbers.port],
  thread: [typeNumbers.space, typeNumbers.port, null, typeNumbers.thread, typeNumbers.thread],
  reference: [null],
};

/** X_create and X_create_hash */
export function create(
  k: KernelState,
  caller: Thread,
  registers: Uint32Array,
  type: TypeNumber,
  hash: bigint,
): number {
  const found = findPlace(k, caller, argument(registers, 0));
  if (found !== 0) return found;
  const { space, address } = k.chain;
  if (space === null || space.bottom === null) return faults.invalidAddress;
  if (space.bottom.objects.has(address)) return faults.objectExists;
  const isLimited = !isTaskMemory(space, address);
  if (isLimited && !hasRoom(k, type)) return outcomes.noMemory;
  if (!mayLieAt(space.bottom, address, type, -1)) return outcomes.noMemory;
  createObject(k, type, space, address, hash);
  return outcomes.success;
}

export function createHash(k: KernelState, caller: Thread, registers: Uint32Array, type: TypeNumber): number {
  return create(k, caller, registers, type, argumentWord(registers, 1));
}

/** X_destroy: in stages when much hangs on the object. */
export function destroy(k: KernelState, caller: Thread, registers: Uint32Array, type: TypeNumber): number {
  const object = named(k, caller, argument(registers, 0), type);
  if (typeof object === 'number') return object;
  const refused = operationsOf(type).mayDestroy?.(caller, object) ?? 0;
  if (refused !== 0) return refused;
  // Commit: what is left to do, if anything, is the same call.
  return destroyObject(k, object, caller) ? outcomes.success : results.stage;
}

/**
 * X_move: the object lies elsewhere in the caller's memory from now on. What is in a user task's own memory has serials
 * that are in no image, so nothing moves in or out there.
 */
export function move(k: KernelState, caller: Thread, registers: Uint32Array, type: TypeNumber): number {
  const object = named(k, caller, argument(registers, 0), type);
  if (typeof object === 'number') return object;
  const refused = operationsOf(type).mayMove?.(caller, object) ?? 0;
  if (refused !== 0) return refused;
  const found = findPlace(k, caller, argument(registers, 1));
  if (found !== 0) return found;
  const { space, address } = k.chain;
  if (space === null || space.bottom === null) return faults.invalidAddress;
  if (space.bottom.objects.has(address)) return faults.objectExists;
  if (isTaskMemory(space, address) || isTaskMemory(object.home, object.address)) return faults.raceCondition;
  const from = object.home === space ? object.address : -1;
  if (!mayLieAt(space.bottom, address, type, from)) return outcomes.noMemory;
  // Commit: nothing below can fail.
  moveObject(k, object, space, address);
  k.work += Math.ceil(object.referenceCount / LINKS_PER_WORK);
  return outcomes.success;
}

/** X_reference */
export function reference(k: KernelState, caller: Thread, registers: Uint32Array, type: TypeNumber): number {
  const object = named(k, caller, argument(registers, 0), type);
  if (typeof object === 'number') return object;
  const target = namedReference(k, caller, argument(registers, 1));
  if (typeof target === 'number') return target;
  pointAt(k, target, object);
  return outcomes.success;
}

/** By type number: its size, where hash (-1: it has none) and serial lie in its state, and its links. */
const shapes = [null, ...typeNames].map((typeName) => {
  const name = typeName ?? 'reference';
  const { size, offset } = states[name];
  return {
    size,
    hashAt: 'hash' in offset ? offset.hash : -1,
    serialAt: offset.serial,
    linkCount: links[name].length,
    linkTypes: linkTypes[name],
    mayBeReferenced: !notReferencable.includes(name),
  };
});

/**
 * Puts the references that the caller gave for the links into `k.linkReferences`, undefined where it gave none: 0, or a
 * fault.
 */
function findReferences(k: KernelState, caller: Thread, registers: Uint32Array, type: TypeNumber): number {
  const found = k.linkReferences;
  const count = shapeOf(type).linkCount;
  // The object was named just before.
  let near = argument(registers, 0);
  for (let i = 0; i < count; i += 1) {
    const address = argument(registers, 2 + i);
    if (address === 0) found[i] = undefined;
    else {
      const reference = namedReferenceNear(k, caller, address, near);
      if (typeof reference === 'number') return reference;
      found[i] = reference;
      if (!isOnePage(address, near)) near = address;
    }
  }
  return 0;
}

function shapeOf(type: TypeNumber): (typeof shapes)[number] {
  return shapes[type] as (typeof shapes)[number];
}

/** Writes the simple state of the object into the window. */
function exportState(k: KernelState, object: KernelObject, caller: Thread): void {
  const { size, hashAt, serialAt } = shapeOf(object.type);
  const { recordLongs, recordView } = k;
  if (object.type === typeNumbers.thread) {
    operationsOf(object.type).write(k, object, object.view);
    writeRecordThrough(k, k.window, caller, size, object.longs);
    return;
  }
  for (let i = 0; 8 * i < size; i += 1) recordLongs[i] = 0n;
  operationsOf(object.type).write(k, object, recordView);
  if (hashAt >= 0) recordView.setBigUint64(hashAt, object.hash, true);
  writeNumber(recordView, serialAt, object.serial);
  writeRecordThrough(k, k.window, caller, size);
}

/** X_get_state (`isStopping`) and X_peek_state */
export function getState(
  k: KernelState,
  caller: Thread,
  registers: Uint32Array,
  type: TypeNumber,
  isStopping: boolean,
): number {
  const object = named(k, caller, argument(registers, 0), type);
  if (typeof object === 'number') return object;
  if (isStopping && object === caller) return faults.self;
  if (isStopping && object.type === typeNumbers.thread && object.isTask) return faults.raceCondition;
  const state = argument(registers, 1);
  const size = state === 0 ? 0 : shapeOf(type).size;
  const found = findReferences(k, caller, registers, type);
  if (found !== 0) return found;
  const opened = openWrite(k, k.window, caller, state, size);
  if (opened !== 0) return opened;
  // Whether a nested region collects depends on what changed so far: that must not depend on when it was last looked at.
  if (object.type === typeNumbers.region && object.collecting) settle(k);
  // Commit: nothing below can fail.
  if (isStopping && object.type === typeNumbers.thread) stop(k, object);
  if (size > 0) exportState(k, object, caller);
  const { linkCount } = shapeOf(type);
  if (linkCount === 0) return outcomes.success;
  const targets = operationsOf(type).links(k, object);
  for (let i = 0; i < linkCount; i += 1) {
    const reference = k.linkReferences[i];
    if (reference !== undefined) pointAt(k, reference, targets[i] ?? null);
  }
  return outcomes.success;
}

/** Puts the targets of `k.linkReferences` into `k.linkTargets`, with their types checked: 0, or a fault. */
function findTargets(k: KernelState, type: TypeNumber): number {
  const { linkCount, linkTypes } = shapeOf(type);
  for (let i = 0; i < linkCount; i += 1) {
    const reference = k.linkReferences[i];
    const target = reference === undefined ? undefined : live(reference.target);
    if (target !== undefined && target !== null) {
      const wanted = linkTypes[i] ?? null;
      if (wanted !== null && target.type !== wanted) return faults.wrongType;
      if (!shapeOf(target.type).mayBeReferenced) return faults.wrongType;
    }
    k.linkTargets[i] = target;
  }
  return 0;
}

/** X_set_state */
export function setState(k: KernelState, caller: Thread, registers: Uint32Array, type: TypeNumber): number {
  const object = named(k, caller, argument(registers, 0), type);
  if (typeof object === 'number') return object;
  if (object.type === typeNumbers.thread) {
    const allowed = maySetState(caller, object);
    if (allowed !== 0) return allowed;
  }
  const { size, serialAt } = shapeOf(type);
  const state = argument(registers, 1);
  const found = findReferences(k, caller, registers, type);
  if (found !== 0) return found;
  const fitting = findTargets(k, type);
  if (fitting !== 0) return fitting;
  const targets: NewLinks = k.linkTargets;
  const operations = operationsOf(type);
  let view: DataView | null = null;
  if (state !== 0) {
    const opened = openRead(k, k.window, caller, state, size);
    if (opened !== 0) return opened;
    readRecordThrough(k, k.window, size);
    view = k.recordView;
  }
  const checked = operations.check(k, object, view, targets);
  if (checked !== 0) return checked;
  // Commit: what is left to do, if this takes several stages, is the same call.
  if (operations.prepare?.(k, object, view, targets) === false) return results.stage;
  if (view !== null) {
    const serial = readNumber(view, serialAt);
    if (maySerialBe(k, object, serial)) setSerial(k, object, serial);
  }
  operations.load(k, object, view, targets);
  return outcomes.success;
}
