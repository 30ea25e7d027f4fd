/**
 * `perdure sql`: asks an image a question, also while a machine runs it.
 *
 * Invariants: the connection cannot write; the head is verified first, so an answer is never from an image that a restart
 * would refuse outright. Any SQLite client can ask the same; this verb only needs no other program.
 */
import Database from 'better-sqlite3';
import { lookAt } from '../../persist/query/reader.ts';
import { ExitCode, usageError } from '../errors.ts';
import { bold, jsonLine } from '../output.ts';
import type { Invocation } from '../verbs.ts';
import { imageError, parseImageAt } from '../when.ts';

/** Bytes of a blob that the table shows. */
const BLOB_BYTES_SHOWN = 16;

export function run(invocation: Invocation): Promise<number> {
  const [image, query] = invocation.operands as [string, string];
  const { name, file, when } = parseImageAt(image, invocation.cwd);
  try {
    const { columns, rows } = lookAt(file, when, ({ rows: database }) => ask(database, query));
    if (invocation.json) {
      const objects = rows.map((row) =>
        Object.fromEntries(columns.map((column, i) => [column, plain(row[i])])),
      );
      invocation.stdout.write(jsonLine(objects));
    } else writeTable(invocation, columns, rows);
    return Promise.resolve(ExitCode.done);
  } catch (error) {
    throw imageError(name, error);
  }
}

interface Answer {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

function ask(database: Database.Database, query: string): Answer {
  const statement = prepareQuery(database, query);
  const columns = statement.columns().map((column) => column.name);
  try {
    const rows = statement.raw(true).safeIntegers(true).all() as unknown[][];
    return { columns, rows };
  } catch (error) {
    if (!isMistake(error)) throw error;
    throw usageError(
      `the query went wrong: ${error.message}`,
      'docs/database.md has the functions and tables',
    );
  }
}

/** What the person asked is not right: SQLite's own words, or those of a function of ours. */
function isMistake(error: unknown): error is Error {
  return (
    error instanceof RangeError || (error instanceof Database.SqliteError && error.code === 'SQLITE_ERROR')
  );
}

function prepareQuery(database: Database.Database, query: string): Database.Statement {
  try {
    const statement = database.prepare(query);
    if (statement.reader) return statement;
  } catch (error) {
    if (!isMistake(error)) throw error;
    throw usageError(
      `the query is not understood: ${error.message}`,
      `perdure sql IMAGE "SELECT name, sql FROM sqlite_schema" shows the tables and views`,
    );
  }
  throw usageError('the query gives no rows: an image is only read', 'ask with SELECT');
}

/** Blobs as hexadecimal text. */
function plain(value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
}

function cell(value: unknown): string {
  if (value === null) return '';
  if (!(value instanceof Uint8Array)) return String(value);
  const shown = Buffer.from(value.subarray(0, BLOB_BYTES_SHOWN)).toString('hex');
  return value.length > BLOB_BYTES_SHOWN ? `x'${shown}'... (${value.length} bytes)` : `x'${shown}'`;
}

function writeTable(invocation: Invocation, columns: Answer['columns'], rows: Answer['rows']): void {
  const { stdout } = invocation;
  const cells = rows.map((row) => row.map(cell));
  const isNumber = columns.map((_, i) => rows.length > 0 && rows.every((row) => isNumeric(row[i])));
  const widths = columns.map((name, i) =>
    Math.max(name.length, ...cells.map((row) => (row[i] ?? '').length)),
  );
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, i) => {
        const width = widths[i] as number;
        return isNumber[i] ? text.padStart(width) : text.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  stdout.write(`${bold(stdout, line(columns))}\n`);
  for (const row of cells) stdout.write(`${line(row)}\n`);
}

function isNumeric(value: unknown): boolean {
  return value === null || typeof value === 'bigint' || typeof value === 'number';
}
