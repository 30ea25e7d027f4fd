/**
 * What is offered for a damaged image: found, forked and compared with what was recorded. Used by the test and `npm run damage`.
 */
import { rmSync } from 'node:fs';
import { DamageError } from '../../src/persist/store/contract.ts';
import { StoreError } from '../../src/persist/store/errors.ts';
import { fork } from '../../src/persist/store/fork.ts';
import { openReader } from '../../src/persist/store/schema.ts';
import { newestUndamaged, type Undamaged } from '../../src/persist/store/undamaged.ts';
import { modelAt } from './damage-tools.ts';
import { effects, open } from './store-tools.ts';

/** What is offered for the image at `path`; null when it cannot even be opened to look. */
export function offerFor(path: string): Undamaged | null {
  try {
    const reader = openReader(path);
    try {
      return newestUndamaged(reader, () => undefined);
    } finally {
      reader.close();
    }
  } catch (error) {
    if (error instanceof DamageError || error instanceof StoreError) return null;
    throw error;
  }
}

/** Forks what is offered and compares it with the model; '' when it is what was recorded. */
export async function wrongWithOffer(path: string, seed: number, generation: number): Promise<string> {
  const copy = `${path}.offered`;
  for (const suffix of ['', '-wal', '-shm', '-side']) rmSync(copy + suffix, { force: true });
  fork(path, () => generation, copy, effects, true);
  const forked = open(copy, { create: false });
  const wrong = modelAt(seed, generation).differencesOfState(forked);
  await forked.close();
  return wrong.join('; ');
}
