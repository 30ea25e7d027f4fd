/**
 * The labelled points of the store's work at which a test makes the process die.
 *
 * On the main thread `CrashHooks.phase` is called with the label; in the worker a `CrashPoint` given as data kills the
 * process at the n-th visit. Production gives neither. The names are part of the crash campaign's reports.
 */

export const mainPhases = {
  open: 'openStore was called; nothing is open',
  verify: 'the worker holds the lock; head and records are about to be verified',
  'load-objects': 'objects are about to be read and verified',
  'batch-begin': 'a batch has begun; nothing is in the ring',
  'batch-publish': 'a batch is complete in the ring; the worker was not told',
} as const;

export const workerPhases = {
  'open-locked': 'the side file is locked; the image is not open',
  'open-created': 'the tables of a new image are committed',
  'open-life': 'the row of this life is committed',
  'commit-begin': 'the worker has found a batch',
  'commit-body': 'the record is inserted; if the head has to change, it has not',
  'commit-head': 'all of the commit is in the open transaction',
  'commit-before': 'the next statement is COMMIT',
  'commit-after': 'COMMIT has returned; nobody knows yet',
  'commit-side': 'the side file has the generation; the main thread was not told',
  acknowledged: 'the main thread was told',
  'segment-taken': 'a part of a batch larger than the ring is in the open transaction',
  'fold-objects-begin': 'a transaction that folds objects has begun',
  'fold-objects-commit': 'its next statement is COMMIT',
  'fold-objects-after': 'it is committed',
  'fold-pages-begin': 'a transaction that folds pages has begun',
  'fold-pages-commit': 'its next statement is COMMIT',
  'fold-pages-after': 'it is committed',
  'thin-begin': 'a transaction that merges or deletes history has begun',
  'thin-commit': 'its next statement is COMMIT',
  'thin-after': 'it is committed',
  'log-before': 'the write-ahead log is about to be copied into the file',
  'log-after': 'it was copied',
  'copy-before': 'the thread that copies the log was asked to',
  'copy-after': 'it has copied it; the worker was not told',
  'close-folded': 'everything is folded for a clean stop',
  'close-marked': 'the head says closed; log and side file are still there',
  'close-shrink': 'free pages are about to go back to the file system',
  'close-side': 'the file is closed; the side file is still there',
} as const;

export type MainPhase = keyof typeof mainPhases;
export type WorkerPhase = keyof typeof workerPhases;

/** The process dies at visit `visit` (1 = the first) of `label`. */
export interface CrashPoint {
  readonly label: string;
  readonly visit: number;
}

/** What the entry point gives for crash tests: data for the worker, and a function for this thread. */
export interface CrashHooks {
  readonly point: CrashPoint | null;
  readonly phase: (label: string) => void;
}
