/**
 * Short messages: handing one from a waiting client to a waiting server, both being threads of the machine.
 *
 * A message is the client's buffer, or, for a faulting client, the fault message made from its fault words; it is cut
 * to SHORT_MESSAGE_BYTES and to the server's buffer (fluke.md B.3). Both sides' registers already say what they want,
 * so whichever of them is running can do it; a page missing on either side leaves both as they were.
 * Called by the IPC entries and the fault path.
 */
import { highHalf, joinHalves, lowHalf } from '../../base/integer.ts';
import { SHORT_MESSAGE_BYTES } from '../../base/limits.ts';
import { causes, faults } from '../abi/codes.ts';
import { flavours } from '../abi/entry.ts';
import { faultMessage, schedulerMessage } from '../abi/memory.ts';
import { protection, states, threadFlags } from '../abi/types.ts';
import { resolve } from '../memory/chain.ts';
import { carry, openWrite, writeRecordThrough } from '../memory/copy.ts';
import { argument, pcOf, registersOf, setArgument, setArgumentHalves } from '../registers.ts';
import { finish } from '../schedule.ts';
import { type KernelState, live, liveSpace, type Port, type Thread } from '../state.ts';
import { note, traceEvents } from '../trace.ts';
import { connectIdempotent, dropClient, enterAt, hasEntry } from './connection.ts';

const at = states.thread.offset;

/** The alias as a user task gets it: its lower 53 bits. */
export function aliasNumber(port: Port): number {
  return joinHalves(port.aliasLow, port.aliasHigh & 0x1f_ffff);
}

/** True for the fault codes that belong to a region's keeper. */
export function isMemoryFault(code: number): boolean {
  const cause = code - faults.processor;
  return (
    cause === causes.loadPageFault || cause === causes.storePageFault || cause === causes.instructionPageFault
  );
}

/** The fault code of an access that could not be made. */
export function memoryFaultCode(access: number): number {
  if ((access & protection.execute) !== 0) return faults.processor + causes.instructionPageFault;
  if ((access & protection.write) !== 0) return faults.processor + causes.storePageFault;
  return faults.processor + causes.loadPageFault;
}

/** The keeper that a fault of this thread goes to now, and the address that it is told. */
export function keeperOf(
  k: KernelState,
  thread: Thread,
  code: number,
  address: number,
  access: number,
): { port: Port | null; reported: number; isRegionKeeper: boolean } {
  const space = liveSpace(thread.space);
  if (space === null) return { port: null, reported: address, isRegionKeeper: false };
  if (isMemoryFault(code)) {
    resolve(k.chain, space, address, access);
    const keeper = k.chain.region === null ? null : live(k.chain.region.keeper);
    if (keeper !== null) return { port: keeper, reported: k.chain.offset, isRegionKeeper: true };
  }
  return { port: live(space.keeper), reported: address, isRegionKeeper: false };
}

/** Writes a number into a word of 64 bits of `k.record`. */
function put(k: KernelState, offset: number, value: number): void {
  k.recordWords[offset / 4] = lowHalf(value);
  k.recordWords[offset / 4 + 1] = highHalf(value);
}

/** Copies a word of 64 bits of the thread's image into `k.record`. */
function putWord(k: KernelState, offset: number, thread: Thread, from: number): void {
  k.recordWords[offset / 4] = thread.view.getUint32(from, true);
  k.recordWords[offset / 4 + 1] = thread.view.getUint32(from + 4, true);
}

/** Puts the request that tells a keeper of a fault into `k.record`. Returns its length. */
export function writeFault(
  k: KernelState,
  thread: Thread,
  code: number,
  reported: number,
  access: number,
): number {
  const to = faultMessage.offset;
  put(k, to.code, code);
  put(k, to.address, Math.max(0, reported));
  put(k, to.access, access);
  const pc = pcOf(k, thread);
  k.recordWords[to.pc / 4] = pc[0] as number;
  k.recordWords[to.pc / 4 + 1] = pc[1] as number;
  putWord(k, to.thread, thread, at.threadAddress);
  return faultMessage.size;
}

/** Puts the request that tells a scheduler that this thread could run into `k.record`. Returns its length. */
export function writeAsking(k: KernelState, thread: Thread): number {
  const to = schedulerMessage.offset;
  putWord(k, to.value, thread, at.schedulerValue);
  putWord(k, to.thread, thread, at.threadAddress);
  return schedulerMessage.size;
}

/** Ends the server's wait_receive with a message of `count` bytes. Commits for the server. */
function completeReceive(k: KernelState, server: Thread, flavour: number, port: Port, count: number): void {
  const registers = registersOf(k, server);
  setArgument(registers, 1, flavour);
  setArgumentHalves(registers, 2, port.aliasLow, port.aliasHigh);
  setArgument(registers, 3, argument(registers, 3) + count);
  setArgument(registers, 4, argument(registers, 4) - count);
  finish(k, server, 0);
  const entry = flavour === flavours.oneway ? at.serverOnewayEntry : at.serverIdempotentEntry;
  if (hasEntry(server, entry)) enterAt(k, server, entry);
}

/** Bytes of a short message of this length that the server has room for. */
function roomFor(k: KernelState, server: Thread, length: number): number {
  const room = argument(registersOf(k, server), 4);
  return Math.min(length, SHORT_MESSAGE_BYTES, room < 0 ? SHORT_MESSAGE_BYTES : room);
}

/**
 * Gives the first `length` bytes of `k.record` to the server as an idempotent request of `client`, whose links and wait
 * the caller of this sets. 0, or `absent` with nothing changed.
 */
export function handOverRecord(
  k: KernelState,
  client: Thread,
  server: Thread,
  port: Port,
  length: number,
): number {
  const count = roomFor(k, server, length);
  const opened = openWrite(k, k.window, server, argument(registersOf(k, server), 3), count);
  if (opened !== 0) return opened;
  // Commit: nothing below can fail.
  dropClient(k, server, false);
  writeRecordThrough(k, k.window, server, count);
  connectIdempotent(k, client, server);
  note(k, traceEvents.message.kind, client.serial, server.serial, flavours.idempotent);
  completeReceive(k, server, flavours.idempotent, port, count);
  return 0;
}

/** Gives the client's buffer (a1, a2) to the server: idempotent, or one-way without a connection. */
export function handOverBuffer(
  k: KernelState,
  client: Thread,
  server: Thread,
  port: Port,
  flavour: typeof flavours.oneway | typeof flavours.idempotent,
): number {
  const registers = registersOf(k, client);
  const length = argument(registers, 2);
  const count = roomFor(k, server, length < 0 ? SHORT_MESSAGE_BYTES : length);
  const target = argument(registersOf(k, server), 3);
  const carried = carry(k, client, argument(registers, 1), server, target, count);
  if (carried !== 0) return carried;
  // Commit: nothing below can fail.
  dropClient(k, server, false);
  if (flavour === flavours.idempotent) connectIdempotent(k, client, server);
  note(k, traceEvents.message.kind, client.serial, server.serial, flavour);
  completeReceive(k, server, flavour, port, count);
  return 0;
}

/** True while the thread waits for a keeper. */
export function isFaulting(thread: Thread): boolean {
  return (thread.flags & threadFlags.faulting) !== 0;
}
