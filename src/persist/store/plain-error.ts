/**
 * Errors as they cross from one thread of the store to another, and back into errors of ours there.
 *
 * Holds no state. Used by the worker, the log's copier, and the main thread's end of the worker.
 */
import { DamageError } from './contract.ts';
import { type PlainError, StoreError } from './errors.ts';
import { translated } from './schema.ts';

/** What is told of an error that came up at work on the image at `path`. */
export function toPlain(path: string, error: unknown): PlainError {
  const found = translated(path, error);
  const kind = found instanceof StoreError ? 'store' : found instanceof DamageError ? 'damage' : 'other';
  return {
    kind,
    message: found.message,
    exitCode: found instanceof StoreError ? found.exitCode : 0,
    advice: found instanceof StoreError ? found.advice : '',
    stack: found.stack ?? '',
  };
}

export function fromPlain(plain: PlainError): Error {
  if (plain.kind === 'damage') return new DamageError(plain.message);
  if (plain.exitCode !== 0) return new StoreError(plain.exitCode, plain.message, plain.advice);
  const error = new Error(`store worker: ${plain.message}`);
  error.stack = plain.stack;
  return error;
}
