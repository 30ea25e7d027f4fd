/**
 * What a running machine is doing, as numbers: a reading is the difference between two moments.
 *
 * Read by the status line and by `--stats FILE`, each with gauges of its own, so that neither changes what the other sees.
 * Takes counters that are there anyway: nothing is measured for it, and without a reader it costs nothing.
 */
import type { Store } from '../../persist/store/contract.ts';
import type { Assembly } from './assemble.ts';
import type { Runner } from './runner.ts';

/** One reading, and one line of `--stats`. Rates are over the time since the reading before. */
export interface Reading {
  /** Wall clock of the host, ISO 8601. */
  readonly time: string;
  /** Since the machine started in this life. */
  readonly seconds: number;
  /** Newest checkpoint taken, and newest one that is durable. */
  readonly generation: number;
  readonly committed: number;
  /** Checkpoints since the reading before. */
  readonly checkpoints: number;
  /** Longest time that one of them took of the machine's, microseconds. */
  readonly pauseUsMax: number;
  /** Changed pages of a checkpoint, mean of those that committed; null when none did. */
  readonly dirtyPages: number | null;
  /** Bytes of the records of those checkpoints, a second. */
  readonly recordBytesPerSecond: number;
  /** Bytes that the process gave its disks, output included, a second; null where the system does not tell. */
  readonly writtenBytesPerSecond: number | null;
  /** Million guest instructions a second. */
  readonly mips: number;
  /** The machine's clock, decimal. */
  readonly tick: string;
}

export interface GaugesHost {
  readonly nowMs: () => number;
  readonly wallMs: () => number;
  /** Bytes that this process has given to disks since it started, or null. */
  readonly writtenBytes: () => number | null;
}

const round = (value: number): number => Math.round(value * 100) / 100;

export class Gauges {
  private readonly runner: Runner;
  private readonly parts: Assembly;
  private readonly store: Store;
  private readonly host: GaugesHost;
  private readonly startMs: number;
  private last: ReturnType<Gauges['look']>;

  constructor(runner: Runner, parts: Assembly, store: Store, host: GaugesHost) {
    this.runner = runner;
    this.parts = parts;
    this.store = store;
    this.host = host;
    this.startMs = host.nowMs();
    this.last = this.look();
  }

  private look() {
    const statistics = this.store.statistics();
    return {
      ms: this.host.nowMs(),
      generation: this.parts.server.published,
      committed: this.store.committed,
      checkpoints: this.runner.checkpointCount,
      pages: statistics.pagesCommitted ?? 0,
      recordBytes: statistics.recordBytes ?? 0,
      written: this.host.writtenBytes(),
      retired: this.parts.kernel.statistics().retired,
    };
  }

  read(): Reading {
    const before = this.last;
    const now = this.look();
    this.last = now;
    const seconds = Math.max((now.ms - before.ms) / 1000, 1e-6);
    const commits = now.committed - before.committed;
    const isTold = now.written !== null && before.written !== null;
    return {
      time: new Date(this.host.wallMs()).toISOString(),
      seconds: round((now.ms - this.startMs) / 1000),
      generation: now.generation,
      committed: now.committed,
      checkpoints: now.generation - before.generation,
      pauseUsMax: round(this.runner.demarcationUsMax(now.checkpoints - before.checkpoints)),
      dirtyPages: commits === 0 ? null : round((now.pages - before.pages) / commits),
      recordBytesPerSecond: Math.round((now.recordBytes - before.recordBytes) / seconds),
      writtenBytesPerSecond: isTold
        ? Math.round(((now.written ?? 0) - (before.written ?? 0)) / seconds)
        : null,
      mips: round((now.retired - before.retired) / seconds / 1e6),
      tick: String(this.parts.kernel.tick()),
    };
  }
}

/** `1.2 MB/s`: three digits at the most. */
function rateText(bytesPerSecond: number): string {
  const units = ['B/s', 'kB/s', 'MB/s', 'GB/s'];
  let value = bytesPerSecond;
  let unit = 0;
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= 1000;
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** The status line: what matters most comes first, because a narrow terminal cuts it. */
export function statusText(reading: Reading): string {
  const bytes = reading.writtenBytesPerSecond ?? reading.recordBytesPerSecond;
  const pages = reading.dirtyPages === null ? '-' : String(Math.round(reading.dirtyPages));
  return [
    `generation ${reading.generation}`,
    `pause ${Math.round(reading.pauseUsMax)} us`,
    `${pages} pages`,
    rateText(bytes),
    `${Math.round(reading.mips)} MIPS`,
  ].join(' | ');
}
