/**
 * Situations of the entries about objects: the common ones of the nine types, mutexes, conds, memory, references, threads
 * and the clock. Tests only.
 */
import * as assert from 'uvu/assert';
import type { EntryName } from '../../src/kernel/abi/entries.ts';
import { links, states, type TypeName, typeNames } from '../../src/kernel/abi/types.ts';
import { Assembler, a0, a1, s0, s1, t1, t2, zero } from './assembler.ts';
import type { Situation } from './atomicity.ts';
import { ACTOR, ACTOR_BASE, alone, DATA_OFFSET, doze, GATE, keep, spin, tryCall } from './situations-kit.ts';
import { CODE, DATA, own, PROGRAM, SLAB_SIZE } from './world.ts';

const OBJECT = PROGRAM + 0x180;
const OTHER = PROGRAM + 0x1a0;
const THIRD = PROGRAM + 0x1c0;
/** Six references. */
const REFERENCES = 0x200;
const reference = (i: number): number => PROGRAM + REFERENCES + 0x20 * i;
const RESULTS = DATA + 0x2_0000;
const RESULTS_OFFSET = RESULTS - PROGRAM;

function furnishReferences(world: { make(base: number, objects: Record<number, TypeName>): void }): void {
  for (let i = 0; i < 6; i += 1) world.make(ACTOR_BASE, { [REFERENCES + 0x20 * i]: 'reference' });
}

/** All common entries of each type, one after another. */
export const common: Readonly<Record<TypeName, readonly Situation[]>> = Object.fromEntries(
  typeNames.map((type) => {
    const name = (operation: string): EntryName => `${type}_${operation}` as EntryName;
    const refs = links[type].map((_, i) => reference(i));
    const hasReference = type !== 'mapping' && type !== 'reference';
    return [
      type,
      alone({
        name: `the life of a ${type}`,
        code(code, place) {
          code.call(name('create'), OBJECT);
          if (type === 'reference') code.call('reference_create', OTHER);
          else code.call(name('create_hash'), OTHER, 12345);
          if (hasReference) code.call(name('reference'), OBJECT, reference(5));
          code.call(name('peek_state'), OBJECT, place.buffer(0), ...refs);
          code.call(name('set_state'), OTHER, place.buffer(1), ...refs);
          code.call(name('get_state'), OBJECT, place.buffer(2), ...refs);
          tryCall(code, name('move'), OBJECT, THIRD);
          code.call(name('destroy'), OTHER);
        },
        furnish(world, place) {
          furnishReferences(world);
          const state = world.fillState(type, { ...(type === 'thread' ? { priority: 7, flags: 1 } : {}) });
          world.write(place.at(1), world.bytes.slice(0, states[type].size));
          assert.ok(state > 0);
        },
      }),
    ];
  }),
) as unknown as Record<TypeName, readonly Situation[]>;

const MUTEX = OBJECT;
const COND = OTHER;

export const mutexes: readonly Situation[] = [
  {
    name: 'three threads and a mutex',
    build(world) {
      const code = new Assembler()
        .call('mutex_lock', MUTEX)
        .li(t1, DATA)
        .ld(t2, t1)
        .add(t2, t2, s0)
        .sd(t2, t1);
      doze(code, 300).call('mutex_unlock', MUTEX).call('mutex_trylock', MUTEX).mv(s1, a0);
      code.bne(a0, zero, 'end').call('mutex_unlock', MUTEX).label('end').end(GATE);
      world.addProgram(ACTOR, code, { x8: 1 });
      world.make(ACTOR_BASE, { [OBJECT - PROGRAM]: 'mutex' });
      world.addThread(ACTOR_BASE, 0x300, { pc: CODE, x8: 10 });
      world.addThread(ACTOR_BASE, 0x320, { pc: CODE, x8: 100, priority: 17 });
    },
    check: (world) => assert.is(world.word(ACTOR_BASE + DATA_OFFSET), 111),
  },
];

