/**
 * The nine object types by name and number: what each does is in the file of its name.
 *
 * Called by lifecycle.ts and state-calls.ts. Holds no state and no code that acts.
 */
import { typeNames } from '../abi/types.ts';
import type { KernelObject } from '../state.ts';
import { condOperations } from './cond.ts';
import { mappingOperations } from './mapping.ts';
import { mutexOperations } from './mutex.ts';
import type { TypeOperations } from './operations.ts';
import { portOperations } from './port.ts';
import { portsetOperations } from './portset.ts';
import { referenceOperations } from './reference.ts';
import { regionOperations } from './region.ts';
import { spaceOperations } from './space.ts';
import { threadOperations } from './thread.ts';

const operations = {
  mutex: mutexOperations,
  cond: condOperations,
  mapping: mappingOperations,
  region: regionOperations,
  port: portOperations,
  portset: portsetOperations,
  space: spaceOperations,
  thread: threadOperations,
  reference: referenceOperations,
} as const;

/** Every table in one form, whatever it leaves out: the engine then finds an operation where it found the last. */
const byNumber = [null, ...typeNames].map((name) => {
  const own = operations[name ?? 'reference'] as unknown as TypeOperations<KernelObject>;
  const { make, mayDestroy, mayMove, release, write, links, check, prepare, load } = own;
  return { make, mayDestroy, mayMove, release, write, links, check, prepare, load };
});

/** The operations of a type, for an object that is known to be of it. */
export function operationsOf(type: KernelObject['type']): TypeOperations<KernelObject> {
  return byNumber[type] as TypeOperations<KernelObject>;
}
