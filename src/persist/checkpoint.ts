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
import { assert } from '../base/assert.ts';
import { PAGE_SIZE } from '../base/limits.ts';
import { outcomes } from '../kernel/abi/codes.ts';
import { item, itemKinds, kernelRecord } from '../kernel/abi/memory.ts';
import type { Arena } from './arena.ts';
import { call, ITEMS_MAX, must } from './arena.ts';
import { pickle } from './pickle.ts';
import type { Batch, JournalRow, Store, StoredObject } from './store/contract.ts';

/** What changed since the last demarcation. Addresses and offsets in the segment. */
export interface Changes {
  readonly pages: { readonly number: number; readonly pc: number }[];
  readonly pagesGone: number[];
  readonly objects: StoredObject[];
  readonly objectsGone: number[];
}

/** Takes out the changed set of the segment and pickles the objects in it. */
export function collectChanges(arena: Arena): Changes {
  const { task } = arena;
  const changes: Changes = { pages: [], pagesGone: [], objects: [], objectsGone: [] };
  const changedObjects: { address: number; type: number }[] = [];
  for (;;) {
    const outcome = call(task, 'region_collect', arena.segment, arena.items, ITEMS_MAX);
    assert(outcome === outcomes.success, `checkpoint: collect succeeds, it gave ${outcome}`);
    const count = ITEMS_MAX - task.result(1);
    for (let i = 0; i < count; i++) {
      const at = arena.itemsOffset + i * item.size;
      const view = task.memoryView;
      const address = Number(view.getBigUint64(at + item.offset.offset, true));
      const type = view.getUint32(at + item.offset.type, true);
      switch (view.getUint32(at + item.offset.kind, true)) {
        case itemKinds.page:
          changes.pages.push({
            number: address / PAGE_SIZE,
            pc: Number(view.getBigUint64(at + item.offset.pc, true)),
          });
          break;
        case itemKinds.pageGone:
          changes.pagesGone.push(address / PAGE_SIZE);
          break;
        case itemKinds.object:
          changedObjects.push({ address, type });
          break;
        case itemKinds.objectGone:
          changes.objectsGone.push(address);
          break;
        default:
          assert(false, 'checkpoint: collect reports pages and objects');
      }
    }
    if (count < ITEMS_MAX) break;
  }
  for (const { address, type } of changedObjects) changes.objects.push(pickle(arena, address, type));
  return changes;
}

/** True when there is nothing in it. */
export function isEmpty(changes: Changes): boolean {
  return (
    changes.pages.length + changes.pagesGone.length + changes.objects.length + changes.objectsGone.length ===
    0
  );
}

/** An upper bound of what the changes take in the ring, bytes. */
export function byteCount(changes: Changes): number {
  let bytes =
    changes.pages.length * (PAGE_SIZE + 32) + changes.pagesGone.length * 32 + changes.objectsGone.length * 32;
  for (const object of changes.objects) {
    bytes += 64 + object.state.length;
    for (const link of object.links) bytes += link !== null && 'name' in link ? 32 + link.name.length : 32;
  }
  return bytes;
}

/** Copies the changes into the batch. Pages are read where they are: the demarcation is between two slices. */
export function writeChanges(arena: Arena, changes: Changes, batch: Batch): void {
  for (const number of changes.pagesGone) batch.pageGone(number);
  for (const { number, pc } of changes.pages) {
    const bytes = arena.task.page(number * PAGE_SIZE);
    assert(bytes !== null, `checkpoint: changed page ${number} is in memory`);
    batch.page(number, bytes, pc);
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
