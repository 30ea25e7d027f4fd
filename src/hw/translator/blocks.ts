/**
 * Which instructions a region of translated code consists of, as a graph of basic blocks.
 *
 * A region begins at one address, its root, and contains what control can reach from there through direct branches,
 * jumps and calls, up to a size; a return leads on only to the return addresses of calls in the region. Only pages that
 * the current address space has executed take part, and, unless asked to look ahead, only instructions that have been
 * decoded, which means executed: cold code stays outside. Control is at the root: that is decoded when it is not yet.
 * Reads the decode slots, which are exact at any time. Called by the translator's cache; changes nothing but decode
 * entries.
 */
import { present } from '../../base/assert.ts';
import { PAGE_SIZE } from '../../base/limits.ts';
import { decoderTable, type Variant } from '../decoder.ts';
import { operations } from '../layout.ts';
import { REACH } from './whereabouts.ts';

/**
 * Where in its page an address lies. Addresses here are numbers of 64 bits with a sign: those of the upper half are
 * negative, so that one before address 0 is what the hart takes it for.
 */
export const offsetInPage = (address: number): number => address & (PAGE_SIZE - 1);

/** One instruction, as its decode entry has it. Register fields are offsets in the register file. */
export interface Decoded {
  readonly pc: number;
  readonly length: number;
  /** Null for an instruction without any effect. */
  readonly variant: Variant | null;
  readonly rd: number;
  readonly rs1: number;
  readonly rs2: number;
  readonly immediate: number;
}

/** How a block ends, as addresses. */
export type Ending =
  | { readonly kind: 'fall'; readonly next: number }
  | { readonly kind: 'branch'; readonly target: number; readonly next: number }
  | { readonly kind: 'jump'; readonly target: number }
  | { readonly kind: 'indirect'; readonly isReturn: boolean }
  /** Its last instruction traps always. */
  | { readonly kind: 'trap'; readonly next: number };

export interface Block {
  readonly pc: number;
  /** The last one does what `ending` says, unless that is `fall`. */
  readonly instructions: readonly Decoded[];
  readonly ending: Ending;
}

export interface Region {
  readonly root: number;
  /** By address; the root's is among them. */
  readonly blocks: ReadonlyMap<number, Block>;
  /** Where returns of the region may lead to within it. */
  readonly returnSites: readonly number[];
  /** Exactly the pages of its instructions, and the slots they were decoded in. */
  readonly pages: ReadonlyMap<number, number>;
}

/** What discovery asks of the machine. */
export interface CodeSource {
  readonly view: DataView;
  /** The slot of this page if the current address space has executed it, else 0. */
  slotOf(page: number): number;
  /** Makes the decode entry of an instruction. */
  decode(entry: number, slotAddress: number): void;
  /** The decode entry (its address) of an instruction on two pages. */
  decodeStraddling(first: number, second: number): number;
  /** True when control should pass to the translated code that begins there rather than be translated again. */
  isLinked(pc: number): boolean;
}

export interface Bounds {
  readonly instructionsMax: number;
  /** Instructions of a called function that is taken into the region as a whole. */
  readonly calleeMax: number;
  readonly pagesMax: number;
  readonly looksAhead: boolean;
}

const RA = 8;
const major = { branch: 0x63, jalr: 0x67, jal: 0x6f, system: 0x73 } as const;

/** What an instruction does to control, by its major opcode and funct3. */
function controlOf(decoded: Decoded): keyof typeof major | 'none' {
  if (decoded.variant === null) return 'none';
  const { match } = decoded.variant.instruction;
  const opcode = match & 0x7f;
  if (opcode === major.branch) return 'branch';
  if (opcode === major.jal) return 'jal';
  if (opcode === major.jalr) return 'jalr';
  return opcode === major.system && (match & 0x7000) === 0 ? 'system' : 'none';
}

/** The immediates of branches and jumps come times 4, see decoder.ts. */
const targetOf = ({ pc, immediate }: Decoded): number => pc + immediate / 4;

class Discovery {
  private readonly source: CodeSource;
  private readonly bounds: Bounds;
  readonly root: number;
  readonly instructions = new Map<number, Decoded>();
  readonly leaders = new Set<number>();
  readonly pages = new Map<number, number>();

  constructor(source: CodeSource, bounds: Bounds, root: number) {
    this.source = source;
    this.bounds = bounds;
    this.root = root;
  }

  /** The slot of a page that is or may become one of the region's; 0 for none. */
  private slotFor(page: number): number {
    const known = this.pages.get(page);
    if (known !== undefined) return known;
    if (this.pages.size >= this.bounds.pagesMax) return 0;
    const found = this.source.slotOf(page);
    if (found !== 0) this.pages.set(page, found);
    return found;
  }

  /** The instruction at this address; null when it cannot take part. */
  private read(pc: number): Decoded | null {
    const { view } = this.source;
    // The address after it must be in reach too.
    if (Math.abs(pc - this.root) >= REACH - 64) return null;
    const page = pc - offsetInPage(pc);
    const base = this.slotFor(page);
    if (base === 0) return null;
    let entry = base + (pc - page) * 4;
    if (view.getUint8(entry) === operations.undecoded && (this.bounds.looksAhead || pc === this.root))
      this.source.decode(entry, base);
    let length = 0;
    if (view.getUint8(entry) === operations.straddle) {
      const second = this.slotFor(page + PAGE_SIZE);
      if (second === 0) return null;
      entry = this.source.decodeStraddling(base, second);
      length = 4;
    }
    const operation = view.getUint8(entry);
    if (operation === operations.nothing || operation === operations.nothingCompressed) {
      length = operation === operations.nothing ? 4 : 2;
      return { pc, length, variant: null, rd: 0, rs1: 0, rs2: 0, immediate: 0 };
    }
    if (operation < operations.first) return null;
    const variant = present(
      decoderTable.variants[operation - operations.first],
      'translator: an operation has a variant',
    );
    return {
      pc,
      length: length === 0 ? variant.length : length,
      variant,
      rd: view.getUint8(entry + 1),
      rs1: view.getUint8(entry + 2),
      rs2: view.getUint8(entry + 3),
      immediate: view.getInt32(entry + 4, true),
    };
  }

