/**
 * What reaches a thread from outside its calls in the reference model: who is told of its faults and what the answer
 * does, and its handlers (fluke.md A.7, B.4).
 */
import { addressOf, follow } from './memory.ts';
import type { Model } from './model.ts';
import { type Fault, faultOf, live, type Thing } from './things.ts';

export type Notice = 'interrupt' | 'clientAlert' | 'serverAlert';
export const notices = ['interrupt', 'clientAlert', 'serverAlert'] as const satisfies readonly Notice[];

// Faults.

/** Who is told of the fault now. */
export function keeperOf(
  m: Model,
  thread: Thing,
  fault: Fault,
): { port: Thing | null; isRegions: boolean; address: number } {
  const space = thread.space as Thing;
  if (fault.access > 0) {
    const { content, region, offset } = follow(m, space, addressOf(fault), fault.access);
    // It can be made by now: nobody need be told.
    if (content !== null) return { port: null, isRegions: true, address: -1 };
    const keeper = live(region?.keeper ?? null);
    if (keeper !== null) return { port: keeper, isRegions: true, address: offset };
  }
  return { port: live(space.keeper), isRegions: false, address: fault.access > 0 ? addressOf(fault) : -1 };
}

/** Nobody answers: it stays where it is. */
export function stick(thread: Thing, fault: Fault): void {
  thread.status = 'stuck';
  thread.waitsAt = null;
  thread.fault = fault;
  thread.result = faultOf(fault.code);
}

/** What a keeper receives: code, address, access. Of a call that cannot be, only the code is said here. */
export function faultWords(m: Model, thread: Thing, fault: Fault): (number | null)[] {
  if (fault.access === 0) return [fault.code, null, null];
  return [fault.code, keeperOf(m, thread, fault).address, fault.access];
}

/** The keeper has answered: the access is made again, unless a space's keeper says no. */
export function answerFault(m: Model, thread: Thing, words: readonly number[]): void {
  const fault = thread.fault as Fault;
  const isMended =
    fault.access > 0 && follow(m, thread.space as Thing, addressOf(fault), fault.access).content !== null;
  const isRegions = keeperOf(m, thread, fault).isRegions;
  if (isMended || isRegions || (words[0] ?? 0) !== 0) m.wake(thread);
  else stick(thread, fault);
}

// Handlers.

/** Tells the thread: at once, out of any wait, if it may take it. */
export function post(m: Model, thread: Thing, notice: Notice): void {
  thread.pending[notice] = true;
  takePending(m, thread);
}

export function takePending(m: Model, thread: Thing): void {
  if (!thread.isEnabled || thread.isStopped || live(thread.space) === null) return;
  const notice = notices.find((name) => thread.pending[name] && thread.handlers[name]);
  if (notice === undefined) return;
  if (thread.status !== 'runs') {
    leaveCond(thread);
    m.wake(thread);
  }
  thread.pending[notice] = false;
  thread.isEnabled = false;
  thread.savedStep = thread.step;
  thread.step = 'handler';
  thread.handler = 1 + notices.indexOf(notice);
}

/** The handler returns. */
export function returnFromHandler(m: Model, thread: Thing): void {
  thread.isEnabled = true;
  thread.step = thread.savedStep;
  takePending(m, thread);
}

/** A sleeper on a cond that is disturbed is awake, as conds allow: what is left is to lock the mutex. */
export function leaveCond(thread: Thing): void {
  if (thread.waitsAt?.type === 'cond' && thread.fault === null && thread.call !== null) {
    thread.call.isLock = true;
    thread.waitsAt = null;
    thread.ticket = 0;
  }
}
