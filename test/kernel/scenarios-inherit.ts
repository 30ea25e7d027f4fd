/**
 * Scenarios of lent priorities: inversion, chains of mutexes, a chain of calls, a ceiling, a cond's inheritor, deadlock.
 *
 * All are made of workers of different priorities that begin at different times and say when they are done: the output
 * is the order in which they got there. Tests only.
 */
import * as assert from 'uvu/assert';
import { MUTEX_CEILING_SHIFT, mutexFlags } from '../../src/kernel/abi/types.ts';
import { Assembler, a0, a1, a3, s0, s1, s2, s3, s4, s5, t0, zero } from './assembler.ts';
import type { Scenario } from './scenarios.ts';
import { CODE, DATA, own, PROGRAM, SLAB_SIZE, type World } from './world.ts';

const GATE = PROGRAM + own.gate;
const OUTPUT = PROGRAM + own.output;
const BASE = SLAB_SIZE;

/** What a worker does: sleep until `start` ns, lock `first`, spin, lock `second`, unlock both, say its letter. */
export interface Worker {
  readonly letter: string;
  readonly priority: number;
  readonly start?: number;
  readonly spin?: number;
  readonly first?: number;
  readonly second?: number;
  /** Label of its code when it is no plain worker. */
  readonly label?: string;
}

/** Code of the workers: s0 letter, s1 spins, s2 start, s3 and s4 mutexes, s5 a place of its own in memory. */
export function workerCode(): Assembler {
  const code = new Assembler();
  code.label('worker');
  sleepAtFirst(code, 'worker');
  code.beq(s3, zero, 'spin').mv(a0, s3).invoke('mutex_lock');
  code.label('spin').addi(s1, s1, -1).bne(s1, zero, 'spin');
  code.beq(s4, zero, 'second').mv(a0, s4).invoke('mutex_lock').mv(a0, s4).invoke('mutex_unlock');
  code.label('second').beq(s3, zero, 'say').mv(a0, s3).invoke('mutex_unlock');
  code.label('say');
  say(code);
  return code.end(GATE);
}

function sleepAtFirst(code: Assembler, name: string): void {
  code.beq(s2, zero, `${name} awake`).mv(a0, s2).invoke('clock_sleep').label(`${name} awake`);
}

function say(code: Assembler): void {
  code.sd(s0, s5).mv(a1, s5).mv(a3, s5).li(a0, OUTPUT).li(12, 1).li(14, 0).invoke('ipc_call');
}

/** Makes the program; mutexes at 0x100, 0x120, 0x140 with these flags. */
export function build(
  world: World,
  code: Assembler,
  flags: number,
  workers: readonly Worker[],
  mutexCount = 3,
): void {
  world.addProgram(1, code, { pc: CODE + code.at('say'), x8: 0x2e, x21: DATA + 0x8000, priority: 0 });
  for (let i = 0; i < mutexCount; i += 1) {
    world.make(BASE, { [0x100 + 0x20 * i]: 'mutex' });
    world.setState('mutex', BASE + 0x100 + 0x20 * i, { flags });
  }
  workers.forEach((worker, i) => {
    world.addThread(BASE, 0x400 + 0x20 * i, {
      pc: CODE + code.at(worker.label ?? 'worker'),
      priority: worker.priority,
      x8: worker.letter.charCodeAt(0),
      x9: worker.spin ?? 10,
      x18: worker.start ?? 0,
      x19: worker.first ?? 0,
      x20: worker.second ?? 0,
      x21: DATA + 0x100 * i,
    });
  });
}

export const A = PROGRAM + 0x100;
export const B = PROGRAM + 0x120;
export const C = PROGRAM + 0x140;

/** Low holds what High wants, Middle wants nothing but the processor. */
export const inversionWorkers: readonly Worker[] = [
  { letter: 'L', priority: 5, first: A, spin: 8000 },
  { letter: 'H', priority: 20, start: 1000, first: A },
  { letter: 'M', priority: 10, start: 1500, spin: 20_000 },
];

