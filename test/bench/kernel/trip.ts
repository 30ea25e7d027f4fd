/**
 * The empty trip: a loop in WebAssembly that calls an imported JavaScript function which does next to nothing, and is
 * called with a number and gives one back, as `run` and its traps are.
 *
 * It is what a call costs that leaves the machine at all; figures of the kernel are also told as multiples of it.
 * Called by measure.ts.
 */
import { FunctionBuilder, ModuleBuilder } from '../../../src/hw/wasm/builder.ts';
import { op, types } from '../../../src/hw/wasm/opcodes.ts';

const { i32 } = types;

/** The module: `loop(count)` calls `trip(i)` so often and returns the sum of what it gives back. */
function tripModule(): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  const trip = module.importFunction('trip', [i32], [i32]);
  const f = new FunctionBuilder([i32], [i32]);
  const sum = f.local(i32);
  const again = f.loop();
  f.get(0);
  f.call(trip);
  f.get(sum);
  f.op(op.i32Add);
  f.set(sum);
  f.get(0);
  f.i32(1);
  f.op(op.i32Sub);
  f.tee(0);
  f.brIf(again);
  f.end();
  f.get(sum);
  module.add(f, 'loop');
  return module.finish();
}

/** A function that makes this many empty trips. */
export function createTrip(): (count: number) => number {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const words = new Uint32Array(memory.buffer);
  // Reads a word, so that no engine can know what it returns.
  const trip = (value: number): number => (words[0] as number) + value;
  const instance = new WebAssembly.Instance(new WebAssembly.Module(tripModule()), {
    machine: { memory, trip },
  });
  return instance.exports.loop as (count: number) => number;
}
