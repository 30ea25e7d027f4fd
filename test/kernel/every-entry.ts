/**
 * The mode in which whole suites run taken apart: PERDURE_REBUILD=entry makes every world of the kernel's tests save
 * everything after every entry of a guest, and go on in a fresh kernel (law 1); the tests of the programs restart the
 * whole machine from what the persistence server saved (test/userland/restarted.ts). `npm run atomic` runs them so.
 *
 * Tests that look at what is rightly not the same in another life are opted out, each with its reason; at most ten.
 */
import { basename } from 'node:path';
import { typeNumbers } from '../../src/kernel/abi/types.ts';
import type { Kernel, RunEnd } from '../../src/kernel/kernel.ts';

/** What can be rebuilt in the middle of its run. */
export interface Rebuildable {
  readonly kernel: Kernel;
  readonly task: { giveUpSlice(): void };
  rebuild(isServingAsBefore: boolean): void;
}

/**
 * Tests that are not taken apart after every entry, and why. Each is one test, named by the file and what it is about; but
 * for one whole file, which measures the work of single kernels with crowds of thousands.
 */
export const optOuts = {
  'bounds.test.ts': 'crowds of thousands, and counts of what one kernel did: hours',
  'tasks: pinned': 'which pages are in memory is the subject, and another life begins with none',
  'memory: model': 'what the task collects is compared with a model, and a restart collects anew',
  'memory: first pc': 'what the task collects is looked at, and a restart collects anew',
  'ipc-edges: crowd': 'ten thousand ports: hours',
  'ipc-edges: moved':
    "a program's port lies in the task's own set, which the task of these tests does not save",
  'kernel: key-value': 'a user task serves the program in conversations, which a restart breaks off',
  'nested: same':
    'a user task makes calls for the program, about objects that another life would have made anew',
  'nested: different':
    'a user task makes calls for the program, about objects that another life would have made anew',
  'chains: graphs': 'the task changes memory behind the back of the programs, and reads it in one kernel',
} as const;
export type OptOut = keyof typeof optOuts;

/** True in the mode, but in the file that is opted out whole. */
export const rebuildsAfterEntry =
  process.env.PERDURE_REBUILD === 'entry' && !(basename(process.argv[1] ?? '') in optOuts);

/**
 * True while a user task of this kernel is in the middle of something: it waits in a call, owns a mutex, is at one end of
 * a conversation, listens or is to be told. No image holds that (`shown` in the kernel: what a task does comes out as
 * free, or as broken off), so a world is not left at such an instant, but at the next entry after it.
 */
export function isTaskBusy(kernel: Kernel): boolean {
  const { toldTasks, tasksToTell } = kernel.state;
  if (toldTasks.size > 0 || tasksToTell.size > 0) return true;
  let taskCount = 0;
  for (const object of kernel.state.bySerial.values()) {
    if (object.type !== typeNumbers.thread) continue;
    const { isTask, queue, owned, client, server } = object;
    if (isTask) taskCount += 1;
    if (isTask && (queue !== null || owned.size > 0 || client !== null || server !== null)) return true;
    if (!isTask && (client?.isTask === true || server?.isTask === true)) return true;
  }
  // A second task is the test's own, which knows nothing of rebuilding.
  return taskCount > 1;
}

const counts = { rebuilt: 0, busy: 0 };

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
      before?.();
      if (isTaskBusy(kernel)) {
        counts.busy += 1;
        return;
      }
      isEntered = true;
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
  process.on('exit', () =>
    console.log(
      `${counts.rebuilt} kernels were rebuilt, ${counts.busy} times a task was in the middle of something`,
    ),
  );
}
