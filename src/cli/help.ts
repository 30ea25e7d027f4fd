/**
 * Help, made from the verb table: the list of verbs, and a page a verb that begins with its two examples.
 *
 * Called by dispatch.ts with the rows that are there; holds no state.
 */
import { ExitCode } from './errors.ts';
import { bold, type Writer } from './output.ts';
import { commonOptions, formatSize } from './parse.ts';
import { type OptionRow, type VerbRow, verbGroups } from './verb.ts';

/** What the exit codes mean, in words. */
const exitMeanings: Readonly<Record<keyof typeof ExitCode, string>> = {
  done: 'done',
  foundWrong: 'something was found wrong',
  usage: 'the command line is wrong',
  damaged: 'the image or program is damaged or foreign',
  inputMissing: 'a file is missing',
  unavailable: 'another process uses the image, or the runtime is wrong',
  invariantBroken: 'an invariant of Perdure is broken; please report it',
  cannotCreate: 'a file cannot be created',
  inputOutput: 'reading or writing failed, or the disk is full',
  interrupted: 'stopped by Ctrl-C after its last checkpoint',
  terminated: 'stopped by SIGTERM after its last checkpoint',
};

function columns(lines: readonly (readonly [string, string])[]): string {
  const width = Math.max(...lines.map(([left]) => left.length)) + 2;
  return lines.map(([left, right]) => `  ${left.padEnd(width)}${right}\n`).join('');
}

function placeholderOf(option: OptionRow): string {
  if (option.kind === 'switch') return '';
  return option.kind === 'choice' ? ` ${option.choices.join('|')}` : ` ${option.placeholder}`;
}

function summaryOf(option: OptionRow): string {
  if (option.kind === 'switch' || option.default === undefined) return option.summary;
  const value = option.kind === 'size' ? formatSize(option.default) : String(option.default);
  return `${option.summary} (default ${value})`;
}

/** The overview: how to start, and all verbs by group. */
export function overview(rows: readonly VerbRow[], writer: Writer): string {
  const parts = [
    '  perdure run counter.db counter.elf   create an image and run a program in it\n',
    '  perdure run counter.db               let it go on, also after kill -9\n',
    '\nusage: perdure VERB [OPTIONS] IMAGE [OPERANDS]\n',
  ];
  for (const [group, title] of Object.entries(verbGroups)) {
    const lines = rows.filter((row) => row.group === group).map((row) => [row.name, row.summary] as const);
    if (lines.length > 0) parts.push(`\n${bold(writer, title)}\n${columns(lines)}`);
  }
  parts.push('\nperdure VERB --help tells more about a verb; perdure version shows the version.\n');
  return parts.join('');
}

/** The page of one verb. */
export function verbHelp(row: VerbRow, writer: Writer): string {
  const options = row.options.map(
    (option) =>
      [
        `${option.letter === undefined ? '' : `-${option.letter}, `}--${option.name}${placeholderOf(option)}`,
        summaryOf(option),
      ] as const,
  );
  const common = commonOptions.map(
    ({ name, letter, summary }) =>
      [letter === null ? `--${name}` : `-${letter}, --${name}`, summary] as const,
  );
  const names: (keyof typeof ExitCode)[] = ['done', ...row.exits, 'usage', 'invariantBroken'];
  const exits = names
    .toSorted((one, other) => ExitCode[one] - ExitCode[other])
    .map((name) => [String(ExitCode[name]), exitMeanings[name]] as const);
  const shown = row.guestStatus ? exits.filter(([code]) => code !== '0') : exits;
  return [
    ...row.examples.map(({ command, meaning }) => `  ${command}\n      ${meaning}\n`),
    `\nusage: perdure ${row.name} [OPTIONS] ${row.operands}\n${row.summary}\n`,
    options.length > 0 ? `\n${bold(writer, 'Options')}, before the operands\n${columns(options)}` : '',
    `\n${bold(writer, 'Common options')}\n${columns(common)}`,
    `\n${bold(writer, 'Exit codes')}\n`,
    row.guestStatus
      ? "  the guest's own status, or 128 + the signal that Linux would send for its trap; else\n"
      : '',
    columns(shown),
  ].join('');
}
