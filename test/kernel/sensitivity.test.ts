/**
 * What each sensitivity of thread_schedule keeps from the scheduler (N.14): nothing; that its thread blocks and wakes; or
 * all but that two of its clients can run. In each case also rebuilt in a fresh kernel after every entry. And how a donor
 * that waits at its set is woken, by whoever comes.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { outcomes } from '../../src/kernel/abi/codes.ts';
import { sensitivities } from '../../src/kernel/abi/entry.ts';
import { threadFlags } from '../../src/kernel/abi/types.ts';
import { Assembler, a0, a1, s0, s1, s2 } from './assembler.ts';
import { runRebuilding } from './rebuild.ts';
import { addScheduler, adopt, start } from './scenarios-schedule.ts';
import { CODE, DATA, own, PROGRAM, SLAB_SIZE, World } from './world.ts';

const BASE = SLAB_SIZE;
const SCHEDULER = 2 * SLAB_SIZE;
const GATE = PROGRAM + own.gate;
const SET = PROGRAM + 0x100;
const [MAIN, OTHER] = [PROGRAM + 0x400, PROGRAM + 0x420];
const [mainThread, otherThread] = [BASE + 0x200, BASE + 0x220];
const MESSAGES = DATA + 0x800;
/** When the thread that time is given to wakes, nanoseconds; the other wakes before or after that, or long after. */
const MAIN_AT = 4000;
const [EARLY, NEVER] = [2500, 1_000_000];
/** More than what the other can use before the first wakes. */
const TICKS = 20_000;

/** Children that sleep until s2, and spin from then on. */
const children = new Assembler().label('nap').mv(a0, s2).invoke('clock_sleep').label('spin').j('spin');

/** The scheduler: lets both children go to sleep, then gives its time to the first; outcome in s0, ticks in s1. */
function scheduler(sensitivity: number, receives: number, set = SET): Assembler {
  const code = new Assembler();
  for (let i = 0; i < 2; i += 1) code.call('ipc_wait_receive', SET, 0, 0, MESSAGES, 16);
  code.call('thread_schedule', OTHER, 0, 0, sensitivities.block);
  code.call('thread_schedule', MAIN, TICKS, set, sensitivity).mv(s0, a0).mv(s1, a1);
  for (let i = 0; i < receives; i += 1) code.call('ipc_wait_receive', SET, 0, 0, MESSAGES + 16 * i, 16);
  code.end(GATE);
  return code.label('second').call('thread_schedule', MAIN, TICKS, SET, sensitivity).mv(s0, a0).end(GATE);
}

function build(code: Assembler, otherAt: number): World {
  const world = new World();
  const base = addScheduler(world, 2, code, [1, 1]);
  world.addProgram(1, children, { flags: 1 });
  [MAIN_AT, otherAt].forEach((deadline, i) => {
    world.make(BASE, { [0x200 + 0x20 * i]: 'thread' });
    adopt(world, base, i, BASE + 0x200 + 0x20 * i);
    start(world, BASE, 0x200 + 0x20 * i, base, { schedulerValue: i + 1, x18: deadline });
  });
  start(world, SCHEDULER, 0, null, {});
  return world;
}

interface End {
  readonly outcome: number;
  readonly left: number;
  /** Instructions of the two children. */
  readonly ran: readonly [number, number];
  /** Calls that the scheduler's thread has made. */
  readonly calls: number;
  readonly received: readonly number[];
}

function endOf(world: World): End {
  const { x, entryCount } = world.thread(SCHEDULER);
  return {
    outcome: Number(x[s0]),
    left: Number(x[s1]),
    ran: [Number(world.thread(mainThread).retired), Number(world.thread(otherThread).retired)],
    calls: Number(entryCount),
    received: [0, 1].map((i) => world.word(SCHEDULER + MESSAGES - PROGRAM + 16 * i)),
  };
}

/** The same in a world that is left alone and in one that is rebuilt after every entry. */
function play(sensitivity: number, otherAt: number, receives = 0, set = SET): End {
  const world = build(scheduler(sensitivity, receives, set), otherAt);
  world.finish();
  world.kernel.check();
  const rebuilt = build(scheduler(sensitivity, receives, set), otherAt);
  runRebuilding(rebuilt, true);
  const end = endOf(world);
  assert.equal(endOf(rebuilt), end);
  return end;
}

