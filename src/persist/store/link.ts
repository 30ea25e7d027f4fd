/**
 * The main thread's end of the worker: starting it, asking it, waiting for it, and learning that it failed.
 *
 * Invariants: a request is answered before the next is made; `failure` is set once and for
 * ever, by the worker's first error. All waiting is on shared words, so the event loop need not turn. Owned by `store.ts`.
 */
import { once } from 'node:events';
import { receiveMessageOnPort } from 'node:worker_threads';
import { assert } from '../../base/assert.ts';
import { control, type Reply, type Request, type WorkerOptions, workerStates } from './channel.ts';
import { exitCodes, StoreError } from './errors.ts';
import { START_MS } from './limits.ts';
import { fromPlain } from './plain-error.ts';
import { hurry, wake } from './ring.ts';
import { type StoreThread, startThread, tellThread } from './thread.ts';

function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

export class WorkerLink {
  readonly words: Int32Array;
  failure: Error | null = null;
  private readonly worker;
  private readonly port;
  private replies = 0;
  private isOwedReply = false;
  /** See `Reply`. */
  lostGeneration: number | null = null;

  /** Tells the worker what to open: the given thread, which may have been started long before, or a new one. */
  constructor(options: WorkerOptions, thread: StoreThread = startThread()) {
    this.words = new Int32Array(options.shared.control);
    this.port = thread.port;
    this.worker = thread.worker;
    if (thread.failure !== null) this.failure = errorOf(thread.failure.error);
    // The worker tells its errors itself; what it cannot tell, such as a lack of memory, comes here.
    this.worker.on('error', (error) => {
      this.failure ??= errorOf(error);
    });
    tellThread(thread, options);
  }

  /** Waits until the worker has opened the image. Throws what it refused with. */
  awaitOpened(): void {
    this.throwFailure();
    if (this.replies === 0) this.awaitReply(START_MS);
  }

  /** Asks and waits for the answer. Throws the worker's error. */
  ask(request: Request): void {
    this.tell(request);
    this.settle();
  }

  /** Asks; the answer is waited for by `settle`, at the latest before the next request. Throws the worker's error. */
  tell(request: Request): void {
    this.settle();
    this.throwFailure();
    this.port.postMessage(request);
    this.isOwedReply = true;
    wake(this.words);
    hurry(this.words);
  }

  /** Waits for the answer that is owed, if one is. Throws the worker's error. */
  settle(): void {
    if (!this.isOwedReply) return;
    this.isOwedReply = false;
    this.awaitReply(null);
  }

  private awaitReply(limitMs: number | null): void {
    while (Atomics.load(this.words, control.replies) === this.replies) {
      const found = Atomics.wait(this.words, control.replies, this.replies, limitMs ?? 1000);
      if (found !== 'timed-out') continue;
      if (limitMs !== null) {
        throw new StoreError(exitCodes.ioError, 'the store worker did not start', 'run again');
      }
      this.throwFailure();
    }
    this.replies++;
    const message = receiveMessageOnPort(this.port) as { message: Reply } | undefined;
    assert(message !== undefined, 'store: a counted reply is there');
    this.lostGeneration ??= message.message.lost;
    if (message.message.error !== null) {
      this.failure = fromPlain(message.message.error);
      this.port.close();
      throw this.failure;
    }
  }

  /** Looks whether the worker has failed. */
  checkFailure(): Error | null {
    if (this.failure !== null) return this.failure;
    if (Atomics.load(this.words, control.state) !== workerStates.failed) return null;
    try {
      this.settle();
      this.awaitReply(null);
    } catch (error) {
      this.failure ??= error as Error;
    }
    return this.failure;
  }

  throwFailure(): void {
    const failure = this.checkFailure();
    if (failure !== null) throw failure;
  }

  /** Waits for the thread to end, after a 'close' or a failure. */
  async ended(): Promise<void> {
    this.port.close();
    if (this.worker.threadId !== -1) await once(this.worker, 'exit');
  }

  /** For an opening that is refused on this side: everything is closed when this returns. */
  abandon(): void {
    try {
      this.awaitOpened();
      this.ask({ kind: 'abandon' });
    } catch (error) {
      this.failure ??= error as Error;
    }
    this.port.close();
    void this.worker.terminate();
  }
}
