/**
 * What happens to threads in the reference model, besides their own calls: faults, being stopped,
 * started, destroyed and made anew from exported state (fluke.md A.4, A.7, B.4).
 */
import { outcomes } from '../../../src/kernel/abi/codes.ts';
import { flavours } from '../../../src/kernel/abi/entry.ts';
import { passOn } from './locks.ts';
import { awaitsAnswer, deliver, drop, firstClient, isPhaseOf, partnerOf } from './messages.ts';
import type { Model } from './model.ts';
import { faultWords, keeperOf, leaveCond, stick, takePending } from './notices.ts';
import { type Fault, live, otherSide, outcome, type Thing } from './things.ts';

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
