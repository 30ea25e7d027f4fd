/**
 * The worker's bounded copy of pages as they were last committed, against which differences are encoded.
 *
 * Invariant: a page that is in the shadow has exactly the content of its newest encoded record. Which page leaves is
 * decided by a clock hand with one "used" bit. Worker only; lost with it.
 */
import { assert } from '../../base/assert.ts';
import { PAGE_SIZE } from '../../base/limits.ts';

export class Shadow {
  readonly bytes: Buffer;
  readonly words: Int32Array;
  private readonly slotOf = new Map<number, number>();
  /** Page number in each slot, -1 when free. */
  private readonly numbers: Float64Array;
  private readonly used: Uint8Array;
  private readonly capacity: number;
  private hand = 0;

  constructor(pageCount: number) {
    assert(pageCount >= 1, 'shadow: it holds a page');
    // Not from Buffer's pool: aligned, and its memory is only touched as it fills.
    const memory = new ArrayBuffer(pageCount * PAGE_SIZE);
    this.bytes = Buffer.from(memory);
    this.words = new Int32Array(memory);
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
