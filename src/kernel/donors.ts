/**
 * What becomes of donors while somebody runs on their time: what they gave is spent, and donations end (`donate.ts` says
 * when). Invariant: between two steps nobody is left in `toAskAnew`.
 * Called by donate.ts, schedule.ts and kernel.ts.
 */
import { outcomes } from './abi/codes.ts';
import { threadFlags } from './abi/types.ts';
import { canUse, isDonating, onlyOther, targetOf } from './donation.ts';
import { touch } from './memory/changed.ts';
import { makeReady } from './ready.ts';
import { argument, clearReservation, completeCall, registersOf, setArgument } from './registers.ts';
import { removeRunnable } from './runnable.ts';
import type { KernelState, Thread } from './state.ts';
import { note, traceEvents } from './trace.ts';

/** The scheduler may not know of a client that got its time instead of the one that it named: that one asks it. */
export function noteOther(k: KernelState, donor: Thread): void {
  const target = targetOf(k, donor);
  const other = target === null || !canUse(target) ? onlyOther(k, donor) : null;
  if (other !== null) k.toAskAnew.push(other);
}

/** The donation is over; what is left of the ticks is in a1 already. */
export function endDonation(k: KernelState, donor: Thread, outcome: number): void {
  noteOther(k, donor);
  donor.flags &= ~threadFlags.donating;
  completeCall(k, donor, outcome);
  touch(k, donor);
  note(k, traceEvents.finish.kind, donor.serial, outcome, 0);
}

/** Between two steps: clients that got time unknown to their scheduler ask it, if they still can run. */
export function askAnew(k: KernelState): void {
  for (let thread = k.toAskAnew.pop(); thread !== undefined; thread = k.toAskAnew.pop()) {
    if (thread.queue?.order !== 'turn' || (thread.flags & threadFlags.scheduled) === 0) continue;
    removeRunnable(k, thread);
    thread.flags &= ~threadFlags.scheduled;
    thread.waitingFor = null;
    touch(k, thread);
    makeReady(k, thread);
  }
}

/** Ticks that the thread may run before a donor's time is spent. */
export function donatedTicks(k: KernelState): number {
  let least = Infinity;
  for (const donor of k.donors) {
    const left = argument(registersOf(k, donor), 1);
    if (left > 0 && left < least) least = left;
  }
  return least;
}

/** The thread that runs on the donors' time has spent these ticks; donations that are spent end. */
export function spendDonated(k: KernelState, ticks: number): void {
  let isOver = false;
  for (const donor of k.donors) {
    if (!donor.alive || !isDonating(donor)) continue;
    const registers = registersOf(k, donor);
    const left = argument(registers, 1);
    if (left <= 0) continue;
    touch(k, donor);
    setArgument(registers, 1, Math.max(0, left - ticks));
    if (left > ticks) continue;
    endDonation(k, donor, outcomes.success);
    isOver = true;
  }
  if (isOver && k.loaded !== null) clearReservation(k, k.loaded);
}
