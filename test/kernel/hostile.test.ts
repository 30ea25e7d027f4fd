/**
 * Hostile guests: random entries with random registers, states and references, from several threads in two spaces. Never
 * a host exception, never a broken invariant, never a table entry beyond the chain (all in `check`), always an end; and
 * the outcome is the same in slices and when rebuilt (laws 1 and 8), whatever the guests do.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type EntryName, entries } from '../../src/kernel/abi/entries.ts';
import { states, type TypeName, typeNames } from '../../src/kernel/abi/types.ts';
import { Assembler, a0, a7, t0, t1 } from './assembler.ts';
import type { Seen } from './hostile-arena.ts';
import { addSeen, arenaOf, attackOf, seenByName } from './hostile-campaign.ts';
import { describeStep, runOrExplain } from './hostile-shrink.ts';
import { complaint, StepCounter } from './hostile-watch.ts';
import { assertSame, resultOf } from './rebuild.ts';
import { CODE, DATA, own, PROGRAM, SEGMENT_SIZE, SLAB_SIZE, World } from './world.ts';

const seedBase = Number(process.env.SEED ?? 1);
const RUNS = Number(process.env.RUNS ?? 30);
const names = Object.keys(entries) as EntryName[];

/** A small generator, so that a failing seed can be run again: SEED=n RUNS=1. */
function generator(seed: number): (end: number) => number {
  let state = (seed * 2654435761) >>> 0;
  return (end) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return Math.floor((((state ^ (state >>> 12)) >>> 0) / 2 ** 32) * end);
  };
}

/** Objects of all types at 0x100, 0x120, ... of each slab, linked at random; a reference to each at 0x400, ... */
function furnish(world: World, base: number, next: (end: number) => number): void {
  const kinds = [...typeNames, 'reference', 'mutex', 'port', 'thread', 'cond'] as TypeName[];
  kinds.forEach((type, i) => {
    world.must(`${type}_create` as EntryName, base + 0x100 + 0x20 * i);
    world.must('reference_create', base + 0x400 + 0x20 * i);
    if (type !== 'mapping' && type !== 'reference') {
      world.must(`${type}_reference` as EntryName, base + 0x100 + 0x20 * i, base + 0x400 + 0x20 * i);
    }
  });
  for (let i = 0; i < 4; i += 1) {
    const state = randomState(next);
    world.write(base + 0x1_0000 + 0x400 * i, state);
  }
}

/** A record of any type: small numbers, addresses, flags and junk. */
function randomState(next: (end: number) => number): Uint8Array {
  const bytes = new Uint8Array(states.thread.size);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += 8) view.setBigUint64(at, randomWord(next), true);
  // Mostly plausible: pc in the code, entry number in a7.
  if (next(4) > 0) {
    view.setBigUint64(states.thread.offset.pc, BigInt(CODE), true);
    view.setBigUint64(states.thread.offset.flags, BigInt(next(128)), true);
    view.setBigUint64(states.thread.offset.priority, BigInt(next(32)), true);
    view.setBigUint64(states.thread.offset.faultAccess, BigInt(next(8)), true);
    view.setBigUint64(states.thread.offset.faultCode, BigInt(0x200 + next(16)), true);
    view.setBigUint64(states.thread.offset.faultAddress, BigInt(DATA), true);
    view.setBigUint64(states.thread.offset.retired, 0n, true);
    const name = names[next(names.length)] as EntryName;
    view.setBigUint64(states.thread.offset.x + 8 * 17, BigInt(entries[name].number), true);
    view.setBigUint64(states.thread.offset.x + 80, BigInt(randomArgument(next)), true);
  }
  return bytes;
}

function randomWord(next: (end: number) => number): bigint {
  const kind = next(6);
  if (kind === 0) return BigInt(next(8));
  if (kind === 1) return BigInt(next(16) * 4096);
  if (kind === 2) return BigInt(PROGRAM + next(64) * 4096);
  if (kind === 3) return (BigInt(next(2 ** 32)) << 32n) | BigInt(next(2 ** 32));
  return 0n;
}

