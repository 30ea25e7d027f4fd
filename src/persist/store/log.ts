/**
 * The write-ahead log: when it is copied into the file, and by whom.
 *
 * Copying waits for the disk, so while commits come a thread of its own does it (`log-copier.ts`). Only a log of which everything is
 * copied begins again, and while commits come something is always left; so once little is, the worker copies that
 * itself between two commits. Invariants: commits wait for the copier before the log is about five times `logBytes` long, and for
 * readers never: while one stays the log grows on (whoever runs the machine is told at `logBytesMax`); the copier is no more there when the image is closed. Worker only; called by `worker.ts`.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { assert } from '../../base/assert.ts';
import type { WorkerOptions } from './channel.ts';
import type { Durability } from './contract.ts';
import type { PlainError } from './errors.ts';
import type { OpenImage } from './image.ts';
import { START_MS } from './limits.ts';
import type { CrashPoint } from './phases.ts';
import { fromPlain } from './plain-error.ts';

/** Bytes of a frame of the log: a page and its header. */
export const LOG_FRAME_BYTES = 4096 + 24;
/** The worker copies so much itself: a commit waits for it a few milliseconds. */
const REST_BYTES = 512 * 1024;
/** While the copier works the log may grow by so many times the size at which it was asked; then commits wait for it. */
const GROWTH = 4;
/** So often the copier is asked to make the rest small. */
const PASSES_MAX = 4;

/** Words that the worker and the copier share. */
export const copierWords = {
  /** Worker: requests made. */
  asked: 0,
  /** Worker: 1 when the copier is to end. */
  end: 1,
  /** Copier: requests answered. */
  answered: 2,
  /** Copier: bytes of the log that are in the file. */
  copied: 3,
  /** Copier: 1 when it has closed its connection, and will do nothing more. */
  ended: 4,
} as const;
const WORDS = 8;

/** What the copier is started with, besides its end of a port for its error. */
export interface CopierData {
  readonly path: string;
  readonly durability: Durability;
  readonly crashPoint: CrashPoint | null;
  readonly shared: SharedArrayBuffer;
  /** The words by which the worker is woken; see channel.ts. */
  readonly storeControl: SharedArrayBuffer;
}

interface Copier {
  readonly words: Int32Array;
  readonly port: MessagePort;
  asked: number;
}

export class Log {
  private readonly image: OpenImage;
  private readonly options: WorkerOptions;
  private copier: Copier | null = null;
  /** Requests for the copying in progress; 0 when there is none. */
  private passes = 0;
  /** Bytes the log had when it was copied last; what comes after them is new. */
  private bytesCopied = 0;
  private bytesMax = 0;
  /** Something was written since the log was copied last. */
  isDirty = true;

  constructor(image: OpenImage, options: WorkerOptions) {
    this.image = image;
    this.options = options;
  }

  /** The copier is at work: it will wake the worker. */
  get isCopying(): boolean {
    return this.passes > 0;
  }

  /** There is something to do between two transactions. */
  hasWork(): boolean {
    if (this.passes === 0) return this.isLarge();
    if (this.image.writtenBytes >= this.options.limits.logBytes * GROWTH) this.waitForCopier();
    return this.isAnswered();
  }

  step(): void {
    if (this.passes > 0) {
      this.throwFailure();
      const words = (this.copier as Copier).words;
      const rest = this.bytes('NOOP') - Atomics.load(words, copierWords.copied);
      if (rest < REST_BYTES || this.passes === PASSES_MAX) {
        this.passes = 0;
        this.copy();
        return;
      }
    }
    this.ask();
  }

  /** Copies the log into the file, as far as readers allow; the next commit then starts it again. Waits for the disk. */
  copy(): void {
    const { image } = this;
    image.effects.phase('log-before');
    this.bytesCopied = this.bytes('PASSIVE');
    image.writtenBytes = 0;
    image.count('logCheckpoints', 1);
    this.isDirty = false;
    image.effects.phase('log-after');
  }

  /** Before the image is closed: the copier ends. */
  close(): void {
    const { copier } = this;
    if (copier === null) return;
    Atomics.store(copier.words, copierWords.end, 1);
    Atomics.add(copier.words, copierWords.asked, 1);
    Atomics.notify(copier.words, copierWords.asked);
    const waited = Atomics.wait(copier.words, copierWords.ended, 0, START_MS);
    assert(waited !== 'timed-out', 'log: its copier ends in time');
    this.throwFailure();
    this.copier = null;
    this.passes = 0;
  }

  /** Counts the frames of the log when enough was written: the file itself never shrinks while it is open. */
  private isLarge(): boolean {
    const { image, options } = this;
    if (image.writtenBytes < options.limits.logBytes / 4) return false;
    image.writtenBytes = 0;
    const bytes = this.bytes('NOOP');
    // The log began again after it was copied.
    if (bytes < this.bytesCopied) this.bytesCopied = 0;
    return bytes - this.bytesCopied >= options.limits.logBytes;
  }

  private bytes(mode: 'NOOP' | 'PASSIVE'): number {
    const { image } = this;
    const [row] = image.database.pragma(`wal_checkpoint(${mode})`) as { log: number }[];
    const bytes = Math.max(0, row?.log ?? 0) * LOG_FRAME_BYTES;
    image.set('logBytes', bytes);
    if (bytes > this.bytesMax) image.set('logBytesMax', bytes);
    this.bytesMax = Math.max(bytes, this.bytesMax);
    return bytes;
  }

  private ask(): void {
    this.copier ??= this.start();
    const { copier } = this;
    this.passes++;
    copier.asked++;
    Atomics.store(copier.words, copierWords.asked, copier.asked);
    Atomics.notify(copier.words, copierWords.asked);
  }

  private start(): Copier {
    const { path, durability, crashPoint, shared } = this.options;
    const { port1, port2 } = new MessageChannel();
    const words = new SharedArrayBuffer(WORDS * 4);
    const data = { path, durability, crashPoint, shared: words, storeControl: shared.control };
    const suffix = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const thread = new Worker(new URL(`./log-copier.${suffix}`, import.meta.url), {
      workerData: { ...(data satisfies CopierData), port: port2 },
      transferList: [port2],
      // As thread.ts starts the worker itself.
      ...(suffix === 'js' ? { execArgv: [] } : {}),
      name: 'perdure-log',
    });
    thread.unref();
    return { words: new Int32Array(words), port: port1, asked: 0 };
  }

  private isAnswered(): boolean {
    const { words, asked } = this.copier as Copier;
    return (
      Atomics.load(words, copierWords.answered) === asked || Atomics.load(words, copierWords.ended) !== 0
    );
  }

  /** The log has grown as much as it may: commits wait until the copier is done. */
  private waitForCopier(): void {
    const { words, asked } = this.copier as Copier;
    if (!this.isAnswered()) Atomics.wait(words, copierWords.answered, asked - 1, START_MS);
  }

  private throwFailure(): void {
    const { port, words } = this.copier as Copier;
    const told = receiveMessageOnPort(port) as { message: PlainError } | undefined;
    if (told !== undefined) throw fromPlain(told.message);
    const isEnding = Atomics.load(words, copierWords.end) !== 0;
    assert(
      isEnding || Atomics.load(words, copierWords.ended) === 0,
      'log: its copier ends when it is told to',
    );
  }
}
