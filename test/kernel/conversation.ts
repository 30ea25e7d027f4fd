/**
 * Programs that speak a conversation of the model in the machine: each verb with its own stretch of buffers, what it
 * left noted in a log, and a handler that counts alerts. Tests only.
 */
import * as assert from 'uvu/assert';
import type { EntryName } from '../../src/kernel/abi/entries.ts';
import { entries } from '../../src/kernel/abi/entries.ts';
import { threadFlags } from '../../src/kernel/abi/types.ts';
import { Assembler, a0, a1, a2, a3, a4, a5, a6, a7, s1, t0, t1, zero } from './assembler.ts';
import type { Conversation, Done, Op, Party } from './conversation-model.ts';
import { CLIENT, PORT, SERVER, SET } from './pair.ts';
import { CODE, DATA, own, PROGRAM, World } from './world.ts';

const GATE = PROGRAM + own.gate;
/** What is sent, and where it is received. */
const SEND = DATA;
const RECEIVE = DATA + 0x4_0000;
export const STREAM_BYTES = 0x4_0000;
/** Tables of references, the log, and the count of alerts. */
const SEND_TABLE = DATA + 0xa_0000;
const RECEIVE_TABLE = DATA + 0xa_1000;
const LOG = DATA + 0xb_0000;
const ALERTS = DATA + 0xb_f000;
const LOG_BYTES = 40;
/** Reference objects: four to send again and again, and those that receive. */
const SOURCES = PROGRAM + 0x400;
const SOURCE_COUNT = 4;
const PLACES = PROGRAM + 0x500;
export const PLACES_MAX = 64;

/** The byte at a place of a party's stream. */
function streamByte(party: Party, place: number): number {
  return (place * 7 + (place >> 8) * 13 + (party.role === 'client' ? 1 : 101)) & 0xff;
}

function entryOf(party: Party, op: Op): EntryName {
  return (op.verb === 'wait_receive' ? 'ipc_wait_receive' : `ipc_${party.role}_${op.verb}`) as EntryName;
}

function program(party: Party): Assembler {
  // It goes round a few times first, so that the translator takes it up.
  const code = new Assembler().li(s1, 30).label('warm').addi(s1, s1, -1).bne(s1, zero, 'warm').li(s1, LOG);
  let sent = 0;
  let received = 0;
  let sentReferences = 0;
  let receivedReferences = 0;
  for (const op of party.ops) {
    const isWait = op.verb.endsWith('wait_receive');
    code
      .li(a0, isWait ? SET : PORT)
      .li(a1, SEND + sent)
      .li(a2, op.bytes);
    code.li(a3, RECEIVE + received).li(a4, op.room);
    code.li(a5, SEND_TABLE + 8 * sentReferences).li(a6, RECEIVE_TABLE + 8 * receivedReferences);
    code.li(t0, op.references).li(t1, op.places).li(a7, entries[entryOf(party, op)].number).ecall();
    code.sd(a0, s1, 0).sd(a2, s1, 8).sd(a4, s1, 16).sd(t0, s1, 24).sd(t1, s1, 32).addi(s1, s1, LOG_BYTES);
    sent += op.bytes;
    received += op.room;
    sentReferences += op.references;
    receivedReferences += op.places;
  }
  code.end(GATE);
  code.label('alert').li(a0, ALERTS).ld(a1, a0).addi(a1, a1, 1).sd(a1, a0);
  return code.li(a7, entries.thread_return_from_exception.number).ecall();
}

/** Numbers as words of memory. */
export function words(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(8 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    view.setBigUint64(8 * i, BigInt(value), true);
  });
  return bytes;
}

