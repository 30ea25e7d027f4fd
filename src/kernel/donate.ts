/**
 * thread_schedule: CPU inheritance (Ford and Susarla, OSDI'96; fluke.md B.4), which makes schedulers of ordinary threads.
 *
 * A scheduler donates its processor to a thread, over any depth: that one may donate in its turn, and what a thread that
 * waits cannot use goes to who it waits for. What the thread at the end spends is taken from the quantum of the donor at
 * the root, and from the ticks that each donor between gave. A donation ends, with what is left of the ticks in a1:
 * `success` when they are spent, `messageWaits` when a client waits at the donor's port set, `threadBlocked` when nobody
 * can use the time. The sensitivity says what of that the scheduler wants to know:
 *   block     all of it.
 *   switch    not that its thread blocks and wakes: meanwhile the donor waits at its port set, without the processor,
 *             and when the thread asks there again, the donation goes on.
 *   conflict  nor that another of its clients wakes when nobody else can run: that one gets the time. Two that can run
 *             are a conflict. A client that got time unknown to the scheduler asks anew when the donation ends.
 * Without a port set nobody could tell the donor: then all are as `block`; and so it is while another donor waits at the
 * set, or another client that the scheduler knows of can run, since it has a choice then.
 * A donor that waits has thread_schedule in its registers and makes it again when anybody comes to the set: one form for
 * the call and its resumption. Ending is looked at when the donor at the root has its turn, before it is used: so whoever
 * has no turn costs nothing.
 * Called by the dispatcher and kernel.ts.
 */
import { faults, outcomes } from './abi/codes.ts';
import { sensitivities } from './abi/entry.ts';
import { threadFlags } from './abi/types.ts';
import {
  canUse,
  DONATIONS_MAX,
  heirOf,
  isDonating,
  leafOf,
  onlyOther,
  sensitivityOf,
  targetOf,
} from './donation.ts';
import { askAnew, endDonation, noteOther } from './donors.ts';
import { firstClient } from './ipc/busy.ts';
import { dropClient, idempotentClientOf } from './ipc/connection.ts';
import { touchThread } from './memory/changed.ts';
import { namedPortset, namedThread } from './names.ts';
import { acknowledge, isAsking, makeReady, scheduledBy, schedulerOf } from './ready.ts';
import { argument, clearReservation, registersOf, setArgument } from './registers.ts';
import { results } from './results.ts';
import { firstRunnable, removeRunnable } from './runnable.ts';
import { wait } from './schedule.ts';
import type { KernelState, Portset, Thread } from './state.ts';
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
  // Whose request it has received is known to it from now on.
  const received = idempotentClientOf(k, caller);
  if (received !== null && isAsking(received)) dropClient(k, caller, false);
  // One that is stopped or has no space asks nobody, whatever its flags say.
  if (isAsking(thread) && thread.queue !== null) acknowledge(k, thread, caller);
  if (set !== null && mustTell(k, caller, thread, set)) return outcomes.messageWaits;
  if (!canUse(thread) && onlyOther(k, caller) === null) return giveUp(k, caller, set);
  const leaf = leafOf(k, canUse(thread) ? thread : (onlyOther(k, caller) as Thread));
  if (leaf === null || leaf === caller) return outcomes.threadBlocked;
  caller.flags |= threadFlags.donating;
  clearReservation(k, caller);
  touchThread(k, caller);
  note(k, traceEvents.wait.kind, caller.serial, thread.serial, thread.type);
  return results.blocked;
}

/**
 * True when who waits at the set is to wake the donor. A single thread that asks is taken on without, when that is all the
 * scheduler could do: it is who the time is for, or, where only conflicts count, nobody else can run.
 */
function mustTell(k: KernelState, donor: Thread, target: Thread, set: Portset): boolean {
  const client = firstClient(set);
  if (client === null) return false;
  const sensitivity = sensitivityOf(k, donor);
  const isAlone = set.busy.length === 1 && client.next === null;
  if (sensitivity === sensitivities.block || !isAlone || !isAsking(client)) return true;
  if (schedulerOf(k, client) !== client.waitingFor) return true;
  const isConflict = donor.scheduled.first !== null || (client !== target && canUse(target));
  if (sensitivity === sensitivities.conflict ? isConflict : client !== target) return true;
  acknowledge(k, client, donor);
  return false;
}

/** Nobody can use the donor's time: it waits for that at its set, or is told. What the handler returns. */
function giveUp(k: KernelState, donor: Thread, set: Portset | null): number {
  const isTold = sensitivityOf(k, donor) === sensitivities.block || donor.scheduled.first !== null;
  // There is place for one.
  if (set === null || isTold || set.donors.first !== null) return outcomes.threadBlocked;
  return wait(k, donor, set.donors, set);
}

/** True when the donation had to end, or the donor makes its call again because what it names is no more. */
function mustEnd(k: KernelState, donor: Thread): boolean {
  const target = targetOf(k, donor);
  const set = setOf(k, donor);
  if (set === undefined || target === null) {
    noteOther(k, donor);
    donor.flags &= ~threadFlags.donating;
    touchThread(k, donor);
    return true;
  }
  if (set === null || !mustTell(k, donor, target, set)) return false;
  endDonation(k, donor, outcomes.messageWaits);
  return true;
}

/** The set at which a message ends the donation, null for none; undefined when what the donor names is none any more. */
function setOf(k: KernelState, donor: Thread): Portset | null | undefined {
  const address = argument(registersOf(k, donor), 2);
  const set = address === 0 ? null : namedPortset(k, donor, address);
  return typeof set === 'number' ? undefined : set;
}

/**
 * The thread that runs now, or null when none can; `k.donors` are those whose time it uses, the root first. Ends the
 * donations on the way that are over.
 */
export function currentThread(k: KernelState): Thread | null {
  for (;;) {
    if (k.toAskAnew.length > 0) askAnew(k);
    const root = firstRunnable(k);
    if (k.donors.length > 0) k.donors.length = 0;
    if (root === null) return null;
    const scheduler = scheduledBy(k, root);
    k.orphan = scheduler === 'nobody' ? root : null;
    if (scheduler !== null && k.orphan === null) {
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
    if (thread.queue?.order !== 'turn') thread = heirOf(thread) ?? onlyOther(k, donor);
    else if (!isDonating(thread)) return thread;
    else {
      if (mustEnd(k, thread)) return null;
      donor = thread;
      k.donors.push(thread);
      thread = targetOf(k, thread);
    }
  }
  // One in a circle, or too far away, can use the time as little as one that waits; but nobody will come and say so.
  const set = thread === null ? setOf(k, donor) : null;
  const given = giveUp(k, donor, set ?? null);
  if (given >= 0) endDonation(k, donor, given);
  return null;
}
