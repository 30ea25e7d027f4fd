/**
 * Collectors inside the subtree: what a program notes in the changed sets of its own regions is its own affair. It
 * changes nobody's memory, holds no more of the host than its bound, and is the same after a restart.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  CHANGED_ITEMS_MAX,
  CLIMB_STEPS_MAX,
  NESTED_COLLECTORS_MAX,
  PLACES_MAX,
  STEPS_PER_WORK,
} from '../../src/base/limits.ts';
import { outcomes } from '../../src/kernel/abi/codes.ts';
import { itemKinds } from '../../src/kernel/abi/memory.ts';
import { climb } from '../../src/kernel/memory/climb.ts';
import { forgetWindow } from '../../src/kernel/memory/forget.ts';
import type { Space } from '../../src/kernel/state.ts';
import { assertSame, describeImage } from './rebuild.ts';
import { SLAB_SIZE, World } from './world.ts';

const BASE = SLAB_SIZE;
const PAGE = 4096;
const AREA = 0x2000_0000;
/** A space, its window, and regions over that. */
const nested = {
  space: BASE + 0x400,
  mapping: BASE + 0x420,
  spaceReference: BASE + 0x440,
  region: BASE + 0x460,
};
const PAGES = 16;

/** A space that sees so many pages of the slab, from this offset on, and `count` regions over all of it. */
function makeNested(world: World, offset: number, bits: number, count = 1): void {
  world.make(BASE, { 1024: 'space', 1056: 'mapping', 1088: 'reference' });
  world.must('space_reference', nested.space, nested.spaceReference);
  const window = { regionOffset: BASE + offset, startAddress: AREA, size: PAGES * PAGE, protection: bits };
  world.setState('mapping', nested.mapping, window, [world.reference('region'), nested.spaceReference]);
  for (let i = 0; i < count; i += 1) {
    const region = nested.region + 0x20 * i;
    world.must('region_create', region);
    const words = { startAddress: AREA, size: PAGES * PAGE, protection: bits };
    world.setState('region', region, words, [nested.spaceReference]);
  }
}

test('a page that a program only says is gone keeps what is in it, and so does one whose discard it has not collected', () => {
  const world = new World();
  makeNested(world, 0x5000, 1);
  world.write(BASE + 0x5000, new Uint8Array([1, 2, 3]));
  world.must('region_mark_changed', nested.region, 0, itemKinds.pageGone);
  world.evict(BASE + 0x5000);
  world.supply(BASE + 0x5000);
  assert.is(world.word(BASE + 0x5000), 0x030201, 'it may only read the page');

  const page = BASE + 0x7000;
  world.must('mapping_protect', nested.mapping, 7);
  world.must('region_protect', nested.region, 7);
  world.must('region_discard', nested.region, 0x2000, PAGE);
  world.collect();
  // The window goes elsewhere while the page is written.
  world.setState('mapping', nested.mapping, { startAddress: AREA, size: 0, protection: 7 });
  world.write(page, new Uint8Array([9]));
  world.evict(page);
  const window = { regionOffset: BASE + 0x5000, startAddress: AREA, size: PAGES * PAGE, protection: 7 };
  world.setState('mapping', nested.mapping, window);
  world.supply(page);
  assert.is(world.word(page), 9);
  world.kernel.check();
});

test('a region without a space holds no more changes than any other, and counts among those that collect', () => {
  const world = new World();
  world.make(BASE, { 1024: 'space', 1088: 'reference', 1120: 'region' });
  world.setState('region', nested.region, { startAddress: 0, size: 2 ** 40, protection: 1 });
  let count = 0;
  while (
    world.call('region_mark_changed', nested.region, count * PAGE, itemKinds.page) === outcomes.success
  ) {
    count += 1;
    if (count > CHANGED_ITEMS_MAX) break;
  }
  assert.is(count, CHANGED_ITEMS_MAX);
  // Those whose space goes away keep their sets: they count as before.
  world.must('space_reference', nested.space, nested.spaceReference);
  const words = { startAddress: AREA, size: PAGES * PAGE, protection: 7, collecting: 1 };
  for (let i = 1; i < NESTED_COLLECTORS_MAX; i += 1) {
    world.must('region_create', nested.region + 0x20 * i);
    world.setState('region', nested.region + 0x20 * i, words, i % 2 === 0 ? [] : [nested.spaceReference]);
  }
  world.must('space_destroy', nested.space);
  world.kernel.check();
  const more = nested.region + 0x20 * NESTED_COLLECTORS_MAX;
  world.must('region_create', more);
  assert.is(world.call('region_collect', more, world.buffer, 0), outcomes.noMemory);
  world.must('region_destroy', nested.region);
  world.must('region_collect', more, world.buffer, 0);
  world.kernel.check();
});

