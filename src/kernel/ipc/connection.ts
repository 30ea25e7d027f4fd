/**
 * Connections: the links between a client thread and a server thread, and how they end.
 *
 * A reliable connection is whole when both sides say so: `client.server === server` and `server.client === client`; then
 * exactly one of them is the sender. One side may *park* it (thread_get_client, thread_get_server): its link goes out
 * into a reference, the other's stays and is flagged, and the other's verbs wait until the link is put back. So at every
 * moment one of the two links is in place, and that one's sender flag is the direction. A link of one side alone without
 * the flag is nothing: the two threads of a saved connection may be set in any order, and setting one side of
 * somebody else's thread gives no power over it (law 11).
 * An idempotent connection exists when the server says so (`client` link and flag) and the client waits for this
 * server: it is not in the client's links, so a fault or a call in the middle of a conversation leaves it alone.
 * Called by the IPC entries, the fault path, set_state of threads, and when threads end.
 */
import { STAGE_WORK } from '../../base/limits.ts';
import { outcomes } from '../abi/codes.ts';
import { entries } from '../abi/entries.ts';
import { pendingBits, states, threadFlags } from '../abi/types.ts';
import { post } from '../interrupts.ts';
import { setClient, setServer } from '../links.ts';
import { touchThread } from '../memory/changed.ts';
import { acknowledge, isAsking } from '../ready.ts';
import { entryNumber, pcOf, registersOf } from '../registers.ts';
import { finish, wake } from '../schedule.ts';
import { type KernelState, liveThread, type Thread } from '../state.ts';
import { note, traceEvents } from '../trace.ts';
import {
  clientSide,
  isParked,
  isSender,
  isVerbOf,
  linkOf,
  otherSide,
  partnerOf,
  type Side,
  serverSide,
  servesIdempotent,
  setLink,
} from './side.ts';

const at = states.thread.offset;
/** Index of the low half of the stack pointer among the registers' halves. */
const SP = 4;

/** True when `thread` is blocked in a call, or at a fault, that needs `peer`. */
export function waitsFor(thread: Thread, peer: Thread): boolean {
  return thread.waitingFor === peer && thread.queue === peer.waiters;
}

/** True when what the thread waits in is no call of its own: the kernel asks somebody in its name. */
function isAskedFor(thread: Thread): boolean {
  return (thread.flags & (threadFlags.faulting | threadFlags.asking)) !== 0;
}

/** The verb of this side in which `peer` waits for `thread`, or 0. */
export function verbOfWaiting(k: KernelState, side: Side, peer: Thread, thread: Thread): number {
  if (!waitsFor(peer, thread) || isAskedFor(peer) || linkOf(side, peer) !== thread) return 0;
  const verb = entryNumber(registersOf(k, peer));
  return isVerbOf(side, verb) ? verb : 0;
}

/** True when `client` waits for the answer of `server` to an idempotent request. */
export function awaitsAnswer(k: KernelState, client: Thread, server: Thread): boolean {
  if (!waitsFor(client, server)) return false;
  return isAskedFor(client) || entryNumber(registersOf(k, client)) === entries.ipc_call.number;
}

/** The client whose idempotent request this server is serving, or null. */
export function idempotentClientOf(k: KernelState, server: Thread): Thread | null {
  const client = servesIdempotent(server) ? liveThread(server.client) : null;
  return client !== null && awaitsAnswer(k, client, server) ? client : null;
}

/** Begins a conversation; the client sends first. Neither has a peer in this role. */
export function connect(k: KernelState, client: Thread, server: Thread): void {
  clearSide(k, clientSide, client);
  clearSide(k, serverSide, server);
  setServer(client, server);
  client.flags = (client.flags & ~(clientSide.ended | clientSide.broken)) | clientSide.sender;
  setClient(server, client);
  server.flags &= ~(serverSide.ended | serverSide.broken);
  note(k, traceEvents.connect.kind, client.serial, server.serial, 0);
}

/** The server has an idempotent client, which the caller of this makes wait for the server at once. */
export function connectIdempotent(k: KernelState, client: Thread, server: Thread): void {
  clearSide(k, serverSide, server);
  setClient(server, client);
  server.flags = (server.flags & ~(serverSide.ended | serverSide.broken)) | threadFlags.clientIdempotent;
}

/** Takes this side's link away, with what the flags say about it, without telling anybody. */
export function clearSide(k: KernelState, side: Side, thread: Thread): void {
  setLink(side, thread, null);
  thread.flags &= ~(side.sender | side.parked);
  if (side === serverSide) thread.flags &= ~threadFlags.clientIdempotent;
  touchThread(k, thread);
}

/** Takes a whole connection away, on both sides, without telling anybody. */
export function unlink(k: KernelState, client: Thread, server: Thread): void {
  clearSide(k, clientSide, client);
  clearSide(k, serverSide, server);
}

/**
 * The thread lets go of its peer on this side. An idempotent client asks again; one that asked for the processor is known now to be ready. A reliable peer is told: complete when
 * the thread was the sender, broken off otherwise (fluke.md B.3 disconnect); at once when it waits for the thread, else at
 * its next verb. One that parked the connection finds out when it wants to put it back.
 */
