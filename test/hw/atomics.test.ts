/** Atomic operations, LR and SC: results, misalignment, what keeps and what clears a reservation. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { pte, traps } from '../../src/hw/machine.ts';
import { ALL_ONES, asm, CODE, createBench, DATA, edgeValues } from './bench.ts';

const bench = createBench();
const { hart, view } = bench.machine;
const READ_ONLY = 0x3_0000;
const ABSENT = 0x5_0000;
bench.map(READ_ONLY, pte.read);

const signed = (value: bigint): bigint => BigInt.asIntN(64, value);
const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** funct5, and what memory holds afterwards as a function of (old, rs2), both of `bits` bits and unsigned. */
const operations: Readonly<
  Record<string, readonly [number, (a: bigint, b: bigint, bits: number) => bigint]>
> = {
  amoswap: [0x01, (_, b) => b],
  amoadd: [0x00, (a, b) => a + b],
  amoxor: [0x04, (a, b) => a ^ b],
  amoor: [0x08, (a, b) => a | b],
  amoand: [0x0c, (a, b) => a & b],
  amomin: [0x10, (a, b, bits) => smaller(BigInt.asIntN(bits, a), BigInt.asIntN(bits, b))],
  amomax: [0x14, (a, b, bits) => larger(BigInt.asIntN(bits, a), BigInt.asIntN(bits, b))],
  amominu: [0x18, (a, b) => smaller(a, b)],
  amomaxu: [0x1c, (a, b) => larger(a, b)],
};

for (const [name, [funct5, meaning]] of Object.entries(operations)) {
  for (const bits of [32, 64]) {
    const width = bits === 32 ? 'w' : 'd';
    test(`${name}.${width} gives the old value and stores the new one, touching nothing else`, () => {
      const guard = 0x5a5a_5a5a_5a5a_5a5an;
      for (const offset of bits === 32 ? [0, 4] : [0]) {
        const address = DATA + 64 + offset;
        const place = bench.at(address);
        for (const [rd, rs2] of [
          [10, 12],
          [12, 12],
          [11, 12],
          [0, 12],
        ] as const) {
          bench.place(CODE, [asm.amo(funct5, bits === 64, rd, 11, rs2)]);
          for (const old of edgeValues) {
            for (const operand of edgeValues) {
              for (const around of [-16, -8, 0, 8])
                view.setBigUint64(bench.at(DATA + 64) + around, guard, true);
              if (bits === 64) view.setBigUint64(place, old, true);
              else view.setUint32(place, Number(old & 0xffff_ffffn), true);
              hart.x[11] = BigInt(address);
              hart.x[12] = operand;
              assert.is(bench.run(CODE), traps.budget);
              const [a, b] = [BigInt.asUintN(bits, old), BigInt.asUintN(bits, operand)];
              const expected = BigInt.asUintN(bits, meaning(a, b, bits));
              const stored =
                bits === 64 ? view.getBigUint64(place, true) : BigInt(view.getUint32(place, true));
              assert.is(stored, expected, `${name}.${width} of ${old.toString(16)}, ${operand.toString(16)}`);
              const result = BigInt.asUintN(64, BigInt.asIntN(bits, a));
              assert.is(hart.x[rd], rd === 0 ? 0n : result);
              assert.is(view.getBigUint64(bench.at(DATA + 64) + 8, true), guard);
              assert.is(view.getBigUint64(bench.at(DATA + 64) - 8, true), guard);
              if (bits === 32) {
                const other = bench.at(DATA + 64) + (offset === 0 ? 4 : 0);
                assert.is(view.getUint32(other, true), 0x5a5a_5a5a);
              }
            }
          }
        }
      }
    });
  }
}

test('a misaligned atomic traps, also within one page, and changes nothing', () => {
  for (const [bits, double] of [
    [32, false],
    [64, true],
  ] as const) {
    for (let misalignment = 1; misalignment < bits / 8; misalignment++) {
      for (const start of [DATA + 128, DATA + 4096 - bits / 8]) {
        for (const funct5 of [0x00, 0x01, 0x02, 0x03, 0x1c]) {
          bench.place(CODE, [asm.amo(funct5, double, 10, 11, funct5 === 2 ? 0 : 12)]);
          hart.x[10] = 77n;
          hart.x[11] = BigInt(start + misalignment);
          hart.reservation[0] = BigInt(start + misalignment);
          const before = bench.machine.frame(4).slice();
          const cause = bench.run(CODE);
          assert.is(cause, funct5 === 2 ? traps.loadMisaligned : traps.storeMisaligned);
          assert.is(hart.trapValue, start + misalignment);
          assert.is(hart.lastRetired, 0);
          assert.is(hart.pcWord[0], BigInt(CODE));
          assert.is(hart.x[10], 77n);
          assert.equal(bench.machine.frame(4), before);
        }
      }
    }
  }
});

