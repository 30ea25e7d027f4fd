/**
 * A demarcation: everything that changed since the last one becomes one batch of the store.
 *
 * ```
 *   between two slices:  collect -> check invariants -> copy into the ring -> publish     (the pause, O(changed))
 *   in the worker:       encode, hash, one transaction
 *   after its commit:    output it covers is released
 * ```
 * Invariants: nothing is published unless the kernel's check held (law 9); what was collected is published, all of it,
 * in one batch; a generation is one more than its parent's.
 * Called by the server between two slices. Never waits but for room in the ring (back-pressure).
 */
import { assert, InvariantError } from '../base/assert.ts';
import { joinHalves } from '../base/integer.ts';
import { PAGE_SIZE } from '../base/limits.ts';
import { outcomes } from '../kernel/abi/codes.ts';
import { item, itemKinds, kernelRecord } from '../kernel/abi/memory.ts';
import type { Arena } from './arena.ts';
import { call, ITEMS_MAX, must } from './arena.ts';
import { pickle } from './pickle.ts';
import type { Batch, JournalRow, Store, StoredObject } from './store/contract.ts';

/**
 * What changed since the last demarcation. Addresses and offsets in the segment. One is used again and again: its lists
 * of pages only grow, so that nothing is made for a page.
 */
export class Changes {
  pageCount = 0;
  pageNumbers = new Float64Array(PAGES_FIRST);
  /** pc of the first write. */
  pagePcs = new Float64Array(PAGES_FIRST);
  readonly pagesGone: number[] = [];
  objects: StoredObject[] = [];
  readonly objectsGone: number[] = [];
  /** Addresses and types, by turns, of objects that are to be pickled. */
  readonly found: number[] = [];

  clear(): void {
    this.pageCount = 0;
    this.pagesGone.length = 0;
    this.objects = [];
    this.objectsGone.length = 0;
    this.found.length = 0;
  }

  addPage(number: number, pc: number): void {
    if (this.pageCount === this.pageNumbers.length) {
      this.pageNumbers = grown(this.pageNumbers);
      this.pagePcs = grown(this.pagePcs);
    }
    this.pageNumbers[this.pageCount] = number;
    this.pagePcs[this.pageCount++] = pc;
  }
}

/** Pages there is room for at first: more than most checkpoints have. */
const PAGES_FIRST = 1024;

function grown(list: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * list.length);
  larger.set(list);
  return larger;
}

/** Takes out the changed set of the segment and pickles the objects in it. `changes` is empty before. */
export function collectChanges(arena: Arena, changes: Changes): void {
  const { task } = arena;
  for (;;) {
    const outcome = call(task, 'region_collect', arena.segment, arena.items, ITEMS_MAX);
    if (outcome !== outcomes.success) assert(false, `checkpoint: collect succeeds, it gave ${outcome}`);
    const count = ITEMS_MAX - task.result(1);
    for (let i = 0; i < count; i++) takeItem(arena, changes, arena.itemsOffset + i * item.size);
    if (count < ITEMS_MAX) break;
  }
  const { found } = changes;
  for (let i = 0; i < found.length; i += 2)
    changes.objects.push(pickle(arena, found[i] as number, found[i + 1] as number));
}

function takeItem(arena: Arena, changes: Changes, at: number): void {
  const view = arena.task.memoryView;
  const { offset } = item;
  const address = readNumber(view, at + offset.offset);
  switch (view.getUint32(at + offset.kind, true)) {
    case itemKinds.page:
      changes.addPage(address / PAGE_SIZE, readNumber(view, at + offset.pc));
      break;
    case itemKinds.pageGone:
      changes.pagesGone.push(address / PAGE_SIZE);
      break;
    case itemKinds.object:
      changes.found.push(address, view.getUint32(at + offset.type, true));
      break;
    case itemKinds.objectGone:
      changes.objectsGone.push(address);
      break;
    default:
      assert(false, 'checkpoint: collect reports pages and objects');
  }
}

/** A word below 2^53, without a bigint. */
function readNumber(view: DataView, at: number): number {
  return joinHalves(view.getUint32(at, true), view.getUint32(at + 4, true));
}

/** True when there is nothing in it. */
export function isEmpty(changes: Changes): boolean {
  const { pageCount, pagesGone, objects, objectsGone } = changes;
  return pageCount + pagesGone.length + objects.length + objectsGone.length === 0;
}

/** An upper bound of what the changes take in the ring, bytes. */
export function byteCount(changes: Changes): number {
  let bytes = changes.pageCount * (PAGE_SIZE + 32);
  bytes += (changes.pagesGone.length + changes.objectsGone.length) * 32;
  for (const object of changes.objects) {
    bytes += 64 + object.state.length;
    for (const link of object.links) bytes += link !== null && 'name' in link ? 32 + link.name.length : 32;
  }
  return bytes;
}

/** Copies the page at an address of the segment into the store's `pageMemory`; false when it is not in memory. */
export type PageCopy = (address: number, to: number) => boolean;

function writePage(arena: Arena, batch: Batch, copy: PageCopy | null, number: number, pc: number): boolean {
  if (copy !== null && batch.place !== undefined) return copy(number * PAGE_SIZE, batch.place(number, pc));
  const bytes = arena.task.page(number * PAGE_SIZE);
  if (bytes !== null) batch.page(number, bytes, pc);
  return bytes !== null;
}

/** Copies the changes into the batch. Pages are read where they are: the demarcation is between two slices. */
export function writeChanges(arena: Arena, changes: Changes, batch: Batch, copy: PageCopy | null): void {
  for (const number of changes.pagesGone) batch.pageGone(number);
  for (let i = 0; i < changes.pageCount; i++) {
    const number = changes.pageNumbers[i] as number;
    const pc = changes.pagePcs[i] as number;
    if (!writePage(arena, batch, copy, number, pc))
      throw new InvariantError(`checkpoint: changed page ${number} is in memory`);
  }
  for (const address of changes.objectsGone) batch.objectGone(address);
  for (const object of changes.objects) batch.object(object);
}

/** Begins a batch; waits for commits when the ring is full (back-pressure: the machine waits, nothing queues). */
export function beginBatch(store: Store, bytes: number, published: number): Batch {
  const first = store.begin(bytes);
  if (first !== null) return first;
  store.waitForCommit(published);
  const second = store.begin(bytes);
  assert(second !== null, 'checkpoint: an empty ring has room for a batch');
  return second;
}

/** The kernel record as bytes, through the entry that any task may use. */
export function readKernelRecord(arena: Arena): Uint8Array {
  must(arena.task, 'kernel_record', arena.state);
  return arena.task.memory.slice(arena.stateOffset, arena.stateOffset + kernelRecord.size);
}

/** Bytes that journal rows take in the ring. */
export function journalBytes(rows: readonly JournalRow[]): number {
  return rows.reduce((sum, row) => sum + 64 + row.kind.length + row.data.length, 0);
}
