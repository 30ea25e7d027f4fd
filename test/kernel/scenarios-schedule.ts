/**
 * Scenarios of donated time: a stride scheduler in user mode shares its processor among children by tickets 1:2:3, one
 * level deep and two; children that block; and time that passes on from who waits to whom it waits for. Tests only.
 */
import * as assert from 'uvu/assert';
import { outcomes } from '../../src/kernel/abi/codes.ts';
import { sensitivities } from '../../src/kernel/abi/entry.ts';
import { mutexFlags } from '../../src/kernel/abi/types.ts';
import { Assembler, a0, a1, s0, s1, s2, s3, s4, s5, t0, t1, t2, zero } from './assembler.ts';
import type { Scenario } from './scenarios.ts';
import { CODE, DATA, own, PROGRAM, SLAB_SIZE, type World } from './world.ts';

const GATE = PROGRAM + own.gate;
const SET = PROGRAM + 0x100;
/** The scheduler's table: an entry a child. */
const ENTRY_SIZE = 64;
const at = { pass: 0, stride: 8, isReady: 16, used: 24, reference: 32 } as const;
const MESSAGE = DATA + 0x800;
/** Ticks of one donation. */
export const STRIDE_TICKS = 400;

/** A stride scheduler for `count` children that gives away the processor so many times, and ends. */
export function strideScheduler(count: number, rounds: number, sensitivity: number): Assembler {
  const code = new Assembler().li(s2, DATA).li(s0, rounds);
  code.label('pick').li(s3, 0).mv(s4, s2).li(s5, count);
  code.label('each').ld(t0, s4, at.isReady).beq(t0, zero, 'next').beq(s3, zero, 'take');
  code.ld(t0, s4, at.pass).ld(t1, s3, at.pass).bltu(t0, t1, 'take').j('next');
  code.label('take').mv(s3, s4);
  code.label('next').addi(s4, s4, ENTRY_SIZE).addi(s5, s5, -1).bne(s5, zero, 'each');
  code.beq(s3, zero, 'receive').addi(s0, s0, -1).beq(s0, zero, 'end');
  code.ld(a0, s3, at.reference).li(a1, STRIDE_TICKS).li(12, SET).li(13, sensitivity);
  code.invoke('thread_schedule');
  // What was used: what was given less what is left.
  code.li(t1, -1).mul(a1, a1, t1).li(t0, STRIDE_TICKS).add(t0, t0, a1);
  code.ld(t1, s3, at.used).add(t1, t1, t0).sd(t1, s3, at.used);
  code.ld(t1, s3, at.stride).mul(t0, t0, t1).ld(t1, s3, at.pass).add(t1, t1, t0).sd(t1, s3, at.pass);
  code.addi(t0, a0, -outcomes.threadBlocked).bne(t0, zero, 'ready').sd(zero, s3, at.isReady).j('pick');
  code.label('ready').addi(t0, a0, -outcomes.messageWaits).bne(t0, zero, 'pick');
  code.label('receive').call('ipc_wait_receive', SET, 0, 0, MESSAGE, 16);
  code.li(t0, MESSAGE).ld(t1, t0).slli(t1, t1, 6).add(t1, t1, s2).li(t0, 1).sd(t0, t1, at.isReady);
  return code.j('pick').label('end').end(GATE);
}

/** Puts a scheduler into this slab: set, port and reference to the port at 0x100, 0x120 and 0x140. Returns the base. */
export function addScheduler(
  world: World,
  slab: number,
  code: Assembler,
  strides: readonly number[],
  options: Readonly<Record<string, number>> = {},
): number {
  const base = world.addProgram(slab, code, { flags: 1, ...options });
  world.make(base, { 256: 'portset', 288: 'port', 320: 'reference' });
  world.must('portset_reference', base + 0x100, world.scratch(0));
  world.setState('port', base + 0x120, { alias: slab }, [world.scratch(0)]);
  world.must('port_reference', base + 0x120, base + 0x140);
  const table = new DataView(new ArrayBuffer(ENTRY_SIZE * strides.length));
  strides.forEach((stride, i) => {
    table.setBigUint64(ENTRY_SIZE * i + at.stride, BigInt(stride), true);
    table.setBigUint64(ENTRY_SIZE * i + at.reference, BigInt(PROGRAM + 0x400 + 0x20 * i), true);
    world.make(base, { [0x400 + 0x20 * i]: 'reference' });
  });
  world.write(base + DATA - PROGRAM, new Uint8Array(table.buffer));
  return base;
}

/** Makes this thread child `index` of the scheduler, by a link of its own. */
export function adopt(world: World, scheduler: number, index: number, thread: number): void {
  world.must('thread_reference', thread, scheduler + 0x400 + 0x20 * index);
}

/** Starts a thread of the slab that was stopped, or is new. */
export function start(
  world: World,
  base: number,
  offset: number,
  scheduler: number | null,
  words: Readonly<Record<string, number>>,
): void {
  const links = [base + own.spaceReference, ...(scheduler === null ? [] : [scheduler + 0x140])];
  const threadAddress = PROGRAM + offset;
  // All ones: no reservation.
  const reservation = 2n ** 64n - 1n;
  const state = { priority: 16, pc: CODE, threadAddress, reservation, ...words };
  world.setState('thread', base + offset, state, links);
}

/** What a scheduler counted for its child. */
export function usedOf(world: World, scheduler: number, index: number): number {
  return world.word(scheduler + DATA - PROGRAM + ENTRY_SIZE * index + at.used);
}

