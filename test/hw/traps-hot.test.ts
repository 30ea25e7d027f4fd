/**
 * A trap in code that has become hot is as precise as in code that runs once: cause, pc, value, registers, counts; and a
 * budget ends exactly where it says on every side of it. Expectations are worked out here, not taken from another tier.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { pte, type Tier, traps } from '../../src/hw/machine.ts';
import { asm, type Bench, CODE, createBench, DATA, encode, RAM_BYTES } from './bench.ts';

const READ_ONLY = 0x3_0000;
const ABSENT = 0x7_0000;
/** A page whose table entry names a frame that is not there. */
const NO_MEMORY = 0x8_0000;
const GOOD = DATA + 64;
/** More than make a loop hot. */
const ITERATIONS = 900;

interface Case {
  readonly name: string;
  /** One instruction that traps when x10 is `bad`; with x10 = `good` it does not. */
  readonly code: number;
  readonly good: number;
  readonly bad: number;
  readonly cause: number;
  readonly value: number;
}

const access = (name: string, code: number, address: number, cause: number, value = address): Case => ({
  name,
  code,
  good: GOOD,
  bad: address,
  cause,
  value,
});

const { lw, ld, sw, sd, amo, jalr } = asm;
const fld = (rd: number, rs1: number): number => encode.i(0x07, 3, rd, rs1, 0) >>> 0;
const fsd = (rs2: number, rs1: number): number => ((encode.s(3, rs1, rs2, 0) & ~0x7f) | 0x27) >>> 0;
const LR = 0x02;
const SWAP = 0x01;

/** Those that depend on an address. */
const accesses: readonly Case[] = [
  access('ld of an absent page', ld(12, 10, 0), ABSENT + 8, traps.loadPageFault),
  access('ld across into an absent page', ld(12, 10, 0), DATA + 8192 - 4, traps.loadPageFault, DATA + 8192),
  access('lw of no memory', lw(12, 10, 0), NO_MEMORY, traps.loadAccess),
  access('fld of an absent page', fld(4, 10), ABSENT, traps.loadPageFault),
  access('sd to an absent page', sd(12, 10, 0), ABSENT, traps.storePageFault),
  access('sw to a page for reading', sw(12, 10, 0), READ_ONLY, traps.storePageFault),
  access('sd across into an absent page', sd(12, 10, 0), DATA + 8192 - 1, traps.storePageFault, DATA + 8192),
  access('sd to no memory', sd(12, 10, 0), NO_MEMORY, traps.storeAccess),
  access('fsd to an absent page', fsd(4, 10), ABSENT, traps.storePageFault),
  access('lr of an absent page', amo(LR, true, 12, 10, 0), ABSENT, traps.loadPageFault),
  access('lr that is misaligned', amo(LR, true, 12, 10, 0), GOOD + 4, traps.loadMisaligned),
  access('amoswap that is misaligned', amo(SWAP, false, 12, 10, 13), GOOD + 2, traps.storeMisaligned),
  access('amoswap of a page for reading', amo(SWAP, false, 12, 10, 13), READ_ONLY, traps.storePageFault),
  access('sc that is misaligned', amo(0x03, false, 12, 10, 13), GOOD + 2, traps.storeMisaligned),
];

/** Those that always trap: a branch goes round them until the last iteration. */
const always: readonly {
  readonly name: string;
  readonly code: number;
  readonly cause: number;
  readonly value: number;
}[] = [
  { name: 'ecall', code: asm.ecall, cause: traps.environmentCall, value: 0 },
  { name: 'an illegal instruction', code: 0xffff_ffff, cause: traps.illegalInstruction, value: 0xffff_ffff },
  {
    name: 'an illegal CSR',
    code: asm.csr(1, 12, 0xc00, 0),
    cause: traps.illegalInstruction,
    value: asm.csr(1, 12, 0xc00, 0),
  },
  { name: 'ebreak', code: asm.ebreak, cause: traps.breakpoint, value: -1 },
];

