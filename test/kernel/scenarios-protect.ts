/**
 * A hostile child under a scheduler: whatever it makes, its subtree runs on donated time only, and a program of the
 * kernel's round robin with the lowest priority comes to its end beside it. Tests only.
 */
import * as assert from 'uvu/assert';
import { entries } from '../../src/kernel/abi/entries.ts';
import { mutexFlags, threadFlags } from '../../src/kernel/abi/types.ts';
import { Assembler, s0, s1, s2, t0, zero } from './assembler.ts';
import type { Scenario } from './scenarios.ts';
import { addScheduler, adopt, STRIDE_TICKS, start, strideScheduler } from './scenarios-schedule.ts';
import { CODE, DATA, own, PROGRAM, SLAB_SIZE, type World } from './world.ts';

const CHILD = SLAB_SIZE;
const SCHEDULER = 2 * SLAB_SIZE;
const VICTIM = 3 * SLAB_SIZE;
const ROUNDS = 12;
const LOOPS = 3_000;
/** The thread of the child that its scheduler knows, and those with which it tries to get away. */
const ATTEMPTS_MADE = 10;
const MAIN = CHILD + 0x200;
const ATTEMPTS = CHILD + 0x220;
/** Where the spaces that the child makes see its whole slab; what lies below is the window that decides. */
const UPPER = PROGRAM + 0x1000_0000;

/** The child's code: an endless loop, and behind it a call of thread_schedule. */
function childCode(): Assembler {
  return new Assembler().label('spin').addi(s0, s0, 1).j('spin').invoke('thread_schedule');
}
const ECALL = childCode().bytes().length - 4;

const attempt = (index: number): number => ATTEMPTS + 0x20 * index;

/** A space of the child's own that sees its slab, above a window of a page onto the region at this reference, if any. */
function makeSpace(world: World, at: number, lowest: number | null, scheduler = 0): number {
  world.make(CHILD, { [at]: 'space', [at + 32]: 'reference', [at + 64]: 'mapping', [at + 96]: 'mapping' });
  world.must('space_reference', CHILD + at, CHILD + at + 32);
  const links = scheduler === 0 ? [] : [world.scratch(7), scheduler];
  world.setState('space', CHILD + at, {}, links);
  const upper = { startAddress: UPPER, size: SLAB_SIZE, protection: 7 };
  world.setState('mapping', CHILD + at + 64, upper, [CHILD + 0x2020, CHILD + at + 32]);
  if (lowest !== null) {
    const window = { startAddress: 0, size: 4096, protection: 7 };
    world.setState('mapping', CHILD + at + 96, window, [lowest, CHILD + at + 32]);
  }
  return CHILD + at + 32;
}

function makeRegion(world: World, at: number, space: number | null, words: Record<string, number>): number {
  world.make(CHILD, { [at]: 'region', [at + 32]: 'reference' });
  world.setState('region', CHILD + at, { protection: 7, ...words }, space === null ? [] : [space]);
  world.must('region_reference', CHILD + at, CHILD + at + 32);
  return CHILD + at + 32;
}

