/** M.05: control flow of any shape becomes nested loops and forward branches. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Graph, type Item, structure } from '../../src/hw/translator/structure.ts';

/** A graph of up to `size` nodes with up to three successors each. */
const graphs = (size: number): fc.Arbitrary<Graph> =>
  fc
    .integer({ min: 1, max: size })
    .chain((count) =>
      fc.array(fc.array(fc.nat(count - 1), { maxLength: 3 }), { minLength: count, maxLength: count }),
    );

function reachable(graph: Graph): Set<number> {
  const seen = new Set([0]);
  for (const node of seen) for (const successor of graph[node] ?? []) seen.add(successor);
  return seen;
}

function nodesOf(items: readonly Item[]): number[] {
  return items.flatMap((item) => (item.kind === 'node' ? [item.node] : nodesOf(item.items)));
}

/** The nodes at which an item may be entered. */
const entriesOf = (item: Item): readonly number[] => (item.kind === 'node' ? [item.node] : item.headers);

/**
 * Says why an edge cannot be a branch of WebAssembly: it must lead to a header of a loop around it, or to an entry of an
 * item that comes later in a sequence around it.
 */
function faultsOf(graph: Graph, items: readonly Item[], targets: ReadonlySet<number>): string[] {
  return items.flatMap((item, i) => {
    const later = new Set([...targets, ...items.slice(i + 1).flatMap(entriesOf)]);
    if (item.kind === 'loop') return faultsOf(graph, item.items, new Set([...later, ...item.headers]));
    return (graph[item.node] ?? [])
      .filter((successor) => !later.has(successor))
      .map((successor) => `${item.node} -> ${successor} leads nowhere`);
  });
}

const runs = { numRuns: 3000, verbose: 0 } as const;

test('every edge of a random graph is a branch to an open loop or forward to an item', () => {
  fc.assert(
    fc.property(graphs(14), (graph) => {
      assert.equal(faultsOf(graph, structure(graph), new Set()), []);
    }),
    runs,
  );
});

test('each node that can be reached is placed once, and no other', () => {
  fc.assert(
    fc.property(graphs(14), (graph) => {
      const placed = nodesOf(structure(graph));
      assert.equal(
        [...placed].sort((a, b) => a - b),
        [...reachable(graph)].sort((a, b) => a - b),
      );
    }),
    runs,
  );
});

test('node 0 is entered first, and a loop that it belongs to has no other header', () => {
  fc.assert(
    fc.property(graphs(14), (graph) => {
      const [first] = structure(graph);
      assert.equal(first === undefined ? null : entriesOf(first), [0]);
    }),
    runs,
  );
});

test('a loop with one header begins with it', () => {
  const check = (items: readonly Item[]): void => {
    for (const item of items) {
      if (item.kind === 'node') continue;
      if (item.headers.length === 1) assert.equal(item.items[0], { kind: 'node', node: item.headers[0] });
      check(item.items);
    }
  };
  fc.assert(
    fc.property(graphs(14), (graph) => check(structure(graph))),
    runs,
  );
});

test('nested loops stay nested, and code behind a loop is outside of it', () => {
  // 0 -> 1 (outer header) -> 2 (inner header, repeats itself) -> 3 -> 1 or 4.
  assert.equal(structure([[1], [2], [2, 3], [1, 4], []]), [
    { kind: 'node', node: 0 },
    {
      kind: 'loop',
      headers: [1],
      items: [
        { kind: 'node', node: 1 },
        { kind: 'loop', headers: [2], items: [{ kind: 'node', node: 2 }] },
        { kind: 'node', node: 3 },
      ],
    },
    { kind: 'node', node: 4 },
  ]);
});

test('a graph of ten thousand nodes in a row needs no deep recursion', () => {
  const count = 10_000;
  const row = Array.from({ length: count }, (_, i) => (i + 1 < count ? [i + 1] : []));
  assert.is(structure(row).length, count);
});

test.run();
