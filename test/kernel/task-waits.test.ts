/**
 * N.07: user tasks that wait. A call that would block gives control back, its thread waits in the queue, and the host is
 * told between two entries; every way of waiting, breaking off, and serving programs. Nothing of it takes guest time.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { KEY_VALUE_PAGES, KeyValueServer, operations } from '../../examples/key-value-server.ts';
import { zeroRecord } from '../../src/base/layout.ts';
import { faults, outcomes } from '../../src/kernel/abi/codes.ts';
import { type EntryName, entries } from '../../src/kernel/abi/entries.ts';
import { flavours } from '../../src/kernel/abi/entry.ts';
import { pendingBits, states, threadFlags } from '../../src/kernel/abi/types.ts';
import { type Processor, waiting } from '../../src/userland/task/task.ts';
import { Assembler, a0, a1, a2, a4, s0, s1, s2, s3, t1, t2, zero } from './assembler.ts';
import { describeImage } from './rebuild.ts';
import { DATA, own, PROGRAM, SLAB_SIZE, World } from './world.ts';

const BASE = SLAB_SIZE;
const GATE = PROGRAM + own.gate;
const DATA_OFFSET = DATA - PROGRAM;

function assembled(build: (code: Assembler) => unknown): Assembler {
  const code = new Assembler();
  build(code);
  return code;
}

/** The task brings the program's pages by itself: while it waits in a call of its own it could not. */
function bringPages(world: World): void {
  for (let offset = 0; offset < DATA_OFFSET + 0x6000; offset += 4096) world.supply(BASE + offset);
}

/** What a task is told, in order: the outcome of `finish` each time. */
function listen(task: Processor): number[] {
  const told: number[] = [];
  task.whenTold(() => {
    told.push(task.finish());
  });
  return told;
}

test('a task waits for a mutex that a program holds, in ticket order with programs, and gets it', () => {
  const world = new World();
  const code = assembled((c) =>
    c
      .call('mutex_lock', PROGRAM + 0x100)
      .call('clock_read')
      .addi(a0, a1, 1000)
      .invoke('clock_sleep')
      .call('mutex_unlock', PROGRAM + 0x100)
      .end(GATE),
  );
  world.addProgram(1, code);
  world.make(BASE, { 256: 'mutex' });
  assert.is(world.run(), 'idle');
  bringPages(world);
  assert.is(world.call('mutex_lock', BASE + 0x100), waiting);
  assert.is(world.task.finish(), waiting, 'nothing has happened yet');
  world.kernel.check();
  const told = listen(world.task);
  world.finish();
  assert.equal(told, [outcomes.success]);
  world.must('mutex_unlock', BASE + 0x100);
  world.kernel.check();
});

test('without a callback, run gives control back when the wait is over, and time stands still', () => {
  const world = new World();
  world.make(BASE, { 256: 'mutex' });
  const deadline = Number(world.kernel.tick() / 4n) + 500;
  assert.is(world.call('clock_sleep', deadline), waiting);
  assert.is(world.run(), 'idle');
  const at = world.kernel.nextDeadline();
  assert.is(at, BigInt(deadline) * 4n);
  world.kernel.stepClock(at ?? 0n);
  assert.is(world.run(), 'service');
  assert.is(world.kernel.tick(), at);
  assert.is(world.task.finish(), outcomes.success);
  assert.is(world.run(), 'idle');
});

test('a task waits on a cond, and is signalled by a program', () => {
  const world = new World();
  const code = assembled((c) =>
    c
      .call('clock_read')
      .addi(a0, a1, 1000)
      .invoke('clock_sleep')
      .call('mutex_lock', PROGRAM + 0x100)
      .call('cond_signal', PROGRAM + 0x120)
      .call('clock_read')
      .addi(a0, a1, 1000)
      .invoke('clock_sleep')
      .call('mutex_unlock', PROGRAM + 0x100)
      .end(GATE),
  );
  world.addProgram(1, code);
  world.make(BASE, { 256: 'mutex', 288: 'cond' });
  world.must('mutex_lock', BASE + 0x100);
  assert.is(world.call('cond_wait', BASE + 0x120, BASE + 0x100), waiting);
  const told = listen(world.task);
  world.finish();
  assert.equal(told, [outcomes.success], 'told once, when the mutex is its own');
  world.must('mutex_unlock', BASE + 0x100);
});