export function drop(k: KernelState, side: Side, thread: Thread, isDestroyed: boolean): void {
  if (linkOf(side, thread) === null) {
    // Of a peer that is gone a restart leaves no link, only what the flags say of it.
    const isRequest = side === serverSide && servesIdempotent(thread);
    if (isRequest || (thread.flags & (side.sender | side.parked)) !== 0) clearSide(k, side, thread);
    return;
  }
  if (side === serverSide && servesIdempotent(thread)) {
    const client = idempotentClientOf(k, thread);
    clearSide(k, side, thread);
    if (client === null) return;
    if (isAsking(client) && !isDestroyed) acknowledge(k, client, thread);
    else wake(k, client);
    return;
  }
  const partner = partnerOf(side, thread);
  const isNormal = isSender(side, thread) && !isDestroyed;
  if (partner === null) {
    clearSide(k, side, thread);
    return;
  }
  const other = otherSide(side);
  const verb = verbOfWaiting(k, other, partner, thread);
  clearSide(k, side, thread);
  clearSide(k, other, partner);
  note(k, traceEvents.disconnect.kind, thread.serial, partner.serial, 0);
  if (verb === 0) partner.flags |= isNormal ? other.ended : other.broken;
  else end(k, partner, isNormal ? outcomes.receiveDisconnected : outcomes.sendDisconnected);
  if (isDestroyed && partner !== thread) {
    post(k, partner, side === clientSide ? pendingBits.serverAlert : pendingBits.clientAlert);
  }
}

export function dropClient(k: KernelState, server: Thread, isDestroyed: boolean): void {
  drop(k, serverSide, server, isDestroyed);
}

export function dropServer(k: KernelState, client: Thread, isDestroyed: boolean): void {
  drop(k, clientSide, client, isDestroyed);
}

/**
 * Those that still wait for a thread that is being destroyed: a conversation that it had parked is broken off, anything
 * else is asked again. As many as fit into a stage: true when nobody is left.
 */
export function dropWaiters(k: KernelState, thread: Thread): boolean {
  for (let first = thread.waiters.first; first !== null; first = thread.waiters.first) {
    if (k.work >= STAGE_WORK) return false;
    k.work += 1;
    const side =
      verbOfWaiting(k, clientSide, first, thread) !== 0
        ? clientSide
        : verbOfWaiting(k, serverSide, first, thread) !== 0
          ? serverSide
          : null;
    if (side === null) wake(k, first);
    else {
      clearSide(k, side, first);
      end(k, first, outcomes.sendDisconnected);
    }
  }
  return true;
}

/**
 * The thread, which is stopped, is about to serve `client`, or nobody: whoever else waits for an answer of its, and is not
 * parked, asks again. Those have come while it was stopped. As many as fit into a stage: true when nobody is left.
 */
export function dropUnserved(k: KernelState, server: Thread, client: Thread | null): boolean {
  for (let thread = server.waiters.first, next = thread; thread !== null; thread = next) {
    next = thread.next;
    const isParked = (thread.flags & threadFlags.serverIdempotent) !== 0;
    if (thread === client || isParked || !awaitsAnswer(k, thread, server)) continue;
    if (k.work >= STAGE_WORK) return false;
    k.work += 1;
    wake(k, thread);
  }
  return true;
}

/** Why this side has no peer: how the conversation ended that the thread was not told of, told once; or it had none. */
export function tellGone(k: KernelState, side: Side, thread: Thread): number {
  const { flags } = thread;
  // A peer that was destroyed while it had the connection parked leaves the flag behind.
  const isBroken = (flags & side.broken) !== 0 || isParked(side, thread);
  thread.flags &= ~(side.ended | side.broken | side.parked);
  touchThread(k, thread);
  if (isBroken) return outcomes.sendDisconnected;
  return (flags & side.ended) !== 0 ? outcomes.receiveDisconnected : outcomes.notConnected;
}

/** Ends the verb in which the thread waits. The first receive of a message goes on where such messages enter the thread. */
export function end(k: KernelState, thread: Thread, outcome: number): void {
  const verb = entryNumber(registersOf(k, thread));
  finish(k, thread, outcome);
  if (verb === serverSide.receiveFirst) enterAt(k, thread, at.serverReliableEntry);
}

/** True when messages enter the thread at the place that this word of its state names, not behind its call. */
export function hasEntry(thread: Thread, word: number): boolean {
  return thread.view.getUint32(word, true) !== 0 || thread.view.getUint32(word + 4, true) !== 0;
}

/**
 * The thread goes on at the address in this word of its state, on the stack that it serves with. As jalr, to even
 * addresses. Without such an entry it goes on behind its call.
 */
export function enterAt(k: KernelState, thread: Thread, word: number): void {
  if (!hasEntry(thread, word)) return;
  const pc = pcOf(k, thread);
  pc[0] = thread.view.getUint32(word, true) & ~1;
  pc[1] = thread.view.getUint32(word + 4, true);
  const registers = registersOf(k, thread);
  registers[SP] = thread.view.getUint32(at.serverStack, true);
  registers[SP + 1] = thread.view.getUint32(at.serverStack + 4, true);
}

/** The links that set_state is about to load differ from those there are: whoever was at the other end is told. */
export function replaceLinks(
  k: KernelState,
  thread: Thread,
  client: Thread | null | undefined,
  server: Thread | null | undefined,
): void {
  if (client !== undefined && client !== thread.client) drop(k, serverSide, thread, false);
  if (server !== undefined && server !== thread.server) drop(k, clientSide, thread, false);
}

/** After links were set: of a connection that is whole now, the side that was there first says who the sender is. */
export function agreeOnSender(k: KernelState, thread: Thread): void {
  agreeOn(k, clientSide, thread);
  agreeOn(k, serverSide, thread);
}

function agreeOn(k: KernelState, side: Side, thread: Thread): void {
  const partner = partnerOf(side, thread);
  if (partner === null) return;
  const other = otherSide(side);
  thread.flags &= ~(side.sender | side.parked);
  if (!isSender(other, partner)) thread.flags |= side.sender;
  if (!isParked(other, partner)) return;
  partner.flags &= ~other.parked;
  touchThread(k, partner);
}
