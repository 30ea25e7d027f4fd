/**
 * Donated time (N.14): how donations end, who is asked when schedulers and ports go away, and what is refused. The shares
 * of a stride scheduler, in all modes, are scenarios (`scenarios-schedule.ts`).
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { outcomes } from '../../src/kernel/abi/codes.ts';
import { flavours } from '../../src/kernel/abi/entry.ts';
import { threadFlags } from '../../src/kernel/abi/types.ts';
import { Assembler, a0, a1, s0, s1, zero } from './assembler.ts';
import { addScheduler, adopt, buildShares, shares, start } from './scenarios-schedule.ts';
import { own, PROGRAM, SLAB_SIZE, World } from './world.ts';

const BASE = SLAB_SIZE;
const SCHEDULER = 2 * SLAB_SIZE;
const CHILD = PROGRAM + 0x400;
const SET = PROGRAM + 0x100;

/** A scheduler that donates once to its first child, and ends; the outcome is in s0, what is left of the ticks in s1. */
function once(ticks: number, set: number, sensitivity: number): Assembler {
  const code = new Assembler().call('thread_schedule', CHILD, ticks, set, sensitivity);
  return code
    .mv(s0, a0)
    .mv(s1, a1)
    .end(PROGRAM + own.gate);
}

/** Children 0 and 1 at these labels under that scheduler; runs to the end. */
function run(scheduler: Assembler, child: Assembler, labels: readonly string[]): World {
  const world = new World();
  const base = addScheduler(world, 2, scheduler, [1, 1]);
  world.addProgram(1, child, { flags: 1 });
  labels.forEach((label, i) => {
    world.make(BASE, { [0x200 + 0x20 * i]: 'thread' });
    adopt(world, base, i, BASE + 0x200 + 0x20 * i);
    start(world, BASE, 0x200 + 0x20 * i, base, { schedulerValue: i, pc: PROGRAM + 0x1000 + child.at(label) });
  });
  start(world, SCHEDULER, 0, null, {});
  for (let i = 0; i < 50; i += 1) {
    const end = world.run(1000);
    const deadline = world.kernel.nextDeadline();
    if (end === 'idle' && deadline !== null) world.kernel.stepClock(deadline);
    world.kernel.check();
  }
  return world;
}

function spinner(): Assembler {
  const code = new Assembler().label('spin').addi(s0, s0, 1).j('spin');
  code.label('sleeper').li(a0, 2000).invoke('clock_sleep').j('spin');
  return code.label('short').li(s1, 50).label('again').addi(s1, s1, -1).bne(s1, zero, 'again').j('sleeper');
}

function ended(world: World): [number, number] {
  const { x } = world.thread(SCHEDULER);
  return [Number(x[s0]), Number(x[s1])];
}

test('a donation ends when its ticks are spent, to the instruction', () => {
  const world = run(once(777, 0, 0), spinner(), ['spin']);
  assert.equal(ended(world), [outcomes.success, 0]);
  assert.is(world.thread(BASE + 0x200).retired, 777n);
});

test('a donation ends at once when the thread blocks, with what is left', () => {
  const [outcome, left] = ended(run(once(5000, 0, 0), spinner(), ['short']));
  assert.is(outcome, outcomes.threadBlocked);
  assert.ok(left > 4500 && left < 5000, `${left} ticks are left`);
});

test('a donation without end ends when another thread asks at the port set', () => {
  // The first child asks when it is made; that request is received before time is given.
  const code = new Assembler().call('ipc_wait_receive', SET, 0, 0, PROGRAM + 0x1_0000, 16);
  code.call('ipc_wait_receive', SET, 0, 0, PROGRAM + 0x1_0000, 16);
  code.call('thread_schedule', CHILD + 0x20, 0, 0, 0).call('thread_schedule', CHILD, 0, SET, 0);
  const world = run(
    code
      .mv(s0, a0)
      .mv(s1, a1)
      .end(PROGRAM + own.gate),
    spinner(),
    ['spin', 'short'],
  );
  assert.equal(ended(world), [outcomes.messageWaits, 0]);
  assert.ok(world.thread(BASE + 0x200).retired > 100n);
});

test('nobody gets a donation while a message waits, and a thread that waits gets none', () => {
  const world = run(once(100, SET, 0), spinner(), ['spin', 'spin']);
  assert.equal(ended(world), [outcomes.messageWaits, 100]);
  const none = new Assembler().call('clock_read').call('thread_schedule', CHILD, 100, 0, 0);
  const asleep = new World();
  addScheduler(
    asleep,
    2,
    none
      .mv(s0, a0)
      .mv(s1, a1)
      .end(PROGRAM + own.gate),
    [1],
  );
  asleep.addProgram(1, spinner(), { pc: PROGRAM + 0x1000 + spinner().at('sleeper'), priority: 20 });
  asleep.must('thread_reference', BASE, SCHEDULER + 0x400);
  start(asleep, SCHEDULER, 0, null, {});
  asleep.run(2000);
  assert.equal(ended(asleep), [outcomes.threadBlocked, 100]);
});

test('two that donate to each other: the second is refused', () => {
  const world = new World();
  for (const slab of [1, 2]) addScheduler(world, slab, once(1000, 0, 0), [1]);
  for (const slab of [1, 2]) adopt(world, slab * SLAB_SIZE, 0, (3 - slab) * SLAB_SIZE);
  start(world, SLAB_SIZE, 0, null, {});
  start(world, SCHEDULER, 0, null, {});
  world.finish();
  world.kernel.check();
  const outcome = (slab: number): number => Number(world.thread(slab * SLAB_SIZE).x[s0]);
  assert.is(outcome(2), outcomes.threadBlocked, 'who runs on the time of the first cannot give it back');
  assert.is(outcome(1), outcomes.threadBlocked, 'and has then come to its end');
});