test('block: the scheduler is told at once that its thread blocks', () => {
  const end = play(sensitivities.block, EARLY);
  assert.is(end.outcome, outcomes.threadBlocked);
  assert.ok(end.left > TICKS - 200 && end.left < TICKS, `${end.left} ticks are left`);
  assert.ok(end.ran[0] < 10 && end.ran[1] < 10, end.ran.join(' '));
});

test('switch: the thread blocks and wakes without its scheduler, and uses all that it was given', () => {
  const end = play(sensitivities.switch, NEVER);
  assert.equal([end.outcome, end.left], [outcomes.success, 0]);
  assert.ok(end.ran[0] > TICKS - 200 && end.ran[0] < TICKS, end.ran.join(' '));
});

test('switch: another client that asks meanwhile wakes the scheduler, and does not run', () => {
  const end = play(sensitivities.switch, EARLY, 1);
  assert.is(end.outcome, outcomes.messageWaits);
  assert.ok(end.ran[0] < 10 && end.ran[1] < 10, end.ran.join(' '));
  assert.is(end.received[0], 2, 'the other is received');
});

test('conflict: another client runs while the first cannot; both ask the scheduler when both could run', () => {
  const end = play(sensitivities.conflict, EARLY, 2);
  assert.is(end.outcome, outcomes.messageWaits);
  // Four ticks a nanosecond, less what the entries cost.
  const between = 4 * (MAIN_AT - EARLY);
  assert.ok(end.ran[1] > between - 300 && end.ran[1] <= between, end.ran.join(' '));
  assert.ok(end.ran[0] < 10);
  assert.ok(end.left < TICKS - end.ran[1], 'what the other used is taken from what was given');
  assert.equal(end.received, [1, 2]);
});

test('conflict: a thread that sleeps alone wakes without its scheduler', () => {
  const end = play(sensitivities.conflict, NEVER);
  assert.equal([end.outcome, end.left], [outcomes.success, 0]);
  assert.ok(end.ran[0] > TICKS - 200, end.ran.join(' '));
});

test('conflict: a client that used up the time of another asks the scheduler', () => {
  const code = scheduler(sensitivities.conflict, 1);
  const world = build(code, EARLY);
  // The first sleeps for as long as it takes.
  world.must('thread_get_state', mainThread, 0, 0, 0, 0, 0, 0);
  start(world, BASE, 0x200, SCHEDULER, { schedulerValue: 1, x18: NEVER });
  world.finish();
  world.kernel.check();
  const end = endOf(world);
  assert.equal([end.outcome, end.left], [outcomes.success, 0]);
  assert.ok(end.ran[1] > TICKS - 300, end.ran.join(' '));
  assert.is(end.received[0], 2);
});

/** The time is for a thread that no scheduler knows and that sleeps for ever, or spins at the lowest priority. */
function besides(isSpinning: boolean, prepare: (world: World) => void): End {
  const code = new Assembler().call('thread_schedule', MAIN, TICKS, SET, sensitivities.conflict).mv(s0, a0);
  const world = new World();
  const base = addScheduler(world, 2, code.mv(s1, a1).end(GATE), [1]);
  world.addProgram(1, children, { flags: 1 });
  world.make(BASE, { 512: 'thread', 544: 'thread' });
  adopt(world, base, 0, mainThread);
  const pc = CODE + children.at(isSpinning ? 'spin' : 'nap');
  start(world, BASE, 0x200, null, { priority: 0, x18: NEVER, pc });
  world.run(500);
  const fromSpace = isSpinning ? [] : [world.reference('faults'), SCHEDULER + 0x140];
  world.setState('space', BASE + own.space, {}, fromSpace);
  start(world, BASE, 0x220, isSpinning ? base : null, { x18: EARLY, pc: CODE + children.at('spin') });
  prepare(world);
  start(world, SCHEDULER, 0, null, {});
  for (let i = 0; i < 20; i += 1) world.run(500);
  world.kernel.check();
  return endOf(world);
}

test('conflict: a client that asks is a conflict with whoever uses the time, its own or not', () => {
  const end = besides(true, () => undefined);
  assert.is(end.outcome, outcomes.messageWaits);
  assert.is(end.ran[1], 0);
  const alone = besides(false, () => undefined);
  assert.ok(alone.ran[1] > 1000, alone.ran.join(' '));
});

