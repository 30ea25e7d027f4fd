/**
 * How waits and conversations end: disconnects, peers and objects that are destroyed, lines taken from the sender.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { outcomes } from '../../src/kernel/abi/codes.ts';
import { Assembler, a0, a2, a4, s1, s2, s3 } from './assembler.ts';
import { CLIENT, PORT, pair, SERVER, SET } from './pair.ts';
import { CODE, DATA, own, PROGRAM, type World } from './world.ts';

const GATE = PROGRAM + own.gate;

/** Ends: what the last call gave is in s1, and a2 and a4 as they were then in s2 and s3. */
function done(code: Assembler): Assembler {
  return code.mv(s1, a0).mv(s2, a2).mv(s3, a4).end(GATE);
}

function ended(world: World, base: number): [number, number, number] {
  const { x } = world.thread(base);
  return [Number(x[s1]), Number(x[s2]), Number(x[s3])];
}

const connect = (length: number, room: number): Assembler =>
  new Assembler().call('ipc_client_connect_send_over_receive', PORT, DATA, length, DATA + 0x8000, room);
const receive = (room: number): Assembler => new Assembler().call('ipc_wait_receive', SET, 0, 0, DATA, room);

test('a server that takes the line discards what the client has left to send', () => {
  const server = receive(10).call('ipc_server_ack_send_wait_receive', SET, DATA + 0x1000, 5, DATA, 0);
  const world = pair(done(connect(1000, 100)), server.end(GATE));
  world.finish();
  assert.equal(ended(world, CLIENT), [outcomes.receiveDisconnected, 0, 95]);
  world.kernel.check();
});

test('a server that disconnects as receiver breaks the message off', () => {
  const world = pair(done(connect(1000, 100)), done(receive(10).call('ipc_server_disconnect')));
  world.finish();
  assert.is(ended(world, CLIENT)[0], outcomes.sendDisconnected);
  assert.is(ended(world, CLIENT)[1], 990, 'the rest is still there');
  assert.is(ended(world, SERVER)[0], outcomes.success);
});

test('a server that disconnects as sender ends the conversation in good order', () => {
  const world = pair(
    done(connect(8, 100)),
    done(receive(10).call('ipc_server_receive').call('ipc_server_disconnect')),
  );
  world.finish();
  // The message was complete at once, so the line was turned and the second receive had nothing to wait for.
  assert.is(ended(world, CLIENT)[0], outcomes.receiveDisconnected);
});

test('a verb without a peer says so', () => {
  const code = new Assembler().call('ipc_client_receive', 0, 0, 0, DATA, 8);
  const world = pair(done(code), done(new Assembler().call('ipc_reply', SET, DATA, 8)));
  world.finish();
  assert.is(ended(world, CLIENT)[0], outcomes.notConnected);
  assert.is(ended(world, SERVER)[0], outcomes.notConnected);
});

test('a null reference is no destination', () => {
  const world = pair(done(connect(8, 8)), receive(8).end(GATE));
  world.must('port_destroy', SERVER + 0x120);
  world.finish();
  assert.is(ended(world, CLIENT)[0], outcomes.invalidDestination);
});

for (const isRebuilt of [false, true]) {
  const how = isRebuilt ? ', also after everything was rebuilt' : '';

  test(`a client whose server is destroyed is told, and a server whose client is${how}`, () => {
    for (const victim of [SERVER, CLIENT]) {
      // The server stops in the middle: it waits at the gate with the client's message half received.
      const server = victim === SERVER ? receive(10).end(GATE) : done(receive(2000));
      const client = victim === SERVER ? done(connect(1000, 100)) : connect(1000, 100);
      const world = pair(client, server);
      if (victim === CLIENT) {
        // The client's second page is never there: it waits at its pager in the middle of the message.
        world.setState('mapping', CLIENT + own.mapping, {
          regionOffset: CLIENT,
          startAddress: PROGRAM,
          size: 0x1_0000,
          protection: 7,
        });
      }
      world.finish();
      if (isRebuilt) world.rebuild();
      world.must('thread_destroy', victim);
      world.finish();
      world.kernel.check();
      const survivor = victim === SERVER ? CLIENT : SERVER;
      const expected = victim === SERVER ? outcomes.sendDisconnected : outcomes.sendDisconnected;
      assert.is(ended(world, survivor)[0], expected, victim === SERVER ? 'client' : 'server');
    }
  });

  test(`an idempotent client whose server is destroyed asks the next one${how}`, () => {
    const client = done(new Assembler().call('ipc_call', PORT, DATA, 8, DATA + 0x100, 8));
    const world = pair(client, receive(8).end(GATE));
    world.finish();
    world.must('thread_destroy', SERVER);
    world.finish();
    world.write(SERVER + 0x1800, receive(8).call('ipc_reply', SET, DATA, 3).end(GATE).bytes());
    if (isRebuilt) world.rebuild();
    world.addThread(SERVER, 0x200, { pc: CODE + 0x800 });
    world.finish();
    assert.equal(ended(world, CLIENT), [outcomes.success, 0, 5]);
    world.kernel.check();
  });

  test(`destroying what a thread waits on ends its call with canceled${how}`, () => {
    const cases = [
      ['mutex', new Assembler().call('mutex_lock', PROGRAM + 0x180)],
      ['cond', new Assembler().call('cond_wait_again', PROGRAM + 0x1a0, PROGRAM + 0x180)],
      ['portset', receive(8)],
      ['port', new Assembler().call('ipc_call', PROGRAM + 0x1e0, DATA, 0, DATA, 0)],
    ] as const;
    const places = { mutex: 0x180, cond: 0x1a0, portset: 0x100, port: 0x1e0 };
    for (const [type, code] of cases) {
      const world = pair(new Assembler().end(GATE), done(code));
      world.make(SERVER, { 384: 'mutex', 416: 'cond', 480: 'port' });
      if (type === 'mutex') {
        world.must('mutex_lock', SERVER + 0x180);
      }
      world.finish();
      // The mutex is owned by the task, which is in no image.
      if (isRebuilt && type !== 'mutex') world.rebuild();
      assert.ok(Number(world.thread(SERVER).ticket) > 0, `it waits for the ${type}`);
      world.must(`${type}_destroy`, SERVER + places[type]);
      world.finish();
      world.kernel.check();
      assert.is(ended(world, SERVER)[0], outcomes.canceled, type);
    }
  });
}

test('a mutex whose owner is destroyed goes to the first that waits', () => {
  const lock = new Assembler().call('mutex_lock', PROGRAM + 0x180);
  const world = pair(new Assembler().end(GATE), lock.end(GATE));
  world.make(SERVER, { 384: 'mutex' });
  world.finish();
  for (const offset of [0x200, 0x220]) world.addThread(SERVER, offset, { pc: CODE });
  world.finish();
  world.must('thread_destroy', SERVER);
  world.must('mutex_peek_state', SERVER + 0x180, world.buffer, world.scratch(0));
  world.must('reference_locate', world.scratch(0), world.region);
  assert.is(world.task.result(0), SERVER + 0x200);
  world.kernel.check();
});

test('a space that is destroyed leaves its threads where they are, and the kernel whole', () => {
  const world = pair(done(connect(1000, 10)), receive(10).end(GATE));
  world.finish();
  world.must('space_destroy', SERVER + own.space);
  world.kernel.check();
  world.finish();
  world.must('thread_destroy', SERVER);
  world.finish();
  assert.is(ended(world, CLIENT)[0], outcomes.sendDisconnected);
  world.kernel.check();
});

test.run();
