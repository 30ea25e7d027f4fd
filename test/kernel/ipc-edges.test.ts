/**
 * The edges of IPC: connections parked and forged, ports at the border and on the move, references and lengths that
 * are odd, buffers that overlap or whose pages are a program's to bring, and ten thousand ports in one set.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { outcomes } from '../../src/kernel/abi/codes.ts';
import { entries } from '../../src/kernel/abi/entries.ts';
import { states, threadFlags } from '../../src/kernel/abi/types.ts';
import { Assembler, a0, a2, a4, a7, s1, s2, s3, s4, t0, t1 } from './assembler.ts';
import { CLIENT, PORT, pair, SERVER, SET } from './pair.ts';
import { assertSame, resultOf } from './rebuild.ts';
import { CODE, DATA, own, PROGRAM, SLAB_SIZE, World } from './world.ts';

const GATE = PROGRAM + own.gate;
const PARKED = PROGRAM + 0x3c0;
const WINDOW = 0x4000_0000;
const data = (base: number): number => base + DATA - PROGRAM;

function register(world: World, base: number, index: number): number {
  return Number(world.thread(base).x[index]);
}

const connect = (length: number): Assembler =>
  new Assembler().call('ipc_client_connect_send', PORT, DATA, length);
const receive = (room: number): Assembler => new Assembler().call('ipc_wait_receive', SET, 0, 0, DATA, room);

test('a conversation that the destroyed one had parked is broken off, also for a peer that is told only later', () => {
  for (const isWaiting of [true, false]) {
    for (const isRebuilt of [true, false]) {
      const client = connect(8);
      if (!isWaiting) client.call('clock_sleep', 1000);
      client.call('ipc_client_send', 0, DATA, 8).mv(s1, a0).call('ipc_client_receive').mv(s2, a0).end(GATE);
      const world = pair(client, receive(8).call('thread_get_client', PARKED).mv(s1, a0).end(GATE));
      world.make(SERVER, { 960: 'reference' });
      world.run();
      if (isWaiting) assert.is(world.thread(CLIENT).ticket > 0n, true, 'it waits for the server');
      world.must('thread_destroy', SERVER);
      if (isRebuilt) world.rebuild();
      world.finish();
      world.kernel.check();
      const told = [s1, s2].map((index) => register(world, CLIENT, index));
      assert.equal(told, [outcomes.sendDisconnected, outcomes.notConnected]);
    }
  }
});

// Found by the model: after a restart the link was null, and the flag that it was to a request stayed for ever.
test('a server whose client was destroyed lets go of it alike, also after a restart', () => {
  const client = new Assembler().call('ipc_call', PORT, DATA, 8, DATA, 8).end(GATE);
  const server = receive(8).call('clock_sleep', 1000).call('ipc_wait_receive', SET, 0, 0, DATA, 8).end(GATE);
  const results = [false, true].map((isRebuilt) => {
    const world = pair(client, server);
    world.run();
    world.must('thread_destroy', CLIENT);
    if (isRebuilt) world.rebuild();
    world.finish();
    return Number(world.thread(SERVER).flags);
  });
  assert.equal(results, [0, 0]);
});

// Found by the model: the call's end advanced the pc of the handler that the destruction had entered.
test('who destroys its own client is alerted behind its call', () => {
  const server = receive(8)
    .call('thread_destroy', PROGRAM + 0x400)
    .mv(s1, a0)
    .li(s2, 7)
    .end(GATE);
  server.label('alert').addi(s3, s3, 5).addi(s4, s4, 1);
  server.li(a7, entries.thread_return_from_exception.number).ecall();
  const world = pair(connect(8).call('ipc_client_send', 0, DATA, 8).end(GATE), server);
  world.must('thread_get_state', SERVER, world.buffer);
  world.must('thread_move', SERVER, SERVER + 0x3e0);
  world.must('thread_get_state', CLIENT, 0);
  world.must('thread_move', CLIENT, SERVER + 0x400);
  const { flags, serverAlertHandler } = states.thread.offset;
  world.view.setBigUint64(flags, BigInt(threadFlags.exceptionsEnabled), true);
  world.view.setBigUint64(serverAlertHandler, BigInt(CODE + server.at('alert')), true);
  world.must('thread_set_state', SERVER + 0x3e0, world.buffer);
  world.must('thread_get_state', SERVER + 0x400, world.buffer);
  world.view.setBigUint64(flags, 0n, true);
  world.must('thread_set_state', SERVER + 0x400, world.buffer);
  world.finish();
  const found = [s1, s2, s3, s4].map((index) => register(world, SERVER + 0x3e0, index));
  assert.equal(found, [outcomes.success, 7, 5, 1]);
});

test('through a parked connection nobody is alerted, and the end that is in place cannot be parked too', () => {
  const client = connect(8).call('clock_sleep', 1000).call('ipc_client_alert').mv(s1, a0);
  client.call('thread_get_server', PARKED).mv(s2, a0).call('ipc_client_disconnect').end(GATE);
  const server = receive(8).call('thread_get_client', PARKED).call('clock_sleep', 2000);
  const world = pair(client, server.call('thread_set_client', PARKED).mv(s1, a0).end(GATE));
  for (const base of [CLIENT, SERVER]) world.make(base, { 960: 'reference' });
  world.finish();
  assert.is(register(world, CLIENT, s1), outcomes.busy);
  assert.is(register(world, CLIENT, s2), outcomes.busy);
  assert.is(register(world, SERVER, s1), outcomes.notConnected, 'the client has gone meanwhile');
  assert.is(world.thread(SERVER).pending, 0n);
});

test('the line taken while the connection was parked is found taken when it is back', () => {
  // The server has the line and parks; the client takes it; the server sends into the void until it turns the line.
  const client = connect(8).call('ipc_client_over_receive', 0, 0, 0, DATA, 0).mv(s1, a0);
  client.call('clock_sleep', 1000).call('ipc_client_ack_send', 0, DATA, 0).mv(s2, a0);
  client.call('ipc_client_send', 0, DATA, 16).mv(s3, a0).end(GATE);
  const server = receive(16)
    .call('ipc_server_send', 0, DATA + 0x100, 8)
    .mv(s4, a0);
  server.call('thread_get_client', PARKED).call('clock_sleep', 2000).call('thread_set_client', PARKED);
  server.call('ipc_server_send', 0, DATA, 8).mv(s1, a0).mv(s2, a2);
  server
    .call('ipc_server_over_receive', 0, 0, 0, DATA + 0x200, 16)
    .mv(s3, a0)
    .end(GATE);
  const world = pair(client, server);
  world.make(SERVER, { 960: 'reference' });
  world.write(
    data(CLIENT),
    Uint8Array.from({ length: 16 }, (_, i) => i + 1),
  );
  world.finish();
  world.kernel.check();
  assert.equal(
    [s1, s2, s3].map((index) => register(world, CLIENT, index)),
    [outcomes.receiveMoreData, 0, 0],
  );
  assert.equal(
    [s1, s2, s3].map((index) => register(world, SERVER, index)),
    [0, 0, outcomes.receiveMoreData],
  );
  assert.equal(world.read(data(SERVER) + 0x200, 16), world.read(data(CLIENT), 16));
});

test('a link of one side alone is no power over its target: no alert, no message, no place taken', () => {
  const forger = new Assembler().call('ipc_client_alert').mv(s1, a0).call('ipc_client_send', 0, DATA, 8);
  const world = pair(forger.mv(s2, a0).end(GATE), receive(8).mv(s1, a0).end(GATE));
  for (const flags of [0, threadFlags.clientSender, threadFlags.clientSender | threadFlags.serverParked]) {
    world.must('thread_create', CLIENT + 0x400);
    world.must('thread_reference', SERVER, world.scratch(0));
    const state = { pc: CODE, priority: 16, flags };
    const refs = [CLIENT + own.spaceReference, 0, 0, 0, world.scratch(0)];
    world.setState('thread', CLIENT + 0x400, state, refs);
    world.finish();
    world.kernel.check();
    const forged = world.thread(CLIENT + 0x400);
    const isParked = (flags & threadFlags.serverParked) !== 0;
    assert.is(Number(forged.x[s1]), isParked ? outcomes.busy : outcomes.notConnected);
    // With the flag it waits for ever, which is its own affair; without, the link is nothing.
    assert.is(Number(forged.x[s2]), isParked ? 0 : outcomes.notConnected);
    assert.is(world.thread(SERVER).pending, 0n);
    assert.is(register(world, SERVER, s1), 0);
    world.must('thread_destroy', CLIENT + 0x400);
  }
});

test('a reference to a thread that has not been parked does not make its holder its server', () => {
  const world = pair(
    new Assembler().end(GATE),
    new Assembler().call('thread_set_client', PARKED).mv(s1, a0).end(GATE),
  );
  world.make(SERVER, { 960: 'reference' });
  world.must('thread_reference', CLIENT, SERVER + 0x3c0);
  // The client links to the server, by its state only, and waits for nothing.
  world.must('thread_reference', SERVER, world.scratch(0));
  world.must('thread_get_state', CLIENT, world.buffer);
  world.must('thread_set_state', CLIENT, world.buffer, 0, 0, 0, 0, world.scratch(0));
  world.finish();
  world.kernel.check();
  assert.is(register(world, SERVER, s1), outcomes.notConnected);
});

test('set_state that takes a link away lets the peer know', () => {
  for (const victim of [CLIENT, SERVER]) {
    const client = connect(8).call('ipc_client_over_receive', 0, 0, 0, DATA, 8).mv(s1, a0).end(GATE);
    const server = receive(8).call('clock_sleep', 1000).call('ipc_server_receive').call('ipc_server_receive');
    const isClient = victim === CLIENT;
    const world = pair(
      client,
      isClient
        ? receive(16)
            .call('ipc_server_ack_send', 0, DATA, 0)
            .call('ipc_server_over_receive', 0, 0, 0, DATA, 8)
            .mv(s1, a0)
            .end(GATE)
        : server.end(GATE),
    );
    world.run();
    world.must('thread_get_state', victim, world.buffer);
    const flagsAt = states.thread.offset.flags;
    world.view.setUint32(flagsAt, world.view.getUint32(flagsAt, true) & ~threadFlags.stopped, true);
    const none = world.scratch(6);
    const refs = isClient ? [0, 0, 0, 0, none] : [0, 0, 0, none, 0];
    world.must('thread_set_state', victim, world.buffer, ...refs);
    world.finish();
    world.kernel.check();
    const survivor = isClient ? SERVER : CLIENT;
    assert.ok(
      [outcomes.sendDisconnected, outcomes.receiveDisconnected].includes(
        register(world, survivor, s1) as never,
      ),
    );
  }
});

/** Sets the state of a thread as it was taken out, going on, with these links. */
function restart(world: World, thread: number, state: Uint8Array, refs: readonly number[]): void {
  world.bytes.set(state);
  const flagsAt = states.thread.offset.flags;
  world.view.setUint32(flagsAt, world.view.getUint32(flagsAt, true) & ~threadFlags.stopped, true);
  world.must('thread_set_state', thread, world.buffer, ...refs);
}

