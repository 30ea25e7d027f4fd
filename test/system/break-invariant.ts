/**
 * Loaded before the command line (`node --import`): after some checkpoints the machine's state is corrupted, so that its
 * own check finds it. Tests only.
 */
import { Kernel } from '../../src/kernel/kernel.ts';

const original = Kernel.prototype.checkChanged;
const counter = { left: 5 };

Kernel.prototype.checkChanged = function broken(this: Kernel): void {
  counter.left -= 1;
  // A thread whose turn was never handed out.
  if (counter.left === 0) this.state.nextTurn = 0;
  original.call(this);
};
