/**
 * What the entry point gives the store: where, how durable, and the effects of the host.
 *
 * Holds no state.
 */
import type { Durability } from './contract.ts';
import type { StoreLimits } from './limits.ts';
import type { CrashHooks } from './phases.ts';
import type { StoreThread } from './thread.ts';

/** What the store needs from the host besides its file. */
export interface StoreEffects {
  /** Wall clock, milliseconds since 1970. */
  readonly wallMs: () => number;
  /** For the image's id. */
  readonly randomBytes: (count: number) => Uint8Array;
  readonly pid: number;
  /** Names the operating system's present life: another one says that it went down in between. */
  readonly bootId?: string;
}

export interface StoreOptions {
  /** True: a missing image is created. False: it is refused with exit code 66. */
  readonly create: boolean;
  /** An image without a checkpoint is refused with exit code 66. */
  readonly needsCheckpoint?: boolean;
  readonly durability: Durability;
  readonly effects: StoreEffects;
  /** Where the process dies and who is told of the labelled points; for crash tests. */
  readonly crashPoint?: CrashHooks | null;
  /** Other bounds: what follows from the machine's RAM (`shadowPagesOf`), and smaller ones for tests. */
  readonly limits?: Partial<StoreLimits>;
  /** Opens an image whose log was cut short at the newest generation that is left. */
  readonly acceptLoss?: boolean;
  /** The worker's thread, started already; without it one is started. */
  readonly thread?: StoreThread;
  /** Ladder of history (ladder.ts), kept in the image; without it the image's own goes on. */
  readonly keep?: string;
}
