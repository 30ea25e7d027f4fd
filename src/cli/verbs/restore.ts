/**
 * `perdure restore`: the head of an image moves back to a kept generation; the old line stays as history.
 *
 * Refused while a machine runs the image. The next life detaches sinks and sources, as after a fork.
 */
import { chooseGeneration } from '../../persist/query/when.ts';
import { openStore } from '../../persist/store/open.ts';
import { type Restored, restoreGeneration } from '../../persist/store/rewind.ts';
import { ExitCode, usageError } from '../errors.ts';
import { storeEffects } from '../machine/boot.ts';
import { jsonLine } from '../output.ts';
import type { Invocation } from '../verb.ts';
import { imageError, parseImageAt } from '../when.ts';

export async function run(invocation: Invocation): Promise<number> {
  const image = parseImageAt(invocation.operands[0] as string, invocation.cwd);
  const { name, file, when } = image;
  if (when === null) {
    throw usageError('which generation?', `perdure restore ${name}@WHEN, for example ${name}@HEAD~1`);
  }
  const effects = storeEffects();
  try {
    const store = openStore(file, { create: false, durability: 'power', effects });
    let made: Restored;
    try {
      made = restoreGeneration(
        store,
        (history, database) => chooseGeneration(when, history, database),
        effects.wallMs(),
      );
    } finally {
      await store.close();
    }
    if (invocation.json) invocation.stdout.write(jsonLine({ image: name, ...made }));
    else if (!invocation.quiet) {
      invocation.stdout.write(
        `${name} is again what it was at generation ${made.restored}, as generation ${made.generation}: ${made.pages} pages and ${made.objects} objects put back\n`,
      );
    }
    return ExitCode.done;
  } catch (error) {
    throw imageError(image, error);
  }
}
