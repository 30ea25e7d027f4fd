/**
 * M.11: a loop that rewrites an instruction in every round, by every kind of store and at every kind of place, gives in
 * each tier what the manual's hart without any cache would give, however it is cut.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { pte, type Tier, traps } from '../../src/hw/machine.ts';
import { asm, type Bench, CODE, createBench, encode, generator, RAM_BYTES } from './bench.ts';
import { floatMemory } from './differential/floats.ts';

const ROUNDS = 24;
const ALIAS_DISTANCE = 0x8_0000;
/** Registers: the sum, the place to store to, what to store, what is added to that each round, the rounds left. */
const [SUM, PLACE, VALUE, STEP, LEFT, OTHER, LINK] = [10, 11, 12, 13, 14, 15, 1];

/** In each round the immediate of `addi` grows by this much, in the highest byte of the instruction only. */
const GROWTH = 16;
const changed = (round: number): number => asm.addi(SUM, SUM, GROWTH * round);

interface Store {
  readonly name: string;
  readonly codes: readonly number[];
  readonly isAligned?: boolean;
}

/** What writes VALUE, or the part of it that changes, to PLACE. Doublewords write the nop behind it as well. */
const stores: readonly Store[] = [
  { name: 'sb', codes: [encode.i(0x13, 5, OTHER, VALUE, 24), asm.sb(OTHER, PLACE, 3)] },
  { name: 'sh', codes: [encode.i(0x13, 5, OTHER, VALUE, 16), asm.sh(OTHER, PLACE, 2)] },
  { name: 'sw', codes: [asm.sw(VALUE, PLACE, 0)] },
  { name: 'sd', codes: [asm.sd(VALUE, PLACE, 0)] },
  // c.sw a2, 0(a1) and c.sd a2, 0(a1).
  { name: 'c.sw', codes: [0xc190] },
  { name: 'c.sd', codes: [0xe190] },
  { name: 'fsw', codes: [encode.r(0x53, 0, 0x78, 3, VALUE, 0), floatMemory.store(false, 3, PLACE, 0)] },
  { name: 'fsd', codes: [encode.r(0x53, 0, 0x79, 3, VALUE, 0), floatMemory.store(true, 3, PLACE, 0)] },
  { name: 'amoswap.w', codes: [asm.amo(1, false, OTHER, PLACE, VALUE)], isAligned: true },
  { name: 'amoswap.d', codes: [asm.amo(1, true, 0, PLACE, VALUE)], isAligned: true },
  {
    name: 'sc.w',
    codes: [asm.amo(2, false, OTHER, PLACE, 0), asm.amo(3, false, OTHER, PLACE, VALUE)],
    isAligned: true,
  },
  {
    name: 'sc.d',
    codes: [asm.amo(2, true, OTHER, PLACE, 0), asm.amo(3, true, OTHER, PLACE, VALUE)],
    isAligned: true,
  },
];

interface Target {
  readonly name: string;
  /** Offset of the rewritten instruction from CODE, and of the loop's beginning. */
  readonly at: number;
  readonly isAligned: boolean;
  readonly isFirst?: boolean;
  readonly isCalled?: boolean;
}

/** Where the rewritten instruction lies. */
const targets: readonly Target[] = [
  { name: 'right behind the store', at: 0x100, isAligned: true },
  { name: 'before the store', at: 0x100, isAligned: true, isFirst: true },
  { name: 'right behind the store, at an odd halfword', at: 0x106, isAligned: false },
  { name: 'right behind the store, on two pages', at: 4094, isAligned: false },
  { name: 'before the store, on two pages', at: 4094, isAligned: false, isFirst: true },
  { name: 'in a function on another page', at: 4096 + 0x80, isAligned: true, isCalled: true },
  { name: 'in a function on two pages', at: 4094, isAligned: false, isCalled: true },
];

const size = (codes: readonly number[]): number => codes.reduce((sum, c) => sum + ((c & 3) === 3 ? 4 : 2), 0);

/** Places the loop; returns where it begins and the sum it must come to. */
function placeLoop(
  bench: Bench,
  store: Store,
  { at, isFirst, isCalled }: Target,
): { start: number; sum: number } {
  const target = CODE + at;
  const next = [asm.add(VALUE, VALUE, STEP), asm.addi(LEFT, LEFT, -1)];
  let start = target;
  if (isCalled === true) {
    start = CODE + 0x40;
    bench.place(target, [changed(0), asm.nop, asm.jalr(0, LINK, 0)]);
    const jump = asm.jal(LINK, target - (start + size(store.codes)));
    const round = [...store.codes, jump, ...next];
    bench.place(start, [...round, asm.bne(LEFT, 0, -size(round)), asm.ecall]);
  } else {
    const rewritten = [changed(0), asm.nop];
    if (isFirst !== true) start = target - size(store.codes);
    const round =
      isFirst === true ? [...rewritten, ...store.codes, ...next] : [...store.codes, ...rewritten, ...next];
    bench.place(start, [...round, asm.bne(LEFT, 0, -size(round)), asm.ecall]);
  }
  // Before the store the instruction still is the one of the round before.
  const last = isFirst === true ? ROUNDS - 1 : ROUNDS;
  return { start, sum: (GROWTH * (last * (last + 1))) / 2 };
}