/** A port set at 0x100, a port at 0x120 in it, references to both at 0x140 and 0x160. */
function makePort(world: World, base: number): void {
  world.make(base, { 256: 'portset', 288: 'port', 320: 'reference', 352: 'reference' });
  world.must('portset_reference', base + 0x100, base + 0x140);
  world.setState('port', base + 0x120, { alias: 7 }, [base + 0x140]);
  world.must('port_reference', base + 0x120, base + 0x160);
}

test('a task calls a program by idempotent and by reliable IPC, with a page of the program away', () => {
  const world = new World();
  // Adds one to the first word of each message and sends the message back.
  const code = assembled((c) =>
    c
      .call('ipc_wait_receive', PROGRAM + 0x100, 0, 0, DATA, 20_000)
      .label('got')
      .li(s1, DATA)
      .ld(s2, s1)
      .addi(s2, s2, 1)
      .sd(s2, s1)
      .addi(t2, a1, -flavours.reliable)
      .beq(t2, zero, 'reliable')
      .call('ipc_reply_wait_receive', PROGRAM + 0x100, DATA, 8, DATA, 20_000)
      .j('got')
      .label('reliable')
      .call('ipc_server_ack_send_wait_receive', PROGRAM + 0x100, DATA, 16_000, DATA, 20_000)
      .j('got'),
  );
  world.addProgram(1, code);
  makePort(world, BASE);
  world.run();
  bringPages(world);
  const { task } = world;
  const at = (offset: number): number => task.memoryAddress + offset;
  const told = listen(task);
  task.memoryView.setBigUint64(0x2000, 41n, true);
  const entriesBefore = world.thread(BASE).entryCount;
  assert.is(world.call('ipc_call', BASE + 0x120, at(0x2000), 8, at(0x2008), 8), waiting);
  world.finish();
  assert.is(task.memoryView.getBigUint64(0x2008, true), 42n);
  world.evict(BASE + DATA_OFFSET + 4096);
  for (let i = 0; i < 16_000; i += 1) task.memory[0x2000 + i] = i & 0x7f;
  assert.is(
    world.call(
      'ipc_client_connect_send_over_receive',
      BASE + 0x120,
      at(0x2000),
      16_000,
      at(0x2000 + 16_000),
      16_000,
    ),
    waiting,
  );
  world.finish();
  assert.equal(told, [outcomes.success, outcomes.receiveDisconnected]);
  const sent = task.memory.slice(0x2000 + 8, 0x2000 + 16_000);
  assert.equal(task.memory.slice(0x2000 + 16_008, 0x2000 + 32_000), sent);
  assert.ok(world.thread(BASE).entryCount > entriesBefore);
  world.kernel.check();
});

test("a task's buffer where nothing is: its own call ends with the fault, and its server goes on", () => {
  const world = new World();
  const code = assembled((c) =>
    c
      .call('ipc_wait_receive', PROGRAM + 0x100, 0, 0, DATA, 8)
      .label('got')
      .addi(s1, s1, 1)
      .call('ipc_reply_wait_receive', PROGRAM + 0x100, DATA, 8, DATA, 8)
      .j('got'),
  );
  world.addProgram(1, code);
  makePort(world, BASE);
  world.run();
  bringPages(world);
  const told = listen(world.task);
  const nowhere = world.task.memoryAddress - 4096;
  assert.is(world.call('ipc_call', BASE + 0x120, world.buffer, 8, nowhere, 8), waiting);
  world.finish();
  assert.equal(told, [faults.invalidAddress]);
  assert.is(world.call('ipc_call', BASE + 0x120, nowhere, 8, world.buffer, 8), faults.invalidAddress);
  assert.is(world.call('ipc_call', BASE + 0x120, world.buffer, 8, world.buffer, 8), waiting);
  world.finish();
  assert.is(told[1], outcomes.success);
  assert.is(world.thread(BASE).x[s1], 2n);
});