/** Three children with their own endless loops in one space, under a scheduler in another. */
export function buildShares(world: World, rounds: number, isByOwnLinks: boolean): void {
  const scheduler = addScheduler(world, 2, strideScheduler(3, rounds, 0), [6, 3, 2]);
  const base = world.addProgram(1, new Assembler().label('spin').addi(s0, s0, 1).j('spin'), { flags: 1 });
  if (!isByOwnLinks)
    world.setState('space', base + own.space, {}, [world.reference('faults'), scheduler + 0x140]);
  for (let i = 0; i < 3; i += 1) {
    world.make(base, { [0x200 + 0x20 * i]: 'thread' });
    adopt(world, scheduler, i, base + 0x200 + 0x20 * i);
    start(world, base, 0x200 + 0x20 * i, isByOwnLinks ? scheduler : null, { schedulerValue: i });
  }
  start(world, 2 * SLAB_SIZE, 0, null, {});
}

/** Instructions that the three children have run. */
export function shares(world: World, base = SLAB_SIZE): number[] {
  return [0, 1, 2].map((i) => Number(world.thread(base + 0x200 + 0x20 * i).retired));
}

function assertShares(ran: readonly number[], tickets: readonly number[]): void {
  const total = ran.reduce((a, b) => a + b);
  const sum = tickets.reduce((a, b) => a + b);
  ran.forEach((count, i) => {
    const wanted = (total * (tickets[i] as number)) / sum;
    assert.ok(
      Math.abs(count - wanted) <= 0.02 * wanted + STRIDE_TICKS,
      `${ran.join(' ')} for ${tickets.join(':')}`,
    );
  });
}

const stride: Scenario = {
  name: 'a stride scheduler in user mode shares its processor by tickets 1:2:3',
  build: (world) => buildShares(world, 120, false),
  check(world) {
    assertShares(shares(world), [1, 2, 3]);
    for (const [i, count] of shares(world).entries()) {
      assert.is(usedOf(world, 2 * SLAB_SIZE, i), count);
    }
  },
};

/** The last of three children is a scheduler itself, with tickets 1:2:3 for its own. */
const nested: Scenario = {
  name: 'a scheduler under a scheduler shares what it is given by tickets 1:2:3',
  build(world) {
    buildShares(world, 200, true);
    const inner = addScheduler(world, 3, strideScheduler(3, 1_000_000, 0), [6, 3, 2]);
    const spin = new Assembler().label('spin').addi(s0, s0, 1).j('spin');
    const base = world.addProgram(4, spin, { flags: 1 });
    for (let i = 0; i < 3; i += 1) {
      world.make(base, { [0x200 + 0x20 * i]: 'thread' });
      adopt(world, inner, i, base + 0x200 + 0x20 * i);
      start(world, base, 0x200 + 0x20 * i, inner, { schedulerValue: i });
    }
    // It takes the place of the third child.
    world.must('thread_get_state', SLAB_SIZE + 0x240, 0, 0, 0, 0, 0, 0);
    adopt(world, 2 * SLAB_SIZE, 2, 3 * SLAB_SIZE);
    start(world, 3 * SLAB_SIZE, 0, 2 * SLAB_SIZE, { schedulerValue: 2 });
  },
  check(world) {
    assertShares(shares(world, 4 * SLAB_SIZE), [1, 2, 3]);
    const used = [0, 1, 2].map((i) => usedOf(world, 2 * SLAB_SIZE, i));
    assertShares(used, [1, 2, 3]);
    const below = shares(world, 4 * SLAB_SIZE).reduce((a, b) => a + b);
    assert.ok(below > 0.5 * (used[2] as number), `${below} of ${used[2]} reach the children below`);
  },
};

/** Children that sleep, lock and call: each time they could run again they ask, and all come to their end. */
const blocking = (['block', 'switch', 'conflict'] as const).map(
  (sensitivity): Scenario => ({
    name: `children of a scheduler block in sleeps and mutexes, and ask again: it is told of each ${sensitivity}`,
    build(world) {
      const code = strideScheduler(3, 1500, sensitivities[sensitivity]);
      const scheduler = addScheduler(world, 2, code, [6, 3, 2]);
      buildBlocking(world, scheduler);
    },
    check: (world) => assert.is(world.word(SLAB_SIZE + DATA - PROGRAM), 8 * 111),
  }),
);

function buildBlocking(world: World, scheduler: number): void {
  const mutex = PROGRAM + 0x100;
  const code = new Assembler().li(s1, 8).li(s2, DATA);
  code.label('loop').call('mutex_lock', mutex).ld(t2, s2).li(t0, 200);
  code.label('spin').addi(t0, t0, -1).bne(t0, zero, 'spin').add(t2, t2, s0).sd(t2, s2);
  code.call('mutex_unlock', mutex).call('clock_read').add(a0, a1, s3).invoke('clock_sleep');
  code.addi(s1, s1, -1).bne(s1, zero, 'loop').end(GATE);
  const base = world.addProgram(1, code, { flags: 1 });
  world.make(base, { 256: 'mutex' });
  world.setState('mutex', base + 0x100, { flags: mutexFlags.inheritPriority });
  for (let i = 0; i < 3; i += 1) {
    world.make(base, { [0x200 + 0x20 * i]: 'thread' });
    adopt(world, scheduler, i, base + 0x200 + 0x20 * i);
    start(world, base, 0x200 + 0x20 * i, scheduler, { schedulerValue: i, x8: 10 ** i, x19: 90 * (i + 1) });
  }
  start(world, 2 * SLAB_SIZE, 0, null, {});
}

export const scheduleScenarios: readonly Scenario[] = [stride, nested, ...blocking];
