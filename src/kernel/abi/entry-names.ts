/**
 * From an entry number to its name: for tracers, reports and views. Derives from the table; holds no code that acts.
 */
import { type EntryName, entries } from './entries.ts';

const names = new Map<number, EntryName>(
  (Object.keys(entries) as EntryName[]).map((name) => [entries[name].number, name]),
);

/** The name of the entry with this number, or null. */
export function entryNameOf(number: number): EntryName | null {
  return names.get(number) ?? null;
}
