/**
 * One question in SQL and its answer, or one clear line about what is wrong with the question.
 *
 * Invariants: nothing can be written; the head is verified first, so an answer is never from an image that a restart would
 * refuse outright; the snapshot is given back before anything is printed. Called by the verb `sql`, its prompt and its watch.
 */
import Database from 'better-sqlite3';
import { usageError } from '../errors.ts';
import { lookImage } from '../look.ts';
import type { Answer } from '../table.ts';
import type { ImageAt } from '../when.ts';

/** Throws OperatorError. */
export function askImage(image: ImageAt, query: string): Answer {
  return lookImage(image, ({ rows }) => ask(rows, query));
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