test('a call that waits can be broken off; what follows is as if it had not been', () => {
  const world = new World();
  makePort(world, BASE);
  world.make(BASE, { 384: 'mutex', 416: 'cond' });
  const before = (): string[] =>
    world.save().objects.map((object) => JSON.stringify([object.address, object.links]));
  const links = before();
  const calls: [EntryName, ...number[]][] = [
    ['ipc_call', BASE + 0x120, 0, 0, 0, 0],
    ['ipc_wait_receive', BASE + 0x100, 0, 0, 0, 0],
    ['cond_wait_again', BASE + 0x1a0, BASE + 0x180],
    ['ipc_client_connect_send_over_receive', BASE + 0x120, 0, 0, 0, 0],
    ['clock_sleep', 10 ** 12],
  ];
  for (const [name, ...args] of calls) {
    assert.is(world.call(name, ...args), waiting, name);
    world.kernel.check();
    assert.is(world.task.cancel(), true, name);
    assert.is(world.task.cancel(), false, name);
    world.kernel.check();
  }
  world.must('mutex_lock', BASE + 0x180);
  assert.is(world.call('mutex_lock', BASE + 0x180), waiting);
  world.task.cancel();
  world.must('mutex_unlock', BASE + 0x180);
  assert.is(world.kernel.nextDeadline(), null);
  assert.is(world.run(), 'idle');
  assert.equal(before(), links);
  world.must('mutex_lock', BASE + 0x180);
  assert.is(world.call('cond_wait', BASE + 0x1a0, BASE + 0x180), waiting);
  world.task.cancel();
  assert.is(world.call('mutex_unlock', BASE + 0x180), faults.notOwner, 'cond_wait had let go of it');
});

test('no second call while one waits: that is an error of the host, not of the machine', () => {
  const world = new World();
  assert.is(world.call('clock_sleep', 10 ** 12), waiting);
  assert.throws(() => world.call('clock_read'), /finished or canceled/);
  world.task.cancel();
  world.must('clock_read');
  assert.throws(() => world.task.finish(), /only a call that waits/);
});

test('the tick and all of the image are the same, whether a task waits beside or not', () => {
  const results = [false, true].map((isWaiting) => {
    const world = new World();
    const other = world.kernel.createTask({ memoryPages: 2 });
    const code = assembled((c) =>
      c
        .li(s1, 20)
        .label('loop')
        .call('clock_read')
        .addi(a0, a1, 100)
        .invoke('clock_sleep')
        .addi(s1, s1, -1)
        .bne(s1, zero, 'loop')
        .end(GATE),
    );
    world.addProgram(1, code);
    let count = 0;
    const sleep = (): void => {
      // Until 3 ns from now, again and again.
      const until = Number(world.kernel.tick() / 4n) + 3;
      count += 1;
      if (count < 50) assert.is(other.call(entries.clock_sleep.number, until), waiting);
    };
    other.whenTold(() => {
      assert.is(other.finish(), outcomes.success);
      sleep();
    });
    if (isWaiting) sleep();
    world.finish();
    return { count, lines: describeImage(world.save()) };
  });
  assert.is(results[1]?.count, 50);
  assert.equal(results[0]?.lines, results[1]?.lines);
});

/** A client that puts `LENGTH` bytes, gets them back, and compares. */
const LENGTH = 40_000;

