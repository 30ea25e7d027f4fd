/**
 * A test bench for the hart: a small machine with one address space, an assembler of a few encodings, edge values.
 *
 * The encodings are written here from the manual's figures, not taken from src/hw: a test must not ask the tested.
 */
import { PAGE_SIZE } from '../../src/base/limits.ts';
import { createMachine } from '../../src/hw/create.ts';
import { type Machine, type MachineOptions, pte } from '../../src/hw/machine.ts';
import { createPageTables, type PageTables } from '../../src/hw/tables.ts';

export const CODE = 0x1_0000;
export const DATA = 0x2_0000;
export const RAM_BYTES = 16 * 1024 * 1024;
export const ALL_ONES = 0xffff_ffff_ffff_ffffn;

/** Heat at which small programs of tests are translated in the tier `auto`. */
export const EARLY = { threshold: 100, patience: 50 } as const;

export interface Bench {
  readonly machine: Machine;
  readonly tables: PageTables;
  /** A new frame of zeros. */
  allocate(): number;
  /** Maps a new frame there and returns it. */
  map(address: number, bits: number): number;
  /** Puts instructions (16 bits when they do not end in 11) one after another at the address; returns the end. */
  place(address: number, instructions: readonly number[]): number;
  /** Place in linear memory of a mapped address. */
  at(address: number): number;
  /** Sets pc, runs at most `budget` instructions, returns the cause. */
  run(pc: number, budget?: number): number;
}

/** A machine with two pages of code (rwx) at CODE and two of data (rw) at DATA. */
export function createBench(ramBytes = RAM_BYTES, options: MachineOptions = {}): Bench {
  const machine = createMachine(ramBytes, { heat: EARLY, ...options });
  let next = 0;
  const allocate = (): number => next++;
  const tables = createPageTables(machine, allocate) as PageTables;
  const frames = new Map<number, number>();
  machine.hart.setAddressSpace(tables.root, 1);
  const bench: Bench = {
    machine,
    tables,
    allocate,
    map(address, bits) {
      const frame = allocate();
      tables.map(address, frame, bits);
      machine.hart.fencePage(1, address);
      frames.set(Math.floor(address / PAGE_SIZE), frame);
      return frame;
    },
    at(address) {
      const frame = frames.get(Math.floor(address / PAGE_SIZE));
      if (frame === undefined) throw new Error(`0x${address.toString(16)} is not mapped`);
      return machine.ramOffset + frame * PAGE_SIZE + (address % PAGE_SIZE);
    },
    place(address, instructions) {
      let here = address;
      for (const bits of instructions) {
        for (let half = 0; half < ((bits & 3) === 3 ? 2 : 1); half++) {
          const place = bench.at(here);
          machine.view.setUint16(place, (bits >>> (16 * half)) & 0xffff, true);
          machine.hart.frameChanged(Math.floor((place - machine.ramOffset) / PAGE_SIZE));
          here += 2;
        }
      }
      return here;
    },
    run(pc, budget = 1) {
      machine.hart.pcWord[0] = BigInt(pc);
      return machine.hart.run(budget);
    },
  };
  for (const page of [0, 1]) {
    bench.map(CODE + page * PAGE_SIZE, pte.read | pte.write | pte.execute);
    bench.map(DATA + page * PAGE_SIZE, pte.read | pte.write);
  }
  return bench;
}

