/**
 * `perdure repair IMAGE NEW`: the best state that is left in a damaged image becomes an image of its own.
 *
 * The damaged files are only read. The newest generation without the damage is looked for and forked; what was lost is told.
 */
import path from 'node:path';
import { ExitCode, OperatorError } from '../errors.ts';
import { lookForUndamaged } from '../offer.ts';
import { jsonLine } from '../output.ts';
import type { Invocation } from '../verb.ts';
import { imageError, parseImageAt } from '../when.ts';
import { forkAt } from './fork.ts';

export function run(invocation: Invocation): Promise<number> {
  const [operand, target] = invocation.operands as [string, string];
  const image = parseImageAt(operand, invocation.cwd);
  try {
    const found = lookForUndamaged(image.file);
    if (found === null || found.generation === null) {
      // Says why, in the words of every other verb: no image, another's file, or nothing without the damage.
      const losses = found === null ? '' : `: ${found.losses.join('; ')}`;
      if (found === null) forkAt(image, path.resolve(invocation.cwd, target));
      throw new OperatorError(
        ExitCode.damaged,
        `${image.name} keeps no generation without the damage${losses}`,
        'go back to a copy of it made by a clean stop',
      );
    }
    const { generation, head, losses } = found;
    const made = forkAt({ ...image, when: String(generation) }, path.resolve(invocation.cwd, target));
    if (invocation.json) invocation.stdout.write(jsonLine({ image: target, ...made, head, losses }));
    else {
      for (const loss of losses) invocation.stderr.write(`damaged: ${loss}\n`);
      const lost =
        generation === head ? 'nothing is lost' : `generations ${generation + 1} to ${head} are lost`;
      invocation.stdout.write(
        `${target} is generation ${generation} of ${image.name}; ${lost}; perdure run ${target} goes on\n`,
      );
    }
    return Promise.resolve(ExitCode.done);
  } catch (error) {
    throw imageError(image, error);
  }
}
