/**
 * Programs to be run in different modes (modes.ts): programs of the bare runner, and random code under page tables that
 * change while it runs.
 */
import { PAGE_SIZE } from '../../../src/base/limits.ts';
import { createBareProgram } from '../../../src/hw/bare.ts';
import { createMachine } from '../../../src/hw/create.ts';
import { parseElf } from '../../../src/hw/elf.ts';
import { at } from '../../../src/hw/layout.ts';
import { type Machine, pte, type Tier, traps } from '../../../src/hw/machine.ts';
import { createPageTables, type PageTables } from '../../../src/hw/tables.ts';
import { asm, edgeValues, encode, generator, RAM_BYTES } from '../bench.ts';
import { csr, csrNumbers, floatOperand, inRegister } from './floats.ts';
import { bytesOf, link } from './generate.ts';
import { type Group, POOL, pick, type Random, RECORD, randomGroup, SCRATCH, sizeOf } from './groups.ts';
import type { Subject } from './modes.ts';

/** Positions of events: about `every` apart, the same for a seed in every mode. */
function eventsOf(seed: number, every: number): (position: number) => number {
  const positions = [0];
  const random = generator(seed * 31_337 + 11);
  return (position) => {
    while ((positions.at(-1) as number) <= position) {
      positions.push((positions.at(-1) as number) + 1 + random(2 * every));
    }
    return positions.find((candidate) => candidate > position) as number;
  };
}

/** What the modification log says, as a note; empties it. */
function drain(machine: Machine): string {
  const entries: string[] = [];
  machine.log.drain((frame, low, high) => entries.push(`${frame}@${high.toString(16)}.${low.toString(16)}`));
  return `log ${entries.join(' ')}`;
}

/** A program file on the bare runner. Its output and, at random positions, its modification log are noted. */
export function bareSubject(elf: Uint8Array, seed: number): (tier: Tier) => Subject {
  return (tier) => {
    const notes: string[] = [];
    let inputLeft = 3;
    const bare = createBareProgram(parseElf(elf, 'subject.elf'), {
      ramBytes: RAM_BYTES,
      arguments: ['subject.elf', '7'],
      environment: [],
      ticksPerNanosecond: 4,
      wallBaseNs: 0n,
      random: new Uint8Array(16),
      tier,
      effects: {
        write: (_, bytes) => notes.push(`wrote ${Buffer.from(bytes).toString('hex')}`),
        read: () => Buffer.from(inputLeft-- > 0 ? `line ${inputLeft}\n` : ''),
      },
    });
    if (bare === null) throw new Error('the program does not fit in RAM');
    const { machine } = bare;
    return {
      machine,
      notes,
      space: () => ({ root: machine.view.getUint32(at.rootFrame, true), asid: 1 }),
      run(count) {
        const end = bare.run(count);
        if (end.kind === 'budget') return false;
        notes.push(
          JSON.stringify(end, (_, v) => (typeof v === 'bigint' ? v.toString(16) : v)),
          drain(machine),
        );
        return true;
      },
      nextEvent: eventsOf(seed, 700),
      event: (position) => notes.push(`${position}: ${drain(machine)}`),
    };
  };
}

const CODE_START = 0x1_0000;
/** The code pages are at a second place too, at the address with this bit changed. */
const ALIAS = 0x8_0000;
const CODE_PAGES = 4;
const DATA_START = 0x20_0000;
const DATA_PAGES = 4;
/** Groups of a block: many, or so few that they become hot. */
const blockGroups = { large: 110, small: 8 } as const;
const ASIDS = [1, 2] as const;

/** Goes to the instruction after it at the pages' other address. */
function hopGroup(): Group {
  const [target, bit] = [6, 7];
  return {
    codes: [
      encode.u(0x17, target, 0),
      asm.lui(bit, ALIAS >>> 12),
      encode.r(0x33, 4, 0, target, target, bit),
      asm.jalr(0, target, 16),
    ],
  };
}

/** Reads a counter: what qemu cannot be asked. */
function counterGroup(random: Random): Group {
  return { codes: [csr(2, 1 + random(28), 0xc00 + random(3), 0)] };
}

