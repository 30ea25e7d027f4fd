/**
 * Reads docs/guarantees.md and says what is wrong with it: a demand without a row, a row that names a test, script or
 * verb that is not there, a figure without evidence. Called by guarantees.test.ts only.
 */
import type { Promised } from '../tools/tidy.ts';

export interface GuaranteeRow {
  readonly id: string;
  readonly guarantee: string;
  readonly shownBy: string;
  readonly figure: string;
  readonly when: string;
}

/** The rows of the table, in the order of the document. */
export function readRows(text: string): GuaranteeRow[] {
  return text.split('\n').flatMap((line) => {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    const [, id = '', guarantee = '', shownBy = '', figure = '', when = ''] = cells;
    return /^[A-Z]\.\d\d$/.test(id) ? [{ id, guarantee, shownBy, figure, when }] : [];
  });
}

export interface Evidence extends Promised {
  /** The text of a file of the project, or null. */
  readonly read: (path: string) => string | null;
}

/** What is wrong with one entry of the column `shown by`; null when nothing is. */
function checkEntry(entry: string, evidence: Evidence): string | null {
  const file = /^`(test\/[\w./-]+\.test\.ts)(?:: "([^"]+)")?`$/.exec(entry);
  if (file !== null) {
    const [, path = '', name] = file;
    const text = evidence.read(path);
    if (text === null) return `${path} does not exist`;
    const isNamed = name === undefined || text.includes(`'${name}'`) || text.includes(`"${name}"`);
    return isNamed ? null : `${path} has no test "${name}"`;
  }
  const script = /^`npm (?:run (?:-s )?)?([\w:-]+)(?: -- [^`]+)?`$/.exec(entry);
  if (script !== null)
    return evidence.scripts.includes(script[1] ?? '') ? null : `no npm script ${script[1]}`;
  const verb = /^`(?:bin\/)?perdure ([a-z]+)[^`]*`$/.exec(entry);
  if (verb !== null) return evidence.verbs.includes(verb[1] ?? '') ? null : `no verb ${verb[1]}`;
  const command = /^`(\.ci\/run|node (test\/[\w./-]+\.ts)[^`]*)`$/.exec(entry);
  if (command !== null) {
    const path = command[2] ?? command[1] ?? '';
    return evidence.exists(path) ? null : `${path} does not exist`;
  }
  return `"${entry}" is neither a test, a script nor a command`;
}

/** All that is wrong with the table, given the ids that must have a row. */
export function checkGuarantees(text: string, demands: readonly string[], evidence: Evidence): string[] {
  const rows = readRows(text);
  const ids = rows.map((row) => row.id);
  const wrong = demands.filter((id) => !ids.includes(id)).map((id) => `${id} has no row`);
  wrong.push(...ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => `${id} has two rows`));
  for (const { id, guarantee, shownBy, figure, when } of rows) {
    if (guarantee === '') wrong.push(`${id}: says what is guaranteed`);
    if (shownBy === 'open') {
      if (figure !== '' || when !== '') wrong.push(`${id}: is open, but has a figure`);
      continue;
    }
    for (const entry of shownBy.split(';').map((part) => part.trim())) {
      const complaint = checkEntry(entry, evidence);
      if (complaint !== null) wrong.push(`${id}: ${complaint}`);
    }
    if (figure === '') wrong.push(`${id}: has a figure, or "open" in its place`);
    if (figure !== 'open' && !/^\d{4}-\d\d-\d\d$/.test(when))
      wrong.push(`${id}: says when the figure was seen (YYYY-MM-DD)`);
  }
  return wrong;
}
