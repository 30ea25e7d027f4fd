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
import { findPlace, maySerialBe, named, namedReference, setSerial, type TypeNumber } from './names.ts';
import { type NewLinks, readNumber, writeNumber } from './objects/operations.ts';
import { pointAt } from './objects/reference.ts';
import { operationsOf, typeNameOf } from './objects/table.ts';
import { maySetState } from './objects/thread.ts';
import { argument, argumentWord } from './registers.ts';
import { results } from './results.ts';
import { stop } from './resume.ts';
import { type KernelObject, type KernelState, live, type Reference, type Thread } from './state.ts';

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

/** Links of a type, by its number. */
const linkCounts: readonly number[] = [0, ...typeNames.map((name) => links[name].length)];

/** The references that the caller gave for the links, undefined where it gave none; or a fault. */
function linkReferences(
  k: KernelState,
  caller: Thread,
  registers: Uint32Array,
  type: TypeNumber,
): (Reference | undefined)[] | number {
  const found: (Reference | undefined)[] = [];
  const count = linkCounts[type] as number;
  for (let i = 0; i < count; i += 1) {
    const address = argument(registers, 2 + i);
    if (address === 0) found.push(undefined);
    else {
      const reference = namedReference(k, caller, address);
      if (typeof reference === 'number') return reference;
      found.push(reference);
    }
  }
  return found;
}

/** Where hash (-1: it has none) and serial lie in the state of a type, and its size: by type number. */
const shapes = [null, ...typeNames].map((name) => {
  const { size, offset } = states[name ?? 'reference'];
  return { size, hashAt: 'hash' in offset ? offset.hash : -1, serialAt: offset.serial };
});

function shapeOf(type: TypeNumber): (typeof shapes)[number] {
  return shapes[type] as (typeof shapes)[number];
}

/** Writes the simple state of the object into `k.record`. */
function exportState(k: KernelState, object: KernelObject): void {
  const { size, hashAt, serialAt } = shapeOf(object.type);
  const { recordWords } = k;
  // A thread writes all of its record.
  if (object.type !== typeNumbers.thread) for (let i = 0; 4 * i < size; i += 1) recordWords[i] = 0;
  operationsOf(object.type).write(k, object, k.recordView);
  if (hashAt >= 0) k.recordView.setBigUint64(hashAt, object.hash, true);
  writeNumber(k.recordView, serialAt, object.serial);
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
  const references = linkReferences(k, caller, registers, type);
  if (typeof references === 'number') return references;
  const opened = openWrite(k, k.window, caller, state, size);
  if (opened !== 0) return opened;
  // Whether a nested region collects depends on what changed so far: that must not depend on when it was last looked at.
  if (object.type === typeNumbers.region && object.collecting) settle(k);
  // Commit: nothing below can fail.
  if (isStopping && object.type === typeNumbers.thread) stop(k, object);
  if (size > 0) {
    exportState(k, object);
    writeRecordThrough(k, k.window, caller, size);
  }
  const targets = operationsOf(type).links(k, object);
  for (let i = 0; i < references.length; i += 1) {
    const target = references[i];
    if (target !== undefined) pointAt(k, target, targets[i] ?? null);
  }
  return outcomes.success;
}

/** The targets of the references, with their types checked; or a fault. */
function linkTargets(type: TypeNumber, references: readonly (Reference | undefined)[]): NewLinks | number {
  const wanted = linkTypes[typeNameOf(type)];
  const targets: (KernelObject | null | undefined)[] = [];
  for (let i = 0; i < references.length; i += 1) {
    const reference = references[i];
    const target = reference === undefined ? undefined : live(reference.target);
    if (target !== undefined && target !== null) {
      const type = wanted[i] ?? null;
      if (type !== null && target.type !== type) return faults.wrongType;
      if (notReferencable.includes(typeNameOf(target.type))) return faults.wrongType;
    }
    targets.push(target);
  }
  return targets;
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
  const references = linkReferences(k, caller, registers, type);
  if (typeof references === 'number') return references;
  const targets = linkTargets(type, references);
  if (typeof targets === 'number') return targets;
  let view: DataView | null = null;
  if (state !== 0) {
    const opened = openRead(k, k.window, caller, state, size);
    if (opened !== 0) return opened;
    readRecordThrough(k, k.window, size);
    view = k.recordView;
  }
  const checked = operationsOf(type).check(k, object, view, targets);
  if (checked !== 0) return checked;
  // Commit: what is left to do, if this takes several stages, is the same call.
  if (operationsOf(type).prepare?.(k, object, view, targets) === false) return results.stage;
  if (view !== null) {
    const serial = readNumber(view, serialAt);
    if (maySerialBe(k, object, serial)) setSerial(k, object, serial);
  }
  operationsOf(type).load(k, object, view, targets);
  return outcomes.success;
}
