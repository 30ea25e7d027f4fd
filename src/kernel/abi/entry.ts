/**
 * What a row of the table of entry points says, and the words that rows are written in.
 *
 * Imported by the table (`entries.ts`), its parts (`entries/`), and what derives from it. Holds no code that acts.
 */

import type { FaultName, OutcomeName } from './codes.ts';

/** fluke.md B.2: how a call is made atomic. */
export type EntryClass = 'trivial' | 'short' | 'long' | 'multi-stage';

export interface Entry {
  /** What a7 holds. Part of the image format, never reused: 0x400 + 0x40 x type (or group) + operation. */
  readonly number: number;
  readonly class: EntryClass;
  /** What a0 may hold besides `success`. A call that becomes another may end with that one's outcomes: they are here too. */
  readonly outcomes: readonly OutcomeName[];
  /**
   * Programming errors that it may deliver. Not here: page faults of the buffers it reads and writes, which any entry
   * with a buffer may meet, and which are served like any other page fault.
   */
  readonly faults: readonly FaultName[];
  /** What may stand in a7 after a stage, besides the entry itself: the rest of a multi-stage call is a call. */
  readonly becomes?: readonly string[];
  /** Argument i is in a(i). */
  readonly arguments: readonly string[];
  /** Result i is in a(i+1). One with an argument's name is what became of that argument. */
  readonly results: readonly string[];
  readonly summary: string;
}

/** What naming an object by an address of the caller may deliver; and naming a reference. */
export const naming = ['invalidAddress', 'notAligned', 'noObject', 'wrongType'] as const;
export const namingReference = ['invalidAddress', 'notAligned', 'noObject', 'notReference'] as const;

/** Flavours of a message as wait_receive reports them. */
export const flavours = { oneway: 1, idempotent: 2, reliable: 3 } as const;

/**
 * thread_schedule's sensitivity: what wakes the scheduler. That its thread blocks; only that another of its clients wakes;
 * only that two of its clients can run.
 */
export const sensitivities = { block: 0, switch: 1, conflict: 2 } as const;
