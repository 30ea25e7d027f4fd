/**
 * Memory: rights along the chain, the bottom of memory, and the changed sets, against small models.
 */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { faults, outcomes } from '../../src/kernel/abi/codes.ts';
import type { EntryName } from '../../src/kernel/abi/entries.ts';
import { itemKinds } from '../../src/kernel/abi/memory.ts';
import { Assembler, s0, s1, s2, s3, t0, t1, zero } from './assembler.ts';
import { CODE, DATA, own, PROGRAM, SEGMENT_SIZE, SLAB_SIZE, World } from './world.ts';

const BASE = SLAB_SIZE;
const GATE = PROGRAM + own.gate;
const PAGE = 4096;
const SEED = 20_240_611;

/** A program that stores to the address in s0, loads from it, and ends; s1 tells how far it came. */
function prober(): Assembler {
  const code = new Assembler().li(s1, 0).ld(s2, s0).li(s1, 1).sd(s2, s0).li(s1, 2);
  return code.end(GATE);
}

test('rights are intersected along a chain of any depth, and a change at any level shows at once', () => {
  const rights = fc.constantFrom(0, 1, 3, 4, 5, 7);
  const property = fc.property(
    fc.array(fc.tuple(rights, rights), { minLength: 1, maxLength: 9 }),
    rights,
    (levels, late) => {
      const world = new World();
      world.addProgram(1, prober(), { x8: 0x3000_0000 });
      // Level i: a space with a mapping of the region below and a region over the same window.
      let regionReference = world.reference('region');
      let rightsBelow = 7;
      levels.forEach(([mappingRights, regionRights], i) => {
        const at = BASE + 0x4000 + 0x100 * i;
        for (const [offset, type] of [
          [0, 'space'],
          [0x20, 'mapping'],
          [0x40, 'region'],
          [0x60, 'reference'],
          [0x80, 'reference'],
        ] as const) {
          world.must(`${type}_create`, at + offset);
        }
        world.must('space_reference', at, at + 0x60);
        const offset = i === 0 ? BASE + 0x2_0000 : 0;
        const words = { startAddress: 0x1_0000, size: PAGE, regionOffset: offset, protection: mappingRights };
        world.setState('mapping', at + 0x20, words, [regionReference, at + 0x60]);
        world.setState(
          'region',
          at + 0x40,
          { startAddress: 0x1_0000, size: PAGE, protection: regionRights },
          [at + 0x60],
        );
        world.must('region_reference', at + 0x40, at + 0x80);
        regionReference = at + 0x80;
        rightsBelow &= mappingRights & regionRights;
      });
      world.make(BASE, { 768: 'mapping' });
      const top = { startAddress: 0x3000_0000, size: PAGE, protection: 7 };
      world.setState('mapping', BASE + 0x300, top, [regionReference, BASE + own.spaceReference]);
      world.finish();
      world.kernel.check();
      const steps = (allowed: number): bigint => ((allowed & 1) === 0 ? 0n : (allowed & 2) === 0 ? 1n : 2n);
      assert.is(world.thread(BASE).x[s1], steps(rightsBelow));
      // The last level's region is protected otherwise: a second thread sees that.
      const last = BASE + 0x4000 + 0x100 * (levels.length - 1);
      world.must('region_protect', last + 0x40, late);
      const rest = levels.reduce((sum, [m, r], i) => sum & m & (i === levels.length - 1 ? 7 : r), 7);
      world.addThread(BASE, 0x200, { pc: CODE, x8: 0x3000_0000 });
      world.finish();
      world.kernel.check();
      assert.is(world.thread(BASE + 0x200).x[s1], steps(rest & late));
    },
  );
  fc.assert(property, { numRuns: 60, seed: SEED });
});

test('a circle of mappings reaches nothing and hangs nothing', () => {
  const world = new World();
  world.addProgram(1, prober(), { x8: 0x3000_0000 });
  world.make(BASE, { 768: 'mapping', 800: 'region', 832: 'reference' });
  const space = BASE + own.spaceReference;
  world.setState('region', BASE + 0x320, { startAddress: 0x3000_0000, size: PAGE, protection: 7 }, [space]);
  world.must('region_reference', BASE + 0x320, BASE + 0x340);
  world.setState('mapping', BASE + 0x300, { startAddress: 0x3000_0000, size: PAGE, protection: 7 }, [
    BASE + 0x340,
    space,
  ]);
  world.must('region_collect', BASE + 0x320, world.buffer, 0);
  world.finish();
  assert.is(world.thread(BASE).x[s1], 0n);
  world.collect();
  world.kernel.check();
});

