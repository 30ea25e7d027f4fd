/**
 * Where a thread goes whose state was set: back into the queue that its registers, `waitingFor` and ticket say, without
 * running (law 8); otherwise it is runnable and makes its call again.
 *
 * Import never amplifies (law 11): a thread waits only for what the call in its registers would have it wait for. For
 * ports and sets a reference is right enough, so the type must fit. Mutexes and conds must be what the thread's own
 * address names, but memory may change its shape while it waits, so that is asked when its turn comes
 * (`firstEntitled`), or a restart would send away who was waiting. A peer must be the one it is linked to. The order in which threads are set does not matter: a peer
 * whose own state comes later is simply waited for.
 * Called by set_state of a thread.
 */
import { entries } from './abi/entries.ts';
import { sensitivities } from './abi/entry.ts';
import { threadFlags, typeNumbers } from './abi/types.ts';
import { sensitivityOf } from './donation.ts';
import { beginLending } from './inherit.ts';
import { countCancel, leaveCond } from './interrupts.ts';
import { firstClient, firstWaiting } from './ipc/busy.ts';
import { isFaulting } from './ipc/handover.ts';
import { isConnect } from './ipc/reliable.ts';
import { clientSide, isVerbOf, serverSide, servesIdempotent } from './ipc/side.ts';
import { noteStray } from './links.ts';
import { touchThread } from './memory/changed.ts';
import { enqueue } from './queue.ts';
import { isAsking, makeReady } from './ready.ts';
import { deadlineOf, entryNumber, registersOf } from './registers.ts';
import { forgetTurn, insertRunnable, takeNewTurn } from './runnable.ts';
import { leaveQueue } from './schedule.ts';
import {
  type KernelObject,
  type KernelState,
  live,
  type Port,
  type Portset,
  type Queue,
  type Thread,
} from './state.ts';

/** Puts a thread that is in no queue where its state says. */
export function resume(k: KernelState, thread: Thread): void {
  if ((thread.flags & threadFlags.stopped) !== 0 || thread.isTask || live(thread.space) === null) return;
  const object = live(thread.waitingFor);
  settleFlags(k, thread);
  if (isFaulting(thread) && object === null) return;
  const queue = queueToWaitIn(k, thread, object);
  if (queue !== null) {
    if (thread.ticket <= 0 || thread.ticket >= k.nextTicket) {
      thread.ticket = k.nextTicket;
      k.nextTicket += 1;
    }
    thread.flags &= ~(threadFlags.scheduled | threadFlags.donating);
    // A sleeper waits for its deadline and nothing else, and nobody else has one.
    if (queue === k.sleepers) thread.waitingFor = null;
    else thread.deadline = 0n;
    forgetTurn(thread);
    enqueue(queue, thread);
    beginLending(k, thread);
    const service = queue.port === null ? null : live(queue.port.portset);
    if (service !== null && service.service !== null) k.toServe.add(service);
    return;
  }
  thread.flags &= ~(threadFlags.faulting | threadFlags.asking | threadFlags.serverIdempotent);
  thread.waitingFor = null;
  thread.ticket = 0;
  thread.deadline = 0n;
  const hasTurn = thread.turn > 0 && thread.turn < k.nextTurn;
  if ((thread.flags & threadFlags.scheduled) !== 0) {
    const scheduler =
      object?.type === typeNumbers.thread && object !== thread && !object.isTask ? object : null;
    if (scheduler !== null) {
      thread.waitingFor = scheduler;
      if (!hasTurn) takeNewTurn(k, thread);
      enqueue(scheduler.scheduled, thread);
      return;
    }
    thread.flags &= ~threadFlags.scheduled;
  }
  // One that has a turn and a scheduler asks when its turn comes (`currentThread`).
  if (hasTurn) insertRunnable(k, thread);
  else makeReady(k, thread);
}

/** Flags of the processor that do not go together, or not with the call in the registers, are forgotten. */
function settleFlags(k: KernelState, thread: Thread): void {
  if (entryNumber(registersOf(k, thread)) !== entries.thread_schedule.number) {
    thread.flags &= ~threadFlags.donating;
  }
  if (isFaulting(thread)) {
    thread.flags &= ~(threadFlags.asking | threadFlags.scheduled | threadFlags.donating);
  }
  if (isAsking(thread)) thread.flags &= ~(threadFlags.scheduled | threadFlags.donating);
}

/** The queue of one that asks for the processor, or null when it must ask again. */
function askingQueue(thread: Thread, object: KernelObject | null): Queue | null {
  if (object?.type === typeNumbers.port) return hasServer(object) ? null : object.clients;
  return object?.type === typeNumbers.thread ? answerQueue(thread, object) : null;
}

