/**
 * Messages in the reference model: one-way, idempotent, and conversations of any number of turns (fluke.md B.3). A call
 * is a list of phases; each phase waits, ends the call, or is over and the next begins. Who has the line sends.
 */
import { faults, outcomes } from '../../../src/kernel/abi/codes.ts';
import { flavours } from '../../../src/kernel/abi/entry.ts';
import type { Came, Model } from './model.ts';
import { done } from './model.ts';
import { answerFault, faultWords, keeperOf, post } from './notices.ts';
import {
  type Call,
  emptyEnd,
  faultOf,
  live,
  otherSide,
  outcome,
  type Phase,
  type Registers,
  type Result,
  type Side,
  type Thing,
} from './things.ts';

/** The thread at the other end: each side says so, and it is a conversation. */
export function partnerOf(thread: Thing, side: Side): Thing | null {
  const peer = live(thread[side].peer);
  if (peer === null || peer[otherSide(side)].peer !== thread) return null;
  return (side === 'server' ? thread : peer).server.isRequest ? null : peer;
}

/** The partner, or who has taken the conversation out and may put it back. */
function peerOf(thread: Thing, side: Side): Thing | null {
  return partnerOf(thread, side) ?? (thread[side].isParked ? live(thread[side].peer) : null);
}

/** True when `other` waits for `thread` in a verb of this side of a conversation, in one of these phases. */
export function isPhaseOf(other: Thing, side: Side, thread: Thing, phases: readonly Phase[] | null): boolean {
  const { call } = other;
  const isWaiting =
    other.status === 'waits' && !other.isStopped && other.waitsAt === thread && other.fault === null;
  if (!isWaiting || call === null || call.side !== side || other[side].peer !== thread) return false;
  const phase = call.rest[0];
  return phase !== undefined && (phases ?? ['send', 'receive']).includes(phase);
}

/** True when `client` waits for the server's answer to a request, its own or one that the kernel makes for it. */
export function awaitsAnswer(client: Thing, server: Thing): boolean {
  if (client.status !== 'waits' || client.isStopped || client.waitsAt !== server) return false;
  return client.fault !== null || client.call?.command.verb === 'call';
}

function requesterOf(server: Thing): Thing | null {
  const client = server.server.isRequest ? live(server.server.peer) : null;
  return client !== null && awaitsAnswer(client, server) ? client : null;
}

function clear(thread: Thing, side: Side): void {
  Object.assign(thread[side], { peer: null, isSender: false, isParked: false, isRequest: false });
}

/** The thread lets go of its peer: who waits for an answer asks again, a partner is told how it ended. */
export function drop(m: Model, thread: Thing, side: Side, isDestroyed: boolean): void {
  const end = thread[side];
  if (end.peer === null) {
    // Of a peer that is gone nothing stays.
    clear(thread, side);
    return;
  }
  if (side === 'server' && end.isRequest) {
    const client = requesterOf(thread);
    clear(thread, side);
    if (client !== null) m.wake(client);
    return;
  }
  const partner = partnerOf(thread, side);
  if (partner === null) {
    clear(thread, side);
    return;
  }
  const other = otherSide(side);
  const over = end.isSender && !isDestroyed ? 'ended' : 'broken';
  const isWaiting = isPhaseOf(partner, other, thread, null);
  clear(thread, side);
  clear(partner, other);
  if (isWaiting) m.finish(partner, told(partner, toldOf(over)));
  else partner[other].over = over;
  if (isDestroyed) post(m, partner, side === 'client' ? 'serverAlert' : 'clientAlert');
}

function toldOf(over: 'ended' | 'broken'): number {
  return over === 'ended' ? outcomes.receiveDisconnected : outcomes.sendDisconnected;
}

/** What a verb of this side comes to when there is nobody: how it ended is told once. */
function tellGone(thread: Thing, side: Side): number {
  const { over, isParked } = thread[side];
  thread[side].over = null;
  thread[side].isParked = false;
  if (over === 'broken' || isParked) return outcomes.sendDisconnected;
  return over === 'ended' ? outcomes.receiveDisconnected : outcomes.notConnected;
}

/** The end of a call, with what is left of it. */
function told(thread: Thing, code: number): Result {
  const call = thread.call as Call;
  const left: Record<string, number> = {
    a4: 8 * call.room,
    t0: call.sendsReference < 0 ? 0 : 1,
    t1: call.takesReference < 0 ? 0 : 1,
  };
  if (call.flavour === 0) left.a2 = 8 * call.send.length;
  else Object.assign(left, { a1: call.flavour, a2: call.alias });
  return outcome(code, left);
}

