/**
 * A server in TypeScript for programs in the machine: keys with values of any length, and with a reference each.
 *
 * It is a user task: written against `kernel/abi` alone, it waits in ipc_wait_receive like any server, is called by
 * reliable IPC, receives long messages in pieces, and takes and gives references. It lives outside every image: when the
 * host dies its keys are gone, and a program in the middle of a call is told that the call was broken off.
 * A request is `operation` and `keyLength` (u32 each), the key, and the value, with or without a reference; an answer is
 * a status (u64: 0, or 1 for no such key) and the value. Whoever wires it grants the port at `port`.
 */
import { assert } from '../src/base/assert.ts';
import { concatBytes } from '../src/base/bytes.ts';
import { OBJECT_SIZE, PAGE_SIZE } from '../src/base/limits.ts';
import { outcomes } from '../src/kernel/abi/codes.ts';
import { type EntryName, entries } from '../src/kernel/abi/entries.ts';
import { type Processor, taskMemory, waiting } from '../src/userland/task/task.ts';

export const operations = { put: 1, get: 2, remove: 3, count: 4 } as const;
/** Pages of memory that its task needs. */
export const KEY_VALUE_PAGES = 68;
/** Keys that may have a reference. */
const REFERENCES_MAX = 64;

/** What lies where in the task's memory. */
const PORTSET = taskMemory.free;
const PORT = PORTSET + OBJECT_SIZE;
const SET_REFERENCE = PORT + OBJECT_SIZE;
/** The reference that comes with a request, and a null one. */
const INCOMING = SET_REFERENCE + OBJECT_SIZE;
const NOTHING = INCOMING + OBJECT_SIZE;
const KEPT = NOTHING + OBJECT_SIZE;
const STATE = PAGE_SIZE;
/** Tables of one address: of the reference that is sent, and of the one that is received. */
const SEND_TABLE = STATE + 0x100;
const RECEIVE_TABLE = STATE + 0x108;
const RECEIVE = 2 * PAGE_SIZE;
const RECEIVE_LENGTH = 2 * PAGE_SIZE;
const SEND = RECEIVE + RECEIVE_LENGTH;
const SEND_LENGTH = 64 * PAGE_SIZE;

interface Entry {
  readonly value: Uint8Array;
  /** Which of the kept references is its own. */
  readonly slot: number;
  readonly hasReference: boolean;
}

export class KeyValueServer {
  private readonly task: Processor;
  private readonly entries = new Map<string, Entry>();
  private readonly freeSlots = Array.from({ length: REFERENCES_MAX }, (_, i) => REFERENCES_MAX - 1 - i);
  private pieces: Uint8Array[] = [];
  /** Requests answered. */
  served = 0;

  constructor(task: Processor) {
    this.task = task;
    const at = (offset: number): number => task.memoryAddress + offset;
    this.must('portset_create', at(PORTSET));
    this.must('port_create', at(PORT));
    for (const offset of [SET_REFERENCE, INCOMING, NOTHING]) this.must('reference_create', at(offset));
    for (let i = 0; i < REFERENCES_MAX; i += 1) this.must('reference_create', at(KEPT + i * OBJECT_SIZE));
    this.must('portset_reference', at(PORTSET), at(SET_REFERENCE));
    task.memory.fill(0, STATE, SEND_TABLE);
    this.must('port_set_state', at(PORT), at(STATE), at(SET_REFERENCE));
    task.memoryView.setBigUint64(RECEIVE_TABLE, BigInt(at(INCOMING)), true);
    task.whenTold(() => this.goOn(task.finish()));
    this.goOn(this.waitReceive());
  }

  /** The port's address in the task's space. */
  get port(): number {
    return this.task.memoryAddress + PORT;
  }

  private call(name: EntryName, ...args: number[]): number {
    return this.task.call(entries[name].number, ...args);
  }

  private must(name: EntryName, ...args: number[]): void {
    const outcome = this.call(name, ...args);
    assert(outcome === outcomes.success, `key-value: ${name} succeeds, it gave ${outcome}`);
  }

