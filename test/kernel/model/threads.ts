/**
 * What happens to threads in the reference model, besides their own calls: faults and keepers, handlers, being stopped,
 * started, destroyed and made anew from exported state (fluke.md A.4, A.7, B.4).
 */
import { outcomes } from '../../../src/kernel/abi/codes.ts';
import { flavours } from '../../../src/kernel/abi/entry.ts';
import { addressOf, follow } from './memory.ts';
import { awaitsAnswer, deliver, drop, firstClient, isPhaseOf, partnerOf } from './messages.ts';
import type { Model } from './model.ts';
import { passOn } from './objects.ts';
import { type Fault, faultOf, live, outcome, type Side, type Thing } from './things.ts';

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

/** The call, or access, cannot be: its handler, its keeper, or nobody is told. */
export function takeFault(m: Model, thread: Thing, code: number): void {
  const { verb, a } = thread.call?.command ?? { verb: 'self', a: 0 };
  const right = verb === 'load' ? 1 : verb === 'store' ? 2 : 0;
  const fault: Fault = { code, page: a % 8, access: right };
  const { port, isRegions } = keeperOf(m, thread, fault);
  if (!isRegions && thread.isEnabled && thread.handlers.trap) {
    thread.isEnabled = false;
    m.finish(thread, { kind: 'trap', code });
    return;
  }
  if (port === null) {
    stick(thread, fault);
    return;
  }
  const server = live(port.set) === null ? undefined : m.waitersOf(port.set as Thing)[0];
  if (server === undefined) m.wait(thread, port);
  else {
    deliver(m, thread, server, port, faultWords(m, thread, fault), flavours.idempotent);
    m.wait(thread, server);
  }
  thread.fault = fault;
}

function stick(thread: Thing, fault: Fault): void {
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
function leaveCond(thread: Thing): void {
  if (thread.waitsAt?.type === 'cond' && thread.fault === null && thread.call !== null) {
    thread.call.isLock = true;
    thread.waitsAt = null;
    thread.ticket = 0;
  }
}

// Stopping, starting, destroying.

export function stop(thread: Thing): void {
  thread.isStopped = true;
  leaveCond(thread);
}

/** The state as it is, for one that is made from it later. */
export function takeOut(thread: Thing): Thing {
  const { call } = thread;
  return {
    ...thread,
    client: { ...thread.client },
    server: { ...thread.server },
    handlers: { ...thread.handlers },
    pending: { ...thread.pending },
    call: call === null ? null : { ...call, rest: [...call.rest], send: [...call.send] },
  };
}

/** Loads a state that was taken out, with another priority, and lets the thread go on. */
export function putIn(m: Model, thread: Thing, taken: Thing, priority: number): void {
  const { place, hash, isAlive } = thread;
  for (const side of ['client', 'server'] as const) {
    if (live(taken[side].peer) !== thread[side].peer) drop(m, thread, side, false);
  }
  dropUnserved(m, thread, live(taken.server.peer));
  Object.assign(thread, takeOut(taken), { place, hash, isAlive, priority, isStopped: false });
  thread.space = live(thread.space);
  thread.waitsAt = live(thread.waitsAt);
  for (const side of ['client', 'server'] as const) {
    const end = thread[side];
    end.peer = live(end.peer);
    const partner = partnerOf(thread, side);
    if (partner === null) continue;
    end.isParked = false;
    end.isSender = !partner[otherSide(side)].isSender;
  }
  if (thread.slot >= 0) m.threads[thread.slot] = thread;
  resume(m, thread);
  takePending(m, thread);
}

/** Whoever waits for an answer of the server that is none of its business any more asks again. */
export function dropUnserved(m: Model, server: Thing, client: Thing | null): void {
  for (const other of m.waitersOf(server)) {
    if (other !== client && !other.isPutOff && awaitsAnswer(other, server)) m.wake(other);
  }
}

export function otherSide(side: Side): Side {
  return side === 'client' ? 'server' : 'client';
}

/** A thread that was stopped waits on where it waited, with its old ticket, if it would wait there now; else it goes on. */
function resume(m: Model, thread: Thing): void {
  if (live(thread.space) === null) return;
  if (thread.fault !== null && thread.waitsAt === null) {
    thread.status = 'stuck';
    return;
  }
  if (thread.step === 'sleep') {
    thread.status = 'waits';
    return;
  }
  // It is nowhere while this is asked.
  thread.status = 'stuck';
  if (thread.waitsAt !== null && staysAt(m, thread, thread.waitsAt)) {
    thread.status = 'waits';
    return;
  }
  m.wake(thread);
}

function staysAt(m: Model, thread: Thing, at: Thing): boolean {
  const { call, fault } = thread;
  if (at.type === 'mutex') return at.owner !== null;
  if (at.type === 'port') return live(at.set) === null || m.waitersOf(at.set as Thing).length === 0;
  if (at.type === 'portset') return firstClient(m, at) === null;
  if (at.type !== 'thread' || call === null) return false;
  if (fault !== null || call.command.verb === 'call') {
    const isServed = at.server.isRequest && at.server.peer === thread;
    return isServed || thread.isPutOff || at.isStopped;
  }
  const { side } = call;
  if (thread[side].peer !== at) return false;
  return !isPhaseOf(at, otherSide(side), thread, null);
}

/** The thread goes away: peers are told, those that wait for it ask again, its mutexes are passed on. */
export function release(m: Model, thread: Thing): void {
  thread.isStopped = true;
  for (const side of ['server', 'client'] as const) drop(m, thread, side, true);
  for (const other of m.waitersOf(thread)) {
    const side = (['client', 'server'] as const).find((one) => isPhaseOf(other, one, thread, null));
    if (side === undefined) m.wake(other);
    else {
      Object.assign(other[side], { peer: null, isSender: false, isParked: false });
      m.finish(other, outcome(outcomes.sendDisconnected));
    }
  }
  for (const mutex of m.places) if (mutex?.type === 'mutex' && mutex.owner === thread) passOn(m, mutex);
}