/** What a program gets that makes this call when it may only read and execute its memory; a mutex lies at 0x320. */
function namingWithoutWrite(name: EntryName, address: number): { fault: number; world: World } {
  const world = new World();
  world.addProgram(1, new Assembler().call(name, address).end(GATE));
  world.make(BASE, { 800: 'mutex' });
  world.setState('mapping', BASE + own.mapping, {
    regionOffset: BASE,
    startAddress: PROGRAM,
    size: SLAB_SIZE,
    protection: 5,
  });
  world.run();
  return { fault: Number(world.thread(BASE).faultCode), world };
}

test('what cannot be named has no object: no mapping, no right to write, not aligned', () => {
  const world = new World();
  world.addProgram(1, new Assembler().call('mutex_create', 0x5000_0000).end(GATE));
  world.run();
  assert.is(Number(world.thread(BASE).faultCode), faults.invalidAddress);
  const made = namingWithoutWrite('mutex_create', PROGRAM + 0x300);
  assert.is(made.fault, faults.invalidAddress);
  assert.is(made.world.call('mutex_destroy', BASE + 0x300), faults.noObject);
  const locked = namingWithoutWrite('mutex_lock', PROGRAM + 0x320);
  assert.is(locked.fault, faults.invalidAddress);
  assert.is(namingWithoutWrite('mutex_lock', PROGRAM + 0x328).fault, faults.notAligned);
});

test('supply, evict, protect: each says what it finds', () => {
  const world = new World();
  const region = world.region;
  assert.is(world.call('region_evict', region, 0), outcomes.notFound);
  assert.is(world.call('region_protect_page', region, 0, 1), outcomes.notFound);
  assert.is(world.call('region_supply', region, 100, 0), faults.notAligned);
  assert.is(world.call('region_supply', region, SEGMENT_SIZE, 0), faults.invalidAddress);
  world.task.memory.fill(7, 15 * PAGE);
  world.must('region_supply', region, 0, world.task.memoryAddress + 15 * PAGE);
  assert.is(world.read(123, 1)[0], 7);
  assert.is(world.call('region_supply', region, 0, 0), outcomes.busy);
  assert.equal(world.collect(), [], 'a supplied page is not changed');
  world.must('region_evict', region, 0);
  assert.is(world.task.page(0), null);
  world.must('region_supply', region, 0, 0);
  assert.is(world.read(123, 1)[0], 0, 'the frame was cleared');
  world.must('region_mark_changed', region, 0, itemKinds.page);
  assert.is(world.call('region_evict', region, 0), outcomes.busy);
  world.collect();
  world.must('region_evict', region, 0);
  world.kernel.check();
});

test('RAM that is full is an outcome, and the page comes once another has gone', () => {
  const world = new World();
  let offset = 0;
  while (world.call('region_supply', world.region, offset, 0) === outcomes.success) offset += PAGE;
  assert.is(world.call('region_supply', world.region, offset, 0), outcomes.noMemory);
  assert.ok(offset > 8 * 1024 * 1024);
  world.must('region_evict', world.region, PAGE);
  world.must('region_supply', world.region, offset, 0);
  world.kernel.check();
});

test('a program larger than RAM runs, and its memory is right at the end', () => {
  const world = new World();
  const pages = 6000;
  const code = new Assembler().li(s0, 0x1000_0000).li(s1, pages).li(t0, PAGE);
  code.label('write').sd(s1, s0).add(s0, s0, t0).addi(s1, s1, -1).bne(s1, zero, 'write');
  code.li(s0, 0x1000_0000).li(s1, pages).li(s2, 0);
  code
    .label('read')
    .ld(t1, s0)
    .add(s2, s2, t1)
    .add(s0, s0, t0)
    .addi(s1, s1, -1)
    .bne(s1, zero, 'read')
    .end(GATE);
  world.addProgram(1, code);
  world.make(BASE, { 768: 'mapping' });
  const words = {
    startAddress: 0x1000_0000,
    size: pages * PAGE,
    regionOffset: 16 * SLAB_SIZE,
    protection: 3,
  };
  world.setState('mapping', BASE + 0x300, words, [world.reference('region'), BASE + own.spaceReference]);
  world.finish();
  assert.is(Number(world.thread(BASE).x[s2]), (pages * (pages + 1)) / 2);
  world.kernel.check();
});