  /**
   * Follows control from an address through everything but calls, nearest first, and adds what it finds. When that is
   * more than `max` instructions it adds those, or, if asked for the whole, nothing and returns null.
   */
  follow(from: number, max: number, whole: boolean): Followed | null {
    const found = new Map<number, Decoded>();
    const leaders = new Set<number>([from]);
    const calls: Decoded[] = [];
    let returns = false;
    const work = [from];
    for (let next = work.shift(); next !== undefined && found.size <= max; next = work.shift()) {
      if (next !== this.root && next !== from && this.source.isLinked(next)) continue;
      for (let pc = next; !found.has(pc) && !this.instructions.has(pc); ) {
        const decoded = found.size < max ? this.read(pc) : null;
        if (decoded === null) {
          if (found.size >= max && whole) return null;
          leaders.add(pc);
          break;
        }
        found.set(pc, decoded);
        const control = controlOf(decoded);
        pc += decoded.length;
        if (control === 'none') continue;
        if (control === 'branch') {
          leaders.add(pc).add(targetOf(decoded));
          work.push(pc, targetOf(decoded));
        } else if (control === 'jal') {
          leaders.add(targetOf(decoded));
          if (decoded.rd === 0) work.push(targetOf(decoded));
          else calls.push(decoded);
        } else if (isReturn(decoded)) {
          returns = true;
        }
        break;
      }
    }
    for (const [pc, decoded] of found) this.instructions.set(pc, decoded);
    for (const leader of leaders) this.leaders.add(leader);
    return { calls, returns };
  }

  /** Cuts what was found into blocks. */
  blocks(): Map<number, Block> {
    const blocks = new Map<number, Block>();
    for (const leader of this.leaders) {
      if (!this.instructions.has(leader)) continue;
      const instructions: Decoded[] = [];
      let pc = leader;
      let ending: Ending | null = null;
      while (ending === null) {
        const decoded = this.instructions.get(pc);
        if (decoded === undefined || (pc !== leader && this.leaders.has(pc))) {
          ending = { kind: 'fall', next: pc };
          break;
        }
        const control = controlOf(decoded);
        instructions.push(decoded);
        pc += decoded.length;
        if (control === 'system') ending = { kind: 'trap', next: pc };
        else if (control === 'branch') ending = { kind: 'branch', target: targetOf(decoded), next: pc };
        else if (control === 'jal') ending = { kind: 'jump', target: targetOf(decoded) };
        else if (control === 'jalr') ending = { kind: 'indirect', isReturn: isReturn(decoded) };
      }
      blocks.set(leader, { pc: leader, instructions, ending });
    }
    return blocks;
  }
}

interface Followed {
  readonly calls: readonly Decoded[];
  /** A return was found. */
  readonly returns: boolean;
}

const isReturn = (decoded: Decoded): boolean =>
  controlOf(decoded) === 'jalr' && decoded.rd === 0 && decoded.rs1 === RA;

/** The pages that the blocks' instructions lie on: others were only looked at. */
function pagesOf(
  blocks: ReadonlyMap<number, Block>,
  slots: ReadonlyMap<number, number>,
): ReadonlyMap<number, number> {
  const pages = new Map<number, number>();
  const include = (address: number): void => {
    const page = address - offsetInPage(address);
    if (!pages.has(page)) pages.set(page, present(slots.get(page), 'translator: a page read has a slot'));
  };
  for (const { instructions } of blocks.values())
    for (const { pc, length } of instructions) {
      include(pc);
      include(pc + length - 1);
    }
  return pages;
}

/** The region that begins at an address; null when not even its first instruction can be translated. */
export function discoverRegion(source: CodeSource, bounds: Bounds, root: number): Region | null {
  const discovery = new Discovery(source, bounds, root);
  const room = (): number => bounds.instructionsMax - discovery.instructions.size;
  const first = present(discovery.follow(root, room(), false), 'translator: a part can always be followed');
  const calls = [...first.calls];
  const returnSites: number[] = [];
  // Breadth first: what the root's own code calls comes before what those functions call.
  for (let call = calls.shift(); call !== undefined && room() > 0; call = calls.shift()) {
    const target = targetOf(call);
    const isThere = discovery.instructions.has(target);
    const callee = isThere ? null : discovery.follow(target, Math.min(room(), bounds.calleeMax), true);
    if (!isThere && callee === null) continue;
    if (callee !== null) calls.push(...callee.calls);
    const site = call.pc + call.length;
    const rest = present(discovery.follow(site, room(), false), 'translator: a part can always be followed');
    returnSites.push(site);
    calls.push(...rest.calls);
  }
  const blocks = discovery.blocks();
  const start = blocks.get(root);
  // Of a trap alone the interpreter makes less.
  if (start === undefined || (start.instructions.length === 1 && start.ending.kind === 'trap')) return null;
  return {
    root,
    blocks,
    returnSites: returnSites.filter((site) => blocks.has(site)),
    pages: pagesOf(blocks, discovery.pages),
  };
}
