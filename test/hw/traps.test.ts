/** Traps are values and precise; budgets are exact; illegal instructions are told. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { pte, traps } from '../../src/hw/machine.ts';
import { asm, CODE, createBench, DATA, encode, generator } from './bench.ts';

const bench = createBench();
const { hart, view } = bench.machine;
const READ_ONLY = 0x3_0000;
const LAST_WRITABLE = 0x4_0000;
const CODE_ALONE = 0x6_0000;
bench.map(READ_ONLY, pte.read);
bench.map(LAST_WRITABLE, pte.read | pte.write);
bench.map(CODE_ALONE, pte.execute);

/** Runs one instruction that must trap, and checks that nothing but the trap words changed. */
function trapOf(address: number, budget = 1): { cause: number; value: bigint } {
  const before = bench.machine.exportState();
  const cause = bench.run(address, budget);
  assert.is(hart.lastRetired, 0);
  const after = bench.machine.exportState();
  assert.equal(after.x, before.x);
  assert.is(after.pc, BigInt(address));
  assert.is(after.tick, before.tick);
  assert.is(after.retired, before.retired);
  assert.is(after.reservation, before.reservation);
  return { cause, value: hart.trapValueWord[0] as bigint };
}

test('ecall and ebreak trap at their own address', () => {
  bench.place(CODE, [asm.ecall, asm.ebreak, 0x9002]);
  assert.equal(trapOf(CODE, 5), { cause: traps.environmentCall, value: 0n });
  assert.equal(trapOf(CODE + 4, 5), { cause: traps.breakpoint, value: BigInt(CODE + 4) });
  assert.equal(trapOf(CODE + 8, 5), { cause: traps.breakpoint, value: BigInt(CODE + 8) });
});

test('what is no instruction is illegal, with its bits as trap value', () => {
  const codes = [
    0xffff_ffff, // all ones
    0x0000_0007, // flw and its kin come later
    0x3020_0073, // mret
    0x1050_0073, // wfi
    0x0000_1063 | (2 << 12), // branch with funct3 010 or 011
    asm.csr(1, 10, 0xc00, 0), // csrrw writes cycle
    asm.csr(2, 10, 0xc00, 5), // csrrs with rs1 writes
    asm.csr(6, 10, 0xc01, 1), // csrrsi with bits writes
    asm.csr(2, 10, 0xc03, 0), // hpmcounter3
    asm.csr(2, 10, 0x300, 0), // mstatus
    asm.csr(2, 10, 0x001, 0), // fflags come later
    0x0200_0073 | (3 << 25), // sfence.vma
    encode.r(0x33, 0, 0x02, 1, 2, 3), // OP with unknown funct7
    encode.r(0x3b, 2, 0x01, 1, 2, 3), // no mulhsuw
    encode.i(0x67, 1, 1, 2, 0), // jalr with funct3 001
    encode.i(0x03, 7, 1, 2, 0), // load with funct3 111
    asm.amo(0x02, true, 1, 2, 3), // lr with rs2
    asm.amo(0x05, true, 1, 2, 3),
    0x0000_0073 | (1 << 7), // ecall with rd
  ];
  for (const bits of codes) {
    bench.place(CODE, [bits]);
    assert.equal(
      trapOf(CODE),
      { cause: traps.illegalInstruction, value: BigInt(bits >>> 0) },
      bits.toString(16),
    );
  }
  for (const bits of [0x0000, 0x2001, 0x6001, 0x6101, 0x9c41, 0x8002, 0x4002, 0x2000]) {
    bench.place(CODE, [bits]);
    assert.equal(trapOf(CODE), { cause: traps.illegalInstruction, value: BigInt(bits) }, bits.toString(16));
  }
});

test('loads and stores of pages that are absent or forbid it fault with the address', () => {
  const absent = 0x7_0000;
  for (let funct3 = 0; funct3 < 7; funct3++) {
    bench.place(CODE, [asm.load(funct3, 10, 11, 0)]);
    for (const address of [absent, absent + 8, CODE_ALONE, 2 ** 37]) {
      hart.x[11] = BigInt(address);
      assert.equal(trapOf(CODE), { cause: traps.loadPageFault, value: BigInt(address) });
    }
  }
  for (let funct3 = 0; funct3 < 4; funct3++) {
    bench.place(CODE, [encode.s(funct3, 11, 12, 0)]);
    for (const address of [absent, READ_ONLY, CODE_ALONE]) {
      hart.x[11] = BigInt(address);
      assert.equal(trapOf(CODE), { cause: traps.storePageFault, value: BigInt(address) });
    }
  }
});

