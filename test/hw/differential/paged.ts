/**
 * A subject (modes.ts): random code under page tables that change while it runs.
 *
 * At random positions pages disappear, lose permissions, get other frames; code is changed from outside; the address space
 * changes; the modification log is read. Every trap is noted; a page fault gives the page back, everything else goes on
 * at another group. Invariant: what happens is a function of the seed and of what the program does, never of the mode.
 */
import { PAGE_SIZE } from '../../../src/base/limits.ts';
import { createMachine } from '../../../src/hw/create.ts';
import { type Machine, pte, type Tier, traps } from '../../../src/hw/machine.ts';
import { createPageTables, type PageTables } from '../../../src/hw/tables.ts';
import { EARLY, edgeValues, generator, RAM_BYTES } from '../bench.ts';
import { floatOperand, inRegister } from './floats.ts';
import { POOL, pick, type Random, RECORD, SCRATCH } from './groups.ts';
import { leafOf, type Subject } from './modes.ts';
import { ALIAS, CODE_PAGES, CODE_START, type Code, randomCode } from './paged-code.ts';
import { drain, eventsOf } from './subjects.ts';

const DATA_START = 0x20_0000;
const DATA_PAGES = 4;
/** Groups of a block: many, or so few that they become hot. */
const blockGroups = { large: 110, small: 8 } as const;
const ASIDS = [1, 2] as const;

/** A page that the program knows, with the mapping it is given back after a fault. */
interface Page {
  readonly address: number;
  readonly frame: number;
  readonly bits: number;
}

interface Space {
  readonly tables: PageTables;
  readonly asid: number;
  readonly pages: readonly Page[];
}

const RWX = pte.read | pte.write | pte.execute;

/** The two address spaces of a paged subject: the code of each is its own, or half of it; the data the same. */
function createSpaces(
  machine: Machine,
  seed: number,
): { spaces: Space[]; starts: readonly number[]; others: number[] } {
  let next = 0;
  // No two pages lie one after the other in RAM as they do in the address space.
  const allocate = (): number => 2 * next++;
  const fill = (code: Code): number[] =>
    Array.from({ length: CODE_PAGES }, (_, page) => {
      const frame = allocate();
      machine.frame(frame).set(code.bytes.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE));
      return frame;
    });
  const isFixed = seed % 2 === 1;
  const groupCount = seed % 4 < 2 ? blockGroups.large : blockGroups.small;
  const codes = [0, 1, 2].map((version) =>
    randomCode(seed * 3 + version, isFixed || version > 0, groupCount),
  );
  const dataFrames = Array.from({ length: DATA_PAGES }, allocate);
  const random = generator(seed * 16_807 + 9);
  for (const frame of dataFrames) {
    for (let offset = 0; offset < PAGE_SIZE; offset += 8) {
      const value = random(3) === 0 ? BigInt(random(2 ** 31)) : floatOperand(random, 64);
      machine.view.setBigUint64(machine.ramOffset + frame * PAGE_SIZE + offset, value, true);
    }
  }
  const firstFrames: number[] = [];
  const spaces = ASIDS.map((asid, index) => {
    const tables = createPageTables(machine, allocate) as PageTables;
    // Half of the code pages are the same in both, in every other seed: an instruction may go on differently.
    const own = fill(codes[index] as Code);
    if (index === 0) firstFrames.push(...own);
    const isShared = (page: number): boolean => seed % 2 === 0 && (page === 0 || page === 3);
    const codeFrames = own.map((frame, page) => (isShared(page) ? (firstFrames[page] as number) : frame));
    const pages = [
      ...[CODE_START, CODE_START ^ ALIAS].flatMap((start) =>
        codeFrames.map((frame, page) => ({ address: start + page * PAGE_SIZE, frame, bits: RWX })),
      ),
      ...dataFrames.map((frame, page) => ({
        address: DATA_START + page * PAGE_SIZE,
        frame,
        bits: pte.read | pte.write,
      })),
    ];
    for (const { address, frame, bits } of pages) tables.map(address, frame, bits);
    return { tables, asid, pages };
  });
  return { spaces, starts: (codes[0] as Code).starts, others: fill(codes[2] as Code) };
}

function setRegisters({ hart }: Machine, random: Random): void {
  for (let i = 1; i < 29; i++) hart.x[i] = edgeValues[random(edgeValues.length)] as bigint;
  for (let i = 0; i < 32; i++) {
    const width = random(2) === 0 ? 32 : 64;
    hart.f[i] = inRegister(random, floatOperand(random, width), width);
  }
}

/** One run of a paged subject. */
interface World {
  readonly machine: Machine;
  /** Asked only by events and traps, which are the same in every mode. */
  readonly random: Random;
  readonly spaces: readonly Space[];
  /** Addresses at which a group begins. */
  readonly starts: readonly number[];
  /** Frames with other code, by page. */
  readonly others: readonly number[];
  readonly notes: string[];
  current: Space;
  trapCount: number;
}

function setPointers({ hart }: Machine): void {
  hart.x[POOL] = BigInt(DATA_START + 2048);
  // The scratch area lies across a page border, and its middle is the border.
  hart.x[SCRATCH] = BigInt(DATA_START + 2 * PAGE_SIZE);
  hart.x[RECORD] = BigInt(DATA_START + 3 * PAGE_SIZE);
}

