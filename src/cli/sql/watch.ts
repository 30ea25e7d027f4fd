/**
 * `perdure sql --watch`: the answer again after every commit, at most ten times a second, in place on a terminal.
 *
 * Files' events say that something may have happened, `PRAGMA data_version` whether it has. Events alone lose the last commit
 * (measured), so the version is looked at until it has been the same for a while, and now and then besides.
 * Invariant: what is shown last is what the image says, at most SHOWN_WITHIN_MS after the commit. Called by the verb `sql`.
 */

import type Database from 'better-sqlite3';
import { watch } from 'chokidar';
import { contentVersion, openReader } from '../../persist/store/schema.ts';

/** At most ten answers a second. */
const ANSWER_MS = 100;
/** Looked at so long after an event, and so often without one: the last commit shows within 300 ms even if no event comes. */
const QUIET_MS = 1000;
const UNASKED_MS = 200;

export interface WatchHost {
  readonly nowMs: () => number;
  /** Asks and shows. */
  readonly answer: () => void;
  /** Ends the watch. */
  readonly stop: AbortSignal;
}

/** Runs until it is stopped. */
export async function watchImage(file: string, host: WatchHost): Promise<void> {
  const reader = openReader(file);
  const files = watch([file, `${file}-wal`], { ignoreInitial: true, persistent: true });
  let eventMs = host.nowMs();
  let wake: (() => void) | null = null;
  files.on('all', () => {
    eventMs = host.nowMs();
    wake?.();
  });
  const stopped = (): void => wake?.();
  host.stop.addEventListener('abort', stopped);
  try {
    let shown = -1;
    while (!host.stop.aborted) {
      const version = versionOf(reader);
      if (version !== shown) {
        shown = version;
        host.answer();
      }
      const isQuiet = host.nowMs() - eventMs > QUIET_MS;
      // An event cuts the longer wait short; the shorter one is what keeps answers apart.
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, isQuiet ? UNASKED_MS : ANSWER_MS);
        wake = () => {
          if (!isQuiet && !host.stop.aborted) return;
          clearTimeout(timer);
          resolve();
        };
      });
    }
  } finally {
    host.stop.removeEventListener('abort', stopped);
    await files.close();
    reader.close();
  }
}

function versionOf(reader: Database.Database): number {
  // The version is that of the last look: a read, however small, is what looks.
  reader.prepare('SELECT 1 FROM head').get();
  return contentVersion(reader);
}
