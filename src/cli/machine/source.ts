/**
 * Where input comes from: standard input, taken only as fast as the program reads it.
 *
 * Invariant: at most INPUT_HELD_MAX bytes wait here; the rest stays with the sender. What waits here has not entered the
 * machine: it enters at a demarcation, as a row of that checkpoint. What was read from a pipe or terminal and has not
 * entered is lost when the machine is killed: nobody was told that it came. Built by `perdure run`.
 */
import fs from 'node:fs';
import { INPUT_HELD_MAX } from '../../base/limits.ts';
import type { InputPlace } from './source-file.ts';
import { openFileSource } from './source-file.ts';

export interface Source {
  /** Takes up to `count` bytes that have arrived. */
  take(count: number): Uint8Array;
  readonly hasBytes: boolean;
  /** The end has arrived and every byte before it was taken. */
  readonly hasEnded: boolean;
  readonly isTerminal: boolean;
  /** What went wrong with it; the machine stops, and what has entered is in the image. */
  readonly failure: Error | null;
  /** How far a file has been read, to be saved with what was taken; null when it is no file. */
  place(): InputPlace | null;
  close(): void;
}

/**
 * Standard input: a regular file is read by position and goes on where the image stopped, anything else is a stream.
 * Says on `say` where a file goes on, if `known` is not null.
 */
export function openInput(known: InputPlace | null, wake: () => void, say: (line: string) => void): Source {
  const STDIN = 0;
  if (fs.fstatSync(STDIN, { throwIfNoEntry: false })?.isFile() !== true) {
    return openSource(process.stdin, wake);
  }
  const source = openFileSource(STDIN, known, wake);
  if (source.isContinued) say(`the input file goes on at byte ${source.place()?.offset}`);
  else if (known !== null)
    say('the input is another file than before, or has changed: it is read as a new one');
  return source;
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
    failure: null,
    place: () => null,
    close() {
      stream.off('data', onData);
      stream.off('end', onEnd);
      stream.pause();
      stream.unref?.();
    },
  };
}
