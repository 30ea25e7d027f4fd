/**
 * The hardware's page tables: a cache of the mapping chains (law 6), filled one page at a time by faults.
 *
 * Tables live in a fixed pool of frames; when it is used up, all tables are dropped and fill again. Each page remembers
 * where entries for it may be (`entries`), so that taking rights or the frame away removes exactly those; a remembered
 * place is checked against the table before it is cleared, since tables may have been dropped meanwhile.
 * Invariant: an entry never allows more than the chain and the page's cap allow now. Called by kernel.ts for page faults,
 * by supply, evict, discard, protect, and by forget.ts whenever memory changes its shape.
 */

import { assert } from '../../base/assert.ts';
import { PAGE_SIZE } from '../../base/limits.ts';
import { pte } from '../../hw/machine.ts';
import { protection } from '../abi/types.ts';
import type { KernelState, Page, Space } from '../state.ts';
import { note, traceEvents } from '../trace.ts';

/** Address space identifiers are 16 bits (privileged manual 4.1.11). */
const ASID_MAX = 0xffff;
/** Places that a page remembers before it looks which of them are stale. */
export const ENTRIES_MIN = 16;
/** Entries of a table, and the bits of a page number that each level looks at. */
const TABLE_ENTRIES = 512;
const LEVEL_BITS = 9;
/** Pages of a whole address space: below it page numbers are words, and their parts are shifts. */
const PAGES = TABLE_ENTRIES ** 3;

/** Byte offset of a frame in the machine's memory. */
function frameStart(k: KernelState, frame: number): number {
  return k.machine.ramOffset + frame * PAGE_SIZE;
}

/** Index of the low word of an entry among the words of the machine's memory. */
function entryWord(k: KernelState, table: number, index: number): number {
  return frameStart(k, table) / 4 + 2 * index;
}

/** Drops the tables of all spaces and begins the pool anew. */
export function dropAllTables(k: KernelState): void {
  for (const space of k.spacesWithTables) space.rootFrame = -1;
  k.spacesWithTables.clear();
  k.tableNext = 0;
  k.freeTables.length = 0;
  k.nextAsid = 1;
  k.machine.hart.fenceAll();
}

/** Gives back a table and those below it. */
function freeTable(k: KernelState, table: number, level: number): void {
  for (let index = 0; level > 0 && index < TABLE_ENTRIES; index += 1) {
    const entry = k.machine.words[entryWord(k, table, index)] as number;
    if ((entry & pte.valid) !== 0) freeTable(k, entry >>> 10, level - 1);
  }
  k.freeTables.push(table);
}

/** Drops the tables of a space that goes away. */
export function dropTables(k: KernelState, space: Space): void {
  if (space.rootFrame < 0) return;
  freeTable(k, space.rootFrame, 2);
  space.rootFrame = -1;
  k.spacesWithTables.delete(space);
  note(k, traceEvents.tables.kind, 0, space.serial, 0);
  k.machine.hart.fenceSpace(space.asid);
}

/** Pages for which the hart is told one by one that their entries are gone. */
const FENCED_PAGES_MAX = 64;

/** Clears the entries of a leaf table from index `first` to before `last`, whose pages begin at `base`. */
function clearLeaves(
  k: KernelState,
  space: Space,
  table: number,
  base: number,
  first: number,
  last: number,
  count: number,
): number {
  const { words } = k.machine;
  let cleared = count;
  let word = entryWord(k, table, first);
  for (let index = first; index < last; index += 1) {
    if (((words[word] as number) & pte.valid) !== 0) {
      words[word] = 0;
      words[word + 1] = 0;
      cleared += 1;
      if (cleared <= FENCED_PAGES_MAX) k.machine.hart.fencePage(space.asid, (base + index) * PAGE_SIZE);
    }
    word += 2;
  }
  return cleared;
}

/**
 * Clears the entries of the table for pages [from, to); `base` is the page of its first. Tells the hart of each, up to
 * `FENCED_PAGES_MAX` of them. `count` is how many were cleared before; returns how many with these.
 */
function clearTable(
  k: KernelState,
  space: Space,
  table: number,
  level: number,
  base: number,
  from: number,
  to: number,
  count: number,
): number {
  const { words } = k.machine;
  const shift = LEVEL_BITS * level;
  const span = 1 << shift;
  const first = Math.max(0, (from - base) >> shift);
  const last = Math.min(TABLE_ENTRIES, (to - base + span - 1) >> shift);
  if (level === 0) return clearLeaves(k, space, table, base, first, last, count);
  let cleared = count;
  for (let index = first; index < last; index += 1) {
    const word = entryWord(k, table, index);
    const entry = words[word] as number;
    if ((entry & pte.valid) === 0) continue;
    const page = base + (index << shift);
    if (from > page || to < page + span) {
      cleared = clearTable(k, space, entry >>> 10, level - 1, page, from, to, cleared);
      continue;
    }
    words[word] = 0;
    words[word + 1] = 0;
    cleared += span;
    freeTable(k, entry >>> 10, level - 1);
  }
  return cleared;
}

