/**
 * `perdure tag`: names for generations. A tagged generation is kept whatever the ladder and its size say.
 *
 * An image that nobody runs is opened as its owner would, so a damaged one is refused. Beside a machine that runs, the name is
 * one short transaction of its own (tags.ts), which the machine's commits wait for a moment at most.
 */
import { randomBytes } from 'node:crypto';
import { StoreError } from '../../persist/store/errors.ts';
import { openStore } from '../../persist/store/open.ts';
import { ownerOf } from '../../persist/store/owner.ts';
import { addTag, deleteTag, isTagName, readTags } from '../../persist/store/tags.ts';
import { ExitCode, usageError } from '../errors.ts';
import { look, lookImage } from '../look.ts';
import { bootId } from '../machine/boot.ts';
import { jsonLine } from '../output.ts';
import { writeTable } from '../table.ts';
import type { Invocation } from '../verb.ts';
import { type ImageAt, imageError, parseImageAt } from '../when.ts';

export async function run(invocation: Invocation): Promise<number> {
  const [operand, name] = invocation.operands as [string, string | undefined];
  const { message, delete: isDeletion } = invocation.options as { message?: string; delete: boolean };
  const image = parseImageAt(operand, invocation.cwd);
  if (name === undefined) {
    if (isDeletion || message !== undefined) {
      throw usageError('which tag?', `perdure tag ${isDeletion ? '-d ' : ''}${operand} NAME`);
    }
    return list(invocation, operand);
  }
  if (isDeletion && (image.when !== null || message !== undefined)) {
    throw usageError('-d takes a name away and needs nothing else', `perdure tag -d ${image.name} ${name}`);
  }
  if (!isDeletion && !isTagName(name)) {
    throw usageError(
      `'${name}' is no name for a generation`,
      'up to 100 letters, digits and . _ + / -, the first a letter, and not HEAD',
    );
  }
  const { stdout, quiet, json } = invocation;
  try {
    const createdMs = Date.now();
    // Refuses what is no image, or damaged, before anything is opened for writing.
    const chosen = lookImage(image, (moment) => moment.generation);
    const generation = await besideOrAsOwner(image, () => {
      if (isDeletion) return deleteTag(image.file, name);
      addTag(image.file, { name, generation: chosen, createdMs, message: message ?? '' });
      return chosen;
    });
    if (json) stdout.write(jsonLine({ image: image.name, tag: name, generation, deleted: isDeletion }));
    else if (!quiet) {
      const what = isDeletion
        ? `'${name}' is no tag any more; it was generation ${generation}`
        : `generation ${generation} is '${name}' now, and kept; perdure fork ${image.name}@${name} NEW makes an image of it`;
      stdout.write(`${what}\n`);
    }
    return ExitCode.done;
  } catch (error) {
    throw imageError(image, error);
  }
}

/** Runs `work` beside the machine that has the image, or with the image as this process's own. */
async function besideOrAsOwner(image: ImageAt, work: () => number): Promise<number> {
  const effects = { wallMs: () => Date.now(), randomBytes, pid: process.pid, bootId: bootId() };
  if (ownerOf(image.file) !== null) return work();
  let store: ReturnType<typeof openStore>;
  try {
    store = openStore(image.file, { create: false, durability: 'power', effects });
  } catch (error) {
    // A machine was faster.
    if (error instanceof StoreError && error.exitCode === ExitCode.unavailable) return work();
    throw error;
  }
  try {
    return work();
  } finally {
    await store.close();
  }
}

function list(invocation: Invocation, operand: string): number {
  const tags = look(invocation, operand, ({ rows }) => readTags(rows));
  const shown = tags.map(({ createdMs, ...tag }) => ({ ...tag, created: new Date(createdMs).toISOString() }));
  if (invocation.json) invocation.stdout.write(jsonLine(shown));
  else {
    writeTable(invocation.stdout, {
      columns: ['name', 'generation', 'created', 'message'],
      rows: shown.map((tag) => [tag.name, tag.generation, tag.created, tag.message]),
    });
  }
  return ExitCode.done;
}
