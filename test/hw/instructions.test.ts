/** Each instruction of RV64IM with edge operands, against the manual's wording in big integers. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { traps } from '../../src/hw/machine.ts';
import { ALL_ONES, asm, CODE, createBench, DATA, edgeValues, encode } from './bench.ts';

const bench = createBench();
const { hart, view } = bench.machine;

const unsigned = (value: bigint): bigint => BigInt.asUintN(64, value);
const signed = (value: bigint): bigint => BigInt.asIntN(64, value);
/** "the low 32 bits, sign-extended to 64 bits" */
const word = (value: bigint): bigint => unsigned(BigInt.asIntN(32, value));
const low32 = (value: bigint): bigint => BigInt.asUintN(32, value);
const signed32 = (value: bigint): bigint => BigInt.asIntN(32, value);
const flag = (fact: boolean): bigint => (fact ? 1n : 0n);

/** Division rounds towards zero; BigInt's does too. Table 11 of the manual for zero and overflow. */
const quotient = (a: bigint, b: bigint): bigint => (b === 0n ? -1n : a / b);
const remainder = (a: bigint, b: bigint): bigint => (b === 0n ? a : a % b);

type Meaning = (a: bigint, b: bigint) => bigint;

/** opcode, funct3, funct7 and rd as a function of rs1 and rs2 (manual: RV32I, RV64I, M). */
const registerInstructions: Readonly<Record<string, readonly [number, number, number, Meaning]>> = {
  add: [0x33, 0, 0x00, (a, b) => a + b],
  sub: [0x33, 0, 0x20, (a, b) => a - b],
  sll: [0x33, 1, 0x00, (a, b) => a << (b & 63n)],
  slt: [0x33, 2, 0x00, (a, b) => flag(signed(a) < signed(b))],
  sltu: [0x33, 3, 0x00, (a, b) => flag(a < b)],
  xor: [0x33, 4, 0x00, (a, b) => a ^ b],
  srl: [0x33, 5, 0x00, (a, b) => a >> (b & 63n)],
  sra: [0x33, 5, 0x20, (a, b) => signed(a) >> (b & 63n)],
  or: [0x33, 6, 0x00, (a, b) => a | b],
  and: [0x33, 7, 0x00, (a, b) => a & b],
  addw: [0x3b, 0, 0x00, (a, b) => word(a + b)],
  subw: [0x3b, 0, 0x20, (a, b) => word(a - b)],
  sllw: [0x3b, 1, 0x00, (a, b) => word(a << (b & 31n))],
  srlw: [0x3b, 5, 0x00, (a, b) => word(low32(a) >> (b & 31n))],
  sraw: [0x3b, 5, 0x20, (a, b) => word(signed32(a) >> (b & 31n))],
  mul: [0x33, 0, 0x01, (a, b) => a * b],
  mulh: [0x33, 1, 0x01, (a, b) => (signed(a) * signed(b)) >> 64n],
  mulhsu: [0x33, 2, 0x01, (a, b) => (signed(a) * b) >> 64n],
  mulhu: [0x33, 3, 0x01, (a, b) => (a * b) >> 64n],
  div: [0x33, 4, 0x01, (a, b) => quotient(signed(a), signed(b))],
  divu: [0x33, 5, 0x01, (a, b) => quotient(a, b)],
  rem: [0x33, 6, 0x01, (a, b) => remainder(signed(a), signed(b))],
  remu: [0x33, 7, 0x01, (a, b) => remainder(a, b)],
  mulw: [0x3b, 0, 0x01, (a, b) => word(a * b)],
  divw: [0x3b, 4, 0x01, (a, b) => word(quotient(signed32(a), signed32(b)))],
  divuw: [0x3b, 5, 0x01, (a, b) => word(quotient(low32(a), low32(b)))],
  remw: [0x3b, 6, 0x01, (a, b) => word(remainder(signed32(a), signed32(b)))],
  remuw: [0x3b, 7, 0x01, (a, b) => word(remainder(low32(a), low32(b)))],
};

/** Runs the one instruction at CODE; it must retire. */
function retire(): void {
  assert.is(bench.run(CODE), traps.budget);
  assert.is(hart.lastRetired, 1);
  assert.is(hart.pcWord[0], BigInt(CODE + 4));
  assert.is(hart.x[0], 0n);
}

