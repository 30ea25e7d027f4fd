/**
 * Scheduling is fair and deterministic (N.08): equal threads have equal shares within one quantum, nobody runs while
 * somebody of higher priority can, and whoever waits is served in the order of arrival, in every kind of queue, whatever
 * the priorities and however the run is sliced.
 */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { QUANTUM_TICKS } from '../../src/base/limits.ts';
import { typeNumbers } from '../../src/kernel/abi/types.ts';
import type { Thread } from '../../src/kernel/state.ts';
import { Assembler, a0, a1, a3, s0, s1, s2, s5, zero } from './assembler.ts';
import { CODE, DATA, own, PROGRAM, SLAB_SIZE, World } from './world.ts';

const BASE = SLAB_SIZE;
const GATE = PROGRAM + own.gate;
const OUTPUT = PROGRAM + own.output;

function threadsOf(world: World): Thread[] {
  const found: Thread[] = [];
  for (const object of world.kernel.state.bySerial.values()) {
    if (object.type === typeNumbers.thread && !object.isTask) found.push(object);
  }
  return found;
}

test('k equal threads have run equally long within one quantum, at every instant, in any slices', () => {
  const count = fc.integer({ min: 1, max: 12 });
  const slices = fc.array(fc.integer({ min: 1, max: 150_000 }), { minLength: 3, maxLength: 40 });
  fc.assert(
    fc.property(count, slices, (k, limits) => {
      const world = new World();
      world.addProgram(1, new Assembler().label('spin').addi(s0, s0, 1).j('spin'));
      for (let i = 1; i < k; i += 1) world.addThread(BASE, 0x400 + 0x20 * i, { pc: CODE });
      const threads = threadsOf(world);
      let total = 0;
      for (const limit of limits) {
        world.run(limit);
        total += limit;
        const ran = threads.map((thread) => thread.retired);
        const spread = Math.max(...ran) - Math.min(...ran);
        assert.ok(spread <= QUANTUM_TICKS, `${spread} instructions between the first and the last`);
        assert.is(
          ran.reduce((a, b) => a + b),
          total,
        );
      }
    }),
    { numRuns: 12 },
  );
});

test('threads that give up their quantum early lose nothing, and gain nothing, over those that do not', () => {
  // Two spin; two make an entry every few instructions. Charged ticks, not instructions, are what is shared.
  const world = new World();
  const code = new Assembler().label('spin').j('spin').label('enter').call('thread_self').j('enter');
  world.addProgram(1, code);
  world.addThread(BASE, 0x400, { pc: CODE });
  world.addThread(BASE, 0x420, { pc: CODE + code.at('enter') });
  world.addThread(BASE, 0x440, { pc: CODE + code.at('enter') });
  for (let i = 0; i < 8; i += 1) world.run(QUANTUM_TICKS);
  const ticks = threadsOf(world).map((thread) => thread.retired + 64 * thread.entryCount);
  assert.ok(Math.max(...ticks) - Math.min(...ticks) <= QUANTUM_TICKS + 100, ticks.join(' '));
});

test('one instruction at a time, only the first of the highest priority runs', () => {
  const worker = fc.record({
    priority: fc.nat(31),
    pause: fc.integer({ min: 1, max: 60 }),
    spin: fc.nat(30),
  });
  fc.assert(
    fc.property(fc.array(worker, { minLength: 2, maxLength: 10 }), (workers) => {
      const world = new World();
      // Spins, sleeps, and so on: priorities come and go.
      const code = new Assembler().label('again').mv(s2, s1).addi(s2, s2, 1);
      code.label('spin').addi(s2, s2, -1).bne(s2, zero, 'spin');
      code.call('clock_read').add(a0, a1, s0).invoke('clock_sleep').j('again');
      world.addProgram(1, code, { priority: 0, x8: 10, x9: 5 });
      workers.forEach(({ priority, pause, spin }, i) => {
        world.addThread(BASE, 0x400 + 0x20 * i, { pc: CODE, priority, x8: pause, x9: spin });
      });
      const threads = threadsOf(world);
      const ran = threads.map((thread) => thread.retired + thread.entryCount);
      for (let i = 0; i < 800; i += 1) {
        const runnable = threads.filter((thread) => thread.queue?.order === 'turn');
        const highest = Math.max(...runnable.map((thread) => thread.priority));
        const turns = runnable.filter((thread) => thread.priority === highest);
        const expected = turns.sort((a, b) => a.turn - b.turn)[0];
        if (world.run(1) === 'idle') {
          world.kernel.stepClock(world.kernel.nextDeadline() ?? 0n);
          if (expected === undefined) continue;
        }
        threads.forEach((thread, index) => {
          const now = thread.retired + thread.entryCount;
          if (now !== ran[index]) assert.is(thread, expected);
          ran[index] = now;
        });
      }
    }),
    { numRuns: 12 },
  );
});

