/**
 * The entry points of the type region: rows of the one numbered table (`../entries.ts`), in the order of their numbers.
 * Holds no code that acts.
 */
import type { Entry } from '../entry.ts';

export const regionEntries = {
  region_create: {
    number: 0x500,
    class: 'short',
    arguments: ['region'],
    results: [],
    summary: 'Makes a region at this address; its links are null.',
  },
  region_create_hash: {
    number: 0x501,
    class: 'short',
    arguments: ['region', 'hash'],
    results: [],
    summary: 'Like create, with the write-once hash given (0: the kernel chooses).',
  },
  region_destroy: {
    number: 0x502,
    class: 'short',
    arguments: ['region'],
    results: [],
    summary: 'Removes the region; links to it become null and what waited on it is woken.',
  },
  region_move: {
    number: 0x503,
    class: 'short',
    arguments: ['region', 'destination'],
    results: [],
    summary: 'Moves the living region to another address, where no object may lie; what links to it follows.',
  },
  region_reference: {
    number: 0x504,
    class: 'short',
    arguments: ['region', 'reference'],
    results: [],
    summary: 'Points an existing reference at this region.',
  },
  region_get_state: {
    number: 0x505,
    class: 'short',
    arguments: ['region', 'state', 'spaceReference', 'keeperReference'],
    results: [],
    summary: 'Copies out the simple state and the links (0: not wanted).',
  },
  region_set_state: {
    number: 0x506,
    class: 'short',
    arguments: ['region', 'state', 'spaceReference', 'keeperReference'],
    results: [],
    summary: 'Loads the simple state and the links (0: unchanged; a null reference: null).',
  },
  region_peek_state: {
    number: 0x507,
    class: 'short',
    arguments: ['region', 'state', 'spaceReference', 'keeperReference'],
    results: [],
    summary: 'Like get_state, without stopping or disturbing anything.',
  },
  region_protect: {
    number: 0x510,
    class: 'short',
    arguments: ['region', 'protection'],
    results: [],
    summary: 'Changes the most that any mapping of the region may do.',
  },
  region_search: {
    number: 0x511,
    class: 'multi-stage',
    arguments: ['region', 'offset', 'size', 'items', 'itemCount'],
    results: ['offset', 'size', 'items', 'itemCount'],
    summary:
      'Lists the objects in a range in address order; offset advances, itemCount becomes the unused entries.',
  },
  region_supply: {
    number: 0x512,
    class: 'short',
    arguments: ['region', 'offset', 'source'],
    results: [],
    summary:
      'Gives a page its content from a page of the caller (0: zeros). Only the bottom region of a page.',
  },
  region_evict: {
    number: 0x513,
    class: 'short',
    arguments: ['region', 'offset'],
    results: [],
    summary:
      'Drops an unchanged page from memory; its objects stay. busy when it has changed since the last collect.',
  },
  region_discard: {
    number: 0x514,
    class: 'short',
    arguments: ['region', 'offset', 'size'],
    results: [],
    summary: 'Destroys the objects in the range and forgets the content of its pages.',
  },
  region_protect_page: {
    number: 0x515,
    class: 'short',
    arguments: ['region', 'offset', 'protection'],
    results: [],
    summary: 'Caps what any mapping may do with this page while it is in memory.',
  },
  region_collect: {
    number: 0x516,
    class: 'multi-stage',
    arguments: ['region', 'items', 'itemCount'],
    results: ['items', 'itemCount'],
    summary:
      'Takes out of the changed set of the region as many items as fit; itemCount becomes the unused entries.',
  },
  region_peek_changed: {
    number: 0x517,
    class: 'multi-stage',
    arguments: ['region', 'offset', 'items', 'itemCount'],
    results: ['offset', 'items', 'itemCount'],
    summary: 'Lists the changed set without taking anything out of it.',
  },
  region_mark_changed: {
    number: 0x518,
    class: 'short',
    arguments: ['region', 'offset', 'kind', 'detail'],
    results: [],
    summary:
      'Puts an item into the changed set; detail is the pc of a page, the type of an object that is gone.',
  },
} as const satisfies Record<string, Entry>;
