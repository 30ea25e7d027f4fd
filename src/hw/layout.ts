/**
 * Where everything lies in the machine's linear memory: the one declaration that TypeScript, the interpreter and the
 * translator share.
 *
 * The first part has fixed addresses, which generated code holds as constants: registers, translation lookaside
 * buffers (TLBs), tables of the decoder. What depends on the size of RAM follows, and its addresses are words of the
 * hart record. Nothing here is part of the image format: an image holds `HartState` and pages only.
 */
import { assert } from '../base/assert.ts';
import { alignUp } from '../base/integer.ts';
import { layout } from '../base/layout.ts';
import { PAGE_SHIFT, PAGE_SIZE, RAM_BYTES_MAX, RAM_BYTES_MIN } from '../base/limits.ts';

/** The hart's registers and the words through which generated code and TypeScript speak. */
export const hartRecord = layout('hart', {
  x: ['u64', 32],
  f: ['u64', 32],
  pc: 'u64',
  /** Address of the LR reservation, all ones for none. */
  reservation: 'u64',
  tick: 'u64',
  retired: 'u64',
  trapValue: 'u64',
  fcsr: 'u32',
  /** Cause + 1 of a trap that is being raised, else 0. */
  pending: 'u32',
  lastRetired: 'u32',
  /** Frame of the root page table, all ones when translation is off. */
  rootFrame: 'u32',
  /** Address of the TLB set of the current address space. */
  tlb: 'u32',
  /** Level of the leaf that the last walk found: 0 for a 4 KiB page. */
  walkLevel: 'u32',
  frameCount: 'u32',
  ramOffset: 'u32',
  /** Per frame, u32: 1 + index of its entry in the modification log, 0 when it is not logged. */
  logIndexes: 'u32',
  /** Per frame, u32: address of its decode slot, 0 for none. */
  frameSlots: 'u32',
  log: 'u32',
  /** Number of log entries, forgotten ones included. */
  logCount: 'u32',
  slots: 'u32',
  slotCount: 'u32',
  slotsUsed: 'u32',
  /** The slot that is given to another frame next, when all are used. */
  slotHand: 'u32',
  /** What `run` was asked for; counters are worked out from it and from what remains. */
  budget: 'u32',
  /** Names the current address space with its present tables: another number after every fence. See translator/region.ts. */
  stamp: 'u32',
  /** How the interpreter is to go on, see `resumption`: at the start of a run, and when translated code comes back. */
  resume: 'u32',
  /** 1 when a write has dropped translated code. */
  dropped: 'u32',
  /** Number of addresses in `requests`. */
  requestCount: 'u32',
  /** Arrivals after which translation is asked for, and further ones after which the interpreter stops for it. */
  threshold: 'u32',
  patience: 'u32',
  unsureRegion: 'u32',
  /** Where translation is worth it. */
  requests: ['u64', 32],
  /** Instructions that translated code has retired, and how often the interpreter entered it. */
  translated: 'u64',
  entered: 'u64',
  /** 1 when f registers may have been written since supervisor software set it to 0. */
  floatsChanged: 'u64',
});
export const REQUESTS_MAX = 32;

/** How the interpreter goes on at an address, and what translated code says when it comes back. */
export const resumption = {
  /** A control transfer led there: count it, look for its translation. */
  arrived: 0,
  /** In the middle of something: interpret up to the next control transfer. */
  inside: 1,
  /** Look for a translation, but count nothing. */
  look: 2,
  /** The region entered does not know whether its pages are still where they were. */
  unsure: 3,
} as const;

/** Address of the hart record. Below it nothing lies, so that address 0 means none. */
export const HART = 1024;
/** Addresses of the hart record's fields. */
export const at = Object.fromEntries(
  Object.entries(hartRecord.offset).map(([name, offset]) => [name, HART + offset]),
) as typeof hartRecord.offset;

/**
 * A TLB set serves one address space: 1024 entries each for reads, writes and instruction fetches, direct mapped by
 * page number. An entry is {tag u64, value u32, unused u32}. The tag is the address of the page; value is what added to
 * the low half of an address gives its place in linear memory, or for fetches the address of the page's decode slot.
 */
export const TLB_ENTRIES = 1024;
export const TLB_ENTRY_SHIFT = 4;
export const TLB_ENTRY_SIZE = 1 << TLB_ENTRY_SHIFT;
const TLB_PART_SIZE = TLB_ENTRIES * TLB_ENTRY_SIZE;
export const tlbSet = {
  read: 0,
  write: TLB_PART_SIZE,
  execute: 2 * TLB_PART_SIZE,
  /** u32: 1 when an entry was put in the write part since that was flushed. */
  written: 3 * TLB_PART_SIZE,
  /** u32: 1 when an entry is a part of a larger leaf, which a fence of one page must drop as a whole. */
  large: 3 * TLB_PART_SIZE + 4,
  size: 3 * TLB_PART_SIZE + 64,
} as const;
/** No page has this tag: its low bits are not zero. Written as bytes of this value. */
export const TLB_INVALID_BYTE = 0xff;
/** Address spaces that have a set at the same time. */
export const TLB_SETS = 16;
export const TLBS = 0x1_0000;
/** The set that is current while translation is off: it is always empty. */
export const TLB_OFF = TLBS + TLB_SETS * tlbSet.size;