  private waitReceive(): number {
    const base = this.task.memoryAddress;
    const [set, receive, table] = [base + PORTSET, base + RECEIVE, base + RECEIVE_TABLE];
    return this.call('ipc_wait_receive', set, 0, 0, receive, RECEIVE_LENGTH, 0, table, 0, 1);
  }

  /** Everything up to the next wait. */
  private goOn(first: number): void {
    for (let outcome = first; outcome !== waiting; ) {
      const length = RECEIVE_LENGTH - this.task.result(3);
      this.pieces.push(this.task.memory.slice(RECEIVE, RECEIVE + length));
      if (outcome === outcomes.receiveMoreData) {
        const base = this.task.memoryAddress;
        const table = base + RECEIVE_TABLE;
        const left = this.task.referencesLeft('receive');
        outcome = this.call('ipc_server_receive', 0, 0, 0, base + RECEIVE, RECEIVE_LENGTH, 0, table, 0, left);
        continue;
      }
      const request = concatBytes(this.pieces);
      this.pieces = [];
      // A client that went away in the middle gets no answer; of several references only the first is taken.
      const isWhole = outcome === outcomes.success || outcome === outcomes.receiveMoreReferences;
      outcome = isWhole ? this.answer(request) : this.waitReceive();
    }
  }

  private answer(request: Uint8Array): number {
    const view = new DataView(request.buffer, request.byteOffset, request.byteLength);
    const isWhole = request.length >= 8 && request.length >= 8 + view.getUint32(4, true);
    const operation = isWhole ? view.getUint32(0, true) : 0;
    const keyEnd = isWhole ? 8 + view.getUint32(4, true) : 0;
    const key = Buffer.from(request.subarray(8, keyEnd)).toString('latin1');
    const found = this.entries.get(key);
    const reference = found === undefined ? NOTHING : KEPT + found.slot * OBJECT_SIZE;
    let value: Uint8Array = new Uint8Array(0);
    let isKnown = found !== undefined;
    if (operation === operations.put) isKnown = this.put(key, request.slice(keyEnd));
    else if (operation === operations.get) value = found?.value ?? value;
    else if (operation === operations.remove && found !== undefined) this.remove(key, found);
    else if (operation === operations.count) {
      isKnown = true;
      value = new Uint8Array(new BigUint64Array([BigInt(this.entries.size)]).buffer);
    }
    this.served += 1;
    const { memory, memoryView, memoryAddress: base } = this.task;
    const count = Math.min(value.length, SEND_LENGTH - 8);
    memoryView.setBigUint64(SEND, isKnown ? 0n : 1n, true);
    memory.set(value.subarray(0, count), SEND + 8);
    memoryView.setBigUint64(SEND_TABLE, BigInt(base + reference), true);
    this.must('reference_copy', base + NOTHING, base + INCOMING);
    const [set, receive] = [base + PORTSET, base + RECEIVE];
    const tables = [
      base + SEND_TABLE,
      base + RECEIVE_TABLE,
      operation === operations.get && found?.hasReference ? 1 : 0,
      1,
    ];
    return this.call(
      'ipc_server_ack_send_wait_receive',
      set,
      base + SEND,
      count + 8,
      receive,
      RECEIVE_LENGTH,
      ...tables,
    );
  }

  /** False when there is no room for one more. */
  private put(key: string, value: Uint8Array): boolean {
    const slot = this.entries.get(key)?.slot ?? this.freeSlots.pop();
    if (slot === undefined) return false;
    const base = this.task.memoryAddress;
    this.must('reference_copy', base + INCOMING, base + KEPT + slot * OBJECT_SIZE);
    this.must('reference_check', base + INCOMING);
    this.entries.set(key, { value, slot, hasReference: this.task.result(0) === 0 });
    return true;
  }

  private remove(key: string, entry: Entry): void {
    this.entries.delete(key);
    this.freeSlots.push(entry.slot);
  }
}
