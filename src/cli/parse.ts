/**
 * The command line, taken apart by the rows of the verb table.
 *
 * Invariants: options stand before the operands; from the row's `guestFrom` on, operands are the guest's and are
 * passed untouched; every value is checked and converted here, so that a verb never sees a bad one. Throws usage
 * errors (exit 64) only. Called by dispatch.ts; holds no state.
 */
import { usageError } from './errors.ts';
import type { Invocation, OptionRow, VerbRow } from './verb.ts';

export type ParsedLine = Pick<Invocation, 'options' | 'operands' | 'json' | 'quiet' | 'verbosity'> & {
  readonly help: boolean;
};

/** Options that every verb has. */
export const commonOptions: readonly { name: string; letter: string | null; summary: string }[] = [
  { name: 'json', letter: null, summary: 'results as JSON' },
  { name: 'quiet', letter: 'q', summary: 'only results and errors' },
  { name: 'verbose', letter: 'v', summary: 'more words; may be repeated' },
  { name: 'help', letter: 'h', summary: 'show this help' },
];

/** `stop-at` as `stopAt`. */
export function camelCase(name: string): string {
  return name.replaceAll(/-([a-z])/g, (_all, letter: string) => letter.toUpperCase());
}

/** Number of insertions, removals, replacements and swaps of neighbours that turn `from` into `to`. */
export function editDistance(from: string, to: string): number {
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1] ? 0 : 1;
      let best = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + same);
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      if (swapped) best = Math.min(best, (before[j - 2] ?? 0) + 1);
      next.push(best);
    }
    before = row;
    row = next;
  }
  return row[to.length] ?? 0;
}

/** The name nearest to `word`, or null when none is near enough to be meant. */
export function nearest(word: string, names: readonly string[]): string | null {
  let best: { name: string; distance: number } | null = null;
  for (const name of names) {
    const distance = name.startsWith(word) && word.length > 1 ? 0 : editDistance(word, name);
    if (best === null || distance < best.distance) best = { name, distance };
  }
  const limit = Math.max(1, Math.floor(word.length / 2));
  return best !== null && best.distance <= limit ? best.name : null;
}