const order = (world: World): string => world.output.join('');

const inversion: Scenario = {
  name: 'no inversion: the owner of a mutex that lends works at the priority of who waits for it',
  build: (world) => build(world, workerCode(), mutexFlags.inheritPriority, inversionWorkers),
  check: (world) => assert.is(order(world), 'HML.'),
};

export const chainWorkers: readonly Worker[] = [
  { letter: '1', priority: 5, first: A, spin: 8000 },
  { letter: '2', priority: 6, start: 1000, first: B, second: A },
  { letter: '3', priority: 7, start: 2000, first: C, second: B },
  { letter: 'H', priority: 20, start: 3000, first: C },
  { letter: 'M', priority: 10, start: 3500, spin: 20_000 },
];

const chain: Scenario = {
  name: 'three mutexes in a chain lend the priority of the last waiter to the first owner',
  build: (world) => build(world, workerCode(), mutexFlags.inheritPriority, chainWorkers),
  check: (world) => assert.is(order(world), 'HM321.'),
};

const ceiling: Scenario = {
  name: 'a mutex with a ceiling lends it to its owner, whoever waits',
  build: (world) =>
    build(world, workerCode(), mutexFlags.priorityCeiling + 30 * 2 ** MUTEX_CEILING_SHIFT, [
      { letter: 'L', priority: 5, first: A, spin: 8000 },
      { letter: 'M', priority: 10, start: 500, spin: 20_000 },
      { letter: 'X', priority: 15, start: 800, first: A },
    ]),
  // The owner holds the processor until it unlocks, or the middle one would run while X waits for the mutex.
  check: (world) => assert.is(order(world), 'XML.'),
};

/** A set, a port in it and a reference to the port, at these offsets of the slab. */
function makePort(world: World, set: number, port: number, reference: number): void {
  world.make(BASE, { [set]: 'portset', [port]: 'port', [reference]: 'reference' });
  world.must('portset_reference', BASE + set, world.scratch(0));
  world.setState('port', BASE + port, { alias: port }, [world.scratch(0)]);
  world.must('port_reference', BASE + port, BASE + reference);
}

/** Workers, a caller of the port 0x220, its server, who calls the port 0x2a0, and that one's server, who spins. */
export function callChain(world: World): void {
  const code = workerCode();
  code.label('caller');
  sleepAtFirst(code, 'caller');
  code
    .li(a0, PROGRAM + 0x240)
    .mv(a1, s5)
    .li(12, 8)
    .mv(a3, s5)
    .li(14, 8)
    .invoke('ipc_call')
    .j('say');
  code
    .label('middle')
    .li(a0, PROGRAM + 0x200)
    .li(a1, 0)
    .li(12, 0)
    .mv(a3, s5)
    .li(14, 8);
  code.invoke('ipc_wait_receive');
  code
    .label('middle again')
    .li(a0, PROGRAM + 0x2c0)
    .mv(a1, s5)
    .li(12, 8)
    .mv(a3, s5)
    .li(14, 8);
  code
    .invoke('ipc_call')
    .li(a0, PROGRAM + 0x200)
    .mv(a1, s5)
    .li(12, 8)
    .mv(a3, s5)
    .li(14, 8);
  code.invoke('ipc_reply_wait_receive').j('middle again');
  code
    .label('last')
    .li(a0, PROGRAM + 0x280)
    .li(a1, 0)
    .li(12, 0)
    .mv(a3, s5)
    .li(14, 8);
  code.invoke('ipc_wait_receive').label('last again').li(t0, 8000);
  code.label('last spin').addi(t0, t0, -1).bne(t0, zero, 'last spin');
  code
    .li(a0, PROGRAM + 0x280)
    .mv(a1, s5)
    .li(12, 8)
    .mv(a3, s5)
    .li(14, 8);
  code.invoke('ipc_reply_wait_receive').j('last again');
  build(world, code, 0, [
    { letter: '-', priority: 3, label: 'middle' },
    { letter: '-', priority: 2, label: 'last' },
    { letter: 'H', priority: 20, start: 1000, label: 'caller' },
    { letter: 'M', priority: 10, start: 2000, spin: 20_000 },
    { letter: 'L', priority: 4, start: 2000, spin: 20_000 },
  ]);
  makePort(world, 0x200, 0x220, 0x240);
  makePort(world, 0x280, 0x2a0, 0x2c0);
}

