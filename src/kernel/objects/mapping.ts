/**
 * Mappings: windows of a space onto a region of another, their state, and protect.
 *
 * Invariants: the mappings of a space do not overlap and are kept in address order; a mapping without space, region or
 * size shows nothing. A change takes out of the page tables what was seen through the window, in every space that does.
 * Called by the dispatcher, state-calls.ts and lifecycle.ts; `leaveSpace` also when the space goes away.
 */
import { isAligned } from '../../base/integer.ts';
import { PAGE_SIZE, USER_ADDRESS_END } from '../../base/limits.ts';
import { faults, outcomes } from '../abi/codes.ts';
import { states, typeNumbers } from '../abi/types.ts';
import { addLinker, removeLinker } from '../links.ts';
import { settle, touch } from '../memory/changed.ts';
import { forgetWindow } from '../memory/forget.ts';
import { addSpan, moveSpan, overlapsOther, removeSpan } from '../memory/spans.ts';
import { named } from '../names.ts';
import { argument } from '../registers.ts';
import { type KernelState, live, type Mapping, type Region, type Space, type Thread } from '../state.ts';
import { isProtection, readNumber, type TypeOperations, writeNumber } from './operations.ts';

const at = states.mapping.offset;
/** Addresses of a bottom space end here: sums of two of them stay exact. */
export const BOTTOM_ADDRESS_END = 2 ** 51;

/** Where addresses of the space end. */
export function addressEnd(space: Space): number {
  return space.bottom === null ? USER_ADDRESS_END : BOTTOM_ADDRESS_END;
}

/** What was seen through the mapping goes out of the tables. */
function forgetShown(k: KernelState, mapping: Mapping): void {
  if (k.nestedCollectingCount > 0) settle(k);
  const space = live(mapping.space);
  if (space !== null) forgetWindow(k, space, mapping.startAddress, mapping.startAddress + mapping.size);
}

/** Takes the mapping out of its space, and what was seen through it out of the tables. */
export function leaveSpace(k: KernelState, mapping: Mapping): void {
  forgetShown(k, mapping);
  const space = live(mapping.space);
  if (space === null) return;
  if (mapping.size > 0) removeSpan(space.mappings, mapping.startAddress, mapping.rank);
  else removeLinker(space, mapping);
  if (space.lastMapping === mapping) space.lastMapping = null;
}

function detach(k: KernelState, mapping: Mapping): void {
  leaveSpace(k, mapping);
  const region = live(mapping.region);
  if (region !== null) removeSpan(region.mappings, mapping.regionOffset, mapping.rank);
}

function attach(k: KernelState, mapping: Mapping): void {
  mapping.rank = mapping.serial;
  const { startAddress: start, size, regionOffset, rank } = mapping;
  const space = live(mapping.space);
  if (space !== null) {
    if (size > 0) addSpan(space.mappings, start, start + size, rank, mapping);
    else addLinker(space, mapping);
    space.lastMapping = null;
    // What was seen there before was the bottom itself.
    if (space.bottom !== null) forgetWindow(k, space, start, start + size);
  }
  const region = live(mapping.region);
  if (region !== null) addSpan(region.mappings, regionOffset, regionOffset + size, rank, mapping);
}

/** Its new words, in the lists of the space and the region in which it stays: they change what lies there, not who. */
function relocate(
  k: KernelState,
  mapping: Mapping,
  space: Space,
  region: Region,
  start: number,
  size: number,
  regionOffset: number,
): void {
  forgetShown(k, mapping);
  const rank = mapping.serial;
  moveSpan(space.mappings, mapping.startAddress, mapping.rank, start, start + size, rank);
  moveSpan(region.mappings, mapping.regionOffset, mapping.rank, regionOffset, regionOffset + size, rank);
  mapping.rank = rank;
  mapping.startAddress = start;
  mapping.size = size;
  mapping.regionOffset = regionOffset;
}

/** mapping_protect */
export function protect(k: KernelState, caller: Thread, registers: Uint32Array): number {
  const mapping = named(k, caller, argument(registers, 0), typeNumbers.mapping);
  if (typeof mapping === 'number') return mapping;
  const bits = argument(registers, 1);
  if (!isProtection(bits)) return faults.invalidState;
  // Commit. What is only allowed more is found out by the fault that asks.
  const space = live(mapping.space);
  if (space !== null && (mapping.protection & ~bits) !== 0) {
    forgetWindow(k, space, mapping.startAddress, mapping.startAddress + mapping.size);
  }
  mapping.protection = bits;
  touch(k, mapping);
  return outcomes.success;
}

export const mappingOperations: TypeOperations<Mapping> = {
  make: (fields) => ({
    ...fields,
    type: typeNumbers.mapping,
    regionOffset: 0,
    startAddress: 0,
    size: 0,
    protection: 0,
    region: null,
    space: null,
    rank: 0,
  }),
  write(_k, mapping, view) {
    writeNumber(view, at.regionOffset, mapping.regionOffset);
    writeNumber(view, at.startAddress, mapping.startAddress);
    writeNumber(view, at.size, mapping.size);
    writeNumber(view, at.protection, mapping.protection);
  },
  links: (_k, mapping) => [live(mapping.region), live(mapping.space)],
  check(_k, mapping, view, given) {
    const newSpace = given[1];
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
    if (space !== null && size > 0 && overlapsOther(space.mappings, start, start + size, mapping))
      return faults.addressOverlap;
    return 0;
  },
  load(k, mapping, view, given) {
    const region = given[0] === undefined ? mapping.region : (given[0] as Region | null);
    const space = given[1] === undefined ? mapping.space : (given[1] as Space | null);
    const start = view === null ? mapping.startAddress : readNumber(view, at.startAddress);
    const size = view === null ? mapping.size : readNumber(view, at.size);
    const regionOffset = view === null ? mapping.regionOffset : readNumber(view, at.regionOffset);
    const isListed = mapping.size > 0 && live(mapping.region) !== null && live(mapping.space) !== null;
    const stays = isListed && size > 0 && region === mapping.region && space === mapping.space;
    if (stays && space !== null && space.bottom === null && region !== null) {
      relocate(k, mapping, space, region, start, size, regionOffset);
    } else {
      detach(k, mapping);
      mapping.startAddress = start;
      mapping.size = size;
      mapping.regionOffset = regionOffset;
      mapping.region = region;
      mapping.space = space;
      attach(k, mapping);
    }
    if (view !== null) mapping.protection = readNumber(view, at.protection);
    touch(k, mapping);
  },
  release(k, mapping) {
    detach(k, mapping);
    return true;
  },
};
