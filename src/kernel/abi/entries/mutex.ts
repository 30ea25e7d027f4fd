/**
 * The entry points of the type mutex: rows of the one numbered table (`../entries.ts`), in the order of their numbers.
 * Holds no code that acts.
 */
import type { Entry } from '../entry.ts';

export const mutexEntries = {
  mutex_create: {
    number: 0x440,
    class: 'short',
    arguments: ['mutex'],
    results: [],
    summary: 'Makes a mutex at this address; its links are null.',
  },
  mutex_create_hash: {
    number: 0x441,
    class: 'short',
    arguments: ['mutex', 'hash'],
    results: [],
    summary: 'Like create, with the write-once hash given (0: the kernel chooses).',
  },
  mutex_destroy: {
    number: 0x442,
    class: 'short',
    arguments: ['mutex'],
    results: [],
    summary: 'Removes the mutex; links to it become null and what waited on it is woken.',
  },
  mutex_move: {
    number: 0x443,
    class: 'short',
    arguments: ['mutex', 'destination'],
    results: [],
    summary: 'Moves the living mutex to another address, where no object may lie; what links to it follows.',
  },
  mutex_reference: {
    number: 0x444,
    class: 'short',
    arguments: ['mutex', 'reference'],
    results: [],
    summary: 'Points an existing reference at this mutex.',
  },
  mutex_get_state: {
    number: 0x445,
    class: 'short',
    arguments: ['mutex', 'state', 'ownerReference'],
    results: [],
    summary: 'Copies out the simple state and the links (0: not wanted).',
  },
  mutex_set_state: {
    number: 0x446,
    class: 'short',
    arguments: ['mutex', 'state', 'ownerReference'],
    results: [],
    summary: 'Loads the simple state and the links (0: unchanged; a null reference: null).',
  },
  mutex_peek_state: {
    number: 0x447,
    class: 'short',
    arguments: ['mutex', 'state', 'ownerReference'],
    results: [],
    summary: 'Like get_state, without stopping or disturbing anything.',
  },
  mutex_lock: {
    number: 0x450,
    class: 'long',
    arguments: ['mutex'],
    results: [],
    summary: 'Waits until the mutex is free and owns it.',
  },
  mutex_trylock: {
    number: 0x451,
    class: 'short',
    arguments: ['mutex'],
    results: [],
    summary: 'Owns the mutex if it is free, else returns busy.',
  },
  mutex_unlock: {
    number: 0x452,
    class: 'short',
    arguments: ['mutex'],
    results: [],
    summary: 'Hands the mutex to the waiter with the lowest ticket, or frees it.',
  },
} as const satisfies Record<string, Entry>;