test('sets of regions that lie in each other are after a restart what they were, whatever the order', () => {
  const world = new World();
  makeNested(world, 0, 7, 3);
  for (let i = 0; i < 3; i += 1) world.must('region_collect', nested.region + 0x20 * i, world.buffer, 0);
  world.run();
  // One whose set has been full for long; the others know nothing of it.
  for (const offset of [0x3000, 0x5000]) {
    world.must('region_mark_changed', nested.region + 0x20, offset, itemKinds.page);
  }
  for (const region of [nested.region, nested.region + 0x40]) {
    world.must('region_collect', region, world.buffer, 100);
    world.must('region_collect', region, world.buffer, 100);
  }
  const before = describeImage(world.save());
  for (let life = 0; life < 2; life += 1) {
    world.rebuild();
    assertSame(describeImage(world.save()), before, `life ${life}`);
  }
  world.kernel.check();
});

test('any number of regions and windows may be piled over one address: what looks through them is bounded', () => {
  const world = new World();
  const count = CLIMB_STEPS_MAX + 100;
  makeNested(world, 0, 7, count);
  const k = world.kernel.state;
  const last = nested.region + 0x20 * (count - 1);
  world.must('region_collect', nested.region, world.buffer, 0);
  world.must('region_collect', last, world.buffer, 0);
  let looked = 0;
  const look = (space: Space): number =>
    climb(
      space,
      AREA,
      () => true,
      () => {
        looked += 1;
      },
    );
  const space = [...k.bySerial.values()].find((object) => object.address === nested.space) as Space;
  assert.is(look(space), CLIMB_STEPS_MAX);
  assert.is(looked, CLIMB_STEPS_MAX);
  // The image's own collector is there before all of them.
  world.collect();
  world.must('mutex_create', BASE);
  assert.equal(
    world.collect().map((change) => [change.offset - BASE, change.kind]),
    [
      [0, itemKinds.object],
      [nested.region - BASE, itemKinds.object],
    ],
  );
  // A window that shows less: all tables go instead of what is seen through each of the regions.
  k.work = 0;
  world.must('region_set_state', nested.region, 0, 0, 0);
  forgetWindow(k, space, AREA, AREA + PAGE);
  const work = k.work;
  k.work = 0;
  assert.ok(work > 0 && work <= PLACES_MAX + CLIMB_STEPS_MAX / STEPS_PER_WORK + 1, `${work} units of work`);
  world.kernel.check();
});

test('what is made, moved and destroyed between two collects takes no more of the host than what lives', () => {
  const world = new World();
  const k = world.kernel.state;
  world.must('mutex_create', BASE + 0x20);
  for (let i = 0; i < 10_000; i += 1) {
    world.must('mutex_create', BASE);
    world.must('mutex_move', BASE + 0x20, BASE + 0x40);
    world.must('mutex_move', BASE + 0x40, BASE + 0x20);
    world.must('mutex_destroy', BASE);
  }
  const notesMax = 2 * k.bySerial.size + 4096 + 1;
  assert.ok(k.touched.length <= notesMax, `${k.touched.length} touched`);
  assert.ok(k.moved.length <= notesMax, `${k.moved.length} moved`);
  assert.equal(
    world.collect().map((change) => [change.offset - BASE, change.kind]),
    [
      [0, itemKinds.objectGone],
      [0x20, itemKinds.object],
      [0x40, itemKinds.objectGone],
    ],
  );
  world.kernel.check();
});

test.run();
