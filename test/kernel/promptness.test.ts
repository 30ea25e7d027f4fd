/**
 * Extraction is prompt (law 3): whatever a thread is doing, and whatever the others do or do not, a program that asks for
 * its state has it after a number of steps that does not depend on any of them. Counted in ticks, never in time.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { COPY_TICKS_PER_64_BYTES, ENTRY_TICKS } from '../../src/kernel/abi/memory.ts';
import { links, states, threadFlags, typeNumbers } from '../../src/kernel/abi/types.ts';
import { Assembler, a0, s1 } from './assembler.ts';
import { Coverage, type Instant, stepThrough } from './atomicity.ts';
import { allSituations } from './situations.ts';
import { CODE, DATA, own, SLAB_SIZE, World } from './world.ts';

/** A slab that no situation uses, and where its space sees the slabs of a situation. */
const OBSERVER = 12;
const VIEW = 0x2800_0000;
const SITUATION_SLABS = 8;

/** What one call of get_state or peek_state may cost: the entry and what it copies. */
const STATE_TICKS = ENTRY_TICKS + Math.ceil(states.thread.size / 64) * COPY_TICKS_PER_64_BYTES;
/** And the few instructions before it. */
const CALL_TICKS = 100;

/** An observer above all others in priority asks for the state of the thread at this address; how many ticks passed. */
function observe(instant: Instant, victim: number, entry: 'thread_get_state' | 'thread_peek_state'): number {
  const world = new World({ image: instant.image });
  const links5 = links.thread.map(() => 0);
  const code = new Assembler().call(entry, VIEW + victim, DATA, ...links5).mv(s1, a0);
  code.label('done').j('done');
  const base = world.addProgram(OBSERVER, code, { priority: 31, x9: 99 });
  world.make(base, { 384: 'mapping' });
  world.setState(
    'mapping',
    base + 0x180,
    { startAddress: VIEW, size: SITUATION_SLABS * SLAB_SIZE, protection: 7 },
    [world.reference('region'), base + own.spaceReference],
  );
  // Only guest time counts: all that the observer needs is in memory.
  for (const page of [1, 16])
    if (world.task.page(base + page * 4096) === null) world.supply(base + page * 4096);
  const before = world.kernel.tick();
  const done = BigInt(CODE + code.at('done'));
  for (let i = 0; i < 200 && world.thread(base).pc !== done; i += 1) world.run(1);
  assert.is(world.thread(base).x[s1], 0n, 'the call succeeded');
  const flags = Number(
    new DataView(world.read(base + 0x1_0000, states.thread.size).buffer).getBigUint64(
      states.thread.offset.flags,
      true,
    ),
  );
  const isStopped = (Number(world.thread(victim).flags) & threadFlags.stopped) !== 0;
  assert.is(isStopped, entry === 'thread_get_state' || (flags & threadFlags.stopped) !== 0);
  world.kernel.check();
  return Number(world.kernel.tick() - before);
}

const asked = { count: 0 };

for (const situation of allSituations.filter((_, i) => process.env.ATOMIC === 'all' || i % 8 === 0)) {
  test(`the state of every thread comes out promptly: ${situation.name}`, () => {
    const { instants } = stepThrough(situation, new Coverage(), false);
    const seen = new Set<string>();
    for (const instant of instants) {
      for (const part of instant.doing.split(', ')) {
        const victim = Number(part.split(' ')[0]);
        const kind = part.slice(part.indexOf(' '));
        // Once for each thing that a thread can be doing.
        if (part === '' || seen.has(kind)) continue;
        seen.add(kind);
        const isThread = instant.image.objects.some(
          (object) => object.address === victim && object.type === typeNumbers.thread,
        );
        assert.ok(isThread);
        for (const entry of ['thread_get_state', 'thread_peek_state'] as const) {
          const ticks = observe(instant, victim, entry);
          assert.ok(ticks <= STATE_TICKS + CALL_TICKS, `${entry} of a thread in${kind}: ${ticks} ticks`);
          asked.count += 1;
        }
      }
    }
  });
}

test('enough threads were asked for', () => {
  console.log(`${asked.count} states came out in at most ${STATE_TICKS + CALL_TICKS} ticks each`);
  assert.ok(asked.count > 100, `${asked.count}`);
});

test.run();