function prepare(bench: Bench, place: number): void {
  const { hart } = bench.machine;
  hart.x[SUM] = 0n;
  hart.x[PLACE] = BigInt(place);
  hart.x[VALUE] = BigInt(changed(1)) | (BigInt(asm.nop) << 32n);
  hart.x[STEP] = BigInt(GROWTH) << 20n;
  hart.x[LEFT] = BigInt(ROUNDS);
}

/** Does every store at every target on one machine, which so has translated the same addresses many times. */
function checkTier(tier: Tier, budget: (random: (below: number) => number) => number): number {
  const random = generator(77);
  const bench = createBench(RAM_BYTES, { tier });
  const { hart } = bench.machine;
  for (const page of [0, 1]) {
    const frame = Math.floor((bench.at(CODE + page * 4096) - bench.machine.ramOffset) / 4096);
    bench.tables.map(CODE + ALIAS_DISTANCE + page * 4096, frame, pte.read | pte.write);
  }
  for (const store of stores) {
    for (const target of targets) {
      if (store.isAligned === true && !target.isAligned) continue;
      const { start, sum } = placeLoop(bench, store, target);
      // First through the address that runs, then through another one of the same frames.
      for (const distance of [0, ALIAS_DISTANCE]) {
        const what = `${tier}: ${store.name}, ${target.name}, ${distance === 0 ? 'same' : 'other'} address`;
        bench.place(CODE + target.at, [changed(0)]);
        prepare(bench, CODE + target.at + distance);
        hart.pcWord[0] = BigInt(start);
        let cause: number = traps.budget;
        while (cause === traps.budget) cause = hart.run(budget(random));
        assert.is(cause, traps.environmentCall, what);
        assert.is(hart.x[SUM], BigInt(sum), what);
      }
    }
  }
  return bench.machine.tierStatistics().translated;
}

for (const tier of ['interpreter', 'translator', 'auto'] as const) {
  test(`${tier}: a loop that rewrites an instruction each round runs what is written`, () => {
    const translated = checkTier(tier, () => 1_000_000);
    if (tier === 'translator') assert.ok(translated > 500, `only ${translated} instructions ran translated`);
  });
}

for (const tier of ['interpreter', 'translator'] as const) {
  test(`${tier}: so it does when it is cut`, () => {
    checkTier(tier, (random) => 1 + random(23));
  });
}

for (const tier of ['interpreter', 'translator', 'auto'] as const) {
  for (const isDouble of [false, true]) {
    test(`${tier}: atomics${isDouble ? ' of doublewords' : ''} that overwrite themselves do what they are`, () => {
      const bench = createBench(RAM_BYTES, { tier });
      const { hart, view } = bench.machine;
      const width = isDouble ? 64 : 32;
      // amoswap, amoadd, and sc after an lr; each where it is the operand, or its second half, or the one before it.
      for (const funct5 of [1, 0, 3]) {
        for (const distance of isDouble ? [0, -4] : [0]) {
          const start = CODE + 0x100 + 4 * (isDouble ? 1 : 0) + distance;
          const atomic = asm.amo(funct5, isDouble, OTHER, PLACE, VALUE);
          const target = isDouble ? start + 4 + (start % 8 === 0 ? -4 : 0) : start + 4;
          bench.place(start, [asm.amo(2, isDouble, LINK, PLACE, 0), atomic, asm.nop, asm.ecall]);
          const old = view.getBigInt64(bench.at(target), true);
          const value = funct5 === 0 ? 0n : (BigInt(asm.nop) << 32n) | BigInt(asm.nop);
          hart.x[PLACE] = BigInt(target);
          hart.x[VALUE] = value;
          hart.x[OTHER] = 77n;
          const what = `funct5 ${funct5} at ${start.toString(16)}`;
          assert.is(bench.run(start, 10), traps.environmentCall, what);
          assert.equal([hart.x[0], hart.x[VALUE]], [0n, value], what);
          assert.is(hart.x[OTHER], funct5 === 3 ? 0n : BigInt.asUintN(64, BigInt.asIntN(width, old)), what);
          const stored = BigInt.asUintN(width, funct5 === 0 ? old : value);
          assert.is(BigInt.asUintN(width, view.getBigInt64(bench.at(target), true)), stored, what);
        }
      }
    });
  }
}

test.run();
