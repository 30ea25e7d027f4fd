/**
 * What the hart keeps of page tables goes with them, however many pages a change takes away at once, and wherever they
 * lie in the tables.
 *
 * A window of many pages is touched page by page, so that the TLB has what fits into it; then the chain changes.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { causes, faults } from '../../src/kernel/abi/codes.ts';
import { Assembler, s0, s1, s2, s3, t0 } from './assembler.ts';
import { CODE, own, PROGRAM, SLAB_SIZE, World } from './world.ts';

const BASE = SLAB_SIZE;
const PAGE = 4096;
/** Content of the window: pages of the segment from here on, each with its number as the first word. */
const CONTENT = 8 * SLAB_SIZE;
/** Pages of a leaf table. */
const TABLE = 512;
const MAPPING = BASE + 0x300;
const REGION = BASE + 0x320;
/** So many pages that the hart is told of each, one more, and tables as a whole. */
const COUNTS = [1, 2, 63, 64, 65, 130, TABLE + 40];
/** Where the window begins: in a table, at its last page, so that it reaches into the next, and at its first. */
const STARTS = [0x3000_0000 + 5 * PAGE, 0x3000_0000 + (TABLE - 1) * PAGE, 0x3020_0000];

/** Reads s1 pages from s0 on, which begin with the numbers from s2 on, writes each back, and ends; s3: where it got to. */
function reader(): Assembler {
  const code = new Assembler().li(s3, 0).label('next').ld(t0, s0).bne(t0, s2, 'done').sd(t0, s0);
  code.addi(s3, s3, 1).addi(s2, s2, 1).li(t0, PAGE).add(s0, s0, t0).bne(s3, s1, 'next');
  return code.label('done').end(PROGRAM + own.gate);
}

function worldWith(start: number, count: number): World {
  const world = new World();
  const base = world.addProgram(1, reader(), { x8: start, x9: count, x18: 0 });
  for (let page = 0; page <= count; page += 1) {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(page), true);
    world.write(CONTENT + page * PAGE, bytes);
  }
  world.make(base, {
    768: 'mapping',
    800: 'region',
    832: 'reference',
    864: 'space',
    896: 'reference',
    928: 'mapping',
  });
  // The region lies in a space between, and has no keeper: what it forbids, nobody grants.
  const between = { startAddress: PROGRAM, size: (count + 1) * PAGE, protection: 7 };
  world.must('space_reference', BASE + 864, BASE + 896);
  world.setState('mapping', BASE + 928, { ...between, regionOffset: CONTENT }, [
    world.reference('region'),
    BASE + 896,
  ]);
  world.setState('region', REGION, between, [BASE + 896, 0]);
  world.must('region_reference', REGION, BASE + 832);
  show(world, start, count, 0);
  world.finish();
  assert.is(world.thread(base).x[s3], BigInt(count), 'all of the window is there');
  return world;
}

/** The window shows the content from this page on. */
function show(world: World, start: number, count: number, page: number): void {
  const words = { startAddress: start, size: count * PAGE, regionOffset: page * PAGE, protection: 7 };
  world.setState('mapping', MAPPING, words, [BASE + 832, BASE + own.spaceReference]);
}

test('a window that shows something else shows it in each of its pages at once', () => {
  for (const start of STARTS) {
    for (const count of COUNTS) {
      const world = worldWith(start, count);
      show(world, start, count, 1);
      world.addThread(BASE, 0x400, { pc: CODE, x8: start, x9: count, x18: 1 });
      world.finish();
      assert.is(
        world.thread(BASE + 0x400).x[s3],
        BigInt(count),
        `${count} pages from 0x${start.toString(16)}`,
      );
    }
  }
});

test('a region that takes a right away takes it from each page that was seen through it, and gives it back', () => {
  for (const start of STARTS) {
    for (const count of [1, 63, 64, 65, 130]) {
      const world = worldWith(start, count);
      world.must('region_protect', REGION, 1);
      const probes = Array.from({ length: count }, (_, page) => {
        const at = 0x400 + 0x20 * page;
        world.addThread(BASE, at, { pc: CODE, x8: start + page * PAGE, x9: 1, x18: page });
        return BASE + at;
      });
      world.finish();
      for (const probe of probes) assert.is(world.thread(probe).x[s3], 0n, 'no page may be written to');
      world.must('region_protect', REGION, 3);
      world.addThread(BASE, 0x3e0, { pc: CODE, x8: start, x9: count, x18: 0 });
      world.finish();
      assert.is(world.thread(BASE + 0x3e0).x[s3], BigInt(count), 'all of the window is there again');
    }
  }
});

test('the kernel writes no buffer into a window that may only be read, also where the hart has read it before', () => {
  const at = 0x3000_0000;
  const world = new World();
  const code = new Assembler().ld(s3, s0).label('before');
  code.call('mutex_peek_state', PROGRAM + 0x300, at).end(PROGRAM + own.gate);
  const base = world.addProgram(1, code, { x8: at });
  world.make(base, { 768: 'mutex', 800: 'mapping' });
  world.write(CONTENT, new Uint8Array(64).fill(7));
  world.setState(
    'mapping',
    BASE + 800,
    { startAddress: at, size: PAGE, regionOffset: CONTENT, protection: 1 },
    [world.reference('region'), BASE + own.spaceReference],
  );
  world.run();
  assert.is(world.thread(base).x[s3], 0x0707_0707_0707_0707n, 'it was read');
  assert.is(world.thread(base).faultCode, BigInt(faults.processor + causes.storePageFault));
  assert.is(world.thread(base).faultAddress, BigInt(at));
  assert.equal([...world.read(CONTENT, 64)], new Array(64).fill(7));
});

test.run();
