/**
 * The graph of a region: its blocks and its ways out as numbered nodes, and what flows along the edges.
 *
 * Two things are worked out. Which registers may differ from the register file when control is at a node, so that a way
 * out stores no others. How many instructions can retire from a node before the budget is looked at again, so that it is
 * looked at where loops begin and nowhere else. Registers are bits of two 32-bit masks.
 */
import { present } from '../../base/assert.ts';
import type { Block, Decoded, Region } from './blocks.ts';
import type { Footprint } from './footprint.ts';
import type { Graph, Item } from './structure.ts';

/** Masks of integer and floating point registers, bit i for register i. x0 is never in one. */
export interface Registers {
  x: number;
  f: number;
}

export type Node =
  | { readonly kind: 'block'; readonly block: Block }
  /** Leaves for an address. */
  | { readonly kind: 'leave'; readonly pc: number }
  /** Leaves for the address that a jump has worked out. */
  | { readonly kind: 'leaveIndirect' };

export interface Flow {
  readonly nodes: readonly Node[];
  /** Successors; for a block that ends with a branch the target comes first, then the next instruction. */
  readonly graph: Graph;
  /** Registers that the region reads or writes, and those it may write. */
  readonly used: Registers;
  readonly written: Registers;
  /** For each node the registers that may have been written since the region was entered. */
  readonly dirty: readonly Registers[];
}

const bit = (offset: number): number => (offset === 0 ? 0 : 1 << (offset >>> 3));
/** A floating point register field has no special zero. */
const floatBit = (offset: number): number => 1 << (offset >>> 3);

/** Registers that one instruction reads and writes. */
function touch(decoded: Decoded, footprintOf: Footprints, used: Registers, written: Registers): void {
  if (decoded.variant === null) return;
  const footprint = footprintOf(decoded.variant);
  if (footprint.rs1) used.x |= bit(decoded.rs1);
  if (footprint.rs2) used.x |= bit(decoded.rs2);
  if (footprint.fs1) used.f |= floatBit(decoded.rs1);
  if (footprint.fs2) used.f |= floatBit(decoded.rs2);
  if (footprint.fs3) used.f |= 1 << (decoded.immediate >>> 27);
  if (footprint.rd) written.x |= bit(decoded.rd);
  if (footprint.fd) written.f |= floatBit(decoded.rd);
}

type Footprints = (variant: NonNullable<Decoded['variant']>) => Footprint;

/** Returns of a region lead to at most this many of its return addresses; the others take the way of any jump. */
const RETURN_SITES_MAX = 4;

/** The graph and its flow. Node 0 is the root's block. */
export function flowOf(region: Region, footprintOf: Footprints): Flow {
  const nodes: Node[] = [];
  const numberOf = new Map<number, number>();
  const root = present(region.blocks.get(region.root), 'translator: a region has its root');
  for (const block of [root, ...region.blocks.values()]) {
    if (numberOf.has(block.pc)) continue;
    numberOf.set(block.pc, nodes.length);
    nodes.push({ kind: 'block', block });
  }
  const blockCount = nodes.length;
  const nodeAt = (pc: number): number => {
    const known = numberOf.get(pc);
    if (known !== undefined) return known;
    numberOf.set(pc, nodes.length);
    return nodes.push({ kind: 'leave', pc }) - 1;
  };
  const sites = region.returnSites.slice(0, RETURN_SITES_MAX);
  const graph: number[][] = [];
  for (let index = 0; index < blockCount; index++) {
    const { ending } = (nodes[index] as { block: Block }).block;
    switch (ending.kind) {
      case 'fall':
        graph.push([nodeAt(ending.next)]);
        break;
      case 'branch':
        graph.push([nodeAt(ending.target), nodeAt(ending.next)]);
        break;
      case 'jump':
        graph.push([nodeAt(ending.target)]);
        break;
      case 'indirect':
        graph.push([
          ...(ending.isReturn ? sites.map(nodeAt) : []),
          nodes.push({ kind: 'leaveIndirect' }) - 1,
        ]);
        break;
      case 'trap':
        graph.push([]);
    }
  }
  while (graph.length < nodes.length) graph.push([]);

  const used: Registers = { x: 0, f: 0 };
  const written: Registers = { x: 0, f: 0 };
  const writes = nodes.map((node): Registers => {
    const own = { x: 0, f: 0 };
    if (node.kind === 'block')
      for (const decoded of node.block.instructions) touch(decoded, footprintOf, used, own);
    written.x |= own.x;
    written.f |= own.f;
    return own;
  });
  used.x |= written.x;
  used.f |= written.f;

  const dirty: Registers[] = nodes.map(() => ({ x: 0, f: 0 }));
  const work = nodes.map((_, index) => index);
  for (let node = work.pop(); node !== undefined; node = work.pop()) {
    const before = dirty[node] as Registers;
    const own = writes[node] as Registers;
    for (const successor of graph[node] as number[]) {
      const after = dirty[successor] as Registers;
      const x = after.x | before.x | own.x;
      const f = after.f | before.f | own.f;
      if (x === after.x && f === after.f) continue;
      after.x = x;
      after.f = f;
      work.push(successor);
    }
  }
  return { nodes, graph, used, written, dirty };
}

/** Instructions that a node retires when control passes through it. */
export function retiredBy(node: Node): number {
  return node.kind === 'block' ? node.block.instructions.length : 0;
}

/**
 * The nodes at which the budget is looked at, with the most instructions that can retire from there before it is looked
 * at again: the root and the headers of loops.
 */
export function budgetChecks({ nodes, graph }: Flow, items: readonly Item[]): ReadonlyMap<number, number> {
  const checked = new Set<number>([0]);
  const collect = (list: readonly Item[]): void => {
    for (const item of list) {
      if (item.kind === 'node') continue;
      for (const header of item.headers) checked.add(header);
      collect(item.items);
    }
  };
  collect(items);
  const longest = new Map<number, number>();
  const from = (node: number): number => {
    const known = longest.get(node);
    if (known !== undefined) return known;
    let most = 0;
    for (const successor of graph[node] as readonly number[])
      if (!checked.has(successor)) most = Math.max(most, from(successor));
    const length = most + retiredBy(nodes[node] as Node);
    longest.set(node, length);
    return length;
  };
  return new Map([...checked].map((node) => [node, from(node)]));
}