const calls: Scenario = {
  name: 'servers in a chain of calls work at the priority of the client at its end',
  build: callChain,
  check: (world) => assert.is(order(world), '.HML'),
};

/** Two lock two mutexes in opposite order; a third wants nothing of it, a fourth waits for one of them too. */
export const deadlockWorkers: readonly Worker[] = [
  { letter: '1', priority: 16, first: A, spin: 4000, second: B },
  { letter: '2', priority: 17, start: 1000, first: B, second: A },
  { letter: 'C', priority: 1, spin: 30_000 },
  { letter: 'H', priority: 20, start: 4000, first: A },
];

const deadlock: Scenario = {
  name: 'a deadlock of two that lend each other their priorities leaves the rest alone',
  build: (world) => build(world, workerCode(), mutexFlags.inheritPriority, deadlockWorkers),
  check: (world) => assert.is(order(world), 'C.'),
};

const inheritor: Scenario = {
  name: 'who sleeps on a cond lends its priority to the inheritor of the cond',
  build(world) {
    const code = workerCode();
    // Locks A, sleeps on the cond at 0x180; whoever signals is 'signaller'.
    code.label('sleeper');
    sleepAtFirst(code, 'sleeper');
    code.mv(a0, s3).invoke('mutex_lock').mv(a0, s4).mv(a1, s3).invoke('cond_wait').mv(a0, s3);
    code.invoke('mutex_unlock').j('say');
    code.label('signaller').label('signaller spin').addi(s1, s1, -1).bne(s1, zero, 'signaller spin');
    code.mv(a0, s4).invoke('cond_signal').j('say');
    const cond = PROGRAM + 0x180;
    build(world, code, 0, [
      { letter: 'L', priority: 5, label: 'signaller', spin: 8000, second: cond },
      { letter: 'H', priority: 20, start: 1000, label: 'sleeper', first: A, second: cond },
      { letter: 'M', priority: 10, start: 1500, spin: 20_000 },
    ]);
    world.make(BASE, { 384: 'cond' });
    world.must('thread_reference', BASE + 0x400, world.scratch(0));
    world.setState('cond', BASE + 0x180, {}, [world.scratch(0)]);
  },
  check: (world) => assert.is(order(world), 'HML.'),
};

const reserved: Scenario = {
  name: 'who is first by what is lent to it keeps its reservation over an entry',
  build(world) {
    const code = workerCode();
    // Locks A, waits until H does too, then counts to ten with an entry between LR and SC.
    code.label('holder').mv(a0, s3).invoke('mutex_lock').li(t0, 6000);
    code
      .label('hold')
      .addi(t0, t0, -1)
      .bne(t0, zero, 'hold')
      .li(s1, 10)
      .li(s2, DATA + 0x9000);
    code.label('count').lrd(s4, s2).call('thread_self').addi(s4, s4, 1).scd(t0, s4, s2);
    code.addi(s1, s1, -1).bne(s1, zero, 'count').mv(a0, s3).invoke('mutex_unlock').j('say');
    build(world, code, mutexFlags.inheritPriority, [
      { letter: 'L', priority: 5, label: 'holder', first: A },
      { letter: 'M', priority: 10, start: 1500, spin: 3000 },
      { letter: 'H', priority: 20, start: 1000, first: A },
    ]);
  },
  check(world) {
    assert.is(order(world), 'HML.');
    assert.is(world.word(BASE + DATA - PROGRAM + 0x9000), 10);
  },
};

export const inheritScenarios: readonly Scenario[] = [
  reserved,
  inversion,
  chain,
  ceiling,
  calls,
  deadlock,
  inheritor,
];
