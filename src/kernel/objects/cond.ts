/**
 * Conds: wait, wait_again, signal, broadcast, and their state.
 *
 * cond_wait's stages: unlock the mutex and sleep, as cond_wait_again (which sleeps without unlocking, so a rebuilt
 * sleeper does not wake); when signalled, mutex_lock, done for the sleeper without it running. Called by the dispatcher.
 */
import { STAGE_WORK } from '../../base/limits.ts';
import { faults, outcomes } from '../abi/codes.ts';
import { entries } from '../abi/entries.ts';
import { states, typeNumbers } from '../abi/types.ts';
import { emptyQueue } from '../first-state.ts';
import { emptyLent, setInheritor } from '../inherit.ts';
import { becomeMutexLock } from '../interrupts.ts';
import { addLinker, removeLinker } from '../links.ts';
import { touch } from '../memory/changed.ts';
import { named } from '../names.ts';
import { argument, registersOf, setEntryNumber } from '../registers.ts';
import { results } from '../results.ts';
import { finish, wait, wake } from '../schedule.ts';
import { type Cond, type KernelState, live, type Thread } from '../state.ts';
import { firstEntitled, give, passOn, sendAway } from './mutex.ts';
import { cancelAll, type TypeOperations } from './operations.ts';

const at = states.cond.offset;

/** cond_wait */
export function condWait(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const cond = named(k, caller, argument(registers, 0), typeNumbers.cond);
  if (typeof cond === 'number') return cond;
  const mutex = named(k, caller, argument(registers, 1), typeNumbers.mutex);
  if (typeof mutex === 'number') return mutex;
  if (mutex.owner !== caller) return faults.notOwner;
  if (!sendAway(k, mutex)) return results.stage;
  // Commit: the mutex is free and what is left is to sleep.
  setEntryNumber(registers, entries.cond_wait_again.number);
  passOn(k, mutex);
  return wait(k, caller, cond.waiters, cond);
}

/** cond_wait_again */
export function condWaitAgain(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const cond = named(k, caller, argument(registers, 0), typeNumbers.cond);
  if (typeof cond === 'number') return cond;
  return wait(k, caller, cond.waiters, cond);
}

/** Ends a sleeper's wait: it owns the mutex, or waits for it, without running. */
function awaken(k: KernelState, sleeper: Thread): void {
  becomeMutexLock(k, sleeper);
  const mutex = named(k, sleeper, argument(registersOf(k, sleeper), 0), typeNumbers.mutex);
  // A mutex that is gone is the sleeper's own fault, which it gets when it makes the call.
  if (typeof mutex === 'number') {
    wake(k, sleeper);
    return;
  }
  if (live(mutex.owner) !== null) {
    wait(k, sleeper, mutex.waiters, mutex);
    return;
  }
  give(k, mutex, sleeper);
  finish(k, sleeper, outcomes.success);
}

/** cond_signal */
export function signal(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const cond = named(k, caller, argument(registers, 0), typeNumbers.cond);
  if (typeof cond === 'number') return cond;
  if (!sendAway(k, cond)) return results.stage;
  const sleeper = firstEntitled(k, cond);
  if (sleeper !== null) awaken(k, sleeper);
  return outcomes.success;
}

/** cond_broadcast: in stages, until nobody sleeps; who lies down meanwhile is awake too, as conds allow. */
export function broadcast(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const cond = named(k, caller, argument(registers, 0), typeNumbers.cond);
  if (typeof cond === 'number') return cond;
  for (let first = cond.waiters.first; first !== null; first = cond.waiters.first) {
    if (k.work >= STAGE_WORK) return results.stage;
    k.work += 1;
    awaken(k, first);
  }
  return outcomes.success;
}

export const condOperations: TypeOperations<Cond> = {
  make: (fields) => ({
    ...fields,
    type: typeNumbers.cond,
    flags: 0n,
    ...emptyLent(),
    inheritor: null,
    waiters: emptyQueue('ticket'),
  }),
  write(_k, cond, view) {
    view.setBigUint64(at.flags, cond.flags, true);
  },
  links: (_k, cond) => [live(cond.inheritor)],
  check: () => 0,
  load(k, cond, view, [inheritor]) {
    if (view !== null) cond.flags = view.getBigUint64(at.flags, true);
    if (inheritor !== undefined) {
      removeLinker(cond.inheritor, cond);
      setInheritor(k, cond, inheritor as Thread | null);
      addLinker(cond.inheritor, cond);
    }
    touch(k, cond);
  },
  release(k, cond) {
    if (!cancelAll(k, cond.waiters)) return false;
    removeLinker(cond.inheritor, cond);
    return true;
  },
};
