/**
 * Mappings: windows of a space onto a region of another, and their state.
 *
 * Invariants: the mappings of a space do not overlap and are kept in address order; a mapping without space, region or
 * size shows nothing. A change drops the tables of every space that sees through it.
 * Called by state-calls.ts; `detach` also when a mapping is destroyed.
 */
import { isAligned } from '../../base/integer.ts';
import { PAGE_SIZE, USER_ADDRESS_END } from '../../base/limits.ts';
import { faults } from '../abi/codes.ts';
import { states } from '../abi/types.ts';
import { spacesAbove } from '../memory/chain.ts';
import { settle, touch } from '../memory/changed.ts';
import { dropTables } from '../memory/tables.ts';
import { type KernelState, live, type Mapping, type Region, type Space } from '../state.ts';
import { isProtection, readNumber, type TypeOperations, writeNumber } from './operations.ts';

const at = states.mapping.offset;
/** Addresses of a bottom space end here: sums of two of them stay exact. */
export const BOTTOM_ADDRESS_END = 2 ** 51;

/** Where addresses of the space end. */
export function addressEnd(space: Space): number {
  return space.bottom === null ? USER_ADDRESS_END : BOTTOM_ADDRESS_END;
}

/** Takes the mapping out of its space and region, and what was seen through it out of the tables. */
export function detach(k: KernelState, mapping: Mapping): void {
  if (k.nestedCollectingCount > 0) settle(k);
  const space = live(mapping.space);
  if (space !== null) {
    dropTables(k, spacesAbove(space));
    const index = space.mappings.indexOf(mapping);
    if (index >= 0) space.mappings.splice(index, 1);
    if (space.lastMapping === mapping) space.lastMapping = null;
  }
  mapping.region?.mappings.delete(mapping);
}

function attach(mapping: Mapping): void {
  const space = live(mapping.space);
  if (space !== null && mapping.size > 0) {
    let index = 0;
    while (index < space.mappings.length) {
      if ((space.mappings[index] as Mapping).startAddress > mapping.startAddress) break;
      index += 1;
    }
    space.mappings.splice(index, 0, mapping);
  }
  live(mapping.region)?.mappings.add(mapping);
}

function overlaps(space: Space, self: Mapping, start: number, size: number): boolean {
  for (const other of space.mappings) {
    if (other === self) continue;
    if (other.startAddress < start + size && start < other.startAddress + other.size) return true;
  }
  return false;
}

export const mappingOperations: TypeOperations<Mapping> = {
  write(_k, mapping, view) {
    writeNumber(view, at.regionOffset, mapping.regionOffset);
    writeNumber(view, at.startAddress, mapping.startAddress);
    writeNumber(view, at.size, mapping.size);
    writeNumber(view, at.protection, mapping.protection);
  },
  links: (_k, mapping) => [live(mapping.region), live(mapping.space)],
  check(_k, mapping, view, [, newSpace]) {
    const space = (newSpace === undefined ? live(mapping.space) : newSpace) as Space | null;
    const start = view === null ? mapping.startAddress : readNumber(view, at.startAddress);
    const size = view === null ? mapping.size : readNumber(view, at.size);
    if (view !== null) {
      const offset = readNumber(view, at.regionOffset);
      if (offset < 0 || offset >= BOTTOM_ADDRESS_END) return faults.invalidAddress;
      if (!isAligned(offset, PAGE_SIZE) || !isAligned(start, PAGE_SIZE) || !isAligned(size, PAGE_SIZE)) {
        return faults.notAligned;
      }
      if (!isProtection(readNumber(view, at.protection))) return faults.invalidState;
    }
    const end = space === null ? BOTTOM_ADDRESS_END : addressEnd(space);
    if (start < 0 || size < 0 || start + size > end) return faults.invalidAddress;
    if (space !== null && size > 0 && overlaps(space, mapping, start, size)) return faults.addressOverlap;
    return 0;
  },
  load(k, mapping, view, [region, space]) {
    detach(k, mapping);
    if (view !== null) {
      mapping.regionOffset = readNumber(view, at.regionOffset);
      mapping.startAddress = readNumber(view, at.startAddress);
      mapping.size = readNumber(view, at.size);
      mapping.protection = readNumber(view, at.protection);
    }
    if (region !== undefined) mapping.region = region as Region | null;
    if (space !== undefined) mapping.space = space as Space | null;
    attach(mapping);
    const above = live(mapping.space);
    if (above !== null) {
      above.lastMapping = null;
      dropTables(k, spacesAbove(above));
    }
    touch(k, mapping);
  },
};
