/**
 * The ring through which a batch goes from the machine to the worker.
 *
 * A stream of items, each at a multiple of 8 and in one piece:
 *   kind u32, size u32 (bytes of payload), first f64, second f64, payload, padding to 8.
 * `first` is a page number or address, `second` a page's pc. A pad item sends the reader to the ring's start. A batch
 * ends with an `end` item. Invariant: the writer never passes `released`; the reader never passes `published`. When a
 * batch does not fit, the writer publishes what it has and waits for the reader to release it (a segmented batch).
 * While the ring is empty the writer may say that its position lies at the ring's first byte from now on (`origin`): the
 * reader holds nothing then, and looks at it again when something is published.
 */
import { assert } from '../../base/assert.ts';
import { PAGE_SIZE } from '../../base/limits.ts';
import { control, type Shared } from './channel.ts';
import { RING_BYTES_MIN } from './limits.ts';

export const itemKinds = {
  pad: 0,
  page: 1,
  pageGone: 2,
  object: 3,
  objectGone: 4,
  journal: 5,
  output: 6,
  confirm: 7,
  end: 8,
} as const;

export const ITEM_HEADER_BYTES = 24;
const UNIT = 8;

function units(bytes: number): number {
  return (bytes + UNIT - 1) >>> 3;
}

/** Bytes that a page takes in the ring. */
export const PAGE_ITEM_BYTES = ITEM_HEADER_BYTES + PAGE_SIZE;

export class RingWriter {
  private readonly control: Int32Array;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly capacity: number;
  /** Where the next item goes, modulo 2^32. */
  private position = 0;
  private released = 0;
  private origin = 0;
  /** True when a part of the batch that is open was published already. */
  segmented = false;

  private readonly checkWorker: () => void;

  /** `checkWorker` throws when the worker has failed: nobody would make room. */
  constructor(shared: Shared, checkWorker: () => void) {
    this.control = new Int32Array(shared.control);
    this.bytes = new Uint8Array(shared.ring);
    this.view = new DataView(shared.ring);
    this.checkWorker = checkWorker;
    const size = shared.ring.byteLength;
    assert(size >= RING_BYTES_MIN, 'ring: it holds several items');
    assert((size & (size - 1)) === 0, 'ring: its size is a power of two');
    this.capacity = size / UNIT;
  }

  /** Bytes that can be written without waiting. */
  room(): number {
    this.released = Atomics.load(this.control, control.released);
    return (this.capacity - ((this.position - this.released) >>> 0)) * UNIT;
  }

  isEmpty(): boolean {
    return this.room() === this.capacity * UNIT;
  }

  /**
   * Before a batch: an empty ring is used from its start again, so that its bytes are still in the processors' caches,
   * which are far smaller than the ring.
   */
  rewind(): void {
    if (this.position === this.origin || !this.isEmpty()) return;
    this.origin = this.position;
    Atomics.store(this.control, control.origin, this.origin | 0);
  }

  /**
   * Byte offset at which the page of this index would lie in the next batch, were it all pages; -1 when there is no room
   * for it. Nobody reads those bytes before they are written again.
   */
  placeAhead(index: number): number {
    const room = this.room();
    const isEmpty = room === this.capacity * UNIT;
    const first = isEmpty ? 0 : this.index() * UNIT;
    const end = first + (index + 1) * PAGE_ITEM_BYTES;
    if (end > this.capacity * UNIT || end - first > room) return -1;
    return end - PAGE_SIZE;
  }

  /** Where in the ring the position lies, in units. */
  private index(): number {
    return ((this.position - this.origin) >>> 0) % this.capacity;
  }

  /** Writes an item without its payload and returns the byte offset where that goes. May wait for the worker. */
  item(kind: number, size: number, first: number, second: number): number {
    const count = units(ITEM_HEADER_BYTES + size);
    const index = this.index();
    const toEnd = this.capacity - index;
    if (toEnd < count) {
      this.ensure(toEnd);
      this.view.setUint32(index * UNIT, itemKinds.pad, true);
      this.position = (this.position + toEnd) >>> 0;
    }
    this.ensure(count);
    const at = this.index() * UNIT;
    this.view.setUint32(at, kind, true);
    this.view.setUint32(at + 4, size, true);
    this.view.setFloat64(at + 8, first, true);
    this.view.setFloat64(at + 16, second, true);
    this.position = (this.position + count) >>> 0;
    return at + ITEM_HEADER_BYTES;
  }

