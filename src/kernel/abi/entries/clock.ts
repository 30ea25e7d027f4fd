/**
 * The entry points of the clock: rows of the one numbered table (`../entries.ts`), in the order of their numbers.
 * Holds no code that acts.
 */
import type { Entry } from '../entry.ts';

export const clockEntries = {
  clock_read: {
    number: 0x6c0,
    class: 'trivial',
    outcomes: [],
    faults: [],
    arguments: [],
    results: ['monotonic', 'wall'],
    summary: 'Nanoseconds since the machine was made, and since 1970-01-01T00:00Z.',
  },
  clock_sleep: {
    number: 0x6c1,
    class: 'long',
    outcomes: [],
    faults: [],
    arguments: ['deadline'],
    results: [],
    summary: 'Sleeps until the monotonic clock reaches this many nanoseconds.',
  },
} as const satisfies Record<string, Entry>;