const sizeUnits: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** Bytes of a size such as `64M`, `64MiB`, `1.5G` or `65536`; null when it is none. */
export function parseSize(text: string): number | null {
  const found = /^(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?$/i.exec(text);
  if (found === null) return null;
  const bytes = Number(found[1]) * (sizeUnits[(found[2] ?? '').toUpperCase()] ?? Number.NaN);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** Bytes in the largest unit that shows them exactly. */
export function formatSize(bytes: number): string {
  for (const unit of ['T', 'G', 'M', 'K']) {
    const size = sizeUnits[unit] ?? 1;
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return String(bytes);
}

function helpOf(row: VerbRow): string {
  return `see: perdure ${row.name} --help`;
}

/** Checks that a number lies within an option's bounds. */
function within(
  row: VerbRow,
  option: OptionRow & { min: number; max?: number },
  value: number,
  text: string,
): number {
  const show = (bound: number) => (option.kind === 'size' ? formatSize(bound) : String(bound));
  const max = option.max ?? Number.MAX_SAFE_INTEGER;
  if (value >= option.min && value <= max) return value;
  const range =
    option.max === undefined ? `at least ${show(option.min)}` : `${show(option.min)} to ${show(max)}`;
  throw usageError(`--${option.name} ${text}: out of range, ${range} is possible`, helpOf(row));
}

/** Converts the text of an option's value. */
function convert(
  row: VerbRow,
  option: Exclude<OptionRow, { kind: 'switch' }>,
  text: string,
): string | number {
  const refuse = (needed: string) => usageError(`--${option.name} ${text}: ${needed}`, helpOf(row));
  switch (option.kind) {
    case 'text':
      if (text === '') throw refuse('must not be empty');
      return text;
    case 'choice': {
      if (option.choices.includes(text)) return text;
      throw refuse(`must be ${option.choices.slice(0, -1).join(', ')} or ${option.choices.at(-1)}`);
    }
    case 'integer': {
      const value = Number(text);
      if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
        throw refuse('must be a whole number below 2^53');
      return within(row, option, value, text);
    }
    case 'number': {
      if (!/^\d+(\.\d+)?$/.test(text)) throw refuse('must be a decimal number');
      return within(row, option, Number(text), text);
    }
    case 'size': {
      const value = parseSize(text);
      if (value === null) throw refuse('must be a size such as 64M or 1G');
      return within(row, option, value, text);
    }
  }
}

/** The operands, checked for number and for options that stand behind them. */
function checkOperands(row: VerbRow, operands: readonly string[]): void {
  const checked = row.guestFrom === null ? operands : operands.slice(0, row.guestFrom);
  const option = checked.find((operand) => operand.startsWith('-') && operand !== '-');
  if (option !== undefined) {
    throw usageError(`${option} stands behind an operand: options come first`, helpOf(row));
  }
  if (operands.length < row.operandsMin) {
    throw usageError(`${row.name} needs ${row.operands}`, helpOf(row));
  }
  const extra = operands[row.operandsMax];
  if (extra !== undefined)
    throw usageError(`${row.name} takes only ${row.operands}, not ${extra}`, helpOf(row));
}

/** Takes the words behind the verb apart. */
export function parseLine(row: VerbRow, words: readonly string[]): ParsedLine {
  const options: Record<string, string | number | boolean | undefined> = {};
  for (const option of row.options) {
    options[camelCase(option.name)] = option.kind === 'switch' ? false : option.default;
  }
  const common = { json: false, quiet: false, verbosity: 0, help: false };
  const setCommon = (name: string): boolean => {
    if (name === 'json') common.json = true;
    else if (name === 'quiet') common.quiet = true;
    else if (name === 'verbose') common.verbosity++;
    else if (name === 'help') common.help = true;
    else return false;
    return true;
  };
  const unknown = (word: string) => {
    const names = [...row.options, ...commonOptions].map((option) => option.name);
    const near = nearest(word.replace(/^-+/, ''), names);
    return usageError(
      `${row.name} has no option ${word}`,
      near === null ? helpOf(row) : `did you mean --${near}?`,
    );
  };

  let at = 0;
  for (; at < words.length; at++) {
    const typed = words[at] ?? '';
    const lettered = row.options.find(
      (option) => option.letter !== undefined && typed === `-${option.letter}`,
    );
    const word = lettered === undefined ? typed : `--${lettered.name}`;
    if (word === '--') {
      at++;
      break;
    }
    if (!word.startsWith('-') || word === '-') break;
    if (!word.startsWith('--')) {
      for (const letter of word.slice(1)) {
        const option = commonOptions.find((candidate) => candidate.letter === letter);
        if (option === undefined || !setCommon(option.name)) throw unknown(word);
      }
      continue;
    }
    const equals = word.indexOf('=');
    const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
    const given = equals < 0 ? undefined : word.slice(equals + 1);
    const option = row.options.find((candidate) => candidate.name === name);
    const isSwitch = option === undefined || option.kind === 'switch';
    if (
      isSwitch &&
      given !== undefined &&
      (option !== undefined || commonOptions.some((o) => o.name === name))
    ) {
      throw usageError(`--${name} takes no value`, helpOf(row));
    }
    if (option === undefined) {
      if (!setCommon(name)) throw unknown(`--${name}`);
    } else if (option.kind === 'switch') {
      options[camelCase(name)] = true;
    } else {
      const text = given ?? words[++at];
      if (text === undefined) throw usageError(`--${name} needs a value`, helpOf(row));
      options[camelCase(name)] = convert(row, option, text);
    }
  }
  const operands = words.slice(at);
  if (!common.help) checkOperands(row, operands);
  return { options, operands, ...common };
}
