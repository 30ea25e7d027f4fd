/**
 * What holds of links: their targets are what the index knows, and of a type that the link may have.
 *
 * A link to what is gone reads as null and is well. Called by the files beside it.
 */
import { serialKey, type TypeNumber } from '../names.ts';
import type { KernelObject, KernelState } from '../state.ts';
import { holds } from './invariants.ts';

/** A link that is not null leads to what the index by serial holds, of this type. */
export function checkLink(
  k: KernelState,
  object: KernelObject,
  target: KernelObject | null,
  type: TypeNumber,
): void {
  holds(target === null || target.type === type, 'linkHasItsType', object);
  checkTarget(k, object, target);
}

/** The living target of a link is in the index. */
export function checkTarget(k: KernelState, object: KernelObject, target: KernelObject | null): void {
  holds(target === null || k.bySerial.get(serialKey(k, target.serial)) === target, 'linkHasItsType', object);
}
