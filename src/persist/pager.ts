/**
 * The pager of the store segment: brings a page from the store the first time it is touched, drops pages when memory
 * is short.
 *
 * Invariants: a page is dropped only when the generation that holds its newest bytes has committed and it has not been
 * written since (the kernel refuses with busy); bringing a page never marks it changed.
 * Called by the server for each fault at the segment's port. Never waits: when nothing can be dropped it says so, and
 * the machine takes a checkpoint and lets it commit.
 */
import { assert } from '../base/assert.ts';
import { EVICTION_BATCH, PAGE_SIZE } from '../base/limits.ts';
import { outcomes } from '../kernel/abi/codes.ts';
import { itemKinds } from '../kernel/abi/memory.ts';
import type { Arena } from './arena.ts';
import { call } from './arena.ts';
import type { Store } from './store/contract.ts';

export class Pager {
  private readonly arena: Arena;
  private readonly store: Store;
  /** Pages in memory, in the order in which they came: a queue whose head is at `oldest`. */
  private queue: number[] = [];
  private oldest = 0;
  private readonly resident = new Set<number>();
  suppliedCount = 0;
  evictedCount = 0;

  constructor(arena: Arena, store: Store) {
    this.arena = arena;
    this.store = store;
  }

  /** Pages in memory, in no particular order. */
  residentPages(): Iterable<number> {
    return this.resident;
  }

  /** Brings page `number`; false when there is no room and nothing may be dropped yet. */
  bring(number: number): boolean {
    const bytes = this.store.readPage(number);
    if (bytes !== null) {
      assert(bytes.length === PAGE_SIZE, `pager: page ${number} has ${PAGE_SIZE} bytes`);
      this.arena.pageBytes.set(bytes);
    }
    return this.supply(number, bytes !== null);
  }

  /** Puts `bytes` into page `number` as its first content, as a change to be saved. */
  place(number: number, bytes: Uint8Array): boolean {
    this.arena.pageBytes.set(bytes);
    if (!this.supply(number, true)) return false;
    const { task, segment } = this.arena;
    const outcome = call(task, 'region_mark_changed', segment, number * PAGE_SIZE, itemKinds.page);
    assert(outcome === outcomes.success, `pager: page ${number} is marked changed`);
    return true;
  }

  /** The page was discarded: it is gone from memory, unless somebody has touched it since. */
  forget(number: number): void {
    if (this.arena.task.page(number * PAGE_SIZE) === null) this.resident.delete(number);
  }

  private supply(number: number, hasContent: boolean): boolean {
    const { task, segment, pageBuffer } = this.arena;
    const source = hasContent ? pageBuffer : 0;
    let outcome = call(task, 'region_supply', segment, number * PAGE_SIZE, source);
    if (outcome === outcomes.noMemory) {
      if (!this.evict()) return false;
      outcome = call(task, 'region_supply', segment, number * PAGE_SIZE, source);
      if (outcome === outcomes.noMemory) return false;
    }
    assert(outcome === outcomes.success, `pager: page ${number} is supplied, outcome ${outcome}`);
    if (!this.resident.has(number)) {
      this.resident.add(number);
      this.queue.push(number);
    }
    this.suppliedCount++;
    return true;
  }

  /** Drops up to a batch of the oldest pages that are safe in the file; false when there is none. */
  evict(): boolean {
    let dropped = 0;
    const count = this.queue.length - this.oldest;
    for (let seen = 0; seen < count && dropped < EVICTION_BATCH; seen++) {
      const number = this.queue[this.oldest++] as number;
      if (!this.resident.has(number)) continue;
      if (this.canDrop(number)) {
        this.resident.delete(number);
        dropped++;
      } else this.queue.push(number);
    }
    if (this.oldest > this.queue.length / 2) {
      this.queue = this.queue.slice(this.oldest);
      this.oldest = 0;
    }
    this.evictedCount += dropped;
    return dropped > 0;
  }

  private canDrop(number: number): boolean {
    if (this.store.pageGeneration(number) > this.store.committed) return false;
    const outcome = call(this.arena.task, 'region_evict', this.arena.segment, number * PAGE_SIZE);
    if (outcome === outcomes.busy) return false;
    // Discarded, and not collected yet.
    if (outcome === outcomes.notFound) return true;
    assert(outcome === outcomes.success, `pager: page ${number} is evicted, outcome ${outcome}`);
    return true;
  }
}
