/**
 * Where released output goes: a file (exactly once) or standard output (the last unconfirmed bytes may come again).
 *
 * Invariants: a file sink is written at the place that the output's offset says, so that writing again what is there
 * changes nothing; it is never shortened; what the file already has must be what the image says it wrote, or the sink
 * is refused; a file that somebody else changes while the machine runs gets nothing more. `confirmed` only grows, and only
 * over bytes that have certainly reached the sink; after a failure nothing more is written or confirmed. A file that the
 * image does not know yet gets its first byte after a checkpoint has committed that knows it, or a kill in between would
 * leave a file that the next life must refuse.
 * Built by `perdure run`, driven by the runner.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { dirname } from 'node:path';
import type { OutputRun } from '../../userland/border/console.ts';
import { ExitCode, OperatorError } from '../errors.ts';

/** The end of what a file sink had confirmed: a file that is the image's ends so, or went on from there. */
export interface OutputProof {
  /** Output offset behind the last byte looked at. */
  readonly end: number;
  /** Bytes looked at, and their SHA-256, hexadecimal. */
  readonly bytes: number;
  readonly hash: string;
}

/** Bytes that a proof looks at: cheap in every checkpoint, and no other file ends so by chance. */
const PROOF_BYTES = 512;

export interface Sink {
  /** Output offset of the first byte of the file; for another sink that of the image's last file. */
  readonly origin: number;
  /** To be saved with `confirmed`. */
  proof(): OutputProof | null;
  write(run: OutputRun): void;
  /** Output below this offset has reached the sink for certain. */
  confirmed(): number;
  /** Resolves when everything written has reached the sink. */
  flush(): Promise<void>;
  /** Something is owed to a new file: a checkpoint that knows the file must come first. */
  readonly wantsCheckpoint: boolean;
  /** A checkpoint of this life has committed. */
  checkpointCommitted(): void;
  /** What went wrong with it; the machine stops, nothing is lost. */
  readonly failure: Error | null;
  close(): void;
}

export interface FileSinkState {
  /** Output offset of the file's first byte. */
  readonly origin: number;
  readonly proof: OutputProof | null;
  readonly confirmed: number;
  /** Committed output that is not confirmed, in order. */
  readonly unconfirmed: readonly OutputRun[];
}

/** A sink can be a regular file, or a device such as /dev/null, which takes everything and keeps no place. */
function kindOf(stats: fs.Stats): 'file' | 'device' | 'other' {
  if (stats.isFile()) return 'file';
  return stats.isCharacterDevice() ? 'device' : 'other';
}

/** A pipe or socket cannot be asked what it has; who wants one gets the promise of standard output. */
function whatElse(stats: fs.Stats): string {
  if (stats.isDirectory()) return 'it is a folder';
  if (stats.isFIFO() || stats.isSocket())
    return 'it is a pipe or socket: leave --out away and redirect standard output';
  return 'it is neither a file nor a device';
}

function cannotMake(path: string, why: string): OperatorError {
  return new OperatorError(ExitCode.cannotCreate, `--out ${path}: ${why}`, 'choose another file');
}

/**
 * Refuses, before anything is made, what could not become the sink of a new image: so that a slip with --out leaves
 * no half-made image behind. Throws OperatorError (65, 73).
 */
export function checkNewSink(path: string): void {
  const stats = fs.statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) {
    const folder = dirname(path);
    if (!fs.existsSync(folder)) throw cannotMake(path, `the folder ${folder} does not exist`);
    return;
  }
  if (kindOf(stats) === 'other') throw cannotMake(path, whatElse(stats));
  if (kindOf(stats) === 'file' && stats.size > 0) {
    throw new OperatorError(
      ExitCode.damaged,
      `${path}: the output file has ${stats.size} bytes that this image did not write`,
      'give --out a new file, or put the old files aside with --fresh',
    );
  }
}

/**
 * Opens `path` as the sink of an image; for a new image the file must be absent or empty.
 * Throws OperatorError (73) when it cannot be made, (65) when its content is not what the image wrote.
 */
