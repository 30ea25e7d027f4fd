/**
 * The memory management unit in WebAssembly: the Sv39 walk, the TLB's slow paths, the modification log, decode slots.
 *
 * Invariants: an entry in a write TLB means that its frame is in the log and has no decode slot, so the fast path of a
 * store is a tag comparison and nothing else; a fault changes nothing but the trap words; what the TLB holds is never
 * observable between fences. Manual volume II, "Sv39" and "SFENCE.VMA". Called by both tiers through function indices.
 */
import { PAGE_SHIFT, PAGE_SIZE } from '../base/limits.ts';
import { at, LOG_ENTRY_SIZE, operations, slot, TLB_INVALID_BYTE, TLB_OFF, TLBS, tlbSet } from './layout.ts';
import { pte, traps } from './machine.ts';
import { FunctionBuilder, type ModuleBuilder } from './wasm/builder.ts';
import { memoryOp, op, types } from './wasm/opcodes.ts';

const { i32, i64 } = types;

/** Results of a walk that are no frame. */
const PAGE_FAULT = -1;
const ACCESS_FAULT = -2;

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

/** Pushes a word of the hart record. */
export function word(f: FunctionBuilder, address: number): void {
  f.i32(0);
  f.memory(memoryOp.i32Load, address);
}

/** Sets a word of the hart record to what `value` pushes. */
export function setWord(f: FunctionBuilder, address: number, value: () => void): void {
  f.i32(0);
  value();
  f.memory(memoryOp.i32Store, address);
}

/** Pushes the address of the TLB entry for the page of the i64 local, in the part at `tlb` (pushed) + offset. */
export function tlbEntry(f: FunctionBuilder, address: number, tlb: () => void): void {
  f.get(address);
  f.op(op.i32WrapI64);
  f.i32(PAGE_SHIFT - 4);
  f.op(op.i32ShrU);
  f.i32(0xff0);
  f.op(op.i32And);
  tlb();
  f.op(op.i32Add);
}

/** Pushes the page address (i64) of the address in the local. */
function pageOf(f: FunctionBuilder, address: number): void {
  f.get(address);
  f.i64(-PAGE_SIZE);
  f.op(op.i64And);
}

/** Pushes the offset in its page (i32) of the address in the local. */
function pageOffset(f: FunctionBuilder, address: number): void {
  f.get(address);
  f.op(op.i32WrapI64);
  f.i32(PAGE_SIZE - 1);
  f.op(op.i32And);
}

/**
 * walk(address, wanted, commit) -> frame, or PAGE_FAULT or ACCESS_FAULT. `wanted` is one of the bits R, W, X of a table
 * entry. With `commit` the accessed bit, and for a write the dirty bit, are set in the leaf.
 */
