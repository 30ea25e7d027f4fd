/**
 * What hangs on objects: that all a list holds belongs to it. A pass that stops after every step, so that a check can be
 * spread over many checkpoints while the lists change.
 *
 * Nothing is remembered over a step but an iterator of the language, which bears changes of its collection, or an index
 * that is looked at anew. Called by check.ts.
 */
import { typeNumbers } from '../abi/types.ts';
import { allSpans } from '../memory/spans.ts';
import type { KernelObject, KernelState, Space } from '../state.ts';
import { holds } from './invariants.ts';
import { checkListedPage, checkTable } from './memory.ts';

/** One step a thing that hangs on the object. */
export function* contentsOf(k: KernelState, object: KernelObject): Generator<void> {
  switch (object.type) {
    case typeNumbers.thread:
      for (const mutex of object.owned) {
        holds(mutex.alive && mutex.owner === object, 'ownedIsOwned', object);
        yield;
      }
      break;
    case typeNumbers.portset:
      for (const port of object.ports) {
        holds(port.alive && port.portset === object, 'listedPortIsInSet', object);
        yield;
      }
      for (const port of object.busy) {
        holds(object.ports.has(port), 'listedPortIsInSet', object);
        holds(port.clients.first !== null, 'setKnowsBusyPorts', object);
        yield;
      }
      break;
    case typeNumbers.region:
      for (const mapping of allSpans(object.mappings)) {
        holds(mapping.alive && mapping.region === object, 'listedMappingIsOfRegion', object);
        yield;
      }
      break;
    case typeNumbers.space:
      yield* contentsOfSpace(k, object);
      break;
    default:
      break;
  }
}

function* contentsOfSpace(k: KernelState, space: Space): Generator<void> {
  for (const mapping of allSpans(space.mappings)) {
    holds(mapping.alive && mapping.space === space, 'listedMappingIsOfSpace', space);
    yield;
  }
  for (const region of allSpans(space.regions)) {
    holds(region.alive && region.space === space, 'listedRegionIsOfSpace', space);
    yield;
  }
  for (const thread of space.threads) {
    holds(thread.alive && thread.space === space, 'listedThreadIsOfSpace', space);
    yield;
  }
  for (const [number, page] of space.bottom?.pages ?? []) {
    checkListedPage(k, space, number, page);
    yield;
  }
  for (let from = 0; from >= 0 && space.rootFrame >= 0; ) {
    from = checkTable(k, space, from);
    yield;
  }
}