for (const [name, [opcode, funct3, funct7, meaning]] of Object.entries(registerInstructions)) {
  test(`${name} computes what the manual says on edge values`, () => {
    bench.place(CODE, [encode.r(opcode, funct3, funct7, 10, 11, 12)]);
    for (const a of edgeValues) {
      for (const b of edgeValues) {
        hart.x[10] = 0xdeadn;
        hart.x[11] = a;
        hart.x[12] = b;
        retire();
        assert.is(hart.x[10], unsigned(meaning(a, b)), `${name} of ${a.toString(16)} and ${b.toString(16)}`);
        assert.is(hart.x[11], a);
        assert.is(hart.x[12], b);
      }
    }
  });

  test(`${name} reads its operands before it writes, and writes nothing to x0`, () => {
    const [a, b] = [0x8000_0000_1234_5677n, 0x7fff_ffff_8000_0003n];
    bench.place(CODE, [encode.r(opcode, funct3, funct7, 11, 11, 12)]);
    hart.x[11] = a;
    hart.x[12] = b;
    retire();
    assert.is(hart.x[11], unsigned(meaning(a, b)));
    bench.place(CODE, [encode.r(opcode, funct3, funct7, 12, 11, 12)]);
    hart.x[11] = a;
    retire();
    assert.is(hart.x[12], unsigned(meaning(a, b)));
    bench.place(CODE, [encode.r(opcode, funct3, funct7, 13, 12, 12)]);
    hart.x[12] = b;
    retire();
    assert.is(hart.x[13], unsigned(meaning(b, b)));
    bench.place(CODE, [encode.r(opcode, funct3, funct7, 14, 0, 12)]);
    retire();
    assert.is(hart.x[14], unsigned(meaning(0n, b)));
    bench.place(CODE, [encode.r(opcode, funct3, funct7, 0, 11, 12)]);
    retire();
  });
}

/** With a sign-extended 12-bit immediate. */
const immediateInstructions: Readonly<Record<string, readonly [number, number, Meaning]>> = {
  addi: [0x13, 0, (a, b) => a + b],
  slti: [0x13, 2, (a, b) => flag(signed(a) < b)],
  sltiu: [0x13, 3, (a, b) => flag(a < unsigned(b))],
  xori: [0x13, 4, (a, b) => a ^ unsigned(b)],
  ori: [0x13, 6, (a, b) => a | unsigned(b)],
  andi: [0x13, 7, (a, b) => a & unsigned(b)],
  addiw: [0x1b, 0, (a, b) => word(a + b)],
};
const immediates = [0, 1, -1, 2047, -2048, 1365, -1366, 64, 31];

for (const [name, [opcode, funct3, meaning]] of Object.entries(immediateInstructions)) {
  test(`${name} computes what the manual says on edge values`, () => {
    for (const immediate of immediates) {
      bench.place(CODE, [encode.i(opcode, funct3, 10, 11, immediate)]);
      for (const a of edgeValues) {
        hart.x[11] = a;
        retire();
        assert.is(
          hart.x[10],
          unsigned(meaning(a, BigInt(immediate))),
          `${name} ${a.toString(16)} ${immediate}`,
        );
      }
    }
    bench.place(CODE, [encode.i(opcode, funct3, 0, 11, 5)]);
    retire();
  });
}

/** Shifts by a constant: the upper bits of the immediate field tell them apart. */
const shiftInstructions: Readonly<Record<string, readonly [number, number, number, number, Meaning]>> = {
  slli: [0x13, 1, 0x000, 64, (a, b) => a << b],
  srli: [0x13, 5, 0x000, 64, (a, b) => a >> b],
  srai: [0x13, 5, 0x400, 64, (a, b) => signed(a) >> b],
  slliw: [0x1b, 1, 0x000, 32, (a, b) => word(a << b)],
  srliw: [0x1b, 5, 0x000, 32, (a, b) => word(low32(a) >> b)],
  sraiw: [0x1b, 5, 0x400, 32, (a, b) => word(signed32(a) >> b)],
};

