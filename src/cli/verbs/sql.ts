/**
 * `perdure sql`: asks an image a question, also while a machine runs it.
 *
 * Invariants: the connection cannot write; the head is verified first, so an answer is never from an image that a restart
 * would refuse outright. Any SQLite client can ask the same; this verb only needs no other program.
 */
import Database from 'better-sqlite3';
import { lookAt } from '../../persist/query/reader.ts';
import { ExitCode, usageError } from '../errors.ts';
import { jsonLine } from '../output.ts';
import { type Answer, plain, writeTable } from '../table.ts';
import type { Invocation } from '../verb.ts';
import { imageError, parseImageAt } from '../when.ts';

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
    } else writeTable(invocation.stdout, { columns, rows });
    return Promise.resolve(ExitCode.done);
  } catch (error) {
    throw imageError(name, error);
  }
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