function randomArgument(next: (end: number) => number): number {
  const kind = next(14);
  if (kind < 5) return PROGRAM + 0x100 + 0x20 * next(14);
  if (kind < 7) return PROGRAM + 0x400 + 0x20 * next(14);
  if (kind < 9) return DATA + 0x400 * next(6);
  if (kind === 9) return next(10) * 4096;
  if (kind === 10) return next(100);
  if (kind === 11) return PROGRAM + next(SLAB_SIZE / 32) * 32;
  if (kind === 12) return 0;
  return next(2 ** 32) * 2 ** next(20);
}

/** A program of 40 random calls, over and over. Sleeps are short, so that it goes on. */
function randomProgram(next: (end: number) => number): Assembler {
  const code = new Assembler().label('start');
  for (let i = 0; i < 40; i += 1) {
    const name = names[next(names.length)] as EntryName;
    const count = entries[name].arguments.length;
    for (let j = 0; j < Math.max(count, 3); j += 1) code.li(a0 + j, randomArgument(next));
    if (name === 'clock_sleep') code.call('clock_read').addi(a0, 11, 100);
    code.li(t0, next(3)).li(t1, next(3));
    code.li(15, DATA + 0x800).li(16, DATA + 0xc00);
    code.li(a7, next(50) === 0 ? next(0x1000) : entries[name].number).ecall();
  }
  return code.j('start');
}

/** The world of a seed: what it does depends on nothing else. */
function hostileWorld(seed: number): World {
  let told = 0;
  const world = new World({
    onFault(request) {
      // A keeper that lets most offenders go on, by skipping nothing: they only go on if the cause is gone. The thread
      // is helped over its call instead, as a debugger would.
      told += 1;
      const view = new DataView(request.bytes.buffer, request.bytes.byteOffset);
      const code = Number(view.getBigUint64(0, true));
      return { bytes: new Uint8Array(told % 5 === 0 && code < 0x200 ? 8 : 0) };
    },
  });
  const next = generator(seed);
  for (const slab of [1, 2]) {
    const base = world.addProgram(slab, randomProgram(next));
    furnish(world, base, next);
    for (let i = 0; i < 2; i += 1) {
      world.addThread(base, 0x800 + 0x20 * i, { pc: CODE + 4 * next(400), priority: 14 + next(4) });
    }
    // The two spaces share the first's port set and port through references, and a region of the first is mapped here.
    world.must('reference_copy', SLAB_SIZE + 0x400 + 0x20 * 4, base + 0x400 + 0x20 * 3);
  }
  return world;
}

/** Help for the offenders, outside of the kernel: whoever stands at a fault is set on behind its call. */
function helpOn(world: World): void {
  for (const slab of [1, 2]) {
    for (const offset of [own.thread, 0x800, 0x820]) {
      const place = slab * SLAB_SIZE + offset;
      if (world.call('thread_peek_state', place, world.buffer) !== 0) continue;
      const state = states.thread.read(world.view, 0);
      if (state.flags !== 16n || state.faultCode >= 0x200n) continue;
      if (world.call('thread_get_state', place, world.buffer) !== 0) continue;
      const at = states.thread.offset;
      world.view.setBigUint64(at.flags, 0n, true);
      world.view.setBigUint64(at.pc, state.pc + 4n, true);
      world.call('thread_set_state', place, world.buffer);
    }
  }
}

const ROUNDS = 60;
const TICKS = 4_000n;

