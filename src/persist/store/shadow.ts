/**
 * The worker's bounded copy of pages as they were last committed, against which differences are encoded.
 *
 * Invariant: a page that is in the shadow has exactly the content of its newest encoded record. Which page leaves is
 * decided by a clock hand with one "used" bit. Worker only; lost with it.
 */
import { assert } from '../../base/assert.ts';
import { PAGE_SIZE } from '../../base/limits.ts';
import { DELTA_BYTES_MAX } from './delta.ts';
import { createDiffer, type Differ } from './differ.ts';

const WEBASSEMBLY_PAGE_BYTES = 65_536;

export class Shadow {
  private readonly memory: WebAssembly.Memory;
  private readonly bytes: Buffer;
  private readonly slotOf = new Map<number, number>();
  /** Page number in each slot, -1 when free. */
  private readonly numbers: Float64Array;
  private readonly used: Uint8Array;
  private readonly capacity: number;
  private hand = 0;
  private readonly runsAt: number;

  constructor(pageCount: number) {
    assert(pageCount >= 1, 'shadow: it holds a page');
    // WebAssembly's, for the differ; only touched as it fills. Behind the pages is room for the runs of one.
    const blocks = Math.ceil((pageCount * PAGE_SIZE + DELTA_BYTES_MAX) / WEBASSEMBLY_PAGE_BYTES);
    this.memory = new WebAssembly.Memory({ initial: blocks, maximum: blocks });
    this.bytes = Buffer.from(this.memory.buffer);
    this.runsAt = pageCount * PAGE_SIZE;
    this.numbers = new Float64Array(pageCount).fill(-1);
    this.used = new Uint8Array(pageCount);
    this.capacity = pageCount;
  }

  /** Slot of the page, or -1. */
  find(number: number): number {
    const slot = this.slotOf.get(number);
    if (slot === undefined) return -1;
    this.used[slot] = 1;
    return slot;
  }

  /** The page's content; valid until the next change. */
  page(slot: number): Buffer {
    return this.bytes.subarray(slot * PAGE_SIZE, (slot + 1) * PAGE_SIZE);
  }

  /** What compares pages of the ring with those here. */
  differ(ring: WebAssembly.Memory): Differ {
    return createDiffer(this.memory, ring);
  }

  /**
   * Brings the page in the slot to the ring's at byte `at`. Returns the runs by which it differed, valid until the next
   * call.
   */
  update(differ: Differ, slot: number, at: number): Buffer {
    const { runsAt } = this;
    return this.bytes.subarray(runsAt, differ(slot * PAGE_SIZE, at, runsAt));
  }

  /** Takes a slot for a page that has none; another page may leave. The content is to be written by the caller. */
  take(number: number): number {
    for (;;) {
      const slot = this.hand;
      this.hand = (this.hand + 1) % this.capacity;
      if (this.used[slot] === 1) {
        this.used[slot] = 0;
        continue;
      }
      const before = this.numbers[slot] as number;
      if (before >= 0) this.slotOf.delete(before);
      this.numbers[slot] = number;
      this.used[slot] = 1;
      this.slotOf.set(number, slot);
      return slot;
    }
  }

  drop(number: number): void {
    const slot = this.slotOf.get(number);
    if (slot === undefined) return;
    this.slotOf.delete(number);
    this.numbers[slot] = -1;
    this.used[slot] = 0;
  }
}