test('addresses that are not canonical fault, whatever their low bits', () => {
  bench.place(CODE, [asm.ld(10, 11, 0), asm.jalr(0, 11, 0)]);
  hart.x[11] = BigInt(DATA);
  assert.is(bench.run(CODE), traps.budget);
  for (let bit = 38n; bit < 64n; bit++) {
    const address = BigInt(DATA) | (1n << bit);
    hart.x[11] = address;
    assert.equal(trapOf(CODE), { cause: traps.loadPageFault, value: address });
    assert.is(bench.run(CODE + 4), traps.budget);
    assert.is(hart.run(1), traps.instructionPageFault);
    assert.is(hart.trapValueWord[0], address);
  }
});

test('an access that crosses into a page that faults has no effect and names the second page', () => {
  const next = LAST_WRITABLE + 4096;
  const bytes = bench.machine.frame((bench.at(LAST_WRITABLE) - bench.machine.ramOffset) / 4096);
  for (const [funct3, size] of [
    [1, 2],
    [2, 4],
    [3, 8],
  ] as const) {
    for (let inside = 1; inside < size; inside++) {
      bytes.fill(0x5a);
      hart.x[11] = BigInt(next - inside);
      hart.x[12] = 0x1234_5678_9abc_def0n;
      bench.place(CODE, [encode.s(funct3, 11, 12, 0), asm.load(funct3, 10, 11, 0)]);
      bench.machine.log.drain(() => {});
      assert.equal(trapOf(CODE), { cause: traps.storePageFault, value: BigInt(next) });
      assert.ok(bytes.every((byte) => byte === 0x5a));
      assert.is(bench.machine.log.length, 0, 'a store that faults is no modification');
      assert.equal(trapOf(CODE + 4), { cause: traps.loadPageFault, value: BigInt(next) });
      // From the other side: the first page is the one that faults.
      hart.x[11] = BigInt(LAST_WRITABLE - inside);
      assert.equal(trapOf(CODE), { cause: traps.storePageFault, value: BigInt(LAST_WRITABLE - inside) });
      assert.ok(bytes.every((byte) => byte === 0x5a));
    }
  }
});

test('an instruction on two pages needs both, and faults with the address of its second half', () => {
  const last = CODE_ALONE + 4096 - 2;
  const next = CODE_ALONE + 4096;
  const add = asm.addi(10, 10, 1);
  view.setUint16(bench.at(last), add & 0xffff, true);
  hart.x[10] = 5n;
  assert.equal(trapOf(last, 9), { cause: traps.instructionPageFault, value: BigInt(next) });
  bench.map(next, pte.execute);
  view.setUint16(bench.at(next), add >>> 16, true);
  view.setUint32(bench.at(next) + 2, asm.jal(0, -4) >>> 0, true);
  // addi; jal back to it: the pair runs on and on, also from a slot of its own.
  assert.is(bench.run(last, 9), traps.budget);
  assert.is(hart.x[10], 10n);
  assert.is(hart.pcWord[0], BigInt(next + 2));
  view.setUint16(bench.at(last), asm.jal(0, 0) & 0xffff, true);
  view.setUint16(bench.at(next), asm.jal(0, 0) >>> 16, true);
  bench.machine.hart.frameChanged((bench.at(last) - 4094 - bench.machine.ramOffset) / 4096);
  assert.is(bench.run(last, 1000), traps.budget);
  assert.is(hart.pcWord[0], BigInt(last));
  for (const offset of [8, -8, 4094, -4096]) {
    view.setUint16(bench.at(last), asm.jal(0, offset) & 0xffff, true);
    view.setUint16(bench.at(next), asm.jal(0, offset) >>> 16, true);
    bench.machine.hart.frameChanged((bench.at(last) - 4094 - bench.machine.ramOffset) / 4096);
    assert.is(bench.run(last, 1), traps.budget);
    assert.is(hart.pcWord[0], BigInt(last + offset));
  }
});