test('a page that the keeper protects faults again on the next write, and only that', () => {
  const world = new World();
  const code = new Assembler().li(s0, DATA).li(s1, 5).sd(s1, s0).label('loop').ld(s2, s0);
  code.sd(s1, s0).addi(s1, s1, -1).bne(s1, zero, 'loop').end(GATE);
  world.addProgram(1, code);
  world.run(8);
  world.must('region_protect_page', world.region, BASE + 0x1_0000, 1);
  // Our pager only ever supplies: so it is asked without end, and control comes back.
  assert.is(world.run(), 'service');
  world.must('region_protect_page', world.region, BASE + 0x1_0000, 7);
  world.finish();
  assert.is(Number(world.thread(BASE).x[s1]), 0);
});

test('discard destroys the objects, and the pages are zeros whatever the pager still has', () => {
  const world = new World();
  world.write(BASE + 0x5000, new Uint8Array(PAGE).fill(9));
  world.must('mutex_create', BASE + 0x5040);
  world.collect();
  world.evict(BASE + 0x5000);
  assert.is(world.call('region_discard', world.region, BASE + 0x5000, 100), faults.notAligned);
  assert.is(world.call('region_discard', world.region, 0, 4097 * PAGE), faults.invalidAddress);
  world.must('region_discard', world.region, BASE + 0x5000, 2 * PAGE);
  assert.is(world.call('mutex_peek_state', BASE + 0x5040, 0), faults.noObject);
  world.supply(BASE + 0x5000);
  assert.is(world.read(BASE + 0x5000, 1)[0], 0);
  const kinds = world.collect().map((entry) => [entry.offset - BASE, entry.kind, entry.type]);
  assert.equal(kinds, [
    [0x5000, itemKinds.pageGone, 0],
    [0x5040, itemKinds.objectGone, 1],
    [0x6000, itemKinds.pageGone, 0],
  ]);
  world.kernel.check();
});

test('the changed set is what a model says, over random stores, object changes, discards and collects', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('store' as const), page: fc.nat(30) }),
    fc.record({ kind: fc.constant('make' as const), page: fc.nat(30) }),
    fc.record({ kind: fc.constant('destroy' as const), page: fc.nat(30) }),
    fc.record({ kind: fc.constant('discard' as const), page: fc.nat(30) }),
    fc.record({ kind: fc.constant('evict' as const), page: fc.nat(30) }),
    fc.record({ kind: fc.constant('collect' as const), page: fc.nat(30) }),
  );
  const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const world = new World();
    world.optOut('memory: model');
    // The program stores to where s0 says whenever it is started.
    const code = new Assembler().sd(s3, s0).end(GATE);
    world.addProgram(1, code);
    world.finish();
    world.collect();
    const expected = new Map<string, string>();
    const objects = new Set<number>();
    const place = (page: number): number => BASE + 0x2_0000 + page * PAGE;
    for (const { kind, page } of steps) {
      const offset = place(page);
      if (kind === 'store') {
        world.must('thread_get_state', BASE, 0);
        world.setState('thread', BASE, { pc: CODE, priority: 5, x8: PROGRAM + offset - BASE, x19: 1 });
        world.finish();
        expected.set(`page ${offset}`, `${itemKinds.page} 0`);
        expected.set(`object ${BASE}`, `${itemKinds.object} 8`);
      } else if (kind === 'make' && !objects.has(page)) {
        world.must('mutex_create', offset + 0x40);
        objects.add(page);
        expected.set(`object ${offset + 0x40}`, `${itemKinds.object} 1`);
      } else if (kind === 'destroy' && objects.delete(page)) {
        world.must('mutex_destroy', offset + 0x40);
        expected.set(`object ${offset + 0x40}`, `${itemKinds.objectGone} 1`);
      } else if (kind === 'discard') {
        world.must('region_discard', world.region, offset, PAGE);
        expected.set(`page ${offset}`, `${itemKinds.pageGone} 0`);
        if (objects.delete(page)) expected.set(`object ${offset + 0x40}`, `${itemKinds.objectGone} 1`);
      } else if (kind === 'evict') {
        const isThere = world.task.page(offset) !== null;
        const isChanged = expected.get(`page ${offset}`) !== undefined;
        const outcome = world.call('region_evict', world.region, offset);
        assert.is(outcome, !isThere ? outcomes.notFound : isChanged ? outcomes.busy : outcomes.success);
      } else if (kind === 'collect') {
        const items = world.collect();
        const got = items.map((entry) => [
          `${entry.kind >= itemKinds.page ? 'page' : 'object'} ${entry.offset}`,
          `${entry.kind} ${entry.type}`,
        ]);
        const sorted = [...got].sort((a, b) => String(a).localeCompare(String(b)));
        assert.equal(
          sorted,
          [...expected].sort((a, b) => String(a).localeCompare(String(b))),
        );
        const offsets = items.map((entry) => entry.offset);
        assert.equal(
          offsets,
          [...offsets].sort((a, b) => a - b),
          'in address order',
        );
        expected.clear();
      }
      world.kernel.check();
    }
  });
  fc.assert(property, { numRuns: 40, seed: SEED });
});

