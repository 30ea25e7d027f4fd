/**
 * Programs that use the kernel from inside, each small and ending by itself: what the suites run undisturbed, cut into
 * slices, evicted, and taken apart after every entry. Each has a check of its own result, so that "all modes agree" can
 * not mean "all modes are wrong". Tests only.
 */
import * as assert from 'uvu/assert';
import { flavours } from '../../src/kernel/abi/entry.ts';
import { states } from '../../src/kernel/abi/types.ts';
import {
  add as addNumbers,
  divide as divideNumbers,
  double,
  fromInteger,
  NX,
  single,
} from '../hw/float/model.ts';
import { Assembler, a0, a1, a2, a3, a4, a5, a6, s0, s1, s2, s3, s4, t0, t1, t2, zero } from './assembler.ts';
import { handlerScenarios } from './handler-scenarios.ts';
import { ipcScenarios } from './ipc-scenarios.ts';
import { memoryScenarios } from './memory-scenarios.ts';
import { endScenarios } from './scenarios-ends.ts';
import { inheritScenarios } from './scenarios-inherit.ts';
import { protectScenarios } from './scenarios-protect.ts';
import { scheduleScenarios } from './scenarios-schedule.ts';
import { CODE, DATA, own, PROGRAM, SLAB_SIZE, type World } from './world.ts';

export interface Scenario {
  readonly name: string;
  build(world: World): void;
  check(world: World): void;
}

const GATE = PROGRAM + own.gate;
const OUTPUT = PROGRAM + own.output;
const SLAB = 1;
const BASE = SLAB * SLAB_SIZE;
const DATA_OFFSET = DATA - PROGRAM;
/** Code that sends the 8 bytes in `register` to the output port. */
function emit(code: Assembler, register: number, scratch: number): Assembler {
  return code
    .li(t2, scratch)
    .sd(register, t2)
    .call('ipc_call', OUTPUT, scratch, 8, scratch + 8, 0);
}

const compute: Scenario = {
  name: 'a computation with stores, output and sleeps',
  build(world) {
    const code = new Assembler().li(s0, 1).li(s1, 0).li(s2, 60).li(s3, DATA);
    code.label('loop').li(t0, 6364136223846793).mul(s0, s0, t0).addi(s0, s0, 1421);
    code.sd(s0, s3, 0).li(t0, 4096).add(s3, s3, t0).addi(s1, s1, 1);
    code.li(t0, 20).bne(s1, t0, 'go');
    emit(code, s0, DATA + 0x9_0000);
    code.call('clock_read').addi(a0, a1, 2000).invoke('clock_sleep');
    code.label('go').bltu(s1, s2, 'loop');
    emit(code, s0, DATA + 0x9_0000);
    code.end(GATE);
    world.addProgram(SLAB, code);
  },
  check(world) {
    let value = 1n;
    for (let i = 0; i < 60; i += 1) {
      value = BigInt.asUintN(64, value * 6364136223846793n + 1421n);
      const stored = world.read(BASE + DATA_OFFSET + 4096 * i, 8);
      assert.is(new DataView(stored.buffer).getBigUint64(0, true), value);
    }
    assert.is(world.output.length, 2);
  },
};

const MUTEX = PROGRAM + 0x100;
const COND = PROGRAM + 0x120;

const mutexes: Scenario = {
  name: 'four threads take turns under a mutex',
  build(world) {
    // Each adds its own step to a shared word 20 times, with the mutex held over a sleep now and then.
    const code = new Assembler().li(s1, 20).li(s2, DATA);
    code.label('loop').call('mutex_lock', MUTEX);
    code.ld(t2, s2).add(t2, t2, s0).li(t0, 300).label('spin').addi(t0, t0, -1).bne(t0, zero, 'spin');
    code.sd(t2, s2).ld(t2, s2, 8).li(t0, 7).mul(t2, t2, t0).add(t2, t2, s0).sd(t2, s2, 8);
    code.addi(t0, s1, -10).bne(t0, zero, 'unlock').call('clock_read').addi(a0, a1, 500).invoke('clock_sleep');
    code.label('unlock').call('mutex_unlock', MUTEX).addi(s1, s1, -1).bne(s1, zero, 'loop').end(GATE);
    world.addProgram(SLAB, code, { x8: 1 });
    world.make(BASE, { 256: 'mutex' });
    world.addThread(BASE, 0x200, { pc: CODE, x8: 10 });
    world.addThread(BASE, 0x220, { pc: CODE, x8: 100 });
    world.addThread(BASE, 0x240, { pc: CODE, x8: 1000, priority: 17 });
  },
  check: (world) => assert.is(world.word(BASE + DATA_OFFSET), 20 * 1111),
};

