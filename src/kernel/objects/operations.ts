/**
 * What each object type is to the kernel: its life, and its state for export and import; and how words of a state record
 * are read and written.
 *
 * Export never changes anything. Import is split: `check` may refuse, `load` may not (it runs after the commit line).
 * Implemented by one file per type; used by state-calls.ts and lifecycle.ts.
 */
import { highHalf, joinHalves, lowHalf } from '../../base/integer.ts';
import { STAGE_WORK } from '../../base/limits.ts';
import { outcomes } from '../abi/codes.ts';
import { threadFlags, typeNumbers } from '../abi/types.ts';
import { countCancel } from '../interrupts.ts';
import { finish, wake } from '../schedule.ts';
import { type KernelObject, type KernelState, live, type Queue, type Space, type Thread } from '../state.ts';

/** New values of an object's links, in the order of `abi/types.ts`; undefined leaves one unchanged. */
export type NewLinks = readonly (KernelObject | null | undefined)[];

/** What every object has when it is made. */
export interface ObjectFields {
  readonly home: Space;
  readonly address: number;
  readonly serial: number;
  readonly hash: bigint;
  readonly alive: true;
  readonly isTouched: false;
  readonly firstReference: null;
  readonly referenceCount: 0;
  readonly linkers: null;
}

export interface TypeOperations<T extends KernelObject> {
  /** A new object; its links are null, a thread is stopped. */
  make(fields: ObjectFields, k: KernelState): T;
  /** 0, or the fault that destroying it would be. All may be destroyed if there is none. */
  mayDestroy?(caller: Thread, object: T): number;
  /** The same for moving it. */
  mayMove?(caller: Thread, object: T): number;
  /**
   * Lets go of all that hangs on an object that is to be destroyed, as much as fits into a stage: true when that was
   * all. What it leaves is as if the object were gone already.
   */
  release(k: KernelState, object: T, caller: Thread | null): boolean;
  /** Writes the simple state, less hash and serial, into a zeroed record; a thread all of it into its own image. */
  write(k: KernelState, object: T, view: DataView): void;
  links(k: KernelState, object: T): readonly (KernelObject | null)[];
  /** 0, or the fault that the new state would be. `view` is null when the simple state stays. */
  check(k: KernelState, object: T, view: DataView | null, links: NewLinks): number;
  /** What must be over before a state is loaded, as much as fits into a stage: true when that was all. */
  prepare?(k: KernelState, object: T, view: DataView | null, links: NewLinks): boolean;
  load(k: KernelState, object: T, view: DataView | null, links: NewLinks): void;
}

/**
 * What a link shows when it is exported. What a user task does in the machine is in no image: a restart finds none of
 * it, so what it owns, serves or calls comes out as free, or as broken off.
 */
export function shown<T extends KernelObject>(target: T | null): T | null {
  const found = live(target);
  return found?.type === typeNumbers.thread && found.isTask ? null : found;
}

/**
 * Ends the wait of all in the queue, as many as fit into a stage: calls end with `canceled`, faults are taken again. True
 * when nobody is left. `before` is called for each.
 */
export function cancelAll(k: KernelState, queue: Queue, before?: (thread: Thread) => void): boolean {
  for (let first = queue.first; first !== null; first = queue.first) {
    if (k.work >= STAGE_WORK) return false;
    k.work += 1;
    before?.(first);
    countCancel(first);
    if ((first.flags & (threadFlags.faulting | threadFlags.asking)) !== 0) wake(k, first);
    else finish(k, first, outcomes.canceled);
  }
  return true;
}

/** A word of a record as a number, -1 when it is 2^53 or more. */
export function readNumber(view: DataView, offset: number): number {
  return joinHalves(view.getUint32(offset, true), view.getUint32(offset + 4, true));
}

/** Writes a non-negative number below 2^53. */
export function writeNumber(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, lowHalf(value), true);
  view.setUint32(offset + 4, highHalf(value), true);
}

/** True for a set of protection bits that the hardware knows: writing needs reading (privileged manual 4.3.1). */
export function isProtection(bits: number): boolean {
  return bits >= 0 && bits <= 7 && (bits & 3) !== 2;
}
