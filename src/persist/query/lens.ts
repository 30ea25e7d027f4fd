/**
 * A lens on an image: one generation, seen through the tables and views that everybody knows.
 *
 * On a connection of its own, what the generation has otherwise covers the tables of the same names (SQLite looks for a
 * name in `temp` first), and the views of store/views.sql are made once more on top. So any query means that generation,
 * exactly, also what is not folded yet; rows that are the same in both are read where they lie.
 * Invariants: nothing is written to the file; all lies in the caller's transaction and vanishes with it.
 * Called by `reader.ts`. Cost: O(what changed between the generation and the folded tables), pages aside.
 */
import type Database from 'better-sqlite3';
import { checkpointColumns } from '../store/checkpoint-row.ts';
import type { History, ObjectApart } from '../store/history.ts';
import type { PackedRecord } from '../store/record.ts';
import { objectRowHash, objectRowOf } from '../store/rows.ts';
import { readSql } from '../store/schema.ts';

/** The function that gives a page's content through the lens; registered by functions.ts. */
export const PAGE_FUNCTION = 'page_content';
/** The table of the numbers of pages that are not all zeros; registered by tables.ts. */
export const PAGE_TABLE = 'page_numbers';

/** Makes `database`, inside a read transaction, show a kept generation. */
export function putLens(
  database: Database.Database,
  history: History,
  generation: number,
  apart: ReadonlyMap<number, ObjectApart | null>,
): void {
  const { head } = history;
  const isHead = generation === head.generation;
  if (isHead && head.objectsFolded === generation && head.pagesFolded === generation) return;
  coverObjects(database, apart);
  coverRows(database, history, generation);
  database.exec(
    `CREATE TEMP VIEW page AS
       SELECT number, zeroblob(0) AS pad, ${PAGE_FUNCTION}(number) AS content FROM ${PAGE_TABLE}`,
  );
  database.exec(readSql('views.sql').replaceAll(/^CREATE VIEW/gm, 'CREATE TEMP VIEW'));
}

const objectColumns = 'address, serial, type, generation, state, links, hash';

function coverObjects(database: Database.Database, apart: ReadonlyMap<number, ObjectApart | null>): void {
  database.exec(
    `CREATE TEMP TABLE object_hidden (address INTEGER PRIMARY KEY);
     CREATE TEMP TABLE object_apart (address INTEGER PRIMARY KEY, serial, type, generation, state, links, hash);`,
  );
  const hide = database.prepare('INSERT INTO object_hidden VALUES (?)');
  const show = database.prepare('INSERT INTO object_apart VALUES (?, ?, ?, ?, ?, ?, ?)');
  for (const [address, found] of apart) {
    hide.run(address);
    if (found === null) continue;
    const row = objectRowOf(found.object, found.generation ?? 0);
    const { serial, type, state, links } = row;
    show.run(address, serial, type, found.generation, state, links, objectRowHash(row));
  }
  database.exec(
    `CREATE TEMP VIEW object AS
       SELECT ${objectColumns} FROM main.object WHERE address NOT IN (SELECT address FROM object_hidden)
       UNION ALL SELECT ${objectColumns} FROM object_apart`,
  );
}

/** Rows that only ever come at the end: of the generations up to this one, and of those not folded yet. */
function coverRows(database: Database.Database, history: History, generation: number): void {
  const { head } = history;
  for (const name of ['checkpoint', 'journal', 'output']) {
    database.exec(
      `CREATE TEMP TABLE ${name}_apart AS SELECT * FROM main.${name} WHERE false;
       CREATE TEMP VIEW ${name} AS SELECT * FROM main.${name} WHERE generation <= ${generation}
         ${name === 'output' && generation === head.generation ? 'AND false' : ''}
         UNION ALL SELECT * FROM ${name}_apart;`,
    );
  }
  for (const record of history.recordsUpTo(generation)) {
    if (record.generation > head.objectsFolded) showRows(database, record);
  }
  if (generation !== head.generation) return;
  const output = database.prepare(
    'INSERT INTO output_apart (sink, "offset", generation, bytes) VALUES (?, ?, ?, ?)',
  );
  for (const { sink, offset, bytes } of history.unconfirmedOutput())
    output.run(sink, offset, null, Buffer.from(bytes));
}

function showRows(database: Database.Database, record: PackedRecord): void {
  const columns = checkpointColumns(record, record.hash());
  const names = Object.keys(columns);
  database
    .prepare(
      `INSERT INTO checkpoint_apart (${names.join(', ')}) VALUES (${names.map((name) => `@${name}`).join(', ')})`,
    )
    .run(columns);
  const journal = database.prepare('INSERT INTO journal_apart VALUES (?, ?, ?, ?)');
  let sequence = 0;
  for (const row of record.journal())
    journal.run(record.generation, sequence++, row.name, Buffer.from(row.data));
}