  put(at: number, payload: Uint8Array): void {
    this.bytes.set(payload, at);
  }

  /** The bytes of a page that was put at `at`. */
  pageAt(at: number): Uint8Array {
    return this.bytes.subarray(at, at + PAGE_SIZE);
  }

  /** Shows the worker everything written so far. */
  publish(): void {
    Atomics.store(this.control, control.published, this.position | 0);
    wake(this.control);
  }

  /** Waits until the worker has given back everything: it does so right after it has told of a commit. */
  waitUntilEmpty(): void {
    while (!this.isEmpty()) {
      this.checkWorker();
      Atomics.wait(this.control, control.released, this.released, 1000);
    }
  }

  private ensure(count: number): void {
    while (this.capacity - ((this.position - this.released) >>> 0) < count) {
      const before = Atomics.load(this.control, control.released);
      if (before >>> 0 !== this.released >>> 0) {
        this.released = before;
        continue;
      }
      this.segmented = true;
      this.publish();
      hurry(this.control);
      this.checkWorker();
      Atomics.wait(this.control, control.released, before, 1000);
    }
  }
}

/**
 * Tells the worker that there is something to do. A worker that looks by itself is left alone: to wake a thread costs a
 * hundred microseconds, which the machine would stand still.
 */
export function wake(words: Int32Array): void {
  Atomics.add(words, control.wake, 1);
  if (Atomics.load(words, control.sleeping) !== 0) Atomics.notify(words, control.wake);
}

/** Has the worker look now: this thread is going to wait for it. */
export function hurry(words: Int32Array): void {
  Atomics.notify(words, control.wake);
}

/** One item as the worker sees it; reused for each. */
export interface RingItem {
  kind: number;
  /** Byte offset and size of the payload in the ring. */
  at: number;
  size: number;
  first: number;
  second: number;
}

export class RingReader {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly item: RingItem = { kind: 0, at: 0, size: 0, first: 0, second: 0 };
  private readonly control: Int32Array;
  private readonly view: DataView;
  private readonly capacity: number;
  private position = 0;
  private origin = 0;

  constructor(shared: Shared) {
    this.control = new Int32Array(shared.control);
    this.bytes = new Uint8Array(shared.ring);
    this.words = new Int32Array(shared.ring);
    this.view = new DataView(shared.ring);
    this.capacity = shared.ring.byteLength / UNIT;
  }

  hasItems(): boolean {
    const end = Atomics.load(this.control, control.published) >>> 0;
    if (end === this.position) return false;
    // Told before what is published now.
    this.origin = Atomics.load(this.control, control.origin) >>> 0;
    const index = this.index();
    if (this.view.getUint32(index * UNIT, true) !== itemKinds.pad) return true;
    this.position = (this.position + this.capacity - index) >>> 0;
    return end !== this.position;
  }

  /** Moves to the next item, which is then in `item`. Only when `hasItems`. */
  next(): RingItem {
    const { view, item } = this;
    const at = this.index() * UNIT;
    item.kind = view.getUint32(at, true);
    assert(item.kind !== itemKinds.pad, 'ring: hasItems has passed the pad');
    item.size = view.getUint32(at + 4, true);
    item.first = view.getFloat64(at + 8, true);
    item.second = view.getFloat64(at + 16, true);
    item.at = at + ITEM_HEADER_BYTES;
    this.position = (this.position + units(ITEM_HEADER_BYTES + item.size)) >>> 0;
    return item;
  }

  private index(): number {
    return ((this.position - this.origin) >>> 0) % this.capacity;
  }

  /** Gives back everything read so far. */
  release(): void {
    Atomics.store(this.control, control.released, this.position | 0);
    Atomics.notify(this.control, control.released);
  }
}
