/**
 * Objects in the reference model: making, destroying, moving, references, state in and out, mutexes and conds
 * (fluke.md A.2, A.3, C.3).
 */
import { faults, outcomes } from '../../../src/kernel/abi/codes.ts';
import { type TypeName, typeNumbers } from '../../../src/kernel/abi/types.ts';
import { firstEntitled, passOn, wantedMutex } from './locks.ts';
import { protect, setMapping, setRegion } from './memory.ts';
import { setPort } from './messages.ts';
import type { Came, Model } from './model.ts';
import { done } from './model.ts';
import {
  type Call,
  faultOf,
  live,
  newThing,
  OBJECTS_MAX,
  outcome,
  type Result,
  THREADS_MAX,
  type Thing,
} from './things.ts';
import { release } from './threads.ts';

/** What lies at the place, if it is of this type; or the fault. */
export function named(m: Model, place: number, type: TypeName): Thing | Result {
  const thing = m.places[place] ?? null;
  if (thing === null) return faultOf(faults.noObject);
  return thing.type === type ? thing : faultOf(faults.wrongType);
}

function referenceAt(m: Model, place: number): Thing | Result {
  const thing = m.places[place] ?? null;
  if (thing === null) return faultOf(faults.noObject);
  return thing.type === 'reference' ? thing : faultOf(faults.notReference);
}

export function withNamed(m: Model, place: number, type: TypeName, then: (thing: Thing) => Came): Came {
  const found = named(m, place, type);
  return 'kind' in found ? found : then(found);
}

export function withReference(m: Model, place: number, then: (thing: Thing) => Came): Came {
  const found = referenceAt(m, place);
  return 'kind' in found ? found : then(found);
}

/** Numbers that are odd are hashes. */
export function hashOf(value: number): number | null {
  return value % 2 === 1 ? value : null;
}

export function create(m: Model, place: number, type: TypeName, hash: number | null): Came {
  if ((m.places[place] ?? null) !== null) return faultOf(faults.objectExists);
  const things = m.places.filter((thing) => thing !== null);
  if (things.length >= OBJECTS_MAX) return outcome(outcomes.noMemory);
  if (type === 'thread' && m.allThreads().length >= THREADS_MAX) return outcome(outcomes.noMemory);
  m.places[place] = newThing(type, place, type === 'reference' ? null : hash);
  return done;
}

export function destroy(m: Model, caller: Thing, thing: Thing): Came {
  if (thing === caller) return faultOf(faults.self);
  if (thing.type === 'thread') {
    // Who destroys its own peer is alerted behind the call.
    const { isEnabled } = caller;
    caller.isEnabled = false;
    release(m, thing);
    caller.isEnabled = isEnabled;
  } else {
    // Calls end, accesses are made again.
    for (const waiter of m.waitersOf(thing)) {
      if (waiter.fault !== null) m.wake(waiter);
      else m.finish(waiter, outcome(outcomes.canceled));
    }
  }
  m.places[thing.place] = null;
  thing.isAlive = false;
  thing.place = -1;
  return done;
}

export function move(m: Model, caller: Thing, thing: Thing, place: number): Came {
  if (thing === caller) return faultOf(faults.self);
  if (thing.type === 'thread' && !thing.isStopped) return faultOf(faults.raceCondition);
  if ((m.places[place] ?? null) !== null) return faultOf(faults.objectExists);
  m.places[thing.place] = null;
  m.places[place] = thing;
  thing.place = place;
  return done;
}

/** reference_check, reference_type, reference_hash, reference_copy, reference_compare */
export function ofReference(m: Model, call: Call): Came {
  const { verb, a, b } = call.command;
  return withReference(m, a, (reference) => {
    const target = live(reference.target);
    if (verb === 'check') return outcome(0, { a1: target === null ? 1 : 0 });
    if (verb === 'copy' || verb === 'compare')
      return withReference(m, b, (other) => {
        if (verb === 'compare') return outcome(0, { a1: live(other.target) === target ? 1 : 0 });
        other.target = target;
        return done;
      });
    if (target === null) return outcome(outcomes.notFound);
    if (verb === 'type') return outcome(0, { a1: typeNumbers[target.type] });
    return target.hash === null ? done : outcome(0, { a1: target.hash });
  });
}

