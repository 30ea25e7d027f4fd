/**
 * Scenarios of memory from inside: objects that move while others wait on them and link to them, windows onto windows
 * whose rights change. Part of `scenarios.ts`, and run in all
 * its modes. Tests only.
 */
import * as assert from 'uvu/assert';
import { PAGE_SIZE } from '../../src/base/limits.ts';
import { Assembler, a0, a1, a2, s0, s1, s2, s3, s4, t1, t2, zero } from './assembler.ts';
import type { Scenario } from './scenarios.ts';
import { CODE, DATA, own, PROGRAM, SLAB_SIZE } from './world.ts';

const GATE = PROGRAM + own.gate;
const BASE = SLAB_SIZE;
const DATA_OFFSET = DATA - PROGRAM;

const moves: Scenario = {
  name: 'objects move while others wait on them and link to them',
  build(world) {
    // Two threads wait for the mutex while its owner moves it away and back, a third calls a port that moves, a fourth
    // is stopped and moves itself; a region that collects notes all of it.
    const mutex = PROGRAM + 0x100;
    const code = new Assembler().call('mutex_lock', mutex).li(s2, DATA);
    code.li(t1, 3).label('spin').addi(t1, t1, -1).bne(t1, zero, 'spin');
    code.call('clock_read').addi(a0, a1, 2000).invoke('clock_sleep');
    code.call('region_collect', PROGRAM + 0x120, DATA + 0x1000, 0);
    code.call('mutex_move', mutex, PROGRAM + 0x800).call('port_move', PROGRAM + 0x140, PROGRAM + 0x820);
    code.call('mutex_move', PROGRAM + 0x800, PROGRAM + 0x1000 - 0x20);
    code.call('thread_move', PROGRAM + 0x240, PROGRAM + 0x840);
    code
      .call('region_move', PROGRAM + 0x120, PROGRAM + 0x860)
      .call('cond_move', PROGRAM + 0x180, PROGRAM + 0x880);
    code.call('portset_move', PROGRAM + 0x160, PROGRAM + 0x8a0);
    code.call('reference_move', PROGRAM + 0x1a0, PROGRAM + 0x8c0);
    code.call('region_search', PROGRAM + 0x860, 0, 0x1000, DATA + 0x3000, 64);
    code.call('mutex_move', PROGRAM + 0x1000 - 0x20, mutex).call('mutex_unlock', mutex);
    code.call('ipc_wait_receive', PROGRAM + 0x8a0, 0, 0, DATA + 0x20, 8).mv(s4, a2);
    code.call('ipc_reply', 0, DATA + 0x20, 8);
    code.call('clock_read').addi(a0, a1, 2000).invoke('clock_sleep');
    code
      .call('region_collect', PROGRAM + 0x860, DATA + 0x1000, 64)
      .mv(s3, a2)
      .end(GATE);
    code.label('waiter').call('mutex_lock', mutex).ld(t2, s2).slli(t2, t2, 4).add(t2, t2, s0).sd(t2, s2);
    code.call('mutex_unlock', mutex).end(GATE);
    code
      .label('caller')
      .call('ipc_call', PROGRAM + 0x1c0, DATA, 8, DATA + 0x40, 8)
      .end(GATE);
    world.addProgram(1, code);
    world.make(BASE, {
      256: 'mutex',
      288: 'region',
      320: 'port',
      352: 'portset',
      384: 'cond',
      416: 'reference',
      448: 'reference',
      480: 'reference',
    });
    world.must('portset_reference', BASE + 0x160, BASE + 0x1a0);
    world.setState('port', BASE + 0x140, { alias: 99 }, [BASE + 0x1a0]);
    world.must('port_reference', BASE + 0x140, BASE + 0x1c0);
    world.must('cond_reference', BASE + 0x180, BASE + 0x1e0);
    world.setState('region', BASE + 0x120, { startAddress: PROGRAM, size: PAGE_SIZE, protection: 7 }, [
      BASE + own.spaceReference,
    ]);
    const waiter = CODE + code.at('waiter');
    world.addThread(BASE, 0x200, { pc: waiter, x8: 1, x18: DATA });
    world.addThread(BASE, 0x220, { pc: waiter, x8: 2, x18: DATA });
    world.addThread(BASE, 0x240, { pc: waiter, flags: 1 });
    world.addThread(BASE, 0x260, { pc: CODE + code.at('caller') });
  },
  check(world) {
    const x = world.thread(BASE).x;
    assert.is(world.word(BASE + DATA_OFFSET), 0x12, 'the waiters had the mutex in their order');
    assert.is(Number(x[s4]), 99, 'the client that waited at the port was received where it moved to');
    const count = 64 - Number(x[s3]);
    const found = world.items(BASE + DATA_OFFSET + 0x1000, count);
    const at = (offset: number) => found.find((entry) => entry.offset === offset);
    // What moved is gone at its old places and there at the new; whoever links to it has changed.
    for (const offset of [0x140, 0x160, 0x180, 0x1a0, 0x240, 0x120])
      assert.is(at(offset)?.kind, 2, `gone ${offset}`);
    for (const offset of [0x800, 0xfe0]) assert.is(at(offset)?.kind, 2, `gone again ${offset}`);
    for (const offset of [0x820, 0x840, 0x860, 0x880, 0x8a0, 0x8c0, 0x100]) {
      assert.is(at(offset)?.kind, 1, `there ${offset.toString(16)}`);
    }
    for (const offset of [0x1c0, 0x1e0]) assert.is(at(offset)?.kind, 1, `linker ${offset.toString(16)}`);
  },
};

