/**
 * Reliable IPC: a conversation between a client thread and a server thread, half duplex, of any length, with as many
 * turns as they like (fluke.md B.3). Both sides have the same verbs and share the code of them.
 *
 * A verb that does several things becomes the rest of itself, each arrow committed in the registers:
 *   connect_send[_over_receive] -> send[_over_receive] -> (over_receive ->) receive
 *   ack_send... -> send...; server_send_wait_receive -> wait_receive -> server_receive[_first]
 * Where nothing was copied yet, the rest is begun at once: should it need a page that is not there, or control go back,
 * the call is made again from what the registers say by then. After a copy only a wait is: nothing that could fail.
 * What a verb does depends on who has the line. The sender sends, or turns the line. Whoever is not the sender and
 * sends, had the line taken by an ack: what it has left is discarded until it turns the line. The receiver receives
 * until the line is turned (success), the other ends (receiveDisconnected) or its buffer is full (receiveMoreData,
 * receiveMoreReferences). A transfer is done by whichever side runs while the other waits for it.
 * Handlers are called by the dispatcher only. Each marks the line from which nothing can fail.
 */
import { outcomes } from '../abi/codes.ts';
import { entries } from '../abi/entries.ts';
import { flavours } from '../abi/entry.ts';
import { states } from '../abi/types.ts';
import { touchThread } from '../memory/changed.ts';
import { namedPort, namedPortset } from '../names.ts';
import {
  argument,
  completeCall,
  entryNumber,
  registersOf,
  setArgument,
  setArgumentHalves,
  setEntryNumber,
} from '../registers.ts';
import { isFault, results } from '../results.ts';
import { finish, lieDown, standReady, wait, wake } from '../schedule.ts';
import { type KernelState, livePortset, type Port, type Portset, type Thread } from '../state.ts';
import { firstClient } from './busy.ts';
import {
  connect,
  dropClient,
  dropServer,
  end,
  enterAt,
  hasEntry,
  tellGone,
  unlink,
  verbOfWaiting,
} from './connection.ts';
import { clientSide, isSender, linkOf, otherSide, partnerOf, peerOf, type Side, serverSide } from './side.ts';
import { bytesLeft, discardRest, placesLeft, referencesLeft, roomLeft, transfer } from './transfer.ts';

type Handler = (k: KernelState, caller: Thread, registers: Uint32Array) => number;

const RELIABLE_ENTRY = states.thread.offset.serverReliableEntry;

/** client_connect_send, client_connect_send_over_receive: connecting drops the conversation there was. Not at the border. */
function connectVerb(k: KernelState, client: Thread, registers: Uint32Array): number {
  const port = namedPort(k, client, argument(registers, 0));
  if (typeof port === 'number') return port;
  const set = livePortset(port.portset);
  if (set?.isBorder === true) return outcomes.invalidDestination;
  const server = set?.servers.first ?? null;
  // Commit: nothing below can fail.
  dropServer(k, client, false);
  if (server === null) return wait(k, client, port.clients, port);
  startConversation(k, client, server, port);
  // The server is told at once in nearly all cases; else it waits for the client, with the ticket that it takes now.
  standReady(k, server, client);
  const sent = exchange(k, clientSide, client, server, true);
  if (server.waitingFor === client) lieDown(k, server, client.waiters, client);
  return sent;
}

/** True for the verbs with which a client waits at a port for a server. */
export function isConnect(verb: number): boolean {
  return (
    verb === entries.ipc_client_connect_send_over_receive.number ||
    verb === entries.ipc_client_connect_send.number
  );
}

/** Connects the two; what is left for each of them is in its registers. The caller of this lets one of them wait. */
export function startConversation(k: KernelState, client: Thread, server: Thread, port: Port): void {
  dropClient(k, server, false);
  connect(k, client, server);
  const own = registersOf(k, client);
  const isWhole = entryNumber(own) === entries.ipc_client_connect_send_over_receive.number;
  setEntryNumber(own, isWhole ? clientSide.sendOverReceive : clientSide.send);
  const registers = registersOf(k, server);
  setArgument(registers, 1, flavours.reliable);
  setArgumentHalves(registers, 2, port.aliasLow, port.aliasHigh);
  setEntryNumber(registers, hasEntry(server, RELIABLE_ENTRY) ? serverSide.receiveFirst : serverSide.receive);
}

/** The verb in which the peer waits for this thread, which must be at the other end of a whole connection; else 0. */
function verbOfPeer(k: KernelState, side: Side, thread: Thread, peer: Thread): number {
  const other = otherSide(side);
  return linkOf(side, thread) === peer && partnerOf(side, thread) === peer
    ? verbOfWaiting(k, other, peer, thread)
    : 0;
}

function isReceive(side: Side, verb: number): boolean {
  return verb !== 0 && (verb === side.receive || verb === side.receiveFirst);
}

function isSend(side: Side, verb: number): boolean {
  return verb !== 0 && (verb === side.send || verb === side.sendOverReceive || verb === side.sendWaitReceive);
}

function waitForPeer(k: KernelState, thread: Thread, peer: Thread): number {
  return wait(k, thread, peer.waiters, peer);
}

