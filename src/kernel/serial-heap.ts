/**
 * What hangs on an object (mutexes on their owner, ports on their set, threads on their space), lowest serial first.
 *
 * Derived state whose order guests can see: who is let go first, when an object goes away in stages. Arrival would be
 * an order that a rebuilt kernel does not know, so it is that of serials, which are persistent (law 6). A binary heap:
 * adding and removing cost O(log n) at most, and one step for the few that nearly all have; looking at all of them is
 * in no order that means anything. Called by the files of those types and by the invariant check.
 */

/** What may hang on an object: on one at a time. */
interface Hanging {
  readonly serial: number;
  /** Its index among those that hang on the same object, -1 for none. */
  heapIndex: number;
}

export class SerialHeap<T extends Hanging> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  has(item: T): boolean {
    return this.#items[item.heapIndex] === item;
  }

  /** The one with the lowest serial, or null. */
  get first(): T | null {
    return this.#items[0] ?? null;
  }

  /** The one with the lowest serial that is not `item`, or null. */
  firstBut(item: T | null): T | null {
    const { first } = this;
    if (first === null || first !== item) return first;
    const left = this.#items[1] ?? null;
    const right = this.#items[2] ?? null;
    return right !== null && right.serial < (left as T).serial ? right : left;
  }

  add(item: T): void {
    if (this.has(item)) return;
    this.#items.push(item);
    this.#settle(item, this.#items.length - 1);
  }

  delete(item: T): void {
    if (!this.has(item)) return;
    const index = item.heapIndex;
    item.heapIndex = -1;
    const last = this.#items.pop() as T;
    if (last !== item) this.#settle(last, index);
  }

  clear(): void {
    for (const item of this.#items) item.heapIndex = -1;
    this.#items.length = 0;
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#items[Symbol.iterator]();
  }

  #put(item: T, index: number): void {
    this.#items[index] = item;
    item.heapIndex = index;
  }

  /** Puts the item, for which the place `from` is free, where it belongs. */
  #settle(item: T, from: number): void {
    const items = this.#items;
    const { serial } = item;
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >>> 1;
      const above = items[parent] as T;
      if (above.serial < serial) break;
      this.#put(above, index);
      index = parent;
    }
    for (;;) {
      let child = 2 * index + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && (items[child + 1] as T).serial < (items[child] as T).serial) child += 1;
      const below = items[child] as T;
      if (below.serial > serial) break;
      this.#put(below, index);
      index = child;
    }
    this.#put(item, index);
  }
}