function stopped(world: World, thread: number, waitingFor: number): Uint8Array {
  world.must('thread_get_state', thread, world.buffer, 0, 0, waitingFor, 0, 0);
  return world.bytes.slice(0, states.thread.size);
}

test('a client that is stopped while its server answers, or lets go of it, asks again; else it is answered', () => {
  for (const isLinkSet of [false, true]) {
    for (const isRebuilt of [false, true]) {
      for (const order of [
        'answered while stopped',
        'let go while both are stopped',
        'answered afterwards',
      ]) {
        const client = new Assembler()
          .li(s1, 99)
          .call('ipc_call', PORT, DATA, 8, DATA + 0x100, 8)
          .mv(s1, a0);
        const server = receive(8).call('clock_sleep', 1000);
        server.call('ipc_reply_wait_receive', SET, DATA, 8, DATA, 8).li(s3, 1).call('ipc_reply', 0, DATA, 8);
        const world = pair(client.end(GATE), server.end(GATE));
        const [none, waitingFor] = [world.scratch(6), world.scratch(1)];
        world.run();
        const state = stopped(world, CLIENT, waitingFor);
        const again = (): void => restart(world, CLIENT, state, [0, 0, isLinkSet ? waitingFor : 0, 0, 0]);
        if (order === 'answered while stopped') {
          world.finish();
          again();
        } else if (order === 'answered afterwards') again();
        else {
          const serverState = stopped(world, SERVER, none);
          again();
          restart(world, SERVER, serverState, [0, 0, 0, world.scratch(7), 0]);
        }
        if (isRebuilt) world.rebuild();
        world.finish();
        world.kernel.check();
        const say = `${order}, ${isLinkSet}, ${isRebuilt}`;
        assert.is(register(world, CLIENT, s1), 0, say);
        assert.is(register(world, SERVER, s3), order === 'answered afterwards' ? 0 : 1, say);
      }
    }
  }
});