const conds: Scenario = {
  name: 'producers and consumers pass tokens through a cond',
  build(world) {
    // Word 0: tokens there. Two consumers wait for one each, 15 times; the producer makes 30.
    const code = new Assembler();
    code.label('consumer').li(s1, 15).li(s2, DATA);
    code.label('take').call('mutex_lock', MUTEX);
    code.label('test').ld(t2, s2).bne(t2, zero, 'have').call('cond_wait', COND, MUTEX).j('test');
    code.label('have').addi(t2, t2, -1).sd(t2, s2).add(t2, s2, s0).ld(t1, t2).addi(t1, t1, 1).sd(t1, t2);
    code.ld(t1, s2, 64).li(t0, 3).mul(t1, t1, t0).add(t1, t1, s0).sd(t1, s2, 64);
    code.call('mutex_unlock', MUTEX).addi(s1, s1, -1).bne(s1, zero, 'take').end(GATE);
    code.label('producer').li(s1, 30).li(s2, DATA);
    code.label('put').call('mutex_lock', MUTEX).ld(t2, s2).addi(t2, t2, 1).sd(t2, s2);
    code.call('mutex_unlock', MUTEX).li(t0, 10).bltu(s1, t0, 'all').call('cond_signal', COND).j('next');
    code.label('all').call('cond_broadcast', COND);
    code.label('next').call('clock_read').addi(a0, a1, 100).invoke('clock_sleep');
    code.addi(s1, s1, -1).bne(s1, zero, 'put').end(GATE);
    world.addProgram(SLAB, code, { pc: CODE + code.at('producer') });
    world.make(BASE, { 256: 'mutex', 288: 'cond' });
    world.addThread(BASE, 0x200, { pc: CODE, x8: 8 });
    world.addThread(BASE, 0x220, { pc: CODE, x8: 16 });
  },
  check: (world) => assert.equal(world.words(BASE + DATA_OFFSET, 3), [0, 15, 15]),
};

const SET = PROGRAM + 0x100;
const PORT_REFERENCE = PROGRAM + 0x160;

/** A port set at 0x100, a port at 0x120 in it, a reference to the set at 0x140 and one to the port at 0x160. */
function makePort(world: World, base: number, alias: number): void {
  world.make(base, { 256: 'portset', 288: 'port', 320: 'reference', 352: 'reference' });
  world.must('portset_reference', base + 0x100, base + 0x140);
  world.setState('port', base + 0x120, { alias }, [base + 0x140]);
  world.must('port_reference', base + 0x120, base + 0x160);
}

const idempotent: Scenario = {
  name: 'clients call a server in another space, one-way and idempotent',
  build(world) {
    // The server adds up words; answers each call with the sum. Two clients, ten calls each; one sends one-way too.
    const server = new Assembler().li(s1, 0).li(s2, DATA);
    server.call('ipc_wait_receive', SET, 0, 0, DATA, 8).j('got');
    server.label('wait').call('ipc_wait_receive', SET, 0, 0, DATA, 8);
    server.label('got').ld(t2, s2).add(s1, s1, t2).addi(a1, a1, -flavours.oneway).beq(a1, zero, 'wait');
    server
      .sd(s1, s2, 16)
      .call('ipc_reply_wait_receive', SET, DATA + 16, 8, DATA, 8)
      .j('got');
    const serverBase = world.addProgram(2, server);
    makePort(world, serverBase, 77);
    const client = new Assembler().li(s1, 10);
    client.label('loop').sd(s0, s2).mv(a1, s2).addi(a3, s2, 8).li(a0, PORT_REFERENCE).li(a2, 8).li(a4, 8);
    client.invoke('ipc_call').ld(t2, s2, 8).ld(t1, s2, 16).add(t1, t1, t2).sd(t1, s2, 16);
    client.call('ipc_send', PORT_REFERENCE, DATA + 0x100, 8);
    client.addi(s1, s1, -1).bne(s1, zero, 'loop').end(GATE);
    world.addProgram(SLAB, client, { x8: 3, x18: DATA });
    world.make(BASE, { 352: 'reference' });
    world.must('reference_copy', serverBase + 0x160, BASE + 0x160);
    world.addThread(BASE, 0x200, { pc: CODE, x8: 5, x18: DATA + 0x40 });
    world.write(BASE + DATA_OFFSET + 0x100, new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]));
  },
  check(world) {
    // One-way messages count when the server was waiting; calls always do.
    const sum = Number(world.thread(2 * SLAB_SIZE).x[s1]);
    assert.ok(sum >= 80 && sum <= 100, `the server's sum is ${sum}`);
    assert.ok(world.word(BASE + DATA_OFFSET + 8) > 0);
  },
};

