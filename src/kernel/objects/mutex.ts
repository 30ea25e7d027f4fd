/**
 * Mutexes: lock, trylock, unlock, and their state.
 *
 * Invariant: a mutex is locked exactly when its owner is alive; `owner.owned` holds it; threads wait only for a locked
 * one. Unlock hands over to the waiter with the lowest ticket, whose call is then complete. Called by the dispatcher;
 * `passOn` and `give` also by cond.ts and when an owner is destroyed.
 */
import { STAGE_WORK } from '../../base/limits.ts';
import { faults, outcomes } from '../abi/codes.ts';
import { states, typeNumbers } from '../abi/types.ts';
import { emptyQueue } from '../first-state.ts';
import { emptyLent, setMutexFlags, setOwner } from '../inherit.ts';
import { touch } from '../memory/changed.ts';
import { named, objectAt } from '../names.ts';
import { argument, registersOf } from '../registers.ts';
import { results } from '../results.ts';
import { finish, wait, wake } from '../schedule.ts';
import { type Cond, type KernelState, live, type Mutex, type Thread } from '../state.ts';
import { cancelAll, readNumber, shown, type TypeOperations, writeNumber } from './operations.ts';

const at = states.mutex.offset;

/** The thread owns the mutex from now on; null frees it. */
export function give(k: KernelState, mutex: Mutex, owner: Thread | null): void {
  mutex.owner?.owned.delete(mutex);
  setOwner(k, mutex, owner);
  owner?.owned.add(mutex);
  touch(k, mutex);
}

/**
 * The first waiter whose own address still names what it waits for (law 11), or null. Those before it, for whom memory
 * has changed its shape or whose state was made up, make their calls again.
 */
export function firstEntitled(k: KernelState, object: Mutex | Cond): Thread | null {
  for (let first = object.waiters.first; first !== null; first = object.waiters.first) {
    if (objectAt(k, first, argument(registersOf(k, first), 0)) === object) return first;
    wake(k, first);
  }
  return null;
}

/**
 * Sends away those before the first who is entitled, as many as fit into a stage: true when that were all. Whoever asks
 * for the first one in an entry does this before.
 */
export function sendAway(k: KernelState, object: Mutex | Cond): boolean {
  for (let first = object.waiters.first; first !== null; first = object.waiters.first) {
    if (objectAt(k, first, argument(registersOf(k, first), 0)) === object) return true;
    if (k.work >= STAGE_WORK) return false;
    k.work += 1;
    wake(k, first);
  }
  return true;
}

/** The owner lets go: the first waiter owns the mutex and its call is complete, or the mutex is free. */
export function passOn(k: KernelState, mutex: Mutex): void {
  const next = firstEntitled(k, mutex);
  give(k, mutex, next);
  if (next !== null) finish(k, next, outcomes.success);
}

/** mutex_lock */
export function lock(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const mutex = named(k, caller, argument(registers, 0), typeNumbers.mutex);
  if (typeof mutex === 'number') return mutex;
  if (live(mutex.owner) !== null) {
    return wait(k, caller, mutex.waiters, mutex);
  }
  give(k, mutex, caller);
  return outcomes.success;
}

/** mutex_trylock */
export function trylock(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const mutex = named(k, caller, argument(registers, 0), typeNumbers.mutex);
  if (typeof mutex === 'number') return mutex;
  if (live(mutex.owner) !== null) return outcomes.busy;
  give(k, mutex, caller);
  return outcomes.success;
}

/** mutex_unlock */
export function unlock(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const mutex = named(k, caller, argument(registers, 0), typeNumbers.mutex);
  if (typeof mutex === 'number') return mutex;
  if (mutex.owner !== caller) return faults.notOwner;
  if (!sendAway(k, mutex)) return results.stage;
  passOn(k, mutex);
  return outcomes.success;
}

export const mutexOperations: TypeOperations<Mutex> = {
  make: (fields) => ({
    ...fields,
    type: typeNumbers.mutex,
    flags: 0n,
    ...emptyLent(),
    inherits: false,
    ceiling: -1,
    owner: null,
    heapIndex: -1,
    waiters: emptyQueue('ticket'),
  }),
  write(_k, mutex, view) {
    view.setBigUint64(at.flags, mutex.flags, true);
    writeNumber(view, at.locked, shown(mutex.owner) === null ? 0 : 1);
  },
  links: (_k, mutex) => [shown(mutex.owner)],
  check(_k, mutex, view, [owner]) {
    const next = (owner === undefined ? live(mutex.owner) : owner) as Thread | null;
    const locked = view === null ? Number(next !== null) : readNumber(view, at.locked);
    if (locked !== 0 && (locked !== 1 || next === null)) return faults.invalidState;
    return next?.isTask ? faults.invalidState : 0;
  },
  prepare: (k, mutex) => sendAway(k, mutex),
  load(k, mutex, view, [owner]) {
    let next = (owner === undefined ? live(mutex.owner) : owner) as Thread | null;
    if (view !== null) {
      setMutexFlags(k, mutex, view.getBigUint64(at.flags, true));
      if (readNumber(view, at.locked) === 0) next = null;
    }
    touch(k, mutex);
    if (next === null) passOn(k, mutex);
    else if (next !== mutex.owner) give(k, mutex, next);
  },
  release(k, mutex) {
    if (!cancelAll(k, mutex.waiters)) return false;
    give(k, mutex, null);
    return true;
  },
};
