/** `perdure ps`: a line a thread, as the view `thread` has it. */
import { ExitCode } from '../errors.ts';
import { hex, look, rowsOf } from '../look.ts';
import { jsonLine } from '../output.ts';
import { objectsOf, writeTable } from '../table.ts';
import type { Invocation } from '../verb.ts';

export function run(invocation: Invocation): Promise<number> {
  const found = look(invocation, invocation.operands[0] as string, ({ rows }) =>
    rowsOf(
      rows,
      `SELECT address AS thread, space, program, state, priority, coalesce(symbol_name(pc, program), function) AS function,
         pc, waiting_for_type AS waits_for, waiting_for AS at, entry, retired
       FROM thread ORDER BY address`,
    ),
  );
  if (invocation.json) invocation.stdout.write(jsonLine(objectsOf(found)));
  else {
    const isAddress = new Set(['thread', 'space', 'pc', 'at']);
    const rows = found.rows.map((row) =>
      row.map((value, i) =>
        isAddress.has(found.columns[i] as string) && typeof value === 'bigint' ? hex(value) : value,
      ),
    );
    writeTable(invocation.stdout, { columns: found.columns, rows });
  }
  return Promise.resolve(ExitCode.done);
}