test('a scheduler that goes away: those it knew ask again; without its port the kernel schedules them', () => {
  const world = new World();
  buildShares(world, 40, false);
  world.finish();
  const before = shares(world);
  const flagsOf = (i: number): number => Number(world.thread(BASE + 0x200 + 0x20 * i).flags);
  for (let i = 0; i < 3; i += 1) assert.is(flagsOf(i) & threadFlags.scheduled, threadFlags.scheduled);
  world.must('thread_destroy', SCHEDULER);
  world.kernel.check();
  for (let i = 0; i < 3; i += 1) assert.is(flagsOf(i) & threadFlags.asking, threadFlags.asking);
  world.run(5000);
  assert.equal(shares(world), before, 'nobody serves the port: nobody runs');
  world.must('port_destroy', SCHEDULER + 0x120);
  world.kernel.check();
  world.run(400_000);
  const ran = shares(world).map((count, i) => count - (before[i] as number));
  assert.ok(Math.min(...ran) >= 100_000, `${ran.join(' ')} under round robin`);
});

test('two schedulers that wait at one set: both make their calls again when a thread asks', () => {
  const receive = new Assembler().call('ipc_wait_receive', SET, 0, 0, PROGRAM + 0x1_0000, 16);
  const world = new World();
  const base = addScheduler(world, 2, receive.mv(s0, a0).end(PROGRAM + own.gate), [1]);
  start(world, SCHEDULER, 0, null, {});
  world.addThread(SCHEDULER, 0x700, { pc: PROGRAM + 0x1000 });
  world.finish();
  world.addProgram(1, spinner(), { flags: 1 });
  world.make(BASE, { 512: 'thread' });
  start(world, BASE, 0x200, base, {});
  world.kernel.check();
  world.finish();
  world.kernel.check();
});

test('a thread that gives itself a turn does not run by itself', () => {
  const world = new World();
  buildShares(world, 40, false);
  world.finish();
  const child = BASE + 0x200;
  const before = shares(world);
  world.must('thread_get_state', child, world.buffer, 0, 0, 0, 0, 0);
  world.view.setBigUint64(32, 0n, true);
  world.view.setBigUint64(48, 1n, true);
  world.must('thread_set_state', child, world.buffer, 0, 0, 0, 0, 0);
  world.run(5000);
  assert.equal(shares(world), before);
  world.kernel.check();
});

test('a thread that is stopped while it asks is not taken on by who donates to it', () => {
  const world = new World();
  const code = new Assembler().call('clock_sleep', 1000).call('thread_schedule', CHILD, 100, 0, 0).mv(s0, a0);
  const base = addScheduler(world, 2, code.end(PROGRAM + own.gate), [1]);
  world.addProgram(1, spinner(), { flags: 1 });
  world.make(BASE, { 512: 'thread' });
  adopt(world, base, 0, BASE + 0x200);
  start(world, BASE, 0x200, base, {});
  const flags = (): number => Number(world.thread(BASE + 0x200).flags);
  assert.is(flags(), threadFlags.asking);
  world.must('thread_get_state', BASE + 0x200, 0, 0, 0, 0, 0, 0);
  start(world, SCHEDULER, 0, null, {});
  world.finish();
  assert.is(ended(world)[0], outcomes.threadBlocked);
  assert.is(flags(), threadFlags.asking | threadFlags.stopped);
});

test('a server that lets its client go as it begins to wait hears that this one asks for the processor', () => {
  const receive = (code: Assembler, room: number): Assembler =>
    code.call('ipc_wait_receive', SET, 0, 0, PROGRAM + 0x1_0000, room);
  // It is asked, gives time until there is a message, receives half of that, and forgets about it.
  const code = receive(new Assembler(), 16).call('thread_schedule', CHILD, 0, SET, 0);
  receive(receive(code, 8), 16);
  const world = new World();
  const base = addScheduler(
    world,
    2,
    code
      .mv(s0, a0)
      .mv(s1, a1)
      .end(PROGRAM + own.gate),
    [1],
  );
  const child = new Assembler().call('ipc_client_connect_send', PROGRAM + 0x300, PROGRAM + 0x1_0000, 16);
  world.addProgram(
    1,
    child
      .call('ipc_client_send', 0, PROGRAM + 0x1_0000, 8)
      .label('spin')
      .j('spin'),
    { flags: 1 },
  );
  world.make(BASE, { 512: 'thread', 768: 'reference' });
  world.must('port_reference', SCHEDULER + 0x120, BASE + 0x300);
  adopt(world, base, 0, BASE + 0x200);
  start(world, BASE, 0x200, base, { schedulerValue: 5 });
  start(world, SCHEDULER, 0, null, {});
  for (let i = 0; i < 40; i += 1) {
    world.run(50);
    world.kernel.check();
  }
  assert.equal(ended(world), [outcomes.success, flavours.idempotent]);
  assert.is(world.word(SCHEDULER + 0x1_0000), 5);
});

test('a scheduler keeps a low thread from starving, which round robin by priority does not', () => {
  const world = new World();
  buildShares(world, 60, false);
  world.must('thread_get_state', BASE + 0x240, world.buffer, 0, 0, 0, 0, 0);
  world.view.setBigUint64(32, BigInt(Number(world.view.getBigUint64(32, true)) & ~1), true);
  world.view.setBigUint64(40, 31n, true);
  world.must('thread_set_state', BASE + 0x240, world.buffer, 0, 0, 0, 0, 0);
  world.finish();
  assert.ok(Math.min(...shares(world)) > 0, shares(world).join(' '));
});

test.run();