/** Half of an LR and SC pair, at one of two places. */
function loneReservationGroup(random: Random): Group {
  const isDouble = random(2) === 0;
  const [address, value] = [5, 6];
  const place = asm.addi(address, SCRATCH, 16 * random(2));
  return { codes: [place, asm.amo(2 + random(2), isDouble, value, address, random(2) === 0 ? value : 0)] };
}

/** Something that traps in most cases: system calls, illegal encodings, rounding modes that are none, bad addresses. */
function trappingGroup(random: Random): Group {
  const address = 7;
  const anywhere = [asm.lui(address, random(2 ** 20)), encode.i(0x13, 1, address, address, random(33))];
  return {
    codes: pick(random, [
      [asm.ecall],
      [asm.ebreak],
      // fadd.d with the reserved rounding modes 5 and 6; csrrwi of frm to 5, 6 or 7 before a dynamic one.
      [encode.r(0x53, 5 + random(2), 1, 1, 2, 3)],
      [csr(5, 0, csrNumbers.frm, 5 + random(3)), encode.r(0x53, 7, 1, 1, 2, 3), csr(5, 0, csrNumbers.frm, 0)],
      [0xffff_ffff],
      [0x0000],
      [...anywhere, asm.ld(address, address, random(16))],
      [...anywhere, asm.sd(address, address, random(16))],
      [...anywhere, asm.jalr(1, address, 0)],
      [...anywhere, asm.amo(random(4), true, address, address, address)],
      [asm.addi(address, SCRATCH, 1 + random(7)), asm.amo(random(4), false, 6, address, 6)],
    ]),
  };
}

function subjectGroup(random: Random, isFixed: boolean): Group {
  const kind = random(100);
  if (kind < 4) return hopGroup();
  if (kind < 8) return counterGroup(random);
  if (kind < 11) return loneReservationGroup(random);
  if (kind < 13) return trappingGroup(random);
  return randomGroup(random, isFixed);
}

interface Code {
  readonly bytes: Uint8Array;
  /** Addresses at which a group begins. */
  readonly starts: readonly number[];
}

/** Random code for the code pages: two blocks that lie across page borders, and lead to each other forever. */
function randomCode(seed: number, isFixed: boolean, groupCount: number): Code {
  const random = generator(seed * 48_271 + 5);
  const bytes = new Uint8Array(CODE_PAGES * PAGE_SIZE);
  const starts: number[] = [];
  const blocks = [0, 1].map(() => Array.from({ length: groupCount }, () => subjectGroup(random, isFixed)));
  const sizes = blocks.map((groups) => sizeOf(link(groups)));
  // The border lies somewhere in the middle of each block.
  const begins = sizes.map(
    (size, i) => PAGE_SIZE * (1 + 2 * i) - 2 * Math.floor((size * (1 + random(7))) / 16),
  );
  blocks.forEach((groups, i) => {
    const begin = begins[i] as number;
    const codes = link(groups);
    const end = begin + (sizes[i] as number);
    bytes.set(bytesOf([...codes, asm.jal(0, (begins[1 - i] as number) - end)]), begin);
    let here = CODE_START + begin;
    for (const { codes: own } of groups) {
      starts.push(here);
      here += sizeOf(own);
    }
  });
  return { bytes, starts };
}

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

