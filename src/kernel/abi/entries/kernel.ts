/**
 * The entry points of the kernel record: rows of the one numbered table (`../entries.ts`), in the order of their numbers.
 * Holds no code that acts.
 */
import type { Entry } from '../entry.ts';

export const kernelEntries = {
  kernel_record: {
    number: 0x700,
    class: 'short',
    outcomes: [],
    faults: ['invalidAddress'],
    arguments: ['record'],
    results: [],
    summary: 'Copies out the kernel record (tick, counters, clock, generator has its own entry).',
  },
  kernel_entropy: {
    number: 0x701,
    class: 'trivial',
    outcomes: [],
    faults: [],
    arguments: [],
    results: ['word'],
    summary: '64 bits of the generator of the machine.',
  },
} as const satisfies Record<string, Entry>;
