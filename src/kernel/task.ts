/**
 * User tasks: threads whose processor is host code, with the bottom spaces they live in.
 *
 * Invariants: only the entry point makes one (there is no entry point of the ABI for it), so there is none inside the
 * persistent subtree; a task never waits; its calls cost no guest time. Its shape is userland's `Processor`.
 * Called by kernel.ts.
 */
import { assert } from '../base/assert.ts';
import { joinHalves } from '../base/integer.ts';
import { OBJECT_SIZE, PAGE_SIZE, SEGMENT_PAGES_MAX } from '../base/limits.ts';
import { enterForTask } from './dispatch.ts';
import { serveFault, serveMemoryFault } from './fault.ts';
import { firstClient } from './ipc/busy.ts';
import { isFaulting } from './ipc/handover.ts';
import { callTask } from './ipc/short.ts';
import { createTaskObjects } from './lifecycle.ts';
import { resolve } from './memory/chain.ts';
import { makeTaskMemory } from './memory/frames.ts';
import { namedPortset } from './names.ts';
import { setArgument } from './registers.ts';
import { isFault, results } from './results.ts';
import { finish, wake } from './schedule.ts';
import type { Bottom, KernelState, Portset, TaskService, Thread } from './state.ts';

/** A task's own memory begins above the largest store segment. */
export const TASK_MEMORY_ADDRESS = SEGMENT_PAGES_MAX * PAGE_SIZE;
/** Where the task's own thread and space lie in it (userland's `taskMemory`). */
const THREAD_OFFSET = 0;
const SPACE_OFFSET = OBJECT_SIZE;

/** What a task gets: the same shape as userland's `Processor`, which the kernel may not import. */
export interface TaskProcessor {
  readonly memoryAddress: number;
  readonly memory: Uint8Array;
  readonly memoryView: DataView;
  call(entryNumber: number, ...args: readonly number[]): number;
  result(index: number): number;
  page(address: number): Uint8Array | null;
  serve(portsetAddress: number, service: TaskService): void;
  stopServing(portsetAddress: number): void;
  giveUpSlice(): void;
}

/** Makes a user task with this much memory of its own. */
export function createTask(
  k: KernelState,
  memoryPages: number,
): { processor: TaskProcessor; thread: Thread } {
  const bottom: Bottom = {
    pages: new Map(),
    objects: new Map(),
    objectsByPage: new Map(),
    pagesWithObjects: null,
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
  const processor: TaskProcessor = {
    memoryAddress,
    memory,
    memoryView: new DataView(memory.buffer, memory.byteOffset, memory.byteLength),
    call(entryNumber, ...args) {
      for (let i = 0; i < 7; i += 1) setArgument(thread.halves, i, args[i] ?? 0);
      thread.halves.fill(0, 10, 14);
      return enterForTask(k, thread, entryNumber);
    },
    result(index) {
      const place = 2 * (11 + index);
      const value = joinHalves(thread.halves[place] as number, thread.halves[place + 1] as number);
      assert(value >= 0, `task: result ${index} is below 2^53`);
      return value;
    },
    page(address) {
      if (!resolve(k.chain, space, address, 0)) return null;
      const page = k.chain.space?.bottom?.pages.get(Math.floor(k.chain.address / PAGE_SIZE));
      return page === undefined ? null : k.machine.frame(page.frame);
    },
    serve(portsetAddress, service) {
      const set = namedSet(portsetAddress);
      set.service = service;
      serveQueued(k, set);
    },
    stopServing(portsetAddress) {
      const set = namedSet(portsetAddress);
      set.service = null;
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

/** False when the task wants to be asked again later. */
function serveClient(k: KernelState, set: Portset, client: Thread): boolean {
  const port = client.queue?.port ?? null;
  const service = set.service;
  if (port === null || service === null) return false;
  k.copied = 0;
  if (isFaulting(client)) return serveFaultingClient(k, client);
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
