/**
 * N.05: programming errors are exceptions of the offender (fluke.md A.1.9): each fault code is delivered to the thread's
 * own handler with pc at the call and the call's registers as they were; without a handler to the keeper of its space,
 * with the same code and pc.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type FaultName, faults } from '../../src/kernel/abi/codes.ts';
import { type EntryName, entries } from '../../src/kernel/abi/entries.ts';
import { savedState } from '../../src/kernel/abi/memory.ts';
import { states, threadFlags } from '../../src/kernel/abi/types.ts';
import { Assembler, a0, a1, a2, a7 } from './assembler.ts';
import { CODE, DATA, own, PROGRAM, SLAB_SIZE, World } from './world.ts';

const BASE = SLAB_SIZE;
const DATA_OFFSET = DATA - PROGRAM;
const MUTEX = PROGRAM + 0x100;
const MAPPING = PROGRAM + 0x120;
const RUNNING = PROGRAM + 0x140;
const NOWHERE = 2 ** 37;
/** A mapping state that overlaps the program's own window, and one whose protection is no protection. */
const OVERLAPPING = DATA + 0x1000;
const UNPROTECTED = DATA + 0x1100;
/** What the handler notes: 64 bytes an exception from here on; the next free place is the first word. */
const NOTES = DATA + 0x2000;

type Case = readonly [FaultName, EntryName | number, ...number[]];

/** Each fault, with calls that are it. */
const cases: readonly Case[] = [
  ['invalidEntry', 0x3ff],
  ['invalidEntry', 64],
  ['notAligned', 'mutex_lock', MUTEX + 8],
  ['notAligned', 'mutex_create', PROGRAM + 0x301],
  ['noObject', 'mutex_lock', PROGRAM + 0x300],
  ['noObject', 'ipc_call', PROGRAM + 0x300, 0, 0, 0, 0],
  ['wrongType', 'cond_signal', MUTEX],
  ['wrongType', 'ipc_wait_receive', MUTEX, 0, 0, 0, 0],
  ['objectExists', 'cond_create', MUTEX],
  ['invalidAddress', 'mutex_lock', NOWHERE],
  ['invalidAddress', 'port_create', 32],
  ['addressOverlap', 'mapping_set_state', MAPPING, OVERLAPPING, 0, PROGRAM + own.spaceReference],
  ['invalidState', 'mapping_set_state', MAPPING, UNPROTECTED, 0, 0],
  ['notOwner', 'mutex_unlock', MUTEX],
  ['notOwner', 'cond_wait', PROGRAM + 0x160, MUTEX],
  ['raceCondition', 'thread_set_state', RUNNING, 0, 0, 0, 0, 0, 0],
  ['notReference', 'reference_check', MUTEX],
  ['notReference', 'mutex_reference', MUTEX, MUTEX],
  ['self', 'thread_interrupt', PROGRAM + own.thread],
  ['self', 'thread_get_state', PROGRAM + own.thread, 0, 0, 0, 0, 0, 0],
  ['self', 'thread_destroy', PROGRAM + own.thread],
];
/** Faults of the base range that have no case, and why. */
const without: readonly FaultName[] = ['invalidObject', 'processor'];

function emit(code: Assembler): void {
  cases.forEach(([, entry, ...args], i) => {
    args.forEach((value, index) => {
      code.li(a0 + index, value);
    });
    code
      .li(5, 0)
      .li(6, 0)
      .li(a7, typeof entry === 'number' ? entry : entries[entry].number);
    code.label(`call ${i}`).ecall();
  });
  code.end(PROGRAM + own.gate);
  // The handler: code, address, access, and the saved state; the thread goes on behind the call.
  code.label('trap').li(26, NOTES).ld(27, 26).add(26, 26, 27).addi(27, 27, 80);
  code.sd(a0, 26, 8).sd(a1, 26, 16).sd(a2, 26, 24);
  code.addi(a0, 26, 32).li(a7, entries.thread_get_saved_state.number).ecall();
  code.li(26, NOTES).sd(27, 26).add(26, 26, 27).addi(26, 26, -48);
  code.ld(27, 26).addi(27, 27, 4).sd(27, 26).mv(a0, 26);
  code.li(a7, entries.thread_set_saved_state.number).ecall();
  code.ld(27, 26).addi(27, 27, -4).sd(27, 26);
  code.li(a7, entries.thread_return_from_exception.number).ecall();
}

