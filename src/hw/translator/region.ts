/**
 * The function of one region: prologue, structured body, ways out.
 *
 * (pc, remaining) -> remaining. The registers that the region touches live in locals from the prologue on; a way out
 * stores those that may have changed. Invariants: when it comes back `at.pc` is where control is, and `at.resume` says
 * how to go on; no more than `remaining` instructions have retired. Ways out to translated code are tail calls through
 * the words of the decode slots, so a link needs no record and ends with what it leads to.
 */
import { present } from '../../base/assert.ts';
import { PAGE_SIZE } from '../../base/limits.ts';
import type { Variant } from '../decoder.ts';
import type { Library } from '../instructions/library.ts';
import { at, REGION_FLAG, REGION_RECORDS, regionRecord, resumption, slot, tlbSet } from '../layout.ts';
import type { Measure } from '../machine.ts';
import { setWord, tlbEntry, word } from '../mmu/words.ts';
import { FunctionBuilder, type Label } from '../wasm/builder.ts';
import { memoryOp, op, types } from '../wasm/opcodes.ts';
import { type Decoded, type Ending, offsetInPage, type Region } from './blocks.ts';
import { budgetChecks, type Flow, type Node, type Registers, retiredBy } from './flow.ts';
import type { Footprint } from './footprint.ts';
import type { Helpers, RegionCode } from './operands.ts';
import { type Item, structure } from './structure.ts';
import { Translation } from './translation.ts';
import { takeWhereabouts, whereabouts } from './whereabouts.ts';
import { windowsOf } from './windows.ts';

const { i32, i64, f32, f64 } = types;

export interface RegionModule {
  readonly library: Library;
  readonly helpers: Helpers;
  readonly isFused: boolean;
  /** Index of the type of a region's function. */
  readonly regionType: number;
  readonly measure: Measure;
  /** A window that cannot be opened leaves the region; otherwise each of its accesses has a slow path. */
  readonly windowsAreSure: boolean;
  /** Index of the imported function (region): it was left because of a window. */
  readonly windowMissed: number;
  readonly footprintOf: (variant: Variant) => Footprint;
}

/** How to branch to a node: a label, and for a loop of several headers which of them is meant. */
interface Route {
  readonly label: Label;
  readonly choice: { readonly local: number; readonly value: number } | null;
}

/** Calls `each` with the numbers of the bits set. */
function eachBit(mask: number, each: (register: number) => void): void {
  for (let register = 0; register < 32; register++) if ((mask >>> register) & 1) each(register);
}

class RegionEmitter {
  readonly f = new FunctionBuilder([i64, i32], [i32]);
  private readonly region: Region;
  private readonly index: number;
  private readonly module: RegionModule;
  private readonly flow: Flow;
  private readonly checks: ReadonlyMap<number, number>;
  private readonly routes = new Map<number, Route[]>();
  private readonly xLocals = new Map<number, number>();
  private readonly floatLocals = new Map<number, number>();
  private readonly code: RegionCode;

  constructor(region: Region, index: number, module: RegionModule, flow: Flow) {
    this.region = region;
    this.index = index;
    this.module = module;
    this.flow = flow;
    const { f } = this;
    const items = structure(flow.graph);
    this.checks = budgetChecks(flow, items);
    eachBit(flow.used.x, (register) => this.xLocals.set(register, f.local(i64)));
    eachBit(flow.used.f, (register) => this.floatLocals.set(register, f.local(f64)));
    const locals = {
      pc: 0,
      remaining: 1,
      tlb: f.local(i32),
      address: f.local(i64),
      found: f.local(i32),
      where: f.local(i32),
    };
    const scratch = {
      i32: f.local(i32),
      i64: f.local(i64),
      i64b: f.local(i64),
      f32: f.local(f32),
      f64: f.local(f64),
    };
    const leaveInside = f.block();
    const leaveWindow = module.windowsAreSure ? f.block() : null;
    this.code = {
      f,
      library: module.library,
      helpers: module.helpers,
      isFused: module.isFused,
      withoutTlb: module.measure.withoutTlb ?? false,
      scratch,
      x: (register) => this.xLocals.get(register) as number,
      float: (register) => this.floatLocals.get(register) as number,
      ...locals,
      root: region.root,
      leaveInside,
      leaveWindow,
    };
    this.prologue();
    this.sequence(items, null);
    f.unreachable();
    if (leaveWindow !== null) {
      f.end();
      f.i32(index);
      f.call(module.windowMissed);
    }
    f.end();
    takeWhereabouts(f, region.root, this.code);
    this.storeRegisters(flow.written);
    this.comeBack(resumption.inside);
  }