/** A world in which both programs are ready to speak. */
export function worldOf(conversation: Conversation, world = new World()): World {
  const parties = [
    [conversation.server, SERVER, 2, 20],
    [conversation.client, CLIENT, 1, 16],
  ] as const;
  for (const [party, base, slab, priority] of parties) {
    const code = program(party);
    const handler = CODE + code.at('alert');
    world.addProgram(slab, code, {
      priority,
      flags: threadFlags.exceptionsEnabled,
      clientAlertHandler: handler,
      serverAlertHandler: handler,
    });
    if (base === SERVER) {
      world.make(SERVER, { 256: 'portset', 288: 'port', 320: 'reference' });
      world.must('portset_reference', SERVER + 0x100, SERVER + 0x140);
      world.setState('port', SERVER + 0x120, { alias: 1 }, [SERVER + 0x140]);
    }
    world.make(base, { 352: 'reference' });
    world.must('port_reference', SERVER + 0x120, base + 0x160);
    for (let i = 0; i < SOURCE_COUNT; i += 1) {
      const place = base + SOURCES - PROGRAM + 0x40 * i;
      world.must('mutex_create', place);
      world.must('reference_create', place + 0x20);
      world.must('mutex_reference', place, place + 0x20);
    }
    for (let i = 0; i < PLACES_MAX; i += 1)
      world.must('reference_create', base + PLACES - PROGRAM + 0x20 * i);
    const total = party.ops.reduce((sum, op) => sum + op.bytes, 0);
    const stream = Uint8Array.from({ length: total }, (_, i) => streamByte(party, i));
    world.write(base + SEND - PROGRAM, stream);
    const sources = Array.from({ length: PLACES_MAX }, (_, i) => SOURCES + 0x40 * (i % SOURCE_COUNT) + 0x20);
    world.write(base + SEND_TABLE - PROGRAM, words(sources));
    const places = Array.from({ length: PLACES_MAX }, (_, i) => PLACES + 0x20 * i);
    world.write(base + RECEIVE_TABLE - PROGRAM, words(places));
  }
  return world;
}

/** What the machine noted of the verbs that are done. */
function logged(world: World, party: Party, base: number): Done[] {
  return party.done.map((done, i) => {
    const [outcome, bytes, room, references, places] = world.words(base + LOG - PROGRAM + LOG_BYTES * i, 5);
    // Where wait_receive ends a2 is the alias.
    const isWait = party.ops[i]?.verb.endsWith('wait_receive') === true;
    return {
      outcome: Number(outcome),
      bytes: isWait ? done.bytes : Number(bytes),
      references: Number(references),
      room: Number(room),
      places: Number(places),
    };
  });
}

/** The machine did what the model did: outcomes, what is left, what was received, and alerts. */
export function assertSpoken(world: World, conversation: Conversation): void {
  for (const [party, base] of [
    [conversation.server, SERVER],
    [conversation.client, CLIENT],
  ] as const) {
    const peer = conversation.other(party);
    const peerBase = party === conversation.server ? CLIENT : SERVER;
    const label = `${party.role}: ${party.ops.map((op) => op.verb).join(', ')}`;
    assert.equal(logged(world, party, base), party.done, label);
    const next = world.word(base + LOG - PROGRAM + LOG_BYTES * party.done.length + 16);
    assert.is(next, 0, `${label}: no verb more is done`);
    assertReceived(world, party, peer, base, label);
    let place = 0;
    for (const [index, slot] of placesOf(party).entries()) {
      if (index >= party.receivedReferences.length) break;
      place = party.receivedReferences[index] as number;
      const target = peerBase + SOURCES - PROGRAM + 0x40 * (place % SOURCE_COUNT) + 0x20;
      world.must('reference_compare', base + PLACES - PROGRAM + 0x20 * slot, target);
      assert.is(world.task.result(0), 1, `${label}: reference ${place}`);
    }
    assert.is(world.word(base + ALERTS - PROGRAM), party.alerts, `${label}: alerts`);
  }
}

/** The slots of received references, in the order in which they were filled: each verb has a stretch of its own. */
function placesOf(party: Party): number[] {
  const slots: number[] = [];
  let start = 0;
  party.ops.forEach((op, i) => {
    const left = i < party.done.length ? (party.done[i] as Done).places : party.places;
    for (let j = 0; j < op.places - left; j += 1) slots.push(start + j);
    start += op.places;
  });
  return slots;
}

function assertReceived(world: World, party: Party, peer: Party, base: number, label: string): void {
  let start = 0;
  let index = 0;
  party.ops.forEach((op, i) => {
    const left = i < party.done.length ? (party.done[i] as Done).room : party.room;
    const count = op.room - left;
    const found = world.read(base + RECEIVE - PROGRAM + start, op.room);
    const expected = new Uint8Array(op.room);
    for (let j = 0; j < count; j += 1) expected[j] = streamByte(peer, party.received[index + j] as number);
    index += count;
    start += op.room;
    const at = found.findIndex((byte, j) => byte !== expected[j]);
    assert.is(at, -1, `${label}: verb ${i} received ${found[at]} at ${at}, not ${expected[at]}`);
  });
}
