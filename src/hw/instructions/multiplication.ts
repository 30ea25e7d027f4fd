/**
 * Multiplication and division (manual, chapter "M extension"). Rows of the table of `table.ts`.
 *
 * Division traps never: by zero it gives all ones and the dividend as remainder; the one signed overflow gives the
 * dividend and remainder 0. WebAssembly traps in both cases, so they are tested for first.
 */
import { op } from '../wasm/opcodes.ts';
import type { Effects } from './effects.ts';
import { type Instruction, row } from './row.ts';

const OP = 0x33;
const OP_32 = 0x3b;

/** Upper half of the product: the unsigned one, less the other factor for each factor taken as negative. */
const multiplyHigh =
  (signedRs1: boolean, signedRs2: boolean) =>
  (e: Effects): void =>
    e.rd(() => {
      const { code } = e;
      e.rs1();
      e.rs2();
      code.call(e.library.multiplyHigh);
      if (signedRs1) {
        e.rs1();
        code.i64(63);
        code.op(op.i64ShrS);
        e.rs2();
        code.op(op.i64And);
        code.op(op.i64Sub);
      }
      if (signedRs2) {
        e.rs2();
        code.i64(63);
        code.op(op.i64ShrS);
        e.rs1();
        code.op(op.i64And);
        code.op(op.i64Sub);
      }
    });

interface Division {
  readonly signed: boolean;
  readonly word: boolean;
  readonly remainder: boolean;
}

function divisionOperation({ signed, word, remainder }: Division): (typeof op)[keyof typeof op] {
  if (word) {
    if (remainder) return signed ? op.i32RemS : op.i32RemU;
    return signed ? op.i32DivS : op.i32DivU;
  }
  if (remainder) return signed ? op.i64RemS : op.i64RemU;
  return signed ? op.i64DivS : op.i64DivU;
}

const divide =
  (kind: Division) =>
  (e: Effects): void =>
    e.rd(() => {
      const { code } = e;
      const type = kind.word ? 0x7f : 0x7e;
      const rs1 = kind.word ? () => e.rs1Word() : () => e.rs1();
      const rs2 = kind.word ? () => e.rs2Word() : () => e.rs2();
      const constant = (value: number) => (kind.word ? code.i32(value) : code.i64(value));
      rs2();
      code.op(kind.word ? op.i32Eqz : op.i64Eqz);
      code.if(type);
      if (kind.remainder) rs1();
      else constant(-1);
      code.else();
      // WebAssembly's signed remainder by -1 is 0 as it should be; only its division traps on overflow.
      if (kind.signed && !kind.remainder) {
        rs2();
        constant(-1);
        code.op(kind.word ? op.i32Eq : op.i64Eq);
        code.if(type);
        constant(0);
        rs1();
        code.op(kind.word ? op.i32Sub : op.i64Sub);
        code.else();
      }
      rs1();
      rs2();
      code.op(divisionOperation(kind));
      if (kind.signed && !kind.remainder) code.end();
      code.end();
      if (kind.word) code.op(op.i64ExtendI32S);
    });

const multiply = (e: Effects): void =>
  e.rd(() => {
    e.rs1();
    e.rs2();
    e.code.op(op.i64Mul);
  });

const multiplyWord = (e: Effects): void =>
  e.rd(() => {
    e.rs1Word();
    e.rs2Word();
    e.code.op(op.i32Mul);
    e.code.op(op.i64ExtendI32S);
  });

const quotient = (signed: boolean, word: boolean) => divide({ signed, word, remainder: false });
const remainder = (signed: boolean, word: boolean) => divide({ signed, word, remainder: true });

export const multiplication: readonly Instruction[] = [
  row('mul', 'R', OP, { funct3: 0, funct7: 1 }, 'rd', multiply),
  row('mulh', 'R', OP, { funct3: 1, funct7: 1 }, 'rd', multiplyHigh(true, true)),
  row('mulhsu', 'R', OP, { funct3: 2, funct7: 1 }, 'rd', multiplyHigh(true, false)),
  row('mulhu', 'R', OP, { funct3: 3, funct7: 1 }, 'rd', multiplyHigh(false, false)),
  row('div', 'R', OP, { funct3: 4, funct7: 1 }, 'rd', quotient(true, false)),
  row('divu', 'R', OP, { funct3: 5, funct7: 1 }, 'rd', quotient(false, false)),
  row('rem', 'R', OP, { funct3: 6, funct7: 1 }, 'rd', remainder(true, false)),
  row('remu', 'R', OP, { funct3: 7, funct7: 1 }, 'rd', remainder(false, false)),
  row('mulw', 'R', OP_32, { funct3: 0, funct7: 1 }, 'rd', multiplyWord),
  row('divw', 'R', OP_32, { funct3: 4, funct7: 1 }, 'rd', quotient(true, true)),
  row('divuw', 'R', OP_32, { funct3: 5, funct7: 1 }, 'rd', quotient(false, true)),
  row('remw', 'R', OP_32, { funct3: 6, funct7: 1 }, 'rd', remainder(true, true)),
  row('remuw', 'R', OP_32, { funct3: 7, funct7: 1 }, 'rd', remainder(false, true)),
];