/** Clears what the space's tables have for pages [from, to): tables wholly inside go as a whole. */
export function clearEntries(k: KernelState, space: Space, from: number, to: number): void {
  const end = Math.min(to, PAGES);
  let table = space.rootFrame;
  if (table < 0 || from >= end) return;
  // A small piece lies in one entry of the upper levels: down to the table that it has a part of.
  let level = 2;
  let base = 0;
  for (; level > 0; level -= 1) {
    const shift = LEVEL_BITS * level;
    const index = (from - base) >> shift;
    const isWhole = end - from === 1 << shift;
    if (isWhole || index !== (end - 1 - base) >> shift) break;
    const entry = k.machine.words[entryWord(k, table, index)] as number;
    if ((entry & pte.valid) === 0) return;
    table = entry >>> 10;
    base += index << shift;
  }
  const cleared = clearTable(k, space, table, level, base, from, end, 0);
  if (cleared > FENCED_PAGES_MAX) k.machine.hart.fenceSpace(space.asid);
}

/** Tables that can still be made. */
function tablesLeft(k: KernelState): number {
  return k.freeTables.length + (k.tableEnd - k.tableNext);
}

function newTable(k: KernelState): number {
  const freed = k.freeTables.pop();
  const frame = freed ?? k.tableNext;
  if (freed === undefined) k.tableNext += 1;
  k.machine.frame(frame).fill(0);
  k.machine.hart.frameChanged(frame);
  return frame;
}

/** The root of the space's tables, made if there is none. */
export function rootOf(k: KernelState, space: Space): number {
  if (space.rootFrame >= 0) return space.rootFrame;
  if (tablesLeft(k) < 3 || k.nextAsid > ASID_MAX) dropAllTables(k);
  space.rootFrame = newTable(k);
  space.asid = k.nextAsid;
  k.nextAsid += 1;
  k.spacesWithTables.add(space);
  k.machine.hart.fenceSpace(space.asid);
  return space.rootFrame;
}

/**
 * Index of the leaf entry for a page of the space among the words of the machine's memory, or -1 when a table on the way
 * is missing and is not to be made.
 */
function leafWord(k: KernelState, space: Space, page: number, isMade: boolean): number {
  const { words } = k.machine;
  let table = space.rootFrame;
  if (table < 0) return -1;
  for (let shift = 2 * LEVEL_BITS; shift > 0; shift -= LEVEL_BITS) {
    const word = entryWord(k, table, (page >>> shift) & (TABLE_ENTRIES - 1));
    const entry = words[word] as number;
    if ((entry & pte.valid) !== 0) table = entry >>> 10;
    else {
      if (!isMade) return -1;
      table = newTable(k);
      words[word] = (table << 10) | pte.valid;
      words[word + 1] = table >>> 22;
    }
  }
  return entryWord(k, table, page & (TABLE_ENTRIES - 1));
}

/** Addresses from here on are in no table (Sv39). */
const TABLED_END = PAGES * PAGE_SIZE;

/**
 * The page to which the tables lead at this address with all of these rights: the one that the chain leads to, found
 * without following it. Null: they do not say.
 */
export function tabledPage(k: KernelState, space: Space, address: number, access: number): Page | null {
  if (address >= TABLED_END) return null;
  const word = leafWord(k, space, Math.floor(address / PAGE_SIZE), false);
  if (word < 0) return null;
  const bits = k.machine.words[word] as number;
  // The rights of an entry lie one bit further left than those of a protection.
  if ((bits & pte.valid) === 0 || ((bits >> 1) & access) !== access) return null;
  return k.pageOfFrame[bits >>> 10] ?? null;
}