// Ports and sets.

/** A port or set by its own address or by that of a reference to it. */
export function portAt(m: Model, place: number, type: 'port' | 'portset'): Thing | Result {
  const thing = m.places[place] ?? null;
  if (thing === null) return faultOf(faults.noObject);
  if (thing.type === type) return thing;
  if (thing.type !== 'reference') return faultOf(faults.wrongType);
  const target = live(thing.target);
  if (target === null) return outcome(outcomes.invalidDestination);
  return target.type === type ? target : faultOf(faults.wrongType);
}

/** Who has waited longest at any port of the set. */
export function firstClient(m: Model, set: Thing): Thing | null {
  const ports = m.places.filter((thing): thing is Thing => thing?.type === 'port' && thing.set === set);
  const clients = ports.flatMap((port) => m.waitersOf(port));
  return clients.sort((one, other) => one.ticket - other.ticket)[0] ?? null;
}

/** The port's alias and set are others. Clients that waited meet who waits there: those make their calls again. */
export function setPort(m: Model, port: Thing, set: Thing | null, alias: number): Came {
  port.alias = alias;
  const isNew = set !== null && port.set !== set;
  port.set = set;
  if (isNew && m.waitersOf(port).length > 0) for (const server of m.waitersOf(set)) m.wake(server);
  return done;
}

/** The server, which waits, or is about to, takes a short message. Whom it served until now is let go. */
export function deliver(
  m: Model,
  client: Thing,
  server: Thing,
  port: Thing,
  words: readonly (number | null)[],
  flavour: number,
): void {
  drop(m, server, 'server', false);
  const call = server.call as Call;
  for (const word of words.slice(0, call.room)) receive(m, server, word);
  if (flavour === flavours.idempotent) {
    Object.assign(server.server, { ...emptyEnd(), peer: client, isRequest: true });
  }
  const left: Registers = { a1: flavour, a2: port.alias, a4: 8 * call.room };
  m.finish(server, outcome(0, left));
}

function receive(m: Model, thread: Thing, word: number | null): void {
  const call = thread.call as Call;
  const received = m.received[thread.slot] as (number | null)[];
  received[call.got] = word;
  call.got += 1;
  call.room -= 1;
}

/** send, call */
export function shortMessage(m: Model, client: Thing, call: Call): Came {
  const port = portAt(m, call.command.a, 'port');
  if ('kind' in port) return port;
  const isOneway = call.command.verb === 'send';
  const server = live(port.set) === null ? undefined : m.waitersOf(port.set as Thing)[0];
  if (server !== undefined) {
    deliver(m, client, server, port, call.send, isOneway ? flavours.oneway : flavours.idempotent);
  }
  if (isOneway) return outcome(0, { a2: 0 });
  return m.wait(client, server ?? port);
}

// Conversations.

function connect(m: Model, client: Thing, server: Thing, port: Thing): void {
  drop(m, server, 'server', false);
  client.client = { ...emptyEnd(), peer: server, isSender: true };
  server.server = { ...emptyEnd(), peer: client };
  client.call?.rest.shift();
  const call = server.call as Call;
  Object.assign(call, { side: 'server', rest: ['receive'], flavour: flavours.reliable, alias: port.alias });
}

/** Moves what fits from one to the other; both are in their phases. The receiver is told what it should know. */
function exchange(m: Model, sender: Thing, receiver: Thing, side: Side): void {
  const from = sender.call as Call;
  const to = receiver.call as Call;
  const hadSome = from.send.length > 0 || from.sendsReference >= 0;
  while (from.send.length > 0 && to.room > 0) receive(m, receiver, from.send.shift() as number);
  if (from.sendsReference >= 0 && to.takesReference >= 0) {
    const source = m.places[from.sendsReference] ?? null;
    const target = m.places[to.takesReference] ?? null;
    if (target?.type === 'reference')
      target.target = source?.type === 'reference' ? live(source.target) : null;
    from.sendsReference = -1;
    to.takesReference = -1;
  }
  const tell = (code: number): void => m.finish(receiver, told(receiver, code));
  if (from.send.length > 0) {
    if (to.room === 0) tell(outcomes.receiveMoreData);
    return;
  }
  if (from.sendsReference >= 0) {
    if (to.takesReference < 0) tell(outcomes.receiveMoreReferences);
    return;
  }
  from.rest.shift();
  if (from.rest[0] === 'over') {
    from.rest.shift();
    turn(sender, side);
    tell(outcomes.success);
  } else if (from.rest[0] === 'wait') {
    clear(sender, side);
    clear(receiver, otherSide(side));
    tell(outcomes.receiveDisconnected);
  } else if (hadSome && to.room === 0) tell(outcomes.receiveMoreData);
}

