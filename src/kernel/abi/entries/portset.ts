/**
 * The entry points of the type portset: rows of the one numbered table (`../entries.ts`), in the order of their numbers.
 * Holds no code that acts.
 */
import { type Entry, naming } from '../entry.ts';

export const portsetEntries = {
  portset_create: {
    number: 0x580,
    class: 'short',
    outcomes: ['noMemory'],
    faults: ['invalidAddress', 'notAligned', 'objectExists'],
    arguments: ['portset'],
    results: [],
    summary: 'Makes a portset at this address; its links are null.',
  },
  portset_create_hash: {
    number: 0x581,
    class: 'short',
    outcomes: ['noMemory'],
    faults: ['invalidAddress', 'notAligned', 'objectExists'],
    arguments: ['portset', 'hash'],
    results: [],
    summary: 'Like create, with the write-once hash given (0: the kernel chooses).',
  },
  portset_destroy: {
    number: 0x582,
    class: 'multi-stage',
    outcomes: [],
    faults: [...naming],
    becomes: [],
    arguments: ['portset'],
    results: [],
    summary: 'Removes the portset; links to it become null and what waited on it is woken.',
  },
  portset_move: {
    number: 0x583,
    class: 'short',
    outcomes: ['noMemory'],
    faults: [...naming, 'objectExists', 'raceCondition'],
    arguments: ['portset', 'destination'],
    results: [],
    summary:
      'Moves the living portset to another address, where no object may lie; what links to it follows.',
  },
  portset_reference: {
    number: 0x584,
    class: 'short',
    outcomes: [],
    faults: [...naming, 'notReference'],
    arguments: ['portset', 'reference'],
    results: [],
    summary: 'Points an existing reference at this portset.',
  },
  portset_get_state: {
    number: 0x585,
    class: 'short',
    outcomes: [],
    faults: [...naming],
    arguments: ['portset', 'state'],
    results: [],
    summary: 'Copies out the simple state and the links (0: not wanted).',
  },
  portset_set_state: {
    number: 0x586,
    class: 'short',
    outcomes: [],
    faults: [...naming],
    arguments: ['portset', 'state'],
    results: [],
    summary: 'Loads the simple state and the links (0: unchanged; a null reference: null).',
  },
  portset_peek_state: {
    number: 0x587,
    class: 'short',
    outcomes: [],
    faults: [...naming],
    arguments: ['portset', 'state'],
    results: [],
    summary: 'Like get_state, without stopping or disturbing anything.',
  },
} as const satisfies Record<string, Entry>;