for (const [name, [opcode, funct3, upper, limit, meaning]] of Object.entries(shiftInstructions)) {
  test(`${name} shifts by every amount`, () => {
    for (let amount = 0; amount < limit; amount++) {
      bench.place(CODE, [encode.i(opcode, funct3, 10, 11, upper | amount)]);
      for (const a of edgeValues) {
        hart.x[11] = a;
        retire();
        assert.is(hart.x[10], unsigned(meaning(a, BigInt(amount))), `${name} ${a.toString(16)} by ${amount}`);
      }
    }
    if (limit === 64) return;
    bench.place(CODE, [encode.i(opcode, funct3, 10, 11, upper | 32)]);
    assert.is(bench.run(CODE), traps.illegalInstruction, 'imm[5] is reserved in word shifts');
  });
}

test('lui and auipc put 20 bits above 12 zeros, sign-extended', () => {
  for (const immediate of [0, 1, 0x7ffff, 0x80000, 0xfffff, 0x12345]) {
    const value = word(BigInt(immediate) << 12n);
    bench.place(CODE, [encode.u(0x37, 10, immediate)]);
    retire();
    assert.is(hart.x[10], value);
    bench.place(CODE, [encode.u(0x17, 10, immediate)]);
    retire();
    assert.is(hart.x[10], unsigned(BigInt(CODE) + value));
  }
});

const branches: Readonly<Record<string, readonly [number, (a: bigint, b: bigint) => boolean]>> = {
  beq: [0, (a, b) => a === b],
  bne: [1, (a, b) => a !== b],
  blt: [4, (a, b) => signed(a) < signed(b)],
  bge: [5, (a, b) => signed(a) >= signed(b)],
  bltu: [6, (a, b) => a < b],
  bgeu: [7, (a, b) => a >= b],
};

for (const [name, [funct3, isTaken]] of Object.entries(branches)) {
  test(`${name} goes to its target exactly when its condition holds`, () => {
    for (const offset of [8, -8, 2, 4094, -4096, 2048, -2048, 1366]) {
      bench.place(CODE + 16, [encode.b(funct3, 11, 12, offset)]);
      for (const a of edgeValues) {
        for (const b of edgeValues) {
          hart.x[11] = a;
          hart.x[12] = b;
          assert.is(bench.run(CODE + 16), traps.budget);
          const target = CODE + 16 + (isTaken(a, b) ? offset : 4);
          assert.is(hart.pcWord[0], BigInt(target), `${name} ${offset}`);
        }
      }
    }
  });
}

test('jal links the next address and reaches a mebibyte both ways', () => {
  for (const offset of [8, -8, 2, 4096, -4096, 0xffffe, -0x100000, 0x55556]) {
    for (const rd of [0, 1, 5]) {
      bench.place(CODE, [asm.jal(rd, offset)]);
      hart.x[rd] = 0n;
      assert.is(bench.run(CODE), traps.budget);
      assert.is(hart.pcWord[0], unsigned(BigInt(CODE + offset)));
      assert.is(hart.x[rd], rd === 0 ? 0n : BigInt(CODE + 4));
    }
  }
});

test('jalr clears the lowest bit of its target, which may come from the register it links in', () => {
  for (const immediate of immediates) {
    for (const base of [BigInt(CODE + 64), ALL_ONES, 0n, 0x8000_0000_0000_0000n]) {
      for (const [rd, rs1] of [
        [0, 11],
        [1, 11],
        [11, 11],
      ] as const) {
        bench.place(CODE, [asm.jalr(rd, rs1, immediate)]);
        hart.x[11] = base;
        assert.is(bench.run(CODE), traps.budget);
        assert.is(hart.pcWord[0], unsigned(base + BigInt(immediate)) & ~1n);
        assert.is(hart.x[rd], rd === 0 ? 0n : BigInt(CODE + 4));
      }
    }
  }
});

/** funct3 of loads: bits, signed. */
const loads = {
  lb: [0, 8, true],
  lh: [1, 16, true],
  lw: [2, 32, true],
  ld: [3, 64, true],
  lbu: [4, 8, false],
  lhu: [5, 16, false],
  lwu: [6, 32, false],
} as const;
const pattern = Uint8Array.from({ length: 32 }, (_, i) => (i * 37 + 0x81) & 255);

