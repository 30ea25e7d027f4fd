/**
 * Rows as a table that people read: columns as wide as they must be, numbers to the right, long bytes cut.
 *
 * Called by the verbs that look at images. Holds no state.
 */
import { bold, type Writer } from './output.ts';

/** Bytes of a blob that the table shows. */
const BLOB_BYTES_SHOWN = 16;

export interface Answer {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

/** Rows as objects, for JSON. */
export function objectsOf({ columns, rows }: Answer): Record<string, unknown>[] {
  return rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]])));
}

/** Blobs as hexadecimal text. */
export function plain(value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
}

function cell(value: unknown): string {
  if (value === null) return '';
  if (!(value instanceof Uint8Array)) return String(value);
  const shown = Buffer.from(value.subarray(0, BLOB_BYTES_SHOWN)).toString('hex');
  return value.length > BLOB_BYTES_SHOWN ? `x'${shown}'... (${value.length} bytes)` : `x'${shown}'`;
}

/** Writes the rows under their columns; numbers to the right. */
export function writeTable(stdout: Writer, { columns, rows }: Answer): void {
  const cells = rows.map((row) => row.map(cell));
  const isNumber = columns.map((_, i) => rows.length > 0 && rows.every((row) => isNumeric(row[i])));
  const widths = columns.map((name, i) =>
    Math.max(name.length, ...cells.map((row) => (row[i] ?? '').length)),
  );
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, i) => {
        const width = widths[i] as number;
        return isNumber[i] ? text.padStart(width) : text.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  stdout.write(`${bold(stdout, line(columns))}\n`);
  for (const row of cells) stdout.write(`${line(row)}\n`);
}

function isNumeric(value: unknown): boolean {
  return value === null || typeof value === 'bigint' || typeof value === 'number';
}
