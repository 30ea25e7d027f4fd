/**
 * The mode in which a whole suite runs taken apart: PERDURE_REBUILD=entry makes every world of the kernel's
 * tests save everything after every entry of a guest, and go on in a fresh kernel (law 1). `npm run atomic` runs them so.
 *
 * Tests that look at what is rightly not the same in another life are opted out, each with its reason; at most ten.
 */
import { basename } from 'node:path';
import type { Kernel, RunEnd } from '../../src/kernel/kernel.ts';

/** What can be rebuilt in the middle of its run. */
export interface Rebuildable {
  readonly kernel: Kernel;
  readonly task: { giveUpSlice(): void };
  rebuild(isServingAsBefore: boolean): void;
}

/**
 * What is not taken apart after every entry, and why: whole files by their names, single worlds by `World.optOut`.
 * At most ten.
 */
export const optOuts = {
  'task-waits.test.ts': 'the user task itself waits and holds things; a restart makes it anew',
  'check.test.ts': 'the state of one kernel is broken on purpose',
  'fairness.test.ts': 'very many entries, and counts of what one kernel did',
  'inherit.test.ts': 'very many entries, and counts of what one kernel did',
  'chains.test.ts': 'random memory is compared in one kernel, changed by the task meanwhile',
  'bounds.test.ts': 'crowds of thousands, and counts of the steps of one kernel',
  taskHolds: 'the user task holds a mutex, or serves ports of programs, in one life',
  taskCollects: 'the user task compares what it collects; a restart collects anew',
  pagesInMemory: 'which pages are in memory is the subject; another life does not know',
  tooLong: 'so many entries, or so many pages, that it would take minutes',
} as const;
export type OptOut = keyof typeof optOuts;

/** The file that this process runs is opted out. */
const isFileOptedOut = basename(process.argv[1] ?? '') in optOuts;

/** True in the mode. */
export const rebuildsAfterEntry = process.env.PERDURE_REBUILD === 'entry' && !isFileOptedOut;
const counts = { rebuilt: 0 };

/** Kernels that were left in this process. */
export function rebuiltCount(): number {
  return counts.rebuilt;
}

/** Like `kernel.run(limit)`, in as many kernels as there are entries. */
export function runRebuildingSlice(world: Rebuildable, limit: number): RunEnd {
  const end = world.kernel.tick() + BigInt(Math.ceil(limit));
  for (;;) {
    let isEntered = false;
    const kernel = world.kernel;
    const before = kernel.afterEntry;
    kernel.afterEntry = () => {
      isEntered = true;
      before?.();
      world.task.giveUpSlice();
    };
    const ended = kernel.run(Math.max(1, Number(end - kernel.tick())));
    kernel.afterEntry = before;
    if (!isEntered) return ended;
    world.rebuild(true);
    counts.rebuilt += 1;
    world.kernel.afterEntry = before;
    if (world.kernel.tick() >= end) return world.kernel.run(0);
  }
}

if (rebuildsAfterEntry) {
  process.on('exit', () => console.log(`${counts.rebuilt} kernels were rebuilt`));
}