/** Everything below links to what is the child's: it could make all of it by calls of its own. */
function attack(world: World): void {
  const ownSpace = CHILD + own.spaceReference;
  const page = { startAddress: 0, size: 4096 };
  makeRegion(world, 0x2000, ownSpace, { startAddress: PROGRAM, size: SLAB_SIZE });
  world.make(CHILD, { 8448: 'port', 8480: 'reference', 8512: 'mutex', 8544: 'reference' });
  world.must('port_reference', CHILD + 0x2100, CHILD + 0x2120);
  const ownPort = CHILD + 0x2120;
  // Spaces: over its own memory; with a scheduler of its own; in a circle; over nothing; over a space with nothing in it.
  const plain = makeSpace(world, 0x2200, null);
  const scheduled = makeSpace(world, 0x2300, null, ownPort);
  const circle = makeSpace(world, 0x2400, null);
  const circleRegion = makeRegion(world, 0x2480, circle, page);
  world.setState('mapping', CHILD + 0x2460, { size: 4096, protection: 7 }, [circleRegion, circle]);
  const nowhere = makeSpace(world, 0x2500, makeRegion(world, 0x2580, null, page));
  world.make(CHILD, { 9728: 'space', 9760: 'reference' });
  world.must('space_reference', CHILD + 0x2600, CHILD + 0x2620);
  const hollow = makeSpace(world, 0x2700, makeRegion(world, 0x2680, CHILD + 0x2620, page));
  // One with a port that the border serves, and one whose scheduler is destroyed afterwards.
  const border = makeSpace(world, 0x2800, null, CHILD + own.output);
  world.make(CHILD, { 10496: 'port', 10528: 'reference' });
  world.must('port_reference', CHILD + 0x2900, CHILD + 0x2920);
  const orphaned = makeSpace(world, 0x2a00, circleRegion, CHILD + 0x2920);
  const upper = UPPER + (CODE - PROGRAM);
  const hurried = { priority: 31, turn: 1, flags: threadFlags.exceptionsEnabled, trapHandler: upper };
  const made: [number, Record<string, number>, readonly number[]][] = [
    [ownSpace, { pc: CODE }, []],
    [ownSpace, { pc: CODE }, [ownPort]],
    [plain, { pc: upper }, []],
    [scheduled, { pc: upper }, []],
    [circle, { pc: upper }, []],
    [nowhere, { pc: upper }, []],
    [hollow, { pc: upper }, []],
    [border, { pc: upper }, []],
    [orphaned, { pc: upper }, []],
    // It gives away a processor that it has not got, to the thread that its scheduler knows.
    [
      circle,
      {
        pc: upper + ECALL,
        flags: threadFlags.donating,
        x10: UPPER + (MAIN - CHILD),
        x17: entries.thread_schedule.number,
      },
      [],
    ],
  ];
  made.forEach(([space, words, links], i) => {
    world.must('thread_create', attempt(i));
    world.setState('thread', attempt(i), { ...hurried, ...words }, [space, ...links]);
  });
  world.must('port_destroy', CHILD + 0x2900);
  // A mutex with the highest ceiling, and one for which somebody with the highest priority waits.
  world.must('thread_reference', MAIN, CHILD + 0x2160);
  const ceiling = { flags: mutexFlags.priorityCeiling + 256 * 31, locked: 1 };
  world.setState('mutex', CHILD + 0x2140, ceiling, [CHILD + 0x2160]);
  world.make(VICTIM, { 256: 'mutex', 544: 'thread' });
  const lent = { flags: mutexFlags.inheritPriority, locked: 1 };
  world.setState('mutex', VICTIM + 0x100, lent, [CHILD + 0x2160]);
}

const protect: Scenario = {
  name: 'a hostile child runs on donated time only, whatever spaces, links, priorities and mutexes it makes',
  build(world) {
    world.addProgram(1, childCode(), { flags: 1 });
    addScheduler(world, 2, strideScheduler(1, ROUNDS, 0), [1], { priority: 1 });
    const victim = new Assembler().bne(s1, zero, 'lock').li(s0, LOOPS).li(s2, DATA);
    victim
      .label('loop')
      .addi(s0, s0, -1)
      .bne(s0, zero, 'loop')
      .li(t0, 1)
      .sd(t0, s2)
      .end(PROGRAM + own.gate);
    victim
      .label('lock')
      .call('mutex_lock', PROGRAM + 0x100)
      .end(PROGRAM + own.gate);
    world.addProgram(3, victim, { priority: 0 });
    world.setState('space', CHILD + own.space, {}, [world.reference('faults'), SCHEDULER + 0x140]);
    world.make(CHILD, { 512: 'thread' });
    adopt(world, SCHEDULER, 0, MAIN);
    attack(world);
    start(world, CHILD, 0x200, null, { priority: 31, turn: 1 });
    world.startThread(VICTIM + 0x220, VICTIM + own.spaceReference, { pc: CODE, priority: 31, x9: 1 });
    start(world, SCHEDULER, 0, null, { priority: 1 });
  },
  check(world) {
    assert.is(world.word(VICTIM + DATA - PROGRAM), 1, 'who has the lowest priority came to its end');
    for (let i = 0; i < ATTEMPTS_MADE; i += 1)
      assert.is(world.thread(attempt(i)).retired, 0n, `attempt ${i}`);
    const used = Number(world.thread(MAIN).retired);
    assert.ok(used > STRIDE_TICKS && used <= ROUNDS * STRIDE_TICKS, `${used} ticks`);
  },
};

export const protectScenarios: readonly Scenario[] = [protect];
