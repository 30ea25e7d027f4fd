/**
 * User tasks as servers: open and closed ports, answers put off, clients that are never answered, closed keepers.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { outcomes } from '../../src/kernel/abi/codes.ts';
import { threadFlags } from '../../src/kernel/abi/types.ts';
import type { Processor } from '../../src/userland/task/task.ts';
import { Assembler, a0, a4, s0, s1, s2, s3, t2, zero } from './assembler.ts';
import { CODE, DATA, own, PROGRAM, SLAB_SIZE, World } from './world.ts';

const BASE = SLAB_SIZE;
const GATE = PROGRAM + own.gate;

/** A program whose threads each send their number (s0) to the gate and keep the answer in s1, the room left in s2. */
function gateClients(world: World, numbers: readonly number[]): number[] {
  const code = new Assembler().li(t2, DATA).add(t2, t2, s3).sd(s0, t2).mv(11, t2).addi(13, t2, 8);
  code.li(a0, GATE).li(12, 8).li(a4, 16).invoke('ipc_call').mv(s2, a4).ld(s1, 13, -8).mv(s0, a0);
  code
    .label('stop')
    .call('mutex_lock', PROGRAM + 0x100)
    .j('stop');
  world.addProgram(1, code, { x8: numbers[0] ?? 0, priority: 10 });
  world.make(BASE, { 256: 'mutex' });
  const threads = [BASE];
  numbers.slice(1).forEach((number, i) => {
    const thread = world.addThread(BASE, 0x200 + 0x20 * i, { pc: CODE, x8: number, x19: 0x100 * (i + 1) });
    threads.push(thread);
  });
  return threads;
}

function answerOf(value: number): { bytes: Uint8Array } {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return { bytes };
}

function numberIn(request: { bytes: Uint8Array }): number {
  return new DataView(request.bytes.buffer, request.bytes.byteOffset).getUint32(0, true);
}

test("the kernel's processor has the shape that userland declares", () => {
  const world = new World();
  const processor: Processor = world.task;
  assert.is(processor.memoryAddress, 2 ** 44);
  assert.is(processor.memory.length, 16 * 4096);
});

test('an open port answers inside the call: the client never waits', () => {
  const world = new World();
  const seen: number[] = [];
  world.task.serve(world.gateSet, {
    receive(request) {
      seen.push(numberIn(request));
      return answerOf(numberIn(request) * 2);
    },
  });
  gateClients(world, [21]);
  world.finish();
  const x = world.thread(BASE).x;
  assert.equal([seen, x[s0], x[s2]], [[21], 0n, 8n]);
});

test('a closed port queues its clients; opened, it receives them in ticket order', () => {
  const world = new World();
  const threads = gateClients(world, [5, 6, 7]);
  assert.is(world.run(), 'idle');
  const tickets = threads.map((thread) => Number(world.thread(thread).ticket));
  // The default priority of the test's extra threads is higher, so they came first.
  assert.equal(tickets, [3, 1, 2]);
  const before = world.kernel.tick();
  const seen: number[] = [];
  world.task.serve(world.gateSet, {
    receive(request) {
      seen.push(numberIn(request));
      return answerOf(numberIn(request) + 100);
    },
  });
  assert.equal(seen, [6, 7, 5]);
  assert.is(world.kernel.tick(), before, 'serving takes no guest time');
  world.kernel.check();
  world.finish();
  assert.equal(world.word(BASE + 0x1_0008), 105);
});

test('a rebuilt queue at a closed port has the same order', () => {
  for (const isRebuilt of [false, true]) {
    const world = new World();
    gateClients(world, [5, 6, 7, 8]);
    world.run();
    if (isRebuilt) world.rebuild();
    const seen: number[] = [];
    world.task.serve(world.gateSet, {
      receive(request) {
        seen.push(numberIn(request));
        return answerOf(0);
      },
    });
    assert.equal(seen, [6, 7, 8, 5], isRebuilt ? 'rebuilt' : 'undisturbed');
  }
});

test("'retry' undoes the call: the same call comes again and nothing else has changed", () => {
  const world = new World();
  let asked = 0;
  world.task.serve(world.gateSet, {
    receive(request) {
      asked += 1;
      return asked < 3 ? 'retry' : answerOf(numberIn(request));
    },
  });
  gateClients(world, [9]);
  assert.is(world.run(), 'service');
  const before = world.save();
  assert.is(world.run(), 'service');
  assert.equal(world.save().record, before.record);
  assert.equal(world.save().objects, before.objects);
  world.finish();
  assert.is(asked, 3);
});