function prepare(tier: Tier): Bench {
  const bench = createBench(RAM_BYTES, { tier });
  bench.map(READ_ONLY, pte.read);
  bench.tables.map(NO_MEMORY, bench.machine.frameCount + 5, pte.read | pte.write | pte.execute);
  return bench;
}

/** Puts the registers of a loop as they are before its first instruction. */
function reset({ machine: { hart } }: Bench, good: number, bad: number): void {
  hart.x.fill(0n);
  hart.x[6] = BigInt(ITERATIONS);
  hart.x[10] = BigInt(good);
  hart.x[11] = BigInt(good);
  hart.x[14] = BigInt(bad);
  hart.x[12] = 0x77n;
  hart.tickWord[0] = 5n;
  hart.retiredWord[0] = 7n;
}

interface Expected {
  readonly cause: number;
  readonly pc: number;
  readonly value: bigint;
  /** Instructions that retire before the trap. */
  readonly retired: number;
}

/** Runs with a large budget, with those around the trap, and in pieces; each must say the same. */
function checkTrap(bench: Bench, start: () => void, expected: Expected, what: string): void {
  const { hart } = bench.machine;
  const see = () => ({ pc: hart.pcWord[0], value: hart.trapValueWord[0], x5: hart.x[5], x8: hart.x[8] });
  const trapped = {
    pc: BigInt(expected.pc),
    value: expected.value,
    x5: BigInt(ITERATIONS),
    x8: BigInt((ITERATIONS * (ITERATIONS + 1)) / 2),
  };
  const { retired } = expected;
  for (const budget of [2 ** 31 - 1, retired + 1, retired + 2, retired + 77]) {
    start();
    assert.is(bench.run(CODE, budget), expected.cause, `${what}, budget ${budget}`);
    assert.is(hart.lastRetired, retired, `${what}, budget ${budget}`);
    assert.equal(see(), trapped, what);
    assert.is(hart.tickWord[0], BigInt(5 + retired), what);
    assert.is(hart.retiredWord[0], BigInt(7 + retired), what);
    // Once more from there: the same trap, and nothing retires.
    assert.is(hart.run(1000), expected.cause, what);
    assert.is(hart.lastRetired, 0, what);
    assert.equal(see(), trapped, what);
  }
  for (const budget of [
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    retired - 9,
    retired - 5,
    retired - 3,
    retired - 2,
    retired - 1,
    retired,
  ]) {
    start();
    assert.is(bench.run(CODE, budget), traps.budget, `${what}, budget ${budget}`);
    assert.is(hart.lastRetired, budget, `${what}, budget ${budget}`);
    assert.is(hart.retiredWord[0], BigInt(7 + budget), what);
    let left = retired - budget;
    // On in pieces of every size, to the trap.
    for (let piece = 1; left > 0; piece = ((piece * 5) % 499) + 2) {
      assert.is(hart.run(Math.min(piece, left)), traps.budget, what);
      assert.is(hart.lastRetired, Math.min(piece, left), what);
      left -= hart.lastRetired;
    }
    assert.is(hart.run(1), expected.cause, `${what}, budget ${budget}, in pieces`);
    assert.is(hart.lastRetired, 0, what);
    assert.equal(see(), trapped, `${what}, budget ${budget}, in pieces`);
  }
}

