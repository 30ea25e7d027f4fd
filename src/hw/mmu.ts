/**
 * The memory management unit in WebAssembly: the functions that both tiers call when a TLB entry does not serve.
 *
 * Invariants: an entry in a write TLB means that its frame is in the log and has no decode slot, so the fast path of a
 * store is a tag comparison and nothing else; a fault changes nothing but the trap words; what the TLB holds is never
 * observable between fences. Manual volume II, "Sv39" and "SFENCE.VMA". Its parts are in mmu/.
 */
import { buildLoad, buildStore, buildTranslatedStore } from './mmu/access.ts';
import { buildPlaceToFetch, buildPlaceToRead, buildPlaceToWrite } from './mmu/places.ts';
import { buildAllocateSlot, buildFlushWrites, buildSlotToExecute } from './mmu/slots.ts';
import { buildValidate } from './mmu/validate.ts';
import { buildWalk } from './mmu/walk.ts';
import type { ModuleBuilder } from './wasm/builder.ts';
import { types } from './wasm/opcodes.ts';

/** Function indices. An address in linear memory of 0 means that a trap is pending. */
export interface MemoryFunctions {
  /** (address) -> place of that byte for reading. */
  readonly placeToRead: number;
  /** (address, bytes, pc) -> place of that byte for writing; the bytes lie on one page. */
  readonly placeToWrite: number;
  /** (address, bytes) -> content, zero-extended, at any alignment. Undefined when a trap is pending afterwards. */
  readonly load: number;
  /** (address, value, bytes, pc), at any alignment. */
  readonly store: number;
  /** (address) -> place of a halfword of code, without decoding it. */
  readonly placeToFetch: number;
  /** (address) -> decode slot of its page. */
  readonly slotToExecute: number;
  /** (region) -> 1 when the current address space has the region's pages where they were. */
  readonly validate: number;
}

/** Those of the functions that translated code calls too, by the names under which the interpreter's module exports them. */
export const memoryImports = {
  placeToRead: [[types.i64], [types.i32]],
  placeToWrite: [[types.i64, types.i32, types.i64], [types.i32]],
  load: [[types.i64, types.i32], [types.i64]],
  translatedStore: [[types.i64, types.i64, types.i32, types.i64, types.i32, types.i32], [types.i32]],
} as const;

/** What the machine tells the translator; indices of imported functions. */
export interface TranslatorCalls {
  /** (slot, from, to): these bytes of a frame of which there is translated code are about to be written. */
  readonly codeWritten: number;
  /** (region): it may not run in the current address space. */
  readonly regionRefused: number;
}

/** Adds the functions to a module. */
export function addMemoryFunctions(
  module: ModuleBuilder,
  { codeWritten, regionRefused }: TranslatorCalls,
): MemoryFunctions {
  const walk = module.add(buildWalk());
  const placeToRead = module.add(buildPlaceToRead(walk), 'placeToRead');
  const placeToWrite = module.add(buildPlaceToWrite(walk, codeWritten), 'placeToWrite');
  const flushWrites = module.add(buildFlushWrites(), 'flushWrites');
  const allocateSlot = module.add(buildAllocateSlot(flushWrites, codeWritten));
  const store = module.add(buildStore(walk, placeToWrite));
  module.add(buildTranslatedStore(store), 'translatedStore');
  return {
    placeToRead,
    placeToWrite,
    placeToFetch: module.add(buildPlaceToFetch(walk)),
    slotToExecute: module.add(buildSlotToExecute(walk, allocateSlot)),
    load: module.add(buildLoad(placeToRead), 'load'),
    store,
    validate: module.add(buildValidate(walk, regionRefused)),
  };
}
