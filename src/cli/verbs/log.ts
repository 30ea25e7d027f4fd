/**
 * `perdure log`: the generations that can be shown, restored and forked, newest first.
 *
 * With --graph a line of history is a column: where a restore went on from an older generation, a new column begins and
 * the old one ends below the point that both share.
 */
import { ExitCode } from '../errors.ts';
import { look, rowsOf } from '../look.ts';
import { bold, jsonLine } from '../output.ts';
import { objectsOf, writeTable } from '../table.ts';
import type { Invocation } from '../verb.ts';

export function run(invocation: Invocation): Promise<number> {
  const { number, oneline, graph } = invocation.options as {
    number: number;
    oneline: boolean;
    graph: boolean;
  };
  const found = look(invocation, invocation.operands[0] as string, (moment) => {
    const kept = moment.history.generations().filter((generation) => generation <= moment.generation);
    const shown = kept.slice(-number).reverse();
    return rowsOf(
      moment.rows,
      `SELECT k.value AS generation, c.parent, (SELECT group_concat(name, ', ') FROM (SELECT name FROM tag WHERE tag.generation = k.value ORDER BY name)) AS tag,
         c.tick / 4 AS guest_ns,
         strftime('%Y-%m-%dT%H:%M:%f', c.wall_ms / 1000.0, 'unixepoch') || 'Z' AS wall_time,
         c.pause_us, c.page_count, c.object_count, c.byte_count, c.clean
       FROM json_each(?) AS k LEFT JOIN checkpoint AS c ON c.generation = k.value ORDER BY k.value DESC`,
      JSON.stringify(shown),
    );
  });
  const { stdout } = invocation;
  if (invocation.json) {
    stdout.write(jsonLine(objectsOf(found)));
    return Promise.resolve(ExitCode.done);
  }
  if (!oneline && !graph) {
    writeTable(stdout, found);
    return Promise.resolve(ExitCode.done);
  }
  const entries = objectsOf(found) as unknown as Entry[];
  const columns = graph ? drawGraph(entries) : entries.map(() => '');
  entries.forEach((entry, i) => {
    const words = [String(entry.wall_time ?? '')];
    if (entry.page_count !== null) words.push(`${entry.page_count} pages, ${entry.object_count} objects`);
    if (isRestore(entry)) words.push(`goes on from ${entry.parent}`);
    if (entry.clean === 1n) words.push('clean stop');
    const tag = entry.tag === null ? '' : ` (${entry.tag})`;
    stdout.write(`${columns[i]}${bold(stdout, String(entry.generation))}${tag} ${words.join('; ')}\n`);
  });
  return Promise.resolve(ExitCode.done);
}

interface Entry {
  readonly generation: bigint;
  readonly parent: bigint | null;
  readonly tag: string | null;
  readonly wall_time: string | null;
  readonly page_count: bigint | null;
  readonly object_count: bigint | null;
  readonly clean: bigint | null;
}

function isRestore({ generation, parent }: Entry): boolean {
  return parent !== null && parent !== generation - 1n;
}

/**
 * The text before each line, newest first. A column stands for a line of history and waits for the generation that it
 * came from; what lies between a restore and the generation that it went back to hangs in a column of its own.
 */
export function drawGraph(entries: readonly Pick<Entry, 'generation' | 'parent'>[]): string[] {
  // What each column waits for: its own next older generation, or with a restore the one that it went back to.
  const waits: bigint[] = [];
  return entries.map(({ generation, parent }, i) => {
    const older = entries[i + 1]?.generation ?? 0n;
    const own = waits.findIndex((wanted) => wanted >= generation);
    const column = own < 0 ? waits.length : own;
    const next = parent !== null && parent < generation - 1n ? parent : older;
    // Columns that waited for the same generation meet here.
    for (let k = waits.length - 1; k > column; k--)
      if ((waits[k] as bigint) >= generation) waits.splice(k, 1);
    waits[column] = next;
    const text = waits.map((_, k) => (k === column ? '*' : '|'));
    return `${text.join(' ')} `;
  });
}
