/**
 * What the store refuses, with the exit code that the command line gives it (DamageError of the contract is code 65).
 *
 * Holds no state. Thrown by opening; turned into one clear line by the entry point.
 */

/** An image that cannot be opened as asked: `exitCode` as the command line documents, `advice` what to do next. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly exitCode: StoreExit;
  readonly advice: string;

  constructor(exitCode: StoreExit, message: string, advice: string) {
    super(message);
    this.exitCode = exitCode;
    this.advice = advice;
  }
}

export const exitCodes = {
  usage: 64,
  foreign: 65,
  missing: 66,
  inUse: 69,
  cannotCreate: 73,
  ioError: 74,
} as const;
export type StoreExit = (typeof exitCodes)[keyof typeof exitCodes];

/** An error as it crosses from the worker to the main thread. */
export interface PlainError {
  readonly kind: 'store' | 'damage' | 'other';
  readonly message: string;
  /** 0 unless it is a StoreError. */
  readonly exitCode: StoreExit | 0;
  readonly advice: string;
  readonly stack: string;
}
