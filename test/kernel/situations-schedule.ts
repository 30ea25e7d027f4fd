/**
 * Situations of donated time: a scheduler in user mode, whose children spin, or sleep and ask again. Tests only.
 */
import { sensitivities } from '../../src/kernel/abi/entry.ts';
import { Assembler, s0, s1, t0, zero } from './assembler.ts';
import type { Situation } from './atomicity.ts';
import { addScheduler, adopt, buildShares, start, strideScheduler } from './scenarios-schedule.ts';
import { doze, GATE } from './situations-kit.ts';
import { SLAB_SIZE, type World } from './world.ts';

export const donations: readonly Situation[] = [
  {
    name: 'a scheduler gives its processor to three that spin',
    build: (world) => buildShares(world, 6, false),
  },
  ...(['block', 'switch', 'conflict'] as const).map((sensitivity) => ({
    name: `a scheduler gives its processor to two that sleep and ask again: it is told of each ${sensitivity}`,
    build(world: World): void {
      const sharing = strideScheduler(2, 60, sensitivities[sensitivity]);
      const scheduler = addScheduler(world, 2, sharing, [2, 1]);
      const code = new Assembler().li(s1, 2).label('loop').li(t0, 20);
      code.label('spin').addi(t0, t0, -1).bne(t0, zero, 'spin');
      doze(code, 300).addi(s0, s0, 1).addi(s1, s1, -1).bne(s1, zero, 'loop').end(GATE);
      const base = world.addProgram(1, code, { flags: 1 });
      for (let i = 0; i < 2; i += 1) {
        world.make(base, { [0x200 + 0x20 * i]: 'thread' });
        adopt(world, scheduler, i, base + 0x200 + 0x20 * i);
        start(world, base, 0x200 + 0x20 * i, scheduler, { schedulerValue: i });
      }
      start(world, 2 * SLAB_SIZE, 0, null, {});
    },
  })),
];