function keyValueWorld(): { world: World; server: KeyValueServer } {
  const world = new World();
  const task = world.kernel.createTask({ memoryPages: KEY_VALUE_PAGES, name: 'key-value' });
  const server = new KeyValueServer(task);
  const code = assembled((c) => {
    // put: operation 1, key length 1, key, value; with a reference to the output port.
    c.li(a0, PROGRAM + 0x160)
      .li(a1, DATA)
      .li(a2, LENGTH + 9)
      .li(13, DATA + 0x2_0000)
      .li(a4, 8)
      .li(15, DATA - 0x100);
    c.li(5, 1).li(6, 0).li(17, entries.ipc_client_connect_send_over_receive.number).ecall().mv(s1, a0);
    c.li(t2, DATA + 0x2_0000).ld(s2, t2);
    // get: the same key.
    c.li(a0, PROGRAM + 0x160)
      .li(a1, DATA + 0x3_0000)
      .li(a2, 9)
      .li(13, DATA + 0x2_0000)
      .li(a4, 20_000);
    c.li(16, DATA - 0xf8)
      .li(5, 0)
      .li(6, 1)
      .li(17, entries.ipc_client_connect_send_over_receive.number)
      .ecall();
    c.li(s3, 1).label('more').addi(t1, a0, -outcomes.receiveMoreData).bne(t1, zero, 'all');
    c.addi(s3, s3, 1).li(a4, 20_000).li(17, entries.ipc_client_receive.number).ecall().j('more');
    c.label('all').mv(s0, a0).end(GATE);
  });
  world.addProgram(1, code);
  world.make(BASE, { 352: 'reference', 384: 'reference' });
  world.kernel.grant(task, server.port, world.task, world.scratch(1));
  world.must('reference_copy', world.scratch(1), BASE + 0x160);
  const request = new Uint8Array(LENGTH + 9);
  const view = new DataView(request.buffer);
  view.setUint32(0, operations.put, true);
  view.setUint32(4, 1, true);
  request[8] = 0x6b;
  for (let i = 9; i < request.length; i += 1) request[i] = (i * 11) & 0xff;
  world.write(BASE + DATA_OFFSET, request);
  view.setUint32(0, operations.get, true);
  world.write(BASE + DATA_OFFSET + 0x3_0000, request.slice(0, 9));
  const tables = new Uint8Array(16);
  new DataView(tables.buffer).setUint32(0, PROGRAM + own.output, true);
  new DataView(tables.buffer).setUint32(8, PROGRAM + 0x180, true);
  world.write(BASE + DATA_OFFSET - 0x100, tables);
  return { world, server };
}

test('a server in TypeScript: a program streams a value to it and back, with a reference', () => {
  const ends = [1_000_000, 1, 7, 333].map((limit) => {
    const { world, server } = keyValueWorld();
    world.finish(limit, 1_000_000);
    const { x, copiedBytes } = world.thread(BASE);
    assert.equal([x[s1], x[s2], x[s3], x[s0]], [4n, 0n, 3n, 4n], 'outcomes, status, pieces');
    assert.is(server.served, 2);
    const value = world.read(BASE + DATA_OFFSET + 0x2_0008, LENGTH);
    assert.ok(value.every((byte, i) => byte === (((i + 9) * 11) & 0xff)));
    world.must('reference_compare', BASE + 0x180, world.reference('output'));
    assert.is(world.task.result(0), 1, 'the reference came back');
    world.kernel.check();
    return `${world.kernel.tick()} ${copiedBytes}`;
  });
  assert.is(new Set(ends).size, 1, 'however it was sliced');
});

test('what a task does is in no image: a restart finds a conversation with it broken off', () => {
  const { world } = keyValueWorld();
  world.evict(BASE + DATA_OFFSET + 4096 * 5);
  let isBefore = true;
  for (let i = 0; i < 10_000 && isBefore; i += 1) {
    world.run(1);
    isBefore = !(Number(world.thread(BASE).x[17]) === entries.ipc_client_send_over_receive.number);
  }
  const thread = world.thread(BASE);
  assert.is(Number(thread.flags) & threadFlags.serverBroken, threadFlags.serverBroken);
  world.must('reference_copy', world.scratch(7), BASE + 0x160);
  world.rebuild();
  world.kernel.check();
  world.run();
  assert.is(world.thread(BASE).x[s1], BigInt(outcomes.sendDisconnected));
});