/** What lies at the place, for a link: null if nothing does, or what cannot be referenced. */
function linked(m: Model, place: number): Thing | null {
  const thing = m.places[place] ?? null;
  return thing?.type === 'mapping' || thing?.type === 'reference' ? null : thing;
}

/** The two links that a set_state is given, if their types fit. */
function withLinks(
  m: Model,
  call: Call,
  types: readonly TypeName[],
  then: (one: Thing | null, other: Thing | null) => Came,
): Came {
  const { b, c } = call.command;
  const targets = [b, c].map((place) => linked(m, place));
  const isWrong = types.some((type, i) => (targets[i] ?? null) !== null && targets[i]?.type !== type);
  return isWrong ? faultOf(faults.wrongType) : then(targets[0] ?? null, targets[1] ?? null);
}

/** Mutex flags: plain, inheriting, with a ceiling. */
export function mutexFlagsOf(value: number): number {
  return [0, 1, 1, 2 | (18 << 8)][Math.floor(value / 2) % 4] as number;
}

/** X_set_state of everything but threads. */
export function setState(m: Model, thing: Thing, call: Call): Came {
  const { value } = call.command;
  switch (thing.type) {
    case 'mutex':
      return withLinks(m, call, ['thread'], (owner) => setMutex(m, thing, owner, value));
    case 'cond':
      return withLinks(m, call, ['thread'], (inheritor) => {
        thing.inheritor = inheritor;
        return done;
      });
    case 'mapping':
      return withLinks(m, call, ['region', 'space'], (region, space) =>
        setMapping(m, thing, region, space, value),
      );
    case 'region':
      return withLinks(m, call, ['space', 'port'], (space, keeper) => setRegion(thing, space, keeper, value));
    case 'port':
      return withLinks(m, call, ['portset'], (set) => setPort(m, thing, set, value));
    case 'space':
      return withLinks(m, call, ['port'], (keeper) => {
        thing.keeper = keeper;
        return done;
      });
    case 'reference':
      thing.target = linked(m, call.command.b);
      return done;
    default:
      return done;
  }
}

/** mapping_protect, region_protect */
export function protectAt(m: Model, call: Call): Came {
  return withNamed(m, call.command.a, call.type, (window) => protect(window, call.command.value));
}

// Mutexes and conds.

function setMutex(m: Model, mutex: Thing, owner: Thing | null, value: number): Came {
  if (value % 2 === 1 && owner === null) return faultOf(faults.invalidState);
  mutex.flags = mutexFlagsOf(value);
  firstEntitled(m, mutex, wantedMutex);
  if (value % 2 === 1) mutex.owner = owner;
  else passOn(m, mutex);
  return done;
}

export function lock(m: Model, thread: Thing, mutex: Thing): Came {
  if (mutex.owner !== null) return m.wait(thread, mutex);
  mutex.owner = thread;
  return done;
}

export function trylock(thread: Thing, mutex: Thing): Came {
  if (mutex.owner !== null) return outcome(outcomes.busy);
  mutex.owner = thread;
  return done;
}

export function unlock(m: Model, thread: Thing, mutex: Thing): Came {
  if (mutex.owner !== thread) return faultOf(faults.notOwner);
  passOn(m, mutex);
  return done;
}

export function condWait(m: Model, thread: Thing, call: Call): Came {
  const { a, b } = call.command;
  return withNamed(m, a, 'cond', (cond) =>
    withNamed(m, b, 'mutex', (mutex) => {
      if (mutex.owner !== thread) return faultOf(faults.notOwner);
      passOn(m, mutex);
      return m.wait(thread, cond);
    }),
  );
}

/** The sleeper is awake: it has the mutex, or waits for it, without running; or it finds out what is wrong itself. */
function awaken(m: Model, sleeper: Thing): void {
  const call = sleeper.call as Call;
  call.isLock = true;
  const mutex = named(m, call.command.b, 'mutex');
  if ('kind' in mutex) m.wake(sleeper);
  else if (mutex.owner !== null) m.wait(sleeper, mutex);
  else {
    mutex.owner = sleeper;
    m.finish(sleeper, done);
  }
}

export function signal(m: Model, cond: Thing): Came {
  const sleeper = firstEntitled(m, cond, (thread) => (thread.call as Call).command.a);
  if (sleeper !== null) awaken(m, sleeper);
  return done;
}

export function broadcast(m: Model, cond: Thing): Came {
  for (const sleeper of m.waitersOf(cond)) awaken(m, sleeper);
  return done;
}
