/**
 * Interrupts and handlers from outside: stopped threads, threads without a space, states with pending bits, and the
 * counters of a thread. What programs do with them is in handler-scenarios.ts, run in all modes.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { faults } from '../../src/kernel/abi/codes.ts';
import { entries } from '../../src/kernel/abi/entries.ts';
import { pendingBits, states, threadFlags } from '../../src/kernel/abi/types.ts';
import { Assembler, a0, a7, s1, t2, zero } from './assembler.ts';
import { CODE, DATA, own, PROGRAM, SLAB_SIZE, World } from './world.ts';

const BASE = SLAB_SIZE;
const GATE = PROGRAM + own.gate;
const at = states.thread.offset;
const enabled = threadFlags.exceptionsEnabled;
const handler = 26;

/** A thread that locks a mutex of somebody else, with an interrupt handler that counts. */
function interruptible(options: Readonly<Record<string, number>> = {}): World {
  const world = new World();
  const code = new Assembler()
    .call('mutex_lock', PROGRAM + 0x100)
    .li(s1, 1)
    .end(GATE);
  code
    .label('interrupt')
    .addi(handler, handler, 1)
    .li(a7, entries.thread_return_from_exception.number)
    .ecall();
  world.addProgram(1, code, { flags: enabled, interruptHandler: CODE + code.at('interrupt'), ...options });
  world.make(BASE, { 256: 'mutex', 512: 'thread' });
  world.must('mutex_lock', BASE + 0x100);
  world.run();
  return world;
}

function count(world: World): number {
  return Number(world.thread(BASE).x[handler]);
}

test('an interrupt from outside takes a thread out of its wait, and the wait goes on after it', () => {
  const world = interruptible();
  world.must('thread_interrupt', BASE);
  assert.is(Number(world.thread(BASE).pending), 0, 'it is in its handler already');
  assert.is(Number(world.thread(BASE).flags) & enabled, 0);
  world.kernel.check();
  world.run();
  assert.is(count(world), 1);
  assert.is(Number(world.thread(BASE).x[s1]), 0);
  world.must('mutex_unlock', BASE + 0x100);
  world.run();
  assert.is(Number(world.thread(BASE).x[s1]), 1);
});

test('a sleeper on a cond that is interrupted misses no signal: it is awake', () => {
  const world = new World();
  const code = new Assembler()
    .call('mutex_lock', PROGRAM + 0x100)
    .call('cond_wait', PROGRAM + 0x120, PROGRAM + 0x100);
  code.li(s1, 1).end(GATE);
  code
    .label('interrupt')
    .addi(handler, handler, 1)
    .li(a7, entries.thread_return_from_exception.number)
    .ecall();
  world.addProgram(1, code, { flags: enabled, interruptHandler: CODE + code.at('interrupt') });
  world.make(BASE, { 256: 'mutex', 288: 'cond' });
  assert.is(world.run(), 'idle');
  world.must('thread_interrupt', BASE);
  world.must('cond_signal', BASE + 0x120);
  world.finish();
  assert.equal([count(world), world.thread(BASE).x[s1]], [1, 1n]);
});

test('a handler between LR and SC makes the SC fail, so that it cannot miss what the handler stored', () => {
  const world = new World();
  const code = new Assembler().li(t2, DATA).lrd(s1, t2).ebreak().addi(s1, s1, 1).scd(s1, s1, t2).end(GATE);
  code
    .label('trap')
    .li(handler, DATA)
    .li(27, 500)
    .sd(27, handler)
    .li(handler, DATA + 0x100)
    .mv(a0, handler);
  code.li(a7, entries.thread_get_saved_state.number).ecall().ld(27, handler).addi(27, 27, 4).sd(27, handler);
  code.li(a7, entries.thread_set_saved_state.number).mv(a0, handler).ecall();
  code.li(a7, entries.thread_return_from_exception.number).ecall();
  world.addProgram(1, code, { flags: enabled, trapHandler: CODE + code.at('trap') });
  world.finish();
  assert.is(Number(world.thread(BASE).x[s1]), 1, 'the SC failed');
  assert.is(world.word(BASE + DATA - PROGRAM), 500);
});

test('a stopped thread takes its interrupt when it is set running, not before', () => {
  const world = interruptible();
  world.must('thread_get_state', BASE, world.buffer);
  world.must('thread_interrupt', BASE);
  world.kernel.check();
  assert.is(Number(world.thread(BASE).pending), pendingBits.interrupt);
  // The state as it is now, running.
  world.must('thread_peek_state', BASE, world.buffer);
  world.view.setBigUint64(at.flags, BigInt(enabled), true);
  world.must('thread_set_state', BASE, world.buffer);
  world.kernel.check();
  assert.is(Number(world.thread(BASE).pending), 0);
  world.run();
  assert.is(count(world), 1);
  // A state that was taken before the interrupt came says that none is pending: it is the truth.
  world.must('thread_get_state', BASE, world.buffer);
  world.must('thread_interrupt', BASE);
  world.must('thread_set_state', BASE, world.buffer);
  assert.is(Number(world.thread(BASE).pending), 0);
});

