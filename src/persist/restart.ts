/**
 * Restart: all objects of the newest good generation are made, then all are linked, threads last; pages come on demand.
 *
 * Invariants: the store has verified what it hands out, and nothing of it is believed (validate.ts); links that no longer match their target's serial become null;
 * no guest instruction runs before this is over. Called once by the server, before the first slice.
 */
import { assert } from '../base/assert.ts';
import { outcomes } from '../kernel/abi/codes.ts';
import { typeNumbers } from '../kernel/abi/types.ts';
import type { Arena } from './arena.ts';
import { call, ITEMS_MAX } from './arena.ts';
import { createPickled, loadChangedSet, loadPickled } from './pickle.ts';
import type { Store, StoredObject } from './store/contract.ts';
import { checkSerials, checkStored, nextSerialOf } from './validate.ts';

/** Recreates every object of the store's head. Returns how many there were. */
export function restart(arena: Arena, store: Store, phase: (label: string) => void): number {
  const inventory = new Map<number, StoredObject>();
  const nextSerial = store.head === null ? 0n : nextSerialOf(store.head.kernelRecord);
  const objects = [...store.objects()];
  for (const object of objects) {
    checkStored(object, nextSerial);
    inventory.set(object.address, object);
  }
  checkSerials(objects);
  for (const object of objects) createPickled(arena, object);
  phase('objects-created');
  const threads: StoredObject[] = [];
  for (const object of objects) {
    if (object.type === typeNumbers.thread) threads.push(object);
    else loadPickled(arena, object, inventory);
  }
  for (const thread of threads) loadPickled(arena, thread, inventory);
  for (const object of objects) loadChangedSet(arena, object);
  phase('objects-linked');
  beginCollecting(arena);
  return inventory.size;
}

/** What restart itself changed is in the file already: the segment's changed set begins empty. */
function beginCollecting(arena: Arena): void {
  const outcome = call(arena.task, 'region_collect', arena.segment, arena.items, ITEMS_MAX);
  assert(outcome === outcomes.success, 'restart: collect succeeds');
  assert(ITEMS_MAX - arena.task.result(1) === 0, 'restart: the first collect only begins to collect');
}