function buildWalk(): FunctionBuilder {
  const f = new FunctionBuilder([i64, i32, i32], [i32]);
  const [address, wanted, commit] = [0, 1, 2];
  const table = f.local(i32);
  const place = f.local(i32);
  const entry = f.local(i64);
  const updated = f.local(i64);
  const fail = (result: number): void => {
    f.if();
    f.i32(result);
    f.return();
    f.end();
  };
  /** Pushes entry & bits != 0. */
  const any = (bits: number | bigint): void => {
    f.get(entry);
    f.i64(bits);
    f.op(op.i64And);
    f.i64(0);
    f.op(op.i64Ne);
  };
  /** Pushes the entry's physical page number (44 bits). */
  const pageNumber = (): void => {
    f.get(entry);
    f.i64(10);
    f.op(op.i64ShrU);
    f.i64((1n << 44n) - 1n);
    f.op(op.i64And);
  };
  const frameLimit = (): void => {
    word(f, at.frameCount);
    f.op(op.i64ExtendI32U);
  };

  // Translation is off.
  word(f, at.rootFrame);
  f.tee(table);
  f.i32(-1);
  f.op(op.i32Eq);
  fail(PAGE_FAULT);
  // Bits 63 to 39 must equal bit 38.
  f.get(address);
  f.i64(25);
  f.op(op.i64Shl);
  f.i64(25);
  f.op(op.i64ShrS);
  f.get(address);
  f.op(op.i64Ne);
  fail(PAGE_FAULT);
  f.get(table);
  word(f, at.frameCount);
  f.op(op.i32GeU);
  fail(ACCESS_FAULT);

  const found = f.block();
  for (const level of [2, 1, 0]) {
    f.get(table);
    f.i32(PAGE_SHIFT);
    f.op(op.i32Shl);
    word(f, at.ramOffset);
    f.op(op.i32Add);
    f.get(address);
    f.i64(PAGE_SHIFT + 9 * level);
    f.op(op.i64ShrU);
    f.op(op.i32WrapI64);
    f.i32(511);
    f.op(op.i32And);
    f.i32(3);
    f.op(op.i32Shl);
    f.op(op.i32Add);
    f.tee(place);
    f.memory(memoryOp.i64Load);
    f.set(entry);
    setWord(f, at.walkLevel, () => f.i32(level));
    // Not valid, writable but not readable, or with one of the reserved bits 63 to 54.
    f.get(entry);
    f.i64(pte.valid);
    f.op(op.i64And);
    f.op(op.i64Eqz);
    f.get(entry);
    f.i64(pte.read | pte.write);
    f.op(op.i64And);
    f.i64(pte.write);
    f.op(op.i64Eq);
    f.op(op.i32Or);
    any(0x3ffn << 54n);
    f.op(op.i32Or);
    fail(PAGE_FAULT);
    any(pte.read | pte.execute);
    f.brIf(found);
    // A pointer to the next table: its A, D and U bits are reserved, and below level 0 there is none.
    if (level > 0) {
      any(pte.accessed | pte.dirty | pte.user);
      fail(PAGE_FAULT);
      pageNumber();
      frameLimit();
      f.op(op.i64GeU);
      fail(ACCESS_FAULT);
      pageNumber();
      f.op(op.i32WrapI64);
      f.set(table);
    } else {
      f.i32(PAGE_FAULT);
      f.return();
    }
  }
  f.end();

  // The leaf must be the user's and allow the access.
  any(pte.user);
  f.get(entry);
  f.op(op.i32WrapI64);
  f.get(wanted);
  f.op(op.i32And);
  f.i32(0);
  f.op(op.i32Ne);
  f.op(op.i32And);
  f.op(op.i32Eqz);
  fail(PAGE_FAULT);
  // A larger leaf must be aligned to its size. `updated` holds the mask of the page numbers within it meanwhile.
  f.i64(1);
  word(f, at.walkLevel);
  f.i32(9);
  f.op(op.i32Mul);
  f.op(op.i64ExtendI32U);
  f.op(op.i64Shl);
  f.i64(1);
  f.op(op.i64Sub);
  f.set(updated);
  pageNumber();
  f.get(updated);
  f.op(op.i64And);
  f.i64(0);
  f.op(op.i64Ne);
  fail(PAGE_FAULT);
  pageNumber();
  f.get(address);
  f.i64(PAGE_SHIFT);
  f.op(op.i64ShrU);
  f.get(updated);
  f.op(op.i64And);
  f.op(op.i64Or);
  f.set(updated);
  f.get(updated);
  frameLimit();
  f.op(op.i64GeU);
  fail(ACCESS_FAULT);
  f.get(updated);
  f.op(op.i32WrapI64);
  f.set(table);

  f.get(commit);
  f.if();
  f.get(entry);
  f.get(wanted);
  f.i32(pte.write);
  f.op(op.i32Eq);
  f.if(i64);
  f.i64(pte.accessed | pte.dirty);
  f.else();
  f.i64(pte.accessed);
  f.end();
  f.op(op.i64Or);
  f.tee(updated);
  f.get(entry);
  f.op(op.i64Ne);
  f.if();
  f.get(place);
  f.get(updated);
  f.memory(memoryOp.i64Store);
  f.end();
  f.end();
  f.get(table);
  return f;
}

