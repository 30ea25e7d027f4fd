/**
 * M.05: translated code is made in batches, passes control on by itself, and never takes more room than it may.
 *
 * The program is a ring of stations, each of which adds one and jumps through a register to the next, so that each is a
 * region of its own.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PAGE_SIZE } from '../../src/base/limits.ts';
import { type MachineOptions, traps } from '../../src/hw/machine.ts';
import { asm, type Bench, CODE, createBench, DATA, EARLY } from './bench.ts';

const [SUM, LEFT, TABLE, NEXT] = [10, 11, 12, 13];
const STATION_SIZE = 16;
const PAGES = 2;

interface Ring {
  readonly bench: Bench;
  /** Goes round so often; the sum must be right. */
  go(rounds: number): void;
}

/** A ring of this many stations; after them comes the end of a round. */
function createRing(stations: number, options: MachineOptions): Ring {
  assert.ok((stations + 2) * STATION_SIZE <= PAGES * PAGE_SIZE && stations * 8 <= 2048, 'the ring has room');
  const bench = createBench(undefined, { tier: 'auto', heat: EARLY, ...options });
  const { machine } = bench;
  const stationAt = (i: number): number => CODE + i * STATION_SIZE;
  for (let i = 0; i <= stations; i++) {
    machine.view.setBigUint64(bench.at(DATA + 8 * i), BigInt(stationAt(i)), true);
  }
  for (let i = 0; i < stations; i++) {
    bench.place(stationAt(i), [
      asm.addi(SUM, SUM, 1),
      asm.ld(NEXT, TABLE, 8 * (i + 1)),
      asm.jalr(0, NEXT, 0),
    ]);
  }
  bench.place(stationAt(stations), [
    asm.addi(LEFT, LEFT, -1),
    asm.ld(NEXT, TABLE, 0),
    asm.beq(LEFT, 0, 8),
    asm.jalr(0, NEXT, 0),
    asm.ecall,
  ]);
  machine.hart.x[TABLE] = BigInt(DATA);
  return {
    bench,
    go(rounds) {
      machine.hart.x[SUM] = 0n;
      machine.hart.x[LEFT] = BigInt(rounds);
      assert.is(bench.run(CODE, 0x7fff_ffff), traps.environmentCall);
      assert.is(machine.hart.x[SUM], BigInt(rounds * stations));
    },
  };
}

test('regions that are hot at the same time are made in few batches', () => {
  const { bench, go } = createRing(60, {});
  go(2000);
  const { compiled, batches } = bench.machine.tierStatistics();
  assert.ok(compiled >= 60, `${compiled} regions`);
  assert.ok(batches <= 8, `${compiled} regions in ${batches} batches`);
});

test('translated code passes control on to translated code without coming back', () => {
  const { bench, go } = createRing(60, {});
  go(2000);
  const before = bench.machine.tierStatistics();
  go(2000);
  const after = bench.machine.tierStatistics();
  assert.ok(after.translated - before.translated > 300_000, 'it ran translated');
  const entered = after.entered - before.entered;
  assert.ok(entered < 10, `entered ${entered} times for ${60 * 2000} jumps`);
});

test('more regions than may live at once: all are dropped, and the program goes on', () => {
  const { bench, go } = createRing(120, { cache: { regionsMax: 50, bytesMax: 2 ** 30 } });
  for (let i = 0; i < 5; i++) {
    go(1000);
    assert.ok(
      bench.machine.tierStatistics().regions <= 50,
      `${bench.machine.tierStatistics().regions} regions`,
    );
  }
  assert.ok(bench.machine.tierStatistics().dropped > 0, 'some were dropped');
});

test('more code than there is room for: all of it is dropped, and the program goes on', () => {
  const { bench, go } = createRing(120, { cache: { regionsMax: 4096, bytesMax: 5000 } });
  for (let i = 0; i < 5; i++) go(1000);
  const { dropped, translated } = bench.machine.tierStatistics();
  assert.ok(dropped > 50, `${dropped} dropped`);
  assert.ok(translated > 100_000, `${translated} ran translated`);
});

test.run();