for (const tier of ['interpreter', 'translator', 'auto'] as const) {
  test(`an access that faults in the middle of a hot loop is precise (${tier})`, () => {
    const bench = prepare(tier);
    for (const { name, code, good, bad, cause, value } of accesses) {
      // In the last round x10 becomes the bad address: no branch tells it.
      const loop = [
        asm.addi(5, 5, 1),
        asm.add(8, 8, 5),
        encode.r(0x33, 0, 0x20, 9, 5, 6), // sub
        encode.i(0x13, 3, 9, 9, 1), // sltiu x9, x9, 1: is zero
        encode.r(0x33, 0, 0x20, 9, 0, 9), // neg
        encode.r(0x33, 0, 0x20, 13, 14, 11), // bad - good
        encode.r(0x33, 7, 0, 13, 13, 9), // and
        asm.add(10, 11, 13),
        code,
        asm.jal(0, -36),
      ];
      bench.place(CODE, loop);
      const retired = (ITERATIONS - 1) * 10 + 8;
      const expected = { cause, pc: CODE + 32, value: BigInt(value), retired };
      checkTrap(bench, () => reset(bench, good, bad), expected, name);
      assert.is(bench.machine.hart.x[10], BigInt(bad), name);
    }
  });

  test(`an instruction that traps behind a branch of a hot loop is precise (${tier})`, () => {
    const bench = prepare(tier);
    for (const { name, code, cause, value } of always) {
      bench.place(CODE, [asm.addi(5, 5, 1), asm.add(8, 8, 5), asm.bne(5, 6, 8), code, asm.jal(0, -16)]);
      const expected = {
        cause,
        pc: CODE + 12,
        value: BigInt(value === -1 ? CODE + 12 : value),
        retired: (ITERATIONS - 1) * 4 + 3,
      };
      checkTrap(bench, () => reset(bench, 0, 0), expected, name);
      assert.is(bench.machine.hart.x[12], 0x77n, name);
    }
  });

  test(`a jump out of a hot loop to where nothing can be fetched is precise (${tier})`, () => {
    const bench = prepare(tier);
    for (const [target, cause, value] of [
      [ABSENT, traps.instructionPageFault, ABSENT],
      [ABSENT + 2, traps.instructionPageFault, ABSENT + 2],
      [DATA, traps.instructionPageFault, DATA],
      [NO_MEMORY, traps.instructionAccess, NO_MEMORY],
      [CODE + 8192 - 2, traps.instructionPageFault, CODE + 8192],
    ] as const) {
      // The last halfword of the code begins an instruction of four bytes.
      bench.place(CODE + 8192 - 4, [0x0001]);
      bench.machine.view.setUint16(bench.at(CODE + 8192 - 2), asm.nop & 0xffff, true);
      bench.place(CODE, [asm.addi(5, 5, 1), asm.add(8, 8, 5), asm.bne(5, 6, -8), jalr(1, 14, 0)]);
      // The jump retires; the fetch behind it does not.
      const expected = { cause, pc: target, value: BigInt(value), retired: ITERATIONS * 3 + 1 };
      checkTrap(bench, () => reset(bench, 0, target), expected, `to 0x${target.toString(16)}`);
      assert.is(bench.machine.hart.x[1], BigInt(CODE + 16));
    }
  });

  test(`every budget around a loop of every length ends exactly (${tier})`, () => {
    const bench = prepare(tier);
    const { hart } = bench.machine;
    for (let length = 1; length <= 12; length++) {
      // `length` additions and a branch back, warm before it is cut.
      const codes = Array.from({ length }, (_, i) => asm.addi(15 + (i % 4), 15 + (i % 4), 1));
      bench.place(CODE, [...codes, asm.jal(0, -4 * length)]);
      assert.is(bench.run(CODE, 20_000), traps.budget);
      for (let budget = 1; budget <= 40; budget++) {
        hart.x.fill(0n);
        assert.is(bench.run(CODE, budget), traps.budget);
        assert.is(hart.lastRetired, budget);
        const rounds = Math.floor(budget / (length + 1));
        const rest = budget % (length + 1);
        assert.is(hart.pcWord[0], BigInt(CODE + 4 * rest), `length ${length}, budget ${budget}`);
        const sum = [15, 16, 17, 18].reduce((total, i) => total + Number(hart.x[i]), 0);
        assert.is(sum, rounds * length + rest, `length ${length}, budget ${budget}`);
      }
    }
    const { translated, interpreted } = bench.machine.tierStatistics();
    if (tier === 'interpreter') assert.is(translated, 0);
    else assert.ok(translated > interpreted, `${translated} translated, ${interpreted} interpreted`);
  });
}

test.run();
