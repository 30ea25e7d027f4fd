/**
 * Reliable IPC: a conversation between a client thread and a server thread, half duplex, of any length (fluke.md B.3).
 *
 * The life of a call, each arrow a stage committed in the registers:
 *   client: connect_send_over_receive -> send_over_receive -> over_receive -> receive
 *   server: wait_receive -> server_receive ... ack_send_wait_receive -> send_wait_receive -> wait_receive
 * A transfer is done by whichever side runs while the other waits for it, at most STAGE_BYTES a stage, straight from
 * page to page; a page missing on either side leaves both as they were. When the missing page belongs to the side that
 * waits and its pager is a program, that side leaves the wait, faults, and makes its call again.
 * Handlers are called by the dispatcher only. Each marks the line from which nothing can fail.
 */
import { joinHalves } from '../../base/integer.ts';
import { MESSAGE_REFERENCES_MAX, STAGE_BYTES } from '../../base/limits.ts';
import { outcomes } from '../abi/codes.ts';
import { entries } from '../abi/entries.ts';
import { flavours } from '../abi/entry.ts';
import { threadFlags } from '../abi/types.ts';
import { touch } from '../memory/changed.ts';
import { copyWindow, openRead, openWrite, readWindow } from '../memory/copy.ts';
import { namedPort, namedReference } from '../names.ts';
import {
  argument,
  entryNumber,
  registersOf,
  setArgument,
  setArgumentWord,
  setEntryNumber,
} from '../registers.ts';
import { results } from '../results.ts';
import { finish, wait, wake } from '../schedule.ts';
import { type KernelState, live, type Port, type Thread } from '../state.ts';
import { note, traceEvents } from '../trace.ts';
import {
  clientOf,
  connect,
  dropClient,
  dropServer,
  serverOf,
  servesIdempotent,
  tellClientGone,
  tellServerGone,
  unlink,
  waitsFor,
} from './connection.ts';
import { isFaulting } from './handover.ts';

/** Registers that count references: t0 to send, t1 to receive (indices of their low halves). */
const T0 = 10;
const T1 = 12;

/** ipc_client_connect_send_over_receive: connecting drops the conversation there was. */
export function connectSendOverReceive(k: KernelState, client: Thread, registers: Uint32Array): number {
  const port = namedPort(k, client, argument(registers, 0));
  if (typeof port === 'number') return port;
  const set = live(port.portset);
  if (set !== null && set.service !== null) return outcomes.invalidDestination;
  const server = set?.servers.first ?? null;
  // Commit: nothing below can fail.
  dropServer(k, client, false);
  if (server === null) return wait(k, client, port.clients, port);
  startConversation(k, client, server, port);
  wait(k, server, client.waiters, client);
  return results.stage;
}

/** Connects the two; what is left for each of them is in its registers. The caller of this lets one of them wait. */
export function startConversation(k: KernelState, client: Thread, server: Thread, port: Port): void {
  dropClient(k, server, false);
  connect(k, client, server);
  setEntryNumber(registersOf(k, client), entries.ipc_client_send_over_receive.number);
  const registers = registersOf(k, server);
  setArgument(registers, 1, flavours.reliable);
  setArgumentWord(registers, 2, port.alias);
  setEntryNumber(registers, entries.ipc_server_receive.number);
}

/** The partner's verb, when the partner waits in a call of its own (not at a fault) for this thread; else 0. */
function verbOfWaiting(k: KernelState, partner: Thread, thread: Thread): number {
  return waitsFor(partner, thread) && !isFaulting(partner) ? entryNumber(registersOf(k, partner)) : 0;
}

/** A length or a room in a register; what no number can be counts as very long. */
function lengthIn(registers: Uint32Array, index: number): number {
  const length = argument(registers, index);
  return length < 0 ? Number.MAX_SAFE_INTEGER : length;
}

/**
 * Copies one stage from the sender's (a1, a2) to the receiver's (a3, a4) and the references that go with it. Advances
 * both. 0, `absent`, or a fault of the running side.
 */
function transfer(k: KernelState, sender: Thread, receiver: Thread): number {
  const from = registersOf(k, sender);
  const to = registersOf(k, receiver);
  const sendLength = lengthIn(from, 2);
  const room = lengthIn(to, 4);
  const count = Math.min(sendLength, room, STAGE_BYTES);
  const opened = openRead(k, k.window, sender, argument(from, 1), count);
  if (opened !== 0) return opened;
  const openedTo = openWrite(k, k.otherWindow, receiver, argument(to, 3), count);
  if (openedTo !== 0) return openedTo;
  const carried = carryReferences(k, sender, receiver, false);
  if (carried !== 0) return carried;
  // Commit: nothing below can fail.
  if (count > 0) {
    const overlaps = openRead(k, k.window, sender, argument(from, 1), count);
    if (overlaps === 0) copyWindow(k, k.window, k.otherWindow, receiver, count);
  }
  carryReferences(k, sender, receiver, true);
  setArgument(from, 1, argument(from, 1) + count);
  setArgument(from, 2, sendLength - count);
  setArgument(to, 3, argument(to, 3) + count);
  setArgument(to, 4, room - count);
  touch(k, sender);
  touch(k, receiver);
  note(k, traceEvents.transfer.kind, sender.serial, receiver.serial, count);
  return 0;
}