test('a server whose words are set, and that knows no more of its idempotent client, lets it ask again', () => {
  for (const isRebuilt of [false, true]) {
    const client = new Assembler().call('ipc_call', PORT, DATA, 8, DATA + 0x100, 8).mv(s1, a0);
    const server = receive(8).call('clock_sleep', 1000);
    server.call('ipc_reply_wait_receive', SET, DATA, 8, DATA, 8).li(s3, 1).call('ipc_reply', 0, DATA, 8);
    const world = pair(client.li(s2, 7).end(GATE), server.end(GATE));
    world.run();
    const state = stopped(world, SERVER, world.scratch(6));
    new DataView(state.buffer).setBigUint64(states.thread.offset.flags, 0n, true);
    restart(world, SERVER, state, [0, 0, 0, 0, 0]);
    if (isRebuilt) world.rebuild();
    world.kernel.check();
    world.finish();
    // The answer goes nowhere; the request has come again, and that is answered.
    assert.equal(
      [register(world, CLIENT, s1), register(world, CLIENT, s2), register(world, SERVER, s3)],
      [0, 7, 1],
    );
  }
});

test('a client whose request is parked, and that is stopped meanwhile, is answered when it is taken up again', () => {
  const client = new Assembler()
    .li(s1, 99)
    .call('ipc_call', PORT, DATA, 8, DATA + 0x100, 8)
    .mv(s1, a0);
  const server = receive(8).call('thread_get_client', PARKED).call('clock_sleep', 1000);
  server.call('thread_set_client', PARKED).mv(s1, a0).call('ipc_reply', 0, DATA, 8).mv(s2, a0);
  for (const isLinkSet of [false, true]) {
    for (const isRebuilt of [false, true]) {
      const world = pair(client.end(GATE), server.end(GATE));
      world.make(SERVER, { 960: 'reference' });
      world.run();
      const waitingFor = world.scratch(1);
      const state = stopped(world, CLIENT, waitingFor);
      restart(world, CLIENT, state, [0, 0, isLinkSet ? waitingFor : 0, 0, 0]);
      if (isRebuilt) world.rebuild();
      world.finish();
      world.kernel.check();
      assert.is(register(world, CLIENT, s1), 0);
      assert.equal([register(world, SERVER, s1), register(world, SERVER, s2)], [0, 0]);
      assert.is(Number(world.thread(CLIENT).flags) & threadFlags.serverIdempotent, 0);
    }
  }
});

