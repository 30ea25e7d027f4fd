/**
 * From an address in a space down to the bottom: the mapping chain, with rights intersected on the way.
 *
 * Invariants: rights never grow along the chain (law 11); an access that some step cannot satisfy belongs to the last
 * region reached (fluke.md A.7), or to the thread itself when none was. Knows addresses only: whether the page at the
 * bottom is in memory is asked by others, so what is named and what is allowed depends on persistent state only (law 8).
 * Called for every object name, buffer and page fault.
 */
import { type Chain, live, type Mapping, type Region, type Space } from '../state.ts';

/** Mappings that an access may pass through. Deeper chains, and circles, reach nothing. */
const CHAIN_MAX = 32;

/** The mapping of the space that covers the address, or null. */
export function mappingAt(space: Space, address: number): Mapping | null {
  const last = space.lastMapping;
  if (last !== null && address >= last.startAddress && address - last.startAddress < last.size) return last;
  const mappings = space.mappings;
  let low = 0;
  let high = mappings.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((mappings[middle] as Mapping).startAddress <= address) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return null;
  const found = mappings[low - 1] as Mapping;
  if (address - found.startAddress >= found.size) return null;
  space.lastMapping = found;
  return found;
}

/** The first mapping of the space that begins above the address, or null. */
export function mappingAfter(space: Space, address: number): Mapping | null {
  let low = 0;
  let high = space.mappings.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((space.mappings[middle] as Mapping).startAddress <= address) low = middle + 1;
    else high = middle;
  }
  return space.mappings[low] ?? null;
}

/**
 * Follows the chain for an access to one address. True when all steps allow it: `chain` then says where it ends.
 * False: `chain.region` and `chain.offset` say whose fault it is.
 */
export function resolve(chain: Chain, from: Space, at: number, access: number): boolean {
  let space = from;
  let address = at;
  let rights = 7;
  chain.space = null;
  chain.region = null;
  chain.offset = 0;
  chain.rights = 0;
  if (address < 0) return false;
  for (let depth = 0; depth < CHAIN_MAX; depth += 1) {
    const mapping = mappingAt(space, address);
    if (mapping === null) {
      if (space.bottom === null) return false;
      chain.space = space;
      chain.address = address;
      chain.rights = rights;
      return true;
    }
    rights &= mapping.protection;
    const region = live(mapping.region);
    if (region === null || (access & ~rights) !== 0) return false;
    const offset = mapping.regionOffset + (address - mapping.startAddress);
    chain.region = region;
    chain.offset = offset;
    rights &= region.protection;
    const next = live(region.space);
    if (next === null || offset >= region.size || (access & ~rights) !== 0) return false;
    space = next;
    address = region.startAddress + offset;
  }
  return false;
}

/** Bytes from this address on that lie together at the bottom, as far as the first step tells; for walks over a range. */
export function stretchAt(from: Space, at: number, limit: number): number {
  let space = from;
  let address = at;
  let length = limit;
  for (let depth = 0; depth < CHAIN_MAX; depth += 1) {
    const mapping = mappingAt(space, address);
    if (mapping === null) {
      const after = mappingAfter(space, address);
      return after === null ? length : Math.min(length, after.startAddress - address);
    }
    length = Math.min(length, mapping.startAddress + mapping.size - address);
    const region = live(mapping.region);
    const next = region === null ? null : live(region.space);
    if (region === null || next === null) return length;
    const offset = mapping.regionOffset + (address - mapping.startAddress);
    if (offset >= region.size) return length;
    length = Math.min(length, region.size - offset);
    space = next;
    address = region.startAddress + offset;
  }
  return length;
}

/** All spaces that see memory of this one: itself, and what maps its regions, at any depth. */
export function spacesAbove(start: Space): Set<Space> {
  const found = new Set<Space>([start]);
  for (const space of found) {
    for (const region of space.regions) {
      for (const mapping of region.mappings) {
        const above = live(mapping.space);
        if (above !== null) found.add(above);
      }
    }
  }
  return found;
}

/** All spaces that see memory through this region. */
export function spacesOver(region: Region): Set<Space> {
  const found = new Set<Space>();
  for (const mapping of region.mappings) {
    const above = live(mapping.space);
    if (above !== null) for (const space of spacesAbove(above)) found.add(space);
  }
  return found;
}
