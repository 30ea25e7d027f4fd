/**
 * Makes docs/database.md from store/*.sql, store/queries and the list of functions: every table and view with its columns,
 * types and comments, every ready-made query. Part of `npm run docs`; a test compares the page with what this makes.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import {
  pastTables,
  type QueryExtension,
  queryFunctions,
  queryTables,
} from '../src/persist/query/documentation.ts';

const root = join(import.meta.dirname, '..');
const read = (name: string): string => readFileSync(join(root, 'store', name), 'utf8');
export const databasePageFile = join(root, 'docs/database.md');

interface Part {
  readonly name: string;
  /** The comment above it. */
  readonly text: string;
  readonly columns: readonly Column[];
}

interface Column {
  readonly name: string;
  readonly type: string;
  readonly key: boolean;
  readonly text: string;
}

/** The comment lines that end at line `end`, as one text. */
function commentAbove(lines: readonly string[], end: number): string {
  let start = end;
  while (start > 0 && lines[start - 1]?.trimStart().startsWith('--') === true) start--;
  return lines
    .slice(start, end)
    .map((line) => line.trim().replace(/^-- ?/, ''))
    .join(' ');
}

/** Tables or views of a file, in its order. */
function partsOf(sql: string, kind: 'TABLE' | 'VIEW', database: Database.Database): Part[] {
  const lines = sql.split('\n');
  return lines.flatMap((line, i) => {
    const name = new RegExp(`^CREATE ${kind} (\\w+)`).exec(line)?.[1];
    if (name === undefined) return [];
    const info = database.pragma(`table_xinfo(${name})`) as { name: string; type: string; pk: number }[];
    const end = lines.findIndex((other, k) => k > i && /;\s*$/.test(other));
    const columns = info.map((column) => {
      const at = lines.findIndex(
        (other, k) => k > i && k <= end && new RegExp(`^\\s+"?${column.name}"? [A-Z]`).test(other),
      );
      const text = kind === 'TABLE' && at >= 0 ? commentAbove(lines, at) : '';
      return { name: column.name, type: column.type, key: column.pk > 0, text };
    });
    return [{ name, text: commentAbove(lines, i), columns }];
  });
}

function tableOf(part: Part): string {
  const rows = part.columns.map(
    ({ name, type, key, text }) =>
      `| \`${name}\`${key ? ' (key)' : ''} | ${type} | ${text.replaceAll('|', '\\|')} |`,
  );
  return [
    `### ${part.name}`,
    '',
    part.text,
    '',
    '| column | type | |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

function viewOf(part: Part): string {
  const names = part.columns.map(({ name }) => `\`${name}\``).join(', ');
  return [`### ${part.name}`, '', part.text, '', `Columns: ${names}.`, ''].join('\n');
}

function extensionsOf(list: readonly QueryExtension[]): string {
  return list
    .map(
      ({ call, meaning, example }) => `- \`${call}\`: ${meaning}.\n\n  \`\`\`sql\n  ${example}\n  \`\`\`\n`,
    )
    .join('\n');
}

/** The ready-made queries, as files with the comment that opens each. */
function queries(): string {
  const folder = join(root, 'store/queries');
  return readdirSync(folder)
    .sort()
    .map((name) => {
      const lines = readFileSync(join(folder, name), 'utf8').trimEnd().split('\n');
      const first = lines.findIndex((line) => !line.startsWith('--'));
      const sql = lines.slice(first).join('\n');
      return `### ${name}\n\n${commentAbove(lines, first)}\n\n\`\`\`sql\n${sql}\n\`\`\`\n`;
    })
    .join('\n');
}

/** The page as it should be now. */
export function makeDatabasePage(): string {
  const database = new Database(':memory:');
  database.exec(read('schema.sql'));
  database.exec(read('views.sql'));
  const tables = partsOf(read('schema.sql'), 'TABLE', database).map(tableOf);
  const views = partsOf(read('views.sql'), 'VIEW', database).map(viewOf);
  database.close();
  return `# The image as a database

An image is an SQLite file. This page is made from [store/schema.sql](../store/schema.sql), [store/views.sql](../store/views.sql),
[store/queries](../store/queries) and the list of our functions; \`npm run docs\` makes it anew.

Ask it with any SQLite client, also while a machine runs: \`sqlite3 -readonly IMAGE 'SELECT * FROM thread'\`. A stock client sees
checkpoints and objects at most a second old and memory at most one fold old; after a clean stop everything is exact.
\`perdure sql IMAGE[@WHEN] QUERY\` is always exact, shows any generation that is kept, and has the functions below.

Units: addresses and sizes are bytes; \`tick\`: four are a nanosecond of guest time; \`..._ms\` milliseconds since 1970, \`..._us\`
microseconds; 64-bit words are signed (\`printf('%x', pc)\` shows hexadecimal).

## Views

${views.join('\n')}
## Ready-made queries

${queries()}
## Functions of \`perdure sql\`

WHEN is a generation, \`HEAD\`, \`HEAD~n\`, a tag or an ISO time, as text or number. Where a \`space\` is not given, it is that of the first
program.

${extensionsOf(queryFunctions)}
${extensionsOf([...queryTables, pastTables])}
## Tables

${tables.join('\n')}`;
}

if (import.meta.main) writeFileSync(databasePageFile, makeDatabasePage());
