/**
 * `perdure gc`: shows what of an image's history nobody has asked to keep, and with --yes deletes it and shrinks the file.
 *
 * Tagged generations stay, and so does everything that a kept generation answers. Only an image that nobody runs is changed:
 * the machine thins its own history by the ladder all the time.
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { type Collection, planCollection } from '../../persist/store/collect.ts';
import { withHistory } from '../../persist/store/history.ts';
import { byAge, DEFAULT_LADDER, isLadder, type Ladder, parseLadder } from '../../persist/store/ladder.ts';
import { openStore } from '../../persist/store/open.ts';
import { openReader } from '../../persist/store/schema.ts';
import { ExitCode, usageError } from '../errors.ts';
import { look } from '../look.ts';
import { bootId } from '../machine/boot.ts';
import { jsonLine } from '../output.ts';
import type { Invocation } from '../verb.ts';
import { type ImageAt, imageError, parseImageAt } from '../when.ts';

type Reader = ReturnType<typeof openReader>;

export async function run(invocation: Invocation): Promise<number> {
  const [operand] = invocation.operands as [string];
  const { yes, dryRun, keep } = invocation.options as { yes: boolean; dryRun: boolean; keep?: string };
  if (keep !== undefined && !isLadder(keep)) {
    throw usageError(`--keep ${keep} is no ladder of history`, 'write it like all:10s,1s:1m,1h:30d or none');
  }
  const image = parseImageAt(operand, invocation.cwd);
  if (image.when !== null) throw usageError('gc is about all generations', `perdure gc ${image.name}`);
  const ladderOf = (database: Reader): Ladder => byAge(parseLadder(keep ?? ownLadder(database)));
  if (!yes || dryRun) {
    const found = look(invocation, operand, ({ rows, history }) => ({
      plan: planCollection(rows, history, ladderOf(rows)),
      freeBytes: freeBytesOf(rows),
    }));
    show(invocation, image, found.plan, found.freeBytes);
    return ExitCode.done;
  }
  try {
    const before = sizeOf(image.file);
    const plan = await collect(image, ladderOf);
    const after = sizeOf(image.file);
    if (invocation.json) {
      invocation.stdout.write(jsonLine({ ...factsOf(image, plan), dryRun: false, before, after }));
    } else if (!invocation.quiet) {
      invocation.stdout.write(
        `${count(plan.gone.length, 'generation')} deleted, ${plan.kept.length} kept; ${image.name} had ${before} bytes and has ${after}\n`,
      );
    }
    return ExitCode.done;
  } catch (error) {
    throw imageError(image, error);
  }
}

/** As the image's owner: what it deletes is planned when nobody else can commit any more. */
async function collect(image: ImageAt, ladderOf: (database: Reader) => Ladder): Promise<Collection> {
  const effects = { wallMs: () => Date.now(), randomBytes, pid: process.pid, bootId: bootId() };
  const store = openStore(image.file, { create: false, durability: 'power', effects });
  try {
    const reader = openReader(image.file);
    let plan: Collection;
    let ladder: Ladder;
    try {
      ladder = ladderOf(reader);
      plan = withHistory(reader, (history) => planCollection(reader, history, ladder));
    } finally {
      reader.close();
    }
    store.collect(ladder, plan.abandoned);
    return plan;
  } finally {
    await store.close();
  }
}

function ownLadder(database: Reader): string {
  const kept = database.prepare("SELECT value FROM image WHERE key = 'keep'").pluck().get();
  return typeof kept === 'string' && isLadder(kept) ? kept : DEFAULT_LADDER;
}

function freeBytesOf(database: Reader): number {
  const pragma = (name: string): number => Number(database.pragma(name, { simple: true }));
  return pragma('freelist_count') * pragma('page_size');
}

const sizeOf = (file: string): number => fs.statSync(file).size;
const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;

function factsOf(image: ImageAt, plan: Collection) {
  const { gone, goneOfLines, kept, historyBytes, goneBytes } = plan;
  return { image: image.name, gone, goneOfLines, kept: kept.length, historyBytes, goneBytes };
}

function show({ json, stdout }: Invocation, image: ImageAt, plan: Collection, freeBytes: number): void {
  const facts = factsOf(image, plan);
  if (json) {
    stdout.write(jsonLine({ ...facts, dryRun: true, freeBytes }));
    return;
  }
  const { gone, goneOfLines, kept } = plan;
  const lines = goneOfLines.length;
  const parts = [
    `${count(lines, 'generation')} of lines that a restore left${stretch(goneOfLines)}`,
    `${count(gone.length - lines, 'generation')} that the ladder does not keep${stretch(gone.filter((one) => !goneOfLines.includes(one)))}`,
    `at most ${plan.goneBytes} of the ${plan.historyBytes} bytes of history`,
    `${freeBytes} bytes of free space in the file`,
  ];
  stdout.write(
    `would go:\n${parts.map((part) => `  ${part}\n`).join('')}${count(kept.length, 'generation')} would stay; with --yes it is done\n`,
  );
}

/** `: 3 to 17`, or nothing. */
function stretch(generations: readonly number[]): string {
  const [first, last] = [generations[0], generations.at(-1)];
  if (first === undefined) return '';
  return first === last ? `: ${first}` : `: ${first} to ${last}`;
}
