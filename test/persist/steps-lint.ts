/**
 * Compares what in the source can change a file with the steps that lives really made, and the labels with the points that
 * the source visits. Whatever nothing reaches has its reason here. Called by steps.test.ts.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const sources = fileURLToPath(new URL('../../src/', import.meta.url));

/** Folders and files whose statements are the cycle, recovery, or what leaves the machine. */
const looked = ['persist/store', 'cli/machine/sink.ts', 'cli/machine/ended.ts', 'cli/verbs/run.ts'] as const;

const effect =
  /\.(?:run|exec|pragma)\(|\b(?:writeSync|ftruncateSync|fsyncSync|fdatasyncSync|unlinkSync|renameSync|rmSync|writeFileSync|mkdirSync|copyFileSync)\(/;

/** Calls that look like one and are none, or that no life of the scenarios makes, and why that is right. */
export const exceptions: readonly { readonly file: string; readonly text: string; readonly why: string }[] = [
  { file: 'persist/store/formats.ts', text: 'linkPattern.exec', why: 'a regular expression' },
  { file: 'persist/store/peek.ts', text: 'query_only', why: 'a look: changes nothing' },
  { file: 'persist/store/peek.ts', text: 'application_id', why: 'a look: changes nothing' },
  { file: 'persist/store/peek.ts', text: 'user_version', why: 'a look: changes nothing' },
  { file: 'persist/store/migrate.ts', text: 'user_version', why: 'no older format is migrated yet' },
  { file: 'persist/store/schema.ts', text: 'query_only', why: 'of a connection that only looks' },
  { file: 'persist/store/schema.ts', text: 'user_version', why: 'read, on a connection that only reads too' },
  {
    file: 'persist/store/programs.ts',
    text: 'DELETE FROM',
    why: 'after a creation that died; its own scenario',
  },
  { file: 'persist/store/side.ts', text: 'if (!existed) unlinkSync', why: 'an opening that was refused' },
  {
    file: 'persist/store/image.ts',
    text: 'mapDelete.run',
    why: 'stands beside mapWrite.run, in one transaction',
  },
  {
    file: 'persist/store/object-blocks.ts',
    text: 'remove.run',
    why: 'stands beside insert.run, in one transaction',
  },
  { file: 'persist/store/ladder.ts', text: '.exec(text)', why: 'a regular expression' },
  ...[
    ...['reverseDelete.run', 'recordDelete.run', 'recordUpdate.run', 'checkpointThin.run', 'journalThin.run'],
  ].map((text) => ({
    file: 'persist/store/thinner.ts',
    text,
    why: 'when a life thins is not the same twice: the labels thin-* stand around each transaction',
  })),
  ...[
    'wal_autocheckpoint',
    "pragma('journal_mode'",
    'synchronous = NORMAL',
    '.run(tag',
    'fsyncSync(log)',
  ].map((text) => ({
    file: 'persist/store/tags.ts',
    text,
    why: 'one transaction of one row beside the machine: a death before or after it is no tag or one',
  })),
  {
    file: 'persist/store/log-copier.ts',
    text: 'wal_checkpoint(PASSIVE)',
    why: 'needs a long log, and when it ends depends on time: the labels copy-* stand around it',
  },
  { file: 'persist/store/worker.ts', text: "VALUES ('keep'", why: "in one transaction with the life's row" },
  ...['.run(', 'pragma(', 'renameSync(', 'rmSync('].map((text) => ({
    file: 'persist/store/fork.ts',
    text,
    why: 'a fork is made under another name, and gets its own when it is whole: its own test',
  })),
  { file: 'persist/store/worker.ts', text: 'loop.run()', why: "the worker's loop, no statement" },
  { file: 'cli/verbs/run.ts', text: 'runner.run()', why: "the machine's loop, no statement" },
  {
    file: 'cli/verbs/run.ts',
    text: 'rmSync(image',
    why: 'an image that never began: its own test in system/abuse',
  },
];

function filesOf(entry: string): string[] {
  const full = path.join(sources, entry);
  if (fs.statSync(full).isFile()) return [entry];
  return fs.readdirSync(full).map((name) => `${entry}/${name}`);
}

/** Lines of the source that can change a file and that no step of a recording stands on. */
export function unvisited(sites: Iterable<string>): string[] {
  const visited = new Set([...sites].map((site) => site.split(' < ')[0]));
  const found: string[] = [];
  for (const file of looked.flatMap(filesOf)) {
    const lines = fs.readFileSync(path.join(sources, file), 'utf8').split('\n');
    for (const [i, text] of lines.entries()) {
      if (!effect.test(text) || /^\s*(?:\*|\/\/|\/\*)/.test(text) || visited.has(`${file}:${i + 1}`))
        continue;
      if (exceptions.some((one) => one.file === file && text.includes(one.text))) continue;
      found.push(`${file}:${i + 1}: ${text.trim()}`);
    }
  }
  return found;
}

/** Exceptions that stand for nothing any more. */
export function idleExceptions(): string[] {
  return exceptions
    .filter(({ file, text }) => {
      const full = path.join(sources, file);
      return (
        !fs.existsSync(full) ||
        !fs
          .readFileSync(full, 'utf8')
          .split('\n')
          .some((line) => line.includes(text) && effect.test(line))
      );
    })
    .map(({ file, text }) => `${file}: ${text}`);
}

/** Labels of the tables that no line of the source visits. */
export function labelsWithoutVisit(labels: readonly string[]): string[] {
  const folders = ['persist', 'persist/store', 'cli/machine', 'cli/verbs'];
  const text = folders
    .flatMap((folder) =>
      fs.readdirSync(path.join(sources, folder)).map((name) => path.join(sources, folder, name)),
    )
    .filter((file) => file.endsWith('.ts') && !file.endsWith('phases.ts'))
    .map((file) => fs.readFileSync(file, 'utf8'))
    .join('\n');
  return labels.filter((label) => !new RegExp(`phase\\(\\s*'${label}'`).test(text));
}
