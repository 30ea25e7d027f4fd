/**
 * `perdure stat`: how large an image is and what keeps it so: bytes of the file by table, what history takes, the log.
 *
 * Counts pages of the file through SQLite's own table `dbstat`, in a snapshot; reads every page's header once.
 */
import fs from 'node:fs';
import { ExitCode } from '../errors.ts';
import { look, rowsOf } from '../look.ts';
import { jsonLine } from '../output.ts';
import { objectsOf, writeTable } from '../table.ts';
import type { Invocation } from '../verb.ts';
import { parseImageAt } from '../when.ts';

/** What each table is for, in the words of people. */
const purposes: Readonly<Record<string, string>> = {
  page: 'memory: pages that are not zeros',
  map: 'memory: hashes of pages',
  object: 'kernel objects',
  record: 'checkpoints: what each changed (not folded yet, and history)',
  reverse: 'history: what folding overwrote',
  checkpoint: 'checkpoints: a row each',
  tag: 'tags',
  journal: 'what came in from outside',
  output: 'output that is not certain to have left',
  program: 'programs, with their files',
  symbol: 'symbols of programs',
  symbol_address: 'symbols of programs',
};

export function run(invocation: Invocation): Promise<number> {
  const operand = invocation.operands[0] as string;
  const { file } = parseImageAt(operand, invocation.cwd);
  const found = look(invocation, operand, ({ rows, history, generation }) => {
    const tables = objectsOf(
      rowsOf(
        rows,
        'SELECT name, sum(pgsize) AS bytes, count(*) AS pages FROM dbstat GROUP BY name ORDER BY 2 DESC',
      ),
    ) as { name: string; bytes: bigint; pages: bigint }[];
    const pageSize = rows.pragma('page_size', { simple: true }) as number;
    const free = (rows.pragma('freelist_count', { simple: true }) as number) * pageSize;
    const kept = history.generations();
    return { generation, tables, free, kept: kept.length, oldest: kept[0] ?? null };
  });
  const sizeOf = (suffix: string): number => fs.statSync(file + suffix, { throwIfNoEntry: false })?.size ?? 0;
  const byPurpose = new Map<string, bigint>();
  for (const { name, bytes } of found.tables) {
    const purpose = purposes[name] ?? 'the image itself';
    byPurpose.set(purpose, (byPurpose.get(purpose) ?? 0n) + bytes);
  }
  byPurpose.set('free space in the file', BigInt(found.free));
  const use = [...byPurpose]
    .map(([what, bytes]) => ({ what, bytes }))
    .sort((a, b) => Number(b.bytes - a.bytes));
  const files = { image: sizeOf(''), log: sizeOf('-wal'), side: sizeOf('-side') };
  const { generation, kept, oldest } = found;
  if (invocation.json) {
    invocation.stdout.write(
      jsonLine({ generation, generationsKept: kept, oldestKept: oldest, files, use, tables: found.tables }),
    );
    return Promise.resolve(ExitCode.done);
  }
  writeTable(invocation.stdout, {
    columns: ['bytes', 'what'],
    rows: use.map(({ what, bytes }) => [bytes, what]),
  });
  invocation.stdout.write(
    `\n${files.image} bytes in the file, ${files.log} in its log; ${kept} generations can be shown, from ${oldest} to ${generation}\n`,
  );
  return Promise.resolve(ExitCode.done);
}