/** Code that says s0's letter; s5 is a place of its own. */
function say(code: Assembler): Assembler {
  return code.sd(s0, s5).mv(a1, s5).mv(a3, s5).li(a0, OUTPUT).li(12, 1).li(14, 0).invoke('ipc_call');
}

const MUTEX = PROGRAM + 0x100;
const COND = PROGRAM + 0x120;
const SET = PROGRAM + 0x140;
const PORT = PROGRAM + 0x180;

/** What each waiter does once it has slept until its time, and what the last thread does that lets them go. */
const waits: Readonly<Record<string, { waiter(code: Assembler): void; releaser(code: Assembler): void }>> = {
  'for a mutex': {
    waiter: (code) => say(code.call('mutex_lock', MUTEX)).call('mutex_unlock', MUTEX).end(GATE),
    releaser: (code) => code.call('mutex_unlock', MUTEX).end(GATE),
  },
  'on a cond': {
    waiter(code) {
      code.call('mutex_lock', MUTEX).call('cond_wait', COND, MUTEX);
      say(code).call('mutex_unlock', MUTEX).end(GATE);
    },
    releaser(code) {
      code.label('signal').call('cond_signal', COND).addi(s1, s1, -1).bne(s1, zero, 'signal').end(GATE);
    },
  },
  'on a cond for a broadcast': {
    waiter(code) {
      code.call('mutex_lock', MUTEX).call('cond_wait', COND, MUTEX);
      say(code).call('mutex_unlock', MUTEX).end(GATE);
    },
    releaser: (code) => code.call('cond_broadcast', COND).end(GATE),
  },
  'as clients at a port': {
    waiter(code) {
      code.sd(s0, s5).mv(a1, s5).mv(a3, s5).li(a0, PORT).li(12, 1).li(14, 0).invoke('ipc_call').end(GATE);
    },
    releaser(code) {
      code.mv(a3, s5).li(a0, SET).li(a1, 0).li(12, 0).li(14, 8).invoke('ipc_wait_receive');
      code.label('serve').mv(a1, s5).mv(a3, s5).li(a0, OUTPUT).li(12, 1).li(14, 0).invoke('ipc_call');
      code.mv(a3, s5).li(a0, SET).li(a1, 0).li(12, 0).li(14, 8).invoke('ipc_reply_wait_receive').j('serve');
    },
  },
  'as servers at a port set': {
    waiter(code) {
      code.mv(a3, s5).li(a0, SET).li(a1, 0).li(12, 0).li(14, 8).invoke('ipc_wait_receive');
      say(code).end(GATE);
    },
    releaser(code) {
      // At the end of each server's turn the next message: the releaser has the lowest priority.
      code.label('send').mv(a1, s5).li(a0, PORT).li(12, 1).invoke('ipc_send');
      code.addi(s1, s1, -1).bne(s1, zero, 'send').end(GATE);
    },
  },
};

for (const [name, { waiter, releaser }] of Object.entries(waits)) {
  test(`those who wait ${name} are served in the order in which they came, whatever their priorities`, () => {
    const priorities = fc.array(fc.integer({ min: 1, max: 31 }), { minLength: 2, maxLength: 12 });
    fc.assert(
      fc.property(priorities, fc.nat(1000), fc.integer({ min: 1, max: 5000 }), (list, seed, limit) => {
        const world = new World();
        const code = new Assembler().label('waiter').mv(a0, s2).invoke('clock_sleep');
        waiter(code);
        code.label('releaser').li(a0, 100_000).invoke('clock_sleep');
        releaser(code);
        world.addProgram(1, code, {
          pc: CODE + code.at('releaser'),
          priority: 0,
          x9: list.length,
          x21: DATA,
        });
        world.make(BASE, { 256: 'mutex', 288: 'cond', 320: 'portset', 384: 'port' });
        world.must('portset_reference', BASE + 0x140, world.scratch(0));
        world.setState('port', BASE + 0x180, {}, [world.scratch(0)]);
        if (name === 'for a mutex') {
          world.must('thread_reference', BASE, world.scratch(0));
          world.setState('mutex', BASE + 0x100, { locked: 1 }, [world.scratch(0)]);
        }
        const letters = list.map((_, i) => String.fromCharCode(0x41 + i));
        const places = list.map((_, i) => (i * 7 + seed) % 13);
        const came = letters.map((letter, i) => ({ letter, at: 1000 + 1000 * (places[i] as number) }));
        list.forEach((priority, i) => {
          world.addThread(BASE, 0x400 + 0x20 * i, {
            pc: CODE,
            priority,
            x8: (letters[i] as string).charCodeAt(0),
            x18: came[i]?.at ?? 0,
            x21: DATA + 0x100 * (i + 1),
          });
        });
        world.finish(limit, 100_000);
        const expected = [...came].sort((a, b) => a.at - b.at).map(({ letter }) => letter);
        assert.equal(world.output, expected);
      }),
      { numRuns: 8 },
    );
  });
}

test.run();
