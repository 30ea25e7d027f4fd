/**
 * Where released output goes: a file (exactly once) or standard output (the last unconfirmed bytes may come again).
 *
 * Invariants: a file sink is written at the place that the output's offset says, so that writing again what is there
 * changes nothing; it is never shortened; what the file already has must be what the image says it wrote, or the sink
 * is refused. `confirmed` only grows, and only over bytes that have certainly reached the sink.
 * Built by the runner. Knows nothing of checkpoints.
 */
import fs from 'node:fs';
import type { OutputRun } from '../../userland/border/console.ts';
import { ExitCode, OperatorError } from '../errors.ts';

export interface Sink {
  write(run: OutputRun): void;
  /** Output below this offset has reached the sink for certain. */
  confirmed(): number;
  /** Resolves when everything written has reached the sink. */
  flush(): Promise<void>;
  /** What went wrong with it; the machine stops, nothing is lost. */
  readonly failure: Error | null;
  close(): void;
}

export interface FileSinkState {
  /** Output offset of the file's first byte. */
  readonly origin: number;
  readonly confirmed: number;
  /** Committed output that is not confirmed, in order. */
  readonly unconfirmed: readonly OutputRun[];
}

/**
 * Opens `path` as the sink of an image; for a new image the file must be absent or empty.
 * Throws OperatorError (73) when it cannot be made, (65) when its content is not what the image wrote.
 */
export function openFileSink(
  path: string,
  state: FileSinkState,
  isSynced: boolean,
): Sink & { origin: number } {
  let descriptor: number;
  try {
    descriptor = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o644);
  } catch (error) {
    throw new OperatorError(
      ExitCode.cannotCreate,
      `--out ${path}: ${(error as Error).message}`,
      'choose another file',
    );
  }
  const length = fs.fstatSync(descriptor).size;
  // An empty file given to an image that has written before is a new sink: it takes what comes from now on.
  const origin = length === 0 ? state.confirmed : state.origin;
  verify(descriptor, path, length, origin, state);
  let confirmed = state.confirmed;
  let written = Math.max(state.confirmed, origin + length);
  let failure: Error | null = null;
  let isSyncing = false;

  const put = (run: OutputRun): void => {
    let at = 0;
    try {
      while (at < run.bytes.length) {
        const position = run.offset - origin + at;
        at += fs.writeSync(descriptor, run.bytes, at, run.bytes.length - at, position);
      }
    } catch (error) {
      failure = error as Error;
      return;
    }
    written = Math.max(written, run.offset + run.bytes.length);
    if (!isSynced) confirmed = written;
    else sync();
  };
  const sync = (): void => {
    if (isSyncing) return;
    isSyncing = true;
    const covered = written;
    fs.fdatasync(descriptor, (error) => {
      isSyncing = false;
      if (error !== null) failure = error;
      else confirmed = Math.max(confirmed, covered);
    });
  };
  for (const run of state.unconfirmed) if (run.offset >= origin) put(run);
  return {
    origin,
    write: put,
    confirmed: () => confirmed,
    flush: async () => {
      if (failure !== null) return;
      while (isSyncing) await new Promise((resolve) => setTimeout(resolve, 1));
      if (isSynced) fs.fdatasyncSync(descriptor);
      confirmed = written;
    },
    get failure() {
      return failure;
    },
    close: () => fs.closeSync(descriptor),
  };
}

/** The file must hold all confirmed bytes, and beyond them only bytes that the image says it wrote. */
function verify(
  descriptor: number,
  path: string,
  length: number,
  origin: number,
  state: FileSinkState,
): void {
  const end = origin + length;
  const refuse = (what: string): never => {
    fs.closeSync(descriptor);
    throw new OperatorError(
      ExitCode.damaged,
      `${path}: the output file ${what}`,
      'give --out the file this image wrote to, or a new one for what comes from now on',
    );
  };
  if (end < state.confirmed) refuse(`has ${length} bytes, the image wrote ${state.confirmed - origin} to it`);
  for (const run of state.unconfirmed) {
    const overlap = Math.min(run.bytes.length, end - run.offset);
    if (overlap <= 0 || run.offset < origin) continue;
    const there = new Uint8Array(overlap);
    fs.readSync(descriptor, there, 0, overlap, run.offset - origin);
    if (Buffer.compare(there, run.bytes.subarray(0, overlap)) !== 0) {
      refuse(`does not hold what the image wrote at byte ${run.offset - origin}`);
    }
  }
  const last = state.unconfirmed.at(-1);
  const known = Math.max(state.confirmed, last === undefined ? 0 : last.offset + last.bytes.length);
  if (end > known) refuse(`has ${end - known} bytes that this image did not write`);
}

/** Standard output: confirmed when the stream has taken the bytes over. */
export function openStreamSink(
  stream: NodeJS.WriteStream,
  unconfirmed: readonly OutputRun[],
  from: number,
): Sink {
  let confirmed = from;
  let failure: Error | null = null;
  let pending = 0;
  stream.on('error', (error: Error) => {
    failure = error;
  });
  const write = (run: OutputRun): void => {
    if (failure !== null) return;
    pending++;
    stream.write(run.bytes, (error) => {
      pending--;
      if (error) failure = error;
      else confirmed = Math.max(confirmed, run.offset + run.bytes.length);
    });
  };
  for (const run of unconfirmed) write(run);
  return {
    write,
    confirmed: () => confirmed,
    flush: async () => {
      while (pending > 0 && failure === null) await new Promise((resolve) => setTimeout(resolve, 1));
    },
    get failure() {
      return failure;
    },
    close: () => undefined,
  };
}
