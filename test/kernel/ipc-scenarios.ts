/**
 * Scenarios of IPC: lines that turn both ways, parked connections, entries of a server, ports that move. Part of
 * `scenarios.ts`, and run in all its modes. Tests only.
 */
import * as assert from 'uvu/assert';
import { outcomes } from '../../src/kernel/abi/codes.ts';
import type { EntryName } from '../../src/kernel/abi/entries.ts';
import { flavours } from '../../src/kernel/abi/entry.ts';
import { Assembler, a0, a1, a2, a5, s0, s1, s2, s3, s4, sp, t0, t1, t2, zero } from './assembler.ts';
import { assertSpoken, worldOf } from './conversation.ts';
import { Conversation, type Op, type Verb } from './conversation-model.ts';
import type { Scenario } from './scenarios.ts';
import { CODE, DATA, own, PROGRAM, SLAB_SIZE, type World } from './world.ts';

const GATE = PROGRAM + own.gate;
const CLIENTS = SLAB_SIZE;
const SERVERS = 2 * SLAB_SIZE;
const SET = PROGRAM + 0x100;
const PORT = PROGRAM + 0x160;
/** A reference in which a link is parked, and a second port and set. */
const PARKED = PROGRAM + 0x3c0;
const OTHER_SET = PROGRAM + 0x1a0;
const OTHER_PORT = PROGRAM + 0x200;
const LOG = DATA + 0x1000;

function op(verb: Verb, bytes = 0, room = 0, references = 0, places = 0): Op {
  return { verb, bytes, room, references, places };
}

const turning = {
  client: [
    op('connect_send', 100, 0, 2),
    op('send', 5000),
    op('send_over_receive', 70_000, 9000, 1),
    op('receive', 0, 60, 0, 2),
    op('send', 7),
    op('alert'),
    op('over_receive', 0, 100),
    op('ack_send_over_receive', 60, 4096),
    op('receive', 0, 8),
  ],
  server: [
    op('wait_receive', 0, 4096, 0, 1),
    op('receive', 0, 60_000, 0, 4),
    op('receive', 0, 60_000),
    op('send', 9000, 0, 3),
    op('alert'),
    op('send_over_receive', 60, 100),
    op('send', 4095),
    op('receive', 0, 100),
    op('ack_send_wait_receive', 4096, 0, 0, 1),
  ],
};

/** The conversation of these scripts, as the model speaks it. */
function spoken(): Conversation {
  const conversation = new Conversation((party) => turning[party.role][party.ops.length] ?? null);
  conversation.run();
  return conversation;
}

const turns: Scenario = {
  name: 'a conversation turns its line both ways, with alerts, references and lines that are taken',
  build(world) {
    worldOf(spoken(), world);
  },
  check(world) {
    const conversation = spoken();
    assert.is(conversation.client.done.length, turning.client.length, 'the client comes to its end');
    assertSpoken(world, conversation);
  },
};

/** A port set, a port in it and a reference to it at these addresses of the servers' slab; the clients may name it. */
function makePort(world: World, set: number, port: number, alias: number): void {
  const at = (address: number): number => SERVERS + address - PROGRAM;
  world.must('portset_create', at(set));
  world.must('port_create', at(port) + 0x20);
  for (const base of [SERVERS, CLIENTS]) world.must('reference_create', base + port - PROGRAM);
  world.must('portset_reference', at(set), world.scratch(1));
  world.setState('port', at(port) + 0x20, { alias }, [world.scratch(1)]);
  world.must('port_reference', at(port) + 0x20, at(port));
  world.must('reference_copy', at(port), CLIENTS + port - PROGRAM);
}

/** Code that first goes round a few times, so that the translator takes it up. */
function warm(): Assembler {
  return new Assembler().li(s1, 30).label('warm').addi(s1, s1, -1).bne(s1, zero, 'warm').li(s1, LOG);
}

/** Notes a0 of the last call in the log that s1 points to. */
function noted(code: Assembler): Assembler {
  return code.sd(a0, s1).addi(s1, s1, 8);
}

function says(code: Assembler, name: EntryName, ...args: readonly number[]): Assembler {
  return noted(code.call(name, ...args));
}

/** The outcomes that a thread noted. */
function notes(world: World, base: number, count: number, log = LOG): number[] {
  return world.words(base + log - PROGRAM, count);
}