function count32(registers: Uint32Array, index: number): number {
  const count = joinHalves(registers[index] as number, registers[index + 1] as number);
  return count < 0 ? MESSAGE_REFERENCES_MAX : count;
}

/**
 * Points the receiver's reference objects (table a6, t1 of them) at what the sender's point at (table a5, t0). An entry
 * that names no reference counts as null, or is skipped. First a dry run that may fail, then the one that acts.
 */
function carryReferences(k: KernelState, sender: Thread, receiver: Thread, isActing: boolean): number {
  const from = registersOf(k, sender);
  const to = registersOf(k, receiver);
  const count = Math.min(count32(from, T0), count32(to, T1), MESSAGE_REFERENCES_MAX);
  if (count === 0) return 0;
  const sendTable = argument(from, 5);
  const receiveTable = argument(to, 6);
  const sources = new Uint8Array(count * 8);
  const targets = new Uint8Array(count * 8);
  const opened = openRead(k, k.window, sender, sendTable, count * 8);
  if (opened !== 0) return opened;
  readWindow(k, k.window, sources, count * 8);
  const openedTo = openRead(k, k.window, receiver, receiveTable, count * 8);
  if (openedTo !== 0) return openedTo;
  readWindow(k, k.window, targets, count * 8);
  if (!isActing) {
    k.copied -= count * 16;
    return 0;
  }
  const sourceWords = new Uint32Array(sources.buffer);
  const targetWords = new Uint32Array(targets.buffer);
  for (let i = 0; i < count; i += 1) {
    const at = 2 * i;
    const source = namedReference(
      k,
      sender,
      joinHalves(sourceWords[at] as number, sourceWords[at + 1] as number),
    );
    const target = namedReference(
      k,
      receiver,
      joinHalves(targetWords[at] as number, targetWords[at + 1] as number),
    );
    if (typeof target === 'number') continue;
    target.target = typeof source === 'number' ? null : live(source.target);
    touch(k, target);
  }
  setArgument(from, 5, sendTable + count * 8);
  setArgument(to, 6, receiveTable + count * 8);
  from[T0] = (from[T0] as number) - count;
  to[T1] = (to[T1] as number) - count;
  return 0;
}

/** True when the sender has neither bytes left, nor references that the receiver has room for. */
function isAllSent(k: KernelState, sender: Thread, receiver: Thread): boolean {
  const from = registersOf(k, sender);
  const isSentOff = count32(from, T0) === 0 || count32(registersOf(k, receiver), T1) === 0;
  return argument(from, 2) === 0 && isSentOff;
}

function isFull(k: KernelState, receiver: Thread): boolean {
  return argument(registersOf(k, receiver), 4) === 0;
}

/** The client gives the line to the server. The server, if it waits in receive, has the whole message. */
function turnLine(k: KernelState, client: Thread, server: Thread): void {
  client.flags &= ~threadFlags.clientSender;
  server.flags |= threadFlags.serverSender;
  setEntryNumber(registersOf(k, client), entries.ipc_client_receive.number);
  touch(k, client);
  touch(k, server);
}

function isClientSender(client: Thread): boolean {
  return (client.flags & threadFlags.clientSender) !== 0;
}

/** ipc_client_send_over_receive */
export function clientSendOverReceive(k: KernelState, client: Thread, registers: Uint32Array): number {
  const server = serverOf(client);
  if (server === null) return tellServerGone(k, client);
  if (!isClientSender(client)) {
    // The server has taken the line: what is left is discarded. Commit.
    discardRest(registers);
    setEntryNumber(registers, entries.ipc_client_receive.number);
    return results.stage;
  }
  const isReceiving = verbOfWaiting(k, server, client) === entries.ipc_server_receive.number;
  if (!isReceiving) {
    if (argument(registers, 2) !== 0 || count32(registers, T0) !== 0)
      return wait(k, client, server.waiters, server);
    setEntryNumber(registers, entries.ipc_client_over_receive.number);
    return results.stage;
  }
  const transferred = transfer(k, client, server);
  if (transferred !== 0) return transferred;
  if (isAllSent(k, client, server)) {
    turnLine(k, client, server);
    finish(k, server, outcomes.success);
  } else if (isFull(k, server)) finish(k, server, outcomes.receiveMoreData);
  return results.stage;
}