/** Bytes that both sides of the long conversation must agree on. */
export const LONG_MESSAGE = 200_000;
const LONG_ANSWER = 70_001;

const reliable: Scenario = {
  name: 'a reliable call streams a long message and a long answer, with references',
  build(world) {
    // The server receives 200,000 bytes in pieces of 30,000, then answers with the first 70,001 of them.
    const server = new Assembler().li(s1, DATA).li(s2, 0);
    server.label('wait').mv(a3, s1).li(a0, SET).li(a4, 30_000).li(a1, 0).li(a2, 0);
    server
      .li(a6, DATA - 0x100)
      .li(t0, 0)
      .li(t1, 1)
      .li(17, 0x684)
      .ecall();
    server.mv(s3, a2).j('more');
    server.label('again').li(a4, 30_000).invoke('ipc_server_receive');
    server.label('more').addi(s2, s2, 1).addi(t2, a0, -3).beq(t2, zero, 'again');
    server.mv(s4, a3).call('ipc_server_ack_send_wait_receive', SET, DATA, LONG_ANSWER, DATA, 8).j('more');
    const serverBase = world.addProgram(2, server);
    makePort(world, serverBase, 0x5555);
    const received = DATA - 0x100 - PROGRAM;
    world.make(serverBase, { 384: 'reference' });
    const table = new Uint8Array(8);
    new DataView(table.buffer).setUint32(0, PROGRAM + 0x180, true);
    world.write(serverBase + received, table);

    const client = new Assembler().li(s2, 0);
    client
      .li(a0, PORT_REFERENCE)
      .li(a1, DATA)
      .li(a2, LONG_MESSAGE)
      .li(a3, DATA + 0x4_0000)
      .li(a4, 20_000);
    client
      .li(a5, DATA - 0x100)
      .li(t0, 1)
      .li(t1, 0)
      .li(17, 0x689)
      .ecall()
      .j('more');
    client.label('again').li(a4, 20_000).invoke('ipc_client_receive');
    client.label('more').addi(s2, s2, 1).addi(t2, a0, -3).beq(t2, zero, 'again').mv(s1, a0).end(GATE);
    world.addProgram(SLAB, client);
    world.make(BASE, { 352: 'reference' });
    world.must('reference_copy', serverBase + 0x160, BASE + 0x160);
    new DataView(table.buffer).setUint32(0, PROGRAM + own.output, true);
    world.write(BASE + received, table);
    world.write(BASE + DATA_OFFSET, longMessage());
  },
  check(world) {
    const client = world.thread(BASE);
    assert.is(Number(client.x[s1]), 4, 'the client is told that the answer is complete');
    assert.is(Number(client.x[s2]), 4, 'the answer came in four pieces');
    const server = world.thread(2 * SLAB_SIZE);
    assert.is(Number(server.x[s3]), 0x5555);
    assert.is(Number(server.x[s2]), 7, 'the message came in seven pieces');
    assert.equal(world.read(2 * SLAB_SIZE + DATA_OFFSET, LONG_MESSAGE), longMessage());
    assert.equal(
      world.read(BASE + DATA_OFFSET + 0x4_0000, LONG_ANSWER),
      longMessage().subarray(0, LONG_ANSWER),
    );
    world.must('reference_compare', 2 * SLAB_SIZE + 0x180, world.reference('output'));
    assert.is(world.task.result(0), 1, 'the reference was carried');
  },
};