/** 65,536 u32: the 32-bit equivalent of each compressed instruction met so far, 0 for none or not met. */
export const EXPANSIONS = alignUp(TLB_OFF + tlbSet.size, 4096);
/** 256 u32 by opcode[6:2] and funct3: first decoder row in the low half, number of rows in the upper. */
export const DECODER_BUCKETS = EXPANSIONS + 65536 * 4;
export const decoderRow = layout('decoderRow', {
  mask: 'u32',
  match: 'u32',
  /** Operation by 2 * (rd is x0) + (compressed). */
  operations: ['u8', 4],
  format: 'u32',
});
export const DECODER_ROWS = DECODER_BUCKETS + 256 * 4;
export const DECODER_ROWS_MAX = 640;

/**
 * A decode slot holds the decoded instructions of one frame: one entry a halfword, 8 bytes {operation u8, rd, rs1, rs2
 * as offsets in the register file, immediate i32}, zero while not decoded. One entry after the last says that the page
 * ends. Slots are a cache: stores to the frame clear the entries they touch.
 */
export const slot = {
  entrySize: 8,
  entriesEnd: (PAGE_SIZE / 2) * 8,
  /** u32: address of the frame's bytes. */
  host: (PAGE_SIZE / 2) * 8 + 16,
  /** u32: frame number. */
  frame: (PAGE_SIZE / 2) * 8 + 20,
  /** u32: number of regions of translated code that have instructions of this frame. */
  regions: (PAGE_SIZE / 2) * 8 + 24,
  /**
   * u32 for each halfword: how often a control transfer led there, or `REGION_FLAG` + the index of the region that
   * begins there.
   */
  arrivals: (PAGE_SIZE / 2) * 8 + 64,
  size: (PAGE_SIZE / 2) * 8 + 64 + (PAGE_SIZE / 2) * 4,
} as const;
/** What `run` of the interpreter returns when it stopped for the translator: no trap, and nobody else sees it. */
export const TRANSLATE = 33;
export const REGION_FLAG = 0x8000_0000;
/** Of this many arrivals on, none is counted: there is nothing to translate. */
export const ARRIVALS_NEVER = 0x4000_0000;
/** Operations of decoded entries that are not instructions; those are numbered from `first`. */
export const operations = {
  undecoded: 0,
  pageEnd: 1,
  straddle: 2,
  illegal: 3,
  nothing: 4,
  nothingCompressed: 5,
  first: 6,
} as const;
/** Frames whose instructions are kept decoded: 4 MiB of code. */
const SLOTS_MAX = 1024;
/** A slot of its own for an instruction that lies on two pages: entry 0, and only page ends after it. */
export const STRADDLE_SLOT = DECODER_ROWS + DECODER_ROWS_MAX * decoderRow.size;

/**
 * What a region of translated code needs to know of the pages it was made from, so that it can tell whether the current
 * address space still has them: {stamp with which that was so, number of pages, addresses and slots of the pages}.
 */
export const REGION_PAGES_MAX = 4;
export const regionRecord = layout('region', {
  stamp: 'u32',
  pageCount: 'u32',
  pages: ['u64', REGION_PAGES_MAX],
  slots: ['u32', REGION_PAGES_MAX],
});
/** Regions that may live at once; also the size of the table of functions. */
export const REGIONS_MAX = 4096;
export const REGION_RECORDS = alignUp(STRADDLE_SLOT + slot.size, 64);
const FIXED_END = REGION_RECORDS + REGIONS_MAX * regionRecord.size;

/** {frame u32, unused u32, pc u64}; a forgotten entry has frame `LOG_FORGOTTEN`. */
export const LOG_ENTRY_SIZE = 16;
export const LOG_FORGOTTEN = 0xffff_ffff;

export interface LinearMemory {
  readonly frameCount: number;
  readonly logIndexes: number;
  readonly frameSlots: number;
  readonly log: number;
  /** Entries the log has room for: each frame once, and as many forgotten ones. */
  readonly logCapacity: number;
  readonly slots: number;
  readonly slotCount: number;
  readonly ramOffset: number;
  /** Bytes in all. */
  readonly size: number;
}

const WEBASSEMBLY_PAGE = 65536;

/** Places everything for a RAM of this many bytes, a multiple of the page size within the limits. */
export function placeLinearMemory(ramBytes: number): LinearMemory {
  assert(ramBytes % PAGE_SIZE === 0, 'machine: RAM is a whole number of pages');
  assert(ramBytes >= RAM_BYTES_MIN && ramBytes <= RAM_BYTES_MAX, 'machine: RAM is 16 MiB to 3 GiB');
  const frameCount = ramBytes / PAGE_SIZE;
  const logIndexes = alignUp(FIXED_END, 4096);
  const frameSlots = logIndexes + frameCount * 4;
  const log = frameSlots + frameCount * 4;
  const logCapacity = frameCount * 2;
  const slots = log + logCapacity * LOG_ENTRY_SIZE;
  const slotCount = Math.min(SLOTS_MAX, frameCount);
  const ramOffset = alignUp(slots + slotCount * slot.size, WEBASSEMBLY_PAGE);
  const size = ramOffset + alignUp(ramBytes, WEBASSEMBLY_PAGE);
  assert(size <= 2 ** 32, 'machine: the linear memory is at most 4 GiB');
  return { frameCount, logIndexes, frameSlots, log, logCapacity, slots, slotCount, ramOffset, size };
}

assert(HART + hartRecord.size <= TLBS, 'machine layout: the hart record ends before the TLBs');
assert(1 << PAGE_SHIFT === PAGE_SIZE, 'machine layout: generated code shifts by the page size');