export function openFileSink(path: string, state: FileSinkState, isDurable: boolean): Sink {
  let descriptor: number;
  try {
    const found = fs.statSync(path, { throwIfNoEntry: false });
    if (found !== undefined && kindOf(found) === 'other') {
      throw new Error(whatElse(found));
    }
    descriptor = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o644);
    if (found === undefined && isDurable) syncFolder(dirname(path));
  } catch (error) {
    throw cannotMake(path, (error as Error).message);
  }
  const stats = fs.fstatSync(descriptor);
  const isDevice = kindOf(stats) === 'device';
  const isSynced = isDurable && !isDevice;
  const length = isDevice ? 0 : stats.size;
  // An empty file given to an image that has written before is a new sink: it takes what comes from now on.
  const origin = length === 0 ? state.confirmed : state.origin;
  verify(descriptor, path, length, origin, state);
  let confirmed = state.confirmed;
  let written = Math.max(state.confirmed, origin + length);
  let failure: Error | null = null;
  let isSyncing = false;
  let owed: readonly OutputRun[] = origin === state.origin ? [] : state.unconfirmed;

  /** Output offset behind the file's last byte, as long as nobody else changes it. */
  let fileEnd = origin + length;
  let proof = origin === state.origin ? state.proof : null;

  const put = (run: OutputRun): void => {
    // What follows a failure must not be confirmed: it would cover the bytes that are missing.
    if (failure !== null) return;
    let at = 0;
    try {
      if (!isDevice) {
        failure = changedByOthers(path, fs.fstatSync(descriptor), fileEnd - origin);
        if (failure !== null) return;
      }
      while (at < run.bytes.length) {
        const position = isDevice ? null : run.offset - origin + at;
        at += fs.writeSync(descriptor, run.bytes, at, run.bytes.length - at, position);
      }
    } catch (error) {
      failure = outputError(path, error);
      return;
    }
    written = Math.max(written, run.offset + run.bytes.length);
    fileEnd = Math.max(fileEnd, run.offset + run.bytes.length);
    if (!isSynced) confirmed = written;
    else sync();
  };
  const sync = (): void => {
    if (isSyncing) return;
    isSyncing = true;
    const covered = written;
    fs.fdatasync(descriptor, (error) => {
      isSyncing = false;
      if (error !== null) failure = outputError(path, error);
      else confirmed = Math.max(confirmed, covered);
      if (failure === null && written > confirmed) sync();
    });
  };
  if (owed.length === 0) for (const run of state.unconfirmed) if (run.offset >= origin) put(run);
  return {
    origin,
    proof: () => {
      if (!isDevice && proof?.end !== confirmed) proof = proofOf(descriptor, origin, confirmed);
      return proof;
    },
    write: put,
    confirmed: () => confirmed,
    get wantsCheckpoint() {
      return owed.length > 0;
    },
    checkpointCommitted: () => {
      const runs = owed;
      owed = [];
      for (const run of runs) put(run);
    },
    flush: async () => {
      while (isSyncing) await new Promise((resolve) => setTimeout(resolve, 1));
      if (failure !== null) return;
      try {
        if (isSynced) fs.fdatasyncSync(descriptor);
        confirmed = written;
      } catch (error) {
        failure = outputError(path, error);
      }
    },
    get failure() {
      return failure;
    },
    close: () => fs.closeSync(descriptor),
  };
}

/** A new file's name is as durable as what will be in it. */
function syncFolder(folder: string): void {
  const descriptor = fs.openSync(folder, 'r');
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

/** The file's bytes before output offset `end`; null when there are none. */
function proofOf(descriptor: number, origin: number, end: number): OutputProof | null {
  const there = new Uint8Array(Math.min(PROOF_BYTES, end - origin));
  if (there.length === 0) return null;
  const bytes = fs.readSync(descriptor, there, 0, there.length, end - origin - there.length);
  const hash = createHash('sha256').update(there.subarray(0, bytes)).digest('hex');
  return { end, bytes, hash };
}

/** Somebody who truncates, appends to or removes the file while it is written: nothing more goes there. */
function changedByOthers(path: string, stats: fs.Stats, expectedBytes: number): OperatorError | null {
  const isGone = stats.nlink === 0;
  if (!isGone && stats.size === expectedBytes) return null;
  return new OperatorError(
    ExitCode.inputOutput,
    `${path}: the output file was ${isGone ? 'removed' : 'changed by somebody else'} while the machine ran` +
      (isGone ? '' : `: it has ${stats.size} bytes, ${expectedBytes} were written`),
    'give --out a new file, or an empty one, for what comes from now on: the image has kept it',
  );
}

/** What to tell when output does not get out: all of it is in the image. */
function outputError(what: string, error: unknown): OperatorError {
  return new OperatorError(
    ExitCode.inputOutput,
    `${what}: the output cannot be written: ${(error as Error).message}`,
    'make room or choose another --out, and run the image again: it has kept what is missing',
  );
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
  const { proof } = state;
  if (proof !== null && origin === state.origin && length > 0) {
    if (proofOf(descriptor, origin, proof.end)?.hash !== proof.hash) {
      refuse(`does not hold what the image wrote before byte ${proof.end - origin}`);
    }
  }
  for (const run of state.unconfirmed) {
    const overlap = Math.min(run.bytes.length, end - run.offset);
    if (overlap <= 0 || run.offset < origin) continue;
    const there = new Uint8Array(overlap);
    fs.readSync(descriptor, there, 0, overlap, run.offset - origin);
    // After a loss of power a file may have its length but not yet its bytes.
    if (there.every((byte) => byte === 0)) continue;
    if (Buffer.compare(there, run.bytes.subarray(0, overlap)) !== 0) {
      refuse(`does not hold what the image wrote at byte ${run.offset - origin}`);
    }
  }
  const last = state.unconfirmed.at(-1);
  const known = Math.max(state.confirmed, last === undefined ? 0 : last.offset + last.bytes.length);
  if (end > known) refuse(`has ${end - known} bytes that this image did not write`);
}

/**
 * Standard output: confirmed when the stream has taken the bytes over. `around` makes each write, and may tidy the screen
 * before and after it.
 */
export function openStreamSink(
  stream: NodeJS.WriteStream,
  state: FileSinkState,
  around: (write: () => void, bytes: Uint8Array) => void,
): Sink {
  let { confirmed } = state;
  let failure: Error | null = null;
  let pending = 0;
  stream.on('error', (error: Error) => {
    failure ??= outputError('standard output', error);
  });
  const write = (run: OutputRun): void => {
    if (failure !== null) return;
    pending++;
    const done = (error?: Error | null): void => {
      pending--;
      if (error) failure ??= outputError('standard output', error);
      else if (failure === null) confirmed = Math.max(confirmed, run.offset + run.bytes.length);
    };
    around(() => void stream.write(run.bytes, done), run.bytes);
  };
  for (const run of state.unconfirmed) write(run);
  return {
    origin: state.origin,
    proof: () => state.proof,
    write,
    confirmed: () => confirmed,
    wantsCheckpoint: false,
    checkpointCommitted: () => undefined,
    flush: async () => {
      while (pending > 0 && failure === null) await new Promise((resolve) => setTimeout(resolve, 1));
    },
    get failure() {
      return failure;
    },
    close: () => undefined,
  };
}