test('a fetch from a page without execute permission, or from none, faults', () => {
  assert.equal(trapOf(DATA), { cause: traps.instructionPageFault, value: BigInt(DATA) });
  assert.equal(trapOf(0x7_0000), { cause: traps.instructionPageFault, value: 0x7_0000n });
});

/** A loop over every kind of control flow and memory access; never traps. */
const program = [
  asm.addi(5, 5, 1), // CODE
  asm.sd(5, 11, 0),
  asm.ld(6, 11, 0),
  asm.add(7, 7, 6),
  0x0285, // c.addi t0, 1 with an odd alignment after it
  asm.sw(7, 11, 13),
  asm.jal(1, 8),
  asm.addi(28, 28, 100),
  asm.amo(0, true, 29, 11, 5),
  asm.bne(5, 0, 4094 - 34),
];

test('run(n) retires exactly n instructions, and any cutting gives the same end', () => {
  const random = generator(7);
  const start = (): void => {
    hart.x.fill(0n);
    hart.x[11] = BigInt(DATA + 512);
    bench.place(CODE, program);
    // The far end of the branch: on the second page, with a jump back over the border.
    bench.place(CODE + 4094, [asm.addi(30, 30, 1), asm.jal(0, -4098)]);
    hart.pcWord[0] = BigInt(CODE);
    hart.tickWord[0] = 0n;
    hart.retiredWord[0] = 0n;
    view.setBigUint64(bench.at(DATA + 512), 0n, true);
    view.setBigUint64(bench.at(DATA + 520), 0n, true);
  };
  const end = () => ({
    ...bench.machine.exportState(),
    memory: bench.machine
      .frame((bench.at(DATA) - bench.machine.ramOffset) / 4096)
      .slice(0, 1024)
      .join(),
  });
  for (const total of [1, 2, 3, 7, 50, 1234]) {
    start();
    assert.is(hart.run(total), traps.budget);
    assert.is(hart.lastRetired, total);
    const whole = end();
    assert.is(whole.retired, BigInt(total));
    assert.is(whole.tick, BigInt(total));
    for (const budgets of [() => 1, () => 2, () => 3, () => 1 + random(9)]) {
      start();
      for (let left = total; left > 0; ) {
        const budget = Math.min(left, budgets());
        assert.is(hart.run(budget), traps.budget);
        assert.is(hart.lastRetired, budget);
        left -= budget;
      }
      assert.equal(end(), whole);
    }
  }
});

test('a budget that ends before a fault does not see it, one more does', () => {
  bench.place(CODE, [asm.nop, asm.nop, asm.jalr(0, 11, 0)]);
  hart.x[11] = 0x7_0000n;
  assert.is(bench.run(CODE, 3), traps.budget);
  assert.is(hart.lastRetired, 3);
  assert.is(hart.pcWord[0], 0x7_0000n);
  assert.is(hart.run(1), traps.instructionPageFault);
  assert.is(hart.lastRetired, 0);
  assert.is(bench.run(CODE, 1000), traps.instructionPageFault);
  assert.is(hart.lastRetired, 3);
});

test('with translation off every access faults, and turning it on again forgets nothing', () => {
  bench.place(CODE, [asm.addi(10, 0, 7)]);
  assert.is(bench.run(CODE), traps.budget);
  hart.setAddressSpace(-1, 0);
  assert.equal(trapOf(CODE), { cause: traps.instructionPageFault, value: BigInt(CODE) });
  hart.setAddressSpace(bench.tables.root, 1);
  assert.is(bench.run(CODE), traps.budget);
  assert.is(hart.x[10], 7n);
});

test('state goes out and comes back', () => {
  const random = generator(11);
  const word = (): bigint => (BigInt(random(2 ** 32)) << 32n) | BigInt(random(2 ** 32));
  const state = {
    version: 1 as const,
    x: Array.from({ length: 32 }, (_, i) => (i === 0 ? 0n : word())),
    f: Array.from({ length: 32 }, word),
    pc: word() & ~1n,
    fcsr: 0x5a,
    reservation: word(),
    tick: word(),
    retired: word(),
  };
  const other = createBench();
  other.machine.importState(state);
  assert.equal(other.machine.exportState(), state);
  bench.machine.importState(state);
  assert.equal(bench.machine.exportState(), state);
});

test.run();
