/** M.11: writes to code take effect at once in every tier: nothing depends on what was decoded or translated before. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { pte, type Tier, traps } from '../../src/hw/machine.ts';
import { asm, CODE, createBench as createBenchOf, DATA, generator, RAM_BYTES } from './bench.ts';

const STORED = 10;
const tiers: readonly Tier[] = ['interpreter', 'translator', 'auto'];

type CreateBench = (ramBytes?: number) => ReturnType<typeof createBenchOf>;

/** A test of one tier after the other, with benches whose machine has it. */
function inEachTier(name: string, body: (createBench: CreateBench, tier: Tier) => void): void {
  for (const tier of tiers)
    test(`${tier}: ${name}`, () => body((ramBytes = RAM_BYTES) => createBenchOf(ramBytes, { tier }), tier));
}

inEachTier('a store to the very next instruction is what runs next', (createBench) => {
  const bench = createBench();
  const { hart } = bench.machine;
  for (const value of [1, 2, 3]) {
    bench.place(CODE, [asm.sw(12, 11, 4), asm.addi(STORED, 0, 0)]);
    hart.x[11] = BigInt(CODE);
    hart.x[12] = BigInt(asm.addi(STORED, 0, value));
    assert.is(bench.run(CODE, 2), traps.budget);
    assert.is(hart.x[STORED], BigInt(value));
  }
});

inEachTier(
  'half of an instruction written changes it, by bytes, halfwords, atomics and across pages',
  (createBench) => {
    const bench = createBench();
    const { hart, view } = bench.machine;
    // The instruction to change lies at every offset near the page's end, so also on two pages.
    for (let offset = 4096 - 10; offset <= 4096 + 4; offset += 2) {
      const target = CODE + offset;
      bench.place(CODE, [asm.addi(0, 0, 0)]);
      bench.place(target, [asm.addi(STORED, 0, 0x111), asm.ecall]);
      assert.is(bench.run(target, 9), traps.environmentCall);
      assert.is(hart.x[STORED], 0x111n);
      // Upper half by a halfword store, then one byte of it, then the lower half.
      const changed = asm.addi(STORED, 0, 0x222);
      bench.place(CODE, [
        asm.sh(12, 11, 2),
        asm.ecall,
        asm.sb(13, 11, 3),
        asm.ecall,
        asm.sh(14, 11, 0),
        asm.ecall,
      ]);
      hart.x[11] = BigInt(target);
      hart.x[12] = BigInt(changed >>> 16);
      hart.x[13] = BigInt(asm.addi(STORED, 0, 0x322) >>> 24);
      hart.x[14] = BigInt(asm.addi(STORED + 1, 0, 0) & 0xffff);
      assert.is(bench.run(CODE, 9), traps.environmentCall);
      bench.run(target, 9);
      assert.is(hart.x[STORED], 0x222n, `after a halfword at ${offset}`);
      hart.x[11] = BigInt(target);
      assert.is(bench.run(CODE + 8, 9), traps.environmentCall);
      bench.run(target, 9);
      assert.is(hart.x[STORED], 0x322n, `after a byte at ${offset}`);
      hart.x[11] = BigInt(target);
      bench.run(CODE + 16, 9);
      bench.run(target, 9);
      assert.is(hart.x[STORED + 1], 0x322n, `after the lower half at ${offset}`);
      if (target % 8 === 0) {
        bench.place(CODE, [asm.amo(1, true, 0, 11, 12), asm.ecall]);
        hart.x[11] = BigInt(target);
        hart.x[12] = BigInt(asm.addi(STORED, 0, 0x444)) | (BigInt(asm.ecall) << 32n);
        bench.run(CODE, 9);
        bench.run(target, 9);
        assert.is(hart.x[STORED], 0x444n, 'after an atomic');
      }
      assert.is(view.getUint32(bench.at(DATA), true), 0);
    }
  },
);

inEachTier('a store through another address of the same frame is seen', (createBench) => {
  const bench = createBench();
  const { hart } = bench.machine;
  const alias = 0x9_0000;
  const frame = (bench.at(CODE + 4096) - bench.machine.ramOffset) / 4096;
  bench.tables.map(alias, frame, pte.read | pte.write);
  // First the alias is written, so that it is in the write TLB; then the frame is run; then written again.
  bench.place(CODE, [asm.sw(12, 11, 0), asm.ecall]);
  for (const value of [5, 6, 7, 8]) {
    hart.x[11] = BigInt(alias);
    hart.x[12] = BigInt(asm.addi(STORED, 0, value));
    assert.is(bench.run(CODE, 9), traps.environmentCall);
    assert.is(bench.run(CODE + 4096, 1), traps.budget);
    assert.is(hart.x[STORED], BigInt(value));
  }
});