test('an empty message from an address that no number can be leaves the address as it was', () => {
  const client = new Assembler().call('ipc_send', PORT, -4096, 0).mv(s1, a0).mv(s2, 11).mv(s3, a2).end(GATE);
  const world = pair(client, new Assembler().end(GATE));
  world.finish();
  const { x } = world.thread(CLIENT);
  assert.equal([x[s1], x[s2], x[s3]], [0n, 2n ** 64n - 4096n, 0n]);
});

test('a border port takes no reliable connection, open or closed, also after a restart; one that waits is refused', () => {
  const connects = (): Assembler => {
    const code = new Assembler().call('ipc_client_connect_send', GATE, DATA, 8).mv(s1, a0);
    code.call('ipc_client_connect_send_over_receive', GATE, DATA, 8, DATA, 8).mv(s2, a0);
    return code
      .label('stop')
      .call('mutex_lock', PROGRAM + 0x100)
      .j('stop');
  };
  for (const isOpen of [true, false]) {
    for (const isRebuilt of [true, false]) {
      const world = new World();
      const open = (): void => {
        world.task.serve(world.gateSet, { receive: () => ({ bytes: new Uint8Array(0) }) });
        if (!isOpen) world.task.stopServing(world.gateSet);
      };
      open();
      world.addProgram(1, connects());
      world.make(CLIENT, { 256: 'mutex' });
      if (isRebuilt) {
        world.rebuild();
        open();
      }
      world.finish();
      assert.equal(
        [s1, s2].map((index) => register(world, CLIENT, index)),
        [5, 5],
      );
    }
  }
  // A program's port that a task begins to serve, with a client in its queue.
  const world = new World();
  world.addProgram(1, connects());
  world.make(CLIENT, { 256: 'mutex' });
  world.finish();
  world.task.serve(world.gateSet, { receive: () => ({ bytes: new Uint8Array(0) }) });
  world.finish();
  world.kernel.check();
  assert.equal(
    [s1, s2].map((index) => register(world, CLIENT, index)),
    [5, 5],
  );
});

