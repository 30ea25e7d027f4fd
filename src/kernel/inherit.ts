/**
 * Priorities that are lent: whoever waits lends its effective priority to who keeps it waiting.
 *
 * A thread waits for at most one thing, so lending is a graph in which each node has at most one way out:
 *   a waiter -> a mutex with `inheritPriority` -> its owner
 *   a waiter -> a cond with an inheritor -> the inheritor
 *   a client, in a call or at a fault -> the server that it waits for (a server lends nothing to its client: who is
 *     served could otherwise keep the server's priority by being slow)
 * and a mutex with `priorityCeiling` lends its ceiling to whoever owns it. A thread's effective priority is the highest
 * of its own and what is lent to it, over any depth. All of it is derived (law 6): each node counts what is lent to it by
 * priority, so a change costs O(1) a node of the chain behind it, charged to who begins to wait.
 * A cycle (deadlock) has no way out, so what its members lend each other never reaches a thread that runs.
 * Called by schedule.ts, resume.ts, mutex.ts, cond.ts and the thread's set_state.
 */
import { MUTEX_CEILING_SHIFT, mutexFlags, threadFlags, typeNumbers } from './abi/types.ts';
import { isVerbOf, serverSide } from './ipc/side.ts';
import { entryNumber, registersOf } from './registers.ts';
import { setEffective } from './runnable.ts';
import { type Borrower, type Cond, type KernelState, live, type Mutex, type Thread } from './state.ts';

/** Fields of a mutex or cond to which nobody lends yet. */
export function emptyLent(): { lentMask: number; lentCounts: null; lends: number } {
  return { lentMask: 0, lentCounts: null, lends: -1 };
}

/** The highest priority that is lent to it, -1 for none. */
function topOf(borrower: Borrower): number {
  return borrower.lentMask === 0 ? -1 : 31 - Math.clz32(borrower.lentMask);
}

function add(borrower: Borrower, priority: number): void {
  borrower.lentCounts ??= new Uint32Array(32);
  borrower.lentCounts[priority] = (borrower.lentCounts[priority] as number) + 1;
  borrower.lentMask = (borrower.lentMask | (1 << priority)) >>> 0;
}

function remove(borrower: Borrower, priority: number): void {
  const counts = borrower.lentCounts as Uint32Array;
  const left = (counts[priority] as number) - 1;
  counts[priority] = left;
  if (left === 0) borrower.lentMask = (borrower.lentMask & ~(1 << priority)) >>> 0;
}

/** What the mutex or cond lends on: -1 for nothing. */
export function passedOn(node: Mutex | Cond): number {
  if (node.type === typeNumbers.cond) return node.inheritor === null ? -1 : topOf(node);
  return node.owner === null ? -1 : Math.max(topOf(node), node.ceiling);
}

/** Whom the node lends to. */
function behind(node: Borrower): Borrower | null {
  if (node.type === typeNumbers.thread) return node.lendsTo;
  return node.type === typeNumbers.mutex ? node.owner : node.inheritor;
}

/** What is lent to `start` has changed: carries it on for as long as it changes anything. */
function settle(k: KernelState, start: Borrower | null): void {
  for (let node = start; node !== null; node = behind(node)) {
    const target = behind(node);
    if (node.type === typeNumbers.thread) {
      const effective = Math.max(node.priority, topOf(node));
      const before = node.effective;
      if (effective === before) return;
      setEffective(k, node, effective);
      if (target === null) return;
      remove(target, before);
      add(target, effective);
    } else {
      const lends = passedOn(node);
      const before = node.lends;
      if (lends === before) return;
      node.lends = lends;
      if (target === null) return;
      if (before >= 0) remove(target, before);
      if (lends >= 0) add(target, lends);
    }
  }
}

/** Nodes behind this one, each counted once, be there a cycle or not (Brent's algorithm). */
function chainLength(start: Borrower): number {
  let mark: Borrower = start;
  let length = 0;
  let stride = 1;
  let steps = 0;
  for (let node = behind(start); node !== null && node !== mark; node = behind(node)) {
    length += 1;
    steps += 1;
    if (steps === stride) {
      mark = node;
      stride *= 2;
      steps = 0;
    }
  }
  return length;
}

