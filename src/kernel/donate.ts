/**
 * thread_schedule: CPU inheritance (Ford and Susarla, OSDI'96; fluke.md B.4), which makes schedulers of ordinary threads.
 *
 * A scheduler donates its processor to a thread, over any depth: that one may donate in its turn. What the thread at the
 * end spends is taken from the quantum of the donor at the root, and from the ticks that each donor between gave. A
 * donation ends, with what is left of the ticks in a1: `success` when they are spent, `messageWaits` when a client waits
 * at the donor's port set, `threadBlocked` when nobody can use the time. Sensitivity: 0, block: when the thread itself
 * cannot; 1, switch, and 2, conflict: not while who it waits for can (`heirOf`).
 * Ending is looked at when the donor at the root has its turn, before it is used: so whoever has no turn costs nothing.
 * Called by the dispatcher and kernel.ts.
 */
import { faults, outcomes } from './abi/codes.ts';
import { sensitivities } from './abi/entry.ts';
import { threadFlags } from './abi/types.ts';
import { DONATIONS_MAX, heirOf, isDonating, leafOf, targetOf } from './donation.ts';
import { firstClient } from './ipc/busy.ts';
import { touch } from './memory/changed.ts';
import { namedPortset, namedThread } from './names.ts';
import { acknowledge, isAsking, makeReady, schedulerOf } from './ready.ts';
import { argument, clearReservation, completeCall, registersOf, setArgument } from './registers.ts';
import { results } from './results.ts';
import { firstRunnable, removeRunnable } from './runnable.ts';
import type { KernelState, Thread } from './state.ts';
import { note, traceEvents } from './trace.ts';

/** thread_schedule */
export function schedule(k: KernelState, caller: Thread, registers: Uint32Array): number {
  if (caller.isTask) return faults.raceCondition;
  const thread = namedThread(k, caller, argument(registers, 0));
  if (typeof thread === 'number') return thread;
  if (thread === caller) return faults.self;
  if (thread.isTask) return faults.raceCondition;
  const sensitivity = argument(registers, 3);
  if (sensitivity < 0 || sensitivity > sensitivities.conflict) return faults.invalidState;
  const ticks = argument(registers, 1);
  const set = argument(registers, 2) === 0 ? null : namedPortset(k, caller, argument(registers, 2));
  if (typeof set === 'number') return set;
  // Commit: nothing below can fail.
  setArgument(registers, 1, ticks < 0 ? 0 : ticks);
  // One that is stopped or has no space asks nobody, whatever its flags say.
  if (isAsking(thread) && thread.queue !== null) acknowledge(k, thread, caller);
  if (set !== null && firstClient(set) !== null) return outcomes.messageWaits;
  if (!canUse(k, caller, thread, sensitivity)) return outcomes.threadBlocked;
  caller.flags |= threadFlags.donating;
  clearReservation(k, caller);
  touch(k, caller);
  note(k, traceEvents.wait.kind, caller.serial, thread.serial, thread.type);
  return results.blocked;
}

/** Whether time that the caller gives the thread reaches somebody, who is not the caller. */
function canUse(k: KernelState, caller: Thread, thread: Thread, sensitivity: number): boolean {
  if (sensitivity === sensitivities.block && thread.queue?.order !== 'turn') return false;
  const leaf = leafOf(k, thread);
  return leaf !== null && leaf !== caller;
}

/** The donation is over; what is left of the ticks is in a1 already. */
function end(k: KernelState, donor: Thread, outcome: number): void {
  donor.flags &= ~threadFlags.donating;
  completeCall(k, donor, outcome);
  touch(k, donor);
  note(k, traceEvents.finish.kind, donor.serial, outcome, 0);
}

/** True when the donation had to end, or the donor makes its call again because what it names is no more. */
function mustEnd(k: KernelState, donor: Thread): boolean {
  const registers = registersOf(k, donor);
  const address = argument(registers, 2);
  const set = address === 0 ? null : namedPortset(k, donor, address);
  if (typeof set === 'number' || targetOf(k, donor) === null) {
    donor.flags &= ~threadFlags.donating;
    touch(k, donor);
    return true;
  }
  if (set === null || firstClient(set) === null) return false;
  end(k, donor, outcomes.messageWaits);
  return true;
}

/**
 * The thread that runs now, or null when none can; `k.donors` are those whose time it uses, the root first. Ends the
 * donations on the way that are over.
 */
export function currentThread(k: KernelState): Thread | null {
  for (;;) {
    const root = firstRunnable(k);
    if (k.donors.length > 0) k.donors.length = 0;
    if (root === null) return null;
    if (schedulerOf(k, root) !== null) {
      // It has got a scheduler since it was made ready.
      removeRunnable(k, root);
      makeReady(k, root);
      continue;
    }
    if (!isDonating(root)) return root;
    const leaf = follow(k, root);
    if (leaf !== null) return leaf;
  }
}

function follow(k: KernelState, root: Thread): Thread | null {
  let thread: Thread | null = root;
  let donor = root;
  for (let depth = 0; thread !== null && depth < DONATIONS_MAX; depth += 1) {
    if (thread.queue?.order !== 'turn') {
      const isHeld = argument(registersOf(k, donor), 3) !== sensitivities.block;
      thread = isHeld ? heirOf(thread) : null;
    } else if (!isDonating(thread)) return thread;
    else {
      if (mustEnd(k, thread)) return null;
      donor = thread;
      k.donors.push(thread);
      thread = targetOf(k, thread);
    }
  }
  end(k, donor, outcomes.threadBlocked);
  return null;
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
    end(k, donor, outcomes.success);
    isOver = true;
  }
  if (isOver && k.loaded !== null) clearReservation(k, k.loaded);
}
