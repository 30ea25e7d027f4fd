/**
 * The kernel: what the entry point (the machine's loop) drives.
 *
 * `run` executes guests until its limit, until nobody can run, or until a user task wants control; it never waits and
 * takes no host effect. Between two calls of `run` the state is whole: every thread is in its registers, links and
 * tickets. Invariant: cutting a run into slices, at any limits, changes nothing that a guest can observe (law 8).
 * Called by the entry point; user tasks see `TaskProcessor` only.
 */
import { assert, present } from '../base/assert.ts';
import { joinHalves } from '../base/integer.ts';
import { type Machine, traps } from '../hw/machine.ts';
import { causes, faults } from './abi/codes.ts';
import { kernelRecord, TICKS_PER_NANOSECOND } from './abi/memory.ts';
import { protection, threadFlags, typeNumbers } from './abi/types.ts';
import { checkChanged, checkSome, checkState } from './check/check.ts';
import { enter } from './dispatch.ts';
import { currentThread } from './donate.ts';
import { askAnew, donatedTicks } from './donors.ts';
import { mixSeed } from './entropy.ts';
import { serveFault, serveMemoryFault } from './fault.ts';
import { createState } from './first-state.ts';
import { createObject } from './lifecycle.ts';
import { pageNumber, settle, settleEarly, touchThread } from './memory/changed.ts';
import { reach } from './memory/copy.ts';
import { freeFrameCount } from './memory/frames.ts';
import { installEntry, useTables } from './memory/tables.ts';
import { findPlace, objectAt, serialKey } from './names.ts';
import type { HashWords } from './number-table.ts';
import { pointAt } from './objects/reference.ts';
import { loadRecord, writeRecord } from './record.ts';
import { clearReservation, loadRegisters, pcOf } from './registers.ts';
import { dropReservations, firstRunnable } from './runnable.ts';
import { chargeEntry, rotate, spendTicks, tickOf, ticksToDeadline, wakeDueSleepers } from './schedule.ts';
import type { KernelState, Thread } from './state.ts';
import { checkTaskPlace, createTask, serveQueued, type TaskProcessor, tellTasks } from './task.ts';
import { drain, type TraceEvent } from './trace.ts';

/** Why `run` came back: its limit was reached, nobody can run, or a user task wants control. */
export type RunEnd = 'limit' | 'idle' | 'service';

/** Most instructions that the hart is given at once. */
const BUDGET_MAX = 0x7fff_ffff;
/** Where tables put things when nobody says otherwise: digits of pi. Good for tests, or for programs that one trusts. */
const HASH_WORDS: HashWords = new Uint32Array([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344]);
/** Faults in a row that keepers may answer without an instruction being completed, before control goes back. */
const FAULTS_WITHOUT_PROGRESS_MAX = 256;

export interface Statistics {
  readonly entries: number;
  readonly faults: number;
  readonly switches: number;
  readonly services: number;
  /** Instructions of guests in this life of the host. */
  readonly retired: number;
  readonly objects: number;
  readonly framesFree: number;
}

export class Kernel {
  /** The kernel's whole mutable state; for tests, which corrupt it, and the invariant check. */
  readonly state: KernelState;
  /** Called after everything that is charged: a guest's entry, stage, or wait; for tests that take the machine apart there. */
  afterEntry: (() => void) | null = null;
  #faultsWithoutProgress = 0;
  /** The tasks made here, by processor: who a processor is, is nothing that its holder can say. */
  readonly #tasks = new WeakMap<object, Thread>();
  /** By the serial of the task's thread. */
  readonly #taskNames = new Map<number, string>();

  /**
   * `record`: the kernel record of the image, when there is one. `hashWords`: four words that no program can guess, else
   * it could make the kernel's tables slow; what it does is the same with any.
   */
  constructor(machine: Machine, record: Uint8Array | null = null, hashWords = HASH_WORDS) {
    this.state = createState(machine, hashWords);
    if (record !== null) loadRecord(this.state, record);
  }

  /**
   * Makes a user task, and lets it start. `memoryPages` of its own memory; its thread and its space lie at the start of
   * it (userland's `taskMemory`): `place`, where somebody wants the thread, may be no other address.
   */
  createTask(options: {
    memoryPages: number;
    place?: number;
    /** For traces. */
    name?: string;
    start?: (processor: TaskProcessor) => void;
  }): TaskProcessor {
    if (options.place !== undefined) checkTaskPlace(options.place);
    const { processor, thread } = createTask(this.state, options.memoryPages);
    this.#tasks.set(processor, thread);
    if (options.name !== undefined) this.#taskNames.set(thread.serial, options.name);
    options.start?.(processor);
    return processor;
  }

