/**
 * `IMAGE@WHEN`: which generation a person means. WHEN is a generation, HEAD, HEAD~n (n kept generations before it), a tag,
 * or an ISO time (the newest kept generation then).
 *
 * Pure but for the look at whether a file with an @ in its name exists. Called by the verbs that look back.
 */
import fs from 'node:fs';
import path from 'node:path';
import type Database from 'better-sqlite3';
import { DamageError } from '../persist/store/contract.ts';
import { StoreError } from '../persist/store/errors.ts';
import type { History } from '../persist/store/history.ts';
import { translated } from '../persist/store/schema.ts';
import { ExitCode, OperatorError, usageError } from './errors.ts';

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

/** The generation that WHEN names. Throws OperatorError when there is no such one. */
export function chooseGeneration(when: string | null, history: History, database: Database.Database): number {
  if (when === null || when === 'HEAD') return history.head.generation;
  if (/^\d{1,15}$/.test(when)) return Number(when);
  const kept = history.generations();
  const [, back] = /^HEAD~(\d{1,15})$/.exec(when) ?? [];
  let found: number | null | undefined;
  if (back !== undefined) found = kept.at(-1 - Number(back));
  else if (/^\d{4}-\d\d-\d\d/.test(when)) {
    const wallMs = Date.parse(when);
    if (Number.isNaN(wallMs)) throw usageError(`'${when}' is not an ISO time`, 'IMAGE@2026-11-23T18:00:00Z');
    found = history.newestAt(wallMs);
  } else {
    found = database.prepare('SELECT generation FROM checkpoint WHERE tag = ?').pluck().get(when) as
      | number
      | undefined;
    if (found === undefined) {
      throw new OperatorError(
        ExitCode.inputMissing,
        `there is no generation '${when}'`,
        'WHEN is a generation, HEAD, HEAD~n, a tag or an ISO time',
      );
    }
  }
  if (found !== null && found !== undefined) return found;
  throw new OperatorError(
    ExitCode.inputMissing,
    `no generation is kept for '${when}'`,
    `kept are ${kept.length}, from ${kept[0] ?? 0} to ${kept.at(-1) ?? 0}`,
  );
}

/** What the store threw, with the exit code and advice of the command line. */
export function imageError(name: string, error: unknown): unknown {
  if (error instanceof OperatorError) return error;
  const found = translated(name, error);
  if (found instanceof DamageError) {
    return new OperatorError(ExitCode.damaged, `${name} is damaged: ${found.message}`, null);
  }
  return found instanceof StoreError ? new OperatorError(found.exitCode, found.message, found.advice) : found;
}