export const conds: readonly Situation[] = [
  {
    name: 'two sleepers on a cond, a signal and a broadcast',
    build(world) {
      const code = new Assembler().call('mutex_lock', MUTEX).li(s1, DATA);
      code.label('test').ld(t2, s1).bne(t2, zero, 'have');
      code.call('cond_wait', COND, MUTEX).j('test');
      code.label('have').addi(t2, t2, -1).sd(t2, s1).ld(t2, s1, 8).addi(t2, t2, 1).sd(t2, s1, 8);
      code.call('mutex_unlock', MUTEX).end(GATE);
      code.label('maker').li(s1, DATA);
      for (const wakes of ['cond_signal', 'cond_broadcast', 'cond_broadcast'] as const) {
        code.call('mutex_lock', MUTEX).ld(t2, s1).addi(t2, t2, 1).sd(t2, s1).call(wakes, COND);
        doze(code, 200).call('mutex_unlock', MUTEX);
      }
      code.end(GATE);
      // Sleeps as a sleeper does that was rebuilt.
      code.label('again').call('cond_wait_again', COND, MUTEX).j('test');
      world.addProgram(ACTOR, code, { priority: 18 });
      world.make(ACTOR_BASE, { [OBJECT - PROGRAM]: 'mutex', [OTHER - PROGRAM]: 'cond' });
      world.addThread(ACTOR_BASE, 0x300, { pc: CODE, priority: 17 });
      world.addThread(ACTOR_BASE, 0x320, { pc: CODE + code.at('again'), priority: 17, x9: DATA });
      world.addThread(ACTOR_BASE, 0x340, { pc: CODE + code.at('maker'), priority: 10 });
    },
    check: (world) => assert.equal(world.words(ACTOR_BASE + DATA_OFFSET, 2), [0, 3]),
  },
];

const REGION = PROGRAM + 0x2c0;
/** A slab of its own for very many objects. */
const MANY_SLAB = 7;

/** The actor's region over its own slab, and a reference to itself at reference 0. */
function furnishRegion(world: Parameters<Situation['build']>[0]): void {
  furnishReferences(world);
  world.make(ACTOR_BASE, { [REGION - PROGRAM]: 'region' });
  const words = { startAddress: PROGRAM, size: SLAB_SIZE, protection: 7 };
  world.setState('region', ACTOR_BASE + REGION - PROGRAM, words, [ACTOR_BASE + own.spaceReference]);
  world.must('thread_reference', ACTOR_BASE, ACTOR_BASE + REFERENCES);
}

export const memory = {
  region: alone({
    name: 'a program searches, collects, marks, protects and discards its own memory',
    seesStops: true,
    code(code, place) {
      code.call('region_search', REGION, 0, 0x1_0000, place.buffer(0), 3);
      keep(code, RESULTS).call('region_collect', REGION, place.buffer(1), 0);
      code
        .li(t1, RESULTS + 0x100)
        .sd(t1, t1)
        .call('mutex_create', OBJECT);
      code.call('region_mark_changed', REGION, 0x8_0000, 3, 0);
      code.call('region_peek_changed', REGION, 0, place.buffer(2), 4);
      keep(code, RESULTS + 0x40).call('region_collect', REGION, place.buffer(1), 2);
      keep(code, RESULTS + 0x80).call('region_discard', REGION, 0x9_0000, 0x1000);
      code.call('region_protect', REGION, 5).call('region_protect', REGION, 7);
    },
    furnish: (world) => {
      furnishRegion(world);
      world.write(ACTOR_BASE + 0x9_0000, new Uint8Array([1, 2, 3]));
      world.make(ACTOR_BASE, { 589888: 'mutex' });
    },
    check: (world) => assert.is(world.word(ACTOR_BASE + 0x9_0000), 0),
  }),
  many: [
    {
      name: 'a search and a collect of more than one stage',
      build(world) {
        const code = new Assembler().call('region_search', REGION, 0, SLAB_SIZE, DATA, 6000);
        keep(code, DATA + 0x3_0000).call('region_peek_changed', REGION, 0, DATA, 6000);
        keep(code, DATA + 0x3_0040).call('region_collect', REGION, DATA, 6000);
        keep(code, DATA + 0x3_0080).end(GATE);
        world.addProgram(ACTOR, code);
        world.make(ACTOR_BASE, { [REGION - PROGRAM]: 'region', 768: 'mapping' });
        world.setState(
          'region',
          ACTOR_BASE + REGION - PROGRAM,
          { startAddress: 0x2000_0000, size: SLAB_SIZE, protection: 7 },
          [ACTOR_BASE + own.spaceReference],
        );
        world.setState(
          'mapping',
          ACTOR_BASE + 0x300,
          { startAddress: 0x2000_0000, size: SLAB_SIZE, protection: 3, regionOffset: MANY_SLAB * SLAB_SIZE },
          [world.reference('region'), ACTOR_BASE + own.spaceReference],
        );
        world.must('region_collect', ACTOR_BASE + REGION - PROGRAM, world.buffer, 0);
        for (let i = 0; i < 2800; i += 1) world.must('mutex_create', MANY_SLAB * SLAB_SIZE + 0x20 * i);
      },
      check: (world) => assert.is(world.word(ACTOR_BASE + DATA_OFFSET + 0x3_0020), 6000 - 2800),
    },
  ] satisfies Situation[],
  mapping: alone({
    name: 'a mapping is protected',
    code(code) {
      code.li(t1, 0x2000_0000).ld(s1, t1);
      tryCall(code, 'mapping_protect', OBJECT, 3);
      code.li(t1, 0x2000_0000).ld(s1, t1);
    },
    furnish(world) {
      world.make(ACTOR_BASE, { [OBJECT - PROGRAM]: 'mapping' });
      world.setState(
        'mapping',
        ACTOR_BASE + OBJECT - PROGRAM,
        { startAddress: 0x2000_0000, size: 0x1000, protection: 7, regionOffset: 9 * SLAB_SIZE },
        [world.reference('region'), ACTOR_BASE + own.spaceReference],
      );
    },
  }),
};

