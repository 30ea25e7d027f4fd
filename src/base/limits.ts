/**
 * Every bound of the system, with its reason. No other file holds a literal size.
 *
 * Invariant: the relations asserted at the end. Imported by every room; holds no state.
 */
import { assert } from './assert.ts';

/** Bytes of a page: Sv39's base page, the unit of the store segment and of SQLite's pages. */
export const PAGE_SIZE = 4096;
export const PAGE_SHIFT = 12;

/** Bytes between two places at which a kernel object may lie, and the size of the memory it occupies. */
export const OBJECT_SIZE = 32;

/** RAM that a machine may have: from 16 MiB (a small program) to 3 GiB (WebAssembly's 4 GiB less our tables). */
export const RAM_BYTES_MIN = 16 * 1024 * 1024;
export const RAM_BYTES_MAX = 3 * 1024 * 1024 * 1024;
export const RAM_BYTES_DEFAULT = 256 * 1024 * 1024;

/** User addresses end here: half of Sv39's 39 bits, the half whose upper bits are zero. */
export const USER_ADDRESS_END = 0x40_0000_0000;

/** Bytes of the store segment: page numbers stay below 2^32. */
export const SEGMENT_PAGES_MAX = 0x1_0000_0000;

/** Instructions a thread runs before the next of the same priority has its turn. */
export const QUANTUM_TICKS = 100_000;

/**
 * Objects, and threads among them, that may live at once. An object takes no page of its program, but a few hundred
 * bytes of the host, a thread about four thousand: so much the host always has (about 0.6 GB).
 */
export const OBJECTS_MAX = 0x10_0000;
export const THREADS_MAX = 0x1_0000;

/** How many of them one program of an image may have: half, so that it cannot keep others from living. */
export const PROGRAM_OBJECTS_MAX = OBJECTS_MAX / 2;
export const PROGRAM_THREADS_MAX = THREADS_MAX / 2;

/**
 * Items in the changed set of a nested region that nobody collects, and nested regions that collect at once: together
 * they bound what the host keeps for collectors inside the subtree (about 400 MB). 2^16 pages are 256 MiB.
 */
export const CHANGED_ITEMS_MAX = 0x1_0000;
export const NESTED_COLLECTORS_MAX = 64;

/** Thread priorities are 0 (lowest) to 31. */
export const PRIORITY_MAX = 31;
export const PRIORITY_DEFAULT = 16;

/** Bytes that one stage of a system call copies before it commits its progress. */
export const STAGE_BYTES = 64 * 1024;

/**
 * Units of work that one stage of a system call does before it commits its progress: waiters woken, objects destroyed,
 * windows followed. Each costs about what a small entry costs, so a stage takes some ten microseconds.
 */
export const STAGE_WORK = 256;

/** Mappings that a name leads through for one unit of work. */
export const STEPS_PER_WORK = 16;

/**
 * Mappings that an access may pass through. Nobody nests that deep; but a circle must end, and what one name costs must
 * have a bound (about ten microseconds).
 */
export const CHAIN_MAX = 1024;

/**
 * Windows onto windows that one change of memory is carried up through. A program may double them level by level; what
 * is beyond is treated as changed altogether.
 */
export const PLACES_MAX = 1024;

/**
 * Regions and windows that are looked at on the way to them. A program may pile any number of them over one address:
 * four for each place is what a chain of ordinary levels needs, twice.
 */
export const CLIMB_STEPS_MAX = 4 * PLACES_MAX;

/** Bytes of an idempotent or one-way message; what is longer is cut (fluke.md B.3). */
export const SHORT_MESSAGE_BYTES = 4096;

/** References that one reliable message stage carries. */
export const MESSAGE_REFERENCES_MAX = 16;

/** Bytes of output held for checkpoints that have not committed; beyond it the machine waits for a commit. */
export const OUTPUT_HELD_MAX = 4 * 1024 * 1024;

/** Bytes of input taken from the host and not read by the program; beyond it the host's source waits. */
export const INPUT_HELD_MAX = 64 * 1024;

/** Pages that the pager drops at once when memory is short: enough that scanning for them is amortised. */
export const EVICTION_BATCH = 64;

/** Pages of a program's slab of the segment: 2^22 pages are 16 GiB, so that 1,023 programs fit. */
export const SLAB_PAGES = 0x40_0000;

assert(PAGE_SIZE === 1 << PAGE_SHIFT, 'limits: the page size is two to the page shift');
assert(PAGE_SIZE % OBJECT_SIZE === 0, 'limits: a page holds a whole number of objects');
assert(STAGE_BYTES % PAGE_SIZE === 0, 'limits: a stage is a whole number of pages');
assert(
  SEGMENT_PAGES_MAX * PAGE_SIZE <= Number.MAX_SAFE_INTEGER,
  'limits: segment addresses are safe integers',
);
