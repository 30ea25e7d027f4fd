/**
 * One-way and idempotent IPC, and waiting for a message of any flavour.
 *
 * Stages live in the registers: reply_wait_receive becomes wait_receive once the answer is given; a client that waits
 * keeps its call as it is. A port served by a user task answers inside the client's own entry (law 8).
 * Handlers are called by the dispatcher only. Each marks the line from which nothing can fail.
 */
import { present } from '../../base/assert.ts';
import { SHORT_MESSAGE_BYTES, STAGE_WORK } from '../../base/limits.ts';
import { outcomes } from '../abi/codes.ts';
import { entries } from '../abi/entries.ts';
import { flavours } from '../abi/entry.ts';
import { states, threadFlags } from '../abi/types.ts';
import { isRetryAnswer } from '../fault.ts';
import { touchThread } from '../memory/changed.ts';
import { carry, openRead, openWrite, readWindow, writeWindow } from '../memory/copy.ts';
import { namedPort, namedPortset } from '../names.ts';
import { acknowledge, isAsking, schedulerOf } from '../ready.ts';
import { argument, entryNumber, registersOf, setArgument, setEntryNumber } from '../registers.ts';
import { results } from '../results.ts';
import { finish, park, wait, wake } from '../schedule.ts';
import {
  type KernelState,
  livePortset,
  type Page,
  type Port,
  type TaskService,
  type Thread,
} from '../state.ts';
import { note, traceEvents } from '../trace.ts';
import { firstClient } from './busy.ts';
import { clearSide, idempotentClientOf } from './connection.ts';
import {
  aliasNumber,
  handOverBuffer,
  handOverRecord,
  isFaulting,
  keeperOf,
  writeAsking,
  writeFault,
} from './handover.ts';
import { goOnWaiting, isConnect, receiveBegun, startConversation, waitAtSet } from './reliable.ts';
import { serverSide } from './side.ts';

const noBytes = new Uint8Array(0);
const at = states.thread.offset;
/** Indices of the low halves of the stack pointer and of a1. */
const SP = 4;
const A1 = 22;

/** ipc_call */
export function call(k: KernelState, client: Thread, registers: Uint32Array): number {
  const port = namedPort(k, client, argument(registers, 0));
  if (typeof port === 'number') return port;
  const set = livePortset(port.portset);
  if (set !== null && set.service !== null) return callTask(k, client, port, set.service);
  const server = set?.servers.first ?? null;
  if (server === null) return wait(k, client, port.clients, port);
  const handed = handOverBuffer(k, client, server, port, flavours.idempotent);
  return handed === 0 ? wait(k, client, server.waiters, server) : handed;
}

/** ipc_send */
export function send(k: KernelState, client: Thread, registers: Uint32Array): number {
  const port = namedPort(k, client, argument(registers, 0));
  if (typeof port === 'number') return port;
  const set = livePortset(port.portset);
  const length = argument(registers, 2);
  if (set !== null && set.service !== null) {
    const count = Math.min(length < 0 ? SHORT_MESSAGE_BYTES : length, SHORT_MESSAGE_BYTES);
    const opened = openRead(k, k.window, client, argument(registers, 1), count);
    if (opened !== 0) return opened;
    const bytes = new Uint8Array(count);
    readWindow(k, k.window, bytes, count);
    const answer = ask(k, client, set.service, port, flavours.oneway, bytes, 0);
    if (answer === 'retry') return results.service;
  } else {
    const server = set?.servers.first ?? null;
    if (server !== null) {
      const handed = handOverBuffer(k, client, server, port, flavours.oneway);
      if (handed !== 0) return handed;
    }
  }
  if (!client.alive) return results.blocked;
  consumeSend(registersOf(k, client), length);
  return outcomes.success;
}

/** All of the send buffer counts as sent: what was too long is cut (fluke.md B.3). */
function consumeSend(registers: Uint32Array, length: number): void {
  const address = argument(registers, 1);
  // An address that is no number stays what it is: nothing was read there.
  if (address >= 0) setArgument(registers, 1, address + Math.max(0, length));
  setArgument(registers, 2, 0);
}

