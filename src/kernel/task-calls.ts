/**
 * The calls of user tasks: what a processor that is host code does in place of the hart.
 *
 * A task's thread has registers, links and queues like any other; it waits where a guest would wait, with its ticket,
 * and whoever wakes it cannot tell. Only its pc means nothing: it is 0 while a call is under way, and what completes the
 * call moves it on (`completeCall`). Woken, a task does not run: the host is told (`KernelState.tasksToTell`) once the
 * entry that woke it is over, and makes the rest of the call, whose stages lie in the registers. A call of a task costs
 * no guest time. Invariant: it takes nobody's turn. Called by task.ts.
 */
import { faults } from './abi/codes.ts';
import { threadFlags } from './abi/types.ts';
import { handlerOf } from './dispatch.ts';
import type { Served } from './fault.ts';
import { countCancel, leaveCond } from './interrupts.ts';
import { entryNumber } from './registers.ts';
import { results } from './results.ts';
import { leaveQueue } from './schedule.ts';
import type { KernelState, Thread } from './state.ts';

/** What a call gives that waits: the host is told when to ask again. No outcome and no fault has this number. */
export const TASK_WAITING = -1;
/** Pages of others that a call may need before it is put off to the next run. */
const ABSENT_MAX = 1024;

/** True when what the task waited in has completed its call. */
function isCompleted(task: Thread): boolean {
  return task.pcHalves[0] !== 0 || task.pcHalves[1] !== 0;
}

/** Serves the fault in `state.fault`, of a peer of the task: its pager may be the task itself. */
export type ServePeer = () => Served;

/** Begins the call that the task's registers describe. */
export function beginTaskCall(k: KernelState, task: Thread, servePeer: ServePeer): number {
  task.pcHalves[0] = 0;
  task.pcHalves[1] = 0;
  return goOn(k, task, servePeer);
}

/** Goes on with a call that waits: its outcome, or that it still waits. */
export function finishTaskCall(k: KernelState, task: Thread, servePeer: ServePeer): number {
  if (task.queue !== null) return TASK_WAITING;
  return goOn(k, task, servePeer);
}

/** Breaks off a call that waits. False when it is complete: then `finishTaskCall` gives its outcome. */
export function cancelTaskCall(k: KernelState, task: Thread): boolean {
  if (isCompleted(task)) return false;
  if (task.queue !== null) countCancel(task);
  leaveCond(k, task);
  leaveQueue(k, task);
  task.waitingFor = null;
  task.flags &= ~threadFlags.serverIdempotent;
  task.ticket = 0;
  task.deadline = 0n;
  forget(k, task);
  return true;
}

/** The host knows of this task; only an alert that it has not asked for is still news. */
function forget(k: KernelState, task: Thread): void {
  if (task.pending === 0) k.tasksToTell.delete(task);
}

/** All stages of the call, until it is complete or waits. */
function goOn(k: KernelState, task: Thread, servePeer: ServePeer): number {
  const result = makeStages(k, task, servePeer);
  if (task.queue === null && result !== TASK_WAITING) forget(k, task);
  return result;
}

function makeStages(k: KernelState, task: Thread, servePeer: ServePeer): number {
  const registers = task.halves;
  for (let absent = 0; absent < ABSENT_MAX; ) {
    if (isCompleted(task)) return registers[20] as number;
    const handler = handlerOf(entryNumber(registers));
    if (handler === undefined) return faults.invalidEntry;
    // What a task's call copies and does is charged to nobody.
    const { copied, work } = k;
    k.work = 0;
    const result = handler(k, task, registers);
    k.copied = copied;
    k.work = work;
    if (result >= 0) return result;
    if (result === results.blocked && task.queue !== null) return TASK_WAITING;
    // A server that never answers: the call waits until it is broken off.
    if (result === results.blocked && (task.flags & threadFlags.stopped) !== 0) {
      task.flags &= ~threadFlags.stopped;
      return TASK_WAITING;
    }
    if (result === results.service) break;
    if (result !== results.absent) continue;
    absent += 1;
    if (k.fault.thread === task) return faults.invalidAddress;
    // A page of its peer's: the peer's pager brings it, or the peer leaves its wait for its own fault.
    const served = servePeer();
    k.copied = copied;
    k.work = work;
    if (served === 'service') break;
  }
  // Somebody outside wants control first: this call goes on at the next run.
  k.tasksToTell.add(task);
  k.slicesGivenUp = true;
  return TASK_WAITING;
}
