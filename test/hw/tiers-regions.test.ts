/**
 * M.11: translated code that lies on two pages is what both pages hold, in the address space that is current.
 *
 * Each test runs a loop across a page border until it is translated, changes something about the second page only, and runs
 * the loop again. In the interpreter the same must come out.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PAGE_SIZE } from '../../src/base/limits.ts';
import { pte, type Tier, traps } from '../../src/hw/machine.ts';
import { createPageTables, type PageTables } from '../../src/hw/tables.ts';
import { asm, type Bench, CODE, createBench, DATA } from './bench.ts';
import { leafOf } from './differential/modes.ts';

const [SUM, LEFT, ROUNDS] = [10, 11, 700];
/** The loop begins this far before the border. */
const BEFORE = 8;
const START = CODE + PAGE_SIZE - BEFORE;
const RWX = pte.read | pte.write | pte.execute;

/** Two instructions on the first page, four on the second: each round adds 1 there and `step` here. */
const loop = (step: number): readonly number[] => [
  asm.addi(SUM, SUM, 1),
  asm.addi(LEFT, LEFT, -1),
  asm.addi(SUM, SUM, step),
  asm.nop,
  asm.bne(LEFT, 0, -16),
  asm.ecall,
];

/** Runs the loop, in one run: what it added up in a round. */
function perRound({ machine: { hart } }: Bench, rounds = ROUNDS): number {
  hart.x[SUM] = 0n;
  hart.x[LEFT] = BigInt(rounds);
  hart.pcWord[0] = BigInt(START);
  assert.is(hart.run(1_000_000), traps.environmentCall);
  return Number(hart.x[SUM]) / rounds;
}

function inEachTier(name: string, body: (tier: Tier) => void): void {
  for (const tier of ['interpreter', 'translator', 'auto'] as const)
    test(`${tier}: ${name}`, () => body(tier));
}

/** A bench on which the loop has run so often that it is translated, if the tier does that. */
function withHotLoop(tier: Tier, ramBytes?: number): Bench {
  const bench = createBench(ramBytes, { tier });
  bench.place(START, loop(10));
  for (let i = 0; i < 3; i++) assert.is(perRound(bench), 11);
  const { translated } = bench.machine.tierStatistics();
  assert.ok(
    tier === 'interpreter' ? translated === 0 : translated > 1000,
    `${tier}: ${translated} ran translated`,
  );
  return bench;
}

/** A new frame with the second page's part of the loop. */
function otherSecondPage({ machine, allocate }: Bench, step: number): number {
  const frame = allocate();
  loop(step)
    .slice(BEFORE / 4)
    .forEach((code, i) => {
      machine.view.setUint32(machine.ramOffset + frame * PAGE_SIZE + 4 * i, code, true);
    });
  return frame;
}

const SECOND = CODE + PAGE_SIZE;

inEachTier('the second page is another frame after a fence of that page', (tier) => {
  const bench = withHotLoop(tier);
  const { hart } = bench.machine;
  const first = leafOf(bench.machine, bench.tables.root, BigInt(SECOND)) as bigint;
  bench.tables.map(SECOND, otherSecondPage(bench, 20), RWX);
  hart.fencePage(1, SECOND);
  assert.is(perRound(bench), 21);
  bench.tables.map(SECOND, Number(first >> 10n), RWX);
  hart.fencePage(1, SECOND);
  assert.is(perRound(bench), 11);
});

inEachTier('another address space shares the first page and has a second page of its own', (tier) => {
  const bench = withHotLoop(tier);
  const { machine, tables, allocate } = bench;
  const other = createPageTables(machine, allocate) as PageTables;
  other.map(CODE, Number((leafOf(machine, tables.root, BigInt(CODE)) as bigint) >> 10n), RWX);
  other.map(SECOND, otherSecondPage(bench, 30), RWX);
  for (let i = 0; i < 5; i++) {
    machine.hart.setAddressSpace(other.root, 2);
    assert.is(perRound(bench), 31);
    machine.hart.setAddressSpace(tables.root, 1);
    assert.is(perRound(bench), 11);
  }
});

inEachTier('the second page is gone: its fault comes after what is on the first', (tier) => {
  const bench = withHotLoop(tier);
  const { hart } = bench.machine;
  bench.tables.unmap(SECOND);
  hart.fencePage(1, SECOND);
  hart.x[SUM] = 0n;
  hart.x[LEFT] = 5n;
  hart.pcWord[0] = BigInt(START);
  assert.is(hart.run(1_000_000), traps.instructionPageFault);
  assert.equal([hart.lastRetired, hart.x[SUM], hart.x[LEFT]], [2, 1n, 4n]);
  assert.equal([hart.pcWord[0], hart.trapValueWord[0]], [BigInt(SECOND), BigInt(SECOND)]);
});

