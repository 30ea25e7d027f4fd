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

const made = { worlds: 0 };

/** Others in each world, so that whatever compares two worlds also shows that nothing depends on them. */
export function nextHashWords(): Uint32Array {
  made.worlds += 1;
  return Uint32Array.from({ length: 4 }, (_, i) => Math.imul(made.worlds * 4 + i, 0x9e37_79b1) >>> 0);
}
