/** The modification log misses no write and reports each frame once, with the pc of its first write. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PAGE_SIZE } from '../../src/base/limits.ts';
import { pte, traps } from '../../src/hw/machine.ts';
import { asm, type Bench, CODE, createBench, DATA, encode, generator } from './bench.ts';

const HEAP = 0x20_0000;
const PAGES = 40;

function withHeap(): Bench {
  const bench = createBench();
  for (let page = 0; page < PAGES; page++)
    bench.map(HEAP + page * PAGE_SIZE, pte.read | pte.write | pte.execute);
  return bench;
}

function frameOf(bench: Bench, address: number): number {
  return Math.floor((bench.at(address) - bench.machine.ramOffset) / PAGE_SIZE);
}

function drain(bench: Bench): (readonly [number, number])[] {
  const entries: [number, number][] = [];
  bench.machine.log.drain((frame, low, high) => {
    assert.is(high, 0);
    entries.push([frame, low]);
  });
  return entries;
}

test('random stores of every kind: what changed is what the log says, in the order of the first writes', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = generator(seed);
    const bench = withHeap();
    const { machine } = bench;
    const { hart, log } = machine;
    const expected = new Map<number, number>();
    const mark = (frame: number, pc: number): void => {
      if (!expected.has(frame)) expected.set(frame, pc);
    };
    const copy = (): Uint8Array[] => Array.from({ length: 60 }, (_, frame) => machine.frame(frame).slice());
    let before = copy();
    for (let step = 0; step < 600; step++) {
      const pc = CODE + 4 * random(1000);
      const kind = random(14);
      const address = HEAP + random(PAGES * PAGE_SIZE - 8);
      hart.x[11] = BigInt(address);
      hart.x[12] = BigInt(step + 1);
      if (kind < 8) {
        const size = 1 << (kind % 4);
        bench.place(pc, [encode.s(kind % 4, 11, 12, 0)]);
        assert.is(bench.run(pc), traps.budget);
        mark(frameOf(bench, address), pc);
        mark(frameOf(bench, address + size - 1), pc);
      } else if (kind === 8) {
        const aligned = address - (address % 8);
        hart.x[11] = BigInt(aligned);
        bench.place(pc, [asm.amo(random(2), true, 10, 11, 12)]);
        assert.is(bench.run(pc), traps.budget);
        mark(frameOf(bench, aligned), pc);
      } else if (kind === 9) {
        bench.place(pc, [asm.ld(10, 11, 0)]);
        assert.is(bench.run(pc), traps.budget);
      } else if (kind === 10) {
        // Frames of code are stored to on another path.
        bench.run(HEAP + PAGE_SIZE * random(PAGES), 1);
      } else if (kind === 11) {
        const frame = frameOf(bench, address);
        machine.frame(frame).fill(step & 255, 8, 16);
        log.note(frame, 0x777, 0);
        mark(frame, 0x777);
      } else if (kind === 12) {
        const frame = frameOf(bench, address);
        log.forget(frame);
        expected.delete(frame);
        before[frame] = machine.frame(frame).slice();
      } else if (random(20) === 0) {
        const drained = drain(bench);
        assert.equal(drained, [...expected], `seed ${seed}, step ${step}`);
        const after = copy();
        // Only frames of the heap: tables change by the walk, the code by this test.
        for (let page = 0; page < PAGES; page++) {
          const frame = frameOf(bench, HEAP + page * PAGE_SIZE);
          const changed = Buffer.compare(after[frame] as Uint8Array, before[frame] as Uint8Array) !== 0;
          if (changed) assert.ok(expected.has(frame), `frame ${frame} changed unseen`);
        }
        expected.clear();
        before = after;
      }
      assert.is(log.length, expected.size, `seed ${seed}, step ${step}`);
    }
  }
});

test('a frame is logged again after a drain, and after it was forgotten', () => {
  const bench = withHeap();
  bench.place(CODE, [asm.sd(12, 11, 0), asm.sd(12, 11, 8)]);
  bench.machine.hart.x[11] = BigInt(DATA);
  const frame = frameOf(bench, DATA);
  bench.run(CODE, 2);
  assert.equal(drain(bench), [[frame, CODE]]);
  assert.equal(drain(bench), []);
  bench.run(CODE + 4);
  assert.equal(drain(bench), [[frame, CODE + 4]]);
  bench.run(CODE, 2);
  bench.machine.log.forget(frame);
  assert.is(bench.machine.log.length, 0);
  bench.run(CODE + 4);
  assert.equal(drain(bench), [[frame, CODE + 4]]);
});

test('writing and forgetting without end does not overflow the log', () => {
  const bench = withHeap();
  const { log, frameCount } = bench.machine;
  bench.place(CODE, [asm.sd(12, 11, 0)]);
  const kept = frameOf(bench, HEAP + PAGE_SIZE);
  log.note(kept, 1, 2);
  bench.machine.hart.x[11] = BigInt(HEAP);
  for (let round = 0; round < frameCount * 3; round++) {
    bench.run(CODE);
    log.forget(frameOf(bench, HEAP));
  }
  assert.is(log.length, 1);
  const entries: number[][] = [];
  log.drain((...entry) => entries.push(entry));
  assert.equal(entries, [[kept, 1, 2]]);
});

test('what is read early is reported once, whatever is written, forgotten and drained between', () => {
  for (let seed = 1; seed <= 8; seed++) {
    const random = generator(seed);
    const { log, frameCount } = withHeap().machine;
    /** Logged frames that were not reported, in order; and those that were. */
    let fresh: number[] = [];
    let known: number[] = [];
    const take = (count: number): void => {
      const found: number[] = [];
      if (count < 0) log.drain((frame) => found.push(frame));
      else log.read(count, (frame) => found.push(frame));
      assert.equal(found, fresh.slice(0, found.length));
      known = count < 0 ? [] : [...known, ...found];
      fresh = fresh.slice(found.length);
      // Gaps that forgotten frames have left count as entries.
      if (count < 0 || count > 10 * frameCount) assert.is(fresh.length, 0);
      assert.is(log.length, fresh.length + known.length);
    };
    for (let step = 0; step < 20_000; step++) {
      const frame = random(20);
      const kind = random(8);
      if (kind < 4) {
        log.note(frame, 4 * step, 0);
        if (!known.includes(frame) && !fresh.includes(frame)) fresh.push(frame);
      } else if (kind < 6) {
        log.forget(frame);
        fresh = fresh.filter((other) => other !== frame);
        known = known.filter((other) => other !== frame);
      } else take(kind === 6 ? random(6) : random(500) === 0 ? -1 : 20 * frameCount);
    }
    take(-1);
  }
});

