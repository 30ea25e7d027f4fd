/**
 * Scenarios of a thread's own handlers: exceptions of every kind, interrupts in every kind of wait, pending ones, and a
 * handler that returns elsewhere. Part of `scenarios.ts`, and run in all its modes. Tests only.
 */
import * as assert from 'uvu/assert';
import { entries } from '../../src/kernel/abi/entries.ts';
import { savedState } from '../../src/kernel/abi/memory.ts';
import { threadFlags } from '../../src/kernel/abi/types.ts';
import { Assembler, a0, a1, a7, s0, s1, s2, s3, s4, s5, t0, t1, t2, zero } from './assembler.ts';
import type { Scenario } from './scenarios.ts';
import { CODE, DATA, own, PROGRAM, SLAB_SIZE } from './world.ts';

const GATE = PROGRAM + own.gate;
const BASE = SLAB_SIZE;
const DATA_OFFSET = DATA - PROGRAM;
/** Registers that only handlers use. */
const h1 = 26;
const h2 = 27;
/** Where the trap handler keeps the saved state, and counts. */
const SAVED = DATA + 0x400;
const enabled = threadFlags.exceptionsEnabled;

function makeReturn(code: Assembler): Assembler {
  return code.li(a7, entries.thread_return_from_exception.number).ecall();
}

/** A handler that counts its entries at `place`, and goes back. */
function countingHandler(code: Assembler, label: string, place: number): Assembler {
  code.label(label).li(h1, place).ld(h2, h1).addi(h2, h2, 1).sd(h2, h1);
  return makeReturn(code);
}

/** A handler that notes code and address behind `SAVED + 0x80` and lets the thread go on one instruction further. */
function skippingHandler(code: Assembler, label: string): Assembler {
  code.label(label).li(h1, SAVED).ld(h2, h1, 0x78).add(h1, h1, h2).sd(a0, h1, 0x80).sd(a1, h1, 0x88);
  code.li(h1, SAVED).addi(h2, h2, 16).sd(h2, h1, 0x78);
  code.mv(a0, h1).li(a7, entries.thread_get_saved_state.number).ecall();
  code.ld(h2, h1, savedState.offset.pc).addi(h2, h2, 4).sd(h2, h1, savedState.offset.pc);
  code.mv(a0, h1).li(a7, entries.thread_set_saved_state.number).ecall();
  return makeReturn(code);
}

const traps: Scenario = {
  name: "exceptions and programming errors enter the thread's own handler, which skips them",
  build(world) {
    const code = new Assembler().li(s1, 6).li(s2, 7);
    code
      .label('loop')
      .addi(s0, s0, 1)
      .addi(s0, s0, 1)
      .illegal()
      .ebreak()
      .call('mutex_lock', PROGRAM + 0x300);
    code
      .call('thread_interrupt', PROGRAM + own.thread)
      .li(s3, 0x7000_0000)
      .ld(s4, s3, 8);
    code.addi(s2, s2, 1).addi(s1, s1, -1).bne(s1, zero, 'loop').end(GATE);
    skippingHandler(code, 'trap');
    world.addProgram(1, code, { flags: enabled, trapHandler: CODE + code.at('trap'), x20: 55 });
  },
  check(world) {
    const told = world.words(BASE + DATA_OFFSET + 0x480, 10);
    // Illegal instruction with its bits, breakpoint with its address, no object, self, a load that nothing answers.
    assert.equal(
      told.filter((_, i) => i % 2 === 0),
      [0x202, 0x203, 0x102, 0x10b, 0x20d],
    );
    assert.is(told[9], 0x7000_0008);
    assert.equal(world.words(BASE + DATA_OFFSET + 0x478, 1), [30 * 16]);
    const thread = world.thread(BASE);
    assert.is(Number(thread.x[s2]), 13);
    assert.is(Number(thread.x[s4]), 55, 'the load had no effect');
    assert.equal([thread.exceptionCount, thread.pageFaultCount, thread.cancelCount], [24n, 6n, 0n]);
    assert.is(Number(thread.flags) & enabled, enabled);
  },
};

