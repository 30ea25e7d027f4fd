/**
 * Bounds of the store, with their reasons. The file format's own sizes are in `record.ts` and `map.ts`.
 *
 * Invariant: the relations asserted at the end. Tests pass smaller values through `StoreOptions.limits`.
 */
import { assert } from '../../base/assert.ts';
import { PAGE_SIZE } from '../../base/limits.ts';

export interface StoreLimits {
  /** Bytes of the ring between the machine and the worker; a power of two. */
  readonly ringBytes: number;
  /** Batches published and not committed: more would only hide that the disk is too slow. */
  readonly batchesMax: number;
  /** Pages of which the worker keeps the last content, to write differences only (store.md 9). */
  readonly shadowPages: number;
  /** Pages of one batch that are not in the shadow and still go into the record; the others go straight to `page`. */
  readonly recordMissesMax: number;
  /** Bytes of page entries in one record; what is beyond goes straight to `page`. */
  readonly recordBytesMax: number;
  /** Milliseconds from a commit to the folding of its objects: stock clients see objects at most a second old. */
  readonly objectFoldMs: number;
  /** Bytes of records that are not folded, at which pages are folded: there are never more than twice as many, and two records. */
  readonly pageFoldBytes: number;
  /** Milliseconds without a commit after which an idle machine is folded, once. */
  readonly idleFoldMs: number;
  /** Milliseconds after which pages are folded even if little came together. */
  readonly pageFoldMs: number;
  /** Pages, or objects, in one folding transaction: a commit waits at most for one of these. */
  readonly foldRows: number;
  /** Bytes of the write-ahead log at which it is copied into the file between two commits. */
  readonly logBytes: number;
  /** Bytes of the log at which somebody is told that a reader keeps it from beginning again; then at each doubling. */
  readonly logBytesMax: number;
  /** Milliseconds that thinning history waits behind commits and folding; then it has every second turn. */
  readonly thinPatienceMs: number;
  /** Rows kept in `checkpoint` besides those of kept generations. */
  readonly checkpointRows: number;
}

const SHADOW_PAGES_MAX = 256 * 1024;

/**
 * `shadowPages` for a machine with so much RAM: a quarter of it, since a page beyond goes whole into a record each time; at
 * most a GiB. The memory is taken as pages become dirty.
 */
export function shadowPagesOf(ramBytes: number): number {
  const pages = Math.floor(ramBytes / PAGE_SIZE / 4);
  return Math.min(Math.max(pages, storeLimits.shadowPages), SHADOW_PAGES_MAX);
}

export const storeLimits: StoreLimits = {
  ringBytes: 32 * 1024 * 1024,
  batchesMax: 256,
  shadowPages: 16 * 1024,
  recordMissesMax: 512,
  recordBytesMax: 4 * 1024 * 1024,
  objectFoldMs: 700,
  pageFoldBytes: 8 * 1024 * 1024,
  idleFoldMs: 3000,
  pageFoldMs: 60_000,
  foldRows: 64,
  logBytes: 8 * 1024 * 1024,
  logBytesMax: 128 * 1024 * 1024,
  thinPatienceMs: 2000,
  checkpointRows: 1000,
};

/** Bytes of an item that must fit into the ring in one piece; output is cut into pieces of this size. */
export const ITEM_BYTES_MAX = 64 * 1024;
/** Smallest ring: several items. */
export const RING_BYTES_MIN = 4 * ITEM_BYTES_MAX;
/** Entries of the table through which the worker tells the hashes of committed records. */
export const HASH_SLOTS = 1024;
/** Bytes of a row of `reverse` at which the next one begins. */
export const REVERSE_ROW_BYTES = 256 * 1024;
/** Bytes of records that a reader keeps: all that are not folded, since folding and faults come in the order of pages. */
export const RECORD_CACHE_BYTES = 32 * 1024 * 1024;
/** Map blocks that a reader keeps. */
export const MAP_BLOCKS_CACHED = 2048;
/**
 * Between batches the worker looks at the ring by itself, eight times in the time that lay between the last two, within
 * these bounds; after so long without one it sleeps until it is notified. Nothing is held up much, and nobody must pay
 * for waking it while batches come (store.md 8).
 */
export const POLL_MS_MIN = 0.1;
export const POLL_MS_MAX = 1;
export const POLL_PART = 8;
export const POLL_UNTIL_MS = 100;
/** Milliseconds to wait for another program's lock on the file. */
export const BUSY_MS = 5000;
/** Milliseconds to wait for a thread to start, or to end. */
export const START_MS = 30_000;

assert(
  storeLimits.batchesMax * 2 <= HASH_SLOTS,
  'store limits: a hash is read before its slot is used again',
);
assert(
  2 * (storeLimits.pageFoldBytes + storeLimits.recordBytesMax) <= RECORD_CACHE_BYTES,
  'store limits: all records that are not folded are read once',
);
assert(RING_BYTES_MIN > 8 * PAGE_SIZE, 'store limits: the smallest ring holds some pages');
