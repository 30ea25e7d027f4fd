/**
 * Threads: their state, self, and the clock's entries.
 *
 * Export copies the image; import checks every word before it is believed, and then lets resume.ts find the thread its
 * place. State is set on stopped threads only, never on a user task's. Called by the dispatcher and state-calls.ts.
 */
import { assert } from '../../base/assert.ts';
import { TWO_32 } from '../../base/integer.ts';
import { PRIORITY_MAX, QUANTUM_TICKS, STAGE_WORK } from '../../base/limits.ts';
import { faults, outcomes } from '../abi/codes.ts';
import { TICKS_PER_NANOSECOND } from '../abi/memory.ts';
import { pendingBits, states, threadFlags } from '../abi/types.ts';
import { emptyThread, recycleImage, takeImage } from '../first-state.ts';
import { priorityChanged } from '../inherit.ts';
import { takePending } from '../interrupts.ts';
import {
  agreeOnSender,
  dropClient,
  dropServer,
  dropUnserved,
  dropWaiters,
  replaceLinks,
} from '../ipc/connection.ts';
import { servesIdempotent } from '../ipc/side.ts';
import { addLinker, forgetStray, noteStray, removeLinker, setClient, setServer } from '../links.ts';
import { touch } from '../memory/changed.ts';
import { dropScheduled } from '../ready.ts';
import {
  clearReservation,
  deadlineOf,
  saveRegisters,
  setArgumentHalves,
  unloadRegisters,
} from '../registers.ts';
import { resume } from '../resume.ts';
import { firstRunnable } from '../runnable.ts';
import { leaveQueue, park, sleep, tickOf } from '../schedule.ts';
import { type KernelState, live, type Port, type Space, type Thread } from '../state.ts';
import { passOn, sendAway } from './mutex.ts';
import { readNumber, shown, type TypeOperations, writeNumber } from './operations.ts';

const at = states.thread.offset;
const ALL_FLAGS = Object.values(threadFlags).reduce((sum: number, bit) => sum | bit, 0);
const ALL_PENDING = Object.values(pendingBits).reduce((sum: number, bit) => sum | bit, 0);
/** Words that only ever count up, from any number below 2^53 to the highest. */
const counters = [
  at.retired,
  at.entryCount,
  at.exceptionCount,
  at.pageFaultCount,
  at.cancelCount,
  at.copiedBytes,
];
/** Nanoseconds are ticks shifted right by so much. */
const NANOSECOND_SHIFT = 2;
assert(1 << NANOSECOND_SHIFT === TICKS_PER_NANOSECOND, 'clock: ticks are nanoseconds by a shift');
/** Bits of fcsr that exist (unprivileged manual, F extension). */
const FCSR_BITS = 0xff;

/** thread_self */
export function self(_k: KernelState, caller: Thread, registers: Uint32Array): number {
  const view = caller.view;
  registers[22] = view.getUint32(at.threadAddress, true);
  registers[23] = view.getUint32(at.threadAddress + 4, true);
  return outcomes.success;
}

/** clock_read */
export function readClock(k: KernelState, _caller: Thread, registers: Uint32Array): number {
  // In halves: programs read the clock so often that big integers would keep the collector of garbage busy.
  const { tickHalves } = k.machine.hart;
  const high = tickHalves[1] as number;
  const low = (((tickHalves[0] as number) >>> NANOSECOND_SHIFT) | (high << (32 - NANOSECOND_SHIFT))) >>> 0;
  setArgumentHalves(registers, 1, low, high >>> NANOSECOND_SHIFT);
  const { wall } = k;
  if (wall.base !== k.wallBase) {
    wall.base = k.wallBase;
    wall.low = Number(k.wallBase & 0xffff_ffffn);
    wall.high = Number(k.wallBase >> 32n);
  }
  const wallLow = wall.low + low;
  const carry = wallLow >= TWO_32 ? 1 : 0;
  setArgumentHalves(registers, 2, wallLow, wall.high + (high >>> NANOSECOND_SHIFT) + carry);
  return outcomes.success;
}

/** clock_sleep */
export function sleepUntil(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const deadline = deadlineOf(registers);
  if (deadline <= tickOf(k)) return outcomes.success;
  return sleep(k, caller, deadline);
}

/** True when the thread's state may be set: it is stopped and no user task. */
export function maySetState(caller: Thread, thread: Thread): number {
  if (thread === caller) return faults.self;
  return thread.isTask || (thread.flags & threadFlags.stopped) === 0 ? faults.raceCondition : 0;
}

