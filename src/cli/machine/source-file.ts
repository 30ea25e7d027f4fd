/**
 * Input from a regular file: read from a place that the image knows, so that a later life goes on behind what entered.
 *
 * Invariants: what entered, and the place behind it, are saved by one checkpoint; a file that holds what the image has
 * read from it is the same file and is read on, any other is read from where it was handed over. Reads by position, so
 * nobody else's place in the file moves. Chosen by `openInput` when standard input is a regular file.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { INPUT_HELD_MAX } from '../../base/limits.ts';
import { ExitCode, OperatorError } from '../errors.ts';
import type { Source } from './source.ts';

/** How far an image has read a file. */
export interface InputPlace {
  /** Decimal. */
  readonly inode: string;
  /** Bytes of the file before the next one to be read. */
  readonly offset: number;
  /** SHA-256 of the last PROOF_BYTES bytes, or fewer at the start, before `offset`; hexadecimal. */
  readonly proof: string;
}

const PROOF_BYTES = 4096;
const CHUNK_BYTES = INPUT_HELD_MAX / 4;

const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** What the file holds before `offset`, as far as it proves anything; null when the file is shorter. */
function before(descriptor: number, offset: number): Uint8Array | null {
  const bytes = new Uint8Array(Math.min(PROOF_BYTES, offset));
  const count = fs.readSync(descriptor, bytes, 0, bytes.length, offset - bytes.length);
  return count === bytes.length ? bytes : null;
}

/** Where a file that was handed over as a descriptor stands: a shell may have read a part of it. */
function handedOverAt(descriptor: number): number {
  try {
    const text = fs.readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8');
    return Number(/^pos:\s*(\d+)/m.exec(text)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

export interface FileSource extends Source {
  /** It goes on where an earlier life stopped. */
  readonly isContinued: boolean;
  /** Behind what was taken. */
  place(): InputPlace;
}

/** `known`: how far the image has read its last file. `wake` is called when something arrives. */
export function openFileSource(descriptor: number, known: InputPlace | null, wake: () => void): FileSource {
  const inode = String(fs.fstatSync(descriptor, { bigint: true }).ino);
  const start = known !== null && known.inode === inode ? before(descriptor, known.offset) : null;
  const isContinued = start !== null && hash(start) === known?.proof;
  let taken = isContinued && known !== null ? known.offset : handedOverAt(descriptor);
  let saved: InputPlace | null = isContinued ? known : null;
  let waiting: Uint8Array = new Uint8Array(0);
  let isReading = false;
  let isAtEnd = false;
  let isClosed = false;
  let failure: Error | null = null;

  const read = (): void => {
    if (isReading || isAtEnd || isClosed || failure !== null || waiting.length >= INPUT_HELD_MAX) return;
    isReading = true;
    const chunk = Buffer.alloc(CHUNK_BYTES);
    fs.read(descriptor, chunk, 0, chunk.length, taken + waiting.length, (error, count) => {
      isReading = false;
      if (error !== null) {
        const advice = 'look at the file, and run the image again: it goes on behind what it has read';
        failure = new OperatorError(
          ExitCode.inputOutput,
          `the input file cannot be read: ${error.message}`,
          advice,
        );
      } else if (count === 0) isAtEnd = true;
      else waiting = Buffer.concat([waiting, chunk.subarray(0, count)]);
      read();
      wake();
    });
  };
  // At once, so that the first demarcation knows whether there is more than an earlier life has read.
  const first = new Uint8Array(CHUNK_BYTES);
  waiting = first.subarray(0, fs.readSync(descriptor, first, 0, first.length, taken));
  read();
  return {
    isTerminal: false,
    isContinued,
    take(count) {
      const bytes = waiting.subarray(0, count);
      waiting = waiting.subarray(bytes.length);
      taken += bytes.length;
      if (bytes.length > 0) saved = null;
      read();
      return bytes;
    },
    get hasBytes() {
      return waiting.length > 0;
    },
    get hasEnded() {
      return isAtEnd && waiting.length === 0;
    },
    get failure() {
      return failure;
    },
    place() {
      saved ??= { inode, offset: taken, proof: hash(before(descriptor, taken) ?? new Uint8Array(0)) };
      return saved;
    },
    close() {
      isClosed = true;
    },
  };
}
