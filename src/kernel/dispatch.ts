/**
 * From an entry number to its handler, and from what the handler returns to the caller's registers.
 *
 * Invariants: every entry of `abi/entries.ts` has a handler (the type checker sees to it); a handler that meets an
 * absent page has changed nothing, so it is simply run again once the page is there, uncharged; outcomes go into a0,
 * programming errors to the caller's keeper with pc still at the call. Called by kernel.ts for guests and task.ts for
 * user tasks.
 */
import { assert } from '../base/assert.ts';
import { faults, outcomes } from './abi/codes.ts';
import { type EntryName, entries } from './abi/entries.ts';
import { kernelRecord } from './abi/memory.ts';
import { typeNumbers } from './abi/types.ts';
import * as donate from './donate.ts';
import { nextWord } from './entropy.ts';
import { type Served, serveFault, serveMemoryFault } from './fault.ts';
import * as interrupts from './interrupts.ts';
import * as alert from './ipc/alert.ts';
import * as parking from './ipc/parking.ts';
import { reliableHandlers } from './ipc/reliable.ts';
import * as short from './ipc/short.ts';
import { openWrite, writeWindow } from './memory/copy.ts';
import type { TypeNumber } from './names.ts';
import * as cond from './objects/cond.ts';
import * as mapping from './objects/mapping.ts';
import * as mutex from './objects/mutex.ts';
import * as reference from './objects/reference.ts';
import * as region from './objects/region.ts';
import * as changes from './objects/region-changes.ts';
import * as pages from './objects/region-pages.ts';
import * as thread from './objects/thread.ts';
import { writeRecord } from './record.ts';
import { argument, completeCall, entryNumber, registersOf, setArgumentWord } from './registers.ts';
import { isFault, results } from './results.ts';
import { chargeEntry } from './schedule.ts';
import type { KernelState, Thread } from './state.ts';
import * as state from './state-calls.ts';
import { note, traceEvents } from './trace.ts';

export type Handler = (k: KernelState, caller: Thread, registers: Uint32Array) => number;

/** Absent pages that one entry may meet before control goes back, so that a keeper that answers nothing cannot hang us. */
const ABSENT_MAX = 1024;

function common<N extends string, const T extends TypeNumber>(name: N, type: T) {
  const handlers = {
    [`${name}_create`]: (k, caller, r) => state.create(k, caller, r, type, 0n),
    [`${name}_create_hash`]: (k, caller, r) => state.createHash(k, caller, r, type),
    [`${name}_destroy`]: (k, caller, r) => state.destroy(k, caller, r, type),
    [`${name}_reference`]: (k, caller, r) => state.reference(k, caller, r, type),
    [`${name}_move`]: (k, caller, r) => state.move(k, caller, r, type),
    [`${name}_get_state`]: (k, caller, r) => state.getState(k, caller, r, type, true),
    [`${name}_set_state`]: (k, caller, r) => state.setState(k, caller, r, type),
    [`${name}_peek_state`]: (k, caller, r) => state.getState(k, caller, r, type, false),
  } satisfies Record<string, Handler>;
  return handlers as Record<`${N}_${CommonOperation}`, Handler>;
}

type CommonOperation =
  | 'create'
  | 'create_hash'
  | 'destroy'
  | 'reference'
  | 'move'
  | 'get_state'
  | 'set_state'
  | 'peek_state';

function copyRecord(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const opened = openWrite(k, k.window, caller, argument(registers, 0), kernelRecord.size);
  if (opened !== 0) return opened;
  writeRecord(k, k.recordView);
  writeWindow(k, k.window, caller, k.record.subarray(0, kernelRecord.size));
  return outcomes.success;
}

function entropy(k: KernelState, _caller: Thread, registers: Uint32Array): number {
  setArgumentWord(registers, 1, nextWord(k.generator));
  return outcomes.success;
}

