/**
 * Damage by SQL: rows changed, removed, or replaced by older valid ones; what is told of each, and what is offered.
 *
 * Used by the damage test, and by `npm run damage` on images of real machines.
 */
import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { copyImage } from './damage-tools.ts';

/** Three paths; see withCrashed. */
interface Paths {
  readonly newer: string;
  readonly older: string;
  readonly copy: string;
}

/** Makes the copy anew and changes it with plain SQL, as a foreign program would; the older image is attached as `old`. */
export function damageCopy({ newer, older, copy }: Paths, sql: string): void {
  copyImage(newer, copy);
  copyImage(older, `${copy}.old`);
  const database = new Database(copy);
  database.exec(`ATTACH '${copy}.old' AS old`);
  const count = () => database.prepare('SELECT total_changes()').pluck().get() as number;
  const before = count();
  database.exec(sql);
  const isDone = count() > before;
  database.close();
  if (!isDone || !existsSync(copy)) throw new Error(`the damage was not done: ${sql}`);
}

/** An expression for a blob with one byte changed. */
const flipped = (column: string, at: number): string =>
  `CAST(substr(${column}, 1, ${at}) || (CASE WHEN substr(${column}, ${at + 1}, 1) = x'5a' THEN x'5b' ELSE x'5a' END) || substr(${column}, ${at + 2}) AS BLOB)`;

const changedPages = `(SELECT n.number FROM page AS n JOIN old.page AS o ON o.number = n.number AND o.content <> n.content)`;
const changedObject = `(SELECT n.address FROM object AS n JOIN old.object AS o ON o.address = n.address AND o.generation < n.generation LIMIT 1)`;

export interface DamageCase {
  readonly what: string;
  readonly sql: string;
  /** What opening says. */
  readonly told: RegExp;
  /** Which generation is offered instead; the newest if nothing is said. */
  readonly offered?: 'newest' | 'older' | 'none';
  /** How the loss is named. */
  readonly named?: RegExp;
  /** What is offered is made an image of, and compared with what was recorded, also in the short test. */
  readonly isCompared?: boolean;
}

/** A restart does not read it; `check` names it. */
const harmless = /^$/;

const anyBlock = '(SELECT max(id) FROM object_block)';
const changedBlock = `(SELECT n.id FROM object_block AS n JOIN old.object_block AS o ON o.id = n.id AND o.hash <> n.hash LIMIT 1)`;
const blockNamed = (what: string): RegExp =>
  new RegExp(`object block \\d+ \\(objects at \\d+ to \\d+, on the .*\\): its row ${what}`);