/** Encodings of the manual's chapter 2, "Base Instruction Formats". */
export const encode = {
  r: (opcode: number, funct3: number, funct7: number, rd: number, rs1: number, rs2: number): number =>
    ((funct7 << 25) | (rs2 << 20) | (rs1 << 15) | (funct3 << 12) | (rd << 7) | opcode) >>> 0,
  i: (opcode: number, funct3: number, rd: number, rs1: number, immediate: number): number =>
    (((immediate & 0xfff) << 20) | (rs1 << 15) | (funct3 << 12) | (rd << 7) | opcode) >>> 0,
  s: (funct3: number, rs1: number, rs2: number, immediate: number): number =>
    ((((immediate >> 5) & 0x7f) << 25) |
      (rs2 << 20) |
      (rs1 << 15) |
      (funct3 << 12) |
      ((immediate & 31) << 7) |
      0x23) >>>
    0,
  b: (funct3: number, rs1: number, rs2: number, offset: number): number =>
    ((((offset >> 12) & 1) << 31) |
      (((offset >> 5) & 63) << 25) |
      (rs2 << 20) |
      (rs1 << 15) |
      (funct3 << 12) |
      (((offset >> 1) & 15) << 8) |
      (((offset >> 11) & 1) << 7) |
      0x63) >>>
    0,
  u: (opcode: number, rd: number, immediate20: number): number =>
    ((immediate20 << 12) | (rd << 7) | opcode) >>> 0,
  j: (rd: number, offset: number): number =>
    ((((offset >> 20) & 1) << 31) |
      (((offset >> 1) & 0x3ff) << 21) |
      (((offset >> 11) & 1) << 20) |
      (((offset >> 12) & 0xff) << 12) |
      (rd << 7) |
      0x6f) >>>
    0,
} as const;

/** A few instructions by name, for programs in tests. */
export const asm = {
  addi: (rd: number, rs1: number, immediate: number) => encode.i(0x13, 0, rd, rs1, immediate),
  add: (rd: number, rs1: number, rs2: number) => encode.r(0x33, 0, 0, rd, rs1, rs2),
  lui: (rd: number, immediate20: number) => encode.u(0x37, rd, immediate20),
  jal: (rd: number, offset: number) => encode.j(rd, offset),
  jalr: (rd: number, rs1: number, immediate: number) => encode.i(0x67, 0, rd, rs1, immediate),
  beq: (rs1: number, rs2: number, offset: number) => encode.b(0, rs1, rs2, offset),
  bne: (rs1: number, rs2: number, offset: number) => encode.b(1, rs1, rs2, offset),
  load: (funct3: number, rd: number, rs1: number, immediate: number) =>
    encode.i(0x03, funct3, rd, rs1, immediate),
  ld: (rd: number, rs1: number, immediate: number) => encode.i(0x03, 3, rd, rs1, immediate),
  lw: (rd: number, rs1: number, immediate: number) => encode.i(0x03, 2, rd, rs1, immediate),
  sd: (rs2: number, rs1: number, immediate: number) => encode.s(3, rs1, rs2, immediate),
  sw: (rs2: number, rs1: number, immediate: number) => encode.s(2, rs1, rs2, immediate),
  sh: (rs2: number, rs1: number, immediate: number) => encode.s(1, rs1, rs2, immediate),
  sb: (rs2: number, rs1: number, immediate: number) => encode.s(0, rs1, rs2, immediate),
  /** funct5 of the A extension; `double` chooses .d. */
  amo: (funct5: number, double: boolean, rd: number, rs1: number, rs2: number) =>
    encode.r(0x2f, double ? 3 : 2, funct5 << 2, rd, rs1, rs2),
  csr: (funct3: number, rd: number, number: number, rs1: number) => encode.i(0x73, funct3, rd, rs1, number),
  nop: 0x13,
  ecall: 0x73,
  ebreak: 0x0010_0073,
} as const;

/** 64-bit values at which arithmetic goes wrong first. */
export const edgeValues: readonly bigint[] = [
  0n,
  1n,
  2n,
  ALL_ONES,
  ALL_ONES - 1n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0x8000_0000_0000_0001n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0xffff_ffff_8000_0000n,
  0xffff_ffff_7fff_ffffn,
  0x1234_5678_9abc_def0n,
  0xfedc_ba98_7654_3210n,
  63n,
  64n,
  31n,
  32n,
];

/** A small reproducible generator (xorshift32) for tests; a seed of 0 is made 1. */
export function generator(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
