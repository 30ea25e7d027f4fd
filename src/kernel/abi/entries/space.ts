/**
 * The entry points of the type space: rows of the one numbered table (`../entries.ts`), in the order of their numbers.
 * Holds no code that acts.
 */
import { type Entry, naming } from '../entry.ts';

export const spaceEntries = {
  space_create: {
    number: 0x5c0,
    class: 'short',
    outcomes: ['noMemory'],
    faults: ['invalidAddress', 'notAligned', 'objectExists'],
    arguments: ['space'],
    results: [],
    summary: 'Makes a space at this address; its links are null.',
  },
  space_create_hash: {
    number: 0x5c1,
    class: 'short',
    outcomes: ['noMemory'],
    faults: ['invalidAddress', 'notAligned', 'objectExists'],
    arguments: ['space', 'hash'],
    results: [],
    summary: 'Like create, with the write-once hash given (0: the kernel chooses).',
  },
  space_destroy: {
    number: 0x5c2,
    class: 'multi-stage',
    outcomes: [],
    faults: [...naming, 'raceCondition'],
    becomes: [],
    arguments: ['space'],
    results: [],
    summary: 'Removes the space; links to it become null and what waited on it is woken.',
  },
  space_move: {
    number: 0x5c3,
    class: 'short',
    outcomes: ['noMemory'],
    faults: [...naming, 'objectExists', 'raceCondition'],
    arguments: ['space', 'destination'],
    results: [],
    summary: 'Moves the living space to another address, where no object may lie; what links to it follows.',
  },
  space_reference: {
    number: 0x5c4,
    class: 'short',
    outcomes: [],
    faults: [...naming, 'notReference'],
    arguments: ['space', 'reference'],
    results: [],
    summary: 'Points an existing reference at this space.',
  },
  space_get_state: {
    number: 0x5c5,
    class: 'short',
    outcomes: [],
    faults: [...naming, 'notReference'],
    arguments: ['space', 'state', 'keeperReference', 'schedulerReference'],
    results: [],
    summary: 'Copies out the simple state and the links (0: not wanted).',
  },
  space_set_state: {
    number: 0x5c6,
    class: 'short',
    outcomes: [],
    faults: [...naming, 'notReference'],
    arguments: ['space', 'state', 'keeperReference', 'schedulerReference'],
    results: [],
    summary: 'Loads the simple state and the links (0: unchanged; a null reference: null).',
  },
  space_peek_state: {
    number: 0x5c7,
    class: 'short',
    outcomes: [],
    faults: [...naming, 'notReference'],
    arguments: ['space', 'state', 'keeperReference', 'schedulerReference'],
    results: [],
    summary: 'Like get_state, without stopping or disturbing anything.',
  },
} as const satisfies Record<string, Entry>;