function discardRest(registers: Uint32Array): void {
  setArgument(registers, 1, argument(registers, 1) + Math.max(0, argument(registers, 2)));
  setArgument(registers, 2, 0);
  registers[T0] = 0;
  registers[T0 + 1] = 0;
}

/** ipc_client_over_receive */
export function clientOverReceive(k: KernelState, client: Thread, registers: Uint32Array): number {
  const server = serverOf(client);
  if (server === null) return tellServerGone(k, client);
  // Commit: nothing below can fail.
  if (!isClientSender(client)) setEntryNumber(registers, entries.ipc_client_receive.number);
  else {
    const isReceiving = verbOfWaiting(k, server, client) === entries.ipc_server_receive.number;
    turnLine(k, client, server);
    if (isReceiving) finish(k, server, outcomes.success);
  }
  return results.stage;
}

/** ipc_client_receive */
export function clientReceive(k: KernelState, client: Thread): number {
  const server = serverOf(client);
  if (server === null) return tellServerGone(k, client);
  if (isClientSender(client)) return outcomes.success;
  if (verbOfWaiting(k, server, client) !== entries.ipc_server_send_wait_receive.number) {
    return wait(k, client, server.waiters, server);
  }
  const transferred = transfer(k, server, client);
  if (transferred !== 0) return transferred;
  if (isAllSent(k, server, client)) {
    endAnswer(k, client, server);
    wake(k, server);
    return outcomes.receiveDisconnected;
  }
  return isFull(k, client) ? outcomes.receiveMoreData : results.stage;
}

/** The server has sent all: the conversation is over, and what is left for the server is wait_receive. */
function endAnswer(k: KernelState, client: Thread, server: Thread): void {
  unlink(k, client, server);
  becomeWaitReceive(registersOf(k, server));
}

function becomeWaitReceive(registers: Uint32Array): void {
  setArgument(registers, 1, 0);
  setArgument(registers, 2, 0);
  setEntryNumber(registers, entries.ipc_wait_receive.number);
}

/** The server's conversation, or null when it has none or serves an idempotent call. */
function conversationOf(server: Thread): Thread | null {
  return servesIdempotent(server) ? null : clientOf(server);
}

/** ipc_server_receive */
export function serverReceive(k: KernelState, server: Thread): number {
  const client = conversationOf(server);
  if (client === null) return tellClientGone(k, server);
  if ((server.flags & threadFlags.serverSender) !== 0) return outcomes.success;
  if (verbOfWaiting(k, client, server) !== entries.ipc_client_send_over_receive.number) {
    return wait(k, server, client.waiters, client);
  }
  const transferred = transfer(k, client, server);
  if (transferred !== 0) return transferred;
  if (isAllSent(k, client, server)) {
    turnLine(k, client, server);
    return outcomes.success;
  }
  return isFull(k, server) ? outcomes.receiveMoreData : results.stage;
}

/** ipc_server_ack_send_wait_receive: takes the line; without a client there is nothing to answer. */
export function serverAckSendWaitReceive(k: KernelState, server: Thread, registers: Uint32Array): number {
  const client = conversationOf(server);
  // Commit: nothing below can fail.
  if (client === null) {
    tellClientGone(k, server);
    becomeWaitReceive(registers);
  } else {
    if (isClientSender(client)) {
      if (verbOfWaiting(k, client, server) === entries.ipc_client_send_over_receive.number) {
        discardRest(registersOf(k, client));
        setEntryNumber(registersOf(k, client), entries.ipc_client_receive.number);
      }
      client.flags &= ~threadFlags.clientSender;
      server.flags |= threadFlags.serverSender;
      touch(k, client);
      touch(k, server);
    }
    setEntryNumber(registers, entries.ipc_server_send_wait_receive.number);
  }
  return results.stage;
}

/** ipc_server_send_wait_receive */
export function serverSendWaitReceive(k: KernelState, server: Thread, registers: Uint32Array): number {
  const client = conversationOf(server);
  if (client === null) return tellClientGone(k, server);
  if ((server.flags & threadFlags.serverSender) === 0) {
    setEntryNumber(registers, entries.ipc_server_ack_send_wait_receive.number);
    return results.stage;
  }
  if (verbOfWaiting(k, client, server) !== entries.ipc_client_receive.number) {
    return wait(k, server, client.waiters, client);
  }
  const transferred = transfer(k, server, client);
  if (transferred !== 0) return transferred;
  if (isAllSent(k, server, client)) {
    endAnswer(k, client, server);
    finish(k, client, outcomes.receiveDisconnected);
  } else if (isFull(k, client)) finish(k, client, outcomes.receiveMoreData);
  return results.stage;
}

/** ipc_client_disconnect */
export function clientDisconnect(k: KernelState, client: Thread): number {
  dropServer(k, client, false);
  return outcomes.success;
}

/** ipc_server_disconnect */
export function serverDisconnect(k: KernelState, server: Thread): number {
  dropClient(k, server, false);
  return outcomes.success;
}
