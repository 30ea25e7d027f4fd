/**
 * Memory in the reference model: windows (mappings) onto pieces of spaces (regions), rights that only shrink on the way,
 * and who is asked for an access that is not allowed (fluke.md A.7, A.8). Looks at every window for each step.
 */
import { CHAIN_MAX } from '../../../src/base/limits.ts';
import { faults } from '../../../src/kernel/abi/codes.ts';
import type { Came, Model } from './model.ts';
import { done } from './model.ts';
import {
  AREA,
  type Call,
  type Fault,
  faultOf,
  live,
  MEMORY_PAGES,
  outcome,
  PAGE,
  PAGES,
  type Thing,
} from './things.ts';

/** What the first word of each page of memory holds, by the space's place when it was made and the page's number. */
export function contentOf(space: Thing, page: number): number {
  return 1000 * (space.flags + 1) + page;
}

interface Found {
  /** What a load of its first word gives; null: the access is not allowed. */
  readonly content: number | null;
  /** The last region on the way, which could not answer, and where in it. */
  readonly region: Thing | null;
  readonly offset: number;
}

function isInMemory(space: Thing, address: number): boolean {
  return space.hasMemory && address >= AREA && address < AREA + MEMORY_PAGES * PAGE;
}

function windowAt(m: Model, space: Thing, address: number): Thing | null {
  const covers = (thing: Thing): boolean =>
    live(thing.space) === space && address >= thing.start && address < thing.start + thing.size;
  return m.places.find((thing): thing is Thing => thing?.type === 'mapping' && covers(thing)) ?? null;
}

export function follow(m: Model, from: Thing, start: number, access: number): Found {
  let space = from;
  let address = start;
  let rights = 7;
  let asked: Found = { content: null, region: null, offset: 0 };
  for (let depth = 0; depth < CHAIN_MAX; depth += 1) {
    if (isInMemory(space, address)) {
      const mayBe = (access & ~(rights & 3)) === 0;
      return mayBe ? { ...asked, content: contentOf(space, Math.floor((address - AREA) / PAGE)) } : asked;
    }
    const window = windowAt(m, space, address);
    if (window === null) return asked;
    rights &= window.bits;
    const region = live(window.region);
    if (region === null || (access & ~rights) !== 0) return asked;
    const offset = window.offset + (address - window.start);
    asked = { content: null, region, offset };
    rights &= region.bits;
    const next = live(region.space);
    if (next === null || offset >= region.size || (access & ~rights) !== 0) return asked;
    space = next;
    address = region.start + offset;
  }
  return asked;
}

/** Address of the access that a fault is about: loads of a page's first word, stores into its second. */
export function addressOf(fault: Fault): number {
  return AREA + fault.page * PAGE + (fault.access === 2 ? 8 : 0);
}

/** load, store */
export function access(m: Model, thread: Thing, call: Call, right: 1 | 2): Came {
  const page = call.command.a % PAGES;
  const code = faults.processor + (right === 1 ? 13 : 15);
  const { content } = follow(m, thread.space as Thing, addressOf({ code, page, access: right }), right);
  if (content === null) return faultOf(code);
  return outcome(right === 1 ? content : 0);
}

export function isProtection(bits: number): boolean {
  return bits <= 7 && (bits & 3) !== 2;
}

/** What commands make of their number: a piece of pages, and rights. */
export function pieceOf(value: number): { start: number; size: number; offset: number; bits: number } {
  return {
    start: AREA + (value % PAGES) * PAGE,
    size: (Math.floor(value / 8) % 5) * PAGE,
    offset: (Math.floor(value / 40) % 4) * PAGE,
    bits: bitsOf(Math.floor(value / 160)),
  };
}

/** Rights: mostly some that make sense. */
export function bitsOf(value: number): number {
  return [3, 3, 7, 1, 1, 3, 0, 2, 5, 4][value % 10] as number;
}

/** mapping_set_state with all words and both links. */
export function setMapping(
  m: Model,
  mapping: Thing,
  region: Thing | null,
  space: Thing | null,
  value: number,
): Came {
  const { start, size, offset, bits } = pieceOf(value);
  if (!isProtection(bits)) return faultOf(faults.invalidState);
  const overlaps = (from: number, length: number): boolean => start < from + length && from < start + size;
  if (space !== null && size > 0) {
    const others = m.places.filter(
      (thing): thing is Thing =>
        thing?.type === 'mapping' && thing !== mapping && live(thing.space) === space,
    );
    const isTaken = others.some((other) => other.size > 0 && overlaps(other.start, other.size));
    if (isTaken || (space.hasMemory && overlaps(AREA, MEMORY_PAGES * PAGE)))
      return faultOf(faults.addressOverlap);
  }
  Object.assign(mapping, { start, size, offset, bits, region, space });
  return done;
}

/** region_set_state with all words and both links. */
export function setRegion(region: Thing, space: Thing | null, keeper: Thing | null, value: number): Came {
  const { start, size, bits } = pieceOf(value);
  if (!isProtection(bits)) return faultOf(faults.invalidState);
  Object.assign(region, { start, size, bits, space, keeper });
  return done;
}

/** mapping_protect, region_protect */
export function protect(window: Thing, value: number): Came {
  const bits = bitsOf(value);
  if (!isProtection(bits)) return faultOf(faults.invalidState);
  window.bits = bits;
  return done;
}
