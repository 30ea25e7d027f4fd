/**
 * What one program did to the machine, to another program or to its own next life, and can do no more: each test is a
 * defect that was found by a program.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { THREADS_MAX } from '../../src/base/limits.ts';
import { outcomes } from '../../src/kernel/abi/codes.ts';
import { entries } from '../../src/kernel/abi/entries.ts';
import { threadFlags } from '../../src/kernel/abi/types.ts';
import { Assembler, a0, a1, a4, s1, t2 } from './assembler.ts';
import { CLIENT, PORT, pair, SERVER, SET } from './pair.ts';
import { resultOf } from './rebuild.ts';
import { CODE, DATA, own, PROGRAM, SLAB_SIZE, World } from './world.ts';

const BASE = SLAB_SIZE;
const GATE = PROGRAM + own.gate;
/** A window beside the program's own memory. */
const WINDOW = 0x4000_0000;

/** A window of the program onto nothing: faults in it go to the keeper. */
function keptWindow(world: World, base: number, keeper: number): void {
  world.make(base, { 512: 'region', 544: 'reference', 576: 'mapping' });
  const region = { startAddress: PROGRAM, size: 0, protection: 7 };
  world.setState('region', base + 0x200, region, [base + own.spaceReference, keeper]);
  world.must('region_reference', base + 0x200, base + 0x220);
  world.setState('mapping', base + 0x240, { startAddress: WINDOW, size: 0x1000, protection: 7 }, [
    base + 0x220,
    base + own.spaceReference,
  ]);
}

/** The world is the same after a rebuild, before anybody runs and after. */
function assertStands(world: World): void {
  assert.is(world.run(), 'idle');
  const before = resultOf(world);
  world.rebuild();
  world.kernel.check();
  assert.is(world.run(), 'idle');
  assert.equal(resultOf(world), before);
}

test('a server whose receive buffer is its own to keep does not send the machine in circles', () => {
  const client = new Assembler().call('ipc_call', PORT, DATA, 8, DATA + 0x100, 8).end(GATE);
  const server = new Assembler().call('ipc_wait_receive', SET, 0, 0, WINDOW, 100).end(GATE);
  const world = pair(client, server);
  keptWindow(world, SERVER, SERVER + 0x160);
  world.finish();
  world.kernel.check();
});

test('a room beyond all numbers is the room of the client that has it, and no fault of its server', () => {
  const client = new Assembler()
    .li(a0, PORT)
    .li(a1, DATA)
    .li(12, 8)
    .li(13, DATA + 0x100)
    .li(a4, -1);
  client.invoke('ipc_call').mv(s1, a0).end(GATE);
  const server = new Assembler().call('ipc_wait_receive', SET, 0, 0, DATA, 100);
  server.call('ipc_reply', SET, DATA, 8).mv(s1, a0).end(GATE);
  const world = pair(client.li(s1, 0), server);
  world.finish();
  for (const base of [CLIENT, SERVER]) assert.is(Number(world.thread(base).faultCode), 0);
});

test('a buffer at no address is a fault of the client that has it, and none of its server', () => {
  const client = new Assembler().li(a0, PORT).li(a1, -4096).li(12, 8).li(13, DATA).li(a4, 8);
  client.invoke('ipc_call').end(GATE);
  const server = new Assembler()
    .call('clock_sleep', 1_000_000)
    .call('ipc_wait_receive', SET, 0, 0, DATA, 100);
  const world = pair(client, server.end(GATE));
  world.finish();
  assert.is(Number(world.thread(SERVER).faultCode), 0);
  assert.is.not(Number(world.thread(CLIENT).flags) & threadFlags.faulting, 0);
});

test('a keeper that only answers costs the asker its time, and others have their turn', () => {
  const world = new World();
  world.addProgram(1, new Assembler().li(t2, WINDOW).sd(a0, t2).end(GATE));
  keptWindow(world, BASE, world.reference('output'));
  const other = world.addThread(BASE, 0x300, { pc: CODE + 4 * 100 });
  world.write(BASE + 0x1000 + 4 * 100, new Assembler().label('loop').addi(s1, s1, 1).j('loop').bytes());
  for (let i = 0; i < 10; i += 1) assert.is(world.run(100_000), 'limit');
  assert.ok(world.thread(other).x[s1] !== 0n);
});