  /**
   * Wiring at boot: a reference of one task, at this address of its memory (made if there is none), points at an object
   * of another. There is no entry point of the ABI that crosses tasks like this.
   */
  grant(from: object, objectAddress: number, to: object, referenceAddress: number): void {
    const k = this.state;
    const source = present(this.#tasks.get(from), 'grant: the giver is a task of this kernel');
    const receiver = present(this.#tasks.get(to), 'grant: the receiver is a task of this kernel');
    const target = objectAt(k, source, objectAddress);
    assert(typeof target !== 'number', `grant: an object lies at ${objectAddress}`);
    assert(
      target.type !== typeNumbers.mapping && target.type !== typeNumbers.reference,
      'grant: it may be referenced',
    );
    let reference = objectAt(k, receiver, referenceAddress);
    if (
      reference === faults.noObject &&
      findPlace(k, receiver, referenceAddress) === 0 &&
      k.chain.space !== null
    ) {
      reference = createObject(k, typeNumbers.reference, k.chain.space, k.chain.address, 0n);
    }
    assert(
      typeof reference !== 'number' && reference.type === typeNumbers.reference,
      `grant: a reference may lie at ${referenceAddress}`,
    );
    pointAt(k, reference, target);
  }

  /**
   * Runs guests until about `limitTicks` have passed (an entry is not cut). No guest time passes while a task that has
   * clients in its queue puts their answer off.
   */
  run(limitTicks: number): RunEnd {
    const k = this.state;
    k.slicesGivenUp = false;
    if (!k.hasRun) dropReservations(k);
    k.hasRun = true;
    k.spentTicks = 0;
    if (!this.#serveQueues()) return 'service';
    wakeDueSleepers(k);
    tellTasks(k);
    if (k.slicesGivenUp) return 'service';
    while (k.spentTicks < limitTicks) {
      const thread = currentThread(k);
      if (thread === null) return 'idle';
      if (!this.#step(thread, limitTicks - k.spentTicks)) return 'service';
      if (k.slicesGivenUp) return 'service';
    }
    return firstRunnable(k) === null ? 'idle' : 'limit';
  }

  /** Lets tasks receive the clients that came into their queues. False: one of them wants control first. */
  #serveQueues(): boolean {
    const k = this.state;
    for (const set of k.toServe) serveQueued(k, set);
    return k.toServe.size === 0;
  }

  /** Runs the thread until something happens or the budget is spent. False: a user task wants control. */
  #step(thread: Thread, left: number): boolean {
    const k = this.state;
    const hart = k.machine.hart;
    loadRegisters(k, thread);
    touchThread(k, thread);
    const space = thread.space;
    assert(space !== null, 'kernel: a runnable thread has a space');
    useTables(k, space);
    const root = k.donors.length === 0 ? thread : (k.donors[0] as Thread);
    if (k.orphan === root) return this.#faultOrphan(root);
    const given = k.donors.length === 0 ? root.quantumLeft : Math.min(root.quantumLeft, donatedTicks(k));
    const budget = Math.min(left, given, Math.max(1, ticksToDeadline(k)), BUDGET_MAX);
    const { nextTurn, nextTicket } = k;
    // What was done between entries is charged to nobody.
    k.work = 0;
    const trap = hart.run(budget);
    const retired = hart.lastRetired;
    if (retired > 0) {
      thread.retired += retired;
      k.statistics.retired += retired;
      k.spentTicks += retired;
      spendTicks(k, thread, retired);
      this.#faultsWithoutProgress = 0;
    }
    const spent = k.spentTicks;
    const isDone = trap === traps.budget || this.#serve(thread, trap);
    if (k.toAskAnew.length > 0) askAnew(k);
    if (root.quantumLeft <= 0 && root.queue?.order === 'turn') rotate(k, root);
    if (k.sleepers.first !== null) wakeDueSleepers(k);
    if (k.toServe.size > 0 && !this.#serveQueues()) return false;
    if (k.tasksToTell.size > 0) tellTasks(k);
    if (root !== thread) {
      // Whatever happened may have given the donors' time to another: a reservation does not outlast that.
      const isQuiet = k.spentTicks === spent && k.nextTurn === nextTurn && k.nextTicket === nextTicket;
      if (!isQuiet) clearReservation(k, thread);
    }
    if (k.spentTicks !== spent) this.afterEntry?.();
    return isDone;
  }

  /**
   * The thread has the processor from nobody: what its memory comes from is gone, or a circle. For it that is as if there
   * were no memory to fetch from, whatever its other mappings show.
   */
  #faultOrphan(thread: Thread): boolean {
    const k = this.state;
    k.donors.length = 0;
    k.work = 0;
    thread.flags &= ~threadFlags.donating;
    const pc = pcOf(k, thread);
    const address = joinHalves(pc[0] as number, pc[1] as number);
    const code = faults.processor + causes.instructionAccess;
    if (serveFault(k, thread, code, address, protection.execute) === 'service') return false;
    chargeEntry(k, thread);
    if (thread.quantumLeft <= 0 && thread.queue?.order === 'turn') rotate(k, thread);
    wakeDueSleepers(k);
    if (k.tasksToTell.size > 0) tellTasks(k);
    this.afterEntry?.();
    return true;
  }

  /** Serves a trap. False: a user task wants control, and nothing happened. */
  #serve(thread: Thread, trap: number): boolean {
    const k = this.state;
    if (trap === traps.environmentCall) return enter(k, thread) === 'done';
    if (
      trap === traps.loadPageFault ||
      trap === traps.storePageFault ||
      trap === traps.instructionPageFault
    ) {
      return this.#servePageFault(thread, trap);
    }
    const served = serveFault(k, thread, faults.processor + trap, k.machine.hart.trapValue, 0);
    if (served === 'service') return false;
    chargeEntry(k, thread);
    return true;
  }

  #servePageFault(thread: Thread, trap: number): boolean {
    const k = this.state;
    const address = k.machine.hart.trapValue;
    const access =
      trap === traps.storePageFault
        ? protection.write
        : trap === traps.loadPageFault
          ? protection.read
          : protection.execute;
    const page = reach(k, thread, address, access);
    if (page !== null && thread.space !== null) {
      installEntry(k, thread.space, pageNumber(address), page, k.chain.rights & page.protection);
      return true;
    }
    this.#faultsWithoutProgress += 1;
    if (this.#faultsWithoutProgress > FAULTS_WITHOUT_PROGRESS_MAX) {
      this.#faultsWithoutProgress = 0;
      return false;
    }
    const served = serveMemoryFault(k);
    if (served === 'service') return false;
    if (served !== 'again') {
      chargeEntry(k, thread);
      this.#faultsWithoutProgress = 0;
    }
    return true;
  }

