/**
 * M.11: what a program does at the ends of the address space is the same in every tier: page 0, below which control
 * cannot go on, and addresses of the upper half, which are translated nowhere.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PAGE_SIZE } from '../../src/base/limits.ts';
import { pte, type Tier, traps } from '../../src/hw/machine.ts';
import { asm, type Bench, CODE, createBench, encode } from './bench.ts';

const [COUNT, LEFT] = [10, 11];
const RWX = pte.read | pte.write | pte.execute;

function inEachTier(name: string, body: (tier: Tier) => void): void {
  for (const tier of ['interpreter', 'translator', 'auto'] as const)
    test(`${tier}: ${name}`, () => body(tier));
}

/** Page 0 has a loop, which is translated, and which a branch to this address below 0 leaves. */
function leaveBelowZero(bench: Bench, target: number): void {
  const { hart } = bench.machine;
  bench.place(0, [
    asm.addi(COUNT, COUNT, 1),
    asm.addi(LEFT, LEFT, -1),
    asm.beq(LEFT, 0, target - 8),
    asm.jal(0, -12),
  ]);
  // What follows page 0 in its address space is nothing, what lies before it in the decoder's tables is something.
  const end = PAGE_SIZE - 256;
  bench.place(end, [...Array.from({ length: 63 }, () => encode.r(0x33, 0, 0, 0, 0, 31)), asm.ecall]);
  assert.is(bench.run(end, 1000), traps.environmentCall);
  hart.x[COUNT] = 0n;
  hart.x[LEFT] = 1000n;
  const what = `to ${target}`;
  assert.is(bench.run(0, 100_000), traps.instructionPageFault, what);
  assert.equal([hart.x[COUNT], hart.lastRetired], [1000n, 3999], what);
  const expected = BigInt.asUintN(64, BigInt(target));
  assert.equal([hart.pcWord[0], hart.trapValueWord[0]], [expected, expected], what);
}

inEachTier('a branch on page 0 to below it faults there', (tier) => {
  const bench = createBench(undefined, { tier });
  bench.place(CODE, [asm.ecall]);
  bench.run(CODE, 1);
  bench.map(0, RWX);
  for (let target = -4; target >= -120; target -= 4) leaveBelowZero(bench, target);
});

/** Maps the lowest gigabyte once more, as the highest: the root's last entry is its first. */
function mirrorAtTheTop({ machine: { view, ramOffset, hart }, tables }: Bench): void {
  const root = ramOffset + tables.root * PAGE_SIZE;
  view.setBigUint64(root + 8 * 511, view.getBigUint64(root, true), true);
  hart.fenceAll();
}

inEachTier('a loop in the upper half runs, and is translated, like any other', (tier) => {
  const bench = createBench(undefined, { tier });
  const { hart } = bench.machine;
  mirrorAtTheTop(bench);
  // Across a page border.
  const start = CODE + PAGE_SIZE - 8;
  bench.place(start, [
    asm.addi(COUNT, COUNT, 1),
    asm.addi(LEFT, LEFT, -1),
    encode.u(0x17, 12, 0),
    asm.bne(LEFT, 0, -12),
    asm.ecall,
  ]);
  const high = BigInt.asUintN(64, BigInt(start) - (1n << 30n));
  hart.x[LEFT] = 2000n;
  hart.pcWord[0] = high;
  assert.is(hart.run(100_000), traps.environmentCall);
  assert.equal([hart.x[COUNT], hart.x[12], hart.pcWord[0]], [2000n, high + 8n, high + 16n]);
  const { translated } = bench.machine.tierStatistics();
  assert.ok(tier === 'interpreter' ? translated === 0 : translated > 7000, `${translated} ran translated`);
});

inEachTier('a loop goes from the end of the address space to its beginning', (tier) => {
  const bench = createBench(undefined, { tier });
  const { hart } = bench.machine;
  bench.map(0x3fff_f000, RWX);
  bench.map(0, RWX);
  mirrorAtTheTop(bench);
  bench.place(0x3fff_fff8, [asm.addi(COUNT, COUNT, 1), asm.addi(LEFT, LEFT, -1)]);
  bench.place(0, [encode.u(0x17, 12, 0), asm.bne(LEFT, 0, -12), asm.ecall]);
  hart.x[LEFT] = 2000n;
  hart.pcWord[0] = BigInt.asUintN(64, -8n);
  assert.is(hart.run(100_000), traps.environmentCall);
  assert.equal([hart.x[COUNT], hart.x[12], hart.pcWord[0]], [2000n, 0n, 8n]);
  const { translated } = bench.machine.tierStatistics();
  assert.ok(tier === 'interpreter' ? translated === 0 : translated > 7000, `${translated} ran translated`);
});

test.run();