/** What a thread is told, after a restart, of a conversation with a user task: that it was broken off. */
function brokenAtRestart(thread: Thread): number {
  const server = live(thread.server)?.isTask ? threadFlags.serverBroken : 0;
  const isRepeated = (thread.flags & threadFlags.clientIdempotent) !== 0;
  return live(thread.client)?.isTask && !isRepeated ? server | threadFlags.clientBroken : server;
}
/** A counter that has come this far comes out so for ever: a state with more could not be set any more. */
const COUNTER_MAX = Number.MAX_SAFE_INTEGER;

function inRange(value: number, end: number): boolean {
  return value >= 0 && value < end;
}

/** Nobody destroys or moves a user task's thread, and no thread itself. */
function mayTouch(caller: Thread, thread: Thread): number {
  if (thread === caller) return faults.self;
  return thread.isTask ? faults.raceCondition : 0;
}

/** Whether the thread, with this state, serves its client an idempotent request. */
function willServe(thread: Thread, view: DataView | null): boolean {
  const flags = view === null ? thread.flags : readNumber(view, at.flags);
  return (flags & threadFlags.clientIdempotent) !== 0;
}

/** The link to the client means another thing from now on, and so nothing that somebody else knows of. */
function changeService(k: KernelState, thread: Thread): void {
  const { client } = thread;
  dropClient(k, thread, false);
  setClient(thread, client);
}

export const threadOperations: TypeOperations<Thread> = {
  make: ({ home, address, serial, hash }, k) => emptyThread(takeImage(k), home, address, serial, hash, false),
  mayDestroy: mayTouch,
  mayMove: maySetState,
  /** Into its image, which is then its whole state: a record so long is not copied twice. */
  write(k, thread) {
    if (k.loaded === thread) saveRegisters(k);
    const own = thread.view;
    own.setBigUint64(at.hash, thread.hash, true);
    writeNumber(own, at.serial, thread.serial);
    writeNumber(own, at.flags, thread.flags | brokenAtRestart(thread));
    writeNumber(own, at.priority, thread.priority);
    writeNumber(own, at.turn, thread.turn);
    writeNumber(own, at.quantumLeft, thread.quantumLeft);
    writeNumber(own, at.ticket, thread.ticket);
    own.setBigUint64(at.deadline, thread.deadline, true);
    writeNumber(own, at.faultCode, thread.faultCode);
    writeNumber(own, at.faultAddress, thread.faultAddress);
    writeNumber(own, at.faultAccess, thread.faultAccess);
    writeNumber(own, at.pending, thread.pending);
    writeNumber(own, at.retired, Math.min(thread.retired, COUNTER_MAX));
    writeNumber(own, at.entryCount, Math.min(thread.entryCount, COUNTER_MAX));
    writeNumber(own, at.copiedBytes, Math.min(thread.copiedBytes, COUNTER_MAX));
  },
  links: (_k, thread) => [
    live(thread.space),
    live(thread.scheduler),
    shown(thread.waitingFor),
    shown(thread.client),
    shown(thread.server),
  ],
  check(_k, _thread, view, given) {
    const space = given[0] as Space | null | undefined;
    const client = given[3] as Thread | null | undefined;
    const server = given[4] as Thread | null | undefined;
    // The memory at the bottom is a user task's: no program runs there, or it would see what is in no image.
    if (space?.bottom || client?.isTask || server?.isTask) return faults.invalidState;
    if (view === null) return 0;
    const flags = readNumber(view, at.flags);
    if (flags < 0 || (flags & ~ALL_FLAGS) !== 0 || flags > ALL_FLAGS) return faults.invalidState;
    if (!inRange(readNumber(view, at.priority), PRIORITY_MAX + 1)) return faults.invalidState;
    if (!inRange(readNumber(view, at.faultAccess), 8)) return faults.invalidState;
    if (!inRange(readNumber(view, at.faultCode), 0x10000)) return faults.invalidState;
    if (!inRange(readNumber(view, at.pending), ALL_PENDING + 1)) return faults.invalidState;
    for (let i = 0; i < counters.length; i += 1)
      if (readNumber(view, counters[i] as number) < 0) return faults.invalidState;
    return readNumber(view, at.faultAddress) < 0 ? faults.invalidState : 0;
  },
  prepare(k, thread, view, given) {
    const client = given[3];
    const served = (client === undefined ? live(thread.client) : client) as Thread | null;
    return dropUnserved(k, thread, willServe(thread, view) ? served : null);
  },
  load(k, thread, view, given) {
    const space = given[0] as Space | null | undefined;
    const scheduler = given[1] as Port | null | undefined;
    const waitingFor = given[2];
    const client = given[3] as Thread | null | undefined;
    const server = given[4] as Thread | null | undefined;
    if (k.loaded === thread) unloadRegisters(k);
    leaveQueue(k, thread);
    if (willServe(thread, view) !== servesIdempotent(thread)) changeService(k, thread);
    replaceLinks(k, thread, client, server);
    forgetStray(thread);
    if (view !== null) loadWords(k, thread, view);
    if (space !== undefined && space !== thread.space) {
      thread.space?.threads.delete(thread);
      thread.space = space;
      space?.threads.add(thread);
    }
    if (scheduler !== undefined && scheduler !== thread.scheduler) {
      removeLinker(thread.scheduler, thread);
      k.schedulerLinks += Number(scheduler !== null) - Number(thread.scheduler !== null);
      thread.scheduler = scheduler;
      addLinker(scheduler, thread);
    }
    if (waitingFor !== undefined) thread.waitingFor = waitingFor;
    if (client !== undefined) setClient(thread, client);
    if (server !== undefined) setServer(thread, server);
    agreeOnSender(k, thread);
    priorityChanged(k, thread);
    touch(k, thread);
    resume(k, thread);
    takePending(k, thread);
    if (thread.queue === null) noteStray(thread);
    // Only the thread whose turn it is can hold a reservation.
    if (k.hasRun && firstRunnable(k) !== thread) clearReservation(k, thread);
  },
  /** A thread that goes away lets go of its peers, its mutexes and its place in queues. */
  release(k, thread) {
    // It may take several stages: until the last it stays as one that is stopped.
    thread.flags |= threadFlags.stopped;
    park(k, thread);
    dropClient(k, thread, true);
    dropServer(k, thread, true);
    if (!dropWaiters(k, thread) || !dropScheduled(k, thread, STAGE_WORK)) return false;
    for (let mutex = thread.owned.first; mutex !== null; mutex = thread.owned.first) {
      if (k.work >= STAGE_WORK) return false;
      if (!sendAway(k, mutex)) return false;
      k.work += 1;
      passOn(k, mutex);
    }
    forgetStray(thread);
    removeLinker(thread.scheduler, thread);
    if (thread.scheduler !== null) k.schedulerLinks -= 1;
    thread.space?.threads.delete(thread);
    if (k.loaded === thread) unloadRegisters(k);
    recycleImage(k, thread);
    return true;
  },
};