  /** Tick at which the first sleeper wakes, or null when nobody sleeps. */
  nextDeadline(): bigint | null {
    return this.state.sleepers.first?.deadline ?? null;
  }

  /** Ticks since the machine was made. */
  tick(): bigint {
    return tickOf(this.state);
  }

  /** Moves the clock forward (never back) and wakes the sleepers whose time has come, by (deadline, ticket). */
  stepClock(toTick: bigint): void {
    const k = this.state;
    if (toTick > tickOf(k)) k.machine.hart.tickWord[0] = toTick;
    wakeDueSleepers(k);
  }

  /** Wall-clock time at tick 0, nanoseconds since 1970. */
  setWallBase(nanoseconds: bigint): void {
    this.state.wallBase = BigInt.asUintN(64, nanoseconds);
  }

  /** Both clocks as clock_read gives them, nanoseconds. */
  clock(): { readonly monotonic: bigint; readonly wall: bigint } {
    const monotonic = tickOf(this.state) / BigInt(TICKS_PER_NANOSECOND);
    return { monotonic, wall: BigInt.asUintN(64, this.state.wallBase + monotonic) };
  }

  /** Mixes four words from outside into the machine's generator. */
  seed(words: readonly bigint[]): void {
    mixSeed(this.state.generator, words);
  }

  /** The kernel record, as laid out in `abi/memory.ts`. */
  record(): Uint8Array {
    const bytes = new Uint8Array(kernelRecord.size);
    writeRecord(this.state, new DataView(bytes.buffer));
    return bytes;
  }

  /** Sets the kernel record: after a restart has made and linked everything, so that its making left no trace. */
  restoreRecord(bytes: Uint8Array): void {
    loadRecord(this.state, bytes);
  }

  /** The full invariant check; throws an InvariantError that names the broken one. */
  check(): void {
    checkState(this.state);
  }

  /** The part of the check that looks at these objects, by serial: for demarcations, which have just collected them. */
  checkChanged(serials: readonly number[]): void {
    checkChanged(this.state, serials);
  }

  /**
   * Goes on with a full pass that is spread over many calls, for about this many steps. True when it has just come to
   * an end: everything that was there when it began was looked at.
   */
  checkSome(steps: number): boolean {
    return checkSome(this.state, steps);
  }

  /** Remembers from now on what pages hold that nobody wrote to, for the check to compare: for tests. */
  watchCleanPages(): void {
    this.state.contentSums ??= new Map();
  }

  /** Carries some pending changes into the changed sets already, for a later collect to have less to do. */
  settleEarly(): void {
    settleEarly(this.state);
  }

  /** Carries pending changes into the changed sets; collect does it by itself. */
  settle(): void {
    settle(this.state);
  }

  /** From now on every event of the trace comes to `sink`, in order, some at a time; null: no more. */
  traceTo(sink: ((events: readonly TraceEvent[]) => void) | null): void {
    const { trace } = this.state;
    drain(trace);
    trace.overflow = sink === null ? null : () => sink(drain(trace));
  }

  /** Hands over the events that `traceTo`'s sink has not got yet. */
  flushTrace(): void {
    this.state.trace.overflow?.();
  }

  /** The serial of a thread's space, and the name of a user task; null when there is no such thread. */
  describeThread(serial: number): { readonly space: number; readonly taskName: string | null } | null {
    const thread = this.state.bySerial.get(serialKey(this.state, serial));
    if (thread?.type !== typeNumbers.thread) return null;
    return { space: thread.space?.serial ?? 0, taskName: this.#taskNames.get(serial) ?? null };
  }

  statistics(): Statistics {
    const k = this.state;
    return { ...k.statistics, objects: k.bySerial.size, framesFree: freeFrameCount(k) };
  }
}
