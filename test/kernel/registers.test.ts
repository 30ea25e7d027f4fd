/** A thread's registers by get_state, set_state and peek_state, in every tier: what is there between any two instructions. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createMachine } from '../../src/hw/create.ts';
import type { Tier } from '../../src/hw/machine.ts';
import { states, threadFlags } from '../../src/kernel/abi/types.ts';
import { Assembler, s0, s1, t2, zero } from './assembler.ts';
import { CODE, RAM_BYTES, SLAB_SIZE, World } from './world.ts';

const tiers: readonly Tier[] = ['interpreter', 'translator', 'auto'];
const at = states.thread.offset;
const BASE = SLAB_SIZE;
const ROUNDING_UP = 3;
/** Instructions of the loop, and before it. */
const LOOP = 4;
const PREFIX = 7;

/** Counts in an integer register, a double and a single at once; rounds up, and has divided by zero. */
function counting(): Assembler {
  const code = new Assembler()
    .li(t2, ROUNDING_UP << 5)
    .swapFcsr(zero, t2)
    .li(t2, 1);
  code.fcvtdl(1, t2).fcvtsl(3, t2).fcvtsl(6, zero).fdivd(4, 1, 5);
  return code.label('loop').addi(s1, s1, 1).faddd(2, 2, 1).fadds(6, 6, 3).j('loop');
}

function worldIn(tier: Tier): World {
  return new World({ machine: createMachine(RAM_BYTES, { tier }) });
}

const bitsOf = (value: number): bigint => new BigUint64Array(Float64Array.of(value).buffer)[0] as bigint;
const singleBitsOf = (value: number): bigint =>
  0xffff_ffff_0000_0000n | BigInt(new Uint32Array(Float32Array.of(value).buffer)[0] as number);

/** Looks at the thread after `steps` instructions since its registers were set. */
function checkCount(world: World, steps: number, from: number, what: string): void {
  const thread = world.thread(BASE);
  const inLoop = steps - PREFIX;
  const place = inLoop % LOOP;
  const rounds = from + Math.floor(inLoop / LOOP);
  assert.is(Number(thread.pc), CODE + 4 * (PREFIX + place), what);
  assert.is(Number(thread.x[s1]), rounds + (place > 0 ? 1 : 0), what);
  assert.is(thread.f[2], bitsOf(rounds + (place > 1 ? 1 : 0)), what);
  assert.is(thread.f[6], singleBitsOf(rounds + (place > 2 ? 1 : 0)), what);
  assert.is(thread.f[4], bitsOf(Number.POSITIVE_INFINITY), what);
}

for (const tier of tiers) {
  test(`peek_state sees the registers of a running thread after every instruction, and changes nothing: ${tier}`, () => {
    const world = worldIn(tier);
    world.addProgram(1, counting());
    let steps = 0;
    for (const length of [
      ...Array.from({ length: 40 }, () => 1),
      5000,
      1,
      2,
      3,
      4,
      5,
      20_003,
      1,
      1,
      1,
      30_001,
    ]) {
      assert.is(world.run(length), 'limit');
      steps += length;
      if (steps <= PREFIX) continue;
      checkCount(world, steps, 0, `after ${steps}`);
      // DZ of the division, and rounding up.
      assert.is(world.thread(BASE).fcsr, 0x68n);
    }
    world.kernel.check();
    const { translated, interpreted } = world.machine.tierStatistics();
    assert.is(interpreted + translated, steps);
    if (tier === 'interpreter') assert.is(translated, 0);
    else assert.ok(translated > steps / 2, `only ${translated} of ${steps} were translated`);
  });

  test(`what set_state puts into floating point registers and fcsr is what the thread goes on with: ${tier}`, () => {
    const world = worldIn(tier);
    world.addProgram(1, counting());
    world.run(10_000);
    let from = Math.floor((10_000 - PREFIX) / LOOP);
    for (const [fcsr, kept] of [
      [0n, 0n],
      [0x41n, 0x41n],
      [0xffff_ffff_ffff_ff83n, 0x83n],
    ] as const) {
      world.must('thread_get_state', BASE, world.buffer);
      const { view } = world;
      assert.is(view.getBigUint64(at.f + 8 * 2, true) > 0n, true);
      from += 1000;
      view.setBigUint64(at.flags, view.getBigUint64(at.flags, true) & ~BigInt(threadFlags.stopped), true);
      view.setBigUint64(at.pc, BigInt(CODE + 4 * PREFIX), true);
      view.setBigUint64(at.x + 8 * s1, BigInt(from), true);
      view.setBigUint64(at.f + 8 * 2, bitsOf(from), true);
      view.setBigUint64(at.f + 8 * 6, singleBitsOf(from), true);
      view.setBigUint64(at.f + 8 * 31, 0xdead_beef_0000_0000n + BigInt(from), true);
      view.setBigUint64(at.fcsr, fcsr, true);
      world.must('thread_set_state', BASE, world.buffer);
      assert.is(world.thread(BASE).fcsr, kept, 'at once');
      assert.is(world.run(7_002), 'limit');
      checkCount(world, PREFIX + 7_002, from, `fcsr ${fcsr}`);
      assert.is(world.thread(BASE).f[31], 0xdead_beef_0000_0000n + BigInt(from));
      assert.is(world.thread(BASE).fcsr, kept, 'exact sums raise nothing');
      from += Math.floor(7_002 / LOOP);
    }
    world.kernel.check();
  });

  test(`threads that take turns keep registers, rounding modes and flags to themselves: ${tier}`, () => {
    const world = worldIn(tier);
    const code = new Assembler().slli(t2, s0, 5).swapFcsr(zero, t2).fcvtdl(1, s0);
    code.label('loop').addi(s1, s1, 1).faddd(2, 2, 1).j('loop');
    world.addProgram(1, code, { x8: 0 });
    for (let mode = 1; mode < 5; mode++) world.addThread(BASE, 0x200 + 0x20 * mode, { pc: CODE, x8: mode });
    assert.is(world.run(2_000_003), 'limit');
    assert.ok(world.kernel.statistics().switches > 15, 'each had several turns');
    for (let mode = 0; mode < 5; mode++) {
      const thread = world.thread(mode === 0 ? BASE : BASE + 0x200 + 0x20 * mode);
      const rounds = Number(thread.x[s1]);
      assert.ok(rounds > 50_000);
      const added = Number(thread.pc) === CODE + 16 ? rounds - 1 : rounds;
      assert.is(thread.f[2], bitsOf(added * mode), `mode ${mode}`);
      assert.is(thread.fcsr, BigInt(mode << 5), `mode ${mode}`);
    }
    world.kernel.check();
  });
}

test.run();
