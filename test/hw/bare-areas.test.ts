/** Areas of a bare program behave like a map from pages to bits, whatever is set, taken away and asked. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createAreas } from '../../src/hw/bare/areas.ts';
import { generator } from './bench.ts';

const PAGE = 4096;
const PAGES = 24;

test('areas are what a map from pages to bits says, in order, and as few as can be', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = generator(seed);
    const areas = createAreas();
    const model: (number | null)[] = Array.from({ length: PAGES }, () => null);
    for (let step = 0; step < 40; step++) {
      const start = random(PAGES);
      const end = start + random(PAGES - start + 1);
      const bits = ([null, 0, 2, 6, 6] as const)[random(5)] as number | null;
      areas.set(start * PAGE, end * PAGE, bits);
      model.fill(bits, start, end);
      const what = `seed ${seed}, step ${step}`;
      model.forEach((expected, page) => {
        assert.is(areas.bitsAt(page * PAGE), expected, `${what}, page ${page}`);
        assert.is(areas.bitsAt(page * PAGE + PAGE - 1), expected, `${what}, end of page ${page}`);
      });
      const all = areas.within(0, PAGES * PAGE);
      all.forEach((area, i) => {
        const before = all[i - 1];
        assert.ok(area.start < area.end, what);
        if (before === undefined) return;
        assert.ok(before.end < area.start || (before.end === area.start && before.bits !== area.bits), what);
      });
      const [from, to] = [random(PAGES), random(PAGES + 1)];
      const parts = areas.within(from * PAGE, to * PAGE);
      const covered = parts.flatMap((part) =>
        Array.from({ length: (part.end - part.start) / PAGE }, (_, i) => [part.start / PAGE + i, part.bits]),
      );
      const expected = model.flatMap((value, page) =>
        value !== null && page >= from && page < to ? [[page, value]] : [],
      );
      assert.equal(covered, expected, what);
    }
  }
});

test('the highest free stretch is found, or none', () => {
  for (let seed = 1; seed <= 2000; seed++) {
    const random = generator(seed);
    const areas = createAreas();
    const isTaken = Array.from({ length: PAGES }, () => random(3) === 0);
    isTaken.forEach((taken, page) => {
      if (taken) areas.set(page * PAGE, (page + 1) * PAGE, page % 3);
    });
    const floor = random(PAGES);
    const limit = floor + random(PAGES - floor + 1);
    const size = 1 + random(6);
    let expected = -1;
    for (let start = floor; start + size <= limit; start++) {
      if (!isTaken.slice(start, start + size).includes(true)) expected = start * PAGE;
    }
    assert.is(areas.findFree(size * PAGE, floor * PAGE, limit * PAGE), expected, `seed ${seed}`);
  }
});

test.run();
