/**
 * The entry points of the type port: rows of the one numbered table (`../entries.ts`), in the order of their numbers.
 * Holds no code that acts.
 */
import { type Entry, naming } from '../entry.ts';

export const portEntries = {
  port_create: {
    number: 0x540,
    class: 'short',
    outcomes: ['noMemory'],
    faults: ['invalidAddress', 'notAligned', 'objectExists'],
    arguments: ['port'],
    results: [],
    summary: 'Makes a port at this address; its links are null.',
  },
  port_create_hash: {
    number: 0x541,
    class: 'short',
    outcomes: ['noMemory'],
    faults: ['invalidAddress', 'notAligned', 'objectExists'],
    arguments: ['port', 'hash'],
    results: [],
    summary: 'Like create, with the write-once hash given (0: the kernel chooses).',
  },
  port_destroy: {
    number: 0x542,
    class: 'multi-stage',
    outcomes: [],
    faults: [...naming],
    becomes: [],
    arguments: ['port'],
    results: [],
    summary: 'Removes the port; links to it become null and what waited on it is woken.',
  },
  port_move: {
    number: 0x543,
    class: 'short',
    outcomes: ['noMemory'],
    faults: [...naming, 'objectExists', 'raceCondition'],
    arguments: ['port', 'destination'],
    results: [],
    summary: 'Moves the living port to another address, where no object may lie; what links to it follows.',
  },
  port_reference: {
    number: 0x544,
    class: 'short',
    outcomes: [],
    faults: [...naming, 'notReference'],
    arguments: ['port', 'reference'],
    results: [],
    summary: 'Points an existing reference at this port.',
  },
  port_get_state: {
    number: 0x545,
    class: 'short',
    outcomes: [],
    faults: [...naming, 'notReference'],
    arguments: ['port', 'state', 'portsetReference'],
    results: [],
    summary: 'Copies out the simple state and the links (0: not wanted).',
  },
  port_set_state: {
    number: 0x546,
    class: 'short',
    outcomes: [],
    faults: [...naming, 'notReference'],
    arguments: ['port', 'state', 'portsetReference'],
    results: [],
    summary: 'Loads the simple state and the links (0: unchanged; a null reference: null).',
  },
  port_peek_state: {
    number: 0x547,
    class: 'short',
    outcomes: [],
    faults: [...naming, 'notReference'],
    arguments: ['port', 'state', 'portsetReference'],
    results: [],
    summary: 'Like get_state, without stopping or disturbing anything.',
  },
} as const satisfies Record<string, Entry>;
