/**
 * What a restarted machine finds is what the dead one had: pages, objects, links; at any demarcation, with the real
 * kernel and hart over the model store.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { zeroRecord } from '../../src/base/layout.ts';
import { PAGE_SIZE } from '../../src/base/limits.ts';
import { generator } from '../../src/cli/crash/plan.ts';
import type { Assembly, BorderState } from '../../src/cli/machine/assemble.ts';
import { assemble, emptyBorder } from '../../src/cli/machine/assemble.ts';
import { loadProgram } from '../../src/cli/machine/program.ts';
import { initialRecord } from '../../src/cli/machine/record.ts';
import { item, PROGRAM_START } from '../../src/kernel/abi/memory.ts';
import { states, typeNumbers } from '../../src/kernel/abi/types.ts';
import { must } from '../../src/persist/arena.ts';
import { pickle } from '../../src/persist/pickle.ts';
import { slab } from '../../src/persist/places.ts';
import type { StoredLink, StoredObject } from '../../src/persist/store/contract.ts';
import { formatOfName, stateToText, textToState } from '../../src/persist/store/formats.ts';
import { program } from '../system/perdure.ts';
import { tierOfTests } from '../tools/tier.ts';
import { demarcate } from './demarcate.ts';
import { MemoryStore } from './memory-store.ts';

const RAM_BYTES = 16 * 1024 * 1024;
const tier = tierOfTests();
const seed = Number(process.env.PERDURE_SEED ?? 3);

function start(store: MemoryStore, elf: string, args: readonly string[]): Assembly {
  const loaded = loadProgram(elf, args);
  const head = store.head;
  return assemble(store, {
    ramBytes: RAM_BYTES,
    machine: tier.options,
    record: head?.kernelRecord ?? initialRecord(new Uint8Array(32), 0),
    hashWords: new Uint32Array([1, 2, 3, 4]),
    border: head === null ? emptyBorder : (JSON.parse(head.border) as BorderState),
    program: head === null ? { image: loaded.image, arguments: loaded.arguments } : null,
    sink: () => undefined,
    phase: () => undefined,
  });
}

function checkpoint(parts: Assembly): void {
  parts.kernel.check();
  demarcate(parts);
}

/** Runs so many ticks, skipping idle time; false when the program has ended. */
function advance(parts: Assembly, ticks: number): boolean {
  const end = parts.kernel.tick() + BigInt(ticks);
  while (parts.kernel.tick() < end) {
    if (parts.server.ended !== null) return false;
    tier.turn(parts.machine);
    const reason = parts.kernel.run(Number(end - parts.kernel.tick()));
    if (reason === 'service' && parts.server.needsRoom) checkpoint(parts);
    if (reason === 'idle') {
      const deadline = parts.kernel.nextDeadline();
      if (deadline === null) return false;
      parts.kernel.stepClock(deadline < end ? deadline : end);
    }
  }
  return true;
}

const words = (object: StoredObject): unknown => ({
  ...object,
  state: Buffer.from(object.state).toString('hex'),
});

/** A saved link as a resumed machine would show it. */
function fresh(link: StoredLink, store: MemoryStore): StoredLink {
  if (link === null || 'name' in link) return link;
  return store.content.objects.get(link.address)?.serial === link.serial ? link : null;
}

/** The page as the machine has it, brought in if need be. */
function pageOf(parts: Assembly, number: number): Uint8Array | null {
  const { task } = parts.server.arena;
  const resident = task.page(number * PAGE_SIZE);
  if (resident !== null) return resident;
  assert.ok(parts.server.pager.bring(number));
  return task.page(number * PAGE_SIZE);
}

/** Every page that the dead machine had in memory is the same in the new one. */
function assertSameMemory(dead: Assembly, parts: Assembly): void {
  let compared = 0;
  for (const number of dead.server.pager.residentPages()) {
    const was = dead.server.arena.task.page(number * PAGE_SIZE);
    if (was === null) continue;
    const is = pageOf(parts, number);
    assert.ok(is !== null && Buffer.compare(is, was) === 0, `page ${number}, PERDURE_SEED=${seed}`);
    compared++;
  }
  assert.ok(compared > 5);
}

function assertSame(dead: MemoryStore, parts: Assembly): void {
  for (const object of dead.content.objects.values()) {
    const found = pickle(parts.server.arena, object.address, object.type);
    const expected = { ...object, links: object.links.map((link) => fresh(link, dead)) };
    assert.equal(words(found), words(expected), `object at ${object.address}`);
  }
  for (const [number, bytes] of dead.content.pages) {
    const page = pageOf(parts, number);
    assert.ok(page !== null && Buffer.compare(page, bytes) === 0, `page ${number}`);
  }
}