test('conflict: a client that asks at a port which is its scheduler no more is not taken on', () => {
  const end = besides(false, (world) => {
    world.make(3 * SLAB_SIZE, { 256: 'port', 288: 'reference' });
    world.must('port_reference', 3 * SLAB_SIZE + 0x100, 3 * SLAB_SIZE + 0x120);
    world.setState('space', BASE + own.space, {}, [world.reference('faults'), 3 * SLAB_SIZE + 0x120]);
  });
  assert.is(end.outcome, outcomes.messageWaits);
  assert.is(end.ran[1], 0);
});

test('without a port set nobody could tell the donor: all sensitivities are as block', () => {
  for (const sensitivity of Object.values(sensitivities)) {
    const end = play(sensitivity, NEVER, 0, 0);
    assert.is(end.outcome, outcomes.threadBlocked);
    assert.ok(end.left > TICKS - 200);
  }
});

test('a donor that waits runs no instruction, and leaves the processor to others of its priority and below', () => {
  const world = build(scheduler(sensitivities.switch, 0), NEVER);
  world.addProgram(3, new Assembler().label('spin').j('spin'), { priority: 1 });
  for (let i = 0; i < 10; i += 1) world.run(1000);
  const before = endOf(world).calls;
  world.run(100);
  assert.is(endOf(world).calls, before);
  assert.ok(world.thread(3 * SLAB_SIZE).retired > 0n);
  world.kernel.check();
});

/** Worlds in which a donor waits at its set; `wake` does something to it, from the harness. */
function asleep(wake: (world: World) => void, sensitivity: number = sensitivities.switch): End {
  const world = build(scheduler(sensitivity, 0), NEVER);
  while (world.run(500) !== 'idle');
  world.kernel.check();
  wake(world);
  world.kernel.check();
  world.finish();
  return endOf(world);
}

test('a message of any kind wakes a donor that waits', () => {
  const end = asleep((world) => {
    const code = new Assembler().call('ipc_call', PROGRAM + 0x160, DATA, 8, DATA, 8).end(GATE);
    world.addProgram(3, code);
    world.make(3 * SLAB_SIZE, { 352: 'reference' });
    world.must('port_reference', SCHEDULER + 0x120, 3 * SLAB_SIZE + 0x160);
    world.run(500);
  });
  assert.is(end.outcome, outcomes.messageWaits);
});

test('a port set that is destroyed ends the wait of its donor, and a second donor does not wait there', () => {
  assert.is(asleep((world) => world.must('portset_destroy', SCHEDULER + 0x100)).outcome, outcomes.canceled);
  let second = -1;
  asleep((world) => {
    const code = scheduler(sensitivities.switch, 0);
    const place = code.at('second');
    world.addThread(SCHEDULER, 0x700, { pc: CODE + place });
    world.run(2000);
    second = Number(world.thread(SCHEDULER + 0x700).x[s0]);
  });
  assert.is(second, outcomes.threadBlocked);
});

test('a donor that is stopped while it waits takes its wait up again, or learns who came meanwhile', () => {
  const resumed = asleep((world) => {
    world.must('thread_get_state', SCHEDULER, world.buffer, 0, 0, world.scratch(1), 0, 0);
    world.view.setBigUint64(
      32,
      BigInt(Number(world.view.getBigUint64(32, true)) & ~threadFlags.stopped),
      true,
    );
    world.must('thread_set_state', SCHEDULER, world.buffer, 0, 0, world.scratch(1), 0, 0);
  });
  assert.is(resumed.outcome, outcomes.success);
  const late = asleep((world) => {
    world.must('thread_get_state', SCHEDULER, world.buffer, 0, 0, world.scratch(1), 0, 0);
    const { buffer } = world;
    const kept = world.bytes.slice(0, 1024);
    world.kernel.stepClock(BigInt(4 * NEVER));
    world.run(500);
    world.bytes.set(kept);
    world.view.setBigUint64(
      32,
      BigInt(Number(world.view.getBigUint64(32, true)) & ~threadFlags.stopped),
      true,
    );
    world.must('thread_set_state', SCHEDULER, buffer, 0, 0, world.scratch(1), 0, 0);
  });
  assert.is(late.outcome, outcomes.messageWaits, 'both have woken');
});

test.run();
