/**
 * Atomic memory operations, LR and SC (manual, chapter "A extension"). Rows of the table of `table.ts`.
 *
 * Choices the manual leaves open. A misaligned atomic traps. The reservation is one address, that of the last LR; an SC
 * succeeds only at exactly this address (of either width: the reservation set is the naturally aligned doubleword or the
 * word there), and every SC that completes clears it. A trap does not clear it: a page brought in by a server in between
 * must not be noticed. Whoever switches contexts clears it. An SC that fails does not access memory. All are
 * sequentially consistent, so aq and rl say nothing.
 */
import { at } from '../layout.ts';
import { traps } from '../machine.ts';
import { memoryOp, op, types } from '../wasm/opcodes.ts';
import type { Effects } from './effects.ts';
import { type Instruction, row } from './row.ts';

const AMO = 0x2f;
type AtomicWidth = 32 | 64;

const load = { 32: memoryOp.i64Load32S, 64: memoryOp.i64Load } as const;
const store = { 32: memoryOp.i64Store32, 64: memoryOp.i64Store } as const;

/** Pushes what rs2 was when the instruction began: see `exchange`. */
const source = (e: Effects): void => e.code.get(e.scratch.i64b);

/**
 * Memory gets what `combine` pushes; the old value is in scratch.i64 (words: sign-extended) and goes to rd. Operands are
 * taken, and rd named, before the place to write is asked for: it may be this instruction, which the interpreter forgets
 * when it is about to be written.
 */
const exchange =
  (width: AtomicWidth, combine: (e: Effects) => void) =>
  (e: Effects): void => {
    const { code, scratch } = e;
    e.requireAligned(width, traps.storeMisaligned);
    e.rd(() => {
      e.rs2();
      code.set(scratch.i64b);
      e.place(width, 'write');
      code.tee(scratch.i32);
      code.memory(load[width]);
      code.set(scratch.i64);
      code.get(scratch.i32);
      combine(e);
      code.memory(store[width]);
      code.get(scratch.i64);
    });
  };

const operate =
  (operation: (typeof op)[keyof typeof op]) =>
  (e: Effects): void => {
    e.code.get(e.scratch.i64);
    source(e);
    e.code.op(operation);
  };

/** Pushes rs2 as the comparison sees it: for a word its low half, sign-extended. */
function operand(e: Effects, width: AtomicWidth): void {
  source(e);
  if (width === 32) e.code.op(op.i64Extend32S);
}

/**
 * The old value when `comparison` (old, rs2) holds, else rs2. Sign extension keeps the order of unsigned words too, so
 * one comparison of 64 bits serves both widths.
 */
const pick =
  (width: AtomicWidth, comparison: (typeof op)[keyof typeof op]) =>
  (e: Effects): void => {
    e.code.get(e.scratch.i64);
    operand(e, width);
    e.code.get(e.scratch.i64);
    operand(e, width);
    e.code.op(comparison);
    e.code.op(op.select);
  };

const loadReserved =
  (width: AtomicWidth) =>
  (e: Effects): void => {
    const { code, scratch } = e;
    e.requireAligned(width, traps.loadMisaligned);
    e.place(width, 'read');
    code.set(scratch.i32);
    code.i32(0);
    e.rs1();
    code.memory(memoryOp.i64Store, at.reservation);
    e.rd(() => {
      code.get(scratch.i32);
      code.memory(load[width]);
    });
  };

const storeConditional =
  (width: AtomicWidth) =>
  (e: Effects): void => {
    const { code, scratch } = e;
    e.requireAligned(width, traps.storeMisaligned);
    e.rd(() => {
      code.i32(0);
      code.memory(memoryOp.i64Load, at.reservation);
      e.rs1();
      code.op(op.i64Eq);
      code.if(types.i64);
      e.rs2();
      code.set(scratch.i64b);
      e.place(width, 'write');
      source(e);
      code.memory(store[width]);
      code.i64(0);
      code.else();
      code.i64(1);
      code.end();
      code.i32(0);
      code.i64(-1);
      code.memory(memoryOp.i64Store, at.reservation);
    });
  };

const both = (
  name: string,
  funct5: number,
  meaning: (width: AtomicWidth) => (e: Effects) => void,
  more: { rs2?: number } = {},
): readonly Instruction[] =>
  ([32, 64] as const).map((width) =>
    row(
      `${name}.${width === 32 ? 'w' : 'd'}`,
      'R',
      AMO,
      { funct3: width === 32 ? 2 : 3, funct5, ...more },
      'rd and more',
      meaning(width),
    ),
  );

export const atomics: readonly Instruction[] = [
  ...both('lr', 0x02, loadReserved, { rs2: 0 }),
  ...both('sc', 0x03, storeConditional),
  ...both('amoswap', 0x01, (width) => exchange(width, source)),
  ...both('amoadd', 0x00, (width) => exchange(width, operate(op.i64Add))),
  ...both('amoxor', 0x04, (width) => exchange(width, operate(op.i64Xor))),
  ...both('amoor', 0x08, (width) => exchange(width, operate(op.i64Or))),
  ...both('amoand', 0x0c, (width) => exchange(width, operate(op.i64And))),
  ...both('amomin', 0x10, (width) => exchange(width, pick(width, op.i64LtS))),
  ...both('amomax', 0x14, (width) => exchange(width, pick(width, op.i64GtS))),
  ...both('amominu', 0x18, (width) => exchange(width, pick(width, op.i64LtU))),
  ...both('amomaxu', 0x1c, (width) => exchange(width, pick(width, op.i64GtU))),
];
