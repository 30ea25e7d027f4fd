/**
 * User tasks: threads whose processor is host code, with the bottom spaces they live in.
 *
 * Invariants: only the entry point makes one (there is no entry point of the ABI for it), so there is none inside the
 * persistent subtree: its state could not be saved. Its calls cost no guest time; it waits in queues like any thread
 * (task-calls.ts), and the host is told when it may go on. Its shape is userland's `Processor`.
 * Called by kernel.ts.
 */
import { assert } from '../base/assert.ts';
import { joinHalves } from '../base/integer.ts';
import { OBJECT_SIZE, PAGE_SIZE, SEGMENT_PAGES_MAX } from '../base/limits.ts';
import { outcomes } from './abi/codes.ts';
import { type Served, serveFault, serveMemoryFault } from './fault.ts';
import { firstClient } from './ipc/busy.ts';
import { isFaulting } from './ipc/handover.ts';
import { isConnect } from './ipc/reliable.ts';
import { callTask } from './ipc/short.ts';
import { createTaskObjects } from './lifecycle.ts';
import { resolve } from './memory/chain.ts';
import { pageOfChain } from './memory/copy.ts';
import { makeTaskMemory } from './memory/frames.ts';
import { emptySpans } from './memory/spans.ts';
import { namedPortset } from './names.ts';
import { NumberTable } from './number-table.ts';
import { isAsking } from './ready.ts';
import {
  argumentWord,
  entryNumber,
  registersOf,
  setArgument,
  setArgumentWord,
  setEntryNumber,
} from './registers.ts';
import { isFault, results } from './results.ts';
import { finish, wake } from './schedule.ts';
import type { Bottom, KernelState, Port, Portset, TaskService, Thread } from './state.ts';
import { beginTaskCall, cancelTaskCall, finishTaskCall, TASK_WAITING } from './task-calls.ts';

/** A task's own memory begins above the largest store segment. */
export const TASK_MEMORY_ADDRESS = SEGMENT_PAGES_MAX * PAGE_SIZE;
/** Where the task's own thread and space lie in it (userland's `taskMemory`). */
const THREAD_OFFSET = 0;
const SPACE_OFFSET = OBJECT_SIZE;

/** Times that tasks are told before control goes back. */
const TELLINGS_MAX = 1000;
/** Indices of t0 and t1. */
const T0 = 10;
const T1 = 12;

/** What a task gets: the same shape as userland's `Processor`, which the kernel may not import. */
export interface TaskProcessor {
  readonly memoryAddress: number;
  readonly memory: Uint8Array;
  readonly memoryView: DataView;
  call(entryNumber: number, ...args: readonly (number | bigint)[]): number;
  finish(): number;
  cancel(): boolean;
  result(index: number): number;
  resultWord(index: number): bigint;
  referencesLeft(table: 'send' | 'receive'): number;
  takePending(): number;
  whenTold(callback: (() => void) | null): void;
  page(address: number): Uint8Array | null;
  pageCopier(target: WebAssembly.Memory): (address: number, to: number) => boolean;
  serve(portsetAddress: number, service: TaskService): void;
  stopServing(portsetAddress: number): void;
  giveUpSlice(): void;
}

/**
 * A user task has its thread and its space in memory of its own, and nowhere else: thrown when somebody wants one
 * where its state would have to be saved.
 */
export class TaskPlaceError extends Error {
  override readonly name = 'TaskPlaceError';
}

/** Refuses a place of a task's thread that is not in its own memory. */
export function checkTaskPlace(place: number): void {
  if (place === TASK_MEMORY_ADDRESS + THREAD_OFFSET) return;
  throw new TaskPlaceError(
    `a user task cannot be made at 0x${place.toString(16)}, inside the persistent subtree: its processor is code of ` +
      'the host, whose state no image can hold. Make it outside, and give the program a reference to its port.',
  );
}