export const cases: readonly DamageCase[] = [
  {
    what: 'a byte of the content of pages',
    sql: `UPDATE page SET content = ${flipped('content', 1234)}`,
    told: /^DamageError: page \d+ of generation \d+ \(.* of (program \d+ at 0x[0-9a-f]+|nobody)\): its content/,
    offered: 'older',
  },
  {
    what: 'a byte of the content of one page',
    sql: `UPDATE page SET content = ${flipped('content', 1234)} WHERE number = (SELECT max(number) FROM page)`,
    offered: 'older',
    told: /^DamageError: page \d+ of generation \d+ \(.* of (program \d+ at 0x[0-9a-f]+|nobody)\): its content/,
  },
  {
    what: 'page rows that are gone',
    sql: `DELETE FROM page`,
    told: /^DamageError: page \d+ of generation \d+ \(.*\): its row is missing/,
    offered: 'older',
  },
  {
    what: 'page rows replaced by older ones',
    sql: `UPDATE page SET content = (SELECT content FROM old.page AS o WHERE o.number = page.number) WHERE number IN ${changedPages}`,
    told: /^DamageError: page \d+ of generation/,
    offered: 'older',
  },
  {
    what: 'all pages and the map replaced by older ones',
    sql: 'DELETE FROM page; DELETE FROM map; INSERT INTO page SELECT * FROM old.page; INSERT INTO map SELECT * FROM old.map',
    told: /^DamageError: map block 0 of level 3/,
    offered: 'older',
  },
  {
    what: 'a byte of the map',
    sql: `UPDATE map SET entries = ${flipped('entries', 2)} WHERE id = (SELECT min(id) FROM map)`,
    told: /^DamageError: map block/,
    isCompared: true,
    offered: 'older',
  },
  {
    what: 'a map row that is gone',
    sql: 'DELETE FROM map WHERE id = (SELECT min(id) FROM map)',
    told: /^DamageError: map block \d+ of level 0, generation \d+ \(pages \d+ to \d+: .*\): its row is missing/,
    offered: 'older',
  },
  {
    what: "a digit of an object's state",
    sql: `UPDATE object SET state = json_set(state, '$.serial', (state ->> 'serial') + 1) WHERE address = (SELECT min(address) FROM object)`,
    told: harmless,
    named: /object \d+ \(\w+, on the .*\) of generation \d+: its row does not match/,
  },
  {
    what: "an object's link",
    sql: `UPDATE object SET links = replace(links, 'null', '{"name":"console"}') WHERE address = (SELECT address FROM object WHERE links LIKE '%null%' LIMIT 1)`,
    told: harmless,
    named: /^object \d+ /,
  },
  {
    what: "an object's serial",
    sql: 'UPDATE object SET serial = serial + 1 WHERE address = (SELECT max(address) FROM object)',
    told: harmless,
    named: /^object \d+ /,
  },
  {
    what: 'an object row that is gone',
    sql: 'DELETE FROM object WHERE address = (SELECT min(address) FROM object)',
    told: harmless,
    named: /object \d+ \(\w+, on the .*\): its row is missing/,
    isCompared: true,
  },
  {
    what: 'an object row replaced by an older valid one',
    sql: `CREATE TEMP TABLE one AS SELECT * FROM old.object WHERE address = ${changedObject}; INSERT OR REPLACE INTO main.object SELECT * FROM one`,
    told: harmless,
    named: /object \d+ \(\w+, on the .*\): its row is an older one, of generation \d+/,
  },
  {
    what: 'a byte of a block of objects',
    sql: `UPDATE object_block SET content = ${flipped('content', 60)} WHERE id = ${anyBlock}`,
    told: /^DamageError: object block \d+ \(objects at .*\): its row does not match/,
    named: blockNamed('does not match its hash'),
    isCompared: true,
  },
  {
    what: 'a block of objects that is gone',
    sql: `DELETE FROM object_block WHERE id = ${anyBlock}`,
    told: /^DamageError: table object_block has \d+ rows/,
    named: blockNamed('is missing'),
  },
  {
    what: 'a block of objects replaced by an older one',
    sql: `CREATE TEMP TABLE one AS SELECT * FROM old.object_block WHERE id = ${changedBlock}; INSERT OR REPLACE INTO main.object_block SELECT * FROM one`,
    told: /^DamageError: table object_block has a row that is not of generation/,
    named: blockNamed('is an older one'),
  },
  {
    what: 'a row and another block of objects that are gone',
    sql: `DELETE FROM object WHERE address = (SELECT min(address) FROM object); DELETE FROM object_block WHERE id = ${anyBlock}`,
    told: /^DamageError: table object_block has \d+ rows/,
    named: /object \d+ \(\w+, on the .*\): its row is missing/,
    isCompared: true,
  },
  {
    what: 'a byte of the newest record',
    sql: `UPDATE record SET body = ${flipped('body', 200)} WHERE generation = (SELECT max(generation) FROM record)`,
    told: /^DamageError: the record of generation \d+ does not match/,
    offered: 'older',
  },
  {
    what: 'a byte of an earlier record',
    sql: `UPDATE record SET body = ${flipped('body', 300)} WHERE generation = (SELECT max(generation) - 1 FROM record)`,
    told: /^DamageError: the record of generation \d+ does not match/,
    offered: 'older',
  },
  {
    what: 'the newest record gone',
    sql: 'DELETE FROM record WHERE generation = (SELECT max(generation) FROM record)',
    told: /^StoreError 65: .* ends at generation \d+, but generation \d+ was acknowledged/,
  },
  {
    what: 'records after the head row replaced by one that does not follow it',
    sql: `DELETE FROM record WHERE generation > (SELECT generation FROM head);
      INSERT INTO record SELECT (SELECT generation + 1 FROM head), since, hash, body FROM record WHERE generation = (SELECT generation FROM head)`,
    offered: 'older',
    told: /^(StoreError 65|DamageError): /,
  },
  {
    what: "the newest record's hash",
    sql: `UPDATE record SET hash = ${flipped('hash', 3)} WHERE generation = (SELECT max(generation) FROM record)`,
    offered: 'older',
    told: /^DamageError: the record of generation \d+ does not match/,
  },
  {
    what: 'an earlier record gone',
    sql: 'DELETE FROM record WHERE generation = (SELECT max(generation) - 1 FROM record)',
    told: /^DamageError: the record of generation \d+ is missing/,
    isCompared: true,
    offered: 'older',
  },
  { what: 'the head row gone', sql: 'DELETE FROM head', told: /^DamageError: the head row is missing/ },
  {
    what: 'the head row replaced by the older one',
    sql: 'DELETE FROM head; INSERT INTO head SELECT * FROM old.head',
    told: /^(StoreError 65|DamageError): /,
    isCompared: true,
  },
  {
    what: "the image's id",
    sql: "UPDATE image SET value = 'abc' WHERE key = 'id'",
    told: /^DamageError: the head row/,
  },
  ...[
    'generation',
    'pages_folded',
    'objects_folded',
    'map_generation',
    'object_count',
    'object_block_count',
    'output_count',
  ].map((column) => ({
    what: `head.${column}`,
    sql: `UPDATE head SET ${column} = ${column} + 1`,
    told: /^DamageError: the head row/,
  })),
  ...[
    'record_hash',
    'map_hash',
    'object_sum',
    'object_block_sum',
    'output_sum',
    'program_hash',
    'authentication',
  ].map((column) => ({
    what: `head.${column}`,
    sql: `UPDATE head SET ${column} = ${flipped(column, 3)}`,
    told: /^DamageError: the head row/,
  })),
  {
    what: 'an object row too many',
    sql: `CREATE TEMP TABLE one AS SELECT * FROM old.object WHERE address NOT IN (SELECT address FROM main.object) LIMIT 1; INSERT INTO main.object SELECT * FROM one`,
    told: harmless,
    named: /object \d+ \(\w+, on the .*\): it was destroyed, and has a row again/,
  },
  {
    what: 'a byte of output that was not confirmed',
    sql: `UPDATE output SET bytes = ${flipped('bytes', 0)}`,
    told: /^DamageError: output of 'out' at \d+, generation \d+: its row does not match/,
    named: /output of 'out'/,
  },
];