const nested: Scenario = {
  name: "an exception inside a handler goes to the keeper of the thread's space, a program",
  build(world) {
    // The keeper stores a nop over the illegal instruction through a window of its own.
    const keeper = new Assembler().li(s1, 0).li(s2, DATA).li(s3, 0x2000_0000);
    keeper.call('ipc_wait_receive', PROGRAM + 0x100, 0, 0, DATA, 40);
    keeper.label('got').addi(s1, s1, 1).ld(t2, s2, 24).li(t1, CODE).xor(t2, t2, t1).add(t2, t2, s3);
    keeper.li(t1, 0x13).li(t0, 0x13).slli(t0, t0, 16).slli(t0, t0, 16).add(t1, t1, t0).sd(t1, t2);
    keeper
      .sd(s1, s2, 64)
      .call('ipc_reply_wait_receive', PROGRAM + 0x100, DATA + 64, 8, DATA, 40)
      .j('got');
    const base = world.addProgram(2, keeper);
    world.make(base, { 256: 'portset', 288: 'port', 320: 'reference', 352: 'reference', 384: 'mapping' });
    world.must('portset_reference', base + 0x100, base + 0x140);
    world.setState('port', base + 0x120, { alias: 5 }, [base + 0x140]);
    world.must('port_reference', base + 0x120, base + 0x160);
    const window = { startAddress: 0x2000_0000, size: 0x1000, protection: 3, regionOffset: BASE + 0x1000 };
    world.setState('mapping', base + 0x180, window, [world.reference('region'), base + own.spaceReference]);

    const code = new Assembler().li(s1, 30).label('spin').addi(s1, s1, -1).bne(s1, zero, 'spin');
    code.li(s1, 5).ebreak().addi(s1, s1, 1).ebreak().addi(s1, s1, 1).end(GATE);
    code.addi(zero, zero, 0);
    code.label('trap').li(h1, SAVED).mv(a0, h1).li(a7, entries.thread_get_saved_state.number).ecall();
    code.ld(h2, h1).addi(h2, h2, 4).sd(h2, h1);
    if ((CODE + code.at('trap')) % 8 !== 0) code.addi(zero, zero, 0);
    code.addi(zero, zero, 0).addi(zero, zero, 0).illegal().addi(zero, zero, 0);
    code.mv(a0, h1).li(a7, entries.thread_set_saved_state.number).ecall();
    makeReturn(code);
    world.addProgram(1, code, { flags: enabled, trapHandler: CODE + code.at('trap') });
    world.setState('space', BASE + own.space, {}, [base + 0x160]);
  },
  check(world) {
    const thread = world.thread(BASE);
    assert.is(Number(thread.x[s1]), 7);
    assert.is(Number(world.thread(2 * SLAB_SIZE).x[s1]), 1, 'the keeper was told once');
    assert.equal([thread.exceptionCount, thread.pageFaultCount], [3n, 0n]);
  },
};

const MUTEX = PROGRAM + 0x100;
const COND = PROGRAM + 0x120;
const SET = PROGRAM + 0x140;
const PORT = PROGRAM + 0x180;
const TARGET = PROGRAM + own.thread;
const COUNT = DATA + 0x800;

/** The controller lets the target get into its wait, and interrupts it there. */
function disturb(code: Assembler): Assembler {
  code.call('clock_read').addi(a0, a1, 1000).invoke('clock_sleep');
  code.call('thread_interrupt', TARGET);
  return code.call('clock_read').addi(a0, a1, 1000).invoke('clock_sleep');
}

