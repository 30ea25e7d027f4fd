import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  addSpan,
  allSpans,
  emptySpans,
  isListed,
  moveSpan,
  overlapsOther,
  removeSpan,
  type Spans,
  spanAt,
  visitSpans,
} from '../../src/kernel/memory/spans.ts';

/** What a list of spans must be: entries sorted by (start, rank). */
interface Entry {
  start: number;
  end: number;
  rank: number;
  readonly name: string;
}

const inOrder = (entries: readonly Entry[]): Entry[] =>
  entries.toSorted((a, b) => a.start - b.start || a.rank - b.rank);

function agrees(spans: Spans<string>, entries: readonly Entry[], limit: number): void {
  assert.equal(
    [...allSpans(spans)],
    inOrder(entries).map(({ name }) => name),
  );
  assert.is(spans.count, entries.length);
  for (const { start, end, rank, name } of entries) assert.ok(isListed(spans, start, end, rank, name), name);
  for (const piece of spans.pieces)
    assert.is(piece.reach, Math.max(...piece.ends), 'how far a piece reaches');
  for (const [from, to] of [
    [0, limit],
    [limit / 4, limit / 2],
    [limit / 3, limit / 3 + 1],
  ] as const) {
    const seen: string[] = [];
    visitSpans(spans, from, to, (name) => seen.push(name) > 0);
    const expected = inOrder(entries).filter(({ start, end }) => start < to && end > from);
    assert.equal(
      seen,
      expected.map(({ name }) => name),
    );
  }
}

const steps = fc.array(
  fc.record({
    what: fc.constantFrom('add', 'add', 'remove', 'move', 'nudge'),
    which: fc.nat(1000),
    start: fc.nat(400),
    length: fc.integer({ min: 1, max: 60 }),
  }),
  { minLength: 1, maxLength: 400, size: 'max' },
);

test('a list of spans is what a sorted list would be, whatever is added, removed and moved', () => {
  fc.assert(
    fc.property(steps, fc.constantFrom(0, 200), (todo, many) => {
      const spans = emptySpans<string>();
      const entries: Entry[] = [];
      let rank = 0;
      // Several pieces from the start, so that entries move from one into another.
      for (; rank < many; rank += 1) {
        const start = (rank * 37) % 400;
        entries.push({ start, end: start + 5, rank, name: `n${rank}` });
        addSpan(spans, start, start + 5, rank, `n${rank}`);
      }
      for (const { what, which, start, length } of todo) {
        const entry = entries[which % Math.max(1, entries.length)];
        rank += 1;
        if (what === 'add' || entry === undefined) {
          const added = { start, end: start + length, rank, name: `n${rank}` };
          entries.push(added);
          addSpan(spans, added.start, added.end, added.rank, added.name);
        } else if (what === 'remove') {
          entries.splice(entries.indexOf(entry), 1);
          removeSpan(spans, entry.start, entry.rank);
        } else {
          const to = what === 'move' ? start : entry.start + (which % 3);
          const newRank = which % 2 === 0 ? entry.rank : rank;
          moveSpan(spans, entry.start, entry.rank, to, to + length, newRank);
          entry.start = to;
          entry.end = to + length;
          entry.rank = newRank;
        }
      }
      agrees(spans, entries, 500);
    }),
    { numRuns: 150 },
  );
});

test('what overlaps is found in a list without overlaps, wherever its pieces end', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 3 })), { maxLength: 200 }),
      fc.nat(900),
      fc.integer({ min: 1, max: 20 }),
      fc.nat(),
      (lengths, start, length, own) => {
        const spans = emptySpans<string>();
        const entries: Entry[] = [];
        let next = 0;
        for (const [gap, size] of lengths) {
          const from = next + gap;
          next = from + size;
          const entry = { start: from, end: next, rank: 7, name: `n${from}` };
          entries.push(entry);
          addSpan(spans, entry.start, entry.end, entry.rank, entry.name);
        }
        const covers = entries.filter((entry) => entry.start < start + length && entry.end > start);
        const self = covers[own % Math.max(1, covers.length)]?.name ?? 'nobody';
        for (const name of [self, 'nobody']) {
          const expected = covers.some((entry) => entry.name !== name);
          assert.is(overlapsOther(spans, start, start + length, name), expected);
        }
        assert.is(spanAt(spans, start), entries.find((e) => e.start <= start && start < e.end)?.name ?? null);
      },
    ),
    { numRuns: 300 },
  );
});

test.run();
