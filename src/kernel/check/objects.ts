/**
 * What holds of one object by itself, whatever its type, and of its links; then what its type adds.
 *
 * `checkObject` costs O(1) or O(log n): it looks at the object and its neighbours, never at all that hangs on it. That
 * is what the passes over contents are for (`contents.ts`). Called by check.ts.
 */
import { isAligned } from '../../base/integer.ts';
import { OBJECT_SIZE } from '../../base/limits.ts';
import { typeNumbers } from '../abi/types.ts';
import { TRANSIENT_SERIAL_START } from '../first-state.ts';
import { isTaskMemory } from '../lifecycle.ts';
import { pageNumber } from '../memory/changed.ts';
import { serialKey } from '../names.ts';
import { type KernelObject, type KernelState, live } from '../state.ts';
import { holds } from './invariants.ts';
import { checkTarget } from './links.ts';
import { checkMapping, checkRegion, checkSpace } from './memory.ts';
import { checkCond, checkMutex, checkPort, checkPortset } from './rendezvous.ts';
import { checkReferenceRing } from './rings.ts';
import { checkThread } from './threads.ts';

/** One object, and what it is linked to, as far as that is next to it. */
export function checkObject(k: KernelState, object: KernelObject): void {
  holds(object.type >= 1 && object.type <= 9, 'typeIsKnown', object);
  holds(object.alive, 'indexedIsAlive', object);
  holds(isAligned(object.address, OBJECT_SIZE), 'addressIsAligned', object);
  holds(k.bySerial.get(serialKey(k, object.serial)) === object, 'serialLeadsToObject', object);
  const isHandedOut = object.serial < k.nextSerial || object.serial >= TRANSIENT_SERIAL_START;
  holds(isHandedOut && object.serial < k.nextTransientSerial, 'serialWasHandedOut', object);
  checkPlace(object);
  const isOutside = isTaskMemory(object.home, object.address);
  holds(isOutside === object.serial >= TRANSIENT_SERIAL_START, 'transientLiesOutside', object);
  switch (object.type) {
    case typeNumbers.mutex:
      checkMutex(object);
      break;
    case typeNumbers.cond:
      checkCond(object);
      break;
    case typeNumbers.mapping:
      checkMapping(object);
      break;
    case typeNumbers.region:
      checkRegion(object);
      break;
    case typeNumbers.port:
      checkPort(k, object);
      break;
    case typeNumbers.portset:
      checkPortset(k, object);
      break;
    case typeNumbers.space:
      checkSpace(k, object);
      break;
    case typeNumbers.thread:
      checkThread(k, object);
      break;
    case typeNumbers.reference: {
      const target = live(object.target);
      const isAllowed = target?.type !== typeNumbers.mapping && target?.type !== typeNumbers.reference;
      holds(isAllowed, 'linkHasItsType', object);
      checkTarget(k, object, target);
      checkReferenceRing(object);
      break;
    }
  }
}

/** The address leads to the object, and the list of its page holds it between its neighbours. */
function checkPlace(object: KernelObject): void {
  const bottom = object.home.bottom;
  holds(bottom !== null, 'homeIsBottom', object);
  if (bottom === null) return;
  holds(bottom.objects.get(object.address) === object, 'addressLeadsToObject', object);
  const list = bottom.objectsByPage.get(pageNumber(object.address)) ?? [];
  const index = list.indexOf(object);
  const before = list[index - 1];
  const after = list[index + 1];
  const isOrdered =
    (before === undefined || before.address < object.address) &&
    (after === undefined || object.address < after.address);
  holds(index >= 0 && isOrdered, 'pageListsObject', object);
}