/** The number that `bytes` bytes of the pattern from `at` make, little endian. */
function patternValue(at: number, bytes: number): bigint {
  let value = 0n;
  for (let i = bytes - 1; i >= 0; i--) value = (value << 8n) | BigInt(pattern[at + i] as number);
  return value;
}

for (const [name, [funct3, bits, isSigned]] of Object.entries(loads)) {
  test(`${name} extends what it loads, at every alignment and across pages`, () => {
    for (const start of [DATA + 64, DATA + 4096 - 12]) {
      for (const [i, byte] of pattern.entries()) view.setUint8(bench.at(start + i), byte);
      for (let at = 0; at < 24; at++) {
        for (const immediate of [0, 1, -1, 2047, -2048]) {
          bench.place(CODE, [asm.load(funct3, 10, 11, immediate)]);
          hart.x[11] = BigInt(start + at - immediate);
          hart.x[10] = 0x5555n;
          retire();
          const value = patternValue(at, bits / 8);
          assert.is(hart.x[10], isSigned ? unsigned(BigInt.asIntN(bits, value)) : value, `${name} at ${at}`);
        }
      }
      bench.place(CODE, [asm.load(funct3, 0, 11, 0)]);
      retire();
    }
  });
}

const stores = { sb: [0, 8], sh: [1, 16], sw: [2, 32], sd: [3, 64] } as const;

for (const [name, [funct3, bits]] of Object.entries(stores)) {
  test(`${name} changes exactly its bytes, at every alignment and across pages`, () => {
    for (const start of [DATA + 64, DATA + 4096 - 12]) {
      for (let at = 0; at < 24; at++) {
        for (const value of [0x8182_8384_8586_8788n, 0x1122_3344_5566_7788n, ALL_ONES, 0n]) {
          for (const immediate of [0, -2048, 2047]) {
            for (let i = 0; i < 32; i++) view.setUint8(bench.at(start + i), 0x5a);
            bench.place(CODE, [encode.s(funct3, 11, 12, immediate)]);
            hart.x[11] = BigInt(start + at - immediate);
            hart.x[12] = value;
            retire();
            for (let i = 0; i < 32; i++) {
              const isWritten = i >= at && i < at + bits / 8;
              const expected = isWritten ? Number((value >> BigInt(8 * (i - at))) & 0xffn) : 0x5a;
              assert.is(view.getUint8(bench.at(start + i)), expected, `${name} at ${at}, byte ${i}`);
            }
          }
        }
      }
    }
  });
}

test('fence and fence.i retire and change nothing', () => {
  const before = bench.machine.exportState();
  for (const bits of [0x0ff0_000f, 0x0000_100f, 0x8330_000f]) {
    bench.place(CODE, [bits]);
    retire();
    const { x } = bench.machine.exportState();
    assert.equal(x, before.x);
  }
});

test('cycle and time read the tick, instret the retired instructions, all as of before the read', () => {
  const read = [0xc00, 0xc01, 0xc02].map((number, i) => asm.csr(2, 10 + i, number, 0));
  bench.place(CODE, [asm.nop, ...read, asm.csr(7, 13, 0xc00, 0)]);
  hart.addTicks(1000);
  const tick = hart.tickWord[0] as bigint;
  const retired = hart.retiredWord[0] as bigint;
  assert.is(bench.run(CODE, 5), traps.budget);
  assert.is(hart.x[10], tick + 1n);
  assert.is(hart.x[11], tick + 2n);
  assert.is(hart.x[12], retired + 3n);
  assert.is(hart.x[13], tick + 4n);
  assert.is(hart.tickWord[0], tick + 5n);
  assert.is(hart.retiredWord[0], retired + 5n);
});

test('the tick carries beyond 32 bits', () => {
  hart.tickWord[0] = 0xffff_ffffn;
  hart.addTicks(1);
  assert.is(hart.tickWord[0], 0x1_0000_0000n);
  hart.addTicks(2 ** 40 + 5);
  assert.is(hart.tickWord[0], 0x1_0000_0000n + 2n ** 40n + 5n);
  bench.place(CODE, [asm.nop]);
  hart.tickWord[0] = 0xffff_ffffn;
  retire();
  assert.is(hart.tickWord[0], 0x1_0000_0000n);
});

test.run();
