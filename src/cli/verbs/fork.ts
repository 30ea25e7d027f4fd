/**
 * `perdure fork`: a kept generation becomes an image of its own; also while a machine runs the old one.
 *
 * The old image is only read. The new one is whole when its name appears.
 */
import path from 'node:path';
import type Database from 'better-sqlite3';
import { chooseGeneration } from '../../persist/query/when.ts';
import { DamageError } from '../../persist/store/contract.ts';
import { type Forked, fork } from '../../persist/store/fork.ts';
import type { History } from '../../persist/store/history.ts';
import { translated } from '../../persist/store/schema.ts';
import { ExitCode } from '../errors.ts';
import { storeEffects } from '../machine/boot.ts';
import { jsonLine } from '../output.ts';
import type { Invocation } from '../verb.ts';
import { type ImageAt, imageError, parseImageAt } from '../when.ts';

export function run(invocation: Invocation): Promise<number> {
  const image = parseImageAt(invocation.operands[0] as string, invocation.cwd);
  const { name } = image;
  const target = invocation.operands[1] as string;
  try {
    const made = forkAt(image, path.resolve(invocation.cwd, target));
    if (invocation.json) invocation.stdout.write(jsonLine({ image: target, ...made }));
    else if (!invocation.quiet) {
      invocation.stdout.write(
        `${target} is generation ${made.generation} of ${name}: ${made.pages} pages, ${made.objects} objects; perdure run ${target} goes on from there\n`,
      );
    }
    return Promise.resolve(ExitCode.done);
  } catch (error) {
    throw imageError(image, error);
  }
}

/** A generation that is named by its number is looked for in what is left of a damaged image, too. */
export function forkAt({ name, file, when }: ImageAt, target: string): Forked {
  const effects = storeEffects();
  const choose = (history: History, database: Database.Database): number =>
    chooseGeneration(when, history, database);
  try {
    return fork(file, choose, target, effects);
  } catch (error) {
    const isNumber = when !== null && /^\d+$/.test(when);
    if (!isNumber || !(translated(name, error) instanceof DamageError)) throw error;
    return fork(file, choose, target, effects, true);
  }
}
