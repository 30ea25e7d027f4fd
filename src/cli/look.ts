/**
 * What the verbs that look at an image share: opening it at a WHEN, asking, and saying what went wrong.
 *
 * Invariant: the image is only read, in one snapshot that is given back before anything is printed.
 */
import type Database from 'better-sqlite3';
import type { Moment } from '../persist/query/moment.ts';
import { lookAt } from '../persist/query/reader.ts';
import { usageError } from './errors.ts';
import type { Answer } from './table.ts';
import type { Invocation } from './verb.ts';
import { type ImageAt, imageError, parseImageAt } from './when.ts';

/** Runs `work` on what an operand `IMAGE[@WHEN]` names. Throws OperatorError. */
export function look<T>(
  invocation: Invocation,
  operand: string,
  work: (moment: Moment, name: string) => T,
): T {
  const image = parseImageAt(operand, invocation.cwd);
  return lookImage(image, (moment) => work(moment, image.name));
}

/** The same of an operand that was taken apart. */
export function lookImage<T>(image: ImageAt, work: (moment: Moment) => T): T {
  try {
    return lookAt(image.file, image.when, work);
  } catch (error) {
    throw imageError(image, error);
  }
}

/** All rows of a query that is right. Integers are bigints. */
export function rowsOf(database: Database.Database, sql: string, ...values: unknown[]): Answer {
  const statement = database.prepare(sql);
  const columns = statement.columns().map((column) => column.name);
  return {
    columns,
    rows: statement
      .raw(true)
      .safeIntegers(true)
      .all(...values) as unknown[][],
  };
}

/** A number that a person wrote: decimal, or hexadecimal with 0x. Throws OperatorError. */
export function parseNumber(what: string, text: string): number {
  const value = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw usageError(`${what} '${text}' is not a number`, 'write it like 4096 or 0x1000');
}

export const hex = (value: number | bigint): string => `0x${BigInt.asUintN(64, BigInt(value)).toString(16)}`;
