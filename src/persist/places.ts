/**
 * Where things lie in the store segment: slabs of programs, and the pages of a slab.
 *
 * Part of the image format. A segment address is a page number times PAGE_SIZE plus an offset; the segment lies at
 * address 0 of the server's space, so an offset in the segment, an address of the server and a key of the file are one.
 * Imported by the rest of the persistence server. Holds no state.
 */
import { assert } from '../base/assert.ts';
import { OBJECT_SIZE, PAGE_SIZE, SLAB_PAGES } from '../base/limits.ts';
import { PROGRAM_END, STACK_SIZE } from '../kernel/abi/memory.ts';
import {
  CUSTODY_PAGE_INDEX,
  MEMORY_PAGE_INDEX,
  PARENT_PAGE_INDEX,
  STACK_PAGE_INDEX,
} from './store/page-place.ts';

assert(STACK_PAGE_INDEX * PAGE_SIZE + STACK_SIZE <= MEMORY_PAGE_INDEX * PAGE_SIZE, 'places: the stack fits');
assert(MEMORY_PAGE_INDEX * PAGE_SIZE + PROGRAM_END <= SLAB_PAGES * PAGE_SIZE, 'places: the program fits');

/** Segment addresses of one program's slab. Slab 0 is never used, so that address 0 names nothing. */
export interface Slab {
  readonly parentPage: number;
  readonly space: number;
  /** Address of mapping number `index`. */
  mapping(index: number): number;
  /** First byte, and where the region lies that limits how many objects may lie in the slab. */
  readonly base: number;
  readonly limits: number;
  /** The whole stack, lowest byte. */
  readonly stack: number;
  /** Where the program's address `address` lies. */
  memory(address: number): number;
}

export function slab(index: number): Slab {
  assert(Number.isSafeInteger(index) && index >= 1, `places: slab ${index} is a program's`);
  const base = index * SLAB_PAGES * PAGE_SIZE;
  const custody = base + CUSTODY_PAGE_INDEX * PAGE_SIZE;
  return {
    parentPage: base + PARENT_PAGE_INDEX * PAGE_SIZE,
    space: custody,
    mapping: (number) => custody + (number + 1) * OBJECT_SIZE,
    base,
    limits: custody + PAGE_SIZE - OBJECT_SIZE,
    stack: base + STACK_PAGE_INDEX * PAGE_SIZE,
    memory: (address) => base + MEMORY_PAGE_INDEX * PAGE_SIZE + address,
  };
}