const waits: Scenario = {
  name: 'an interrupt in each kind of wait: the call is made again as if nothing had been',
  build(world) {
    const target = new Assembler().li(s1, 0);
    // Asleep; a locked mutex; a cond.
    target.call('clock_read').mv(s3, a1).li(t0, 8000).add(a0, a1, t0).invoke('clock_sleep');
    target.call('clock_read').li(t0, 8000).add(s3, s3, t0).bltu(a1, s3, 'wrong');
    target.call('mutex_lock', MUTEX).bne(a0, zero, 'wrong').li(s2, DATA);
    target
      .label('test')
      .ld(t2, s2)
      .bne(t2, zero, 'told')
      .call('cond_wait', COND, MUTEX)
      .addi(s1, s1, 1)
      .j('test');
    target.label('told').call('mutex_unlock', MUTEX);
    // A call that nobody receives yet, and one that is received and not answered yet.
    target.call('ipc_call', PORT, DATA + 0x100, 8, DATA + 0x108, 8).bne(a0, zero, 'wrong');
    target.call('ipc_client_connect_send_over_receive', PORT, DATA + 0x100, 8, DATA + 0x110, 8);
    target.addi(t2, a0, -4).bne(t2, zero, 'wrong');
    // A fault whose keeper is busy; waiting for a message.
    target.li(s3, 0x3000_0000).ld(s4, s3, 16);
    target
      .call('ipc_wait_receive', SET, 0, 0, DATA + 0x118, 8)
      .bne(a0, zero, 'wrong')
      .mv(s5, a1);
    target
      .call('ipc_reply', SET, DATA + 0x110, 8)
      .bne(a0, zero, 'wrong')
      .end(GATE);
    target.label('wrong').illegal();
    countingHandler(target, 'interrupt', COUNT);

    target.label('controller').call('mutex_lock', MUTEX);
    disturb(target);
    target.li(t0, 8000).call('clock_read').add(a0, a1, t0).li(t0, 8000).add(a0, a0, t0).invoke('clock_sleep');
    disturb(target).call('mutex_unlock', MUTEX);
    disturb(target).call('mutex_lock', MUTEX).li(s2, DATA).li(t2, 1).sd(t2, s2);
    target.call('cond_signal', COND).call('mutex_unlock', MUTEX);
    disturb(target).call('ipc_wait_receive', SET, 0, 0, DATA + 0x200, 8);
    // The interrupted client lets go of its call and makes it again: whoever serves it receives it again.
    disturb(target).call('ipc_wait_receive', SET, 0, 0, DATA + 0x200, 8);
    target.call('ipc_reply', SET, DATA + 0x200, 8);
    disturb(target).call('ipc_wait_receive', SET, 0, 0, DATA + 0x208, 8);
    disturb(target).label('more').addi(t2, a0, -3).bne(t2, zero, 'all');
    target.label('all').call('ipc_server_receive', SET, 0, 0, DATA + 0x300, 8);
    disturb(target).li(s3, DATA + 0x400);
    // Answers, and by the same entry receives the fault.
    target.call('ipc_server_ack_send_wait_receive', SET, DATA + 0x208, 8, DATA + 0x400, 40);
    disturb(target).call('ipc_wait_receive', SET, 0, 0, DATA + 0x400, 40);
    target.call('region_protect', PROGRAM + 0x1a0, 7).call('ipc_reply', SET, DATA, 8);
    disturb(target)
      .call('ipc_call', PORT, DATA + 0x208, 8, DATA + 0x210, 8)
      .end(GATE);

    world.addProgram(1, target, {
      flags: enabled,
      interruptHandler: CODE + target.at('interrupt'),
      priority: 20,
    });
    world.make(BASE, {
      256: 'mutex',
      288: 'cond',
      320: 'portset',
      352: 'port',
      384: 'reference',
      416: 'region',
      448: 'reference',
      480: 'mapping',
      544: 'reference',
    });
    world.must('portset_reference', BASE + 0x140, BASE + 0x220);
    world.setState('port', BASE + 0x160, { alias: 9 }, [BASE + 0x220]);
    world.must('port_reference', BASE + 0x160, BASE + 0x180);
    world.setState('region', BASE + 0x1a0, { startAddress: DATA + 0x2_0000, size: 0x1000, protection: 0 }, [
      BASE + own.spaceReference,
      BASE + 0x180,
    ]);
    world.must('region_reference', BASE + 0x1a0, BASE + 0x1c0);
    world.setState('mapping', BASE + 0x1e0, { startAddress: 0x3000_0000, size: 0x1000, protection: 3 }, [
      BASE + 0x1c0,
      BASE + own.spaceReference,
    ]);
    world.addThread(BASE, 0x240, { pc: CODE + target.at('controller'), priority: 18 });
    const words = new Uint8Array(16);
    new DataView(words.buffer).setUint32(0, 0x1234, true);
    world.write(BASE + DATA_OFFSET + 0x100, words);
    new DataView(words.buffer).setUint32(0, 0x77, true);
    world.write(BASE + DATA_OFFSET + 0x2_0010, words);
  },
  check(world) {
    const target = world.thread(BASE);
    assert.is(Number(target.flags) & enabled, enabled);
    assert.is(world.word(BASE + DATA_OFFSET + 0x800), 10, 'ten interrupts were taken');
    assert.is(Number(target.cancelCount), 10, 'each broke off a wait');
    assert.is(Number(target.x[s4]), 0x77, 'the load was made again');
    assert.equal(world.words(BASE + DATA_OFFSET + 0x100, 4), [0x1234, 0x1234, 0x1234, 0x1234]);
    assert.is(Number(target.x[s5]), 2);
  },
};

