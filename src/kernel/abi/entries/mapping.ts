/**
 * The entry points of the type mapping: rows of the one numbered table (`../entries.ts`), in the order of their numbers.
 * Holds no code that acts.
 */
import { type Entry, naming } from '../entry.ts';

export const mappingEntries = {
  mapping_create: {
    number: 0x4c0,
    class: 'short',
    outcomes: ['noMemory'],
    faults: ['invalidAddress', 'notAligned', 'objectExists'],
    arguments: ['mapping'],
    results: [],
    summary: 'Makes a mapping at this address; its links are null.',
  },
  mapping_create_hash: {
    number: 0x4c1,
    class: 'short',
    outcomes: ['noMemory'],
    faults: ['invalidAddress', 'notAligned', 'objectExists'],
    arguments: ['mapping', 'hash'],
    results: [],
    summary: 'Like create, with the write-once hash given (0: the kernel chooses).',
  },
  mapping_destroy: {
    number: 0x4c2,
    class: 'short',
    outcomes: [],
    faults: [...naming],
    arguments: ['mapping'],
    results: [],
    summary: 'Removes the mapping; links to it become null and what waited on it is woken.',
  },
  mapping_move: {
    number: 0x4c3,
    class: 'short',
    outcomes: ['noMemory'],
    faults: [...naming, 'objectExists', 'raceCondition'],
    arguments: ['mapping', 'destination'],
    results: [],
    summary:
      'Moves the living mapping to another address, where no object may lie; what links to it follows.',
  },
  mapping_get_state: {
    number: 0x4c5,
    class: 'short',
    outcomes: [],
    faults: [...naming, 'notReference'],
    arguments: ['mapping', 'state', 'regionReference', 'spaceReference'],
    results: [],
    summary: 'Copies out the simple state and the links (0: not wanted).',
  },
  mapping_set_state: {
    number: 0x4c6,
    class: 'short',
    outcomes: [],
    faults: [...naming, 'notReference', 'invalidState', 'addressOverlap'],
    arguments: ['mapping', 'state', 'regionReference', 'spaceReference'],
    results: [],
    summary: 'Loads the simple state and the links (0: unchanged; a null reference: null).',
  },
  mapping_peek_state: {
    number: 0x4c7,
    class: 'short',
    outcomes: [],
    faults: [...naming, 'notReference'],
    arguments: ['mapping', 'state', 'regionReference', 'spaceReference'],
    results: [],
    summary: 'Like get_state, without stopping or disturbing anything.',
  },
  mapping_protect: {
    number: 0x4d0,
    class: 'short',
    outcomes: [],
    faults: [...naming, 'invalidState'],
    arguments: ['mapping', 'protection'],
    results: [],
    summary: 'Changes what the mapping itself allows.',
  },
} as const satisfies Record<string, Entry>;
