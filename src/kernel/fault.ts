/**
 * Faults: who is told, and what becomes of the thread.
 *
 * A memory fault belongs to the keeper of the first region that could not answer; everything else, and a memory fault
 * without such a keeper, to the thread's own trap handler if it has one and its exceptions are enabled, else (in a
 * handler, above all) to the keeper of its space; without one the thread stays as it is, its fault words
 * set (fluke.md A.7). A keeper that is a user task answers at once and without guest time: the access is made again. A
 * keeper in the machine gets an idempotent call in the thread's name: the thread waits, flagged faulting.
 * Called by the dispatcher for traps, programming errors, and `absent` results.
 */
import { faults } from './abi/codes.ts';
import { flavours } from './abi/entry.ts';
import { threadFlags } from './abi/types.ts';
import { countException, enterTrapHandler, hasTrapHandler } from './interrupts.ts';
import {
  aliasNumber,
  handOverRecord,
  isMemoryFault,
  keeperOf,
  memoryFaultCode,
  writeFault,
} from './ipc/handover.ts';
import { resolve } from './memory/chain.ts';
import { pageNumber, touchThread } from './memory/changed.ts';
import { pageOfChain } from './memory/copy.ts';
import { installEntry } from './memory/tables.ts';
import { results } from './results.ts';
import { finish, park, wait, wake } from './schedule.ts';
import {
  type KernelState,
  live,
  livePortset,
  liveSpace,
  type Port,
  type Space,
  type Thread,
} from './state.ts';
import { note, traceEvents } from './trace.ts';

/**
 * What came of a fault: make the access again, at no cost; give control back, nothing was changed; the thread waits; or
 * its keeper was told and lets it try again, but the chain still forbids the access: that costs guest time, or a thread
 * whose keeper is any port that answers would stand still for ever and let nobody else run.
 */
export type Served = 'again' | 'service' | 'blocked' | 'told';

/** Room that a keeper has for its answer to a fault, bytes. */
const FAULT_ANSWER_BYTES = 8;
/** Faults of one server's buffer that are served before its message is put off to the next attempt. */
const ATTEMPTS_MAX = 64;

/** Serves the access that `state.fault` describes. */
export function serveMemoryFault(k: KernelState): Served {
  const { thread, address, access } = k.fault;
  if (thread === null) return 'blocked';
  return serveFault(k, thread, memoryFaultCode(access), address, access);
}

/** Tells the keeper of a fault of this thread. */
export function serveFault(
  k: KernelState,
  thread: Thread,
  code: number,
  address: number,
  access: number,
): Served {
  k.statistics.faults += 1;
  if (thread.isTask) {
    // A task that waits has its buffer where nothing is: its call ends with that fault, and its peer goes on.
    finish(k, thread, faults.invalidAddress);
    return 'told';
  }
  note(k, traceEvents.fault.kind, thread.serial, code, address);
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const { port, reported, isRegionKeeper } = keeperOf(k, thread, code, address, access);
    if (!isRegionKeeper && hasTrapHandler(thread)) {
      countException(thread, isMemoryFault(code));
      enterTrapHandler(k, thread, code, address, access);
      return 'told';
    }
    if (port === null) return keepBlocked(k, thread, code, address, access);
    const set = livePortset(port.portset);
    const length = writeFault(k, thread, code, reported, access);
    if (set !== null && set.service !== null) {
      return askTask(k, thread, port, k.record.slice(0, length), code, address, access);
    }
    const server = set?.servers.first ?? null;
    if (server === null) {
      setFaultWords(k, thread, code, address, access);
      countException(thread, isMemoryFault(code));
      wait(k, thread, port.clients, port);
      return 'blocked';
    }
    // A waiting thread that is at fault itself cannot be the one that serves the fault: it leaves its wait first.
    if (server === thread) {
      wake(k, server);
      continue;
    }
    const handed = handOverRecord(k, thread, server, port, length);
    if (handed === 0) {
      countException(thread, isMemoryFault(code));
      setFaultWords(k, thread, code, address, access);
      wait(k, thread, server.waiters, server);
      return 'blocked';
    }
    if (handed !== results.absent) return keepBlocked(k, thread, code, address, access);
    // The server's own buffer is not there. A page that is only not in memory comes from its pager, which takes no
    // guest time. Anything else is the server's own fault: it meets it when it makes its call again, not here, or two
    // servers whose buffers are each other's would be asked for ever.
    if (!isPageAway(k)) wake(k, server);
    else if (serveMemoryFault(k) === 'service') return 'service';
  }
  return 'service';
}

/** True when the access that `state.fault` describes is allowed by the chain: only the page is not in memory. */
function isPageAway(k: KernelState): boolean {
  const { thread, address, access } = k.fault;
  const space = thread === null ? null : liveSpace(thread.space);
  return space !== null && resolve(k.chain, space, address, access);
}

/** Asks a keeper that is a user task. */
function askTask(
  k: KernelState,
  thread: Thread,
  port: Port,
  bytes: Uint8Array,
  code: number,
  address: number,
  access: number,
): Served {
  const service = livePortset(port.portset)?.service ?? null;
  if (service === null) return 'service';
  k.statistics.services += 1;
  const alias = aliasNumber(port);
  note(k, traceEvents.service.kind, thread.serial, alias, flavours.idempotent);
  const answer = service.receive({
    flavour: flavours.idempotent,
    alias,
    bytes,
    answerLength: FAULT_ANSWER_BYTES,
  });
  if (answer === 'retry') return 'service';
  if (!thread.alive) return 'blocked';
  if (answer === 'never') return keepBlocked(k, thread, code, address, access);
  if (!isRetryAnswer(k, thread, code, address, access, answer.bytes)) {
    return keepBlocked(k, thread, code, address, access);
  }
  const space = liveSpace(thread.space);
  return space !== null && resolve(k.chain, space, address, access) ? 'again' : 'told';
}

/** Puts into the tables what the access reaches that was just resolved: it is made again, and need not trap once more. */
function installResolved(k: KernelState, space: Space, address: number, access: number): void {
  const page = pageOfChain(k.chain, access);
  if (page !== null) installEntry(k, space, pageNumber(address), page, k.chain.rights & page.protection);
}

/**
 * Whether a keeper's answer lets the thread try again. A region's keeper answers by having made the access possible, or
 * by being asked once more; the keeper of a space says so with a first word that is not zero.
 */
export function isRetryAnswer(
  k: KernelState,
  thread: Thread,
  code: number,
  address: number,
  access: number,
  bytes: Uint8Array,
): boolean {
  const space = liveSpace(thread.space);
  if (isMemoryFault(code) && space !== null) {
    if (resolve(k.chain, space, address, access)) {
      installResolved(k, space, address, access);
      return true;
    }
    if (k.chain.region !== null && live(k.chain.region.keeper) !== null) return true;
  }
  return bytes.length >= 8 && bytes.subarray(0, 8).some((byte) => byte !== 0);
}

function setFaultWords(k: KernelState, thread: Thread, code: number, address: number, access: number): void {
  thread.flags |= threadFlags.faulting;
  thread.faultCode = code;
  thread.faultAddress = Math.max(0, address);
  thread.faultAccess = access;
  touchThread(k, thread);
}

/** Nobody answers: the thread stays at its fault until its state is set. */
export function keepBlocked(
  k: KernelState,
  thread: Thread,
  code: number,
  address: number,
  access: number,
): Served {
  setFaultWords(k, thread, code, address, access);
  thread.waitingFor = null;
  thread.ticket = 0;
  park(k, thread);
  return 'blocked';
}