const pending: Scenario = {
  name: 'an interrupt stays pending while exceptions are disabled, or there is no handler',
  build(world) {
    const code = new Assembler().li(s1, 4).li(s2, COUNT);
    code.label('loop').call('clock_read').addi(a0, a1, 1500).invoke('clock_sleep');
    // Disabled: nothing was taken; enabling takes it, once.
    code.ld(s3, s2).add(s4, s4, s3).call('thread_enable_exceptions').ld(s3, s2).add(s5, s5, s3);
    code.call('thread_disable_exceptions').call('clock_read').addi(a0, a1, 400).invoke('clock_sleep');
    code.addi(s1, s1, -1).bne(s1, zero, 'loop');
    // Enabled without a handler: still pending; with the handler it is taken.
    code.call('thread_get_handlers', DATA).call('thread_set_handlers', DATA + 0x40);
    code.call('thread_enable_exceptions').call('clock_read').addi(a0, a1, 1500).invoke('clock_sleep');
    code.ld(s3, s2).sd(s3, s2, 8).call('thread_set_handlers', DATA).ld(s3, s2).sd(s3, s2, 16).end(GATE);
    countingHandler(code, 'interrupt', COUNT);
    code.label('other').li(s1, 5);
    code.label('again').call('clock_read').addi(a0, a1, 1000).invoke('clock_sleep');
    code.call('thread_interrupt', TARGET).call('thread_interrupt', TARGET);
    code
      .call('clock_read')
      .addi(a0, a1, 900)
      .invoke('clock_sleep')
      .addi(s1, s1, -1)
      .bne(s1, zero, 'again')
      .end(GATE);
    world.addProgram(1, code, { interruptHandler: CODE + code.at('interrupt') });
    world.addThread(BASE, 0x240, { pc: CODE + code.at('other') });
  },
  check(world) {
    const thread = world.thread(BASE);
    assert.is(Number(thread.x[s4]), 0 + 1 + 2 + 3, 'none while disabled');
    assert.is(Number(thread.x[s5]), 1 + 2 + 3 + 4, 'two interrupts are one');
    assert.equal(world.words(BASE + DATA_OFFSET + 0x800, 3), [5, 4, 5]);
    assert.is(Number(thread.pending), 0);
  },
};

const elsewhere: Scenario = {
  name: 'an interrupt handler changes the saved state: a thread in a wait for ever goes on elsewhere',
  build(world) {
    const code = new Assembler().li(s0, 1);
    code
      .label('wait')
      .call('ipc_wait_receive', PROGRAM + 0x100, 0, 0, DATA, 8)
      .j('wait');
    code
      .label('escaped')
      .addi(s1, s1, 1)
      .addi(t2, s1, -5)
      .bne(t2, zero, 'wait')
      .mv(s2, a0)
      .mv(s3, a7)
      .end(GATE);
    code.label('interrupt').li(h1, SAVED).mv(a0, h1).li(a7, entries.thread_get_saved_state.number).ecall();
    code.li(h2, 0).label('target');
    // li with a patched constant: the address is below 2^22, so it is always the same length.
    code.ld(h2, h1, 0x200).sd(h2, h1, savedState.offset.pc).li(h2, 4711).sd(h2, h1, savedState.offset.a0);
    code.li(h2, 42).sd(h2, h1, savedState.offset.a7);
    code.mv(a0, h1).li(a7, entries.thread_set_saved_state.number).ecall();
    makeReturn(code);
    code.label('other').li(s1, 5);
    code.label('again').call('clock_read').addi(a0, a1, 1000).invoke('clock_sleep');
    code.call('thread_interrupt', TARGET).addi(s1, s1, -1).bne(s1, zero, 'again').end(GATE);
    world.addProgram(1, code, { flags: enabled, interruptHandler: CODE + code.at('interrupt') });
    world.make(BASE, { 256: 'portset' });
    world.addThread(BASE, 0x240, { pc: CODE + code.at('other') });
    const word = new Uint8Array(8);
    new DataView(word.buffer).setUint32(0, CODE + code.at('escaped'), true);
    world.write(BASE + DATA_OFFSET + 0x600, word);
  },
  check(world) {
    const { x } = world.thread(BASE);
    assert.equal([x[s1], x[s2], x[s3]], [5n, 4711n, 42n]);
  },
};

