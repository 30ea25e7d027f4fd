/**
 * Sv39 page tables in RAM, written from outside: one address space that grows a page at a time.
 *
 * Invariant: table frames come from the allocator and hold only pointers and 4 KiB leaves. For the bare runner and for
 * tests; the kernel keeps its own tables. Whoever changes a leaf that was valid fences it.
 */
import { PAGE_SHIFT, PAGE_SIZE } from '../base/limits.ts';
import { type Machine, pte } from './machine.ts';

export interface PageTables {
  readonly root: number;
  /** Maps one page to a frame with the bits R, W, X given; U is always set. False when no frame is left for a table. */
  map(address: number, frame: number, bits: number): boolean;
  /** Removes the leaf of a page, if it is there. */
  unmap(address: number): void;
}

/** `allocate` gives a frame of zeros, or -1. Null when not even a root can be had. */
export function createPageTables(machine: Machine, allocate: () => number): PageTables | null {
  const { view, ramOffset } = machine;
  const root = allocate();
  if (root === -1) return null;
  const entryAt = (table: number, page: number, level: number): number =>
    ramOffset + table * PAGE_SIZE + (Math.floor(page / 512 ** level) % 512) * 8;
  const read = (at: number): number => view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
  const write = (at: number, frame: number, bits: number): void => {
    const low = frame * 1024 + bits;
    view.setUint32(at, low % 2 ** 32, true);
    view.setUint32(at + 4, Math.floor(low / 2 ** 32), true);
  };
  /** The address of the leaf's entry; 0 when there is no table for it and none is to be made, or none can. */
  const leafAt = (address: number, makes: boolean): number => {
    const page = Math.floor(address / 2 ** PAGE_SHIFT);
    let table = root;
    for (const level of [2, 1]) {
      const at = entryAt(table, page, level);
      const entry = read(at);
      if (entry % 2 === 1) {
        table = Math.floor(entry / 1024);
        continue;
      }
      if (!makes) return 0;
      table = allocate();
      if (table === -1) return 0;
      write(at, table, pte.valid);
    }
    return entryAt(table, page, 0);
  };
  return {
    root,
    map(address, frame, bits) {
      const at = leafAt(address, true);
      if (at === 0) return false;
      write(at, frame, bits | pte.valid | pte.user);
      return true;
    },
    unmap(address) {
      const at = leafAt(address, false);
      if (at !== 0) write(at, 0, 0);
    },
  };
}
