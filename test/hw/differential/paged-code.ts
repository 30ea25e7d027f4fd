/**
 * Random code for subjects under changing page tables (paged.ts): the groups of the random programs, and others that qemu
 * cannot be compared on: counters, traps of every kind, reservations left open, jumps to another address of the same page.
 */
import { PAGE_SIZE } from '../../../src/base/limits.ts';
import { asm, encode, generator } from '../bench.ts';
import { csr, csrNumbers, floatMemory } from './floats.ts';
import { bytesOf, link } from './generate.ts';
import { type Group, pick, type Random, randomGroup, SCRATCH, sizeOf } from './groups.ts';

export const CODE_START = 0x1_0000;
/** The code pages are at a second place too, at the address with this bit changed. */
export const ALIAS = 0x8_0000;
export const CODE_PAGES = 4;

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

/** A load or a store, integer or not, of which at least the last byte lies on the page behind the border. */
function crossingGroup(random: Random): Group {
  const bytes = pick(random, [2, 4, 8]);
  const offset = -1 - random(bytes - 1);
  const width = Math.log2(bytes);
  const register = 1 + random(28);
  return {
    codes: pick(random, [
      [asm.load(width, register, SCRATCH, offset)],
      [encode.s(width, SCRATCH, register, offset)],
      bytes === 2 ? [] : [floatMemory.load(bytes === 8, register, SCRATCH, offset)],
      bytes === 2 ? [] : [floatMemory.store(bytes === 8, register, SCRATCH, offset)],
    ]),
  };
}

/** Loads and stores near each other through one register, which is moved on in between. */
function walkingGroup(random: Random): Group {
  const [base, value] = [5, 6];
  const access = (): number =>
    random(3) === 0
      ? asm.load(random(4), value, base, random(32))
      : encode.s(random(4), base, pick(random, [0, 8, value]), random(32));
  const accesses = (): number[] => Array.from({ length: 2 + random(3) }, access);
  const begin = asm.addi(base, SCRATCH, random(128) - 128);
  return { codes: [begin, ...accesses(), asm.addi(base, base, random(128) - 32), ...accesses()] };
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
  if (kind < 18) return crossingGroup(random);
  if (kind < 22) return walkingGroup(random);
  return randomGroup(random, isFixed);
}

export interface Code {
  readonly bytes: Uint8Array;
  /** Addresses at which a group begins. */
  readonly starts: readonly number[];
}

/** Random code for the code pages: two blocks that lie across page borders, and lead to each other forever. */
export function randomCode(seed: number, isFixed: boolean, groupCount: number): Code {
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