const computing: Scenario = {
  name: 'interrupts of a thread that computes, between LR and SC too, cost it nothing but time',
  build(world) {
    // Adds 1 to 20,000 by LR and SC until the handler has counted to six; the sum must be exact.
    const code = new Assembler().li(s2, DATA).li(s3, COUNT).li(t1, 6);
    code.label('loop').lrd(t2, s2).addi(t2, t2, 1).addi(s1, zero, 9);
    code.label('spin').addi(s1, s1, -1).bne(s1, zero, 'spin').scd(s4, t2, s2).bne(s4, zero, 'loop');
    code.addi(s5, s5, 1).ld(t2, s3).bltu(t2, t1, 'loop').end(GATE);
    // The handler's own store would be missed by an SC that still had its reservation.
    code.label('interrupt').li(h1, COUNT).ld(h2, h1).addi(h2, h2, 1).sd(h2, h1);
    code.li(h1, DATA).ld(h2, h1).addi(h2, h2, 1000).sd(h2, h1);
    makeReturn(code);
    code.label('other').li(s1, 6);
    code.label('again').call('clock_read').addi(a0, a1, 777).invoke('clock_sleep');
    code.call('thread_interrupt', TARGET).addi(s1, s1, -1).bne(s1, zero, 'again').end(GATE);
    world.addProgram(1, code, { flags: enabled, interruptHandler: CODE + code.at('interrupt') });
    world.addThread(BASE, 0x240, { pc: CODE + code.at('other'), priority: 20 });
  },
  check(world) {
    const thread = world.thread(BASE);
    assert.is(world.word(BASE + DATA_OFFSET + 0x800), 6);
    assert.is(world.word(BASE + DATA_OFFSET), Number(thread.x[s5]) + 6000);
    assert.ok(Number(thread.x[s5]) > 100, `${thread.x[s5]} rounds`);
    assert.is(Number(thread.cancelCount), 0, 'it never waited');
  },
};

const lost: Scenario = {
  name: 'an interrupt of a thread at a fault that nobody answers: its handler lets it go on elsewhere',
  build(world) {
    const code = new Assembler().li(s1, 20).label('spin').addi(s1, s1, -1).bne(s1, zero, 'spin');
    // No keeper answers: the world's port for faults says no.
    code.li(s2, 0x7000_0000).ld(s3, s2);
    code.label('saved').li(s4, 99).end(GATE);
    code.label('interrupt').li(h1, SAVED).mv(a0, h1).li(a7, entries.thread_get_saved_state.number).ecall();
    code.ld(h2, h1).addi(h2, h2, 4).sd(h2, h1).mv(a0, h1);
    code.li(a7, entries.thread_set_saved_state.number).ecall();
    makeReturn(code);
    code.label('other').call('clock_read').addi(a0, a1, 1000).invoke('clock_sleep');
    code.call('thread_interrupt', TARGET).end(GATE);
    world.addProgram(1, code, { flags: enabled, interruptHandler: CODE + code.at('interrupt') });
    world.addThread(BASE, 0x240, { pc: CODE + code.at('other') });
  },
  check(world) {
    const thread = world.thread(BASE);
    assert.is(Number(thread.x[s4]), 99);
    assert.equal([thread.pageFaultCount, thread.cancelCount], [0n, 1n], 'nobody in the machine was told');
  },
};

export const handlerScenarios: readonly Scenario[] = [
  traps,
  nested,
  waits,
  pending,
  elsewhere,
  computing,
  lost,
];