/** Raises the fault of a failed walk (local `frame` is negative) and returns 0 from the function being built. */
function returnFault(f: FunctionBuilder, address: number, frame: number, page: number, access: number): void {
  f.get(frame);
  f.i32(0);
  f.op(op.i32LtS);
  f.if();
  setWord(f, at.pending, () => {
    f.i32(page + 1);
    f.i32(access + 1);
    f.get(frame);
    f.i32(PAGE_FAULT);
    f.op(op.i32Eq);
    f.op(op.select);
  });
  f.i32(0);
  f.get(address);
  f.memory(memoryOp.i64Store, at.trapValue);
  f.i32(0);
  f.return();
  f.end();
}

/** The parts every TLB refill has in common. */
interface Refill {
  readonly f: FunctionBuilder;
  readonly address: number;
  readonly entry: number;
  readonly frame: number;
}

/** Begins a function by looking in a part of the TLB: returns what `hit` pushes when the tag is there. */
function lookUp(r: Refill, part: number, hit: () => void): void {
  const { f, address, entry } = r;
  tlbEntry(f, address, () => word(f, at.tlb));
  f.tee(entry);
  f.memory(memoryOp.i64Load, part);
  pageOf(f, address);
  f.op(op.i64Eq);
  f.if();
  hit();
  f.return();
  f.end();
}

function walkFor(r: Refill, walk: number, wanted: number): void {
  const { f, address, frame } = r;
  f.get(address);
  f.i32(wanted);
  f.i32(1);
  f.call(walk);
  f.set(frame);
}

/** Writes the entry: tag, and the value that `value` pushes. */
function fillEntry(r: Refill, part: number, value: () => void): void {
  const { f, address, entry } = r;
  f.get(entry);
  pageOf(f, address);
  f.memory(memoryOp.i64Store, part);
  f.get(entry);
  value();
  f.memory(memoryOp.i32Store, part + 8);
  word(f, at.walkLevel);
  f.if();
  word(f, at.tlb);
  f.i32(1);
  f.memory(memoryOp.i32Store, tlbSet.large);
  f.end();
}

/** Pushes the place in linear memory of the frame's first byte. */
function frameStart(f: FunctionBuilder, frame: number): void {
  f.get(frame);
  f.i32(PAGE_SHIFT);
  f.op(op.i32Shl);
  word(f, at.ramOffset);
  f.op(op.i32Add);
}

/** Pushes what added to the low half of an address on the page gives its place. */
function addend(f: FunctionBuilder, address: number, frame: number): void {
  frameStart(f, frame);
  f.get(address);
  f.op(op.i32WrapI64);
  f.i32(-PAGE_SIZE);
  f.op(op.i32And);
  f.op(op.i32Sub);
}

function placeOnHit(r: Refill, part: number): void {
  const { f, address, entry } = r;
  f.get(address);
  f.op(op.i32WrapI64);
  f.get(entry);
  f.memory(memoryOp.i32Load, part + 8);
  f.op(op.i32Add);
}

function placeInFrame(r: Refill): void {
  const { f, address, frame } = r;
  frameStart(f, frame);
  pageOffset(f, address);
  f.op(op.i32Add);
}

function buildPlaceToRead(walk: number): FunctionBuilder {
  const f = new FunctionBuilder([i64], [i32]);
  const r: Refill = { f, address: 0, entry: f.local(i32), frame: f.local(i32) };
  lookUp(r, tlbSet.read, () => placeOnHit(r, tlbSet.read));
  walkFor(r, walk, pte.read);
  returnFault(f, r.address, r.frame, traps.loadPageFault, traps.loadAccess);
  fillEntry(r, tlbSet.read, () => addend(f, r.address, r.frame));
  placeInFrame(r);
  return f;
}

