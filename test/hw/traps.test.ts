/** Traps are values and precise; budgets are exact; illegal instructions are told: in every tier. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { pte, type Tier, traps } from '../../src/hw/machine.ts';
import { asm, CODE, createBench, DATA, encode, generator, RAM_BYTES } from './bench.ts';

const READ_ONLY = 0x3_0000;
const LAST_WRITABLE = 0x4_0000;
const CODE_ALONE = 0x6_0000;

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

/** All the tests of this file for one tier. */
function declare(tier: Tier): void {
  const check = (name: string, body: () => void): void => test(`${name} (${tier})`, body);
  const bench = createBench(RAM_BYTES, { tier });
  const { hart, view } = bench.machine;
  bench.map(READ_ONLY, pte.read);
  bench.map(LAST_WRITABLE, pte.read | pte.write);
  bench.map(CODE_ALONE, pte.execute);

  /** Runs one instruction that must trap, with small and large budgets, and checks that nothing but the trap words changed. */
  function trapOf(address: number): { cause: number; value: bigint } {
    const before = { ...bench.machine.exportState(), pc: BigInt(address) };
    const seen = [1, 2, 1000].map((budget) => {
      const cause = bench.run(address, budget);
      assert.is(hart.lastRetired, 0);
      assert.equal(bench.machine.exportState(), before);
      return { cause, value: hart.trapValueWord[0] as bigint };
    });
    assert.equal(seen[1], seen[0]);
    assert.equal(seen[2], seen[0]);
    return seen[0] as { cause: number; value: bigint };
  }

  check('ecall and ebreak trap at their own address', () => {
    bench.place(CODE, [asm.ecall, asm.ebreak, 0x9002]);
    assert.equal(trapOf(CODE), { cause: traps.environmentCall, value: 0n });
    assert.equal(trapOf(CODE + 4), { cause: traps.breakpoint, value: BigInt(CODE + 4) });
    assert.equal(trapOf(CODE + 8), { cause: traps.breakpoint, value: BigInt(CODE + 8) });
  });

  check('what is no instruction is illegal, with its bits as trap value', () => {
    const codes = [
      0xffff_ffff, // all ones
      0x0000_4007, // flq
      0x0000_4027, // fsq
      encode.r(0x53, 0, 0x03, 1, 2, 3), // fadd.q
      encode.r(0x53, 0, 0x02, 1, 2, 3), // fadd.h
      encode.r(0x53, 5, 0x01, 1, 2, 3), // fadd.d with a reserved rounding mode
      encode.r(0x53, 3, 0x11, 1, 2, 3), // fsgnj.d with funct3 011
      0x8000_0057, // vectors
      0x3020_0073, // mret
      0x1050_0073, // wfi
      0x0000_1063 | (2 << 12), // branch with funct3 010 or 011
      asm.csr(1, 10, 0xc00, 0), // csrrw writes cycle
      asm.csr(2, 10, 0xc00, 5), // csrrs with rs1 writes
      asm.csr(6, 10, 0xc01, 1), // csrrsi with bits writes
      asm.csr(2, 10, 0xc03, 0), // hpmcounter3
      asm.csr(2, 10, 0x300, 0), // mstatus
      asm.csr(2, 10, 0x004, 0), // behind fcsr
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
    for (const bits of [0x0000, 0x2001, 0x6001, 0x6101, 0x9c41, 0x8002, 0x4002, 0x8000]) {
      bench.place(CODE, [bits]);
      assert.equal(trapOf(CODE), { cause: traps.illegalInstruction, value: BigInt(bits) }, bits.toString(16));
    }
  });

  check('loads and stores of pages that are absent or forbid it fault with the address', () => {
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

  check('addresses that are not canonical fault, whatever their low bits', () => {
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

  check('an access that crosses into a page that faults has no effect and names the second page', () => {
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

  check('an instruction on two pages needs both, and faults with the address of its second half', () => {
    const last = CODE_ALONE + 4096 - 2;
    const next = CODE_ALONE + 4096;
    const add = asm.addi(10, 10, 1);
    view.setUint16(bench.at(last), add & 0xffff, true);
    hart.x[10] = 5n;
    assert.equal(trapOf(last), { cause: traps.instructionPageFault, value: BigInt(next) });
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

  check('a fetch from a page without execute permission, or from none, faults', () => {
    assert.equal(trapOf(DATA), { cause: traps.instructionPageFault, value: BigInt(DATA) });
    assert.equal(trapOf(0x7_0000), { cause: traps.instructionPageFault, value: 0x7_0000n });
  });

  check('run(n) retires exactly n instructions, and any cutting gives the same end', () => {
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

  check('a budget that ends before a fault does not see it, one more does', () => {
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

  check('with translation off every access faults, and turning it on again forgets nothing', () => {
    bench.place(CODE, [asm.addi(10, 0, 7)]);
    assert.is(bench.run(CODE), traps.budget);
    hart.setAddressSpace(-1, 0);
    assert.equal(trapOf(CODE), { cause: traps.instructionPageFault, value: BigInt(CODE) });
    hart.setAddressSpace(bench.tables.root, 1);
    assert.is(bench.run(CODE), traps.budget);
    assert.is(hart.x[10], 7n);
  });
}

for (const tier of ['interpreter', 'translator', 'auto'] as const) declare(tier);

test.run();
