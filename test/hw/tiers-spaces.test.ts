/**
 * M.05: translated code outlives switches of the address space. It is found wherever its frames are mapped at its
 * addresses, so programs that share code translate it once.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PAGE_SIZE } from '../../src/base/limits.ts';
import { pte, traps } from '../../src/hw/machine.ts';
import { createPageTables, type PageTables } from '../../src/hw/tables.ts';
import { asm, CODE, createBench } from './bench.ts';
import { leafOf } from './differential/modes.ts';

const [SUM, LEFT] = [10, 11];
const SPACES = 3;
const SWITCHES = 600;
const ROUNDS = 300;
const LOOP = 4;

for (const [where, start] of [
  ['one page', CODE + 0x100],
  ['two pages', CODE + PAGE_SIZE - 8],
] as const) {
  test(`a loop on ${where} is translated once for all address spaces that have it, however often they are switched`, () => {
    const bench = createBench(undefined, { tier: 'auto' });
    const { machine, tables, allocate } = bench;
    const { hart } = machine;
    const add = asm.addi(SUM, SUM, 1);
    bench.place(start, [add, asm.addi(LEFT, LEFT, -1), add, asm.bne(LEFT, 0, -12), asm.ecall]);
    const roots = [tables.root];
    while (roots.length < SPACES) {
      const other = createPageTables(machine, allocate) as PageTables;
      for (const page of [CODE, CODE + PAGE_SIZE]) {
        const frame = Number((leafOf(machine, tables.root, BigInt(page)) as bigint) >> 10n);
        other.map(page, frame, pte.read | pte.execute);
      }
      roots.push(other.root);
    }
    for (let i = 0; i < SWITCHES; i++) {
      const space = i % SPACES;
      hart.setAddressSpace(roots[space] as number, space + 1);
      hart.x[SUM] = 0n;
      hart.x[LEFT] = BigInt(ROUNDS);
      hart.pcWord[0] = BigInt(start);
      assert.is(hart.run(1_000_000), traps.environmentCall);
      assert.is(hart.x[SUM], BigInt(2 * ROUNDS));
    }
    const { compiled, dropped, translated } = machine.tierStatistics();
    assert.equal({ compiled, dropped }, { compiled: 1, dropped: 0 });
    assert.ok(translated > 0.99 * SWITCHES * ROUNDS * LOOP, `only ${translated} instructions ran translated`);
  });
}

test.run();