/** Two clients whose requests lie at DATA + 0x100 * id and are answered there + 0x80; a0 is noted at + 0xc0. */
function addClients(world: World, verb: EntryName): void {
  const code = new Assembler().mv(a1, s2).addi(13, s2, 0x80).li(a0, PORT).li(a2, 8).li(14, 32);
  code.invoke(verb).sd(a0, s2, 0xc0).end(GATE);
  world.addProgram(1, code, { x18: DATA + 0x100 });
  world.addThread(CLIENTS, 0x300, { pc: CODE, x18: DATA + 0x200 });
  for (const id of [1, 2]) {
    world.write(CLIENTS + DATA - PROGRAM + 0x100 * id, new Uint8Array([id, 2, 3, 4, 5, 6, 7, 8 * id]));
  }
}

function assertAnswered(world: World, outcome: number): void {
  for (const id of [1, 2]) {
    const at = CLIENTS + DATA - PROGRAM + 0x100 * id;
    assert.is(world.word(at + 0x80), world.word(at), `client ${id} has its answer`);
    assert.is(world.word(at + 0xc0), outcome, `client ${id} was told`);
  }
}

const multiplexed: Scenario = {
  name: 'a server parks one conversation to hold another, and takes it up again',
  build(world) {
    const code = warm();
    says(code, 'ipc_wait_receive', SET, 0, 0, DATA, 32);
    says(code, 'thread_get_client', PARKED);
    says(code, 'ipc_server_send', 0, DATA, 8);
    says(code, 'ipc_wait_receive', SET, 0, 0, DATA + 0x40, 32);
    says(code, 'ipc_server_send', 0, DATA + 0x40, 8);
    says(code, 'ipc_server_disconnect');
    says(code, 'thread_set_client', PARKED);
    says(code, 'ipc_server_alert');
    says(code, 'ipc_server_send', 0, DATA, 8);
    says(code, 'ipc_server_disconnect');
    says(code, 'thread_set_client', PARKED).end(GATE);
    world.addProgram(2, code, { priority: 20 });
    world.make(SERVERS, { 960: 'reference' });
    addClients(world, 'ipc_client_connect_send_over_receive');
    makePort(world, SET, PORT, 1);
  },
  check(world) {
    const gone = outcomes.notConnected;
    assert.equal(notes(world, SERVERS, 11), [0, 0, gone, 0, 0, 0, 0, 0, 0, 0, gone]);
    assertAnswered(world, outcomes.receiveDisconnected);
  },
};

const putOff: Scenario = {
  name: 'a server puts the answer to an idempotent call off until it has answered another',
  build(world) {
    const code = warm();
    says(code, 'ipc_wait_receive', SET, 0, 0, DATA, 32);
    says(code, 'thread_get_client', PARKED);
    says(code, 'ipc_reply', SET, DATA, 8);
    says(code, 'ipc_wait_receive', SET, 0, 0, DATA + 0x40, 32);
    says(code, 'ipc_reply', SET, DATA + 0x40, 8);
    says(code, 'thread_set_client', PARKED);
    says(code, 'ipc_reply', SET, DATA, 8);
    says(code, 'thread_set_client', PARKED).end(GATE);
    world.addProgram(2, code, { priority: 20 });
    world.make(SERVERS, { 960: 'reference' });
    addClients(world, 'ipc_call');
    makePort(world, SET, PORT, 1);
  },
  check(world) {
    const gone = outcomes.notConnected;
    assert.equal(notes(world, SERVERS, 8), [0, 0, gone, 0, 0, 0, 0, gone]);
    assertAnswered(world, outcomes.success);
  },
};