  /** Makes sure that this is the code meant, and loads the registers. */
  private prologue(): void {
    const { f, code, region, index } = this;
    f.get(code.pc);
    f.i64(region.root);
    f.op(op.i64Ne);
    f.hint(false);
    f.if();
    this.comeBack(resumption.inside);
    f.end();
    if (region.pages.size > 1) {
      word(f, REGION_RECORDS + index * regionRecord.size + regionRecord.offset.stamp);
      word(f, at.stamp);
      f.op(op.i32Ne);
      f.hint(false);
      f.if();
      setWord(f, at.unsureRegion, () => f.i32(index));
      this.comeBack(resumption.unsure);
      f.end();
    }
    for (const [register, local] of this.xLocals) {
      f.i32(0);
      f.memory(memoryOp.i64Load, at.x + 8 * register);
      f.set(local);
    }
    for (const [register, local] of this.floatLocals) {
      f.i32(0);
      f.memory(memoryOp.f64Load, at.f + 8 * register);
      f.set(local);
    }
    word(f, at.tlb);
    f.set(code.tlb);
  }

  private storeRegisters({ x, f: floats }: Registers): void {
    const { f, code } = this;
    eachBit(x, (register) => {
      f.i32(0);
      f.get(code.x(register));
      f.memory(memoryOp.i64Store, at.x + 8 * register);
    });
    eachBit(floats, (register) => {
      f.i32(0);
      f.get(code.float(register));
      f.memory(memoryOp.f64Store, at.f + 8 * register);
    });
    if (floats !== 0) setWord(f, at.floatsChanged, () => f.i32(1));
  }

  /** Comes back to the interpreter at the address in `pc`. */
  private comeBack(manner: number): void {
    const { f, code } = this;
    f.i32(0);
    f.get(code.pc);
    f.memory(memoryOp.i64Store, at.pc);
    setWord(f, at.resume, () => f.i32(manner));
    f.get(code.remaining);
    f.return();
  }

  /** Passes control to the region that the word on the stack names, or leaves for the interpreter. */
  private passOn(): void {
    const { f, code } = this;
    f.tee(code.found);
    f.i32(0);
    f.op(op.i32LtS);
    f.if();
    f.get(code.pc);
    f.get(code.remaining);
    f.get(code.found);
    f.i32(~REGION_FLAG);
    f.op(op.i32And);
    f.returnCallIndirect(this.module.regionType);
    f.end();
  }

  private leave(pc: number): void {
    const { f, code, region } = this;
    f.i64(pc);
    f.set(code.pc);
    const offset = offsetInPage(pc);
    const known = region.pages.get(pc - offset);
    if (known === undefined) {
      this.leaveIndirect();
      return;
    }
    word(f, known + slot.arrivals + offset * 2);
    this.passOn();
    this.comeBack(resumption.arrived);
  }

  private leaveIndirect(): void {
    const { f, code } = this;
    tlbEntry(f, code.pc, () => f.get(code.tlb));
    f.tee(code.found);
    f.memory(memoryOp.i64Load, tlbSet.execute);
    f.get(code.pc);
    f.i64(-PAGE_SIZE);
    f.op(op.i64And);
    f.op(op.i64Eq);
    f.hint(true);
    f.if();
    f.get(code.found);
    f.memory(memoryOp.i32Load, tlbSet.execute + 8);
    f.get(code.pc);
    f.op(op.i32WrapI64);
    f.i32(PAGE_SIZE - 1);
    f.op(op.i32And);
    f.i32(1);
    f.op(op.i32Shl);
    f.op(op.i32Add);
    f.memory(memoryOp.i32Load, slot.arrivals);
    this.passOn();
    f.end();
    this.comeBack(resumption.arrived);
  }

  private push(node: number, route: Route): void {
    const routes = this.routes.get(node);
    if (routes === undefined) this.routes.set(node, [route]);
    else routes.push(route);
  }

  private pop(nodes: readonly number[]): void {
    for (const node of nodes) this.routes.get(node)?.pop();
  }

  /** Branches to a node, when the condition on the stack holds or always. */
  private goTo(node: number, conditional: boolean): void {
    const { f } = this;
    const { label, choice } = present(
      this.routes.get(node)?.at(-1),
      'translator: an edge leads to an open item',
    );
    if (choice !== null) {
      if (conditional) f.if();
      f.i32(choice.value);
      f.set(choice.local);
      f.br(label);
      if (conditional) f.end();
    } else if (conditional) f.brIf(label);
    else f.br(label);
  }

  /** The nodes through which an item is entered. */
  private static entriesOf(item: Item): readonly number[] {
    return item.kind === 'node' ? [item.node] : item.headers;
  }

  /** The node that control reaches by running on into an item; null when it must say which it means. */
  private static runsInto(item: Item | undefined, otherwise: number | null): number | null {
    if (item === undefined) return otherwise;
    const entries = RegionEmitter.entriesOf(item);
    return entries.length === 1 ? (entries[0] as number) : null;
  }