/**
 * The queue of a server that owes the thread an answer: it has its request, or has parked it, or its own state comes
 * later. Null when it let go of it while the thread was stopped: then the request is made again, or nobody would answer.
 */
function answerQueue(thread: Thread, server: Thread): Queue | null {
  return owesAnswer(server, thread) ? server.waiters : null;
}

/** Whether the server owes the thread, which waits for it, an answer. */
export function owesAnswer(server: Thread, thread: Thread): boolean {
  if (server === thread) return false;
  const isTaken = servesIdempotent(server) && server.client === thread;
  const isParked = (thread.flags & threadFlags.serverIdempotent) !== 0;
  return isTaken || isParked || (server.flags & threadFlags.stopped) !== 0;
}

/** The queue that the thread belongs into by its words, or null when it should run. */
export function queueToWaitIn(k: KernelState, thread: Thread, object: KernelObject | null): Queue | null {
  const registers = registersOf(k, thread);
  const verb = entryNumber(registers);
  if (isFaulting(thread)) return object === null ? null : faultQueue(thread, object);
  if (isAsking(thread)) return askingQueue(thread, object);
  // It links to its scheduler, whatever its registers say: it waits in no call.
  if ((thread.flags & threadFlags.scheduled) !== 0) return null;
  if (thread.deadline !== 0n) {
    const isSame = deadlineOf(registers) === thread.deadline;
    return verb === entries.clock_sleep.number && isSame ? k.sleepers : null;
  }
  switch (object?.type) {
    case typeNumbers.mutex: {
      return verb === entries.mutex_lock.number && live(object.owner) !== null ? object.waiters : null;
    }
    case typeNumbers.cond: {
      return verb === entries.cond_wait_again.number ? object.waiters : null;
    }
    case typeNumbers.port: {
      const isCall = verb === entries.ipc_call.number;
      return (isCall || isConnect(verb)) && !hasServer(object) ? object.clients : null;
    }
    case typeNumbers.portset:
      return firstClient(object) === null ? waitingQueue(k, thread, object, verb) : null;
    case typeNumbers.thread:
      return peerQueue(k, thread, object, verb);
    default:
      return null;
  }
}

/** The queue of one that waits at a set where nobody is, as a server or as a donor, or null. */
function waitingQueue(k: KernelState, thread: Thread, set: Portset, verb: number): Queue | null {
  if (verb === entries.ipc_wait_receive.number) return set.servers;
  const isDonor = verb === entries.thread_schedule.number && sensitivityOf(k, thread) > sensitivities.block;
  const { first } = set.donors;
  return isDonor && (first === null || first === thread) ? set.donors : null;
}

/** True when a thread of the machine waits for clients of this port: then a client does not wait. */
function hasServer(port: Port): boolean {
  const set = live(port.portset);
  return set !== null && set.service === null && firstWaiting(set) !== null;
}

/** Whether the port is still the keeper is asked when somebody receives the fault. */
function faultQueue(thread: Thread, object: KernelObject): Queue | null {
  if (object.type === typeNumbers.thread) return answerQueue(thread, object);
  return object.type === typeNumbers.port && !hasServer(object) ? object.clients : null;
}

/** The queue of a peer that the thread waits for; not when the peer waits for the other side of the conversation. */
function peerQueue(k: KernelState, thread: Thread, peer: Thread, verb: number): Queue | null {
  // An idempotent call waits for its answer, whatever the server waits for: for its client too, in another conversation.
  // Nobody calls itself; but links that make a thread its own peer, which only set_state makes, it waits with for ever.
  if (verb === entries.ipc_call.number) return answerQueue(thread, peer);
  const isWaiting = peer.queue === thread.waiters && !isFaulting(peer);
  const peerVerb = isWaiting ? entryNumber(registersOf(k, peer)) : 0;
  if (isVerbOf(clientSide, verb) && thread.server === peer) {
    if (!isVerbOf(serverSide, peerVerb) || peer.client !== thread) return peer.waiters;
  }
  if (isVerbOf(serverSide, verb) && thread.client === peer) {
    if (!isVerbOf(clientSide, peerVerb) || peer.server !== thread) return peer.waiters;
  }
  return null;
}

/**
 * Stops the thread: it leaves its queue, keeping what says which. A sleeper on a cond would miss its signal, so it is
 * awake now, as conds allow (fluke.md C.3): what is left is to lock the mutex.
 */
export function stop(k: KernelState, thread: Thread): void {
  thread.flags |= threadFlags.stopped;
  if (leaveCond(k, thread)) {
    countCancel(thread);
    thread.waitingFor = null;
    thread.ticket = 0;
  }
  leaveQueue(k, thread);
  noteStray(thread);
  touchThread(k, thread);
}