const twoServers: Scenario = {
  name: 'a client parks its conversation with one server to call another; the first one waits for the rest',
  build(world) {
    const server = new Assembler().mv(a0, s3).mv(13, s2).li(a1, 0).li(a2, 0).li(14, 32);
    noted(server.invoke('ipc_wait_receive'));
    server.mv(a0, s3).mv(a1, s2).li(a2, 16).mv(13, s2).li(14, 0);
    noted(server.invoke('ipc_server_ack_send_wait_receive')).end(GATE);
    world.addProgram(2, server, { priority: 20, x9: LOG, x18: DATA, x19: SET });
    world.addThread(SERVERS, 0x300, { pc: CODE, x9: LOG + 0x100, x18: DATA + 0x100, x19: OTHER_SET });
    const client = warm();
    says(client, 'ipc_client_connect_send', PORT, DATA, 8);
    says(client, 'thread_get_server', PARKED);
    says(client, 'thread_get_server', PARKED);
    says(client, 'ipc_client_connect_send_over_receive', OTHER_PORT, DATA + 8, 8, DATA + 0x80, 32);
    says(client, 'thread_set_server', PARKED);
    says(client, 'ipc_client_send_over_receive', 0, DATA + 8, 8, DATA + 0xc0, 16).end(GATE);
    world.addProgram(1, client);
    world.make(CLIENTS, { 960: 'reference' });
    world.write(
      CLIENTS + DATA - PROGRAM,
      Uint8Array.from({ length: 16 }, (_, i) => i + 1),
    );
    makePort(world, SET, PORT, 1);
    makePort(world, OTHER_SET, OTHER_PORT, 2);
  },
  check(world) {
    const { notConnected, receiveDisconnected } = outcomes;
    assert.equal(notes(world, CLIENTS, 6), [0, 0, notConnected, receiveDisconnected, 0, receiveDisconnected]);
    const data = CLIENTS + DATA - PROGRAM;
    assert.equal(world.read(data + 0xc0, 16), world.read(data, 16), 'the first server had all of it');
    assert.is(world.word(data + 0x80), world.word(data + 8), 'the second had its own');
    assert.equal([notes(world, SERVERS, 1), notes(world, SERVERS, 1, LOG + 0x100)], [[0], [0]]);
  },
};

const entered: Scenario = {
  name: 'messages of each flavour enter a server at a place of their own, with its stack',
  build(world) {
    // Each place notes its number, sp, flavour, alias, the outcome and the bytes; sp was spoiled before.
    const code = new Assembler().li(s1, LOG).li(sp, DATA + 0x8000);
    code.mv(a1, s2).mv(a2, s3).mv(a5, s4).li(a0, SET).li(13, DATA).li(14, 16);
    code.invoke('ipc_setup_wait_receive').label('wrong').li(s0, 99).j('note');
    code.label('oneway').li(s0, 1).j('note');
    code.label('idempotent').li(s0, 2).j('note');
    code.label('reliable').li(s0, 3);
    code.label('note').li(t0, DATA).ld(t1, t0).sd(s0, s1, 0).sd(sp, s1, 8).sd(a1, s1, 16).sd(a2, s1, 24);
    code.sd(a0, s1, 32).sd(t1, s1, 40).addi(s1, s1, 48).li(sp, 0);
    code.addi(t2, s0, -2).beq(t2, zero, 'answer').addi(t2, s0, -3).beq(t2, zero, 'end');
    code.call('ipc_wait_receive', SET, 0, 0, DATA, 16).j('wrong');
    code.label('answer').call('ipc_reply_wait_receive', SET, DATA, 8, DATA, 16).j('wrong');
    code.label('end').call('ipc_server_ack_send_wait_receive', SET, DATA, 8, DATA, 16).j('wrong');
    const at = (label: string): number => CODE + code.at(label);
    world.addProgram(2, code, {
      priority: 20,
      x18: at('oneway'),
      x19: at('idempotent'),
      x20: at('reliable') + 1,
    });
    const client = new Assembler();
    client.call('ipc_send', PORT, DATA, 8).call('ipc_call', PORT, DATA + 8, 8, DATA + 0x80, 8);
    client.call('ipc_client_connect_send_over_receive', PORT, DATA + 16, 24, DATA + 0x80, 8).mv(s1, a0);
    client
      .call('ipc_client_connect_send', PORT, DATA + 16, 0)
      .call('ipc_client_disconnect')
      .call('ipc_send', PORT, DATA, 8)
      .end(GATE);
    world.addProgram(1, client);
    world.write(
      CLIENTS + DATA - PROGRAM,
      Uint8Array.from({ length: 64 }, (_, i) => 1 + (i >> 3)),
    );
    makePort(world, SET, PORT, 7);
  },
  check(world) {
    const word = (byte: number): number => Number(0x0101_0101_0101_0101n * BigInt(byte));
    const stack = DATA + 0x8000;
    const { receiveMoreData, receiveDisconnected } = outcomes;
    const { oneway, idempotent, reliable } = flavours;
    assert.equal(world.words(SERVERS + LOG - PROGRAM, 30), [
      ...[1, stack, oneway, 7, 0, word(1)],
      ...[2, stack, idempotent, 7, 0, word(2)],
      ...[3, stack, reliable, 7, receiveMoreData, word(3)],
      ...[3, stack, reliable, 7, receiveDisconnected, word(3)],
      ...[1, stack, oneway, 7, 0, word(1)],
    ]);
    assert.is(Number(world.thread(CLIENTS).x[s1]), receiveDisconnected);
  },
};