/** Runs the world for a fixed time, in rounds that end at fixed ticks; `cut` chooses the slices within. */
function runHostile(world: World, cut: (left: number) => number, after: () => void): void {
  for (let round = 1; round <= ROUNDS; round += 1) {
    const until = BigInt(round) * TICKS;
    let stuck = 0;
    let before = world.kernel.tick();
    for (let i = 0; i < 100_000; i += 1) {
      const left = Number(until - world.kernel.tick());
      if (left <= 0) break;
      const limit = cut(left);
      const end = world.run(limit);
      after();
      stuck = world.kernel.tick() === before ? stuck + 1 : 0;
      before = world.kernel.tick();
      if (end === 'service' && stuck > 3) break;
      if (end !== 'idle') continue;
      const deadline = world.kernel.nextDeadline();
      world.kernel.stepClock(deadline !== null && deadline < until ? deadline : until);
    }
    helpOn(world);
  }
}

test('attacks on every entry point break no invariant, gain no right and touch no neighbour', () => {
  let calls = 0;
  const seen: Seen = new Map();
  for (let seed = seedBase; seed < seedBase + RUNS / 2; seed += 1) {
    const report = runOrExplain(attackOf(seed, 400));
    calls += report.calls;
    addSeen(seen, report.seen);
  }
  const entered = Object.values(seenByName(seen)).filter((codes) => codes.length > 0).length;
  assert.ok(entered > (RUNS >= 30 ? 130 : 0), `${entered} entry points gave something`);
  console.log(`hostile: ${RUNS / 2} attacks, ${calls} calls, ${entered} entry points`);
});

test('no entry does more steps than it is charged for, whatever the attackers ask', () => {
  const counter = new StepCounter();
  let count = 0;
  let worst = 0;
  for (let seed = seedBase; seed < seedBase + RUNS / 10; seed += 1) {
    const attack = attackOf(seed, 120);
    const arena = arenaOf(attack);
    for (const step of attack.steps) {
      if (step.kind === 'rebuild') continue;
      counter.watch(arena.world.kernel, (spent) => {
        count += 1;
        worst = Math.max(worst, spent.steps);
        const wrong = complaint(spent);
        assert.is(wrong, null, `${wrong}, by ${describeStep(step)} of seed ${seed}`);
      });
      arena.take(step);
    }
  }
  counter.close();
  assert.ok(count > (RUNS >= 30 ? 200 : 0) && worst > 100, `${count} entries, at most ${worst} steps`);
  console.log(`hostile: ${count} entries watched, at most ${worst} steps each`);
});

test('what hostile guests do is the same in slices', () => {
  for (let seed = seedBase; seed < seedBase + RUNS / 4; seed += 1) {
    const whole = hostileWorld(seed);
    runHostile(
      whole,
      (left) => left,
      () => {},
    );
    const next = generator(seed + 1000);
    const sliced = hostileWorld(seed);
    runHostile(
      sliced,
      (left) => Math.min(left, 1 + next(90)),
      () => {
        if (next(4) === 0) sliced.evict((1 + next(2)) * SLAB_SIZE + next(40) * 4096);
      },
    );
    for (let offset = 0; offset < SEGMENT_SIZE; offset += 4096) sliced.evict(offset);
    assertSame(resultOf(sliced), resultOf(whole), `seed ${seed}; again with SEED=${seed} RUNS=4`);
  }
});

test('what hostile guests do is the same when everything is rebuilt after every entry', () => {
  for (let seed = seedBase; seed < seedBase + RUNS / 20; seed += 1) {
    const whole = hostileWorld(seed);
    runHostile(
      whole,
      (left) => left,
      () => {},
    );
    const rebuilt = hostileWorld(seed);
    let isEntered = false;
    runHostile(
      rebuilt,
      (left) => {
        if (isEntered) rebuilt.rebuild();
        isEntered = false;
        rebuilt.kernel.afterEntry = () => {
          isEntered = true;
          rebuilt.task.giveUpSlice();
        };
        return left;
      },
      () => {},
    );
    assertSame(resultOf(rebuilt), resultOf(whole), `seed ${seed}; again with SEED=${seed} RUNS=20`);
  }
});

test.run();
