/**
 * The memory management unit in WebAssembly: the functions that both tiers call when a TLB entry does not serve.
 *
 * Invariants: an entry in a write TLB means that its frame is in the log and has no decode slot, so the fast path of a
 * store is a tag comparison and nothing else; a fault changes nothing but the trap words; what the TLB holds is never
 * observable between fences. Manual volume II, "Sv39" and "SFENCE.VMA". Its parts are in mmu/.
 */
import { buildLoad, buildStore } from './mmu/access.ts';
import { buildPlaceToFetch, buildPlaceToRead, buildPlaceToWrite } from './mmu/places.ts';
import { buildAllocateSlot, buildFlushWrites, buildSlotToExecute } from './mmu/slots.ts';
import { buildWalk } from './mmu/walk.ts';
import type { ModuleBuilder } from './wasm/builder.ts';

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
}

/** Adds the functions to a module. */
export function addMemoryFunctions(module: ModuleBuilder): MemoryFunctions {
  const walk = module.add(buildWalk());
  const placeToRead = module.add(buildPlaceToRead(walk));
  const placeToWrite = module.add(buildPlaceToWrite(walk));
  const flushWrites = module.add(buildFlushWrites(), 'flushWrites');
  const allocateSlot = module.add(buildAllocateSlot(flushWrites));
  return {
    placeToRead,
    placeToWrite,
    placeToFetch: module.add(buildPlaceToFetch(walk)),
    slotToExecute: module.add(buildSlotToExecute(walk, allocateSlot)),
    load: module.add(buildLoad(placeToRead)),
    store: module.add(buildStore(walk, placeToWrite)),
  };
}