function ask(
  k: KernelState,
  client: Thread,
  service: TaskService,
  port: Port,
  flavour: 1 | 2,
  bytes: Uint8Array,
  answerLength: number,
): { readonly bytes: Uint8Array } | 'retry' | 'never' {
  k.statistics.services += 1;
  const alias = aliasNumber(port);
  note(k, traceEvents.service.kind, client.serial, alias, flavour);
  return service.receive({ flavour, alias, bytes, answerLength });
}

/**
 * A call to a port that a user task serves: answered inside this entry. The pages of the answer's buffer are pinned
 * meanwhile, so that the answer, once given, has a place.
 */
export function callTask(k: KernelState, client: Thread, port: Port, service: TaskService): number {
  const registers = registersOf(k, client);
  const length = argument(registers, 2);
  const count = Math.min(length < 0 ? SHORT_MESSAGE_BYTES : length, SHORT_MESSAGE_BYTES);
  const room = argument(registers, 4);
  const answerLength = Math.min(room < 0 ? SHORT_MESSAGE_BYTES : room, SHORT_MESSAGE_BYTES);
  const answerAddress = argument(registers, 3);
  const openedAnswer = openWrite(k, k.window, client, answerAddress, answerLength);
  if (openedAnswer !== 0) return openedAnswer;
  const pins = k.window.pages.slice(0, k.window.count) as Page[];
  const opened = openRead(k, k.window, client, argument(registers, 1), count);
  if (opened !== 0) return opened;
  const bytes = new Uint8Array(count);
  readWindow(k, k.window, bytes, count);
  const copied = k.copied;
  for (const page of pins) page.pins += 1;
  const answer = ask(k, client, service, port, flavours.idempotent, bytes, answerLength);
  for (const page of pins) page.pins -= 1;
  k.copied = copied;
  if (answer === 'retry') return results.service;
  if (!client.alive) return results.blocked;
  if (answer === 'never') {
    client.flags |= threadFlags.stopped;
    park(k, client);
    return results.blocked;
  }
  const answerCount = Math.min(answer.bytes.length, answerLength);
  // The service may have given the client another space or taken its memory away: then there is no place to answer to.
  const answerBytes = answerCount === 0 ? noBytes : answer.bytes.subarray(0, answerCount);
  if (openWrite(k, k.window, client, answerAddress, answerCount) !== 0) return outcomes.canceled;
  writeWindow(k, k.window, client, answerBytes);
  const after = registersOf(k, client);
  consumeSend(after, length);
  setArgument(after, 3, answerAddress + answerCount);
  setArgument(after, 4, Math.max(0, room - answerCount));
  return outcomes.success;
}

/** ipc_reply */
export function reply(k: KernelState, server: Thread, registers: Uint32Array): number {
  return answerClient(k, server, registers);
}

/** ipc_reply_wait_receive: a client that went away needs no answer. */
export function replyWaitReceive(k: KernelState, server: Thread, registers: Uint32Array): number {
  const answered = answerClient(k, server, registers);
  if (answered !== outcomes.success && answered !== outcomes.notConnected) return answered;
  // Commit: the answer is given, what is left is wait_receive.
  return goOnWaiting(k, server);
}