/** Makes a user task with this much memory of its own. */
export function createTask(
  k: KernelState,
  memoryPages: number,
): { processor: TaskProcessor; thread: Thread } {
  const bottom: Bottom = {
    pages: new NumberTable(k.hashWords),
    objects: new NumberTable(k.hashWords),
    objectsByPage: new NumberTable(k.hashWords),
    pagesWithObjects: emptySpans(),
    limits: emptySpans(),
  };
  const memoryAddress = TASK_MEMORY_ADDRESS;
  const { space, thread } = createTaskObjects(
    k,
    bottom,
    memoryAddress + SPACE_OFFSET,
    memoryAddress + THREAD_OFFSET,
  );
  const memory = makeTaskMemory(k, space, bottom, memoryAddress, memoryPages);
  assert(memory !== null, `task: RAM has room for ${memoryPages} pages of a task's own memory`);
  const namedSet = (address: number): Portset => {
    const set = namedPortset(k, thread, address);
    assert(typeof set !== 'number', `task: a port set lies at ${address}`);
    return set;
  };
  let isCalling = false;
  // True while a handler works on the task's registers: its own service must not be asked meanwhile.
  let isInside = false;
  const servePeer = (): Served => {
    const halves = thread.halves.slice();
    isInside = false;
    const served = serveMemoryFault(k);
    assert(!isCalling, 'task: what it calls while it serves a page does not wait');
    isInside = true;
    thread.halves.set(halves);
    thread.pcHalves.fill(0);
    return served;
  };
  const enter = (make: typeof beginTaskCall): number => {
    isInside = true;
    const result = make(k, thread, servePeer);
    isInside = false;
    isCalling = result === TASK_WAITING;
    return result;
  };
  const processor: TaskProcessor = {
    memoryAddress,
    memory,
    memoryView: new DataView(memory.buffer, memory.byteOffset, memory.byteLength),
    call(number, ...args) {
      assert(!isInside, 'task: it does not call a port that it serves itself');
      const registers = thread.halves;
      if (isCalling)
        assert(false, `task: the call ${entryNumber(registers)} is finished or canceled before the next`);
      const count = Math.min(args.length, 7);
      for (let i = 0; i < count; i += 1) {
        const value = args[i] as number | bigint;
        if (typeof value === 'number') setArgument(registers, i, value);
        else setArgumentWord(registers, i, value);
      }
      for (let i = count; i < 7; i += 1) setArgument(registers, i, 0);
      setEntryNumber(registers, number);
      // t0 and t1 count the references of a reliable verb.
      registers[T0] = args.length > 7 ? Number(args[7]) : 0;
      registers[T0 + 1] = 0;
      registers[T1] = args.length > 8 ? Number(args[8]) : 0;
      registers[T1 + 1] = 0;
      return enter(beginTaskCall);
    },
    finish() {
      assert(isCalling, 'task: only a call that waits is finished');
      return enter(finishTaskCall);
    },
    cancel() {
      if (!isCalling || !cancelTaskCall(k, thread)) return false;
      isCalling = false;
      return true;
    },
    referencesLeft: (table) => thread.halves[table === 'send' ? T0 : T1] as number,
    takePending() {
      const { pending } = thread;
      thread.pending = 0;
      return pending;
    },
    whenTold(callback) {
      if (callback === null) k.toldTasks.delete(thread);
      else k.toldTasks.set(thread, callback);
    },
    result(index) {
      const place = 2 * (11 + index);
      const value = joinHalves(thread.halves[place] as number, thread.halves[place + 1] as number);
      if (value < 0) assert(false, `task: result ${index} is below 2^53`);
      return value;
    },
    resultWord: (index) => argumentWord(thread.halves, index + 1),
    page(address) {
      if (!resolve(k.chain, space, address, 0)) return null;
      const page = pageOfChain(k.chain, 0);
      return page === null ? null : k.machine.frame(page.frame);
    },
    pageCopier(target) {
      const copy = k.machine.copier(target);
      return (address, to) => {
        if (!resolve(k.chain, space, address, 0)) return false;
        const page = pageOfChain(k.chain, 0);
        if (page === null) return false;
        copy(page.frame, to);
        return true;
      };
    },
    serve(portsetAddress, service) {
      const set = namedSet(portsetAddress);
      set.service = service;
      set.isBorder = true;
      serveQueued(k, set);
    },
    stopServing(portsetAddress) {
      const set = namedSet(portsetAddress);
      set.service = null;
      set.isBorder = true;
      k.toServe.delete(set);
    },
    giveUpSlice() {
      k.slicesGivenUp = true;
    },
  };
  return { processor, thread };
}