/** Like a read, with the codes of a fetch; nothing is put in a TLB. */
function buildPlaceToFetch(walk: number): FunctionBuilder {
  const f = new FunctionBuilder([i64], [i32]);
  const r: Refill = { f, address: 0, entry: f.local(i32), frame: f.local(i32) };
  walkFor(r, walk, pte.execute);
  returnFault(f, r.address, r.frame, traps.instructionPageFault, traps.instructionAccess);
  placeInFrame(r);
  return f;
}

/** Pushes the address of this frame's word in the table whose address is in the hart record at `table`. */
function frameWord(f: FunctionBuilder, frame: number, table: number): void {
  f.get(frame);
  f.i32(2);
  f.op(op.i32Shl);
  word(f, table);
  f.op(op.i32Add);
}

/** Logs the frame with this pc unless it is logged. */
function logWrite(f: FunctionBuilder, frame: number, pc: number): void {
  const entry = f.local(i32);
  frameWord(f, frame, at.logIndexes);
  f.memory(memoryOp.i32Load);
  f.op(op.i32Eqz);
  f.if();
  word(f, at.logCount);
  f.i32(LOG_ENTRY_SIZE);
  f.op(op.i32Mul);
  word(f, at.log);
  f.op(op.i32Add);
  f.tee(entry);
  f.get(frame);
  f.memory(memoryOp.i32Store);
  f.get(entry);
  f.get(pc);
  f.memory(memoryOp.i64Store, 8);
  setWord(f, at.logCount, () => {
    word(f, at.logCount);
    f.i32(1);
    f.op(op.i32Add);
  });
  frameWord(f, frame, at.logIndexes);
  word(f, at.logCount);
  f.memory(memoryOp.i32Store);
  f.end();
}

function buildPlaceToWrite(walk: number): FunctionBuilder {
  const f = new FunctionBuilder([i64, i32, i64], [i32]);
  const [bytes, pc] = [1, 2];
  const r: Refill = { f, address: 0, entry: f.local(i32), frame: f.local(i32) };
  const decoded = f.local(i32);
  const offset = f.local(i32);
  lookUp(r, tlbSet.write, () => placeOnHit(r, tlbSet.write));
  walkFor(r, walk, pte.write);
  returnFault(f, r.address, r.frame, traps.storePageFault, traps.storeAccess);
  logWrite(f, r.frame, pc);
  frameWord(f, r.frame, at.frameSlots);
  f.memory(memoryOp.i32Load);
  f.tee(decoded);
  f.op(op.i32Eqz);
  f.if();
  fillEntry(r, tlbSet.write, () => addend(f, r.address, r.frame));
  word(f, at.tlb);
  f.i32(1);
  f.memory(memoryOp.i32Store, tlbSet.written);
  f.else();
  // The frame holds decoded code: clear the entries of each halfword written, and of the one before, whose
  // instruction may reach into it. From (offset - 2) & ~1, not below 0, to the last byte written.
  pageOffset(f, r.address);
  f.tee(offset);
  f.get(bytes);
  f.op(op.i32Add);
  f.set(bytes); // From here on: the end of what is written.
  f.get(offset);
  f.i32(-2);
  f.op(op.i32And);
  f.i32(2);
  f.op(op.i32Sub);
  f.tee(offset);
  f.i32(0);
  f.get(offset);
  f.i32(0);
  f.op(op.i32GeS);
  f.op(op.select);
  f.set(offset);
  const clear = f.loop();
  f.get(decoded);
  f.get(offset);
  f.i32(2);
  f.op(op.i32Shl);
  f.op(op.i32Add);
  f.i64(0);
  f.memory(memoryOp.i64Store);
  f.get(offset);
  f.i32(2);
  f.op(op.i32Add);
  f.tee(offset);
  f.get(bytes);
  f.op(op.i32LtU);
  f.brIf(clear);
  f.end();
  f.end();
  placeInFrame(r);
  return f;
}

