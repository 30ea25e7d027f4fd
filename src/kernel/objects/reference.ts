/**
 * References: their state, and what can be asked about a target without reaching it.
 *
 * A reference names one object, or nothing; it is the only form in which a link leaves or enters an object. Its target
 * is of a type that may be referenced (fluke.md A.3, A.6). Called by the dispatcher and state-calls.ts.
 */
import { STEPS_PER_WORK } from '../../base/limits.ts';
import { outcomes } from '../abi/codes.ts';
import { typeNumbers } from '../abi/types.ts';
import { setTarget } from '../links.ts';
import { mappingAt } from '../memory/chain.ts';
import { touch } from '../memory/changed.ts';
import { climb } from '../memory/climb.ts';
import { named, namedReference } from '../names.ts';
import { argument, setArgument, setArgumentWord } from '../registers.ts';
import {
  type KernelObject,
  type KernelState,
  live,
  type Reference,
  type Region,
  type Space,
  type Thread,
} from '../state.ts';
import { shown, type TypeOperations } from './operations.ts';

/** Points the reference at the target. */
export function pointAt(k: KernelState, reference: Reference, target: KernelObject | null): void {
  setTarget(reference, target);
  touch(k, reference);
}

/** reference_check */
export function check(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const reference = namedReference(k, caller, argument(registers, 0));
  if (typeof reference === 'number') return reference;
  setArgument(registers, 1, live(reference.target) === null ? 1 : 0);
  return outcomes.success;
}

/** reference_compare: two null references are the same. */
export function compare(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const reference = namedReference(k, caller, argument(registers, 0));
  if (typeof reference === 'number') return reference;
  const other = namedReference(k, caller, argument(registers, 1));
  if (typeof other === 'number') return other;
  setArgument(registers, 1, live(reference.target) === live(other.target) ? 1 : 0);
  return outcomes.success;
}

/** reference_copy */
export function copy(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const reference = namedReference(k, caller, argument(registers, 0));
  if (typeof reference === 'number') return reference;
  const destination = namedReference(k, caller, argument(registers, 1));
  if (typeof destination === 'number') return destination;
  pointAt(k, destination, live(reference.target));
  return outcomes.success;
}

/** reference_hash */
export function hash(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const reference = namedReference(k, caller, argument(registers, 0));
  if (typeof reference === 'number') return reference;
  const target = live(reference.target);
  if (target === null) return outcomes.notFound;
  setArgumentWord(registers, 1, target.hash);
  return outcomes.success;
}

/** reference_type */
export function type(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const reference = namedReference(k, caller, argument(registers, 0));
  if (typeof reference === 'number') return reference;
  const target = live(reference.target);
  if (target === null) return outcomes.notFound;
  setArgument(registers, 1, target.type);
  return outcomes.success;
}

/**
 * reference_locate: O(1) for a region of a bottom space; for others, what it costs to climb from the object to it.
 * Answers only about memory that the caller can name (law 11).
 */
export function locate(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const reference = namedReference(k, caller, argument(registers, 0));
  if (typeof reference === 'number') return reference;
  const region = named(k, caller, argument(registers, 1), typeNumbers.region);
  if (typeof region === 'number') return region;
  const target = live(reference.target);
  const offset = target === null ? -1 : offsetIn(k, region, target);
  if (target === null || offset < 0) return outcomes.notFound;
  setArgument(registers, 1, offset);
  setArgument(registers, 2, target.serial);
  setArgument(registers, 3, target.type);
  return outcomes.success;
}

/**
 * Offset of the object in the region, or -1 when it does not lie there: from where the object lies up through what shows
 * it. That costs as many places as show it, whatever else lies in the region.
 */
function offsetIn(k: KernelState, region: Region, target: KernelObject): number {
  const goal = live(region.space);
  // In a bottom space that maps something over it, the object cannot be reached.
  if (goal === null || mappingAt(target.home, target.address) !== null) return -1;
  const direct = target.address - region.startAddress;
  if (goal === target.home && direct >= 0 && direct < region.size) return direct;
  let found = -1;
  const isElsewhere = (space: Space, address: number): boolean => {
    const within = address - region.startAddress;
    if (space === goal && within >= 0 && within < region.size) found = within;
    return found < 0;
  };
  const steps = climb(target.home, target.address, isElsewhere, () => undefined);
  k.work += Math.floor(steps / STEPS_PER_WORK);
  return found;
}

export const referenceOperations: TypeOperations<Reference> = {
  /** One literal: most objects of most machines are references. */
  make: ({ home, address, serial, hash }) => ({
    home,
    address,
    serial,
    hash,
    alive: true,
    isTouched: false,
    firstReference: null,
    referenceCount: 0,
    linkers: null,
    type: typeNumbers.reference,
    target: null,
    nextReference: null,
    previousReference: null,
  }),
  write() {},
  links: (_k, reference) => [shown(reference.target)],
  check: () => 0,
  load(k, reference, _view, [target]) {
    if (target !== undefined) pointAt(k, reference, target);
    touch(k, reference);
  },
  release(_k, reference) {
    setTarget(reference, null);
    return true;
  },
};
