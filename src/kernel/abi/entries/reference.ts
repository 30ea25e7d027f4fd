/**
 * The entry points of the type reference: rows of the one numbered table (`../entries.ts`), in the order of their numbers.
 * Holds no code that acts.
 */
import type { Entry } from '../entry.ts';

export const referenceEntries = {
  reference_create: {
    number: 0x640,
    class: 'short',
    arguments: ['reference'],
    results: [],
    summary: 'Makes a reference at this address; its links are null.',
  },
  reference_destroy: {
    number: 0x642,
    class: 'short',
    arguments: ['reference'],
    results: [],
    summary: 'Removes the reference; links to it become null and what waited on it is woken.',
  },
  reference_move: {
    number: 0x643,
    class: 'short',
    arguments: ['reference', 'destination'],
    results: [],
    summary:
      'Moves the living reference to another address, where no object may lie; what links to it follows.',
  },
  reference_get_state: {
    number: 0x645,
    class: 'short',
    arguments: ['reference', 'state', 'targetReference'],
    results: [],
    summary: 'Copies out the simple state and the links (0: not wanted).',
  },
  reference_set_state: {
    number: 0x646,
    class: 'short',
    arguments: ['reference', 'state', 'targetReference'],
    results: [],
    summary: 'Loads the simple state and the links (0: unchanged; a null reference: null).',
  },
  reference_peek_state: {
    number: 0x647,
    class: 'short',
    arguments: ['reference', 'state', 'targetReference'],
    results: [],
    summary: 'Like get_state, without stopping or disturbing anything.',
  },
  reference_check: {
    number: 0x650,
    class: 'short',
    arguments: ['reference'],
    results: ['isNull'],
    summary: 'Tells whether the reference is null.',
  },
  reference_compare: {
    number: 0x651,
    class: 'short',
    arguments: ['reference', 'other'],
    results: ['isSame'],
    summary: 'Tells whether two references point at the same object.',
  },
  reference_copy: {
    number: 0x652,
    class: 'short',
    arguments: ['reference', 'destination'],
    results: [],
    summary: 'Points an existing reference at the same object.',
  },
  reference_hash: {
    number: 0x653,
    class: 'short',
    arguments: ['reference'],
    results: ['hash'],
    summary: 'The hash of the target; notFound for a null reference.',
  },
  reference_type: {
    number: 0x654,
    class: 'short',
    arguments: ['reference'],
    results: ['type'],
    summary: 'The type number of the target; notFound for a null reference.',
  },
  reference_locate: {
    number: 0x655,
    class: 'short',
    arguments: ['reference', 'region'],
    results: ['offset', 'serial', 'type'],
    summary: 'Where in this region of the caller the target lies; notFound when it is null or elsewhere.',
  },
} as const satisfies Record<string, Entry>;