export const references = alone({
  name: 'what can be asked of references',
  code(code) {
    code.call('reference_check', reference(0));
    keep(code, RESULTS).call('reference_compare', reference(0), reference(1));
    keep(code, RESULTS + 0x40).call('reference_copy', reference(0), reference(1));
    code.call('reference_hash', reference(1));
    keep(code, RESULTS + 0x80).call('reference_type', reference(1));
    keep(code, RESULTS + 0xc0).call('reference_locate', reference(1), REGION);
    keep(code, RESULTS + 0x100).call('reference_compare', reference(0), reference(1));
    keep(code, RESULTS + 0x140);
  },
  furnish: furnishRegion,
  check(world) {
    const results = [0, 1, 3, 4, 5].map((i) => world.word(ACTOR_BASE + RESULTS_OFFSET + 0x40 * i + 8));
    assert.equal(results, [0, 0, 8, 0, 1]);
  },
});

/** A victim at work: counts, sleeps and waits in turns. */
function victim(code: Assembler): Assembler {
  code.label('victim').li(s1, 6);
  code
    .label('work')
    .li(t1, RESULTS + 0x200)
    .ld(t2, t1)
    .addi(t2, t2, 1)
    .sd(t2, t1);
  return doze(code, 100).addi(s1, s1, -1).bne(s1, zero, 'work').end(GATE);
}

const VICTIM = PROGRAM + 0x300;

export const threads = {
  states: [
    ...alone({
      name: 'a thread looks at another at work, stops it, sets it, moves it and destroys it',
      code(code, place) {
        const refs = [0, 1, 2, 3, 4].map(reference);
        doze(code, 200).call('thread_peek_state', VICTIM, place.buffer(0), ...refs);
        code.call('thread_get_state', VICTIM, place.buffer(1), ...refs);
        // Clears stopped and puts it back.
        code.li(t1, place.buffer(1)).ld(t2, t1, states.thread.offset.flags).addi(t2, t2, -1);
        code.sd(t2, t1, states.thread.offset.flags);
        code.call('thread_set_state', VICTIM, place.buffer(1), ...refs);
        doze(code, 400).call('thread_get_state', VICTIM, 0, 0, 0, 0, 0, 0);
        tryCall(code, 'thread_move', VICTIM, VICTIM + 0x40);
        code
          .call('thread_create', VICTIM + 0x80)
          .call('thread_destroy', VICTIM + 0x80)
          .end(GATE);
        victim(code);
      },
      furnish(world, _place, code) {
        furnishReferences(world);
        world.addThread(ACTOR_BASE, VICTIM - PROGRAM, { pc: CODE + code.at('victim'), priority: 14 });
      },
      check: (world) => assert.ok(world.word(ACTOR_BASE + RESULTS_OFFSET + 0x200) > 1),
    }),
  ] as readonly Situation[],
};

export const others = alone({
  name: 'self, clock, record and entropy',
  code(code, place) {
    code.call('thread_self');
    keep(code, RESULTS).call('clock_read');
    keep(code, RESULTS + 0x40)
      .addi(a0, a1, 100)
      .invoke('clock_sleep')
      .call('kernel_record', place.buffer(0));
    code.call('kernel_entropy');
    keep(code, RESULTS + 0x80).call('clock_sleep', 1);
    spin(code, 'spin', 3);
  },
  check: (world) => assert.is(world.word(ACTOR_BASE + RESULTS_OFFSET + 8), PROGRAM),
});
