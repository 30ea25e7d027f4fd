/**
 * What the two threads of the store share: counters in shared memory, the ring's bytes, and the shapes of messages.
 *
 * Invariant: each word has one writer (named below), and is read with Atomics. Positions in the ring count 8-byte units
 * modulo 2^32; counts of commits and generations are differences to the generation at opening, modulo 2^32.
 */
import { assert } from '../../base/assert.ts';
import type { Durability, ProgramRow } from './contract.ts';
import type { PlainError } from './errors.ts';
import type { Ladder } from './ladder.ts';
import type { StoreLimits } from './limits.ts';
import { HASH_SLOTS } from './limits.ts';
import type { CrashPoint } from './phases.ts';
import type { NewImage } from './schema.ts';

export const control = {
  /** Main, and the log's copier: changed to wake the worker, for whatever reason. */
  wake: 0,
  /** Main: end of what is published in the ring. */
  published: 1,
  /** Worker: commits since opening. */
  committed: 2,
  /** Worker: what the ring no longer needs. */
  released: 3,
  /** Worker: one of `workerStates`. */
  state: 4,
  /** Worker: replies sent. */
  replies: 5,
  /** Worker: generation up to which records are folded, less the base generation of the opening. */
  folded: 6,
  /** Worker: 1 while it sleeps until it is notified; 0 while it works, or looks at `wake` by itself before long. */
  sleeping: 7,
  /** Main: the position that lies at the ring's first byte; changed only while the ring is empty. */
  origin: 8,
} as const;
export const CONTROL_WORDS = 16;

export const workerStates = { starting: 0, running: 1, failed: 2, ended: 3 } as const;

/** Numbers for reports, written by the worker. */
export const statisticNames = [
  'transactions',
  'recordBytes',
  'pagesCommitted',
  'pageBytesEncoded',
  'pagesDirect',
  'objectFolds',
  'objectsFolded',
  'pageFolds',
  'pagesFolded',
  'unfoldedBytes',
  'unfoldedBytesMax',
  'logCheckpoints',
  'logBytes',
  'logBytesMax',
  'commitUsLast',
  'commitUsSum',
  'historyBytes',
  'recordsMerged',
  'historyBytesMerged',
] as const;
export type StatisticName = (typeof statisticNames)[number];

const WEBASSEMBLY_PAGE_BYTES = 65_536;

export interface Shared {
  readonly control: SharedArrayBuffer;
  readonly ring: SharedArrayBuffer;
  /** HASH_SLOTS record hashes of 32 bytes, by generation modulo HASH_SLOTS. */
  readonly hashes: SharedArrayBuffer;
  /** Float64 a statistic. */
  readonly statistics: SharedArrayBuffer;
}

/** The ring's memory: one of WebAssembly, so that the hardware can copy pages into it. */
export function makeRing(bytes: number): WebAssembly.Memory {
  assert(bytes % WEBASSEMBLY_PAGE_BYTES === 0, 'channel: the ring is whole pages of WebAssembly');
  const count = bytes / WEBASSEMBLY_PAGE_BYTES;
  return new WebAssembly.Memory({ initial: count, maximum: count, shared: true });
}

export function makeShared(ring: SharedArrayBuffer): Shared {
  return {
    control: new SharedArrayBuffer(CONTROL_WORDS * 4),
    ring,
    hashes: new SharedArrayBuffer(HASH_SLOTS * 32),
    statistics: new SharedArrayBuffer(statisticNames.length * 8),
  };
}

/** What the worker is started with. */
export interface WorkerOptions {
  readonly path: string;
  readonly create: NewImage | null;
  readonly durability: Durability;
  readonly limits: StoreLimits;
  readonly crashPoint: CrashPoint | null;
  readonly acceptLoss: boolean;
  /** The ladder of history as text; null: what the image says, or the default. */
  readonly keep: string | null;
  readonly pid: number;
  /** Of the operating system's present life; '' when unknown. */
  readonly bootId: string;
  readonly startedMs: number;
  readonly shared: Shared;
  /** The memory of `shared.ring`. */
  readonly ring: WebAssembly.Memory;
}

export type Request =
  | { readonly kind: 'go' }
  | { readonly kind: 'addProgram'; readonly program: ProgramRow }
  | { readonly kind: 'fold' }
  /** Thins history by another ladder, gives up the lines that a restore left, and shrinks the file at the close. */
  | { readonly kind: 'collect'; readonly ladder: Ladder; readonly abandoned: ReadonlySet<number> }
  /** Folds, marks the head closed, empties the log; the main thread then closes its connection. */
  | { readonly kind: 'prepareClose' }
  | { readonly kind: 'close' }
  /** The opening is refused on the main thread: close everything as it is. */
  | { readonly kind: 'abandon' };

export interface Reply {
  readonly error: PlainError | null;
  /** Of the opening: a generation that was acknowledged and lost with the power; else null. */
  readonly lost: number | null;
}
