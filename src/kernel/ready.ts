/**
 * What becomes of a thread that could run: it is runnable, or it asks its scheduler for the processor.
 *
 * A thread's scheduler is the port of its own link, else of its space's, else of the space that this one's memory (its
 * lowest mapping) comes from, and so on down; none means the kernel's round robin. A thread that has one does not run by
 * itself. It *asks*: an idempotent request in its name (`schedulerMessage`) waits at the port, flagged `asking`, like a
 * fault does. Once a scheduler has received it, and goes on, it is *scheduled*: it lies in that scheduler's own queue,
 * and runs while somebody donates time to it (`donate.ts`). All of it is persistent: flags, link, ticket, turn.
 * A port that a user task serves schedules nobody: a task has no time to give.
 * A thread whose lowest mapping leads nowhere (in a circle, to a region without a space) has no ancestor: nobody schedules
 * it, so it does not run (an orphan), or whoever has a scheduler could leave it by such a mapping below its real ones.
 * Called by schedule.ts, resume.ts, donate.ts and IPC.
 */
import { CHAIN_MAX } from '../base/limits.ts';
import { threadFlags, typeNumbers } from './abi/types.ts';
import { firstWaiting } from './ipc/busy.ts';
import { removeLinker } from './links.ts';
import { touch, touchThread } from './memory/changed.ts';
import { firstSpan } from './memory/spans.ts';
import { dequeue, enqueue } from './queue.ts';
import { forgetTurn, insertRunnable, takeNewTurn } from './runnable.ts';
import {
  type KernelState,
  live,
  livePortset,
  liveRegion,
  liveSpace,
  type Port,
  type Space,
  type Thread,
} from './state.ts';
import { note, traceEvents } from './trace.ts';

function usable(k: KernelState, link: Port | null): Port | null {
  const port = live(link);
  if (port === null || port === k.closing) return null;
  // Whether the task serves it just now is no part of any state.
  return livePortset(port.portset)?.isBorder ? null : port;
}

/** The port at which threads of the space ask; null: the kernel schedules them; `nobody`: the way down ends nowhere. */
function schedulerBelow(k: KernelState, start: Space | null): Port | 'nobody' | null {
  let space = start;
  for (let depth = 0; space !== null && depth < CHAIN_MAX; depth += 1) {
    if (space.bottom !== null) return null;
    const port = usable(k, space.scheduler);
    if (port !== null) return port;
    const region = liveRegion(firstSpan(space.mappings)?.region ?? null);
    space = region === null ? null : liveSpace(region.space);
  }
  return 'nobody';
}

/**
 * The port at which the thread asks for the processor; null when the kernel schedules it; `nobody` when neither does: the
 * thread is an orphan. Only where there are schedulers.
 */
export function scheduledBy(k: KernelState, thread: Thread): Port | 'nobody' | null {
  if (k.schedulerLinks === 0) return null;
  return usable(k, thread.scheduler) ?? schedulerBelow(k, liveSpace(thread.space));
}

/** The port at which the thread asks for the processor, or null when it does not ask. */
export function schedulerOf(k: KernelState, thread: Thread): Port | null {
  const port = scheduledBy(k, thread);
  return port === 'nobody' ? null : port;
}

/** Whose link leads the thread to this port as its scheduler: its own, or a space's on the way down; or null. */
function holderOf(thread: Thread, port: Port): Thread | Space | null {
  if (thread.scheduler === port) return thread;
  let space: Space | null = liveSpace(thread.space);
  for (let depth = 0; space !== null && space.bottom === null && depth < CHAIN_MAX; depth += 1) {
    if (space.scheduler === port) return space;
    const region = liveRegion(firstSpan(space.mappings)?.region ?? null);
    space = region === null ? null : liveSpace(region.space);
  }
  return null;
}

/**
 * The port is being destroyed, perhaps in stages: the links that led this thread to it are null from now on, as all will
 * be. Otherwise it would ask there again before the next stage, and many that do so would keep the port alive for ever.
 */
export function forgetScheduler(k: KernelState, thread: Thread, port: Port): void {
  for (let holder = holderOf(thread, port); holder !== null; holder = holderOf(thread, port)) {
    holder.scheduler = null;
    k.schedulerLinks -= 1;
    removeLinker(port, holder, holder.type === typeNumbers.thread ? holder.strayFrom : holder.keeper);
    touch(k, holder);
  }
}

function letRun(k: KernelState, thread: Thread): void {
  takeNewTurn(k, thread);
  insertRunnable(k, thread);
}

/**
 * The thread, which is in no queue, could run. Schedulers that wait for messages have one now: they make their calls
 * again, and may have to ask their own schedulers first.
 */
export function makeReady(k: KernelState, thread: Thread): void {
  if (schedulerOf(k, thread) === null) {
    letRun(k, thread);
    return;
  }
  const ready = [thread];
  for (let i = 0; i < ready.length; i += 1) {
    const next = ready[i] as Thread;
    const port = schedulerOf(k, next);
    if (port === null) letRun(k, next);
    else ask(k, next, port, ready);
  }
}

/** The thread asks at the port. The servers that wait no longer are added to `ready`. */
function ask(k: KernelState, thread: Thread, port: Port, ready: Thread[]): void {
  thread.flags = (thread.flags & ~(threadFlags.scheduled | threadFlags.donating)) | threadFlags.asking;
  thread.waitingFor = port;
  thread.ticket = k.nextTicket;
  k.nextTicket += 1;
  forgetTurn(thread);
  enqueue(port.clients, thread);
  touchThread(k, thread);
  note(k, traceEvents.wait.kind, thread.serial, port.serial, typeNumbers.port);
  k.work += 1;
  const set = live(port.portset);
  if (set === null) return;
  for (let server = firstWaiting(set); server !== null; server = firstWaiting(set)) {
    dequeue(server);
    server.waitingFor = null;
    server.ticket = 0;
    touchThread(k, server);
    note(k, traceEvents.wake.kind, server.serial, 0, 0);
    k.work += 1;
    if (server.isTask) k.tasksToTell.add(server);
    else ready.push(server);
  }
}

export function isAsking(thread: Thread): boolean {
  return (thread.flags & threadFlags.asking) !== 0;
}

/** The scheduler knows that the thread, which asks, could run. */
export function acknowledge(k: KernelState, thread: Thread, scheduler: Thread): void {
  dequeue(thread);
  thread.flags &= ~(threadFlags.asking | threadFlags.serverIdempotent);
  thread.flags |= threadFlags.scheduled;
  thread.waitingFor = scheduler;
  thread.ticket = 0;
  takeNewTurn(k, thread);
  enqueue(scheduler.scheduled, thread);
  touchThread(k, thread);
}

/** The scheduler is gone: those whom it knew ask again. As many as fit into a stage: true when nobody is left. */
export function dropScheduled(k: KernelState, scheduler: Thread, workMax: number): boolean {
  for (let first = scheduler.scheduled.first; first !== null; first = scheduler.scheduled.first) {
    if (k.work >= workMax) return false;
    k.work += 1;
    dequeue(first);
    first.flags &= ~threadFlags.scheduled;
    first.waitingFor = null;
    touchThread(k, first);
    makeReady(k, first);
  }
  return true;
}