test('who waits for a mutex waits on over a restart, though the window it named it by is gone', () => {
  const world = new World();
  world.addProgram(1, new Assembler().call('mutex_lock', WINDOW).end(GATE));
  world.make(BASE, { 576: 'mapping', 640: 'mutex', 672: 'reference' });
  world.addProgram(2, new Assembler().end(GATE));
  world.must('thread_reference', SERVER, BASE + 0x2a0);
  world.setState('mutex', BASE + 0x280, { locked: 1 }, [BASE + 0x2a0]);
  const window = { regionOffset: BASE, startAddress: WINDOW - 0x1000, size: 0x2000, protection: 7 };
  world.setState('mapping', BASE + 0x240, window, [world.reference('region'), BASE + own.spaceReference]);
  // The lock call names an address of the window at which there is the mutex.
  world.must('mutex_destroy', BASE + 0x280);
  world.must('mutex_create', BASE + 0x1000 + 0xf00);
  world.setState('mutex', BASE + 0x1000 + 0xf00, { locked: 1 }, [BASE + 0x2a0]);
  world.setState(
    'mapping',
    BASE + 0x240,
    { ...window, regionOffset: BASE + 0x1000, startAddress: WINDOW - 0xf000 },
    [],
  );
  world.write(
    BASE + 0x1000,
    new Assembler()
      .call('mutex_lock', WINDOW - 0xf000 + 0xf00)
      .end(GATE)
      .bytes(),
  );
  world.finish();
  assert.is.not(world.thread(BASE).ticket, 0n, 'it waits');
  world.must('mapping_destroy', BASE + 0x240);
  assertStands(world);
  // When its turn comes it cannot name the mutex any more, and does not get it.
  world.setState('mutex', BASE + 0x1000 + 0xf00, { locked: 0 }, []);
  world.must('mutex_peek_state', BASE + 0x1000 + 0xf00, world.buffer);
  assert.is(world.view.getBigUint64(24, true), 0n);
});

test('who faulted at a port waits there over a restart, though it keeps the region no more', () => {
  const world = new World();
  world.addProgram(1, new Assembler().li(t2, WINDOW).sd(a0, t2).end(GATE));
  world.make(BASE, { 256: 'port', 288: 'reference', 320: 'reference' });
  world.must('port_reference', BASE + 0x100, BASE + 0x120);
  keptWindow(world, BASE, BASE + 0x120);
  world.finish();
  world.must('region_set_state', BASE + 0x200, 0, 0, BASE + 0x140);
  assertStands(world);
});

test('who sleeps beyond the count of ticks sleeps on over a restart', () => {
  const world = new World();
  world.addProgram(1, new Assembler().li(a0, -1).invoke('clock_sleep').end(GATE));
  assertStands(world);
});

test('that a thread was stopped is collected', () => {
  const world = new World();
  world.addProgram(1, new Assembler().call('clock_sleep', 10 ** 9).end(GATE));
  world.run();
  world.collect();
  world.must('thread_get_state', BASE, 0);
  assert.ok(world.collect().some(({ offset }) => offset === BASE));
});

test('instret goes on over a restart', () => {
  const world = new World();
  const code = new Assembler();
  for (let i = 0; i < 50; i += 1) code.addi(t2, t2, 1);
  code.call('clock_read').end(GATE);
  world.addProgram(1, code);
  world.run();
  const { retired } = world.thread(BASE);
  assert.ok(retired > 50n);
  world.rebuild();
  world.must('thread_get_state', BASE, 0);
  const words = { pc: CODE, retired, priority: 16, x17: entries.clock_read.number };
  world.setState('thread', BASE, words);
  world.run(1);
  assert.is(world.machine.hart.retiredWord[0], retired + 1n);
});

test('threads without end are refused, not made', () => {
  const world = new World();
  const code = new Assembler().li(s1, PROGRAM + 0x2_0000).li(t2, 0);
  code
    .label('next')
    .mv(a0, s1)
    .invoke('thread_create')
    .addi(s1, s1, 32)
    .beq(a0, t2, 'next')
    .mv(s1, a0)
    .end(GATE);
  world.addProgram(1, code);
  world.isChecked = false;
  world.kernel.state.threadCount = THREADS_MAX - 100;
  world.finish();
  assert.is(Number(world.thread(BASE).x[s1]), outcomes.noMemory);
  assert.is(world.kernel.state.threadCount, THREADS_MAX);
});

test.run();