function longMessage(): Uint8Array {
  return Uint8Array.from({ length: LONG_MESSAGE }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
}

const pager: Scenario = {
  name: 'a program is the pager of another: a write to a protected region goes to it',
  build(world) {
    // The pager answers each fault by opening its region to writing; it counts faults and keeps what it was told.
    const code = new Assembler().li(s1, 0).li(s2, DATA);
    code.call('ipc_wait_receive', SET, 0, 0, DATA, 40).j('got');
    code
      .label('got')
      .addi(s1, s1, 1)
      .call('region_protect', PROGRAM + 0x1a0, 7);
    code.call('ipc_reply_wait_receive', SET, DATA, 0, DATA, 40).j('got');
    const base = world.addProgram(2, code);
    makePort(world, base, 9);
    // The pager's region: 64 KiB of its own data, read-only at first.
    world.make(base, { 416: 'region', 448: 'reference' });
    world.setState('region', base + 0x1a0, { startAddress: DATA + 0x2_0000, size: 0x1_0000, protection: 1 }, [
      base + own.spaceReference,
      base + 0x160,
    ]);
    world.must('region_reference', base + 0x1a0, base + 0x1c0);
    const client = new Assembler()
      .li(s1, 0x3000_0000)
      .ld(s2, s1)
      .li(s3, 99)
      .sd(s3, s1, 8)
      .ld(s4, s1, 8)
      .end(GATE);
    world.addProgram(SLAB, client);
    world.make(BASE, { 384: 'mapping' });
    world.setState('mapping', BASE + 0x180, { startAddress: 0x3000_0000, size: 0x1_0000, protection: 3 }, [
      base + 0x1c0,
      BASE + own.spaceReference,
    ]);
  },
  check(world) {
    assert.is(Number(world.thread(BASE).x[s4]), 99);
    assert.is(Number(world.thread(2 * SLAB_SIZE).x[s1]), 1, 'one fault');
    assert.equal(world.words(2 * SLAB_SIZE + DATA_OFFSET, 3), [0x20f, 8, 2], 'code, offset, access');
    assert.is(world.word(2 * SLAB_SIZE + DATA_OFFSET + 0x2_0000 + 8), 99, "it is the pager's memory");
  },
};

const exceptions: Scenario = {
  name: 'exceptions go to the keeper of the space, which is a program',
  build(world) {
    // The keeper repairs the illegal instruction by storing a nop over it through its own window, and lets it retry.
    const code = new Assembler().li(s1, 0).li(s2, DATA).li(s3, 0x2000_0000);
    code.call('ipc_wait_receive', SET, 0, 0, DATA, 40);
    code.label('got').addi(s1, s1, 1).ld(t2, s2, 24).li(t1, CODE).xor(t2, t2, t1).add(t2, t2, s3);
    code.li(t1, 0x13).li(t0, 0x13).slli(t0, t0, 16).slli(t0, t0, 16).add(t1, t1, t0).sd(t1, t2);
    code
      .sd(s1, s2, 64)
      .call('ipc_reply_wait_receive', SET, DATA + 64, 8, DATA, 40)
      .j('got');
    const base = world.addProgram(2, code);
    makePort(world, base, 5);
    world.make(base, { 384: 'mapping' });
    world.setState(
      'mapping',
      base + 0x180,
      { startAddress: 0x2000_0000, size: 0x1000, protection: 3, regionOffset: BASE + 0x1000 },
      [world.reference('region'), base + own.spaceReference],
    );
    const client = new Assembler().li(s1, 5).addi(zero, zero, 0).illegal().addi(zero, zero, 0);
    client
      .addi(s1, s1, 1)
      .addi(zero, zero, 0)
      .addi(zero, zero, 0)
      .illegal()
      .addi(zero, zero, 0)
      .addi(s1, s1, 1)
      .end(GATE);
    world.addProgram(SLAB, client);
    world.setState('space', BASE + own.space, {}, [base + 0x160]);
  },
  check(world) {
    assert.is(Number(world.thread(BASE).x[s1]), 7);
    assert.is(Number(world.thread(2 * SLAB_SIZE).x[s1]), 2);
  },
};

const children: Scenario = {
  name: 'a thread makes another, stops it, takes its state, and starts a third from it',
  build(world) {
    const stateSize = states.thread.size;
    const at = states.thread.offset;
    const child = PROGRAM + 0x200;
    const third = PROGRAM + 0x220;
    const code = new Assembler();
    code
      .call('thread_create', child)
      .call('thread_set_state', child, DATA, PROGRAM + own.spaceReference, 0, 0, 0, 0);
    code.call('clock_read').addi(a0, a1, 800).invoke('clock_sleep');
    code.call('thread_get_state', child, DATA + 0x1000, 0, 0, 0, 0, 0).call('thread_destroy', child);
    code.call('thread_create', third);
    // The third thread: the same registers, not stopped.
    code
      .li(t2, DATA + 0x1000)
      .ld(t1, t2, at.flags)
      .addi(t1, t1, -1)
      .sd(t1, t2, at.flags);
    code.call('thread_set_state', third, DATA + 0x1000, PROGRAM + own.spaceReference, 0, 0, 0, 0).end(GATE);
    code
      .label('child')
      .li(s1, 3000)
      .li(s2, DATA + 0x3000);
    code
      .label('count')
      .ld(t2, s2)
      .addi(t2, t2, 1)
      .sd(t2, s2)
      .addi(s1, s1, -1)
      .bne(s1, zero, 'count')
      .end(GATE);
    world.addProgram(SLAB, code);
    const state = new Uint8Array(stateSize);
    const view = new DataView(state.buffer);
    view.setBigUint64(at.pc, BigInt(CODE + code.at('child')), true);
    view.setBigUint64(at.priority, 16n, true);
    world.write(BASE + DATA_OFFSET, state);
  },
  check(world) {
    assert.is(world.word(BASE + DATA_OFFSET + 0x3000), 3000);
    assert.is(world.call('thread_peek_state', BASE + 0x200, 0), 0x102, 'the child is gone');
  },
};

const sleepers: Scenario = {
  name: 'sleepers with one deadline wake in the order in which they lay down',
  build(world) {
    const code = new Assembler().li(s1, 5);
    code.label('loop').mv(a0, s2).invoke('clock_sleep').call('mutex_lock', MUTEX);
    code
      .li(t2, DATA)
      .ld(t1, t2)
      .addi(t1, t1, 8)
      .sd(t1, t2)
      .add(t1, t1, t2)
      .sd(s0, t1)
      .call('mutex_unlock', MUTEX);
    code.li(t0, 5000).add(s2, s2, t0).addi(s1, s1, -1).bne(s1, zero, 'loop').end(GATE);
    world.addProgram(SLAB, code, { x8: 1, x18: 10_000 });
    world.make(BASE, { 256: 'mutex' });
    for (let i = 2; i <= 4; i += 1) {
      world.addThread(BASE, 0x200 + 0x20 * i, { pc: CODE, x8: i, x18: i === 3 ? 9_000 : 10_000 });
    }
  },
  check(world) {
    const order = world.words(BASE + DATA_OFFSET + 8, 20);
    assert.is(order.length, 20);
    assert.equal(order.slice(0, 4), [3, 1, 2, 4]);
  },
};

const atomics: Scenario = {
  name: 'two threads count with LR and SC and lose nothing to preemption',
  build(world) {
    const code = new Assembler().li(s1, 4000).li(s2, DATA);
    code
      .label('loop')
      .lrd(t2, s2)
      .addi(t2, t2, 1)
      .li(t0, 6)
      .label('spin')
      .addi(t0, t0, -1)
      .bne(t0, zero, 'spin');
    code.scd(t1, t2, s2).bne(t1, zero, 'loop').addi(s1, s1, -1).bne(s1, zero, 'loop').end(GATE);
    world.addProgram(SLAB, code);
    for (let i = 1; i < 5; i += 1) world.addThread(BASE, 0x200 + 0x20 * i, { pc: CODE });
  },
  check: (world) => assert.is(world.word(BASE + DATA_OFFSET), 20_000),
};

/** Rounding modes of the four threads: to nearest, to zero, down, up; one sum of doubles and one of singles each. */
const FLOAT_STEPS = 40;
const floating: Scenario = {
  name: 'four threads add up fractions, each with a rounding mode and flags of its own',
  build(world) {
    // f0 and f1 get 1 and s1, f2 and f3 the sums; doubles in the even registers, singles in f4, f5, f6.
    const code = new Assembler()
      .slli(t2, s0, 5)
      .swapFcsr(zero, t2)
      .li(s1, 1)
      .li(s2, FLOAT_STEPS + 1)
      .li(t2, 1);
    code.fcvtdl(0, t2).fcvtdl(2, zero).fcvtsl(4, t2).fcvtsl(6, zero);
    code.label('loop').fcvtdl(1, s1).fdivd(1, 0, 1).faddd(2, 2, 1);
    code.fcvtsl(5, s1).fdivs(5, 4, 5).fadds(6, 6, 5).addi(s1, s1, 1);
    code.li(t0, 20).bne(s1, t0, 'go').call('clock_read').addi(a0, a1, 700).invoke('clock_sleep');
    code.label('go').bltu(s1, s2, 'loop');
    code
      .li(t2, DATA)
      .slli(t1, s0, 5)
      .add(t2, t2, t1)
      .fsd(2, t2)
      .fsd(6, t2, 8)
      .swapFcsr(t1, zero)
      .sd(t1, t2, 16);
    code.end(GATE);
    world.addProgram(SLAB, code, { x8: 0 });
    for (let mode = 1; mode < 4; mode += 1)
      world.addThread(BASE, 0x200 + 0x20 * mode, { pc: CODE, x8: mode });
  },
  check(world) {
    for (let mode = 0; mode < 4; mode += 1) {
      const sums = [double, single].map((format) => {
        const whole = (value: number): bigint => fromInteger(format, mode, BigInt(value)).bits;
        let sum = whole(0);
        for (let i = 1; i <= FLOAT_STEPS; i += 1) {
          sum = addNumbers(format, mode, sum, divideNumbers(format, mode, whole(1), whole(i)).bits).bits;
        }
        return sum;
      });
      const at = world.read(BASE + DATA_OFFSET + 32 * mode, 24);
      const view = new DataView(at.buffer);
      const found = [0, 8, 16].map((offset) => view.getBigUint64(offset, true));
      const boxed = 0xffff_ffff_0000_0000n | (sums[1] ?? 0n);
      assert.equal(found, [sums[0], boxed, BigInt((mode << 5) | NX)], `mode ${mode}`);
    }
  },
};

const collector: Scenario = {
  name: 'a program searches and collects a region of its own memory',
  build(world) {
    const region = PROGRAM + 0x100;
    const code = new Assembler();
    code.call('region_search', region, 0, 0x1_0000, DATA, 3).mv(s1, a1).mv(s2, a4);
    code.call('region_collect', region, DATA + 0x1000, 0);
    code
      .li(t2, DATA + 0x5000)
      .sd(t2, t2)
      .call('mutex_create', PROGRAM + 0x300)
      .call('mutex_destroy', PROGRAM + 0x320);
    code
      .call('region_collect', region, DATA + 0x1000, 20)
      .mv(s3, a2)
      .call('reference_locate', PROGRAM + 0x140, region);
    code.mv(s4, a1).end(GATE);
    world.addProgram(SLAB, code);
    world.make(BASE, { 256: 'region', 320: 'reference', 800: 'mutex' });
    world.must('thread_reference', BASE, BASE + 0x140);
    world.setState('region', BASE + 0x100, { startAddress: PROGRAM, size: SLAB_SIZE, protection: 7 }, [
      BASE + own.spaceReference,
    ]);
  },
  check(world) {
    const x = world.thread(BASE).x;
    assert.equal([x[s1], x[s2], x[s4]], [0x60n, 0n, 0n]);
    const count = 20 - Number(x[s3]);
    const items = world.items(BASE + DATA_OFFSET + 0x1000, count);
    const found = items.map((entry) => [entry.offset, entry.kind, entry.type]);
    // The data page of the first search was written before collecting began and is not in it.
    assert.equal(found, [
      [0x00, 1, 8],
      [0x100, 1, 4],
      [0x300, 1, 1],
      [0x320, 2, 1],
      [0x1_5000, 3, 0],
    ]);
  },
};

export const scenarios: readonly Scenario[] = [
  compute,
  mutexes,
  conds,
  idempotent,
  reliable,
  pager,
  exceptions,
  children,
  sleepers,
  atomics,
  floating,
  collector,
  ...handlerScenarios,
  ...ipcScenarios,
  ...inheritScenarios,
  ...endScenarios,
  ...scheduleScenarios,
  ...protectScenarios,
  ...memoryScenarios,
];