/** One handler for each entry point. */
const handlers: Readonly<Record<EntryName, Handler>> = {
  ...common('mutex', typeNumbers.mutex),
  ...common('cond', typeNumbers.cond),
  ...common('mapping', typeNumbers.mapping),
  ...common('region', typeNumbers.region),
  ...common('port', typeNumbers.port),
  ...common('portset', typeNumbers.portset),
  ...common('space', typeNumbers.space),
  ...common('thread', typeNumbers.thread),
  ...common('reference', typeNumbers.reference),
  mutex_lock: mutex.lock,
  mutex_trylock: mutex.trylock,
  mutex_unlock: mutex.unlock,
  cond_wait: cond.condWait,
  cond_signal: cond.signal,
  cond_broadcast: cond.broadcast,
  cond_wait_again: cond.condWaitAgain,
  mapping_protect: mapping.protect,
  region_protect: region.protect,
  region_search: region.search,
  region_supply: pages.supply,
  region_evict: pages.evict,
  region_discard: pages.discard,
  region_protect_page: pages.protectPage,
  region_collect: changes.collect,
  region_peek_changed: changes.peekChanged,
  region_mark_changed: changes.markChanged,
  thread_self: thread.self,
  reference_check: reference.check,
  reference_compare: reference.compare,
  reference_copy: reference.copy,
  reference_hash: reference.hash,
  reference_type: reference.type,
  reference_locate: reference.locate,
  ipc_call: short.call,
  ipc_reply: short.reply,
  ipc_reply_wait_receive: short.replyWaitReceive,
  ipc_send: short.send,
  ipc_wait_receive: short.waitReceive,
  ipc_setup_wait_receive: short.setupWaitReceive,
  ...reliableHandlers,
  ipc_client_alert: alert.clientAlert,
  ipc_server_alert: alert.serverAlert,
  clock_read: thread.readClock,
  clock_sleep: thread.sleepUntil,
  kernel_record: copyRecord,
  kernel_entropy: entropy,
  thread_enable_exceptions: interrupts.enableExceptions,
  thread_disable_exceptions: interrupts.disableExceptions,
  thread_get_handlers: interrupts.getHandlers,
  thread_set_handlers: interrupts.setHandlers,
  thread_get_saved_state: interrupts.getSavedState,
  thread_set_saved_state: interrupts.setSavedState,
  thread_return_from_exception: interrupts.returnFromException,
  thread_interrupt: interrupts.interrupt,
  thread_get_client: parking.getClient,
  thread_set_client: parking.setClient,
  thread_get_server: parking.getServer,
  thread_set_server: parking.setServer,
  thread_schedule: donate.schedule,
};

const FIRST_NUMBER = 0x400;
const byNumber: readonly (Handler | undefined)[] = (() => {
  const table = new Array<Handler | undefined>(0x340).fill(undefined);
  for (const name of Object.keys(entries) as EntryName[]) {
    const index = entries[name].number - FIRST_NUMBER;
    assert(index >= 0 && index < table.length, `dispatch: the number of ${name} is in the table`);
    assert(table[index] === undefined, `dispatch: the number of ${name} is its own`);
    table[index] = handlers[name];
  }
  return table;
})();

/** The handler of an entry number, undefined when there is no such entry. */
export function handlerOf(number: number): Handler | undefined {
  return byNumber[number - FIRST_NUMBER];
}

/** What became of a guest's ecall. `service`: nothing happened, control goes back. */
export type Entered = 'done' | 'service';

/** Makes the call that the registers of the running thread describe, up to one committed stage. Charges it. */
export function enter(k: KernelState, caller: Thread): Entered {
  k.statistics.entries += 1;
  for (let attempt = 0; attempt < ABSENT_MAX; attempt += 1) {
    k.copied = 0;
    k.work = 0;
    const registers = registersOf(k, caller);
    const number = entryNumber(registers);
    const handler = handlerOf(number);
    const result = handler === undefined ? faults.invalidEntry : handler(k, caller, registers);
    if (result !== results.absent) note(k, traceEvents.entry.kind, caller.serial, number, result);
    if (result >= 0 && !isFault(result)) {
      // The service that answered may have destroyed its client.
      if (caller.alive) completeCall(k, caller, result);
      if (caller.pending !== 0) interrupts.takePending(k, caller);
      caller.entryCount += 1;
      chargeEntry(k, caller);
      return 'done';
    }
    if (result === results.blocked || result === results.stage) {
      if (result === results.stage && caller.pending !== 0) interrupts.takePending(k, caller);
      caller.entryCount += 1;
      chargeEntry(k, caller);
      return 'done';
    }
    k.copied = 0;
    k.work = 0;
    if (result === results.service) return 'service';
    const served: Served = isFault(result) ? serveFault(k, caller, result, 0, 0) : serveMemoryFault(k);
    if (served === 'service') return 'service';
    // A programming error, and a wait for a pager of the machine, cost the entry; a page that is there now does not.
    if (isFault(result) || served === 'told' || caller.queue?.order !== 'turn') {
      caller.entryCount += 1;
      chargeEntry(k, caller);
      return 'done';
    }
  }
  return 'service';
}
