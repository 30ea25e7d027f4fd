/**
 * The nine object types by name and number: what each does is in the file of its name.
 *
 * Called by lifecycle.ts and state-calls.ts. Holds no state and no code that acts.
 */
import { type TypeName, typeNames } from '../abi/types.ts';
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

/** The type name of a number. */
export function typeNameOf(type: KernelObject['type']): TypeName {
  return typeNames[type - 1] as TypeName;
}

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
const byNumber = [null, ...typeNames].map((name) => operations[name ?? 'reference']);

/** The operations of a type, for an object that is known to be of it. */
export function operationsOf(type: KernelObject['type']): TypeOperations<KernelObject> {
  return byNumber[type] as unknown as TypeOperations<KernelObject>;
}