/** Whom a thread that waits in a queue lends to. */
export function borrowerOf(k: KernelState, thread: Thread): Borrower | null {
  // What a task waits for is in no image, and takes nobody's turn.
  if (thread.isTask) return null;
  // One that asks for the processor lends no priority: its scheduler has its own reasons.
  if ((thread.flags & threadFlags.asking) !== 0) return null;
  const object = thread.waitingFor;
  switch (object?.type) {
    case typeNumbers.mutex:
      return object.inherits ? object : null;
    case typeNumbers.cond:
      return live(object.inheritor) === null ? null : object;
    case typeNumbers.thread: {
      if ((thread.flags & threadFlags.faulting) !== 0) return object;
      return isVerbOf(serverSide, entryNumber(registersOf(k, thread))) ? null : object;
    }
    default:
      return null;
  }
}

/** The thread has begun to wait: it is in the queue of what its link names. Charged by the length of the chain. */
export function beginLending(k: KernelState, thread: Thread): void {
  const borrower = borrowerOf(k, thread);
  if (borrower === null) return;
  k.work += chainLength(borrower);
  lendTo(k, thread, borrower);
}

function lendTo(k: KernelState, thread: Thread, borrower: Borrower): void {
  thread.lendsTo = borrower;
  add(borrower, thread.effective);
  settle(k, borrower);
}

/** The thread waits no longer. */
export function endLending(k: KernelState, thread: Thread): void {
  const borrower = thread.lendsTo;
  if (borrower === null) return;
  thread.lendsTo = null;
  remove(borrower, thread.effective);
  settle(k, borrower);
}

/** The thread's own priority is another one. */
export function priorityChanged(k: KernelState, thread: Thread): void {
  settle(k, thread);
}

/**
 * The mutex or cond lends to nobody any more, and has no way out: before whom, or what, it lends to is changed. `settle`
 * lends anew. With the way out left, a circle would lead back here and lend to who is about to be left.
 */
function withdraw(k: KernelState, node: Mutex | Cond): void {
  const target = behind(node);
  const before = node.lends;
  node.lends = -1;
  if (node.type === typeNumbers.mutex) node.owner = null;
  else node.inheritor = null;
  if (target === null || before < 0) return;
  remove(target, before);
  settle(k, target);
}

/** Makes `owner` the owner as far as lending goes. */
export function setOwner(k: KernelState, mutex: Mutex, owner: Thread | null): void {
  if (mutex.lentMask === 0 && mutex.ceiling < 0) {
    mutex.owner = owner;
    return;
  }
  withdraw(k, mutex);
  mutex.owner = owner;
  settle(k, mutex);
}

/** A mutex gets new flags. Costs O(waiters) when they begin or cease to lend, charged. */
export function setMutexFlags(k: KernelState, mutex: Mutex, flags: bigint): void {
  const inherits = (flags & BigInt(mutexFlags.inheritPriority)) !== 0n;
  const isCeiled = (flags & BigInt(mutexFlags.priorityCeiling)) !== 0n;
  const ceiling = isCeiled ? Number((flags >> BigInt(MUTEX_CEILING_SHIFT)) & 31n) : -1;
  mutex.flags = flags;
  if (inherits === mutex.inherits && ceiling === mutex.ceiling) return;
  const isSwitched = inherits !== mutex.inherits;
  const { owner } = mutex;
  withdraw(k, mutex);
  mutex.owner = owner;
  mutex.inherits = inherits;
  mutex.ceiling = ceiling;
  if (isSwitched) switchWaiters(k, mutex, inherits);
  settle(k, mutex);
}

/** Another thread inherits what the cond's sleepers lend, or none. Costs O(waiters), charged, when there was none. */
export function setInheritor(k: KernelState, cond: Cond, inheritor: Thread | null): void {
  const hadOne = live(cond.inheritor) !== null;
  const hasOne = inheritor !== null;
  withdraw(k, cond);
  cond.inheritor = inheritor;
  if (hadOne !== hasOne) switchWaiters(k, cond, hasOne);
  settle(k, cond);
}

/** All waiters begin, or cease, to lend. Some may have lent to one that is gone. */
function switchWaiters(k: KernelState, node: Mutex | Cond, isLending: boolean): void {
  for (let thread = node.waiters.first; thread !== null; thread = thread.next) {
    k.work += 1;
    if (!isLending) endLending(k, thread);
    else if (thread.lendsTo === null && !thread.isTask) lendTo(k, thread, node);
  }
}
