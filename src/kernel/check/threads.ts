/**
 * What holds of a thread: its words, its place in a queue, its links.
 *
 * Runnable exactly when it has a space, is not stopped and waits for nothing; what it waits for is where its queue is.
 * Called by objects.ts. Each check is O(1).
 */
import { PRIORITY_MAX, QUANTUM_TICKS } from '../../base/limits.ts';
import { pendingBits, states, threadFlags, typeNumbers } from '../abi/types.ts';
import { isDonating, leafOf } from '../donation.ts';
import { hasDeliverable } from '../interrupts.ts';
import { hasReservation } from '../registers.ts';
import { firstRunnable } from '../runnable.ts';
import { type KernelObject, type KernelState, live, type Queue, type Thread } from '../state.ts';
import { holds } from './invariants.ts';
import { checkLink, checkTarget } from './links.ts';
import { checkConversations, checkDonor, checkWait } from './peers.ts';
import { checkQueueEnds, checkQueuePlace } from './queues.ts';
import { checkPeerRings } from './rings.ts';

const at = states.thread.offset;
const ALL_FLAGS = Object.values(threadFlags).reduce((sum: number, bit) => sum | bit, 0);
const ALL_PENDING = Object.values(pendingBits).reduce((sum: number, bit) => sum | bit, 0);
/** Bits of fcsr that do not exist, of its low half. */
const NO_FCSR_BITS = ~0xff;

export function checkThread(k: KernelState, thread: Thread): void {
  holds(thread.priority >= 0 && thread.priority <= PRIORITY_MAX, 'priorityInRange', thread);
  const lent = thread.lentMask === 0 ? 0 : 31 - Math.clz32(thread.lentMask);
  holds(thread.effective === Math.max(thread.priority, lent), 'effectiveIsHighest', thread);
  holds(thread.ticket < k.nextTicket, 'ticketWasHandedOut', thread);
  holds(thread.turn < k.nextTurn, 'turnWasHandedOut', thread);
  checkLink(k, thread, live(thread.space), typeNumbers.space);
  checkLink(k, thread, live(thread.scheduler), typeNumbers.port);
  checkLink(k, thread, live(thread.client), typeNumbers.thread);
  checkLink(k, thread, live(thread.server), typeNumbers.thread);
  checkTarget(k, thread, live(thread.waitingFor));
  const space = live(thread.space);
  holds(space === null || space.threads.has(thread), 'spaceListsThread', thread);
  holds(thread.isTask || space === null || space.bottom === null, 'programLiesAbove', thread);
  checkWords(thread);
  checkPeerRings(thread);
  checkConversations(thread);
  checkQueueEnds(thread.waiters, thread);
  checkQueueEnds(thread.scheduled, thread);
  if (thread.queue !== null) checkQueuePlace(thread, thread.queue);
  checkRunState(k, thread);
}

/** Words that set_state refuses or rewrites are never there. The registers of the one that is loaded are in the hart. */
function checkWords(thread: Thread): void {
  const { view } = thread;
  const isInRange =
    (thread.flags & ~ALL_FLAGS) === 0 &&
    (thread.pending & ~ALL_PENDING) === 0 &&
    thread.faultAccess >= 0 &&
    thread.faultAccess < 8 &&
    thread.faultCode >= 0 &&
    thread.faultCode < 0x10000 &&
    thread.faultAddress >= 0 &&
    thread.quantumLeft <= QUANTUM_TICKS;
  const isPlain =
    thread.halves[0] === 0 &&
    thread.halves[1] === 0 &&
    (view.getUint32(at.fcsr, true) & NO_FCSR_BITS) === 0 &&
    view.getUint32(at.fcsr + 4, true) === 0;
  holds(isInRange && isPlain, 'wordsAreLegal', thread);
}

function checkRunState(k: KernelState, thread: Thread): void {
  const isStopped = (thread.flags & threadFlags.stopped) !== 0;
  const isFaulting = (thread.flags & threadFlags.faulting) !== 0;
  const queue = thread.queue;
  if (isStopped || live(thread.space) === null) {
    holds(queue === null, 'idleIsInNoQueue', thread);
    return;
  }
  if (thread.isTask) {
    holds(queue?.order !== 'turn', 'taskHasNoTurn', thread);
    if (queue === null) return;
  } else holds(!hasDeliverable(thread), 'pendingIsTaken', thread);
  const processorFlags = thread.flags & (threadFlags.scheduled | threadFlags.donating);
  const isAsking = (thread.flags & threadFlags.asking) !== 0;
  const isRight = isAsking ? queue?.order === 'ticket' && processorFlags === 0 : true;
  holds(isRight && (processorFlags === 0 || queue?.order === 'turn'), 'ownsProcessorOrWaits', thread);
  if (!thread.isTask) checkDonor(k, thread);
  const mayReserve = queue?.order === 'turn' && isCurrent(k, thread);
  holds(mayReserve || !k.hasRun || !hasReservation(k, thread), 'reservationIsFirst', thread);
  const waitingFor = live(thread.waitingFor);
  if (queue === null) holds(isFaulting && waitingFor === null, 'unqueuedIsAtFault', thread);
  else if (queue.order === 'turn') {
    const isScheduled = (thread.flags & threadFlags.scheduled) !== 0;
    if (isScheduled) {
      const isKnown = waitingFor?.type === typeNumbers.thread && waitingFor.scheduled === queue;
      holds(isKnown, 'schedulerKnowsScheduled', thread);
    } else holds(queue === k.runnable[thread.effective], 'runsAtPriority', thread);
    const waitsForNothing = (isScheduled || waitingFor === null) && !isFaulting && thread.deadline === 0n;
    holds(waitsForNothing, 'runnableWaitsForNothing', thread);
  } else if (queue.order === 'deadline') {
    holds(thread.deadline !== 0n && waitingFor === null, 'sleeperHasDeadline', thread);
  } else {
    const isDonor = waitingFor?.type === typeNumbers.portset && waitingFor.donors === queue;
    holds(waitingFor !== null && (isDonor || queueOf(waitingFor) === queue), 'waitsWhereLinkSays', thread);
    holds(thread.ticket > 0, 'waiterHasTicket', thread);
  }
  if (queue !== null && queue.order !== 'turn' && !thread.isTask) checkWait(k, thread);
}

/** True for the thread whose turn it is, or that runs on the time of the one whose turn it is. */
function isCurrent(k: KernelState, thread: Thread): boolean {
  const root = firstRunnable(k);
  return root !== null && (isDonating(root) ? leafOf(k, root) : root) === thread;
}

/** The queue of those that wait for this object. */
function queueOf(object: KernelObject): Queue | null {
  switch (object.type) {
    case typeNumbers.mutex:
    case typeNumbers.cond:
    case typeNumbers.thread:
      return object.waiters;
    case typeNumbers.port:
      return object.clients;
    case typeNumbers.portset:
      return object.servers;
    default:
      return null;
  }
}
