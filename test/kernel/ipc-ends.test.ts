/**
 * How conversations end, in every combination: who lets go and as what, in which way, and what the peer does then.
 * Each also with everything rebuilt in a fresh kernel before and after.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { outcomes } from '../../src/kernel/abi/codes.ts';
import type { EntryName } from '../../src/kernel/abi/entries.ts';
import { pendingBits, states, threadFlags } from '../../src/kernel/abi/types.ts';
import { Assembler, a0, s2, s3, t2 } from './assembler.ts';
import { CLIENT, PORT, pair, SERVER, SET } from './pair.ts';
import { DATA, own, PROGRAM, type World } from './world.ts';

const GATE = PROGRAM + own.gate;
/** A window that its keeper never opens. */
const WINDOW = 0x4000_0000;
/** Ticks are quarters of a nanosecond. */
const TICKS = 4n;
/** When the peer does what it does, when the other lets go, and when a sleeping peer wakes. */
const PEER_AT = 100_000;
const DROP_AT = 200_000;
const WAKE_AT = 300_000;

const roles = ['client', 'server'] as const;
const ways = ['disconnect', 'destroy', 'elsewhere'] as const;
const peerStates = ['waits', 'faults', 'is stopped', 'sleeps', 'has parked it'] as const;
type Role = (typeof roles)[number];

interface Case {
  readonly dropper: Role;
  readonly isSender: boolean;
  readonly way: (typeof ways)[number];
  readonly peerState: (typeof peerStates)[number];
  readonly isRebuilt: boolean;
}

/** Both have connected, and the line is the client's or the server's; neither waits. */
function opening(role: Role, isServersLine: boolean): Assembler {
  if (role === 'client') return new Assembler().call('ipc_client_connect_send', PORT, DATA, 8);
  const code = new Assembler().call('ipc_wait_receive', SET, 0, 0, DATA, 8);
  return isServersLine ? code.call('ipc_server_ack_send', 0, DATA, 0) : code;
}

function sleepUntil(code: Assembler, nanoseconds: number): Assembler {
  return code.call('clock_sleep', nanoseconds);
}

function peerCode(code: Assembler, role: Role, isSender: boolean, state: Case['peerState']): Assembler {
  sleepUntil(code, PEER_AT);
  const verb = `ipc_${role}_${isSender ? 'send' : 'receive'}` as EntryName;
  const link = role === 'client' ? 'server' : 'client';
  if (state === 'faults') code.li(t2, WINDOW).ld(t2, t2);
  if (state === 'has parked it') code.call(`thread_get_${link}`, PROGRAM + 0x2c0);
  if (state === 'sleeps' || state === 'has parked it') sleepUntil(code, WAKE_AT);
  if (state === 'has parked it') code.call(`thread_set_${link}`, PROGRAM + 0x2c0).mv(s2, a0);
  else code.call(verb, 0, DATA, isSender ? 8 : 0, DATA, 16).mv(s2, a0);
  return code
    .call(verb, 0, DATA, isSender ? 8 : 0, DATA, 16)
    .mv(s3, a0)
    .end(GATE);
}

function dropperCode(code: Assembler, role: Role, way: Case['way']): Assembler {
  sleepUntil(code, DROP_AT);
  if (way === 'disconnect') code.call(`ipc_${role}_disconnect`);
  // A port of no set, and a set without ports.
  if (way === 'elsewhere' && role === 'client')
    code.call('ipc_client_connect_send', PROGRAM + 0x280, DATA, 8);
  if (way === 'elsewhere' && role === 'server') code.call('ipc_wait_receive', PROGRAM + 0x2a0, 0, 0, DATA, 8);
  return code.end(GATE);
}

/** The peer's window: its keeper is a port that nobody serves. */
function makeWindow(world: World, base: number): void {
  world.make(base, { 512: 'region', 544: 'reference', 576: 'mapping', 608: 'port', 672: 'reference' });
  world.must('port_reference', base + 0x260, base + 0x2a0);
  const region = { startAddress: DATA, size: 0, protection: 7 };
  world.setState('region', base + 0x200, region, [base + own.spaceReference, base + 0x2a0]);
  world.must('region_reference', base + 0x200, base + 0x220);
  const window = { startAddress: WINDOW, size: 0x1000, protection: 7 };
  world.setState('mapping', base + 0x240, window, [base + 0x220, base + own.spaceReference]);
}

function advance(world: World, nanoseconds: number): void {
  world.run();
  world.kernel.stepClock(BigInt(nanoseconds) * TICKS);
  assert.is(world.run(), 'idle');
  world.kernel.check();
}

