/**
 * Puts spaces between a program and the memory it was given: each with one window onto a region of the space below, at
 * the same addresses. For tests and for the benchmark of what one level costs. Tests only.
 */
import { own, PROGRAM, SLAB_SIZE, type World } from './world.ts';

/**
 * The program in slab 1 sees its slab through `levels` windows, itself being the last. Level i (from 1) has its space,
 * reference, region, reference and mapping at 0x100 x i from the address that comes back.
 */
export function nest(world: World, levels: number): number {
  const base = SLAB_SIZE;
  const objects = base + 0xe_0000;
  const at = (level: number, slot: number): number => objects + level * 0x100 + slot * 0x20;
  let below = world.reference('region');
  let offset = base;
  for (let level = 1; level < levels; level += 1) {
    world.make(at(level, 0), { 0: 'space', 32: 'reference', 64: 'region', 96: 'reference', 128: 'mapping' });
    world.must('space_reference', at(level, 0), at(level, 1));
    world.must('region_reference', at(level, 2), at(level, 3));
    const window = { startAddress: PROGRAM, size: SLAB_SIZE, regionOffset: offset, protection: 7 };
    world.setState('mapping', at(level, 4), window, [below, at(level, 1)]);
    world.setState('region', at(level, 2), { startAddress: PROGRAM, size: SLAB_SIZE, protection: 7 }, [
      at(level, 1),
    ]);
    below = at(level, 3);
    offset = 0;
  }
  const top = { startAddress: PROGRAM, size: SLAB_SIZE, regionOffset: offset, protection: 7 };
  world.setState('mapping', base + own.mapping, top, [below, base + own.spaceReference]);
  return objects;
}
