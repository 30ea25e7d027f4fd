/**
 * Loads and stores that the fast path does not do: on a TLB miss, misaligned, on two pages.
 *
 * Invariant: a store is done as a whole or, when one of its pages faults, not at all, and then nothing is logged. The
 * lower page's fault comes first. A load whose trap is pending gives a value that nobody may use.
 */
import { PAGE_SIZE } from '../../base/limits.ts';
import { at } from '../layout.ts';
import { pte, traps } from '../machine.ts';
import { FunctionBuilder } from '../wasm/builder.ts';
import { memoryOp, op, types } from '../wasm/opcodes.ts';
import { raiseFault } from './refill.ts';
import { commitment } from './walk.ts';
import { loads, stores } from './widths.ts';
import { nextPage, pageOffset, word } from './words.ts';

const { i32, i64 } = types;

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

export function buildLoad(placeToRead: number): FunctionBuilder {
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
    f.memory(loads[bits].false);
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

/**
 * A store by translated code: (address, value, bytes, pc, here, after) -> 0; `here` when a trap is pending; `after` when
 * the store has dropped translated code.
 */
export function buildTranslatedStore(store: number): FunctionBuilder {
  const f = new FunctionBuilder([i64, i64, i32, i64, i32, i32], [i32]);
  for (const parameter of [0, 1, 2, 3]) f.get(parameter);
  f.call(store);
  const [here, after] = [4, 5];
  f.get(here);
  f.get(after);
  f.i32(0);
  word(f, at.dropped);
  f.op(op.select);
  word(f, at.pending);
  f.op(op.select);
  return f;
}

export function buildStore(walk: number, placeToWrite: number): FunctionBuilder {
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
    f.memory(stores[bits]);
  });
  f.return();
  f.end();
  // Both pages must be writable before either is touched: a store that faults has changed nothing.
  const fault = f.block();
  const probe = f.local(i32);
  for (const page of [() => f.get(address), () => nextPage(f, address)]) {
    page();
    f.i32(pte.write);
    f.i32(commitment.none);
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
  f.i32(commitment.none);
  f.call(walk);
  f.tee(probe);
  f.i32(0);
  f.op(op.i32GeS);
  f.if();
  nextPage(f, address);
  f.tee(address);
  f.i32(pte.write);
  f.i32(commitment.none);
  f.call(walk);
  f.set(probe);
  f.end();
  raiseFault(f, address, probe, traps.storePageFault, traps.storeAccess);
  return f;
}