/** Lets the hart reach `page` at page number `at` of the space, with these rights. */
export function installEntry(k: KernelState, space: Space, at: number, page: Page, rights: number): void {
  if (tablesLeft(k) < 3) dropAllTables(k);
  rootOf(k, space);
  const { words } = k.machine;
  const word = leafWord(k, space, at, true);
  const bits =
    pte.valid |
    pte.user |
    ((rights & protection.read) !== 0 ? pte.read : 0) |
    ((rights & protection.write) !== 0 ? pte.write : 0) |
    ((rights & protection.execute) !== 0 ? pte.execute : 0);
  // What was not there, the hart cannot have kept.
  const isKept = ((words[word] as number) & pte.valid) !== 0;
  words[word] = (page.frame << 10) | bits;
  words[word + 1] = page.frame >>> 22;
  if (isKept) k.machine.hart.fencePage(space.asid, at * PAGE_SIZE);
  for (const entry of page.entries) if (entry.space === space && entry.page === at) return;
  if (page.entries.length >= page.entriesMax) forgetStale(k, page);
  page.entries.push({ space, page: at });
}

/** Index of the word of the place that the page remembers, or -1 when the tables have something else there, or nothing. */
function rememberedWord(k: KernelState, page: Page, entry: { space: Space; page: number }): number {
  const word = leafWord(k, entry.space, entry.page, false);
  if (word < 0) return -1;
  const bits = k.machine.words[word] as number;
  return (bits & pte.valid) !== 0 && bits >>> 10 === page.frame ? word : -1;
}

/** Forgets places at which the tables no longer have the page; twice as many as remain may come before the next time. */
function forgetStale(k: KernelState, page: Page): void {
  let count = 0;
  for (const entry of page.entries) {
    if (rememberedWord(k, page, entry) < 0) continue;
    page.entries[count] = entry;
    count += 1;
  }
  page.entries.length = count;
  page.entriesMax = Math.max(ENTRIES_MIN, 2 * count);
}

/** Removes every entry for the page: its frame or its rights are taken away. */
export function removeEntries(k: KernelState, page: Page): void {
  const { words } = k.machine;
  for (const entry of page.entries) {
    const word = rememberedWord(k, page, entry);
    if (word < 0) continue;
    words[word] = 0;
    words[word + 1] = 0;
    k.machine.hart.fencePage(entry.space.asid, entry.page * PAGE_SIZE);
  }
  page.entries.length = 0;
}

/** Points the hart at the tables of the space. */
export function useTables(k: KernelState, space: Space): void {
  const root = rootOf(k, space);
  assert(root < k.tableEnd, 'tables: a root lies in the pool');
  k.machine.hart.setAddressSpace(root, space.asid);
}

/**
 * Visits the valid entries, at most `countMax`, of the first leaf table that there is for page `from` of the space or
 * later: page number, frame and rights. The page number to go on from, or -1 when there is none. For the invariant check.
 */
export function visitTable(
  k: KernelState,
  space: Space,
  from: number,
  countMax: number,
  visit: (page: number, frame: number, rights: number) => void,
): number {
  let page = from;
  while (page < TABLE_ENTRIES ** 3 && space.rootFrame >= 0) {
    const { table, next } = leafTableAt(k, space, page);
    if (table < 0) {
      page = next;
      continue;
    }
    let count = 0;
    for (let index = page % TABLE_ENTRIES; index < TABLE_ENTRIES; index += 1) {
      const bits = k.machine.words[entryWord(k, table, index)] as number;
      if ((bits & pte.valid) === 0) continue;
      if (count === countMax) return next - TABLE_ENTRIES + index;
      visit(next - TABLE_ENTRIES + index, bits >>> 10, (bits >> 1) & 7);
      count += 1;
    }
    return next;
  }
  return -1;
}

/** The leaf table for a page, -1 when there is none; and the first page that it, or what is missing, does not cover. */
function leafTableAt(k: KernelState, space: Space, page: number): { table: number; next: number } {
  let table = space.rootFrame;
  for (let level = 2; level > 0; level -= 1) {
    const reach = TABLE_ENTRIES ** level;
    const index = Math.floor(page / reach) % TABLE_ENTRIES;
    const entry = k.machine.words[entryWord(k, table, index)] as number;
    if ((entry & pte.valid) === 0) return { table: -1, next: (Math.floor(page / reach) + 1) * reach };
    table = entry >>> 10;
  }
  return { table, next: (Math.floor(page / TABLE_ENTRIES) + 1) * TABLE_ENTRIES };
}

/** Visits all tables of the space, whatever their level; how many there are. For the invariant check. */
export function visitTables(k: KernelState, space: Space, visit: (table: number) => void): number {
  const below = (table: number, level: number): number => {
    visit(table);
    let count = 1;
    for (let index = 0; level > 0 && index < TABLE_ENTRIES; index += 1) {
      const entry = k.machine.words[entryWord(k, table, index)] as number;
      if ((entry & pte.valid) !== 0) count += below(entry >>> 10, level - 1);
    }
    return count;
  };
  return space.rootFrame < 0 ? 0 : below(space.rootFrame, 2);
}
