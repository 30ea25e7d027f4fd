/**
 * Where donated time goes: from a donor to the thread that it named, and from a thread that waits to whom it waits for.
 *
 * A donor stays where it is among the runnable (or the scheduled) threads, flagged `donating`, with thread_schedule in
 * its registers, which say everything: a0 to whom, a1 how many ticks are left, a2 at which port set a message ends it, a3
 * what else does. So nothing is kept besides the flag, and who runs is a function of persistent words. Looks only; never
 * changes anything. Called by runnable.ts, donate.ts and the invariant check.
 */
import { sensitivities } from './abi/entry.ts';
import { threadFlags, typeNumbers } from './abi/types.ts';
import { namedThread } from './names.ts';
import { argument, registersOf } from './registers.ts';
import type { Borrower, KernelState, Thread } from './state.ts';

/** Threads that donated time may pass through. What is deeper, or a circle, ends the last donation. */
export const DONATIONS_MAX = 64;

export function isDonating(thread: Thread): boolean {
  return (thread.flags & threadFlags.donating) !== 0;
}

/** The thread that the donor's a0 names now, or null. */
export function targetOf(k: KernelState, donor: Thread): Thread | null {
  const target = namedThread(k, donor, argument(registersOf(k, donor), 0));
  return typeof target === 'number' ? null : target;
}

/** Who can use the time of a thread that waits: the owner of the mutex that lends, the server, the inheritor. */
export function heirOf(thread: Thread): Thread | null {
  const borrower: Borrower | null = thread.lendsTo;
  if (borrower === null || borrower.type === typeNumbers.thread) return borrower;
  return borrower.type === typeNumbers.mutex ? borrower.owner : borrower.inheritor;
}

/** True when the thread, or who it waits for, over any depth, can run. */
export function canUse(start: Thread): boolean {
  let thread: Thread | null = start;
  for (let depth = 0; thread !== null && depth < DONATIONS_MAX; depth += 1) {
    if (thread.queue?.order === 'turn') return true;
    thread = heirOf(thread);
  }
  return false;
}

export function sensitivityOf(k: KernelState, donor: Thread): number {
  return argument(registersOf(k, donor), 3);
}

/** Where only a conflict wakes the donor: the only thread that it schedules and that can run. Else null. */
export function onlyOther(k: KernelState, donor: Thread): Thread | null {
  const { first, last } = donor.scheduled;
  return first === last && sensitivityOf(k, donor) === sensitivities.conflict ? first : null;
}

/** The thread that runs on the time of this one: itself, if it does not donate; null when nobody can use the time. */
export function leafOf(k: KernelState, root: Thread): Thread | null {
  let thread: Thread | null = root;
  let donor: Thread | null = null;
  for (let depth = 0; thread !== null && depth < DONATIONS_MAX; depth += 1) {
    if (thread.queue?.order !== 'turn') {
      thread = heirOf(thread) ?? (donor === null ? null : onlyOther(k, donor));
    } else if (isDonating(thread)) {
      donor = thread;
      thread = targetOf(k, thread);
    } else return thread;
  }
  return null;
}