/** The thread gives the line to its peer; one that has parked the connection sees it when it is back. */
function turnLine(k: KernelState, side: Side, thread: Thread): void {
  thread.flags &= ~side.sender;
  const partner = partnerOf(side, thread);
  if (partner !== null) {
    partner.flags |= otherSide(side).sender;
    touchThread(k, partner);
  }
  touchThread(k, thread);
}

/** The thread takes the line from its peer. */
function takeLine(k: KernelState, side: Side, thread: Thread): void {
  thread.flags |= side.sender;
  const partner = partnerOf(side, thread);
  if (partner !== null) {
    partner.flags &= ~otherSide(side).sender;
    touchThread(k, partner);
  }
  touchThread(k, thread);
}

function becomeWaitReceive(registers: Uint32Array): number {
  setArgument(registers, 1, 0);
  setArgument(registers, 2, 0);
  setEntryNumber(registers, entries.ipc_wait_receive.number);
  return results.stage;
}

/** What is left of the server's call is wait_receive, begun at once. */
export function goOnWaiting(k: KernelState, server: Thread): number {
  becomeWaitReceive(registersOf(k, server));
  return awaitMessage(k, server);
}

/** What is left is wait_receive: waits at once when nobody has come meanwhile; else that is the next stage. */
function awaitMessage(k: KernelState, server: Thread): number {
  const set = namedPortset(k, server, argument(registersOf(k, server), 0));
  return typeof set === 'number' || firstClient(set) !== null ? results.stage : waitAtSet(k, server, set);
}

/** Nobody is at the set: whoever was served until now is let go, and the server waits there. */
export function waitAtSet(k: KernelState, server: Thread, set: Portset): number {
  dropClient(k, server, false);
  // Who was let go may have come here at once, to ask for the processor.
  if (firstClient(set) !== null) return results.stage;
  return wait(k, server, set.servers, set);
}

/** What is left of a sending verb whose bytes have all left or were discarded: success, or the next verb. */
function afterSend(side: Side, registers: Uint32Array): number {
  const verb = entryNumber(registers);
  if (verb === side.send) return outcomes.success;
  if (verb !== side.sendOverReceive) return becomeWaitReceive(registers);
  setEntryNumber(registers, side.receive);
  return results.stage;
}

/**
 * One stage of a transfer from the sender, in one of its sending verbs, to the receiver, in receive; one of them runs,
 * the other waits for it. Returns what the running one's handler does.
 */
function exchange(
  k: KernelState,
  side: Side,
  sender: Thread,
  receiver: Thread,
  isSenderRunning: boolean,
): number {
  const from = registersOf(k, sender);
  const to = registersOf(k, receiver);
  const hadSome = bytesLeft(from) > 0 || referencesLeft(from) > 0;
  const moved = transfer(k, sender, receiver);
  if (moved !== 0) return moved;
  let told: number = results.stage;
  let rest: number = results.stage;
  if (bytesLeft(from) > 0) {
    if (roomLeft(to) === 0) told = outcomes.receiveMoreData;
  } else if (referencesLeft(from) > 0) {
    if (placesLeft(to) === 0) told = outcomes.receiveMoreReferences;
  } else {
    const verb = entryNumber(from);
    if (verb === side.send) {
      if (hadSome && roomLeft(to) === 0) told = outcomes.receiveMoreData;
    } else if (verb === side.sendOverReceive) {
      turnLine(k, side, sender);
      told = outcomes.success;
    } else {
      // A server's last message: the conversation is over.
      unlink(k, receiver, sender);
      told = outcomes.receiveDisconnected;
    }
    rest = afterSend(side, from);
  }
  if (isSenderRunning) {
    if (told >= 0) end(k, receiver, told);
    // Whoever has turned the line, or ended the conversation, has nothing to do but to wait for what comes.
    if (told === outcomes.success) return waitForPeer(k, sender, receiver);
    return told === outcomes.receiveDisconnected ? awaitMessage(k, sender) : rest;
  }
  if (rest >= 0) finish(k, sender, rest);
  // A sender that receives now goes on waiting; one that waits for the next message is no longer waiting for us.
  else if (told === outcomes.receiveDisconnected) wake(k, sender);
  return told;
}

/** send, send_over_receive, server_send_wait_receive */
function sendVerb(k: KernelState, side: Side, thread: Thread, registers: Uint32Array): number {
  const peer = peerOf(side, thread);
  if (peer === null) return tellGone(k, side, thread);
  if (!isSender(side, thread)) {
    // The peer has taken the line. Commit.
    discardRest(registers);
    return afterSend(side, registers);
  }
  if (isReceive(otherSide(side), verbOfPeer(k, side, thread, peer))) {
    return exchange(k, side, thread, peer, true);
  }
  const hasSome = bytesLeft(registers) > 0 || referencesLeft(registers) > 0;
  const verb = entryNumber(registers);
  if (hasSome || verb === side.sendWaitReceive) return waitForPeer(k, thread, peer);
  // Commit: nothing is left to send.
  if (verb === side.sendOverReceive) turnLine(k, side, thread);
  return afterSend(side, registers);
}