function answerClient(k: KernelState, server: Thread, registers: Uint32Array): number {
  const client = idempotentClientOf(k, server);
  if (client === null) return outcomes.notConnected;
  const address = argument(registers, 1);
  const length = argument(registers, 2);
  if (isAsking(client)) {
    // Commit: its scheduler knows that it could run; there is nothing to tell it.
    clearSide(k, serverSide, server);
    acknowledge(k, client, server);
    setArgument(registers, 2, 0);
    return outcomes.success;
  }
  const ownRoom = isFaulting(client) ? 8 : argument(registersOf(k, client), 4);
  // What no number can be counts as very long.
  const room = ownRoom < 0 ? Number.MAX_SAFE_INTEGER : ownRoom;
  const count = Math.min(length < 0 ? room : length, room, SHORT_MESSAGE_BYTES);
  if (isFaulting(client)) {
    const opened = openRead(k, k.window, server, address, count);
    if (opened !== 0) return opened;
    const bytes = count === 0 ? noBytes : new Uint8Array(count);
    readWindow(k, k.window, bytes, count);
    clearSide(k, serverSide, server);
    const { faultCode, faultAddress, faultAccess } = client;
    if (isRetryAnswer(k, client, faultCode, faultAddress, faultAccess, bytes)) wake(k, client);
    else {
      client.waitingFor = null;
      client.ticket = 0;
      park(k, client);
    }
  } else {
    const clientRegisters = registersOf(k, client);
    const target = argument(clientRegisters, 3);
    const carried = carry(k, server, address, client, target, count);
    if (carried !== 0) return carried;
    // Commit: nothing below can fail.
    clearSide(k, serverSide, server);
    note(k, traceEvents.transfer.kind, server.serial, client.serial, count);
    consumeSend(clientRegisters, argument(clientRegisters, 2));
    setArgument(clientRegisters, 3, target + count);
    setArgument(clientRegisters, 4, room - count);
    finish(k, client, outcomes.success);
  }
  setArgument(registers, 1, address + count);
  setArgument(registers, 2, Math.max(0, length - count));
  return outcomes.success;
}

/** ipc_setup_wait_receive: the entries and the stack are words of the thread; what is left is wait_receive. */
export function setupWaitReceive(k: KernelState, server: Thread, registers: Uint32Array): number {
  const set = namedPortset(k, server, argument(registers, 0));
  if (typeof set === 'number') return set;
  // Commit: nothing below can fail.
  const { view } = server;
  const keep = (word: number, index: number): void => {
    view.setUint32(word, registers[index] as number, true);
    view.setUint32(word + 4, registers[index + 1] as number, true);
  };
  keep(at.serverStack, SP);
  keep(at.serverOnewayEntry, A1);
  keep(at.serverIdempotentEntry, A1 + 2);
  keep(at.serverReliableEntry, A1 + 8);
  for (const index of [1, 2, 5]) setArgument(registers, index, 0);
  setEntryNumber(registers, entries.ipc_wait_receive.number);
  touchThread(k, server);
  return waitReceive(k, server, registers);
}

/** ipc_wait_receive */
export function waitReceive(k: KernelState, server: Thread, registers: Uint32Array): number {
  const set = namedPortset(k, server, argument(registers, 0));
  if (typeof set === 'number') return set;
  for (let client = firstClient(set); client !== null; client = firstClient(set)) {
    // Whoever is sent away costs its part; what is left is the same call.
    if (k.work >= STAGE_WORK) return results.stage;
    const port = present(client.queue?.port, 'ipc: a client in a port queue has a port');
    if (isFaulting(client)) {
      const keeper = keeperOf(k, client, client.faultCode, client.faultAddress, client.faultAccess);
      if (keeper.port !== port) {
        // Memory changed its shape meanwhile: the access is made again and finds its keeper.
        k.work += 1;
        wake(k, client);
        continue;
      }
      const length = writeFault(k, client, client.faultCode, keeper.reported, client.faultAccess);
      const handed = handOverRecord(k, client, server, port, length);
      if (handed !== 0) return handed;
      wait(k, client, server.waiters, server);
      return results.blocked;
    }
    if (isAsking(client)) {
      if (schedulerOf(k, client) !== port) {
        k.work += 1;
        wake(k, client);
        continue;
      }
      const handed = handOverRecord(k, client, server, port, writeAsking(k, client));
      if (handed !== 0) return handed;
      wait(k, client, server.waiters, server);
      return results.blocked;
    }
    const verb = entryNumber(registersOf(k, client));
    if (verb === entries.ipc_call.number) {
      const handed = handOverBuffer(k, client, server, port, flavours.idempotent);
      if (handed !== 0) return handed;
      wait(k, client, server.waiters, server);
      return results.blocked;
    }
    if (isConnect(verb)) {
      startConversation(k, client, server, port);
      wait(k, client, server.waiters, server);
      return receiveBegun(k, server);
    }
    k.work += 1;
    wake(k, client);
  }
  // Commit: nobody is there.
  return waitAtSet(k, server, set);
}
