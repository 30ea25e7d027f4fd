/**
 * Where input comes from: standard input, taken only as fast as the program reads it.
 *
 * Invariant: at most INPUT_HELD_MAX bytes wait here; the rest stays with the sender. What waits here has not entered the
 * machine: it enters at a demarcation, as a row of that checkpoint. Built by the runner.
 */
import { INPUT_HELD_MAX } from '../../base/limits.ts';

export interface Source {
  /** Takes up to `count` bytes that have arrived. */
  take(count: number): Uint8Array;
  readonly hasBytes: boolean;
  /** The end has arrived and every byte before it was taken. */
  readonly hasEnded: boolean;
  readonly isTerminal: boolean;
  close(): void;
}

/** Reads `stream`; `wake` is called when something arrives. */
export function openSource(stream: NodeJS.ReadStream, wake: () => void): Source {
  let waiting: Uint8Array = new Uint8Array(0);
  let ended = false;
  const onData = (chunk: Buffer): void => {
    waiting = Buffer.concat([waiting, chunk]);
    if (waiting.length >= INPUT_HELD_MAX) stream.pause();
    wake();
  };
  const onEnd = (): void => {
    ended = true;
    wake();
  };
  stream.on('data', onData);
  stream.on('end', onEnd);
  stream.on('error', onEnd);
  return {
    take(count) {
      const bytes = waiting.subarray(0, count);
      waiting = waiting.subarray(bytes.length);
      if (waiting.length < INPUT_HELD_MAX && !ended) stream.resume();
      return bytes;
    },
    get hasBytes() {
      return waiting.length > 0;
    },
    get hasEnded() {
      return ended && waiting.length === 0;
    },
    isTerminal: stream.isTTY === true,
    close() {
      stream.off('data', onData);
      stream.off('end', onEnd);
      stream.pause();
      stream.unref?.();
    },
  };
}
