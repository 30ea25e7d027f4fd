/**
 * One command line from its words to its exit code: finds the verb, parses, runs it, and reports what was thrown.
 *
 * Invariant: this is the only place that turns errors into exit codes. Called by main.ts and by tests, with writers,
 * environment and folder as parameters; holds no state. A verb's module is loaded only when it is called.
 */
import { readFileSync } from 'node:fs';
import type { StoreThread } from '../persist/store/thread.ts';
import { ExitCode, isDefect, type Trouble, troubleOf, usageError } from './errors.ts';
import { overview, verbHelp } from './help.ts';
import { jsonLine, type Writer } from './output.ts';
import { nearest, parseLine } from './parse.ts';
import type { Invocation, VerbRow } from './verb.ts';
import { verbTable } from './verbs.ts';

/** What surrounds a call of the program. */
export interface Surroundings {
  readonly stdout: Writer;
  readonly stderr: Writer;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** The store's thread, if it was started already (main.ts). */
  readonly thread?: StoreThread;
}

/** The version in package.json, which lies above `src` and above `dist` alike. */
function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

function findVerb(name: string): VerbRow {
  const row = verbTable.find((candidate) => candidate.name === name);
  if (row !== undefined) return row;
  const near = nearest(name, [...verbTable.map((candidate) => candidate.name), 'help', 'version']);
  throw usageError(`no verb ${name}`, near === null ? 'see: perdure help' : `did you mean: perdure ${near}?`);
}

async function runVerb(row: VerbRow, words: readonly string[], around: Surroundings): Promise<number> {
  const { help, ...line } = parseLine(row, words);
  if (help) {
    around.stdout.write(verbHelp(row, around.stdout));
    return ExitCode.done;
  }
  const invocation: Invocation = { verb: row.name, ...line, ...around };
  const module = await row.load();
  return await module.run(invocation);
}

/** Writes what went wrong as words and, when JSON was asked for, as the last line. */
function report({ exit, what, next }: Trouble, stderr: Writer, json: boolean): void {
  stderr.write(`perdure: ${what}\n`);
  if (next !== null) stderr.write(`  next: ${next}\n`);
  if (json) stderr.write(jsonLine({ ended: 'error', exitCode: exit, what, next }));
}

/** Runs the command line `words` (without the program's name) and returns its exit code. */
export async function dispatch(words: readonly string[], around: Surroundings): Promise<number> {
  const [first, ...rest] = words;
  try {
    switch (first) {
      case undefined:
        around.stderr.write(overview(verbTable, around.stderr));
        return ExitCode.usage;
      case 'help':
      case '--help':
      case '-h': {
        const [verb] = rest;
        const page =
          verb === undefined ? overview(verbTable, around.stdout) : verbHelp(findVerb(verb), around.stdout);
        around.stdout.write(page);
        return ExitCode.done;
      }
      case 'version':
      case '--version':
        around.stdout.write(
          rest.includes('--json')
            ? jsonLine({ version: version(), node: process.version })
            : `perdure ${version()}\n`,
        );
        return ExitCode.done;
      default:
        return await runVerb(findVerb(first), rest, around);
    }
  } catch (thrown) {
    const trouble = troubleOf(thrown);
    if (isDefect(thrown) && thrown instanceof Error)
      around.stderr.write(`${thrown.stack ?? thrown.message}\n`);
    report(trouble, around.stderr, rest.includes('--json'));
    return trouble.exit;
  }
}
