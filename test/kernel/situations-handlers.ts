/**
 * Situations of a thread's own handlers: exceptions, interrupts from every kind of wait, pending ones. Tests only.
 */
import * as assert from 'uvu/assert';
import { entries } from '../../src/kernel/abi/entries.ts';
import { type Assembler, s1, s4, s5, t1, t2, zero } from './assembler.ts';
import { ACTOR_BASE, alone, doze, GATE, keep, type Place } from './situations-kit.ts';
import { CODE, DATA, own, PROGRAM, type World } from './world.ts';

const RESULTS = DATA + 0x2_0000;
const MUTEX = PROGRAM + 0x180;
const COND = PROGRAM + 0x1a0;
const SET = PROGRAM + 0x1c0;
const INTERRUPTER = 0x300;
/** The thread of the program itself, which the other one interrupts. */
const MAIN = PROGRAM + own.thread;

/** Goes back without touching what a call under way has in its registers. */
function goBack(code: Assembler): Assembler {
  return code.li(17, entries.thread_return_from_exception.number).ecall();
}

/** A program that has handlers; `main` is what it does then. */
function withHandlers(code: Assembler, buffer: number, main: (code: Assembler) => unknown): Assembler {
  code.j('main');
  // Exceptions: the instruction is passed over by changing the saved state.
  code
    .label('trap')
    .addi(s4, s4, 1)
    .call('thread_get_saved_state', buffer + 0x100);
  code
    .li(t1, buffer + 0x100)
    .ld(t2, t1)
    .addi(t2, t2, 4)
    .sd(t2, t1);
  code.call('thread_set_saved_state', buffer + 0x100).call('thread_return_from_exception');
  code.label('interrupt').addi(s5, s5, 1);
  goBack(code);
  code.label('main').call('thread_set_handlers', buffer).call('thread_enable_exceptions');
  main(code);
  return code;
}

/** Where the handlers begin: trap, interrupt, and the alerts as interrupts. */
function furnishHandlers(world: World, place: Place, code: Assembler): void {
  const trap = CODE + code.at('trap');
  const interrupt = CODE + code.at('interrupt');
  const words = new BigUint64Array([trap, interrupt, interrupt, interrupt].map(BigInt));
  world.write(place.at(0), new Uint8Array(words.buffer));
}

export const exceptions = alone({
  name: 'exceptions go to a handler, which passes over the instruction',
  code(code, place) {
    withHandlers(code, place.buffer(0), () => {
      code.call('thread_get_handlers', place.buffer(1)).ebreak().illegal().call('mutex_lock', MUTEX);
      code.li(t1, 0x7000_0000).sd(t1, t1).call('thread_disable_exceptions');
    });
  },
  furnish: furnishHandlers,
  check: (world) => assert.is(Number(world.thread(ACTOR_BASE).x[s4]), 4),
});

/** Somebody interrupts the main thread so many times, in whatever it is. */
function interrupter(code: Assembler, times: number): Assembler {
  code.end(GATE).label('interrupter').li(s1, times);
  doze(code.label('again'), 250).call('thread_interrupt', MAIN).addi(s1, s1, -1).bne(s1, zero, 'again');
  return code;
}

export const interrupts = alone({
  name: 'interrupts come into waits of every kind, and wait while they are not wanted',
  code(code, place) {
    withHandlers(code, place.buffer(0), () => {
      doze(code, 400);
      keep(code, RESULTS).call('mutex_lock', MUTEX);
      // The other thread of the program holds it for a while.
      keep(code, RESULTS + 0x40).call('cond_wait', COND, MUTEX);
      keep(code, RESULTS + 0x80)
        .call('mutex_unlock', MUTEX)
        .call('thread_disable_exceptions');
      doze(code, 600).call('thread_enable_exceptions');
      code.call('ipc_wait_receive', SET, 0, 0, place.buffer(1), 8);
    });
    interrupter(code, 12);
    code.end(GATE).label('holder').call('mutex_lock', MUTEX);
    doze(code, 900).call('mutex_unlock', MUTEX);
    doze(code, 900).call('cond_signal', COND).end(GATE);
  },
  furnish(world, place, code) {
    furnishHandlers(world, place, code);
    world.make(ACTOR_BASE, { 384: 'mutex', 416: 'cond', 448: 'portset' });
    world.addThread(ACTOR_BASE, INTERRUPTER, { pc: CODE + code.at('interrupter'), priority: 18 });
    world.addThread(ACTOR_BASE, INTERRUPTER + 0x20, { pc: CODE + code.at('holder'), priority: 17 });
  },
  check: (world) => assert.ok(Number(world.thread(ACTOR_BASE).x[s5]) >= 6),
});