test('an atomic on a page that is only readable, or absent, is a store page fault', () => {
  for (const funct5 of [0x00, 0x01, 0x10]) {
    for (const double of [false, true]) {
      for (const address of [READ_ONLY + 8, ABSENT]) {
        bench.place(CODE, [asm.amo(funct5, double, 10, 11, 12)]);
        hart.x[10] = 77n;
        hart.x[11] = BigInt(address);
        assert.is(bench.run(CODE), traps.storePageFault);
        assert.is(hart.trapValue, address);
        assert.is(hart.x[10], 77n);
      }
    }
  }
});

const lr = (double: boolean) => asm.amo(0x02, double, 10, 11, 0);
const sc = (double: boolean) => asm.amo(0x03, double, 13, 11, 12);

for (const double of [false, true]) {
  const width = double ? 'd' : 'w';
  test(`lr.${width} loads sign-extended and sc.${width} stores once`, () => {
    for (const value of edgeValues) {
      const place = bench.at(DATA + 256);
      view.setBigUint64(place, value, true);
      bench.place(CODE, [lr(double), asm.nop, sc(double), sc(double)]);
      hart.x[11] = BigInt(DATA + 256);
      hart.x[12] = 0x1111_2222_3333_4444n;
      assert.is(bench.run(CODE, 2), traps.budget);
      assert.is(hart.x[10], double ? value : BigInt.asUintN(64, BigInt.asIntN(32, value)));
      assert.is(hart.reservation[0], BigInt(DATA + 256));
      hart.run(1);
      assert.is(hart.x[13], 0n, 'the first succeeds');
      assert.is(hart.reservation[0], ALL_ONES);
      const stored = view.getBigUint64(place, true);
      if (double) assert.is(stored, 0x1111_2222_3333_4444n);
      else assert.is(stored, (value & 0xffff_ffff_0000_0000n) | 0x3333_4444n);
      hart.x[12] = 0n;
      hart.run(1);
      assert.is(hart.x[13], 1n, 'the second fails');
      assert.is(view.getBigUint64(place, true), stored);
    }
  });
}

test('an sc at another address fails, stores nothing and clears the reservation', () => {
  view.setBigUint64(bench.at(DATA + 264), 5n, true);
  bench.place(CODE, [lr(true), asm.addi(11, 11, 8), sc(true), asm.addi(11, 11, -8), sc(true)]);
  hart.x[11] = BigInt(DATA + 256);
  assert.is(bench.run(CODE, 3), traps.budget);
  assert.is(hart.x[13], 1n);
  assert.is(view.getBigUint64(bench.at(DATA + 264), true), 5n);
  hart.x[13] = 9n;
  hart.run(2);
  assert.is(hart.x[13], 1n);
});

test('a page fault between lr and sc, or of the sc itself, does not clear the reservation', () => {
  bench.place(CODE, [lr(true), sc(true), asm.ld(5, 6, 0)]);
  hart.x[6] = BigInt(ABSENT);
  hart.x[11] = BigInt(READ_ONLY);
  assert.is(bench.run(CODE, 2), traps.storePageFault);
  assert.is(hart.lastRetired, 1);
  assert.is(hart.reservation[0], BigInt(READ_ONLY));
  assert.is(bench.run(CODE + 8), traps.loadPageFault);
  assert.is(hart.reservation[0], BigInt(READ_ONLY));
});

test('an sc that fails does not access memory', () => {
  bench.place(CODE, [sc(true)]);
  hart.reservation[0] = ALL_ONES;
  hart.x[11] = BigInt(ABSENT);
  assert.is(bench.run(CODE), traps.budget);
  assert.is(hart.x[13], 1n);
});

test('a reservation at the address of all ones is none', () => {
  // All ones is misaligned for every width, so no sc can match the value that stands for none.
  bench.place(CODE, [asm.amo(0x03, false, 13, 11, 12)]);
  hart.reservation[0] = ALL_ONES;
  hart.x[11] = ALL_ONES;
  assert.is(bench.run(CODE), traps.storeMisaligned);
  assert.is(signed(hart.trapValueWord[0] as bigint), -1n);
  assert.is(hart.trapValue, -1);
});

test.run();
