/**
 * The Sv39 walk in WebAssembly (manual volume II, "Virtual Address Translation Process").
 *
 * Invariants: a walk that fails changes nothing; one with `commit` sets the accessed bit of the leaf, and for a write the
 * dirty bit. The hardware reads tables from RAM only: a table or a page elsewhere is an access fault. Called on TLB
 * misses, and by stores on two pages to look before they write.
 */
import { PAGE_SHIFT } from '../../base/limits.ts';
import { at } from '../layout.ts';
import { pte } from '../machine.ts';
import { FunctionBuilder } from '../wasm/builder.ts';
import { memoryOp, op, types } from '../wasm/opcodes.ts';
import { frameStart, setWord, word } from './words.ts';

const { i32, i64 } = types;

/** Results of a walk that are no frame. */
export const PAGE_FAULT = -1;
const ACCESS_FAULT = -2;

/** The body being built and its locals. */
interface Walk {
  readonly f: FunctionBuilder;
  readonly address: number;
  readonly wanted: number;
  readonly commit: number;
  /** Frame of the table looked into; in the end the frame found. */
  readonly table: number;
  /** Place and content of the last entry read. */
  readonly place: number;
  readonly entry: number;
  readonly work: number;
}

/** Returns `result` from the walk when the condition on the stack holds. */
function failIf(f: FunctionBuilder, result: number): void {
  f.if();
  f.i32(result);
  f.return();
  f.end();
}

/** Pushes whether the entry has one of these bits. */
function anyOf({ f, entry }: Walk, bits: number | bigint): void {
  f.get(entry);
  f.i64(bits);
  f.op(op.i64And);
  f.i64(0);
  f.op(op.i64Ne);
}

/** Pushes the entry's physical page number (44 bits). */
function pageNumber({ f, entry }: Walk): void {
  f.get(entry);
  f.i64(10);
  f.op(op.i64ShrU);
  f.i64((1n << 44n) - 1n);
  f.op(op.i64And);
}

/** Fails when the i64 on the stack is no frame of RAM. */
function failBeyondRam({ f }: Walk): void {
  word(f, at.frameCount);
  f.op(op.i64ExtendI32U);
  f.op(op.i64GeU);
  failIf(f, ACCESS_FAULT);
}

/** Sets `table` to the root; fails when translation is off or the address is not canonical. */
function begin({ f, address, table }: Walk): void {
  word(f, at.rootFrame);
  f.tee(table);
  f.i32(-1);
  f.op(op.i32Eq);
  failIf(f, PAGE_FAULT);
  // Bits 63 to 39 must equal bit 38.
  f.get(address);
  f.i64(25);
  f.op(op.i64Shl);
  f.i64(25);
  f.op(op.i64ShrS);
  f.get(address);
  f.op(op.i64Ne);
  failIf(f, PAGE_FAULT);
}

/** Reads the entry of one level; fails when it is not valid, writable but not readable, or has a reserved bit (63 to 54). */
function readEntry(w: Walk, level: number): void {
  const { f, address, table, place, entry } = w;
  frameStart(f, table);
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
  anyOf(w, 0x3ffn << 54n);
  f.op(op.i32Or);
  failIf(f, PAGE_FAULT);
}

/** Goes to the table that the entry points to. A, D and U are reserved in a pointer. */
function descend(w: Walk): void {
  const { f, table } = w;
  anyOf(w, pte.accessed | pte.dirty | pte.user);
  failIf(f, PAGE_FAULT);
  pageNumber(w);
  failBeyondRam(w);
  pageNumber(w);
  f.op(op.i32WrapI64);
  f.set(table);
}

/** Sets `table` to the frame that the leaf gives; fails when it is not the user's, forbids the access or is misaligned. */
function takeLeaf(w: Walk): void {
  const { f, address, wanted, table, entry, work } = w;
  anyOf(w, pte.user);
  f.get(entry);
  f.op(op.i32WrapI64);
  f.get(wanted);
  f.op(op.i32And);
  f.i32(0);
  f.op(op.i32Ne);
  f.op(op.i32And);
  f.op(op.i32Eqz);
  failIf(f, PAGE_FAULT);
  // The pages within a leaf of this level: 2^(9 * level) - 1, the bits of its number that must be zero.
  f.i64(1);
  word(f, at.walkLevel);
  f.i32(9);
  f.op(op.i32Mul);
  f.op(op.i64ExtendI32U);
  f.op(op.i64Shl);
  f.i64(1);
  f.op(op.i64Sub);
  f.set(work);
  pageNumber(w);
  f.get(work);
  f.op(op.i64And);
  f.i64(0);
  f.op(op.i64Ne);
  failIf(f, PAGE_FAULT);
  pageNumber(w);
  f.get(address);
  f.i64(PAGE_SHIFT);
  f.op(op.i64ShrU);
  f.get(work);
  f.op(op.i64And);
  f.op(op.i64Or);
  f.tee(work);
  failBeyondRam(w);
  f.get(work);
  f.op(op.i32WrapI64);
  f.set(table);
}

/** Sets the accessed bit of the leaf, and the dirty bit for a write, where they are not set. */
function markLeaf({ f, wanted, place, entry, work }: Walk): void {
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
  f.tee(work);
  f.get(entry);
  f.op(op.i64Ne);
  f.if();
  f.get(place);
  f.get(work);
  f.memory(memoryOp.i64Store);
  f.end();
}

/** What a walk does with the leaf it finds. */
export const commitment = {
  /** Nothing: it only looks. */
  none: 0,
  /** Sets the accessed bit, and for a write the dirty bit. */
  mark: 1,
  /** Nothing, but it is a page fault unless the accessed bit is set. */
  expect: 2,
} as const;

/**
 * walk(address, wanted, commit) -> frame, or PAGE_FAULT or ACCESS_FAULT. `wanted` is one of the bits R, W, X of a table
 * entry, `commit` one of `commitment`.
 */
export function buildWalk(): FunctionBuilder {
  const f = new FunctionBuilder([i64, i32, i32], [i32]);
  const w: Walk = {
    f,
    address: 0,
    wanted: 1,
    commit: 2,
    table: f.local(i32),
    place: f.local(i32),
    entry: f.local(i64),
    work: f.local(i64),
  };
  begin(w);
  const found = f.block();
  for (const level of [2, 1, 0]) {
    readEntry(w, level);
    anyOf(w, pte.read | pte.execute);
    f.brIf(found);
    if (level > 0) descend(w);
  }
  // A pointer at the last level leads nowhere.
  f.i32(PAGE_FAULT);
  f.return();
  f.end();
  takeLeaf(w);
  f.get(w.commit);
  f.i32(commitment.mark);
  f.op(op.i32Eq);
  f.if();
  markLeaf(w);
  f.end();
  f.get(w.commit);
  f.i32(commitment.expect);
  f.op(op.i32Eq);
  f.get(w.entry);
  f.i64(pte.accessed);
  f.op(op.i64And);
  f.op(op.i64Eqz);
  f.op(op.i32And);
  failIf(f, PAGE_FAULT);
  f.get(w.table);
  return f;
}