test('a port with clients that is moved into a set a task serves has them answered, and back out again', () => {
  const caller = new Assembler().call('ipc_call', PORT, DATA, 8, DATA, 8).mv(s1, a0).end(GATE);
  const world = pair(caller, new Assembler().end(GATE));
  world.optOut('ipc-edges: moved');
  world.addThread(CLIENT, 0x300, { pc: CODE });
  world.finish();
  let asked = 0;
  world.task.serve(world.gateSet, {
    receive: () => {
      asked += 1;
      return asked === 2 ? 'retry' : { bytes: new Uint8Array([asked]) };
    },
  });
  world.must('portset_reference', world.gateSet, world.scratch(0));
  world.must('port_set_state', SERVER + 0x120, 0, world.scratch(0));
  world.kernel.check();
  world.finish();
  assert.is(asked >= 3, true, 'the second was asked again');
  world.must('port_set_state', SERVER + 0x120, 0, SERVER + 0x140);
  world.kernel.check();
});

test('references beyond the places there are come with the next receive; nothing is lost, nothing is invented', () => {
  // Three references and eight bytes, received in a table of one place, then one of none, then one of four.
  const client = new Assembler()
    .li(t0, 3)
    .li(a0, PORT)
    .li(11, DATA)
    .li(12, 8)
    .li(15, DATA + 0x100)
    .li(17, 0x688)
    .ecall();
  const server = new Assembler().li(s1, DATA + 0x200);
  const take = (verb: number, places: number, table: number): void => {
    server.li(a0, SET).li(13, DATA).li(a4, 64).li(16, table).li(t0, 0).li(t1, places).li(17, verb).ecall();
    server.sd(a0, s1, 0).sd(t1, s1, 8).sd(16, s1, 16).addi(s1, s1, 24);
  };
  take(0x684, 1, DATA + 0x100);
  take(0x69f, 0, 1);
  take(0x69f, 4, DATA + 0x108);
  const world = pair(client.mv(s1, a0).mv(s2, t0).call('ipc_client_disconnect').end(GATE), server.end(GATE));
  const table = (base: number, addresses: readonly number[]): void => {
    const bytes = new DataView(new ArrayBuffer(8 * addresses.length));
    for (const [i, address] of addresses.entries()) bytes.setBigUint64(8 * i, BigInt(address), true);
    world.write(data(base) + 0x100, new Uint8Array(bytes.buffer));
  };
  // The second is no reference; the places are two references, nothing, and one more.
  table(CLIENT, [PORT, PROGRAM, PROGRAM + own.output]);
  world.make(SERVER, { 960: 'reference', 992: 'reference', 1024: 'reference' });
  table(SERVER, [PROGRAM + 0x3c0, PROGRAM + 0x3e0, 12345, PROGRAM + 0x400]);
  world.must('reference_copy', SERVER + 0x140, SERVER + 0x3e0);
  world.finish();
  const log = world.words(data(SERVER) + 0x200, 9);
  const more = outcomes.receiveMoreReferences;
  assert.equal(log.slice(0, 6), [more, 0, DATA + 0x108, more, 0, 1]);
  assert.equal(log.slice(6), [outcomes.receiveDisconnected, 2, DATA + 0x118]);
  assert.equal(
    [s1, s2].map((index) => register(world, CLIENT, index)),
    [0, 0],
  );
  world.must('reference_compare', SERVER + 0x3c0, SERVER + 0x160);
  assert.is(world.task.result(0), 1, 'the first came');
  world.must('reference_check', SERVER + 0x3e0);
  assert.is(world.task.result(0), 1, 'what is no reference comes as null');
  world.must('reference_check', SERVER + 0x400);
  assert.is(world.task.result(0), 1, 'the third met a place that is none, and is passed over');
});

