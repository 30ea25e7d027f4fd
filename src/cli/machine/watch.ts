/**
 * Who looks at a running machine: the status line, five times a second at the most, and `--stats FILE`, once a second.
 *
 * Invariant: looking changes nothing of what the machine does, and one that cannot write any more does not stop it.
 * Called by `perdure run` for the time the machine runs.
 */
import fs from 'node:fs';
import type { Writer } from '../output.ts';
import type { Gauges, GaugesHost, Reading } from './gauges.ts';
import { statusText } from './gauges.ts';
import type { Runner } from './runner.ts';
import { noStatus, openStatus, type Status } from './status.ts';

const STATUS_MS = 200;
const STATS_MS = 1000;

/** What the parts of the screen are. */
export interface Screen {
  /** Where words go. */
  readonly words: Writer;
  /** Its width; 0 when it is not known. */
  readonly columns: () => number;
  /** Only results and errors are wanted. */
  readonly isQuiet: boolean;
  /** The terminal cannot move its cursor. */
  readonly isDumb: boolean;
  /** Output goes to a file of its own. */
  readonly hasOut: boolean;
}

/** A status line where it disturbs nobody: on a terminal, unless output goes through a pipe that may end on it too. */
export function statusOn(screen: Screen): Status {
  const { words, columns, isQuiet, isDumb, hasOut } = screen;
  const STDOUT = 1;
  const stats = fs.fstatSync(STDOUT, { throwIfNoEntry: false });
  const isPiped = stats === undefined || stats.isFIFO() || stats.isSocket();
  if (!words.isTerminal || isQuiet || isDumb || (isPiped && !hasOut)) return noStatus;
  return openStatus(words, columns);
}

/** What Linux counts as given to the disks by this process; null elsewhere. */
export function writtenBytes(): number | null {
  try {
    const text = fs.readFileSync('/proc/self/io', 'utf8');
    const count = /^write_bytes: (\d+)$/m.exec(text)?.[1];
    return count === undefined ? null : Number(count);
  } catch {
    return null;
  }
}

export interface Watched {
  readonly runner: Runner;
  /** Makes gauges that read from now on. */
  readonly gauges: (host: GaugesHost) => Gauges;
  readonly status: Status;
  /** The file of --stats, or null. */
  readonly stats: string | null;
  readonly host: GaugesHost;
  readonly say: (line: string) => void;
}

export interface Watch {
  /** The machine has stopped: the line goes, the file gets its last reading. */
  close(ended: string): void;
}

export function watch({ runner, gauges, status, stats, host, say }: Watched): Watch {
  const timers: NodeJS.Timeout[] = [];
  const every = (ms: number, look: () => void): void => {
    const timer = setInterval(look, ms);
    timer.unref();
    timers.push(timer);
  };
  if (status !== noStatus) {
    const seen = gauges(host);
    // A machine that waits for a person to type leaves the line to what is typed.
    every(STATUS_MS, () => status.draw(runner.isAsleep ? null : statusText(seen.read())));
  }
  let descriptor = stats === null ? null : fs.openSync(stats, 'w');
  const counted = descriptor === null ? null : gauges(host);
  const put = (ended: string | null): void => {
    if (descriptor === null || counted === null) return;
    const line: Reading & { ended: string | null } = { ...counted.read(), ended };
    try {
      fs.writeSync(descriptor, `${JSON.stringify(line)}\n`);
    } catch (error) {
      fs.closeSync(descriptor);
      descriptor = null;
      say(`--stats ${stats}: ${(error as Error).message}; nothing more is written there`);
    }
  };
  if (descriptor !== null) every(STATS_MS, () => put(null));
  return {
    close(ended) {
      for (const timer of timers) clearInterval(timer);
      status.draw(null);
      put(ended);
      if (descriptor !== null) fs.closeSync(descriptor);
      descriptor = null;
    },
  };
}