function enter(world: World, space: Space): void {
  world.current = space;
  world.machine.hart.setAddressSpace(space.tables.root, space.asid);
}

/** Maps a page anew in the current space, or not at all without bits, and fences it as narrowly as may be, or wider. */
function change(
  { machine: { hart }, current, random }: World,
  page: Page,
  frame: number,
  bits: number,
): void {
  if (bits === 0) current.tables.unmap(page.address);
  else current.tables.map(page.address, frame, bits);
  const kind = random(6);
  if (kind === 0) hart.fenceAll();
  else if (kind === 1) hart.fenceSpace(current.asid);
  else hart.fencePage(current.asid, page.address);
}

/** What a page must allow for a page fault on it to be mended. */
const wantedBits: Readonly<Record<number, number>> = {
  [traps.instructionPageFault]: pte.execute,
  [traps.loadPageFault]: pte.read,
  [traps.storePageFault]: pte.write,
};

function handle(world: World, cause: number): void {
  const { hart } = world.machine;
  const [pc, value, retired] = [hart.pcWord[0], hart.trapValueWord[0], hart.retiredWord[0]] as [
    bigint,
    bigint,
    bigint,
  ];
  world.notes.push(`trap ${cause} at ${pc.toString(16)}, ${value.toString(16)}, after ${retired}`);
  world.trapCount++;
  const wanted = wantedBits[cause] ?? 0;
  const page = world.current.pages.find(
    ({ address, bits }) => (bits & wanted) !== 0 && value >> 12n === BigInt(address) >> 12n,
  );
  if (page !== undefined) {
    change(world, page, page.frame, page.bits);
    return;
  }
  const next = (world.trapCount * 31 + Number(retired)) % world.starts.length;
  hart.pcWord[0] = BigInt(world.starts[next] as number);
  setPointers(world.machine);
}

/** The low bits of the table entries of all pages of the space, accessed and dirty among them. */
function marks({ machine, current }: World): string {
  return current.pages
    .map(({ address }) => (leafOf(machine, current.tables.root, BigInt(address)) ?? 0n) & 255n)
    .map((bits) => bits.toString(16))
    .join(' ');
}

/** The page's own bits, fewer, or only one of them. At times all, so that only the accessed and dirty bits are gone. */
function otherBits(random: Random, bits: number): number {
  const bit = 1 << random(4);
  return pick(random, [bits, bits & bit, bits & ~bit]);
}

function happen(world: World, position: number): void {
  const { machine, random, current, notes } = world;
  notes.push(`${position}: ${marks(world)}`);
  const page = pick(random, current.pages);
  switch (random(8)) {
    case 0:
    case 1:
      change(world, page, 0, 0);
      break;
    case 2:
      change(world, page, page.frame, otherBits(random, page.bits));
      break;
    case 3: {
      // Other code at one of the two addresses only.
      const code = current.pages[random(2 * CODE_PAGES)] as Page;
      change(world, code, world.others[(code.address / PAGE_SIZE) % CODE_PAGES] as number, RWX);
      break;
    }
    case 4: {
      // An instruction near the present one is changed from outside.
      const code = current.pages[random(CODE_PAGES)] as Page;
      const offset = (Number(machine.hart.pcWord[0]) + 4 * random(8)) % PAGE_SIZE;
      machine.view.setUint16(machine.ramOffset + code.frame * PAGE_SIZE + (offset & ~1), 1, true);
      machine.hart.frameChanged(code.frame);
      break;
    }
    case 5:
      enter(world, pick(random, world.spaces));
      break;
    case 6:
      machine.log.forget(page.frame);
      break;
    default:
      notes.push(`${position}: ${drain(machine)}`);
  }
}

/** Runs exactly so many instructions, traps handled on the way. */
function run(world: World, count: number): void {
  const { hart } = world.machine;
  for (let left = count; left > 0; ) {
    const before = hart.retiredWord[0] as bigint;
    const cause = hart.run(left);
    left -= hart.lastRetired;
    if ((hart.retiredWord[0] as bigint) - before !== BigInt(hart.lastRetired) || left < 0)
      throw new Error(`a run for ${left + hart.lastRetired} said that ${hart.lastRetired} retired`);
    if (cause === traps.budget && left > 0) throw new Error('a run ended before its budget was spent');
    if (cause !== traps.budget) handle(world, cause);
  }
}

export function pagedSubject(seed: number): (tier: Tier) => Subject {
  return (tier) => {
    const machine = createMachine(RAM_BYTES, { tier, heat: EARLY });
    const random = generator(seed * 69_621 + 3);
    const { spaces, starts, others } = createSpaces(machine, seed);
    const current = spaces[0] as Space;
    const world: World = { machine, random, spaces, starts, others, notes: [], current, trapCount: 0 };
    setRegisters(machine, random);
    setPointers(machine);
    enter(world, current);
    machine.hart.pcWord[0] = BigInt(starts[0] as number);
    return {
      machine,
      notes: world.notes,
      space: () => ({ root: world.current.tables.root, asid: world.current.asid }),
      run(count) {
        run(world, count);
        return false;
      },
      nextEvent: eventsOf(seed, 250),
      event: (position) => happen(world, position),
    };
  };
}