inEachTier('running on the second page sets its accessed bit again, and not before', (tier) => {
  const bench = withHotLoop(tier);
  const { machine, tables } = bench;
  const marks = (): number => Number((leafOf(machine, tables.root, BigInt(SECOND)) as bigint) & 192n);
  const frame = Number((leafOf(machine, tables.root, BigInt(SECOND)) as bigint) >> 10n);
  for (const budget of [1, 2, 3, 4, 1000]) {
    tables.map(SECOND, frame, RWX);
    machine.hart.fencePage(1, SECOND);
    machine.hart.x[LEFT] = 1000n;
    bench.run(START, budget);
    assert.is(marks(), budget > 2 ? pte.accessed : 0, `after ${budget} instructions`);
  }
});

inEachTier('the second page is written after its decode slot went to another page', (tier) => {
  const bench = createBench(32 * 1024 * 1024, { tier });
  const { hart, view } = bench.machine;
  bench.place(START, loop(10));
  // As many other pages as there are slots, but one. All are mapped now: a fence would make the region look again.
  const others = Array.from({ length: 1023 }, (_, page) => 0x100_0000 + page * PAGE_SIZE);
  for (const address of others) {
    bench.map(address, RWX);
    view.setUint32(bench.at(address), asm.nop, true);
  }
  // What will change the second page lies on the first, which keeps its slot.
  bench.place(CODE, [asm.sw(13, 12, 0), asm.ecall]);
  // The second page gets the first slot, so it is the first to lose it.
  bench.run(SECOND + 4, 1);
  for (let i = 0; i < 3; i++) assert.is(perRound(bench), 11);
  hart.x[12] = BigInt(DATA);
  assert.is(bench.run(CODE, 9), traps.environmentCall);
  for (const address of others) assert.is(bench.run(address, 1), traps.budget);
  hart.x[12] = BigInt(SECOND);
  hart.x[13] = BigInt(asm.addi(SUM, SUM, 40));
  assert.is(bench.run(CODE, 9), traps.environmentCall);
  assert.is(perRound(bench), 41);
});

/** Calls the place so often that it is hot, or found to be nothing to translate. */
function callOften(bench: Bench, place: number): void {
  const loop = [asm.jalr(1, 12, 0), asm.addi(LEFT, LEFT, -1), asm.bne(LEFT, 0, -8), asm.ecall];
  bench.place(CODE, loop);
  bench.machine.hart.x[12] = BigInt(place);
  bench.machine.hart.x[LEFT] = BigInt(ROUNDS);
  bench.machine.hart.pcWord[0] = BigInt(CODE);
  for (;;) {
    assert.is(bench.machine.hart.run(1_000_000), traps.environmentCall);
    if (bench.machine.hart.pcWord[0] !== BigInt(place)) return;
    bench.machine.hart.pcWord[0] = bench.machine.hart.x[1] as bigint;
  }
}

for (const who of ['program', 'supervisor'] as const) {
  inEachTier(`what could not be translated is other code now, written by the ${who}, and that is`, (tier) => {
    const bench = createBench(undefined, { tier });
    const { hart } = bench.machine;
    bench.place(SECOND, [asm.ecall]);
    callOften(bench, SECOND);
    // A loop that nothing but its first instruction leads to.
    const codes = [asm.addi(SUM, SUM, 1), asm.addi(LEFT, LEFT, -1), asm.bne(LEFT, 0, -8), asm.ecall];
    if (who === 'supervisor') bench.place(SECOND, codes);
    else
      codes.forEach((code, i) => {
        hart.x[12] = BigInt(SECOND + 4 * i);
        hart.x[13] = BigInt(code);
        bench.place(CODE, [asm.sw(13, 12, 0), asm.ecall]);
        assert.is(bench.run(CODE, 9), traps.environmentCall);
      });
    const before = bench.machine.tierStatistics().translated;
    hart.x[SUM] = 0n;
    hart.x[LEFT] = 1000n;
    assert.is(bench.run(SECOND, 10_000), traps.environmentCall);
    assert.is(hart.x[SUM], 1000n);
    const translated = bench.machine.tierStatistics().translated - before;
    assert.ok(tier === 'interpreter' ? translated === 0 : translated > 2000, `${translated} ran translated`);
  });
}

test.run();
