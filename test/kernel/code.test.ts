/**
 * Code that changes under a running thread, however that comes about, is what runs next, in every tier: a thread never
 * goes on with what was translated of a page that is another one now.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createMachine } from '../../src/hw/create.ts';
import type { Tier } from '../../src/hw/machine.ts';
import { Assembler, a0, s1, s2, s3, s4, s5, t0, t2, zero } from './assembler.ts';
import { CODE, DATA, own, PROGRAM, RAM_BYTES, SLAB_SIZE, World } from './world.ts';

const tiers: readonly Tier[] = ['interpreter', 'translator', 'auto'];
const BASE = SLAB_SIZE;
/** Where the program has the page that changes, and where the segment has it. */
const SECOND = CODE + 0x1000;
const SECOND_PAGE = BASE + 0x2000;

/** Counts the rounds in s2, and adds `step` to s1 on a second page: what changes is not where the loop begins. */
function adding(step: number): Assembler {
  const code = new Assembler().label('loop').addi(s2, s2, 1).j('second');
  for (let filled = 2; filled < 1024; filled++) code.addi(zero, zero, 0);
  return code.label('second').addi(s1, s1, step).j('loop');
}

const secondPage = (step: number): Uint8Array => adding(step).bytes().slice(4096);

/** Follows what a thread adds; `expect` says that all rounds since the last look added this much. */
class Follower {
  #sum = 0;
  #rounds = 0;
  readonly #world: World;
  readonly #thread: number;

  constructor(world: World, thread: number) {
    this.#world = world;
    this.#thread = thread;
  }

  expect(step: number, what: string): void {
    const thread = this.#world.thread(this.#thread);
    // Between the two additions, the count is ahead.
    const ahead = [CODE + 4, SECOND].includes(Number(thread.pc)) ? 1 : 0;
    const rounds = Number(thread.x[s2]) - ahead;
    assert.ok(rounds > this.#rounds + 3000, `${what}: it goes on`);
    assert.is(Number(thread.x[s1]), this.#sum + (rounds - this.#rounds) * step, what);
    this.#sum = Number(thread.x[s1]);
    this.#rounds = rounds;
  }
}

/** A world in which the loop has run long enough to be hot. */
function hotWorld(tier: Tier): { world: World; follower: Follower } {
  const world = new World({ machine: createMachine(RAM_BYTES, { tier }) });
  world.addProgram(1, adding(1));
  const follower = new Follower(world, BASE);
  world.run(30_000);
  follower.expect(1, 'at first');
  const { translated } = world.machine.tierStatistics();
  assert.is(translated > 15_000, tier !== 'interpreter', `${translated} translated`);
  return { world, follower };
}

for (const tier of tiers) {
  test(`code that the kernel writes, as the answer to another thread's call: ${tier}`, () => {
    const { world, follower } = hotWorld(tier);
    // Calls with its answer's room where the loop is.
    const asking = new Assembler()
      .call('ipc_call', PROGRAM + own.gate, DATA, 8, SECOND, 8)
      .li(a0, 2 ** 50)
      .invoke('clock_sleep');
    world.write(SECOND_PAGE + 0x1000, asking.bytes());
    for (const step of [2, 3, 4]) {
      world.task.serve(world.gateSet, { receive: () => ({ bytes: secondPage(step) }) });
      world.addThread(BASE, 0x200 + 0x20 * step, { pc: SECOND + 0x1000, priority: 20 });
      world.run(30_000);
      world.task.stopServing(world.gateSet);
      follower.expect(step, `step ${step}`);
    }
    world.kernel.check();
  });

  test(`code that comes back as another after its page was evicted, whoever has its frame meanwhile: ${tier}`, () => {
    const { world, follower } = hotWorld(tier);
    for (const step of [2, 3, 4]) {
      assert.ok(world.evict(SECOND_PAGE));
      // Another program takes the frame, at the same addresses of its own space, and becomes hot there.
      const other = step * SLAB_SIZE;
      world.addProgram(step, adding(100 + step), { priority: 20 });
      const otherFollower = new Follower(world, other);
      world.run(30_000);
      otherFollower.expect(100 + step, `the other program, step ${step}`);
      world.must('thread_get_state', other + own.thread, 0);
      const page = new Uint8Array(4096);
      page.set(secondPage(step));
      world.store.set(SECOND_PAGE / 4096, page);
      world.run(30_000);
      follower.expect(step, `step ${step}`);
    }
    world.kernel.check();
  });

  test(`code that a program rewrites itself, in the middle of a hot loop: ${tier}`, () => {
    const world = new World({ machine: createMachine(RAM_BYTES, { tier }) });
    const rounds = 5000;
    // Two instructions in the middle of the loop, the first of which is to be another; what replaces them lies behind.
    const code = new Assembler().li(s3, CODE).li(t2, rounds);
    while (code.bytes().length % 8 !== 0) code.addi(zero, zero, 0);
    code
      .label('loop')
      .addi(s5, s5, 1)
      .addi(s5, s5, 1)
      .label('pair')
      .addi(s1, s1, 1)
      .addi(s2, s2, 1)
      .bltu(s2, t2, 'loop')
      .addi(t2, t2, rounds);
    code.label('load').addi(s4, s4, 1);
    const load = code.at('load') + 4;
    const pair = code.at('pair');
    // ld, sd, j and padding lie between here and the copy.
    const copy = load + 16 + ((load + 16) % 8);
    code.ld(t0, s3, copy).sd(t0, s3, pair).j('loop');
    while (code.bytes().length < copy) code.addi(zero, zero, 0);
    code.addi(s1, s1, 7).addi(s2, s2, 1);
    world.addProgram(1, code);
    world.run(60_000);
    const thread = world.thread(BASE);
    assert.is(Number(thread.x[s4]) >= 2, true, 'the code was rewritten');
    const pc = Number(thread.pc) - CODE;
    const done = Number(thread.x[s2]);
    const ahead = pc === pair + 4 ? 7 : 0;
    assert.is(Number(thread.x[s1]), rounds + (done - rounds) * 7 + ahead);
    world.kernel.check();
  });
}

test.run();
