/**
 * Scenarios of what hangs on an object that goes away: who is let go first is a matter of persistent words. Tests only.
 */
import * as assert from 'uvu/assert';
import { Assembler, a0, a1, s0, s1, t0, t2, zero } from './assembler.ts';
import type { Scenario } from './scenarios.ts';
import { CODE, DATA, own, PROGRAM, SLAB_SIZE } from './world.ts';

const GATE = PROGRAM + own.gate;
const BASE = SLAB_SIZE;
const A = 0x100;
const B = 0x120;
const OWNER = 0x200;

/** Locks `first` and `second`, and sleeps for good. */
function owner(code: Assembler, label: string, first: number, second: number): void {
  code
    .label(label)
    .call('mutex_lock', PROGRAM + first)
    .call('mutex_lock', PROGRAM + second);
  code.call('clock_read').li(t0, 1_000_000_000).add(a0, a1, t0).invoke('clock_sleep').end(GATE);
}

function scenario(first: number, second: number): Scenario {
  const arrival = first < second ? 'as they were made' : 'the other way round';
  return {
    name: `a thread is destroyed that owns two mutexes, locked ${arrival}: the waiters of the older go on first`,
    build(world) {
      const code = new Assembler();
      // The last to run: by then the others wait.
      code.li(s1, 30).label('warm').addi(s1, s1, -1).bne(s1, zero, 'warm');
      code.call('thread_destroy', PROGRAM + OWNER).end(GATE);
      owner(code, 'owner', first, second);
      code.label('waiter').mv(a0, s1).invoke('mutex_lock').li(t2, DATA);
      code.ld(t0, t2).slli(t0, t0, 4).add(t0, t0, s0).sd(t0, t2).end(GATE);
      world.addProgram(1, code, { priority: 10 });
      world.make(BASE, { [A]: 'mutex', [B]: 'mutex' });
      world.addThread(BASE, OWNER, { pc: CODE + code.at('owner'), priority: 20 });
      for (const [place, mutex, letter] of [
        [0x220, B, 0xb],
        [0x240, A, 0xa],
      ] as const) {
        world.addThread(BASE, place, { pc: CODE + code.at('waiter'), x8: letter, x9: PROGRAM + mutex });
      }
    },
    check: (world) => assert.is(world.word(BASE + DATA - PROGRAM), 0xab),
  };
}

export const endScenarios: readonly Scenario[] = [scenario(A, B), scenario(B, A)];
