/** Rows as comma-separated values, RFC 4180: a line of names, lines end with CR LF, NULL is nothing, bytes hexadecimal. */
import { type Answer, plain } from '../table.ts';

export function toCsv({ columns, rows }: Answer): string {
  const line = (values: readonly unknown[]): string => `${values.map(field).join(',')}\r\n`;
  return line(columns) + rows.map(line).join('');
}

function field(value: unknown): string {
  const text = value === null ? '' : String(plain(value));
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