/** The line goes to the peer, or comes to the thread. */
function turn(thread: Thing, side: Side, isTaken = false): void {
  thread[side].isSender = isTaken;
  const partner = partnerOf(thread, side);
  if (partner !== null) partner[otherSide(side)].isSender = !isTaken;
}

/** What a sender had left, as the line was taken from it. */
function discard(call: Call): void {
  call.send = [];
  call.sendsReference = -1;
}

/** One phase of the call: it waits, the call ends, or the next phase begins, at once (undefined) or later. */
function phase(m: Model, thread: Thing, call: Call): Came | undefined | 'later' {
  const { side, rest } = call;
  const other = otherSide(side);
  const now = rest[0];
  if (now === 'connect') return connectPhase(m, thread, call);
  if (now === 'wait') return waitPhase(m, thread, call);
  if (now === 'reply') return replyPhase(m, thread, call);
  const peer = peerOf(thread, side);
  const partner = partnerOf(thread, side);
  if (peer === null) {
    const code = tellGone(thread, side);
    // Without a client there is nothing to answer.
    if (now !== 'ack' || rest[2] !== 'wait') return told(thread, code);
    rest.splice(0, 2);
    return undefined;
  }
  const isIn = (phases: readonly Phase[]): boolean =>
    partner !== null && isPhaseOf(partner, other, thread, phases);
  if (now === 'ack') {
    rest.shift();
    if (thread[side].isSender) return undefined;
    const isSending = isIn(['send']);
    turn(thread, side, true);
    if (isSending && partner !== null) discarded(m, partner);
    return undefined;
  }
  if (now === 'over') {
    rest.shift();
    if (!thread[side].isSender) return undefined;
    const isReceiving = isIn(['receive']);
    turn(thread, side);
    if (isReceiving && partner !== null) m.finish(partner, told(partner, outcomes.success));
    return undefined;
  }
  if (now === 'send') {
    if (!thread[side].isSender) {
      discard(call);
      rest.shift();
      if (rest[0] === 'over') rest.shift();
      return 'later';
    }
    if (isIn(['receive'])) {
      exchange(m, thread, partner as Thing, side);
      return undefined;
    }
    if (call.send.length > 0 || call.sendsReference >= 0 || rest[1] === 'wait') return m.wait(thread, peer);
    rest.shift();
    if (rest[0] === 'over') {
      rest.shift();
      turn(thread, side);
    }
    return 'later';
  }
  if (thread[side].isSender) return told(thread, outcomes.success);
  if (!isIn(['send'])) return m.wait(thread, peer);
  const sender = partner as Thing;
  exchange(m, sender, thread, other);
  afterExchange(m, sender, other, thread);
  return thread.step === 'note' ? thread.result : undefined;
}

/** A sender that was waiting, while the receiver ran, has sent something. */
function afterExchange(m: Model, sender: Thing, side: Side, receiver: Thing): void {
  const { rest } = sender.call as Call;
  if (rest[0] === 'send') return;
  if (rest.length === 0) m.finish(sender, told(sender, outcomes.success));
  // It receives now, and waits on for the same peer; or it waits for the next message.
  else if (rest[0] !== 'receive' || sender[side].peer !== receiver) m.wake(sender);
}

/** The line was taken from one that was sending. */
function discarded(m: Model, sender: Thing): void {
  const call = sender.call as Call;
  discard(call);
  call.rest.shift();
  if (call.rest[0] === 'over') call.rest.shift();
  if (call.rest.length === 0) m.finish(sender, told(sender, outcomes.success));
  else if (call.rest[0] !== 'receive') m.wake(sender);
}

function connectPhase(m: Model, client: Thing, call: Call): Came | undefined {
  const port = portAt(m, call.command.a, 'port');
  if ('kind' in port) return port.kind === 'outcome' ? told(client, port.code) : port;
  drop(m, client, 'client', false);
  const server = live(port.set) === null ? undefined : m.waitersOf(port.set as Thing)[0];
  if (server === undefined) return m.wait(client, port);
  connect(m, client, server, port);
  m.wait(server, client);
  return undefined;
}

