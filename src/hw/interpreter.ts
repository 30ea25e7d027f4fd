/**
 * The interpreter tier: a WebAssembly module made from the instruction table, the reference for the other tier.
 *
 * Its parts: the loop (interpreter/run.ts), the effects (interpreter/interpretation.ts), the decoder, the memory
 * management unit, the library. The module does not depend on the size of RAM, so one serves every machine. It comes
 * in two kinds: one that interprets only, and one that counts where control arrives and enters translated code.
 */
import { addDecoderFunctions } from './decoder.ts';
import { buildRun } from './interpreter/run.ts';
import { addLibrary } from './library.ts';
import { addMemoryFunctions } from './mmu.ts';
import { ModuleBuilder } from './wasm/builder.ts';
import { types } from './wasm/opcodes.ts';

const { i32, i64 } = types;

/** What the module exports, besides the functions that translated code imports. */
export interface InterpreterExports extends Record<string, unknown> {
  readonly run: (budget: number) => number;
  readonly flushWrites: () => void;
  readonly decodeEntry: (entry: number, slot: number) => void;
  readonly decodeWord: (entry: number, bits: number, compressed: number) => void;
}

/** Parameters and results of a region's function: (pc, remaining) -> remaining. */
export const regionSignature = { parameters: [i64, i32], results: [i32] } as const;

/**
 * The bytes of the interpreter's module. It imports `machine.memory`, `machine.codeWritten`, `machine.expand` and, with `tiers`,
 * `machine.table` of the regions' functions. `isFused` says what float/fused.ts found out.
 */
export function generateInterpreter(tiers: boolean, isFused: boolean): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  const codeWritten = module.importFunction('codeWritten', [i32, i32, i32], []);
  const regionRefused = module.importFunction('regionRefused', [i32], []);
  const expand = module.importFunction('expand', [i32], [i32]);
  if (tiers) module.importTable();
  const library = addLibrary(module);
  const memory = addMemoryFunctions(module, { codeWritten, regionRefused });
  const decoder = addDecoderFunctions(module, expand);
  const regionType = module.type(regionSignature.parameters, regionSignature.results);
  const run = buildRun(
    { memory, decoder, library, isFused },
    tiers ? { regionType, validate: memory.validate } : null,
  );
  module.add(run, 'run');
  return module.finish();
}
