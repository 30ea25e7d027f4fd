/** `perdure diff IMAGE@A IMAGE@B`: what changed from A to B, by object with its fields, by page with owner and symbol. */
import { ExitCode, usageError } from '../errors.ts';
import { hex, look, rowsOf } from '../look.ts';
import { jsonLine } from '../output.ts';
import { objectsOf } from '../table.ts';
import type { Invocation } from '../verb.ts';
import { parseImageAt } from '../when.ts';

export function run(invocation: Invocation): Promise<number> {
  const [first, second] = invocation.operands as [string, string];
  const [one, other] = [first, second].map((operand) => parseImageAt(operand, invocation.cwd));
  if (one?.file !== other?.file) {
    throw usageError(`${first} and ${second} are two images`, 'diff compares generations of one image');
  }
  const { objects, pages } = look(invocation, second, ({ rows, generation }) => {
    const from = one?.when ?? 'HEAD';
    return {
      objects: rowsOf(rows, 'SELECT * FROM object_difference(?, ?)', from, String(generation)),
      pages: rowsOf(rows, 'SELECT * FROM page_difference(?, ?)', from, String(generation)),
    };
  });
  const { stdout } = invocation;
  if (invocation.json) {
    stdout.write(jsonLine({ objects: objectsOf(objects), pages: objectsOf(pages) }));
    return Promise.resolve(ExitCode.done);
  }
  for (const row of objectsOf(objects)) {
    stdout.write(`${signs[row.change as Change]} ${row.type} ${hex(row.address as bigint)}${fields(row)}\n`);
  }
  for (const row of objectsOf(pages)) {
    const symbol = row.symbol === null ? '' : `, from ${row.symbol}`;
    stdout.write(
      `${signs[row.change as Change]} page ${row.number}, ${row.owner}: ${row.bytes} bytes${symbol}\n`,
    );
  }
  if (!invocation.quiet) {
    invocation.stderr.write(`${objects.rows.length} objects and ${pages.rows.length} pages differ\n`);
  }
  return Promise.resolve(ExitCode.done);
}

type Change = 'made' | 'changed' | 'gone';
const signs: Readonly<Record<Change, string>> = { made: '+', changed: '~', gone: '-' };

/** Fields of a changed object, before and after; long ones are left to --json. */
function fields(row: Record<string, unknown>): string {
  if (row.change !== 'changed') return '';
  const before = JSON.parse(row.before as string) as Record<string, unknown>;
  const after = JSON.parse(row.after as string) as Record<string, unknown>;
  const show = (value: unknown): string => {
    const text = JSON.stringify(value ?? null);
    return text.length > 40 ? '...' : text;
  };
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return `: ${names.map((name) => `${name} ${show(before[name])} -> ${show(after[name])}`).join(', ')}`;
}
