/**
 * The world that was made last: the invariants hold in it when a test leaves it, at the latest when the next world is made
 * or the process ends. So the check is run around every test that has a world. Tests only.
 */
import type { Kernel } from '../../src/kernel/kernel.ts';

interface Checkable {
  readonly kernel: Kernel;
  readonly isChecked: boolean;
}

let last: Checkable | null = null;

export function setLast(world: Checkable | null): void {
  last = world;
}

/** Checks the world that the test before has left, with the content of every page that nobody wrote to. */
export function checkLast(): void {
  const world = last;
  last = null;
  if (world === null || !world.isChecked) return;
  world.kernel.settle();
  world.kernel.check();
}

process.on('exit', () => {
  try {
    checkLast();
  } catch (error) {
    console.error('the last world of this file is left broken:', error);
    process.exitCode = 1;
  }
});