/**
 * Lets the task that serves the set receive the clients that are queued, in ticket order. A client whose answer is put
 * off stays the first; the rest follow at the next `run`.
 */
export function serveQueued(k: KernelState, set: Portset): void {
  for (;;) {
    const client = set.alive && set.service !== null ? firstClient(set) : null;
    if (client === null) {
      k.toServe.delete(set);
      return;
    }
    if (!serveClient(k, set, client)) {
      k.toServe.add(set);
      return;
    }
  }
}

/**
 * Tells the host of tasks whose wait is over, or that were alerted, in the order in which that happened. A task that
 * nobody listens for gets control back: `Kernel.run` returns. Called between entries, so it takes no guest time.
 */
export function tellTasks(k: KernelState): void {
  for (let told = 0; told < TELLINGS_MAX && !k.slicesGivenUp; told += 1) {
    const [task] = k.tasksToTell;
    if (task === undefined) return;
    k.tasksToTell.delete(task);
    const callback = k.toldTasks.get(task);
    if (callback === undefined) k.slicesGivenUp = true;
    else callback();
  }
  // Tasks that keep each other busy: the host looks at its own affairs first.
  if (k.tasksToTell.size > 0) k.slicesGivenUp = true;
}

/** False when the task wants to be asked again later. */
function serveClient(k: KernelState, set: Portset, client: Thread): boolean {
  const port = client.queue?.port ?? null;
  const service = set.service;
  if (port === null || service === null) return false;
  const isServed = serveOne(k, client, port, service);
  // Nobody is charged for what was done in the name of a client that waits.
  k.copied = 0;
  k.work = 0;
  return isServed;
}

function serveOne(k: KernelState, client: Thread, port: Port, service: TaskService): boolean {
  k.copied = 0;
  if (isAsking(client)) {
    // A task has no time to give: it asks elsewhere.
    wake(k, client);
    return true;
  }
  if (isFaulting(client)) return serveFaultingClient(k, client);
  if (isConnect(entryNumber(registersOf(k, client)))) {
    // It came while nobody served the set: a task takes no reliable connections.
    finish(k, client, outcomes.invalidDestination);
    return true;
  }
  const result = callTask(k, client, port, service);
  k.copied = 0;
  if (result === results.service) return false;
  if (result === results.absent) {
    // The client's buffer is not there: its own fault first. It may have to wait elsewhere for that.
    const served = serveMemoryFault(k);
    if (served === 'told') wake(k, client);
    return served !== 'service';
  }
  if (result >= 0 && client.alive && client.queue !== null) {
    if (isFault(result)) wake(k, client);
    else finish(k, client, result);
  }
  return true;
}

/** A thread that waited at its keeper's closed port: it makes its access again, or stays as the keeper decides. */
function serveFaultingClient(k: KernelState, client: Thread): boolean {
  const ticket = client.ticket;
  const served = serveFault(k, client, client.faultCode, client.faultAddress, client.faultAccess);
  if (served === 'service') return false;
  const isRetried = served === 'again' || served === 'told';
  if (isRetried && client.alive) wake(k, client);
  // Nobody answered and it waits where it waited: do not ask for ever.
  return client.ticket !== ticket || client.queue === null || isRetried;
}
