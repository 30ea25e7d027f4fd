/**
 * The prompt of `perdure sql` on a terminal: statements over several lines, history over sessions, completion of names.
 *
 * Invariant: each statement is answered from a snapshot of its own, so an open prompt holds nothing of a running machine.
 * Ends with Ctrl-D, .exit or .quit; Ctrl-C forgets the statement that is being typed. Called by the verb `sql`.
 */
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { queryFunctions, queryTables } from '../../persist/query/documentation.ts';
import { OperatorError } from '../errors.ts';
import type { Answer } from '../table.ts';
import { splitStatements } from './statements.ts';

const HISTORY_LINES = 1000;
const HELP = `Statements end with ; and may go over several lines. Tab completes names.
.tables   the tables and views      .help   this      .exit   leave (or Ctrl-D)
docs/database.md has all tables, views and functions.
`;
const words = [
  'SELECT',
  'FROM',
  'WHERE',
  'GROUP BY',
  'ORDER BY',
  'LIMIT',
  'JOIN',
  'LEFT JOIN',
  'USING',
  'COUNT(*)',
];

export interface PromptHost {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  /** Null: no history is kept. */
  readonly historyFile: string | null;
  readonly ask: (query: string) => Answer;
  readonly show: (answer: Answer) => void;
  readonly say: (text: string) => void;
}

/** Where the history lies: in the state folder of the XDG base directories. */
export function historyFileOf(env: Readonly<Record<string, string | undefined>>): string | null {
  const home = env.HOME;
  const state = env.XDG_STATE_HOME ?? (home === undefined ? undefined : path.join(home, '.local/state'));
  return state === undefined ? null : path.join(state, 'perdure/sql-history');
}

/** Runs until the person leaves. */
export async function prompt(host: PromptHost): Promise<void> {
  const names = namesOf(host);
  const history = readHistory(host.historyFile);
  const lines = createInterface({
    input: host.input,
    output: host.output,
    history,
    historySize: HISTORY_LINES,
    completer: (line: string) => complete(line, names),
  });
  let typed = '';
  const show = (): void => {
    lines.setPrompt(typed === '' ? 'sql> ' : '...> ');
    lines.prompt();
  };
  lines.on('SIGINT', () => {
    typed = '';
    host.say('\n');
    show();
  });
  const kept: string[] = [];
  host.say('.help tells more\n');
  show();
  for await (const line of lines) {
    const isCommand = typed === '' && line.startsWith('.');
    if (isCommand && /^\.(exit|quit)\s*$/.test(line)) break;
    if (line.trim() !== '') kept.push(line);
    if (isCommand) command(host, line.trim());
    else {
      const { statements, rest } = splitStatements(`${typed}${line}\n`);
      typed = rest;
      for (const statement of statements) answer(host, statement);
    }
    show();
  }
  lines.close();
  writeHistory(host.historyFile, [...kept.reverse(), ...history]);
}

function answer(host: PromptHost, query: string): void {
  try {
    host.show(host.ask(query));
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    host.say(`${error.what}\n${error.next === null ? '' : `  next: ${error.next}\n`}`);
  }
}

function command(host: PromptHost, line: string): void {
  if (line === '.tables')
    answer(host, "SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY name");
  else host.say(line === '.help' ? HELP : `there is no ${line}; .help tells what there is\n`);
}

function namesOf(host: PromptHost): readonly string[] {
  const { rows } = host.ask(
    `SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')
     UNION SELECT c.name FROM sqlite_schema AS s, pragma_table_info(s.name) AS c WHERE s.type IN ('table', 'view')`,
  );
  const ours = [...queryFunctions, ...queryTables].map(({ name }) => name);
  return [...new Set([...rows.map(([name]) => String(name)), ...ours, ...words])].sort();
}

/** What the last word of the line may become, as readline wants it. */
export function complete(line: string, names: readonly string[]): [string[], string] {
  const word = /[\w.]*$/.exec(line)?.[0] ?? '';
  const start = word.toLowerCase();
  return [word === '' ? [] : names.filter((name) => name.toLowerCase().startsWith(start)), word];
}

function readHistory(file: string | null): string[] {
  if (file === null || !fs.existsSync(file)) return [];
  return fs
    .readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}

/** Newest first. A history that cannot be kept is no reason to fail. */
function writeHistory(file: string | null, lines: readonly string[]): void {
  if (file === null) return;
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    fs.writeFileSync(file, `${lines.slice(0, HISTORY_LINES).join('\n')}\n`, { mode: 0o600 });
  } catch {}
}
