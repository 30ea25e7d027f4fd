/**
 * Spaces: address spaces, and what is in them: mappings, regions and threads, which link to them.
 *
 * Invariant: `mappings` are those with a size that link to the space, in address order and without overlaps; `regions`
 * and `threads` all that link to it. The space of a user task is a bottom space: its memory is RAM, and it neither moves
 * nor goes away. Called by state-calls.ts and lifecycle.ts.
 */

import { STAGE_WORK } from '../../base/limits.ts';
import { faults } from '../abi/codes.ts';
import { typeNumbers } from '../abi/types.ts';
import { addLinker, noteStray, removeLinker } from '../links.ts';
import { countCollector, touch } from '../memory/changed.ts';
import { emptySpans, firstSpan } from '../memory/spans.ts';
import { dropTables } from '../memory/tables.ts';
import { park } from '../schedule.ts';
import { SerialHeap } from '../serial-heap.ts';
import {
  type Bottom,
  type KernelObject,
  type KernelState,
  live,
  type Port,
  type Space,
  type Thread,
} from '../state.ts';
import { leaveSpace } from './mapping.ts';
import type { ObjectFields, TypeOperations } from './operations.ts';
import { detachRegion } from './region.ts';

/** A space without anything in it; `bottom` is what a task's space has. */
export function emptySpace(fields: ObjectFields, bottom: Bottom | null): Space {
  return {
    ...fields,
    type: typeNumbers.space,
    keeper: null,
    scheduler: null,
    mappings: emptySpans(),
    lastMapping: null,
    regions: emptySpans(),
    threads: new SerialHeap(),
    rootFrame: -1,
    asid: 0,
    bottom,
  };
}

function isBottom(_caller: Thread, space: Space): number {
  return space.bottom === null ? 0 : faults.raceCondition;
}

/** What lives in a space that goes away stays where it is, without memory. The caller, if it does, goes last. */
function empty(k: KernelState, space: Space, caller: Thread | null): boolean {
  const next = (): KernelObject | null => {
    const other = firstSpan(space.regions) ?? firstSpan(space.mappings);
    if (other !== null) return other;
    return space.threads.firstBut(caller);
  };
  for (let object = next(); object !== null; object = next()) {
    if (k.work >= STAGE_WORK) return false;
    k.work += 1;
    if (object.type === typeNumbers.thread) evictThread(k, object, space);
    else {
      if (object.type === typeNumbers.region) detachRegion(k, object);
      else if (object.type === typeNumbers.mapping) leaveSpace(k, object);
      if (object.type === typeNumbers.region || object.type === typeNumbers.mapping) object.space = null;
      // It keeps its set, which is bounded as long as it is counted.
      if (object.type === typeNumbers.region) countCollector(k, object, 1);
      touch(k, object);
    }
  }
  return true;
}

function evictThread(k: KernelState, thread: Thread, space: Space): void {
  space.threads.delete(thread);
  thread.space = null;
  park(k, thread);
  noteStray(thread);
}

export const spaceOperations: TypeOperations<Space> = {
  make: (fields) => emptySpace(fields, null),
  mayDestroy: isBottom,
  mayMove: isBottom,
  write() {},
  links: (_k, space) => [live(space.keeper), live(space.scheduler)],
  check: () => 0,
  load(k, space, _view, [keeper, scheduler]) {
    removeLinker(space.keeper, space);
    removeLinker(space.scheduler, space);
    if (keeper !== undefined) space.keeper = keeper as Port | null;
    if (scheduler !== undefined) {
      k.schedulerLinks += Number(scheduler !== null) - Number(space.scheduler !== null);
      space.scheduler = scheduler as Port | null;
    }
    addLinker(space.keeper, space);
    addLinker(space.scheduler, space);
    touch(k, space);
  },
  release(k, space, caller) {
    if (!empty(k, space, caller)) return false;
    if (caller !== null && space.threads.has(caller)) evictThread(k, caller, space);
    dropTables(k, space);
    removeLinker(space.keeper, space);
    removeLinker(space.scheduler, space);
    if (space.scheduler !== null) k.schedulerLinks -= 1;
    return true;
  },
};