test('both ends in one space, buffers that overlap: what is received is what was there', () => {
  for (const [from, to] of [
    [0, 0],
    [0, 100],
    [100, 0],
    [0, 4096],
    [3000, 0],
  ] as const) {
    const length = 20_000;
    const code = new Assembler()
      .call('ipc_client_connect_send', PORT, DATA + from, length)
      .mv(s1, a0)
      .end(GATE);
    const world = pair(new Assembler().end(GATE), code);
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 11 + (i >> 8)) & 0xff);
    world.write(data(SERVER) + from, bytes);
    const server = new Assembler()
      .call('ipc_wait_receive', SET, 0, 0, DATA + to, length)
      .mv(s1, a0)
      .end(GATE);
    world.write(SERVER + 0x4000, server.bytes());
    world.addThread(SERVER, 0x300, { pc: PROGRAM + 0x4000 });
    world.finish();
    assert.is(register(world, SERVER, s1), 0);
    assert.is(register(world, SERVER + 0x300, s1), outcomes.receiveMoreData);
    // Pieces of a page are copied in order: what overlaps forwards by less than what is sent repeats itself.
    if (to <= from) assert.equal(world.read(data(SERVER) + to, length), bytes, `${from} to ${to}`);
    world.kernel.check();
  }
});

test('a thread that connects to the port it serves itself waits for another server', () => {
  const code = new Assembler().call('ipc_client_connect_send', PORT, DATA, 8).mv(s1, a0).end(GATE);
  code.label('ecall').ecall();
  const world = pair(new Assembler().end(GATE), code);
  world.finish();
  assert.is(world.thread(SERVER).ticket > 0n, true);
  world.write(SERVER + 0x4000, receive(8).mv(s1, a0).end(GATE).bytes());
  world.addThread(SERVER, 0x300, { pc: PROGRAM + 0x4000 });
  world.finish();
  assert.is(register(world, SERVER, s1), 0);
  // Links that make a thread its own peer come from set_state only; they lead nowhere and harm nobody.
  world.must('thread_get_state', SERVER, world.buffer);
  world.must('thread_reference', SERVER, world.scratch(0));
  const offset = states.thread.offset;
  const record = world.bytes.slice(0, states.thread.size);
  const view = new DataView(record.buffer);
  view.setUint32(offset.flags, threadFlags.clientSender, true);
  view.setBigUint64(offset.pc, BigInt(CODE + code.at('ecall')), true);
  for (const verb of [0x68a, 0x68c, 0x68e, 0x68f, 0x690, 0x69a, 0x69c, 0x69f, 0x6a1, 0x69d]) {
    view.setBigUint64(offset.x + 8 * 17, BigInt(verb), true);
    world.must('thread_reference', SERVER, world.scratch(0));
    world.must('thread_get_state', SERVER, world.buffer);
    world.bytes.set(record);
    world.must('thread_set_state', SERVER, world.buffer, 0, 0, 0, world.scratch(0), world.scratch(0));
    world.finish();
    world.kernel.check();
    const before = resultOf(world);
    world.rebuild();
    world.kernel.check();
    world.finish();
    assertSame(resultOf(world), before, 'it waits for itself as before');
  }
  world.must('thread_destroy', SERVER);
  world.finish();
  world.kernel.check();
});