const WINDOW = 0x3000_0000;

const windows: Scenario = {
  name: 'windows onto windows change their rights and their place while a program looks through them',
  build(world) {
    // A window of the program onto a region of another space, whose own window leads back into the program's slab. The
    // program narrows and widens its window; its trap handler is the keeper of nothing: it counts, and skips the store.
    const code = new Assembler().li(s0, WINDOW).li(s1, 5).li(s2, DATA);
    code
      .label('loop')
      .sd(s1, s0)
      .call('mapping_protect', PROGRAM + 0x100, 1)
      .ld(t2, s0);
    code.ld(t1, s2, 8).add(t1, t1, t2).sd(t1, s2, 8).sd(s1, s0, 8);
    code
      .call('mapping_protect', PROGRAM + 0x100, 7)
      .addi(s1, s1, -1)
      .bne(s1, zero, 'loop');
    code.call('region_protect', PROGRAM + 0x120, 1).sd(s1, s0, 16);
    code.call('region_protect', PROGRAM + 0x120, 7).sd(s0, s0, 24);
    code
      .call('mapping_move', PROGRAM + 0x100, PROGRAM + 0x700)
      .call('space_move', PROGRAM + 0x140, PROGRAM + 0x720);
    code
      .ld(s3, s0, 24)
      .call('mapping_destroy', PROGRAM + 0x700)
      .ld(t2, s0)
      .end(GATE);
    code
      .label('trap')
      .li(27, DATA + 0x100)
      .ld(26, 27)
      .addi(26, 26, 1)
      .sd(26, 27);
    code
      .li(a0, DATA + 0x200)
      .invoke('thread_get_saved_state')
      .li(27, DATA + 0x200)
      .ld(26, 27)
      .addi(26, 26, 4)
      .sd(26, 27);
    code
      .li(a0, DATA + 0x200)
      .invoke('thread_set_saved_state')
      .invoke('thread_return_from_exception');
    world.addProgram(1, code, { flags: 2, trapHandler: CODE + code.at('trap') });
    world.make(BASE, {
      256: 'mapping',
      288: 'region',
      320: 'space',
      352: 'mapping',
      384: 'reference',
      416: 'reference',
    });
    world.must('space_reference', BASE + 0x140, BASE + 0x180);
    world.setState('region', BASE + 0x120, { startAddress: 0x10_0000, size: PAGE_SIZE, protection: 7 }, [
      BASE + 0x180,
    ]);
    world.must('region_reference', BASE + 0x120, BASE + 0x1a0);
    const lower = { startAddress: 0x10_0000, size: PAGE_SIZE, regionOffset: BASE + 0x6_0000, protection: 7 };
    world.setState('mapping', BASE + 0x160, lower, [world.reference('region'), BASE + 0x180]);
    world.setState('mapping', BASE + 0x100, { startAddress: WINDOW, size: PAGE_SIZE, protection: 7 }, [
      BASE + 0x1a0,
      BASE + own.spaceReference,
    ]);
  },
  check(world) {
    assert.is(world.word(BASE + DATA_OFFSET + 8), 5 + 4 + 3 + 2 + 1, 'it read what it had written');
    // Five stores through the narrow window, one through the narrow region, one load without a window.
    assert.is(world.word(BASE + DATA_OFFSET + 0x100), 7);
    assert.equal(world.words(BASE + 0x6_0000, 4), [1, 0, 0, WINDOW]);
    assert.is(Number(world.thread(BASE).x[s3]), WINDOW);
  },
};

export const memoryScenarios: readonly Scenario[] = [moves, windows];
