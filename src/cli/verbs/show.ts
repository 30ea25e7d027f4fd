/** `perdure show`: one generation: when it was, what changed in it, what came in with it, what was written out. */
import { ExitCode } from '../errors.ts';
import { look, rowsOf } from '../look.ts';
import { bold, jsonLine, type Writer } from '../output.ts';
import { objectsOf, writeTable } from '../table.ts';
import type { Invocation } from '../verb.ts';

export function run(invocation: Invocation): Promise<number> {
  const found = look(invocation, invocation.operands[0] as string, ({ rows, generation, history }) => {
    const kept = history.generations();
    const before = kept[kept.indexOf(generation) - 1];
    const from = before === undefined ? null : String(before);
    const ask = (sql: string, ...values: unknown[]) => objectsOf(rowsOf(rows, sql, ...values));
    const own = 'WHERE generation = ?';
    return {
      generation,
      since: before ?? null,
      checkpoint: ask(`SELECT * FROM checkpoint_recent ${own}`, generation)[0] ?? null,
      journal: ask(
        `SELECT sequence, kind, bytes, data FROM journal_text ${own} ORDER BY sequence`,
        generation,
      ),
      output: ask(`SELECT sink, "offset", bytes FROM output_text ${own} ORDER BY sink, "offset"`, generation),
      objects:
        from === null
          ? null
          : ask(
              `SELECT type, change, count(*) AS count FROM object_difference(?, ?) GROUP BY type, change ORDER BY type, change`,
              from,
              String(generation),
            ),
      pages:
        from === null
          ? null
          : ask(
              'SELECT number, change, owner, bytes, symbol FROM page_difference(?, ?)',
              from,
              String(generation),
            ),
    };
  });
  const { stdout } = invocation;
  if (invocation.json) {
    stdout.write(jsonLine(found));
    return Promise.resolve(ExitCode.done);
  }
  stdout.write(`${bold(stdout, `generation ${found.generation}`)}\n`);
  for (const [name, value] of Object.entries(found.checkpoint ?? {})) {
    if (value !== null && name !== 'generation') stdout.write(`  ${name} ${String(value)}\n`);
  }
  section(stdout, 'what came in', found.journal);
  section(stdout, 'output that is not certain to have left', found.output);
  const since = found.since === null ? '' : ` since generation ${found.since}`;
  section(stdout, `objects that changed${since}`, found.objects ?? []);
  section(stdout, `pages that changed${since}`, found.pages ?? []);
  return Promise.resolve(ExitCode.done);
}

function section(stdout: Writer, title: string, rows: readonly Record<string, unknown>[]): void {
  const [first] = rows;
  if (first === undefined) return;
  stdout.write(`\n${bold(stdout, title)}\n`);
  writeTable(stdout, { columns: Object.keys(first), rows: rows.map((row) => Object.values(row)) });
}