/** The two address spaces of a paged subject: the code of each is its own, the data the same. */
function createSpaces(
  machine: Machine,
  seed: number,
): { spaces: Space[]; starts: readonly number[]; others: number[] } {
  let next = 0;
  const allocate = (): number => next++;
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
  const spaces = ASIDS.map((asid, index) => {
    const tables = createPageTables(machine, allocate) as PageTables;
    const codeFrames = fill(codes[index] as Code);
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

/**
 * Random code under page tables that change at random positions: pages disappear, lose permissions, get other frames; code
 * is changed from outside; the address space changes. Every trap is noted; a page fault gives the page back, everything
 * else goes on at another group.
 */
export function pagedSubject(seed: number): (tier: Tier) => Subject {
  return (tier) => {
    const machine = createMachine(RAM_BYTES, { tier });
    const { hart } = machine;
    const random = generator(seed * 69_621 + 3);
    const { spaces, starts, others } = createSpaces(machine, seed);
    setRegisters(machine, random);
    const notes: string[] = [];
    let current = spaces[0] as Space;
    let trapCount = 0;
    const setPointers = (): void => {
      hart.x[POOL] = BigInt(DATA_START + 2048);
      // The scratch area lies across a page border.
      hart.x[SCRATCH] = BigInt(DATA_START + 2 * PAGE_SIZE - 8 * (seed % 3));
      hart.x[RECORD] = BigInt(DATA_START + 3 * PAGE_SIZE);
    };
    const enter = (space: Space): void => {
      current = space;
      hart.setAddressSpace(space.tables.root, space.asid);
    };
    /** As narrow as may be, or wider. The choice is the same in every mode: it comes with the change. */
    const fence = (address: number): void => {
      const kind = random(6);
      if (kind === 0) hart.fenceAll();
      else if (kind === 1) hart.fenceSpace(current.asid);
      else hart.fencePage(current.asid, address);
    };
    const change = (page: Page, frame: number, bits: number): void => {
      if (bits === 0) current.tables.unmap(page.address);
      else current.tables.map(page.address, frame, bits);
      fence(page.address);
    };
    const handle = (cause: number): void => {
      const [pc, value] = [hart.pcWord[0] as bigint, hart.trapValueWord[0] as bigint];
      notes.push(`trap ${cause} at ${pc.toString(16)}, ${value.toString(16)}, after ${hart.retiredWord[0]}`);
      trapCount++;
      const isPageFault = [12, 13, 15].includes(cause);
      const page = current.pages.find(
        ({ address }) => isPageFault && value >> 12n === BigInt(address) >> 12n,
      );
      if (page !== undefined && trapCount % 50 !== 0) {
        change(page, page.frame, page.bits);
        return;
      }
      const next = (trapCount * 31 + Number(hart.retiredWord[0])) % starts.length;
      hart.pcWord[0] = BigInt(starts[next] as number);
      setPointers();
    };
    setPointers();
    enter(current);
    hart.pcWord[0] = BigInt(starts[0] as number);
    return {
      machine,
      notes,
      space: () => ({ root: current.tables.root, asid: current.asid }),
      run(count) {
        for (let left = count; left > 0; ) {
          const before = hart.retiredWord[0] as bigint;
          const cause = hart.run(left);
          left -= hart.lastRetired;
          if ((hart.retiredWord[0] as bigint) - before !== BigInt(hart.lastRetired) || left < 0)
            throw new Error(`a run for ${left + hart.lastRetired} said that ${hart.lastRetired} retired`);
          if (cause === traps.budget && left > 0) throw new Error('a run ended before its budget was spent');
          if (cause !== traps.budget) handle(cause);
        }
        return false;
      },
      nextEvent: eventsOf(seed, 250),
      event(position) {
        const page = current.pages[random(current.pages.length)] as Page;
        switch (random(8)) {
          case 0:
          case 1:
            change(page, 0, 0);
            break;
          case 2:
            change(page, page.frame, page.bits & (random(2) === 0 ? 1 << random(4) : ~(1 << random(4))));
            break;
          case 3: {
            // Other code at one of the two addresses only.
            const code = current.pages[random(2 * CODE_PAGES)] as Page;
            change(code, others[(code.address / PAGE_SIZE) % CODE_PAGES] as number, RWX);
            break;
          }
          case 4: {
            // An instruction is changed from outside.
            const code = current.pages[random(CODE_PAGES)] as Page;
            const offset = (Number(hart.pcWord[0]) + 4 * random(8)) % PAGE_SIZE;
            machine.view.setUint16(machine.ramOffset + code.frame * PAGE_SIZE + (offset & ~1), 1, true);
            hart.frameChanged(code.frame);
            break;
          }
          case 5:
            enter(spaces[random(2)] as Space);
            break;
          case 6:
            machine.log.forget(page.frame);
            break;
          default:
            notes.push(`${position}: ${drain(machine)}`);
        }
      },
    };
  };
}
