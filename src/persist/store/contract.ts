/**
 * What the persistence server (main thread) asks of the store, and what it gets back.
 *
 * The store knows rows and bytes: pages by number, records by address, journal rows, output bytes. It does not know what
 * an object is; a record is a type number, a serial and bytes, with links as (address, serial) or a name.
 * One checkpoint = one `Batch`, written into a ring shared with the worker, committed by the worker as one transaction.
 */

/** A link as the file has it: null, (address, serial) inside the segment, or the name of something outside. */
export type StoredLink =
  | null
  | { readonly address: number; readonly serial: bigint }
  | { readonly name: string };

/**
 * An object: `state` is its simple state as laid out by `kernel/abi/types.ts`, and behind it, for a region that collects,
 * its changed set (24 bytes an item, `item` of `kernel/abi/memory.ts`); links in that table's order.
 */
export interface StoredObject {
  readonly address: number;
  readonly type: number;
  readonly serial: bigint;
  readonly state: Uint8Array;
  readonly links: readonly StoredLink[];
}

/** A row that entered at a demarcation: `kind` is a word such as 'input', 'clock', 'seed', 'wall', 'resume'. */
export interface JournalRow {
  readonly kind: string;
  readonly data: Uint8Array;
}

/** The checkpoint's own row, less what the store adds (hashes, sizes, commit time). */
export interface CheckpointHeader {
  /** One more than the parent's. */
  readonly generation: number;
  readonly parent: number;
  /** Tick of the demarcation. */
  readonly tick: bigint;
  /** Wall clock of the demarcation, milliseconds since 1970. */
  readonly wallMs: number;
  /** The kernel record (`kernel/abi/memory.ts`), as bytes. */
  readonly kernelRecord: Uint8Array;
  /** State of the border (counters, unread input, whether the program ended), JSON text. */
  readonly border: string;
  /** Host time of the pause before the batch was published, microseconds. */
  readonly pauseUs: number;
  /** True for the last checkpoint of a clean stop. */
  readonly clean: boolean;
  /** Set by `restore`: the generation is not a step of the machine but a way back to `parent`. */
  readonly restored?: boolean;
}

/** One checkpoint being written into the ring. All calls are made within one pause; `publish` hands it to the worker. */
export interface Batch {
  /** A changed page; the bytes are copied now. `pc` of the first write, 0 if unknown. */
  page(number: number, bytes: Uint8Array, pc: number): void;
  /** The page's content is zeros from now on. */
  pageGone(number: number): void;
  /**
   * Instead of `page`, of a store with `pageMemory`: the offset there at which the page's bytes are to be put, before the
   * next call.
   */
  place?(number: number, pc: number): number;
  object(object: StoredObject): void;
  objectGone(address: number): void;
  journal(row: JournalRow): void;
  /** Output taken since the last demarcation, for one sink ('output'); kept until `confirmOutput` covers it. */
  output(sink: string, offset: number, bytes: Uint8Array): void;
  /** All output of this sink below this offset has certainly reached it: its bytes need not be kept. */
  confirmOutput(sink: string, offset: number): void;
  publish(header: CheckpointHeader): void;
}

export interface ProgramRow {
  readonly name: string;
  readonly hash: Uint8Array;
  readonly elf: Uint8Array;
  readonly arguments: readonly string[];
  readonly symbols: readonly { name: string; address: number; size: number; kind: string }[];
}

/** The state to resume from: the newest committed generation, verified. */
export interface Head {
  readonly generation: number;
  readonly tick: bigint;
  readonly kernelRecord: Uint8Array;
  readonly border: string;
  readonly clean: boolean;
  /** How the image came to this generation, if not by running: it was put back to it, or copied with it. */
  readonly origin?: 'restored' | 'forked';
  readonly programs: readonly ProgramRow[];
  /** Output committed and not confirmed, in order of offset. */
  readonly unconfirmedOutput: readonly { sink: string; offset: number; bytes: Uint8Array }[];
}

export type Durability = 'process' | 'power';

export interface Store {
  readonly path: string;
  /** Null for an image that was just created and has no generation yet. */
  readonly head: Head | null;
  /** Newest generation that was acknowledged and is lost, at durability process, with the power; null or absent: none. */
  readonly lostGeneration?: number | null;
  /** All objects of the head, verified, in address order. */
  objects(): Iterable<StoredObject>;
  /**
   * The newest bytes of a page: of those in flight, not yet folded, or folded; verified. Null when the map says that
   * the page is absent (zeros). Throws DamageError. The result may be reused by the next call.
   */
  readPage(number: number): Uint8Array | null;
  /** Newest generation in which this page was published, or 0. A page may be evicted when that is <= committed. */
  pageGeneration(number: number): number;
  /** What pages can be copied into directly (`Batch.place`); absent: only through `Batch.page`. */
  readonly pageMemory?: WebAssembly.Memory;
  /**
   * Where in `pageMemory` the page of this index would lie in the next batch; -1: nowhere. What is put there is no part of
   * any batch: it brings these bytes into the processor's caches. Only while no batch is open.
   */
  placeAhead?(index: number): number;
  /** Begins a batch if the ring has room for this many bytes of pages and objects, else null (back-pressure). */
  begin(byteCount: number): Batch | null;
  /** Newest generation whose transaction has committed. */
  readonly committed: number;
  /** Called on the main thread, in order, soon after commits; the argument is `committed`. */
  onCommit(listener: (generation: number) => void): void;
  /** Waits, without turning the event loop, until the generation is committed. Throws the worker's error, if any. */
  waitForCommit(generation: number): void;
  /** The worker's error, if it failed: the machine must stop. */
  readonly failure: Error | null;
  addProgram(program: ProgramRow): void;
  /** Hash over non-zero pages, objects (stale links as null) and the kernel record, after folding everything; empty without an image. */
  imageHash(): string;
  /** Numbers for reports: bytes written, transactions, folds, log size. */
  statistics(): Readonly<Record<string, number>>;
  /** Bytes of the write-ahead log, as the worker saw it last. */
  readonly logBytes: number;
  /** After the last batch: waits for it, folds, checkpoints the log, removes side files, stops the worker. */
  close(): Promise<void>;
}

/** What was found damaged: `what` in words ('page 17 of generation 5'), with the exit code 65. */
export class DamageError extends Error {
  override readonly name = 'DamageError';
}
