/**
 * The entry points: one numbered table from which dispatch, the C stubs, the tracer's names and the documentation derive.
 *
 * A call is `ecall` with the number in a7 and the arguments in a0, a1, ... in the order given here. After it a0 holds
 * an outcome (`codes.ts`) and result i lies in a(i+1). The results of a multi-stage entry are what became of its
 * arguments: it advances them in place, and commits a stage by rewriting a0 to a7 so that what is left to do is itself
 * a legal call. Reliable verbs also take references: a5 and a6 address tables of reference addresses (8 bytes each) to
 * send from and to receive into, t0 and t1 count them.
 * Numbers are part of the image format and never reused. They lie above Linux's numbers, so a program built for another
 * system is told apart at its first call. Holds no code that acts. Its rows are in `entries/`, one file a group.
 */
import { clockEntries } from './entries/clock.ts';
import { condEntries } from './entries/cond.ts';
import { ipcEntries } from './entries/ipc.ts';
import { kernelEntries } from './entries/kernel.ts';
import { mappingEntries } from './entries/mapping.ts';
import { mutexEntries } from './entries/mutex.ts';
import { portEntries } from './entries/port.ts';
import { portsetEntries } from './entries/portset.ts';
import { referenceEntries } from './entries/reference.ts';
import { regionEntries } from './entries/region.ts';
import { spaceEntries } from './entries/space.ts';
import { threadEntries } from './entries/thread.ts';

export const entries = {
  ...mutexEntries,
  ...condEntries,
  ...mappingEntries,
  ...regionEntries,
  ...portEntries,
  ...portsetEntries,
  ...spaceEntries,
  ...threadEntries,
  ...referenceEntries,
  ...ipcEntries,
  ...clockEntries,
  ...kernelEntries,
} as const;

export type EntryName = keyof typeof entries;
