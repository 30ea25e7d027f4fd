/**
 * `IMAGE@WHEN` on the command line, and what went wrong with an image in the words of the command line.
 *
 * Pure but for the look at whether a file with an @ in its name exists. Called by the verbs that look at images;
 * persist/query/when.ts knows which generation WHEN names.
 */
import fs from 'node:fs';
import path from 'node:path';
import { DamageError } from '../persist/store/contract.ts';
import { StoreError } from '../persist/store/errors.ts';
import { translated } from '../persist/store/schema.ts';
import { ExitCode, OperatorError } from './errors.ts';
import { withOffer } from './offer.ts';

export interface ImageAt {
  /** As the person wrote it, for messages. */
  readonly name: string;
  readonly file: string;
  /** Null when nothing was said. */
  readonly when: string | null;
}

/** Takes the operand apart. A file whose name has the @ itself is meant as a whole. */
export function parseImageAt(operand: string, cwd: string): ImageAt {
  const whole = path.resolve(cwd, operand);
  const at = operand.lastIndexOf('@');
  if (at <= 0 || fs.existsSync(whole)) return { name: operand, file: whole, when: null };
  const name = operand.slice(0, at);
  return { name, file: path.resolve(cwd, name), when: operand.slice(at + 1) };
}

/** What the store threw, with the exit code and advice of the command line, and for damage what is offered instead. */
export function imageError({ name, file }: ImageAt, error: unknown): unknown {
  if (error instanceof OperatorError) return error;
  const found = translated(name, error);
  const told = withOffer(name, file, found);
  if (told instanceof DamageError) {
    return new OperatorError(ExitCode.damaged, `${name} is damaged: ${told.message}`, null);
  }
  return told instanceof StoreError ? new OperatorError(told.exitCode, told.message, told.advice) : told;
}

/** For verbs that make a file: what is there stays. */
export function refuseExisting(name: string, file: string): void {
  if (!fs.existsSync(file)) return;
  throw new OperatorError(ExitCode.cannotCreate, `${name}: exists already`, 'name a file that does not');
}
