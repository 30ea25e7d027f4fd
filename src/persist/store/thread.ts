/**
 * The store's worker thread before it has an image: it starts, loads its modules, and waits to be told what to open.
 *
 * A thread takes as long to start as a process, so the entry point begins with it when an image is going to be opened, and
 * loads everything else meanwhile. Invariants: until it is told it touches no file; nothing of the event loop waits for
 * it until then. Imports nothing of ours but types: whoever starts it has loaded nothing else yet. Owned by `link.ts`.
 */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { WorkerOptions } from './channel.ts';

/** What the worker has from its first moment. */
export interface ThreadData {
  readonly port: MessagePort;
  /** One word, not 0 when the options lie in the port. */
  readonly told: SharedArrayBuffer;
}

export interface StoreThread {
  readonly worker: Worker;
  readonly port: MessagePort;
  readonly told: SharedArrayBuffer;
  /** What ended it before anybody could listen; null while it is well. */
  readonly failure: { error: unknown } | null;
}

/** Starts it. */
export function startThread(): StoreThread {
  const { port1, port2 } = new MessageChannel();
  const told = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const suffix = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const worker = new Worker(new URL(`./worker.${suffix}`, import.meta.url), {
    workerData: { port: port2, told } satisfies ThreadData,
    transferList: [port2],
    // What was built is one module: it needs none of the process's preloads.
    ...(suffix === 'js' ? { execArgv: [] } : {}),
    name: 'perdure-store',
  });
  worker.unref();
  let failure: { error: unknown } | null = null;
  worker.on('error', (error) => {
    failure ??= { error };
  });
  return {
    worker,
    port: port1,
    told,
    get failure() {
      return failure;
    },
  };
}

/** Tells it what to open. From now on the process lives as long as it. */
export function tellThread({ worker, port, told }: StoreThread, options: WorkerOptions): void {
  port.postMessage(options);
  const word = new Int32Array(told);
  Atomics.store(word, 0, 1);
  Atomics.notify(word, 0);
  worker.ref();
}

/** No image is opened after all. */
export function endThread({ worker, port }: StoreThread): void {
  port.close();
  void worker.terminate();
}
