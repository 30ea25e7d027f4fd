/**
 * The entry points of the type cond: rows of the one numbered table (`../entries.ts`), in the order of their numbers.
 * Holds no code that acts.
 */
import type { Entry } from '../entry.ts';

export const condEntries = {
  cond_create: {
    number: 0x480,
    class: 'short',
    arguments: ['cond'],
    results: [],
    summary: 'Makes a cond at this address; its links are null.',
  },
  cond_create_hash: {
    number: 0x481,
    class: 'short',
    arguments: ['cond', 'hash'],
    results: [],
    summary: 'Like create, with the write-once hash given (0: the kernel chooses).',
  },
  cond_destroy: {
    number: 0x482,
    class: 'short',
    arguments: ['cond'],
    results: [],
    summary: 'Removes the cond; links to it become null and what waited on it is woken.',
  },
  cond_move: {
    number: 0x483,
    class: 'short',
    arguments: ['cond', 'destination'],
    results: [],
    summary: 'Moves the living cond to another address, where no object may lie; what links to it follows.',
  },
  cond_reference: {
    number: 0x484,
    class: 'short',
    arguments: ['cond', 'reference'],
    results: [],
    summary: 'Points an existing reference at this cond.',
  },
  cond_get_state: {
    number: 0x485,
    class: 'short',
    arguments: ['cond', 'state', 'inheritorReference'],
    results: [],
    summary: 'Copies out the simple state and the links (0: not wanted).',
  },
  cond_set_state: {
    number: 0x486,
    class: 'short',
    arguments: ['cond', 'state', 'inheritorReference'],
    results: [],
    summary: 'Loads the simple state and the links (0: unchanged; a null reference: null).',
  },
  cond_peek_state: {
    number: 0x487,
    class: 'short',
    arguments: ['cond', 'state', 'inheritorReference'],
    results: [],
    summary: 'Like get_state, without stopping or disturbing anything.',
  },
  cond_wait: {
    number: 0x490,
    class: 'multi-stage',
    arguments: ['cond', 'mutex'],
    results: [],
    summary: 'Unlocks the mutex, sleeps until signalled, locks it again. May wake without a signal.',
  },
  cond_signal: {
    number: 0x491,
    class: 'short',
    arguments: ['cond'],
    results: [],
    summary: 'Wakes the sleeper with the lowest ticket.',
  },
  cond_broadcast: {
    number: 0x492,
    class: 'short',
    arguments: ['cond'],
    results: [],
    summary: 'Wakes all sleepers.',
  },
  cond_wait_again: {
    number: 0x493,
    class: 'multi-stage',
    arguments: ['cond', 'mutex'],
    results: [],
    summary: 'The rest of cond_wait: sleeps without unlocking, then locks the mutex.',
  },
} as const satisfies Record<string, Entry>;