test('a long message streams while the pages of either side are brought by a program', () => {
  for (const kept of [CLIENT, SERVER]) {
    const length = 90_000;
    const buffer = (base: number): number => (base === kept ? WINDOW + 8 : DATA + 8);
    const client = new Assembler().call('ipc_client_connect_send', PORT, buffer(CLIENT), length).mv(s1, a0);
    const server = new Assembler().call('ipc_wait_receive', SET, 0, 0, buffer(SERVER), length).mv(s1, a0);
    const world = pair(client.end(GATE), server.end(GATE));
    // The pager maps one page more of its memory into the window for each fault: the region grows.
    const pager = new Assembler().li(s1, 0).call('ipc_wait_receive', SET, 0, 0, DATA, 40).label('got');
    const at = states.region.offset;
    pager
      .addi(s1, s1, 1)
      .li(t0, DATA + 0x1000)
      .ld(t1, t0, at.size)
      .li(s2, 0x1000)
      .add(t1, t1, s2)
      .sd(t1, t0, at.size);
    pager.call('region_set_state', PROGRAM + 0x200, DATA + 0x1000, 0, 0);
    pager.call('ipc_reply_wait_receive', SET, DATA, 0, DATA, 40).j('got');
    const base = world.addProgram(3, pager, { priority: 22 });
    world.make(base, {
      256: 'portset',
      288: 'port',
      320: 'reference',
      352: 'reference',
      512: 'region',
      544: 'reference',
    });
    world.must('portset_reference', base + 0x100, base + 0x140);
    world.setState('port', base + 0x120, { alias: 3 }, [base + 0x140]);
    world.must('port_reference', base + 0x120, base + 0x160);
    const region = { startAddress: DATA + 0x1_0000, size: 0, protection: 7 };
    world.write(
      data(base) + 0x1000,
      world.task.memory
        .slice(world.fillState('region', region) - world.task.memoryAddress)
        .subarray(0, states.region.size),
    );
    world.setState('region', base + 0x200, region, [base + own.spaceReference, base + 0x160]);
    world.must('region_reference', base + 0x200, base + 0x220);
    world.make(kept, { 576: 'mapping' });
    const window = { startAddress: WINDOW, size: 0x2_0000, protection: 3 };
    world.setState('mapping', kept + 0x240, window, [base + 0x220, kept + own.spaceReference]);
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 5 + (i >> 9)) & 0xff);
    const place = (of: number): number => (of === kept ? data(base) + 0x1_0008 : data(of) + 8);
    world.write(place(CLIENT), bytes);
    world.finish();
    world.kernel.check();
    assert.equal([register(world, CLIENT, s1), register(world, SERVER, s1)], [0, outcomes.receiveMoreData]);
    assert.equal(world.read(place(SERVER), length), bytes);
    assert.is(register(world, base, s1), Math.ceil((length + 8) / 4096), 'each page was asked for once');
  }
});

for (const [count, isRebuilt] of [
  [10_000, false],
  [100, true],
] as const) {
  const how = isRebuilt ? ', also after a restart' : '';
  test(`${count} ports in one set: the first client is served first, wherever it waits${how}`, () => {
    const world = new World();
    if (count > 1000) world.optOut('ipc-edges: crowd');
    world.make(2 * SLAB_SIZE, { 256: 'portset', 320: 'reference' });
    world.must('portset_reference', 2 * SLAB_SIZE + 0x100, 2 * SLAB_SIZE + 0x140);
    const ports = 3 * SLAB_SIZE;
    for (let i = 0; i < count; i += 1) {
      world.must('port_create', ports + 0x40 * i);
      world.setState('port', ports + 0x40 * i, { alias: i }, [2 * SLAB_SIZE + 0x140]);
    }
    // Clients at 60 of them, in another order than the ports.
    world.addProgram(1, new Assembler().call('ipc_call', PORT, DATA, 0, DATA, 8).end(GATE));
    const order: { port: number; priority: number }[] = [];
    for (let i = 0; i < 60; i += 1) {
      const port = (i * 7919) % count;
      // Who has the higher priority comes to its port first.
      const priority = 1 + ((i * 5) % 30);
      order.push({ port, priority });
      const base = CLIENT + 0x2000 + 0x40 * i;
      world.must('thread_create', base);
      world.must('reference_create', base + 0x20);
      world.must('port_reference', ports + 0x40 * port, base + 0x20);
      world.startThread(base, CLIENT + own.spaceReference, {
        pc: CODE + new Assembler().li(a0, PORT).bytes().length,
        x10: PROGRAM + 0x2000 + 0x40 * i + 0x20,
        priority,
      });
    }
    world.finish();
    if (isRebuilt) world.rebuild();
    world.kernel.check();
    const server = new Assembler()
      .li(s1, DATA)
      .call('ipc_wait_receive', PROGRAM + 0x100, 0, 0, DATA + 0x1000, 0);
    server.label('got').sd(12, s1).addi(s1, s1, 8);
    server.call('ipc_reply_wait_receive', PROGRAM + 0x100, DATA, 0, DATA + 0x1000, 0).j('got');
    world.addProgram(2, server);
    world.finish();
    world.kernel.check();
    order.sort((a, b) => b.priority - a.priority);
    assert.equal(
      world.words(data(2 * SLAB_SIZE), order.length),
      order.map(({ port }) => port),
    );
  });
}

test.run();
