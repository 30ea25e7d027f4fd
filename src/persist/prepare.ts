/**
 * Before a demarcation: what it will read and write is brought into the processor's caches, a bounded part between any two
 * slices, while the program goes on in between.
 *
 * After ten milliseconds of a program the pages it wrote, the room for them in the ring and the code of the demarcation
 * itself are cold, and a cold page takes five times as long to copy. So pages are copied once before, into the very bytes
 * of the ring that they will be copied to, and objects are pickled once to no end. Invariants: nothing of it is part of a
 * checkpoint, all of it is looked at again; it uses entries that leave no trace in what is saved (law 3). Called by the
 * server.
 */
import { joinHalves } from '../base/integer.ts';
import { OBJECT_SIZE } from '../base/limits.ts';
import { item, itemKinds } from '../kernel/abi/memory.ts';
import type { Arena } from './arena.ts';
import { must } from './arena.ts';
import type { PageCopy } from './checkpoint.ts';
import { pickle } from './pickle.ts';
import type { Store, StoredObject } from './store/contract.ts';

/** What is brought between two slices, in pages: about 60 µs. */
const PART_PAGES = 32;
/** What an object costs, in pages. */
const OBJECT_PAGES = 4;
/** Beyond so many the caches are too small for it to help. */
const PAGES_MAX = 512;

/** How far it has got since the last demarcation. */
export class Preparation {
  cursor = 0;
  /** Pages copied, and what objects count for. */
  count = 0;
  pageCount = 0;

  clear(): void {
    this.cursor = 0;
    this.count = 0;
    this.pageCount = 0;
  }
}

/** Goes on with it; true when there is nothing left to bring. `check` is called with the objects that it came upon. */
export function prepare(
  arena: Arena,
  done: Preparation,
  copy: PageCopy | null,
  store: Store,
  check: (objects: readonly StoredObject[]) => void,
): boolean {
  if (copy === null || store.placeAhead === undefined) return true;
  /** Addresses and types, by turns: pickling a region that collects writes over the items. */
  const objectsFound: number[] = [];
  const { task } = arena;
  must(task, 'region_peek_changed', arena.segment, done.cursor, arena.items, PART_PAGES);
  const found = PART_PAGES - task.result(2);
  const view = task.memoryView;
  const { offset } = item;
  const until = done.count + PART_PAGES;
  let i = 0;
  for (; i < found && done.count < until; i++) {
    const at = arena.itemsOffset + i * item.size;
    const low = view.getUint32(at + offset.offset, true);
    const address = joinHalves(low, view.getUint32(at + offset.offset + 4, true));
    const kind = view.getUint32(at + offset.kind, true);
    const isObject = kind === itemKinds.object || kind === itemKinds.objectGone;
    done.cursor = isObject ? address + OBJECT_SIZE : address + 1;
    if (kind === itemKinds.page) {
      const to = store.placeAhead(done.pageCount++);
      if (to < 0) return true;
      copy(address, to);
      done.count += 1;
    } else if (kind === itemKinds.object) {
      objectsFound.push(address, view.getUint32(at + offset.type, true));
      done.count += OBJECT_PAGES;
    }
  }
  const objects: StoredObject[] = [];
  for (let k = 0; k < objectsFound.length; k += 2)
    objects.push(pickle(arena, objectsFound[k] as number, objectsFound[k + 1] as number));
  check(objects);
  return (i === found && found < PART_PAGES) || done.count >= PAGES_MAX;
}