  /** Emits items one after another; `following` is the node that control runs into after the last. */
  private sequence(items: readonly Item[], following: number | null, within?: Item & { kind: 'loop' }): void {
    const { f } = this;
    const loopHeaders = within?.headers ?? [];
    const choice = within !== undefined && loopHeaders.length > 1 ? this.choiceOf(within) : null;
    const first = choice === null ? 1 : 0;
    const labels = items.map(() => null as Label | null);
    const choices: (number | null)[] = items.map((item) =>
      item.kind === 'loop' && item.headers.length > 1 ? this.choiceOf(item) : null,
    );
    /** Edges to the headers of the loop around repeat it: only its own choice leads to them directly. */
    const routed = items.map((item) =>
      RegionEmitter.entriesOf(item).filter((node) => !loopHeaders.includes(node)),
    );
    for (let i = items.length - 1; i >= first; i--) {
      const label = f.block();
      labels[i] = label;
      const local = choices[i] ?? null;
      routed[i]?.forEach((node, value) => {
        this.push(node, { label, choice: local === null ? null : { local, value } });
      });
    }
    if (choice !== null) {
      f.get(choice);
      const targets = loopHeaders.map(
        (header) => labels[items.findIndex((item) => item.kind === 'node' && item.node === header)] as Label,
      );
      f.brTable(targets, targets[0] as Label);
    }
    items.forEach((item, i) => {
      if (i >= first) {
        f.end();
        this.pop(routed[i] as readonly number[]);
      }
      const next = RegionEmitter.runsInto(items[i + 1], following);
      // Running on into a header of the loop around would not repeat it.
      const runsOn = next !== null && items[i + 1] !== undefined && loopHeaders.includes(next) ? null : next;
      if (item.kind === 'node') this.node(item.node, runsOn);
      else this.loop(item, runsOn);
    });
  }

  private readonly choiceLocals = new Map<Item, number>();

  private choiceOf(item: Item): number {
    const known = this.choiceLocals.get(item);
    if (known !== undefined) return known;
    const local = this.f.local(i32);
    this.choiceLocals.set(item, local);
    return local;
  }

  private loop(item: Item & { kind: 'loop' }, following: number | null): void {
    const { f } = this;
    const label = f.loop();
    const local = item.headers.length > 1 ? this.choiceOf(item) : null;
    item.headers.forEach((node, value) => {
      this.push(node, { label, choice: local === null ? null : { local, value } });
    });
    this.sequence(item.items, following, item);
    this.pop(item.headers);
    f.end();
  }

  private node(number: number, following: number | null): void {
    const node = this.flow.nodes[number] as Node;
    if (node.kind === 'block') {
      this.block(number, node.block.instructions, node.block.ending, following);
      return;
    }
    this.storeRegisters(this.flow.dirty[number] as Registers);
    if (node.kind === 'leave') this.leave(node.pc);
    else this.leaveIndirect();
  }

  /** Leaves for the interpreter at an address, everything before it retired. */
  private leaveInside(pc: number): void {
    const { f, code } = this;
    f.i32(whereabouts(this.region.root, pc, 0));
    f.set(code.where);
    f.br(code.leaveInside);
  }

  private block(
    number: number,
    instructions: readonly Decoded[],
    ending: Ending,
    following: number | null,
  ): void {
    const { f, code } = this;
    const node = this.flow.nodes[number] as Node & { kind: 'block' };
    const successors = this.flow.graph[number] as readonly number[];
    const counts = !(this.module.measure.withoutBudget ?? false);
    const least = counts ? (this.checks.get(number) ?? 0) : 0;
    if (least > 0) {
      f.get(code.remaining);
      f.i32(least);
      f.op(op.i32LtS);
      f.hint(false);
      f.if();
      this.leaveInside(node.block.pc);
      f.end();
    }
    const count = retiredBy(node);
    if (counts && count > 0) {
      f.get(code.remaining);
      f.i32(count);
      f.op(op.i32Sub);
      f.set(code.remaining);
    }
    const transfers = {
      branch: () => this.branch(successors, following),
      jump: () => this.run(successors[0] as number, following),
      indirect: () => this.indirect(successors, following),
    };
    const windows = windowsOf(instructions, this.module.footprintOf, () => f.local(i32));
    instructions.forEach((decoded, i) => {
      const access = windows.get(decoded) ?? null;
      new Translation(code, decoded, { unretired: count - i, transfers, access }).emit();
    });
    if (ending.kind === 'fall') this.run(successors[0] as number, following);
  }

  /** Passes control to a node, which may be where it runs into anyway. */
  private run(node: number, following: number | null): void {
    if (node !== following) this.goTo(node, false);
  }

  private branch(successors: readonly number[], following: number | null): void {
    const [target, next] = successors as readonly [number, number];
    if (target === following) {
      this.f.op(op.i32Eqz);
      this.goTo(next, true);
      return;
    }
    this.goTo(target, true);
    this.run(next, following);
  }

  /** Returns compare with the addresses they may lead to in the region; the last successor is the way out. */
  private indirect(successors: readonly number[], following: number | null): void {
    const { f, code } = this;
    for (const site of successors.slice(0, -1)) {
      f.get(code.pc);
      f.i64((this.flow.nodes[site] as Node & { kind: 'block' }).block.pc);
      f.op(op.i64Eq);
      this.goTo(site, true);
    }
    this.run(successors.at(-1) as number, following);
  }
}

/** The function of a region that will be at `index` of the table. */
export function buildRegion(
  region: Region,
  index: number,
  module: RegionModule,
  flow: Flow,
): FunctionBuilder {
  return new RegionEmitter(region, index, module, flow).f;
}