test('a log that is made shorter still knows what was read', () => {
  const { log, frameCount } = withHeap().machine;
  const read = (count: number): number[] => {
    const found: number[] = [];
    log.read(count, (frame) => found.push(frame));
    return found;
  };
  for (let frame = 0; frame < 6; frame++) log.note(frame, 0, 0);
  assert.equal(read(3), [0, 1, 2]);
  log.forget(1);
  for (let round = 0; round < frameCount; round++) {
    log.note(9, 0, 0);
    log.forget(9);
  }
  log.note(7, 0, 0);
  assert.equal(read(frameCount), [3, 4, 5, 7]);
  for (let round = 0; round <= frameCount; round++) {
    log.note(9, 0, 0);
    assert.equal(read(1), [9]);
    log.forget(9);
  }
  assert.equal(read(frameCount), []);
  log.note(8, 0, 0);
  const rest: number[] = [];
  log.drain((frame) => rest.push(frame));
  assert.equal(rest, [8]);
});

test('every frame of RAM can be in the log at once', () => {
  const { log, frameCount } = createBench().machine;
  for (let frame = 0; frame < frameCount; frame++) log.note(frame, frame, 1);
  for (let frame = 0; frame < frameCount; frame += 2) log.forget(frame);
  for (let frame = 0; frame < frameCount; frame++) log.note(frame, frame, 3);
  assert.is(log.length, frameCount);
  let count = 0;
  log.drain((frame, low, high) => {
    assert.is(low, frame);
    assert.is(high, frame % 2 === 0 ? 3 : 1);
    count++;
  });
  assert.is(count, frameCount);
  assert.is(log.length, 0);
});

test('a store by supervisor code is seen by what was decoded of the frame', () => {
  const bench = createBench();
  const frame = frameOf(bench, CODE);
  bench.place(CODE, [asm.addi(10, 0, 1)]);
  bench.run(CODE);
  bench.machine.view.setUint32(bench.at(CODE), asm.addi(10, 0, 2), true);
  bench.machine.log.note(frame, 0, 0);
  bench.run(CODE);
  assert.is(bench.machine.hart.x[10], 2n);
});

test.run();