inEachTier('bytes changed from outside are seen after frameChanged', (createBench) => {
  const bench = createBench();
  const { hart, view } = bench.machine;
  for (const value of [1, 2]) {
    view.setUint32(bench.at(CODE), asm.addi(STORED, 0, value), true);
    hart.frameChanged((bench.at(CODE) - bench.machine.ramOffset) / 4096);
    bench.run(CODE, 1);
    assert.is(hart.x[STORED], BigInt(value));
  }
});

inEachTier('more code pages than decode slots run right, round after round', (createBench) => {
  const bench = createBench(32 * 1024 * 1024);
  const { hart, view } = bench.machine;
  const pages = 2500;
  const start = 0x100_0000;
  for (let page = 0; page < pages; page++) {
    const address = start + page * 4096;
    bench.map(address, pte.read | pte.write | pte.execute);
    const isLast = page === pages - 1;
    view.setUint32(bench.at(address), asm.addi(STORED, STORED, (page % 7) + 1), true);
    view.setUint32(bench.at(address) + 4, isLast ? asm.ecall : asm.jal(0, 4092), true);
  }
  for (let round = 0; round < 3; round++) {
    hart.x[STORED] = 0n;
    assert.is(bench.run(start, 100_000), traps.environmentCall);
    assert.is(hart.lastRetired, pages * 2 - 1);
    const expected = Array.from({ length: pages }, (_, page) => (page % 7) + 1).reduce((a, b) => a + b, 0);
    assert.is(hart.x[STORED], BigInt(expected));
  }
});

inEachTier(
  'a page whose decode slot went to another page runs right while its translation is still known',
  (createBench) => {
    const bench = createBench(32 * 1024 * 1024);
    const { hart, view } = bench.machine;
    const first = 0x100_0000;
    bench.map(first, pte.execute);
    view.setUint32(bench.at(first), asm.addi(STORED, 0, 77), true);
    assert.is(bench.run(first), traps.budget);
    // More pages than slots, none of which has the first one's place in the TLB.
    for (let page = 1; page < 1400; page++) {
      if (page % 256 === 0) continue;
      const address = first + page * 4096;
      bench.map(address, pte.execute);
      view.setUint32(bench.at(address), asm.addi(STORED, 0, page), true);
      assert.is(bench.run(address), traps.budget);
      assert.is(hart.x[STORED], BigInt(page));
    }
    assert.is(bench.run(first), traps.budget);
    assert.is(hart.x[STORED], 77n);
  },
);

inEachTier('random code that rewrites itself gives what a hart without any cache gives', (createBench) => {
  // The other hart is told before every instruction that every frame changed, so it decodes each one anew.
  for (let seed = 1; seed <= 60; seed++) {
    const random = generator(seed);
    const cached = createBench();
    const plain = createBench();
    const count = 24;
    const instruction = (): number => {
      const register = 5 + random(3);
      switch (random(6)) {
        case 0:
          return asm.sw(5 + random(4), 11, random(count) * 4 + 2 * random(2));
        case 1:
          return asm.sh(5 + random(4), 11, random(count * 2) * 2);
        case 2:
          return asm.lw(register, 11, random(count) * 4);
        case 3:
          return asm.addi(register, register, random(64) - 32);
        case 4:
          return asm.add(register, 5 + random(3), 5 + random(3));
        default:
          return asm.bne(5 + random(3), 5 + random(3), (random(11) - 5) * 4);
      }
    };
    const code = Array.from({ length: count }, instruction);
    // At the border of two pages, so that instructions come to lie on both.
    const start = CODE + 4096 - 2 * random(count);
    for (const bench of [cached, plain]) {
      bench.place(start, [...code, asm.jal(0, -4 * count)]);
      bench.machine.hart.x[11] = BigInt(start);
      for (let i = 5; i < 9; i++) bench.machine.hart.x[i] = BigInt(code[i] as number);
      bench.machine.hart.pcWord[0] = BigInt(start);
    }
    const total = 400;
    let steps = 0;
    for (; steps < total; steps++) {
      for (let frame = 0; frame < 12; frame++) plain.machine.hart.frameChanged(frame);
      plain.machine.hart.fenceAll();
      if (plain.machine.hart.run(1) !== traps.budget) break;
    }
    let left = steps;
    while (left > 0) {
      const budget = Math.min(left, 1 + random(50));
      assert.is(cached.machine.hart.run(budget), traps.budget, `seed ${seed}`);
      left -= budget;
    }
    assert.equal(cached.machine.exportState(), plain.machine.exportState(), `seed ${seed} after ${steps}`);
    for (let frame = 0; frame < 12; frame++) {
      assert.ok(
        Buffer.compare(cached.machine.frame(frame), plain.machine.frame(frame)) === 0,
        `seed ${seed}, frame ${frame}`,
      );
    }
    if (steps < total) {
      const cause = plain.machine.hart.run(1);
      assert.is(cached.machine.hart.run(1), cause);
      assert.is(cached.machine.hart.trapValueWord[0], plain.machine.hart.trapValueWord[0]);
    }
  }
});

test.run();