/** Fills `length` bytes at what `start` pushes with the value that no tag has. */
function invalidate(f: FunctionBuilder, start: () => void, length: number): void {
  start();
  f.i32(TLB_INVALID_BYTE);
  f.i32(length);
  f.fill();
}

/** For each TLB set: `body` sees its address in the local. */
function eachSet(f: FunctionBuilder, set: number, body: () => void): void {
  f.i32(TLBS);
  f.set(set);
  const next = f.loop();
  body();
  f.get(set);
  f.i32(tlbSet.size);
  f.op(op.i32Add);
  f.tee(set);
  f.i32(TLB_OFF);
  f.op(op.i32LtU);
  f.brIf(next);
  f.end();
}

/** () Empties the write part of every set, so that each next write is seen. */
function buildFlushWrites(): FunctionBuilder {
  const f = new FunctionBuilder([], []);
  const set = f.local(i32);
  eachSet(f, set, () => {
    f.get(set);
    f.memory(memoryOp.i32Load, tlbSet.written);
    f.if();
    f.get(set);
    f.i32(0);
    f.memory(memoryOp.i32Store, tlbSet.written);
    invalidate(
      f,
      () => {
        f.get(set);
        f.i32(tlbSet.write);
        f.op(op.i32Add);
      },
      tlbSet.execute - tlbSet.write,
    );
    f.end();
  });
  return f;
}

/** (frame) -> decode slot. When none is free, the next in turn is taken from its frame. */
function buildAllocateSlot(flushWrites: number): FunctionBuilder {
  const f = new FunctionBuilder([i32], [i32]);
  const frame = 0;
  const taken = f.local(i32);
  const set = f.local(i32);
  const slotAddress = (number: () => void): void => {
    number();
    f.i32(slot.size);
    f.op(op.i32Mul);
    word(f, at.slots);
    f.op(op.i32Add);
    f.set(taken);
  };
  word(f, at.slotsUsed);
  word(f, at.slotCount);
  f.op(op.i32LtU);
  f.if();
  slotAddress(() => word(f, at.slotsUsed));
  setWord(f, at.slotsUsed, () => {
    word(f, at.slotsUsed);
    f.i32(1);
    f.op(op.i32Add);
  });
  f.else();
  slotAddress(() => word(f, at.slotHand));
  setWord(f, at.slotHand, () => {
    word(f, at.slotHand);
    f.i32(1);
    f.op(op.i32Add);
    word(f, at.slotCount);
    f.op(op.i32RemU);
  });
  // Its old frame has no slot any more, and no fetch TLB may lead to it.
  f.get(taken);
  f.memory(memoryOp.i32Load, slot.frame);
  f.set(set);
  frameWord(f, set, at.frameSlots);
  f.i32(0);
  f.memory(memoryOp.i32Store);
  eachSet(f, set, () => {
    invalidate(
      f,
      () => {
        f.get(set);
        f.i32(tlbSet.execute);
        f.op(op.i32Add);
      },
      tlbSet.written - tlbSet.execute,
    );
  });
  f.get(taken);
  f.i32(0);
  f.i32(slot.size);
  f.fill();
  f.end();
  f.get(taken);
  f.i32(operations.pageEnd);
  f.memory(memoryOp.i32Store, slot.entriesEnd);
  f.get(taken);
  frameStart(f, frame);
  f.memory(memoryOp.i32Store, slot.host);
  f.get(taken);
  f.get(frame);
  f.memory(memoryOp.i32Store, slot.frame);
  frameWord(f, frame, at.frameSlots);
  f.get(taken);
  f.memory(memoryOp.i32Store);
  // From now on stores to this frame must be seen.
  f.call(flushWrites);
  f.get(taken);
  return f;
}

