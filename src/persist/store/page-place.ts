/**
 * Which pages of a program's slab hold what, and the words for it in messages about damage.
 *
 * Part of the image format; the view `page_place` says the same in SQL. Holds no state.
 */
import { PAGE_SIZE, SLAB_PAGES } from '../../base/limits.ts';
import { PARENT_PAGE, STACK_END } from '../../kernel/abi/memory.ts';

/** Page of the slab that is mapped at PARENT_PAGE of the program. */
export const PARENT_PAGE_INDEX = 0;
/** Page of the slab that only the parent can name: the program's space and mappings lie on it. */
export const CUSTODY_PAGE_INDEX = 1;
export const STACK_PAGE_INDEX = 0x800;
export const MEMORY_PAGE_INDEX = 0x1000;

/** Whose page this is, for messages: `stack of program 1 at 0x3f00ffe000` (the address is the program's). */
export function ownerOfPage(number: number): string {
  const index = Math.floor(number / SLAB_PAGES);
  const page = number % SLAB_PAGES;
  const hex = (address: number): string => `0x${address.toString(16)}`;
  if (index === 0) return 'page of nobody';
  if (page === PARENT_PAGE_INDEX) return `parent page of program ${index} at ${hex(PARENT_PAGE)}`;
  if (page < STACK_PAGE_INDEX) return `objects that the machine keeps for program ${index}`;
  if (page < MEMORY_PAGE_INDEX) {
    const address = STACK_END - (MEMORY_PAGE_INDEX - page) * PAGE_SIZE;
    return `stack of program ${index} at ${hex(address)}`;
  }
  return `memory of program ${index} at ${hex((page - MEMORY_PAGE_INDEX) * PAGE_SIZE)}`;
}
