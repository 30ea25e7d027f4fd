/**
 * Tables that are made when they are asked: every view at another time, and what changed between two generations.
 *
 * documentation.ts lists them, with an example of each.
 * Invariant: rows come in a fixed order. Registered by `reader.ts` on the connection that answers.
 */
import type Database from 'better-sqlite3';
import { objectDifference, pageDifference, pageWrites } from './difference.ts';
import type { MomentAt } from './functions.ts';
import { PAGE_TABLE } from './lens.ts';

export function registerTables(database: Database.Database, at: MomentAt): void {
  database.table(PAGE_TABLE, {
    columns: ['number'],
    *rows() {
      for (const number of at(null).pageNumbers()) yield [number];
    },
  });
  for (const { name, columns } of viewsOf(database)) {
    database.table(`${name}_at`, {
      columns: [...columns],
      parameters: ['moment'],
      safeIntegers: true,
      *rows(...args: unknown[]) {
        const when = required(`${name}_at`, 'WHEN', args[0]);
        const select = at(when).rows.prepare(`SELECT * FROM ${name}`).safeIntegers(true).raw(true);
        for (const row of select.all()) yield row as unknown[];
      },
    });
  }
  database.table('object_difference', {
    columns: ['address', 'type', 'change', 'before', 'after'],
    parameters: ['first_when', 'second_when'],
    *rows(...args: unknown[]) {
      const [first, second] = pair('object_difference', args);
      for (const row of objectDifference(at(first), at(second))) yield [...row];
    },
  });
  database.table('page_difference', {
    columns: ['number', 'change', 'owner', 'bytes', 'first_address', 'last_address', 'symbol'],
    parameters: ['first_when', 'second_when'],
    *rows(...args: unknown[]) {
      const [first, second] = pair('page_difference', args);
      for (const row of pageDifference(at(first), at(second))) yield [...row];
    },
  });
  database.table('page_write', {
    columns: ['generation', 'tick', 'wall_ms', 'pc', 'function'],
    parameters: ['page_number'],
    *rows(...args: unknown[]) {
      const number = Number(required('page_write', 'a page number', args[0]));
      for (const row of pageWrites(at(null), number)) yield [...row];
    },
  });
}

/** Tables and views of the file that can be asked at another time, with their columns. */
function viewsOf(database: Database.Database): { name: string; columns: readonly string[] }[] {
  const names = database
    .prepare(
      `SELECT name FROM main.sqlite_schema WHERE type = 'view' OR name IN ('object', 'page', 'checkpoint', 'journal')
       ORDER BY name`,
    )
    .pluck()
    .all() as string[];
  return names.map((name) => ({
    name,
    columns: database
      .prepare(`SELECT * FROM main.${name}`)
      .columns()
      .map((column) => column.name),
  }));
}

function required(table: string, what: string, value: unknown): string {
  if (value === null || value === undefined) throw new RangeError(`${table}() needs ${what}`);
  return String(value);
}

function pair(table: string, args: readonly unknown[]): [string, string] {
  return [required(table, 'two WHENs', args[0]), required(table, 'two WHENs', args[1])];
}
