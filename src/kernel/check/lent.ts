/**
 * What holds of lent priorities: each count is what counting gives. Part of the full check, since what is lent to one is
 * held by those that wait.
 *
 * Called by check.ts.
 */
import { typeNumbers } from '../abi/types.ts';
import type { Borrower, KernelState } from '../state.ts';
import { holds } from './invariants.ts';

export function checkLent(k: KernelState): void {
  const counted = new Map<Borrower, Uint32Array>();
  const note = (borrower: Borrower | null, priority: number): void => {
    if (borrower === null || priority < 0) return;
    const counts = counted.get(borrower) ?? new Uint32Array(32);
    counts[priority] = (counts[priority] as number) + 1;
    counted.set(borrower, counts);
  };
  for (const object of k.bySerial.values()) {
    if (object.type === typeNumbers.thread) {
      const isQueued = object.queue !== null && object.queue.order === 'ticket';
      holds(object.lendsTo === null || isQueued, 'lentIsCounted', object);
      note(object.lendsTo, object.effective);
    } else if (object.type === typeNumbers.mutex) note(object.owner, object.lends);
    else if (object.type === typeNumbers.cond) note(object.inheritor, object.lends);
  }
  for (const object of k.bySerial.values()) {
    if (
      object.type !== typeNumbers.thread &&
      object.type !== typeNumbers.mutex &&
      object.type !== typeNumbers.cond
    ) {
      continue;
    }
    const counts = counted.get(object);
    for (let priority = 0; priority < 32; priority += 1) {
      const count = object.lentCounts?.[priority] ?? 0;
      holds(count === (counts?.[priority] ?? 0), 'lentIsCounted', object);
      holds((object.lentMask >>> priority) % 2 === (count > 0 ? 1 : 0), 'lentIsCounted', object);
    }
  }
}