/** Lets a peer go on that was stopped or at a fault. */
function release(world: World, base: number, state: Case['peerState']): void {
  if (state === 'faults') {
    world.setState('region', base + 0x200, { startAddress: DATA, size: 0x1000, protection: 7 });
    world.must('port_destroy', base + 0x260);
  }
  if (state !== 'is stopped') return;
  world.must('thread_peek_state', base, world.buffer);
  const at = states.thread.offset.flags;
  const flags = world.view.getUint32(at, true);
  assert.is.not(flags & threadFlags.stopped, 0);
  world.view.setUint32(at, flags & ~threadFlags.stopped, true);
  world.must('thread_set_state', base, world.buffer);
}

function play({ dropper, isSender, way, peerState, isRebuilt }: Case): World {
  const peer = dropper === 'client' ? 'server' : 'client';
  const isServersLine = (dropper === 'server') === isSender;
  const codes = {
    [dropper]: dropperCode(opening(dropper, isServersLine), dropper, way),
    [peer]: peerCode(opening(peer, isServersLine), peer, !isSender, peerState),
  } as Record<Role, Assembler>;
  const world = pair(codes.client, codes.server);
  const [base, peerBase] = dropper === 'client' ? [CLIENT, SERVER] : [SERVER, CLIENT];
  makeWindow(world, peerBase);
  world.make(peerBase, { 704: 'reference' });
  world.make(base, { 640: 'port', 672: 'portset' });
  const rebuild = (): void => {
    if (isRebuilt) world.rebuild();
    world.kernel.check();
  };
  advance(world, PEER_AT);
  if (peerState === 'is stopped') world.must('thread_get_state', peerBase, world.buffer);
  rebuild();
  if (way === 'destroy') world.must('thread_destroy', base);
  advance(world, DROP_AT);
  rebuild();
  release(world, peerBase, peerState);
  advance(world, WAKE_AT);
  return world;
}

function expected({ isSender, way, peerState }: Case): number {
  // Whoever has parked it finds out that there is nothing to put back; a reference to a destroyed thread is null.
  if (peerState === 'has parked it') return way === 'destroy' ? outcomes.success : outcomes.notConnected;
  return isSender && way !== 'destroy' ? outcomes.receiveDisconnected : outcomes.sendDisconnected;
}

for (const dropper of roles) {
  for (const isSender of [true, false]) {
    for (const way of ways) {
      const done = { disconnect: 'disconnects', destroy: 'is destroyed', elsewhere: 'turns elsewhere' }[way];
      test(`a ${dropper} that ${isSender ? 'sends' : 'receives'} ${done}: its peer is told, whatever it does`, () => {
        for (const peerState of peerStates) {
          for (const isRebuilt of [false, true]) {
            const one = { dropper, isSender, way, peerState, isRebuilt };
            const label = JSON.stringify(one);
            const world = play(one);
            const peer = world.thread(dropper === 'client' ? SERVER : CLIENT);
            assert.is(Number(peer.x[s2]), expected(one), label);
            assert.is(Number(peer.x[s3]), outcomes.notConnected, `told once: ${label}`);
            const alert = dropper === 'client' ? pendingBits.serverAlert : pendingBits.clientAlert;
            const isAlerted = way === 'destroy' && peerState !== 'has parked it';
            assert.is(Number(peer.pending), isAlerted ? alert : 0, `alerted: ${label}`);
          }
        }
      });
    }
  }
}

/** What the client waits for once the state of its server, which has its request, was set with these flags. */
function askedAgain(flagsOf: (flags: number) => number, isRebuilt: boolean): number {
  const client = new Assembler().call('ipc_call', PORT, DATA, 8, DATA, 8).end(GATE);
  const server = new Assembler().call('ipc_wait_receive', SET, 0, 0, DATA, 8).call('clock_sleep', WAKE_AT);
  const world = pair(client, server.end(GATE));
  advance(world, PEER_AT);
  world.must('thread_get_state', SERVER, world.buffer);
  const at = states.thread.offset.flags;
  const flags = flagsOf(Number(world.view.getBigUint64(at, true))) & ~threadFlags.stopped;
  world.view.setBigUint64(at, BigInt(flags), true);
  world.must('thread_set_state', SERVER, world.buffer);
  if (isRebuilt) world.rebuild();
  advance(world, DROP_AT);
  world.kernel.check();
  world.must('thread_peek_state', CLIENT, 0, 0, 0, world.scratch(1), 0, 0);
  world.must('reference_locate', world.scratch(1), world.region);
  return world.task.result(0);
}

test('a server whose new state does not say that it serves its client lets it go, who asks again', () => {
  for (const isRebuilt of [false, true]) {
    assert.is(
      askedAgain((flags) => flags, isRebuilt),
      SERVER,
    );
    assert.is(
      askedAgain((flags) => flags & ~threadFlags.clientIdempotent, isRebuilt),
      SERVER + 0x120,
    );
  }
});

test.run();