/** over_receive */
function overVerb(k: KernelState, side: Side, thread: Thread, registers: Uint32Array): number {
  const peer = peerOf(side, thread);
  if (peer === null) return tellGone(k, side, thread);
  // Commit: nothing below can fail.
  if (isSender(side, thread)) {
    const isReceiving = isReceive(otherSide(side), verbOfPeer(k, side, thread, peer));
    turnLine(k, side, thread);
    if (isReceiving) end(k, peer, outcomes.success);
  }
  setEntryNumber(registers, side.receive);
  return receiveVerb(k, side, thread);
}

/** receive */
function receiveVerb(k: KernelState, side: Side, thread: Thread): number {
  const peer = peerOf(side, thread);
  if (peer === null) return tellGone(k, side, thread);
  if (isSender(side, thread)) return outcomes.success;
  const other = otherSide(side);
  if (isSend(other, verbOfPeer(k, side, thread, peer))) return exchange(k, other, peer, thread, false);
  return waitForPeer(k, thread, peer);
}

/** server_receive_first: what is left of wait_receive in a thread that has a place for reliable messages to enter. */
function receiveFirst(k: KernelState, server: Thread): number {
  const result = receiveVerb(k, serverSide, server);
  if (result < 0 || isFault(result) || server.isTask) return result;
  completeCall(k, server, result);
  enterAt(k, server, RELIABLE_ENTRY);
  return results.stage;
}

/** What a server does first in a conversation that has just begun: its registers say with which verb. */
export function receiveBegun(k: KernelState, server: Thread): number {
  const isFirst = entryNumber(registersOf(k, server)) === serverSide.receiveFirst;
  return isFirst ? receiveFirst(k, server) : receiveVerb(k, serverSide, server);
}

/** The thread takes the line if its peer has it; what the peer is sending is discarded. Then `rest` is left. */
function ackVerb(k: KernelState, side: Side, thread: Thread, registers: Uint32Array, rest: number): number {
  const peer = peerOf(side, thread);
  if (peer === null) return tellGone(k, side, thread);
  // Commit: nothing below can fail.
  if (!isSender(side, thread)) {
    const other = otherSide(side);
    const isSending = isSend(other, verbOfPeer(k, side, thread, peer));
    takeLine(k, side, thread);
    if (isSending) {
      const theirs = registersOf(k, peer);
      discardRest(theirs);
      const left = afterSend(other, theirs);
      if (left >= 0) finish(k, peer, left);
      else if (entryNumber(theirs) !== other.receive) wake(k, peer);
    }
  }
  setEntryNumber(registers, rest);
  return sendVerb(k, side, thread, registers);
}

/** server_ack_send_wait_receive: without a client there is nothing to answer. */
function ackSendWaitReceive(k: KernelState, server: Thread, registers: Uint32Array): number {
  if (peerOf(serverSide, server) !== null) {
    return ackVerb(k, serverSide, server, registers, serverSide.sendWaitReceive);
  }
  // Commit: nothing below can fail.
  tellGone(k, serverSide, server);
  return goOnWaiting(k, server);
}

function disconnectVerb(k: KernelState, side: Side, thread: Thread): number {
  if (side === clientSide) dropServer(k, thread, false);
  else dropClient(k, thread, false);
  return outcomes.success;
}

/** One handler for each of the reliable verbs. */
export const reliableHandlers = {
  ipc_client_connect_send: connectVerb,
  ipc_client_connect_send_over_receive: connectVerb,
  ipc_client_send: (k, t, r) => sendVerb(k, clientSide, t, r),
  ipc_client_send_over_receive: (k, t, r) => sendVerb(k, clientSide, t, r),
  ipc_client_over_receive: (k, t, r) => overVerb(k, clientSide, t, r),
  ipc_client_receive: (k, t) => receiveVerb(k, clientSide, t),
  ipc_client_ack_send: (k, t, r) => ackVerb(k, clientSide, t, r, clientSide.send),
  ipc_client_ack_send_over_receive: (k, t, r) => ackVerb(k, clientSide, t, r, clientSide.sendOverReceive),
  ipc_client_disconnect: (k, t) => disconnectVerb(k, clientSide, t),
  ipc_server_send: (k, t, r) => sendVerb(k, serverSide, t, r),
  ipc_server_send_over_receive: (k, t, r) => sendVerb(k, serverSide, t, r),
  ipc_server_send_wait_receive: (k, t, r) => sendVerb(k, serverSide, t, r),
  ipc_server_over_receive: (k, t, r) => overVerb(k, serverSide, t, r),
  ipc_server_receive: (k, t) => receiveVerb(k, serverSide, t),
  ipc_server_receive_first: receiveFirst,
  ipc_server_ack_send: (k, t, r) => ackVerb(k, serverSide, t, r, serverSide.send),
  ipc_server_ack_send_over_receive: (k, t, r) => ackVerb(k, serverSide, t, r, serverSide.sendOverReceive),
  ipc_server_ack_send_wait_receive: ackSendWaitReceive,
  ipc_server_disconnect: (k, t) => disconnectVerb(k, serverSide, t),
} as const satisfies Record<string, Handler>;
