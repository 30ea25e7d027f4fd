/**
 * Where everything of the benchmark's world lies: offsets in the client's slab (its program sees them at PROGRAM), and
 * the population of further objects. Read by kinds.ts and world.ts.
 */
import { type TypeName, typeNames } from '../../../src/kernel/abi/types.ts';
import { PROGRAM, SLAB_SIZE } from '../../kernel/world.ts';

export const servers = ['oneway', 'idempotent', 'reliable', 'transfer'] as const;
export type ServerName = (typeof servers)[number];

export const place = {
  /** The object of each type that is exported and imported. */
  object: (type: TypeName): number => 0x200 + 0x20 * typeNames.indexOf(type),
  mutex: 0x340,
  cond: 0x360,
  cond2: 0x380,
  /** References to the ports of the servers. */
  port: (name: ServerName): number => 0x3a0 + 0x20 * servers.indexOf(name),
  /** Free, for what is made and destroyed. */
  fresh: 0x480,
  exportReference: (index: number): number => 0x500 + 0x20 * index,
  importReference: (type: TypeName, index: number): number =>
    0x600 + 0x20 * (typeNames.indexOf(type) * 5 + index),
  /** The threads that are measured. */
  thread: 0xc00,
  second: 0xc20,
};

/** One mebibyte, in a window of its own. */
export const LARGE_BYTES = 0x10_0000;
export const LARGE_WINDOW = 0x3000_0000;
/** Two windows of 64 KiB, one after another, whose pager is a program. */
export const PAGED_WINDOW = 0x3800_0000;

/** The population lies here in the segment, and the client's space sees it here. */
export const POPULATION = 16 * SLAB_SIZE;
export const POPULATION_SIZE = 8 * SLAB_SIZE;
const POPULATION_WINDOW = 0x2000_0000;

const parts = {
  threads: 0.1,
  mutexes: 0.5,
  references: 0.2,
  ports: 0.1,
  conds: 0.05,
  regions: 0.025,
  mappings: 0.025,
} as const;
export type Part = keyof typeof parts;

/** Address in the client's space, and number, of each part of this many objects. */
export function populationOf(objects: number): Record<Part, { offset: number; count: number }> {
  let next = 0;
  const entries = Object.entries(parts).map(([name, share]) => {
    const count = Math.max(1, Math.floor(objects * share));
    const offset = POPULATION_WINDOW + 0x20 * next;
    next += count;
    return [name, { offset, count }];
  });
  return Object.fromEntries(entries);
}

/** The address in the segment of one in the client's window on the population. */
export function inSegment(address: number): number {
  return POPULATION + (address - POPULATION_WINDOW);
}

export const populationWindow = { startAddress: POPULATION_WINDOW, size: POPULATION_SIZE };
/** Spaces over spaces in which the deepest client runs. */
export const DEPTH = 10;
export const CLIENT_SLAB = 1;
export const SERVER_SLAB = 2;
export const PAGER_SLAB = 3;
export const DEEP_SLAB = 4;
export const clientBase = CLIENT_SLAB * SLAB_SIZE;
export const seen = (offset: number): number => PROGRAM + offset;
