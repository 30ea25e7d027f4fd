/**
 * Who gets a mutex next in the reference model (fluke.md C.3).
 */
import { done, type Model } from './model.ts';
import type { Call, Thing } from './things.ts';

/** Where the mutex lies that the thread wants, in lock or after a cond. */
export function wantedMutex(thread: Thing): number {
  const { command, isLock } = thread.call as Call;
  return isLock ? command.b : command.a;
}

/** The owner lets go: the first whose own address names the mutex has it. Who comes before that makes its call again. */
export function passOn(m: Model, mutex: Thing): void {
  mutex.owner = null;
  const next = firstEntitled(m, mutex, wantedMutex);
  if (next === null) return;
  mutex.owner = next;
  m.finish(next, done);
}

export function firstEntitled(m: Model, thing: Thing, placeOf: (thread: Thing) => number): Thing | null {
  for (const waiter of m.waitersOf(thing)) {
    if (m.places[placeOf(waiter)] === thing) return waiter;
    m.wake(waiter);
  }
  return null;
}
