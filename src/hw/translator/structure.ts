/**
 * Turns a graph of blocks into what WebAssembly can express: sequences, and loops with one or more headers.
 *
 * Every edge then leads either forward to an item of a sequence that is open, or back to a header of a loop that is
 * open. Strongly connected components are loops; taking away the edges to its headers and looking again at what is left
 * finds the loops within. A component entered at several places has several headers, and the loop begins with a choice
 * among them (Tarjan 1972; Bahmann and others 2015, "Perfect reconstructability of control flow"). Knows nothing of
 * instructions; holds no state.
 */

/** A node of the graph is a number from 0; node 0 is where control enters. */
export type Item =
  | { readonly kind: 'node'; readonly node: number }
  | { readonly kind: 'loop'; readonly headers: readonly number[]; readonly items: readonly Item[] };

export type Graph = readonly (readonly number[])[];

/** Strongly connected components of the nodes without the edges into `cut`, in an order in which edges lead forward. */
function componentsOf(graph: Graph, nodes: readonly number[], cut: ReadonlySet<number>): number[][] {
  const isHere = new Set(nodes);
  const index = new Map<number, number>();
  const low = new Map<number, number>();
  const stack: number[] = [];
  const onStack = new Set<number>();
  const components: number[][] = [];
  /** Depth first without recursion: {node, position of the successor to look at next}. */
  const walk = (start: number): void => {
    const path = [{ node: start, at: 0 }];
    while (path.length > 0) {
      const step = path[path.length - 1] as { node: number; at: number };
      const { node } = step;
      if (step.at === 0) {
        index.set(node, index.size);
        low.set(node, index.get(node) as number);
        stack.push(node);
        onStack.add(node);
      }
      const successors = graph[node] as readonly number[];
      let descends = false;
      while (step.at < successors.length) {
        const successor = successors[step.at++] as number;
        if (!isHere.has(successor) || cut.has(successor)) continue;
        if (!index.has(successor)) {
          path.push({ node: successor, at: 0 });
          descends = true;
          break;
        }
        if (onStack.has(successor))
          low.set(node, Math.min(low.get(node) as number, index.get(successor) as number));
      }
      if (descends) continue;
      // A node without successors left is looked at once only: `at` may still be 0.
      path.pop();
      const parent = path[path.length - 1];
      if (parent !== undefined)
        low.set(parent.node, Math.min(low.get(parent.node) as number, low.get(node) as number));
      if (low.get(node) !== index.get(node)) continue;
      const component: number[] = [];
      for (let last = stack.pop() as number; ; last = stack.pop() as number) {
        onStack.delete(last);
        component.push(last);
        if (last === node) break;
      }
      components.push(component);
    }
  };
  for (const node of nodes) if (!index.has(node)) walk(node);
  return components.reverse();
}

/** The structure of the nodes that control can reach from node 0. */
export function structure(graph: Graph): Item[] {
  const reached = new Set<number>([0]);
  for (const node of reached)
    for (const successor of graph[node] as readonly number[]) reached.add(successor);
  const predecessors: number[][] = graph.map(() => []);
  for (const node of reached)
    for (const successor of graph[node] as readonly number[]) predecessors[successor]?.push(node);

  const arrange = (nodes: readonly number[], cut: ReadonlySet<number>): Item[] =>
    componentsOf(graph, nodes, cut).map((component): Item => {
      const node = component[0] as number;
      if (component.length === 1 && (cut.has(node) || !(graph[node] as readonly number[]).includes(node)))
        return { kind: 'node', node };
      const inside = new Set(component);
      // Nothing outside leads to the component of node 0, so that it has no other header.
      const headers = component.filter(
        (candidate) =>
          candidate === 0 || (predecessors[candidate] as number[]).some((from) => !inside.has(from)),
      );
      return { kind: 'loop', headers, items: arrange(component, new Set(headers)) };
    });
  return arrange([...reached], new Set());
}