test('a restarted machine has the pages, objects and links of the dead one, and goes on alike', () => {
  const random = generator(seed);
  const elf = program('transcript');
  const store = new MemoryStore();
  let parts = start(store, elf, ['400']);
  const plainStore = new MemoryStore();
  const plain = start(plainStore, elf, ['400']);
  let current = store;
  for (let life = 0; life < 12; life++) {
    const ticks = 1 + Math.floor(random() * 300_000);
    const goesOn = advance(parts, ticks);
    assert.is(advance(plain, ticks), goesOn);
    assert.is(parts.kernel.tick(), plain.kernel.tick());
    checkpoint(parts);
    checkpoint(plain);
    assert.ok(current.content.objects.size > 10);
    assert.equal(
      [...current.content.objects.values()].map((object) =>
        words({ ...object, links: object.links.map((link) => fresh(link, current)) }),
      ),
      [...plainStore.content.objects.values()].map((object) =>
        words({ ...object, links: object.links.map((link) => fresh(link, plainStore)) }),
      ),
      `life ${life}, PERDURE_SEED=${seed}`,
    );
    if (!goesOn) break;
    current = current.reopen();
    const dead = parts;
    parts = start(current, elf, ['400']);
    assertSame(current, parts);
    assertSameMemory(dead, parts);
  }
});

test('memory after a demarcation is what a new machine finds, to the byte', () => {
  const store = new MemoryStore();
  const elf = program('fill');
  const parts = start(store, elf, ['1', '2']);
  for (let i = 0; i < 8; i++) {
    advance(parts, 400_000);
    checkpoint(parts);
    assertSameMemory(parts, start(store.reopen(), elf, ['1', '2']));
  }
});

test('what a collector inside the image has not collected yet is there after restart', () => {
  const store = new MemoryStore();
  const elf = program('fill');
  const parts = start(store, elf, ['1', '2']);
  const { arena } = parts.server;
  const { task } = arena;
  const place = slab(1);
  const region = place.mapping(100);
  const spaceReference = arena.scratch[0] as number;
  must(task, 'space_reference', place.space, spaceReference);
  must(task, 'region_create', region);
  states.region.write(task.memoryView, arena.stateOffset, {
    ...zeroRecord(states.region),
    startAddress: BigInt(PROGRAM_START),
    size: 0x100_0000n,
    protection: 3n,
  });
  must(task, 'region_set_state', region, arena.state, spaceReference);
  must(task, 'region_collect', region, arena.items, 1);
  advance(parts, 300_000);
  checkpoint(parts);
  const saved = pickle(arena, region, typeNumbers.region);
  const itemCount = (saved.state.length - states.region.size) / item.size;
  assert.ok(itemCount > 10, `the program changed ${itemCount} things`);
  assert.equal(words(store.content.objects.get(region) as StoredObject), words(saved));

  const again = start(store.reopen(), elf, ['1', '2']);
  assert.equal(words(pickle(again.server.arena, region, typeNumbers.region)), words(saved));
  // Through the file's own form as well: JSON text and back.
  const format = formatOfName('region');
  assert.equal(textToState(format, stateToText(format, saved.state)), saved.state);
});

test('a link whose target was replaced by another object is null after restart', () => {
  const store = new MemoryStore();
  const parts = start(store, program('counter'), ['10']);
  advance(parts, 10_000);
  checkpoint(parts);
  const objects = store.content.objects;
  const reference = [...objects.values()].find(
    (object) =>
      object.type === typeNumbers.reference &&
      object.links[0] !== null &&
      'address' in (object.links[0] ?? {}),
  );
  assert.ok(reference !== undefined, 'the program has a reference to an object of its own');
  const link = reference.links[0];
  assert.ok(link !== null && link !== undefined && 'address' in link);
  objects.set(reference.address, {
    ...reference,
    links: [{ address: link.address, serial: link.serial + 1000n }],
  });
  const again = start(store.reopen(), program('counter'), ['10']);
  assert.equal(pickle(again.server.arena, reference.address, reference.type).links, [null]);
});

test('pages that were discarded stop no eviction, and those touched since can be dropped like any other', () => {
  const store = new MemoryStore();
  const parts = start(store, program('transcript'), ['400']);
  advance(parts, 400_000);
  checkpoint(parts);
  const { pager, arena } = parts.server;
  const { task, segment } = arena;
  const numbers = [...pager.residentPages()].slice(0, 6);
  assert.is(numbers.length, 6);
  const [gone, touched] = [numbers.slice(0, 3), numbers.slice(3)];
  for (const number of numbers) must(task, 'region_discard', segment, number * PAGE_SIZE, PAGE_SIZE);
  for (const number of touched) assert.ok(pager.bring(number));
  while (pager.evict());
  for (const number of touched)
    assert.ok(task.page(number * PAGE_SIZE) !== null, 'nobody has collected its end');
  checkpoint(parts);
  while (pager.evict());
  for (const number of [...gone, ...touched]) assert.is(task.page(number * PAGE_SIZE), null);
  assert.equal([...pager.residentPages()], []);
  parts.kernel.check();
});

test.run();
