/**
 * M.11: whichever tier runs, however a run is cut, and whatever caches are dropped in between, a program does the same.
 *
 * One file of two: programs of the bare runner here; page tables that change while code runs in tiers-faults.test.ts.
 */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Tier, traps } from '../../src/hw/machine.ts';
import { asm, CODE, createBench, RAM_BYTES } from './bench.ts';
import { buildProgram } from './differential/generate.ts';
import { type Mode, makeReference, modes, runMode, type Subject } from './differential/modes.ts';
import { bareSubject } from './differential/subjects.ts';

const modeCalled = (name: string): Mode => modes.find((mode) => mode.name === name) as Mode;
const translatorInOneRun = modeCalled('translator, in one run');
const autoInOneRun = modeCalled('auto, in one run');

interface Shares {
  readonly translator: number;
  readonly auto: number;
}

/** Runs a subject in every mode; returns of what ran in one run how much was translated. */
function checkModes(create: (tier: Tier) => Subject, seed: number, positions: number, what: string): Shares {
  const reference = makeReference(create, positions);
  const shares = new Map<Mode, number>();
  for (const mode of modes) {
    const { difference, statistics } = runMode(create, mode, seed, reference);
    assert.is(difference, null, `${what}, ${difference}`);
    shares.set(mode, statistics.translated / (statistics.interpreted + statistics.translated));
  }
  return { translator: shares.get(translatorInOneRun) ?? 0, auto: shares.get(autoInOneRun) ?? 0 };
}

test('random programs do the same in every tier, cut anywhere, disturbed or not', () => {
  for (let seed = 1; seed <= 6; seed++) {
    const sequences = Array.from({ length: 12 }, (_, index) => ({ index, groupCount: 40 }));
    const { elf } = buildProgram(seed, sequences);
    const shares = checkModes(bareSubject(elf, seed), seed, 12_000, `seed ${seed}`);
    assert.ok(shares.translator > 0.7, `seed ${seed}: only ${shares.translator} ran translated`);
  }
});

test('random loops that become hot do the same in every tier, cut anywhere, disturbed or not', () => {
  for (let seed = 101; seed <= 105; seed++) {
    const sequences = [0, 1].map((index) => ({ index, groupCount: 10, rounds: 1200 }));
    const { elf } = buildProgram(seed, sequences);
    const shares = checkModes(bareSubject(elf, seed), seed, 30_000, `seed ${seed}`);
    assert.ok(shares.translator > 0.7, `seed ${seed}: only ${shares.translator} ran translated`);
    assert.ok(shares.auto > 0.1, `seed ${seed}: only ${shares.auto} ran translated in auto`);
  }
});

for (const name of ['hello', 'echo', 'fill']) {
  test(`the compiled program ${name} does the same in every tier, cut anywhere, disturbed or not`, () => {
    const elf = readFileSync(new URL(`../../src/userland/programs/${name}.bare.elf`, import.meta.url));
    const shares = checkModes(bareSubject(elf, 5), 5, 20_000, name);
    assert.ok(shares.translator > 0.5, `only ${shares.translator} of the instructions ran translated`);
  });
}

test('counters are exact in each tier after more instructions than are ever run at a stretch', () => {
  for (const tier of ['interpreter', 'translator', 'auto'] as const) {
    const bench = createBench(RAM_BYTES, { tier });
    const { hart } = bench.machine;
    const rounds = 1_700_000;
    // lui and addiw; a loop that adds up what it sees of instret; then all three counters.
    const seeInstret = asm.csr(2, 12, 0xc02, 0);
    const loop = [seeInstret, asm.add(13, 13, 12), asm.addi(11, 11, -1), asm.bne(11, 0, -12)];
    bench.place(CODE, [
      ...loop,
      asm.csr(2, 14, 0xc00, 0),
      asm.csr(2, 15, 0xc01, 0),
      asm.csr(2, 16, 0xc02, 0),
      asm.ecall,
    ]);
    hart.x[11] = BigInt(rounds);
    hart.addTicks(1000);
    hart.retiredWord[0] = 7n;
    assert.is(bench.run(CODE, 2 ** 31 - 1), traps.environmentCall);
    const retired = 4 * rounds + 3;
    assert.is(hart.lastRetired, retired, tier);
    // Round i sees 7 + 4i.
    assert.is(hart.x[13], BigInt(7 * rounds) + 2n * BigInt(rounds) * BigInt(rounds - 1), tier);
    assert.equal(
      [...hart.x.slice(14, 17)],
      [BigInt(retired + 997), BigInt(retired + 998), BigInt(retired + 6)],
      tier,
    );
  }
});

test.run();
