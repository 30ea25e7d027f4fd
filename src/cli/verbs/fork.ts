/**
 * `perdure fork`: a kept generation becomes an image of its own; also while a machine runs the old one.
 *
 * The old image is only read. The new one is whole when its name appears.
 */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { chooseGeneration } from '../../persist/query/when.ts';
import { fork } from '../../persist/store/fork.ts';
import { ExitCode } from '../errors.ts';
import { bootId } from '../machine/boot.ts';
import { jsonLine } from '../output.ts';
import type { Invocation } from '../verb.ts';
import { imageError, parseImageAt } from '../when.ts';

export function run(invocation: Invocation): Promise<number> {
  const { name, file, when } = parseImageAt(invocation.operands[0] as string, invocation.cwd);
  const target = invocation.operands[1] as string;
  const effects = { wallMs: () => Date.now(), randomBytes, pid: process.pid, bootId: bootId() };
  try {
    const made = fork(
      file,
      (history, database) => chooseGeneration(when, history, database),
      path.resolve(invocation.cwd, target),
      effects,
    );
    if (invocation.json) invocation.stdout.write(jsonLine({ image: target, ...made }));
    else if (!invocation.quiet) {
      invocation.stdout.write(
        `${target} is generation ${made.generation} of ${name}: ${made.pages} pages, ${made.objects} objects; perdure run ${target} goes on from there\n`,
      );
    }
    return Promise.resolve(ExitCode.done);
  } catch (error) {
    throw imageError(name, error);
  }
}
