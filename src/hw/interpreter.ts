/**
 * The interpreter tier: one WebAssembly module made from the instruction table, the reference for every other tier.
 *
 * Its parts: the loop (interpreter/run.ts), the effects (interpreter/interpretation.ts), the decoder, the memory
 * management unit, the library. The module does not depend on the size of RAM, so one serves every machine.
 */
import { addDecoderFunctions } from './decoder.ts';
import { buildRun } from './interpreter/run.ts';
import { addLibrary } from './library.ts';
import { addMemoryFunctions } from './mmu.ts';
import { ModuleBuilder } from './wasm/builder.ts';

/** The bytes of the interpreter's module. It imports `machine.memory` and exports `run` and `flushWrites`. */
export function generateInterpreter(): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  const library = addLibrary(module);
  const memory = addMemoryFunctions(module);
  const decoder = addDecoderFunctions(module);
  module.add(buildRun({ memory, decoder, library }), 'run');
  return module.finish();
}
