/**
 * Control and status registers (manual, chapters "Zicsr", "Zicntr" and "F"). Rows of the table of `table.ts`.
 *
 * Those of user mode that exist: fflags, frm and fcsr, which are views of one word, and the counters, which are read only.
 * Every other number has no row or is refused, so it is an illegal instruction.
 */
import { op } from '../wasm/opcodes.ts';
import type { Effects } from './effects.ts';
import { type Instruction, row } from './row.ts';

const SYSTEM = 0x73;

/**
 * Counters: cycle and time read the tick, instret the retired instructions. Of the instructions only those that do not
 * write are legal: csrrs and csrrc (and their immediate forms) with the field rs1 zero.
 */
const counters: readonly Instruction[] = [
  ['cycle', 0xc00, 'tick'] as const,
  ['time', 0xc01, 'tick'] as const,
  ['instret', 0xc02, 'retired'] as const,
].flatMap(([name, csr, counter]) =>
  [2, 3, 6, 7].map((funct3) =>
    row(`rd${name}.${funct3}`, 'R', SYSTEM, { funct3, funct12: csr, rs1: 0 }, 'rd', (e) =>
      e.rd(() => e.counter(counter)),
    ),
  ),
);

/** By csr number times 8, what bits each of 1 to 3 has: fflags five, frm three, fcsr eight. There is no csr 0. */
const WIDTHS = 0xff_07_1f_00 | 0;
const FRM = 2;
const FRM_SHIFT = 5;

/** Pushes the csr number, 0 to 3; the field rs1 as an immediate. */
function number(e: Effects): void {
  e.immediateWord();
  e.code.i32(20);
  e.code.op(op.i32ShrU);
  e.code.i32(3);
  e.code.op(op.i32And);
}

function shortImmediate(e: Effects): void {
  e.immediateWord();
  e.code.i32(15);
  e.code.op(op.i32ShrU);
  e.code.i32(31);
  e.code.op(op.i32And);
}

/** Pushes the mask of the register's bits, not shifted; and by how much they are shifted in fcsr. */
function mask(e: Effects): void {
  e.code.i32(WIDTHS);
  number(e);
  e.code.i32(3);
  e.code.op(op.i32Shl);
  e.code.op(op.i32ShrU);
  e.code.i32(255);
  e.code.op(op.i32And);
}

function shift(e: Effects): void {
  e.code.i32(FRM_SHIFT);
  e.code.i32(0);
  number(e);
  e.code.i32(FRM);
  e.code.op(op.i32Eq);
  e.code.op(op.select);
}

/** Pushes the register's value. */
function view(e: Effects): void {
  e.readFcsr();
  shift(e);
  e.code.op(op.i32ShrU);
  mask(e);
  e.code.op(op.i32And);
}

/**
 * csrrw, csrrs, csrrc: rd becomes the old value, the register the operand, or has the operand's bits set or cleared. With
 * x0 or 0 as operand the latter two write what was there, which nobody can tell from not writing.
 */
const access =
  (kind: 'write' | 'set' | 'clear', isImmediate: boolean) =>
  (e: Effects): void => {
    const { code, scratch } = e;
    e.illegalWhen(() => {
      number(e);
      code.op(op.i32Eqz);
    });
    view(e);
    code.op(op.i64ExtendI32U);
    code.set(scratch.i64);
    e.writeFcsr(() => {
      // The new value's bits replace the old ones: fcsr ^ ((view ^ new) & mask) << shift.
      e.readFcsr();
      view(e);
      if (kind !== 'write') view(e);
      if (isImmediate) shortImmediate(e);
      else e.rs1Word();
      if (kind === 'clear') {
        code.i32(-1);
        code.op(op.i32Xor);
        code.op(op.i32And);
      }
      if (kind === 'set') code.op(op.i32Or);
      code.op(op.i32Xor);
      mask(e);
      code.op(op.i32And);
      shift(e);
      code.op(op.i32Shl);
      code.op(op.i32Xor);
    });
    e.rd(() => code.get(scratch.i64));
  };

/** One row for all three registers: they differ in the lowest two bits of the csr number, which is 0 to 3. */
const status: readonly Instruction[] = [
  ['csrrw', 1, access('write', false)] as const,
  ['csrrs', 2, access('set', false)] as const,
  ['csrrc', 3, access('clear', false)] as const,
  ['csrrwi', 5, access('write', true)] as const,
  ['csrrsi', 6, access('set', true)] as const,
  ['csrrci', 7, access('clear', true)] as const,
].map(([name, funct3, meaning]) =>
  row(name, 'float', SYSTEM, { funct3, csrUpper: 0 }, 'rd and more', meaning),
);

export const control: readonly Instruction[] = [...counters, ...status];
