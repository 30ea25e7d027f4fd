/**
 * Loaded before the command line (`node --import`): after some checkpoints the machine's state is corrupted, so that its
 * own check finds it. PERDURE_BREAK says what: `root`, what every check looks at; `collected`, an object that changed and
 * was carried into the changed set before it broke; `quiet`, an object that no checkpoint collects. Tests only.
 */
import { typeNumbers } from '../../src/kernel/abi/types.ts';
import { Kernel } from '../../src/kernel/kernel.ts';
import type { KernelObject } from '../../src/kernel/state.ts';

const kind = process.env.PERDURE_BREAK ?? 'root';
const { run, checkChanged, checkSome } = Kernel.prototype;
const counter = { checkpoints: 0, isBroken: false };

function find(kernel: Kernel, type: number): KernelObject | null {
  for (const object of kernel.state.bySerial.values())
    if (object.type === type && object.serial < 2 ** 52) return object;
  return null;
}

Kernel.prototype.checkChanged = function broken(this: Kernel, serials: readonly number[]): void {
  counter.checkpoints += 1;
  // A thread whose turn was never handed out.
  if (kind === 'root' && counter.checkpoints === 5) this.state.nextTurn = 2 ** 53;
  checkChanged.call(this, serials);
  if (kind === 'quiet' && counter.checkpoints === 5) {
    const mapping = find(this, typeNumbers.mapping);
    if (mapping?.type === typeNumbers.mapping) mapping.regionOffset += 1;
  }
};

Kernel.prototype.run = function broken(this: Kernel, limit: number) {
  const end = run.call(this, limit);
  if (kind === 'collected' && counter.checkpoints >= 5 && !counter.isBroken) {
    this.settle();
    const thread = find(this, typeNumbers.thread);
    if (thread?.type === typeNumbers.thread) thread.faultAccess = 77;
    counter.isBroken = true;
  }
  return end;
};

// Only what was collected is looked at: so that it is that which finds it.
if (kind === 'collected') Kernel.prototype.checkSome = () => false;
else Kernel.prototype.checkSome = checkSome;