test('a task cannot be made inside the persistent subtree, whatever way is tried', () => {
  const world = new World();
  world.addProgram(
    1,
    assembled((c) => c.end(GATE)),
  );
  world.run();
  const { task } = world;
  // At a place of the segment.
  assert.throws(
    () => world.kernel.createTask({ memoryPages: 2, place: BASE + 0x200 }),
    /inside the persistent subtree/,
  );
  assert.ok(world.kernel.createTask({ memoryPages: 2, place: task.memoryAddress }));
  // Creating over its objects, or moving them.
  for (const type of ['thread', 'space'] as const) {
    const at = task.memoryAddress + (type === 'thread' ? 0 : 0x20);
    assert.is(world.call(`${type}_create`, at), faults.objectExists);
    const moved = world.call(`${type}_move`, at, BASE + 0x400);
    assert.ok(moved >= 0x100, `${type}_move gives ${moved}`);
    assert.is(world.call(`${type}_peek_state`, BASE + 0x400, 0), faults.noObject);
  }
  // A program's thread in the task's space would see the task's memory.
  world.must('thread_get_state', BASE, world.buffer);
  assert.is(
    world.call('thread_set_state', BASE, world.buffer, world.reference('space')),
    faults.invalidState,
  );
  // No bit of a state makes a thread a task, and nobody's links lead to one.
  world.view.setBigUint64(32, world.view.getBigUint64(32, true) | (1n << 20n), true);
  assert.is(world.call('thread_set_state', BASE, world.buffer), faults.invalidState);
  world.must('thread_reference', task.memoryAddress, world.scratch(2));
  world.must('thread_get_state', BASE, world.buffer);
  assert.is(
    world.call('thread_set_state', BASE, world.buffer, 0, 0, 0, world.scratch(2)),
    faults.invalidState,
  );
  assert.is(
    world.call('thread_set_state', BASE, world.buffer, 0, 0, 0, 0, world.scratch(2)),
    faults.invalidState,
  );
  // A reference to it that a program holds is in no image.
  world.must('reference_copy', world.scratch(2), BASE + own.spaceReference);
  world.must('reference_peek_state', BASE + own.spaceReference, 0, world.scratch(3));
  world.must('reference_check', world.scratch(3));
  assert.is(task.result(0), 1);
  world.kernel.check();
});

test('interrupts of a task are told and taken once; it has no handlers and cannot interrupt itself', () => {
  const world = new World();
  assert.is(world.call('thread_interrupt', world.task.memoryAddress), faults.self);
  const other = world.kernel.createTask({ memoryPages: 2 });
  let told = 0;
  other.whenTold(() => {
    told += 1;
  });
  // The other task offers its memory for mapping, and the world's task looks in.
  const at = other.memoryAddress;
  const otherMust = (name: EntryName, ...args: number[]): void =>
    assert.is(other.call(entries[name].number, ...args), outcomes.success, name);
  otherMust('region_create', at + 0x100);
  otherMust('reference_create', at + 0x120);
  otherMust('space_reference', at + 0x20, at + 0x120);
  states.region.write(other.memoryView, 0x400, {
    ...zeroRecord(states.region),
    startAddress: BigInt(at),
    size: 4096n,
    protection: 7n,
  });
  otherMust('region_set_state', at + 0x100, at + 0x400, at + 0x120);
  world.kernel.grant(other, at + 0x100, world.task, world.scratch(1));
  const window = world.task.memoryAddress + 0xc00;
  world.must('mapping_create', window);
  world.setState('mapping', window, { startAddress: 2 ** 40, size: 4096, protection: 7 }, [
    world.scratch(1),
    world.reference('space'),
  ]);
  world.must('thread_interrupt', 2 ** 40);
  world.must('thread_interrupt', 2 ** 40);
  world.run();
  assert.is(told, 1);
  assert.equal([other.takePending(), other.takePending()], [pendingBits.interrupt, 0]);
  assert.is(other.call(entries.thread_return_from_exception.number), faults.raceCondition);
});

test.run();