function buildSlotToExecute(walk: number, allocateSlot: number): FunctionBuilder {
  const f = new FunctionBuilder([i64], [i32]);
  const r: Refill = { f, address: 0, entry: f.local(i32), frame: f.local(i32) };
  const found = f.local(i32);
  lookUp(r, tlbSet.execute, () => {
    f.get(r.entry);
    f.memory(memoryOp.i32Load, tlbSet.execute + 8);
  });
  walkFor(r, walk, pte.execute);
  returnFault(f, r.address, r.frame, traps.instructionPageFault, traps.instructionAccess);
  frameWord(f, r.frame, at.frameSlots);
  f.memory(memoryOp.i32Load);
  f.tee(found);
  f.op(op.i32Eqz);
  f.if();
  f.get(r.frame);
  f.call(allocateSlot);
  f.set(found);
  f.end();
  fillEntry(r, tlbSet.execute, () => f.get(found));
  f.get(found);
  return f;
}

/** Pushes address + bytes - 1 is on the same page as address. */
function onOnePage(f: FunctionBuilder, address: number, bytes: number): void {
  pageOffset(f, address);
  f.get(bytes);
  f.op(op.i32Add);
  f.i32(PAGE_SIZE);
  f.op(op.i32LeU);
}

/** Does `access` for the size in the local, 1, 2, 4 or 8. */
function bySize(f: FunctionBuilder, bytes: number, access: (bits: 8 | 16 | 32 | 64) => void): void {
  for (const bits of [8, 16, 32] as const) {
    f.get(bytes);
    f.i32(bits / 8);
    f.op(op.i32Eq);
    f.if();
    access(bits);
    f.return();
    f.end();
  }
  access(64);
}

const loadOf = {
  8: memoryOp.i64Load8U,
  16: memoryOp.i64Load16U,
  32: memoryOp.i64Load32U,
  64: memoryOp.i64Load,
} as const;
const storeOf = {
  8: memoryOp.i64Store8,
  16: memoryOp.i64Store16,
  32: memoryOp.i64Store32,
  64: memoryOp.i64Store,
} as const;

/**
 * Runs `body` for each byte of an access that crosses a page border, with locals `index` (0, 1, ...) and `place`;
 * `first` and `second` are the places of the first byte and of the second page.
 */
function eachCrossingByte(
  f: FunctionBuilder,
  locals: { address: number; bytes: number; first: number; second: number; index: number; place: number },
  body: () => void,
): void {
  const { address, bytes, first, second, index, place } = locals;
  f.i32(0);
  f.set(index);
  const next = f.loop();
  // The place is first + index, or second + index - (bytes on the first page).
  f.get(first);
  f.get(index);
  f.op(op.i32Add);
  f.get(second);
  f.get(index);
  f.op(op.i32Add);
  f.i32(PAGE_SIZE);
  pageOffset(f, address);
  f.op(op.i32Sub);
  f.op(op.i32Sub);
  f.get(index);
  pageOffset(f, address);
  f.op(op.i32Add);
  f.i32(PAGE_SIZE);
  f.op(op.i32LtU);
  f.op(op.select);
  f.set(place);
  body();
  f.get(index);
  f.i32(1);
  f.op(op.i32Add);
  f.tee(index);
  f.get(bytes);
  f.op(op.i32LtU);
  f.brIf(next);
  f.end();
}

/** Pushes the address of the page after that of the local. */
function nextPage(f: FunctionBuilder, address: number): void {
  pageOf(f, address);
  f.i64(PAGE_SIZE);
  f.op(op.i64Add);
}