const CALLS = 5;

const moving: Scenario = {
  name: 'a port moves between sets under load, and every reliable call is served once',
  build(world) {
    // Word 0 of its data counts what each server served; each answers with what it got.
    const server = new Assembler().mv(a0, s3).mv(13, s2).li(a1, 0).li(a2, 0).li(14, 8);
    server.invoke('ipc_wait_receive').label('got').ld(t2, s2, 8).addi(t2, t2, 1).sd(t2, s2, 8);
    server.mv(a0, s3).mv(a1, s2).li(a2, 8).mv(13, s2).li(14, 8);
    server.invoke('ipc_server_ack_send_wait_receive').j('got');
    world.addProgram(2, server, { x18: DATA, x19: SET });
    world.addThread(SERVERS, 0x300, { pc: CODE, x18: DATA + 0x100, x19: OTHER_SET, priority: 17 });
    makePort(world, SET, PORT, 1);
    makePort(world, OTHER_SET, OTHER_PORT, 2);
    // The mover: into the other set, out of any, back.
    const mover = new Assembler().li(s1, 12);
    const references = { 832: SET, 864: OTHER_SET };
    world.make(SERVERS, { 832: 'reference', 864: 'reference', 896: 'reference' });
    for (const [at, set] of Object.entries(references)) {
      world.must('portset_reference', SERVERS + set - PROGRAM, SERVERS + Number(at));
    }
    mover.label('again');
    for (const reference of [0x360, 0x380, 0x340]) {
      mover.call('port_set_state', PORT + 0x20, 0, PROGRAM + reference);
      mover.call('clock_read').addi(a0, a1, 90).invoke('clock_sleep');
    }
    mover.addi(s1, s1, -1).bne(s1, zero, 'again').end(GATE);
    world.write(SERVERS + 0x4000, mover.bytes());
    world.addThread(SERVERS, 0x320, { pc: PROGRAM + 0x4000, priority: 18 });
    // Three clients; each counts its answers and sums what they say.
    const client = new Assembler().li(s1, CALLS);
    client.label('call').sd(s1, s2).mv(a1, s2).addi(13, s2, 8).li(a0, PORT).li(a2, 8).li(14, 8);
    client.invoke('ipc_client_connect_send_over_receive').ld(t2, s2, 8).ld(t1, s2, 16);
    client.add(t1, t1, t2).sd(t1, s2, 16).ld(t1, s2, 24).add(t1, t1, a0).sd(t1, s2, 24);
    client.addi(s1, s1, -1).bne(s1, zero, 'call').end(GATE);
    world.addProgram(1, client, { x18: DATA });
    world.addThread(CLIENTS, 0x300, { pc: CODE, x18: DATA + 0x40 });
    world.addThread(CLIENTS, 0x320, { pc: CODE, x18: DATA + 0x80 });
  },
  check(world) {
    for (const at of [0, 0x40, 0x80]) {
      const data = CLIENTS + DATA - PROGRAM + at;
      assert.is(world.word(data + 16), (CALLS * (CALLS + 1)) / 2, 'each call had its own answer');
      assert.is(world.word(data + 24), CALLS * outcomes.receiveDisconnected, 'each ended in good order');
    }
    const served = [8, 0x108].map((at) => world.word(SERVERS + DATA - PROGRAM + at));
    assert.is((served[0] as number) + (served[1] as number), 3 * CALLS, `served ${served}`);
    assert.ok(Math.min(...served) > 0, `both sets had work: ${served}`);
  },
};

export const ipcScenarios: readonly Scenario[] = [turns, multiplexed, putOff, twoServers, entered, moving];