test('a thread without a space keeps its interrupt until it has one', () => {
  const world = new World();
  const code = new Assembler().li(s1, 1).end(GATE);
  code
    .label('interrupt')
    .addi(handler, handler, 1)
    .li(a7, entries.thread_return_from_exception.number)
    .ecall();
  world.addProgram(1, code);
  world.must('thread_create', BASE + 0x200);
  world.setState('thread', BASE + 0x200, {
    flags: enabled,
    pc: CODE,
    priority: 9,
    interruptHandler: CODE + code.at('interrupt'),
  });
  world.must('thread_interrupt', BASE + 0x200);
  world.finish();
  assert.is(Number(world.thread(BASE + 0x200).pending), pendingBits.interrupt);
  world.must('thread_get_state', BASE + 0x200, world.buffer);
  world.view.setBigUint64(at.flags, BigInt(enabled), true);
  world.must('thread_set_state', BASE + 0x200, world.buffer, BASE + own.spaceReference);
  world.kernel.check();
  world.finish();
  const thread = world.thread(BASE + 0x200);
  assert.equal([thread.x[handler], thread.x[s1], thread.pending], [1n, 1n, 0n]);
});

test('pending bits that do not exist, and counters that no number holds, are refused', () => {
  const world = interruptible();
  const words: [keyof typeof at, bigint][] = [
    ['pending', 8n],
    ['pending', 2n ** 63n],
    ['entryCount', 2n ** 53n],
    ['exceptionCount', 2n ** 64n - 1n],
    ['pageFaultCount', 2n ** 53n],
    ['cancelCount', 2n ** 60n],
    ['copiedBytes', 2n ** 53n],
  ];
  for (const [name, value] of words) {
    world.must('thread_get_state', BASE, world.buffer);
    world.view.setBigUint64(at[name], value, true);
    assert.is(world.call('thread_set_state', BASE, world.buffer), faults.invalidState, name);
  }
});

test('a counter at the highest number stays there, and does not keep its image from being restarted', () => {
  const world = new World();
  // Each round an entry and a fault, which its own handler answers.
  const code = new Assembler().call('clock_read').li(t2, 8).sd(zero, t2).end(GATE);
  code.label('trap').j('trap');
  world.addProgram(1, code, { flags: enabled, trapHandler: CODE + code.at('trap') });
  world.must('thread_get_state', BASE, world.buffer);
  const names = ['retired', 'entryCount', 'pageFaultCount', 'copiedBytes'] as const;
  const highest = 2n ** 53n - 1n;
  for (const name of names) world.view.setBigUint64(at[name], highest, true);
  world.view.setBigUint64(at.flags, BigInt(enabled), true);
  world.must('thread_set_state', BASE, world.buffer);
  for (let round = 0; round < 2; round += 1) {
    world.run(5000);
    assert.ok(Number(world.thread(BASE).faultCode) >= 0);
    for (const name of names) assert.is(world.thread(BASE)[name], highest, name);
    world.rebuild();
    world.kernel.check();
  }
  world.must('thread_get_state', BASE, world.buffer);
});

test('what a thread did is counted: entries, copied bytes, broken-off waits; a pager outside leaves no trace', () => {
  const results = [false, true].map((isEvicting) => {
    const world = new World();
    const code = new Assembler().li(s1, 10).label('loop');
    code.call('mutex_trylock', PROGRAM + 0x100).call('kernel_record', DATA + 0x4000);
    code
      .li(t2, DATA + 0x8000)
      .sd(s1, t2)
      .addi(s1, s1, -1)
      .bne(s1, zero, 'loop');
    code.call('cond_wait_again', PROGRAM + 0x120, PROGRAM + 0x100).end(GATE);
    world.addProgram(1, code);
    world.make(BASE, { 256: 'mutex', 288: 'cond' });
    while (world.run(50) !== 'idle') {
      if (!isEvicting) continue;
      for (let page = 1; page < 26; page += 1) world.evict(BASE + page * 4096);
    }
    world.must('cond_destroy', BASE + 0x120);
    world.finish();
    const { entryCount, exceptionCount, pageFaultCount, cancelCount, copiedBytes, retired } =
      world.thread(BASE);
    return [entryCount, exceptionCount, pageFaultCount, cancelCount, copiedBytes, retired];
  });
  assert.equal(results[0], results[1]);
  // 20 calls, the wait, and the gate; a kernel record is 72 bytes.
  assert.equal(results[0]?.slice(0, 5), [22n, 0n, 0n, 1n, 720n]);
});

test.run();