test('a queued client whose answer is put off keeps guests from running until it is given', () => {
  const world = new World();
  gateClients(world, [1, 2]);
  world.run();
  let isReady = false;
  world.task.serve(world.gateSet, { receive: () => (isReady ? answerOf(4) : 'retry') });
  const before = world.kernel.tick();
  assert.is(world.run(), 'service');
  assert.is(world.kernel.tick(), before);
  isReady = true;
  world.finish();
  assert.is(world.thread(BASE).x[s0], 0n);
});

test("'never' leaves the client stopped, also after it is rebuilt", () => {
  const world = new World();
  let asked = 0;
  const service = {
    receive() {
      asked += 1;
      return 'never' as const;
    },
  };
  world.task.serve(world.gateSet, service);
  gateClients(world, [1]);
  assert.is(world.run(), 'idle');
  world.rebuild();
  world.task.serve(world.gateSet, service);
  assert.is(world.run(), 'idle');
  assert.is(asked, 1);
  assert.is(Number(world.thread(BASE).flags) & threadFlags.stopped, threadFlags.stopped);
});

test('a service may destroy its client, and the kernel goes on', () => {
  const world = new World();
  world.task.serve(world.gateSet, {
    receive(request) {
      if (numberIn(request) === 2) world.must('thread_destroy', BASE + 0x200);
      return answerOf(0);
    },
  });
  gateClients(world, [1, 2, 3]);
  world.finish();
  world.kernel.check();
  assert.is(world.call('thread_peek_state', BASE + 0x200, 0), 0x102);
  assert.is(world.thread(BASE).x[s0], 0n);
});

test('a page with the buffer of a call under way cannot be evicted', () => {
  const world = new World();
  world.optOut('tasks: pinned');
  const tried: number[] = [];
  world.task.serve(world.gateSet, {
    receive(request) {
      world.collect();
      tried.push(world.call('region_evict', world.region, BASE + 0x1_0000));
      return answerOf(numberIn(request));
    },
  });
  gateClients(world, [33]);
  world.finish();
  assert.equal(tried, [outcomes.busy]);
  world.collect();
  assert.is(world.call('region_evict', world.region, BASE + 0x1_0000), outcomes.success);
});

test('a fault whose keeper is closed waits there, and is answered when it opens', () => {
  const world = new World();
  gateClients(world, [1]);
  world.task.stopServing(world.portset);
  assert.is(world.run(), 'idle');
  const state = world.thread(BASE);
  assert.is(Number(state.flags), threadFlags.faulting);
  assert.is(Number(state.faultCode), 0x20f, 'its store to the data page');
  world.kernel.check();
  world.rebuild();
  world.kernel.check();
  world.finish();
  assert.is(Number(world.thread(BASE).flags), 0);
});

test("a programming error is told to the space's keeper, pc at the call; its answer decides", () => {
  const told: number[][] = [];
  for (const isRetried of [false, true]) {
    const world = new World({
      onFault(request) {
        const view = new DataView(request.bytes.buffer, request.bytes.byteOffset);
        told.push([Number(view.getBigUint64(0, true)), Number(view.getBigUint64(24, true)) - CODE]);
        if (isRetried) world.must('mutex_create', BASE + 0x100);
        return isRetried ? answerOf(1) : { bytes: new Uint8Array(0) };
      },
    });
    const code = new Assembler()
      .li(s1, 1)
      .call('mutex_lock', PROGRAM + 0x100)
      .mv(s1, zero)
      .end(GATE);
    world.addProgram(1, code);
    world.finish();
    world.kernel.check();
    assert.is(Number(world.thread(BASE).x[s1]), isRetried ? 0 : 1);
    assert.is(Number(world.thread(BASE).flags), isRetried ? 0 : threadFlags.faulting);
  }
  assert.equal(told, [
    [0x102, 28],
    [0x102, 28],
  ]);
});

test('tasks are made by the entry point only: no entry of the table makes one, none can be stopped or destroyed', () => {
  const world = new World();
  const own = world.task.memoryAddress;
  assert.is(world.call('thread_destroy', own), 0x10b);
  assert.is(world.call('space_destroy', own + 0x20), 0x109);
  assert.is(world.call('thread_set_state', own, 0), 0x10b);
  assert.is(world.call('thread_get_state', own, 0), 0x10b);
  assert.is(world.call('thread_peek_state', own, 0), 0);
});

test('a reliable connection to a port of a task is refused', () => {
  const world = new World();
  world.task.serve(world.gateSet, { receive: () => answerOf(1) });
  const code = new Assembler()
    .call('ipc_client_connect_send_over_receive', GATE, DATA, 8, DATA, 8)
    .mv(s1, a0);
  code
    .label('stop')
    .call('mutex_lock', PROGRAM + 0x100)
    .j('stop');
  world.addProgram(1, code);
  world.make(BASE, { 256: 'mutex' });
  world.finish();
  assert.is(Number(world.thread(BASE).x[s1]), outcomes.invalidDestination);
});

test.run();