function buildLoad(placeToRead: number): FunctionBuilder {
  const f = new FunctionBuilder([i64, i32], [i64]);
  const [address, bytes] = [0, 1];
  const [first, second, index, place] = [f.local(i32), f.local(i32), f.local(i32), f.local(i32)];
  const value = f.local(i64);
  const returnZeroUnless = (local: number): void => {
    f.tee(local);
    f.op(op.i32Eqz);
    f.if();
    f.i64(0);
    f.return();
    f.end();
  };
  f.get(address);
  f.call(placeToRead);
  returnZeroUnless(first);
  onOnePage(f, address, bytes);
  f.if();
  bySize(f, bytes, (bits) => {
    f.get(first);
    f.memory(loadOf[bits]);
  });
  f.return();
  f.end();
  nextPage(f, address);
  f.call(placeToRead);
  returnZeroUnless(second);
  eachCrossingByte(f, { address, bytes, first, second, index, place }, () => {
    f.get(value);
    f.get(place);
    f.memory(memoryOp.i64Load8U);
    f.get(index);
    f.i32(3);
    f.op(op.i32Shl);
    f.op(op.i64ExtendI32U);
    f.op(op.i64Shl);
    f.op(op.i64Or);
    f.set(value);
  });
  f.get(value);
  return f;
}

function buildStore(walk: number, placeToWrite: number): FunctionBuilder {
  const f = new FunctionBuilder([i64, i64, i32, i64], []);
  const [address, value, bytes, pc] = [0, 1, 2, 3];
  const [first, second, index, place] = [f.local(i32), f.local(i32), f.local(i32), f.local(i32)];
  onOnePage(f, address, bytes);
  f.if();
  f.get(address);
  f.get(bytes);
  f.get(pc);
  f.call(placeToWrite);
  f.tee(first);
  f.op(op.i32Eqz);
  f.if();
  f.return();
  f.end();
  bySize(f, bytes, (bits) => {
    f.get(first);
    f.get(value);
    f.memory(storeOf[bits]);
  });
  f.return();
  f.end();
  // Both pages must be writable before either is touched: a store that faults has changed nothing.
  const fault = f.block();
  const probe = f.local(i32);
  for (const page of [() => f.get(address), () => nextPage(f, address)]) {
    page();
    f.i32(pte.write);
    f.i32(0);
    f.call(walk);
    f.i32(0);
    f.op(op.i32LtS);
    f.brIf(fault);
  }
  f.get(address);
  f.i32(PAGE_SIZE);
  pageOffset(f, address);
  f.op(op.i32Sub);
  f.get(pc);
  f.call(placeToWrite);
  f.set(first);
  nextPage(f, address);
  f.get(bytes);
  f.i32(PAGE_SIZE);
  pageOffset(f, address);
  f.op(op.i32Sub);
  f.op(op.i32Sub);
  f.get(pc);
  f.call(placeToWrite);
  f.set(second);
  eachCrossingByte(f, { address, bytes, first, second, index, place }, () => {
    f.get(place);
    f.get(value);
    f.get(index);
    f.i32(3);
    f.op(op.i32Shl);
    f.op(op.i64ExtendI32U);
    f.op(op.i64ShrU);
    f.memory(memoryOp.i64Store8);
  });
  f.return();
  f.end();
  // One of the pages faults: find out which and raise it, lower address first.
  f.get(address);
  f.i32(pte.write);
  f.i32(0);
  f.call(walk);
  f.tee(probe);
  f.i32(0);
  f.op(op.i32GeS);
  f.if();
  nextPage(f, address);
  f.tee(address);
  f.i32(pte.write);
  f.i32(0);
  f.call(walk);
  f.set(probe);
  f.end();
  raise(f, address, probe);
  return f;
}

/** Raises the store fault that the failed walk in `frame` means. */
function raise(f: FunctionBuilder, address: number, frame: number): void {
  setWord(f, at.pending, () => {
    f.i32(traps.storePageFault + 1);
    f.i32(traps.storeAccess + 1);
    f.get(frame);
    f.i32(PAGE_FAULT);
    f.op(op.i32Eq);
    f.op(op.select);
  });
  f.i32(0);
  f.get(address);
  f.memory(memoryOp.i64Store, at.trapValue);
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
