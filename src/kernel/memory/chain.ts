/**
 * From an address in a space down to the bottom: the mapping chain, with rights intersected on the way.
 *
 * Invariants: rights never grow along the chain (law 11); an access that some step cannot satisfy belongs to the last
 * region reached (fluke.md A.7), or to the thread itself when none was. Knows addresses only: whether the page at the
 * bottom is in memory is asked by others, so what is named and what is allowed depends on persistent state only (law 8).
 * Called for every object name, buffer and page fault.
 */
import { CHAIN_MAX } from '../../base/limits.ts';
import { type Chain, liveRegion, liveSpace, type Mapping, type Space } from '../state.ts';
import { nextStart, spanAt } from './spans.ts';

/** The mapping of the space that covers the address, or null. */
export function mappingAt(space: Space, address: number): Mapping | null {
  const last = space.lastMapping;
  if (last !== null && address >= last.startAddress && address - last.startAddress < last.size) return last;
  const found = spanAt(space.mappings, address);
  if (found !== null) space.lastMapping = found;
  return found;
}

/**
 * Follows the chain for an access to one address. Circles, and chains deeper than `CHAIN_MAX`, reach nothing. True when all steps allow it: `chain` then says where it ends.
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
    chain.depth = depth;
    if (mapping === null) {
      if (space.bottom === null) return false;
      chain.space = space;
      chain.address = address;
      chain.rights = rights;
      return true;
    }
    rights &= mapping.protection;
    const region = liveRegion(mapping.region);
    if (region === null || (access & ~rights) !== 0) return false;
    const offset = mapping.regionOffset + (address - mapping.startAddress);
    chain.region = region;
    chain.offset = offset;
    rights &= region.protection;
    const next = liveSpace(region.space);
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
      return Math.min(length, nextStart(space.mappings, address) - address);
    }
    length = Math.min(length, mapping.startAddress + mapping.size - address);
    const region = liveRegion(mapping.region);
    const next = region === null ? null : liveSpace(region.space);
    if (region === null || next === null) return length;
    const offset = mapping.regionOffset + (address - mapping.startAddress);
    if (offset >= region.size) return length;
    length = Math.min(length, region.size - offset);
    space = next;
    address = region.startAddress + offset;
  }
  return length;
}