function build(world: World, code: Assembler, options: Readonly<Record<string, number>>): void {
  world.addProgram(1, code, options);
  world.make(BASE, { 256: 'mutex', 288: 'mapping', 320: 'thread', 352: 'cond' });
  world.make(BASE, { 384: 'portset' });
  // A thread that is not stopped: it waits for a message that never comes.
  const waiter = { pc: CODE, x10: PROGRAM + 0x180, x17: entries.ipc_wait_receive.number };
  world.startThread(BASE + 0x140, BASE + own.spaceReference, { ...waiter, pc: CODE + code.at('wait') });
  const write = (offset: number, words: Readonly<Record<string, number>>): void => {
    world.fillState('mapping', words);
    world.write(offset, world.bytes.slice(0, states.mapping.size));
  };
  write(BASE + DATA_OFFSET + 0x1000, { startAddress: PROGRAM, size: 0x1000, protection: 1 });
  write(BASE + DATA_OFFSET + 0x1100, { startAddress: 2 ** 36, size: 0x1000, protection: 2 });
}

test('every fault of the table has a case', () => {
  const covered = new Set<FaultName>(cases.map(([fault]) => fault));
  const base = (Object.keys(faults) as FaultName[]).filter((name) => faults[name] < 0x110);
  for (const name of base) assert.ok(covered.has(name) || without.includes(name), name);
});

test("a programming error enters the thread's handler with pc at the call and the call's registers as they were", () => {
  const world = new World();
  const code = new Assembler();
  emit(code);
  code.label('wait').ecall();
  build(world, code, { flags: threadFlags.exceptionsEnabled, trapHandler: CODE + code.at('trap') });
  world.finish();
  const at = savedState.offset;
  cases.forEach(([fault, entry, ...args], i) => {
    const note = BASE + DATA_OFFSET + 0x2000 + 80 * i;
    const told = world.words(note + 8, 3);
    assert.equal(told, [faults[fault], 0, 0], `case ${i}: ${fault}, ${entry}`);
    const saved = note + 32;
    assert.is(world.word(saved + at.pc), CODE + code.at(`call ${i}`), `case ${i}: pc`);
    args.slice(0, 3).forEach((value, index) => {
      assert.is(world.word(saved + ([at.a0, at.a1, at.a2][index] ?? 0)), value, `case ${i}: a${index}`);
    });
    assert.is(world.word(saved + at.a7), typeof entry === 'number' ? entry : entries[entry].number);
  });
  assert.is(Number(world.thread(BASE).exceptionCount), cases.length);
});

test('without a handler, or inside one, the same goes to the keeper of the space', () => {
  for (const options of [{}, { flags: 0, trapHandler: CODE }]) {
    const told: number[][] = [];
    const code = new Assembler();
    const world = new World({
      onFault(request) {
        const view = new DataView(request.bytes.buffer, request.bytes.byteOffset);
        told.push([Number(view.getBigUint64(0, true)), Number(view.getBigUint64(24, true))]);
        // What the thread did wrong is skipped from outside.
        world.must('thread_get_state', BASE, world.buffer);
        const { pc, flags } = states.thread.offset;
        world.view.setBigUint64(pc, world.view.getBigUint64(pc, true) + 4n, true);
        world.view.setBigUint64(flags, 0n, true);
        world.must('thread_set_state', BASE, world.buffer);
        return { bytes: new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]) };
      },
    });
    emit(code);
    code.label('wait').ecall();
    build(world, code, options);
    world.finish();
    const expected = cases.map(([fault], i) => [faults[fault], CODE + code.at(`call ${i}`)]);
    assert.equal(told, expected);
  }
});

test.run();