function waitPhase(m: Model, server: Thing, call: Call): Came | undefined {
  const set = portAt(m, call.command.a, 'portset');
  if ('kind' in set) return set;
  for (let client = firstClient(m, set); client !== null; client = firstClient(m, set)) {
    const port = client.waitsAt as Thing;
    const { fault } = client;
    if (fault !== null) {
      // Memory has changed its shape meanwhile: the access is made again and finds its keeper.
      if (keeperOf(m, client, fault).port !== port) m.wake(client);
      else {
        deliver(m, client, server, port, faultWords(m, client, fault), flavours.idempotent);
        m.wait(client, server);
        return server.result;
      }
    } else if (client.call?.command.verb === 'call') {
      deliver(m, client, server, port, client.call.send, flavours.idempotent);
      m.wait(client, server);
      return server.result;
    } else {
      connect(m, client, server, port);
      m.wait(client, server);
      return undefined;
    }
  }
  drop(m, server, 'server', false);
  return m.wait(server, set);
}

function replyPhase(m: Model, server: Thing, call: Call): Came | undefined {
  const client = requesterOf(server);
  const isAll = call.rest.length === 1;
  let code: number = outcomes.notConnected;
  if (client !== null) {
    code = outcomes.success;
    const words = [...call.send];
    clear(server, 'server');
    if (client.fault !== null) {
      answerFault(m, client, words.slice(0, 1));
      call.send.splice(0, 1);
    } else {
      const other = client.call as Call;
      const count = Math.min(words.length, other.room);
      call.send.splice(0, count);
      for (const word of words.slice(0, count)) receive(m, client, word);
      m.finish(client, outcome(0, { a2: 0, a4: 8 * other.room }));
    }
  }
  if (isAll) return outcome(code, { a2: 8 * call.send.length });
  call.rest.shift();
  call.send = [];
  return undefined;
}

/**
 * Any verb with phases. Where nothing was copied the next phase begins at once; after a copy only a wait does, so others
 * may run before anything else.
 */
export function speak(m: Model, thread: Thing, call: Call): Came {
  for (;;) {
    const before = call.rest[0];
    const came = phase(m, thread, call);
    if (came !== undefined && came !== 'later') return came;
    const next = call.rest[0];
    if (next === undefined) return told(thread, outcomes.success);
    if (came === 'later' || next === before) return null;
    if (next === 'wait' && hasCome(m, call)) return null;
  }
}

/** True when waiting for a message would not be waiting. */
function hasCome(m: Model, call: Call): boolean {
  const set = portAt(m, call.command.a, 'portset');
  return 'kind' in set || firstClient(m, set) !== null;
}

/** disconnect, alert */
export function disconnect(m: Model, thread: Thing, side: Side): Came {
  drop(m, thread, side, false);
  return done;
}

export function alert(m: Model, thread: Thing, side: Side): Came {
  const partner = partnerOf(thread, side);
  if (partner === null) {
    const isAway = thread[side].isParked && live(thread[side].peer) !== null;
    return outcome(isAway ? outcomes.busy : outcomes.notConnected);
  }
  const notice = side === 'client' ? 'serverAlert' : 'clientAlert';
  // Who alerts itself takes it behind its call.
  if (partner === thread) m.finish(thread, done);
  post(m, partner, notice);
  return partner === thread ? thread.result : done;
}

// One thread, several conversations.

/** thread_get_client, thread_get_server: the link goes out into a reference, and the peer waits meanwhile. */
export function takeLink(thread: Thing, side: Side, reference: Thing): Came {
  const isRequest = side === 'server' && thread.server.isRequest;
  const peer = isRequest ? requesterOf(thread) : partnerOf(thread, side);
  if (peer === null) {
    const isAway = thread[side].isParked && live(thread[side].peer) !== null;
    return outcome(isAway ? outcomes.busy : tellGone(thread, side));
  }
  reference.target = peer;
  clear(thread, side);
  if (isRequest) peer.isPutOff = true;
  else peer[otherSide(side)].isParked = true;
  return done;
}

/** thread_set_client, thread_set_server */
export function putLink(m: Model, thread: Thing, side: Side, reference: Thing): Came {
  const peer = live(reference.target);
  if (peer === null) {
    drop(m, thread, side, false);
    return done;
  }
  if (peer.type !== 'thread') return faultOf(faults.wrongType);
  if (side === 'server' && awaitsAnswer(peer, thread)) {
    if (thread.server.isRequest && thread.server.peer === peer) return done;
    drop(m, thread, side, false);
    thread.server = { ...emptyEnd(), peer, isRequest: true };
    peer.isPutOff = false;
    return done;
  }
  const other = peer[otherSide(side)];
  if (other.peer !== thread || !other.isParked) return outcome(outcomes.notConnected);
  if (thread[side].peer !== peer) drop(m, thread, side, false);
  thread[side] = { ...emptyEnd(), peer, isSender: !other.isSender };
  other.isParked = false;
  return done;
}
