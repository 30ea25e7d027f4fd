/**
 * Situations of donated time: a scheduler in user mode with two children that spin and sleep. Tests only.
 */
import { Assembler, a0, a1, s0, s1, t0, zero } from './assembler.ts';
import type { Situation } from './atomicity.ts';
import { addScheduler, adopt, start, strideScheduler } from './scenarios-schedule.ts';
import { PROGRAM, SLAB_SIZE } from './world.ts';

/** Each child spins a little and sleeps a little, so that it asks again and again. */
export const donations: readonly Situation[] = [0, 1].map((sensitivity) => ({
  name: `a scheduler donates to two children, sensitivity ${sensitivity}`,
  build(world) {
    const scheduler = addScheduler(world, 2, strideScheduler(2, 9, sensitivity), [2, 1]);
    const code = new Assembler()
      .label('loop')
      .li(t0, 12)
      .label('spin')
      .addi(t0, t0, -1)
      .bne(t0, zero, 'spin');
    code.call('clock_read').add(a0, a1, s0).invoke('clock_sleep').addi(s1, s1, 1).j('loop');
    const base = world.addProgram(1, code, { flags: 1 });
    for (let i = 0; i < 2; i += 1) {
      world.make(base, { [0x200 + 0x20 * i]: 'thread' });
      adopt(world, scheduler, i, base + 0x200 + 0x20 * i);
      start(world, base, 0x200 + 0x20 * i, scheduler, { schedulerValue: i, x8: 30 + 20 * i });
    }
    start(world, 2 * SLAB_SIZE, 0, null, { threadAddress: PROGRAM });
  },
  seesStops: true,
}));
