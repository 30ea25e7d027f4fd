/**
 * Exit codes and the errors that an operator sees.
 *
 * Invariant: every error says what is wrong, where, and what to do next, and ends with one exit code of the table below.
 * A guest's fault is a value, an operator's mistake an OperatorError, a broken invariant of ours an InvariantError;
 * anything else that is thrown is a defect of ours and ends like a broken invariant. Thrown by verbs, caught once, in
 * dispatch.ts.
 */
import { InvariantError } from '../base/assert.ts';
import { DamageError } from '../persist/store/contract.ts';
import { StoreError } from '../persist/store/errors.ts';

/** What the process tells its caller. `run` and `hart` return the guest's own status instead of 0 and 1. */
export const ExitCode = {
  done: 0,
  /** A check found something wrong. */
  foundWrong: 1,
  usage: 64,
  /** The image or program is damaged or is not ours. */
  damaged: 65,
  inputMissing: 66,
  /** Another process uses the image, or this is the wrong runtime. */
  unavailable: 69,
  /** An invariant of Perdure itself is broken; nothing more was committed. */
  invariantBroken: 70,
  cannotCreate: 73,
  /** Reading or writing failed, or the disk is full. */
  inputOutput: 74,
  /** Stopped by Ctrl-C after its last checkpoint. */
  interrupted: 130,
  /** Stopped by SIGTERM after its last checkpoint. */
  terminated: 143,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** What an operator must know about a failure. Sentences without a final full stop. */
export interface Trouble {
  /** One of ExitCode; a number, because the store's errors bring theirs and know nothing of this file. */
  readonly exit: number;
  /** What is wrong and where: the file, option or object comes first. */
  readonly what: string;
  /** What to do next, as a command where there is one; null when nothing can be advised. */
  readonly next: string | null;
}

/** A mistake or mishap that the operator can do something about: exit code, what and where, what to do next. */
export class OperatorError extends Error implements Trouble {
  override readonly name = 'OperatorError';
  readonly exit: number;
  readonly next: string | null;
  constructor(exit: number, what: string, next: string | null = null) {
    super(what);
    this.exit = exit;
    this.next = next;
  }
  get what(): string {
    return this.message;
  }
}

/** The command line is wrong (exit 64). */
export function usageError(what: string, next: string): OperatorError {
  return new OperatorError(ExitCode.usage, what, next);
}

/** System error codes with the exit they mean when no verb has said it better. */
const systemExits: Readonly<Record<string, { exit: ExitCode; next: string | null }>> = {
  ENOENT: { exit: ExitCode.inputMissing, next: 'check the path' },
  EISDIR: { exit: ExitCode.inputMissing, next: 'name a file, not a folder' },
  ENOTDIR: { exit: ExitCode.inputMissing, next: 'check the path' },
  EACCES: { exit: ExitCode.inputOutput, next: 'check who may read and write it' },
  EPERM: { exit: ExitCode.inputOutput, next: 'check who may read and write it' },
  EROFS: { exit: ExitCode.cannotCreate, next: 'choose a place that can be written' },
  EEXIST: { exit: ExitCode.cannotCreate, next: 'choose another name' },
  ENOSPC: { exit: ExitCode.inputOutput, next: 'free some disk space; what was acknowledged is in the image' },
  EDQUOT: { exit: ExitCode.inputOutput, next: 'free some disk space; what was acknowledged is in the image' },
  EIO: { exit: ExitCode.inputOutput, next: 'look at the system log for the disk' },
  EPIPE: { exit: ExitCode.inputOutput, next: null },
};

/** What to tell the operator about anything that was thrown. */
export function troubleOf(thrown: unknown): Trouble {
  if (thrown instanceof OperatorError) return thrown;
  if (thrown instanceof StoreError) {
    return { exit: thrown.exitCode, what: thrown.message, next: thrown.advice };
  }
  if (thrown instanceof DamageError) {
    return {
      exit: ExitCode.damaged,
      what: `the image is damaged: ${thrown.message}`,
      next: 'go back to a copy of it made by a clean stop',
    };
  }
  const defect = (what: string): Trouble => ({
    exit: ExitCode.invariantBroken,
    what,
    next: 'this is a defect of Perdure: please report it with the command and the lines above',
  });
  if (thrown instanceof InvariantError) return defect(`invariant broken: ${thrown.message}`);
  if (!(thrown instanceof Error)) return defect(`unexpected ${String(thrown)}`);
  const { code } = thrown as NodeJS.ErrnoException;
  const known = code === undefined ? undefined : systemExits[code];
  // Node's own message of a system error names the call and the path.
  return known === undefined
    ? defect(`unexpected ${thrown.name}: ${thrown.message}`)
    : { exit: known.exit, what: thrown.message, next: known.next };
}

/** True when the operator cannot have caused it, so that a stack is worth showing. */
export function isDefect(thrown: unknown): boolean {
  return troubleOf(thrown).exit === ExitCode.invariantBroken;
}