test("a changed page carries the pc of the first write, the kernel's own writes too", () => {
  const world = new World();
  world.optOut('memory: first pc');
  const code = new Assembler().li(s0, DATA).label('first').sd(s1, s0).sd(s1, s0, 8).label('call');
  code
    .call('kernel_record', DATA + PAGE)
    .label('end')
    .end(GATE);
  world.addProgram(1, code);
  world.collect();
  world.finish();
  const pages = world.collect().filter((entry) => entry.kind === itemKinds.page);
  assert.equal(
    pages.map((entry) => [entry.offset - BASE, entry.pc - CODE]),
    [
      [0x1_0000, code.at('first')],
      [0x1_1000, code.at('end') - 4],
    ],
  );
});

test('search finds what is there, whatever the size of its array, and collect stops where its array ends', () => {
  const world = new World();
  const places =
    fc.sample(fc.uniqueArray(fc.nat(5000), { minLength: 300, maxLength: 300 }), { numRuns: 1, seed: 3 })[0] ??
    [];
  for (const place of places) world.must('mutex_create', BASE + place * 32);
  const expected = places.map((place) => BASE + place * 32).sort((a, b) => a - b);
  for (const room of [1, 7, 300, 400]) {
    const found: number[] = [];
    let [offset, size] = [0, SEGMENT_SIZE];
    while (size > 0) {
      world.must('region_search', world.region, offset, size, world.buffer, room);
      [offset, size] = [world.task.result(0), world.task.result(1)];
      const count = room - world.task.result(3);
      for (let i = 0; i < count; i += 1) found.push(Number(world.view.getBigUint64(i * 24, true)));
    }
    assert.equal(found, expected, `room for ${room}`);
  }
  world.must('region_collect', world.region, world.buffer, 100);
  assert.is(world.task.result(1), 0);
  assert.is(world.collect().length, 200);
});

test('locate finds an object in a region through mappings, and only there', () => {
  const world = new World();
  world.addProgram(1, new Assembler().end(GATE));
  world.make(BASE, { 768: 'region', 800: 'region', 832: 'reference' });
  const space = BASE + own.spaceReference;
  world.setState('region', BASE + 0x300, { startAddress: PROGRAM, size: PAGE, protection: 1 }, [space]);
  world.setState('region', BASE + 0x320, { startAddress: PROGRAM + PAGE, size: PAGE, protection: 1 }, [
    space,
  ]);
  world.must('space_reference', BASE + own.space, BASE + 0x340);
  world.must('reference_locate', BASE + 0x340, BASE + 0x300);
  assert.is(world.task.result(0), own.space);
  assert.is(world.task.result(2), 7);
  assert.is(world.call('reference_locate', BASE + 0x340, BASE + 0x320), outcomes.notFound);
});

test.run();