/** Loads `k.record`, which is what `view` shows and `check` let pass. Order words that were never handed out are not taken. */
function loadWords(k: KernelState, thread: Thread, view: DataView): void {
  const { longs } = thread;
  const { recordLongs } = k;
  for (let i = 0; i < longs.length; i += 1) longs[i] = recordLongs[i] as bigint;
  thread.usesFloats = null;
  thread.halves[0] = 0;
  thread.halves[1] = 0;
  const own = thread.view;
  own.setUint32(at.fcsr, own.getUint32(at.fcsr, true) & FCSR_BITS, true);
  own.setUint32(at.fcsr + 4, 0, true);
  longs[at.hash / 8] = 0n;
  longs[at.serial / 8] = 0n;
  thread.flags = readNumber(view, at.flags);
  thread.priority = readNumber(view, at.priority);
  const turn = readNumber(view, at.turn);
  thread.turn = inRange(turn, k.nextTurn) ? turn : 0;
  const quantum = readNumber(view, at.quantumLeft);
  thread.quantumLeft = quantum > 0 && quantum <= QUANTUM_TICKS ? quantum : QUANTUM_TICKS;
  const ticket = readNumber(view, at.ticket);
  thread.ticket = inRange(ticket, k.nextTicket) ? ticket : 0;
  thread.deadline = own.getBigUint64(at.deadline, true);
  thread.faultCode = readNumber(view, at.faultCode);
  thread.faultAddress = readNumber(view, at.faultAddress);
  thread.faultAccess = readNumber(view, at.faultAccess);
  thread.pending = readNumber(view, at.pending);
  thread.retired = readNumber(view, at.retired);
  thread.entryCount = readNumber(view, at.entryCount);
  thread.copiedBytes = readNumber(view, at.copiedBytes);
}
