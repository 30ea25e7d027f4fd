/**
 * M.12: Sv39 and the modification log against a model that walks the tables anew for every access, in each tier.
 *
 * Every access is made by a small loop of eight rounds, so that the translator's tiers make it in translated code as well.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PAGE_SIZE, RAM_BYTES_MAX } from '../../src/base/limits.ts';
import { createMachine } from '../../src/hw/create.ts';
import { type Machine, pte, type Tier, traps } from '../../src/hw/machine.ts';
import { asm, createBench, EARLY, generator, RAM_BYTES } from './bench.ts';

type Access = 'load' | 'store' | 'fetch';
const wanted = { load: pte.read, store: pte.write, fetch: pte.execute } as const;
const pageFaults = {
  load: traps.loadPageFault,
  store: traps.storePageFault,
  fetch: traps.instructionPageFault,
} as const;
const accessFaults = {
  load: traps.loadAccess,
  store: traps.storeAccess,
  fetch: traps.instructionAccess,
} as const;

type Outcome = { readonly frame: number; readonly entryAt: number } | 'page fault' | 'access fault';

/** The manual's "Virtual Address Translation Process", without a TLB. Volume II, Sv39. */
function translate(machine: Machine, root: number, address: bigint, access: Access): Outcome {
  if (BigInt.asIntN(39, address) !== BigInt.asIntN(64, address)) return 'page fault';
  let table = root;
  for (let level = 2; level >= 0; level--) {
    const index = Number((address >> BigInt(12 + 9 * level)) & 511n);
    const entryAt = machine.ramOffset + table * PAGE_SIZE + index * 8;
    const entry = machine.view.getBigUint64(entryAt, true);
    const bits = Number(entry & 1023n);
    const frame = Number((entry >> 10n) & ((1n << 44n) - 1n));
    if ((bits & pte.valid) === 0 || (bits & (pte.read | pte.write)) === pte.write || entry >> 54n !== 0n) {
      return 'page fault';
    }
    if ((bits & (pte.read | pte.execute)) === 0) {
      if (level === 0 || (bits & (pte.user | pte.accessed | pte.dirty)) !== 0) return 'page fault';
      if (frame >= machine.frameCount) return 'access fault';
      table = frame;
      continue;
    }
    if ((bits & pte.user) === 0 || (bits & wanted[access]) === 0) return 'page fault';
    const span = 512 ** level;
    if (frame % span !== 0) return 'page fault';
    const target = frame + (Number((address >> 12n) & ((1n << 27n) - 1n)) % span);
    return target < machine.frameCount ? { frame: target, entryAt } : 'access fault';
  }
  return 'page fault';
}

/** Each frame holds at this offset a function that says which frame it is: addi a0, zero, frame - 2048; ret. */
const MARK = 0x7c0;
const markCodes = (frame: number): readonly number[] => [asm.addi(10, 0, frame - 2048), asm.jalr(0, 1, 0)];
const SCRATCH = 0x7c8;
const SPACES = 20;
const CODE_ADDRESS = 5n << 30n;
const CODE_FRAME = 3000;
/** Where the loop of each access lies in the code frame; each begins with the access, at the address in a1. */
const loops = { load: 0x00, store: 0x40, fetch: 0x80 } as const;
const accessCodes = { load: asm.lw(10, 11, 0), store: asm.sw(12, 11, 0), fetch: asm.jalr(1, 11, 0) } as const;
const ROUNDS = 13;
/** Frames of tables by level: roots, then the pools that entries point into. */
const middleTables = [100, 101, 102, 103];
const lowTables = [104, 105, 106, 107];
const indexes = [0, 1, 2, 255, 256, 511];

interface World {
  readonly machine: Machine;
  readonly random: (below: number) => number;
  space: number;
}

function entryAddress(machine: Machine, table: number, index: number): number {
  return machine.ramOffset + table * PAGE_SIZE + index * 8;
}

function writeCodes(machine: Machine, frame: number, offset: number, codes: readonly number[]): void {
  codes.forEach((code, i) => {
    machine.view.setUint32(machine.ramOffset + frame * PAGE_SIZE + offset + 4 * i, code, true);
  });
}

/** Makes an access eight times: the cause with which the loop ended, an environment call when both succeeded. */
function access({ hart }: Machine, kind: Access, address: bigint, value: number): number {
  hart.x[10] = 0xbadn;
  hart.x[11] = address;
  hart.x[12] = BigInt(value);
  hart.x[ROUNDS] = 8n;
  hart.pcWord[0] = CODE_ADDRESS + BigInt(loops[kind]);
  return hart.run(100);
}

function createWorld(seed: number, tier: Tier): World {
  const machine = createMachine(RAM_BYTES, { tier, heat: EARLY });
  for (let frame = 0; frame < machine.frameCount; frame++) {
    writeCodes(machine, frame, MARK, markCodes(frame));
  }
  for (const kind of ['load', 'store', 'fetch'] as const) {
    const count = [asm.addi(ROUNDS, ROUNDS, -1), asm.bne(ROUNDS, 0, -8), asm.ecall];
    writeCodes(machine, CODE_FRAME, loops[kind], [accessCodes[kind], ...count]);
  }
  // The code's own mapping is the same in every space and never touched.
  const pointer = (frame: number): bigint => (BigInt(frame) << 10n) | BigInt(pte.valid);
  const leaf = BigInt(pte.valid | pte.read | pte.execute | pte.user | pte.accessed);
  machine.view.setBigUint64(entryAddress(machine, 108, 0), pointer(109), true);
  machine.view.setBigUint64(entryAddress(machine, 109, 0), (BigInt(CODE_FRAME) << 10n) | leaf, true);
  for (let space = 0; space < SPACES; space++) {
    machine.view.setBigUint64(entryAddress(machine, space, 5), pointer(108), true);
  }
  const world = { machine, random: generator(seed), space: 0 };
  machine.hart.setAddressSpace(0, 1);
  return world;
}

/** A table entry that is often good and sometimes wrong in every way there is. */
function randomEntry({ random }: World, level: number): bigint {
  const pick = (list: readonly number[]): number => list[random(list.length)] as number;
  const bits = random(256) | (random(8) === 0 ? 0 : pte.valid) | (random(6) === 0 ? 0 : pte.user);
  if (level > 0 && random(3) > 0) {
    const noise = random(10) === 0 ? pick([pte.user, pte.accessed, pte.dirty]) : 0;
    const table = random(20) === 0 ? 2 ** 30 : pick(level === 2 ? middleTables : lowTables);
    return (BigInt(table) << 10n) | BigInt(pte.valid | noise);
  }
  const span = 512 ** level;
  let frame = random(8) === 0 ? random(2 ** 20) : random(4096);
  if (random(6) > 0) frame -= frame % span;
  const reserved = random(20) === 0 ? 1n << BigInt(54 + random(10)) : 0n;
  const huge = random(20) === 0 ? 1n << 43n : 0n;
  return ((BigInt(frame) | huge) << 10n) | BigInt(bits) | reserved;
}

/** Changes an entry of some table and fences as narrowly as the manual allows. */
function changeTables(world: World): void {
  const { machine, random } = world;
  const { hart, view } = machine;
  const level = random(3);
  const table =
    level === 2 ? random(SPACES) : ((level === 1 ? middleTables : lowTables)[random(4)] as number);
  const index = indexes[random(indexes.length)] as number;
  const at = entryAddress(machine, table, index);
  const before = view.getBigUint64(at, true);
  const entry = randomEntry(world, level);
  view.setBigUint64(at, entry, true);
  const isLeaf = (value: bigint): boolean => (value & BigInt(pte.read | pte.execute)) !== 0n;
  if (level === 2 && isLeaf(before) && isLeaf(entry)) {
    // The leaf of one space changed: a fence of any address in it is enough.
    const low = BigInt.asIntN(39, (BigInt(index) << 30n) | (BigInt(random(2 ** 18)) << 12n));
    if (low >= 0n) {
      hart.fencePage(table + 1, Number(low));
      return;
    }
  }
  if (level === 2) hart.fenceSpace(table + 1);
  else hart.fenceAll();
}

function randomAddress({ random }: World): bigint {
  const part = (): bigint => BigInt(indexes[random(indexes.length)] as number);
  const address = (part() << 30n) | (part() << 21n) | (part() << 12n);
  const canonical = BigInt.asUintN(64, BigInt.asIntN(39, address));
  return random(30) === 0 ? canonical ^ (1n << BigInt(38 + random(26))) : canonical;
}

const STORE_PC = (CODE_ADDRESS + BigInt(loops.store)).toString(16);

/** Does one access on the hart and compares everything with the model. */
function accessOnce(world: World, logged: Map<number, string>, note: string): void {
  const { machine, random } = world;
  const { hart, view } = machine;
  const kind = (['load', 'store', 'fetch'] as const)[random(3)] as Access;
  const base = randomAddress(world);
  const address = base + BigInt(kind === 'store' ? SCRATCH : MARK);
  const outcome = translate(machine, world.space, address, kind);
  const entry = typeof outcome === 'string' ? 0n : view.getBigUint64(outcome.entryAt, true);
  const value = random(2 ** 31);
  const cause = access(machine, kind, address, value);
  const what = `${note}: ${kind} of 0x${address.toString(16)} in space ${world.space}`;
  if (typeof outcome === 'string') {
    assert.is(cause, (outcome === 'page fault' ? pageFaults : accessFaults)[kind], what);
    assert.is(hart.trapValueWord[0], address, what);
    const pc = kind === 'fetch' ? address : CODE_ADDRESS + BigInt(loops[kind]);
    assert.is(hart.pcWord[0], pc, `${what}: where it trapped`);
    return;
  }
  assert.is(cause, traps.environmentCall, what);
  const at = machine.ramOffset + outcome.frame * PAGE_SIZE;
  if (kind === 'store') assert.is(view.getUint32(at + SCRATCH, true), value, what);
  else {
    const expected = kind === 'load' ? asm.addi(10, 0, outcome.frame - 2048) | 0 : outcome.frame - 2048;
    assert.is(BigInt.asIntN(64, hart.x[10] as bigint), BigInt(expected), what);
  }
  const marks = BigInt(kind === 'store' ? pte.accessed | pte.dirty : pte.accessed);
  assert.is(view.getBigUint64(outcome.entryAt, true), entry | marks, `${what}: accessed and dirty bits`);
  if (kind === 'store' && !logged.has(outcome.frame)) logged.set(outcome.frame, STORE_PC);
}

/** Frames whose first and last words matter to the test itself. */
const isReserved = (frame: number): boolean =>
  frame < SPACES || (frame >= 100 && frame < 110) || frame === CODE_FRAME;

/**
 * Loads or stores a word that lies on two pages: the lower page's fault comes first, and a store does all or
 * nothing. Returns whether it went well.
 */
function crossOnce(world: World, logged: Map<number, string>, note: string): boolean {
  const { machine, random } = world;
  const kind = random(2) === 0 ? 'load' : 'store';
  const page = randomAddress(world);
  const address = BigInt.asUintN(64, page + BigInt(PAGE_SIZE - 1 - random(3)));
  const border = BigInt.asUintN(64, page + BigInt(PAGE_SIZE));
  const outcomes = [
    translate(machine, world.space, address, kind),
    translate(machine, world.space, border, kind),
  ];
  const frames = outcomes.flatMap((outcome) => (typeof outcome === 'string' ? [] : [outcome.frame]));
  if (kind === 'store' && frames.some(isReserved)) return false;
  const bytesAt = (): Uint8Array =>
    Uint8Array.from([0, 1, 2, 3], (i) => {
      const here = BigInt.asUintN(64, address + BigInt(i));
      const outcome = outcomes[Number(address & 4095n) + i >= PAGE_SIZE ? 1 : 0] as Outcome;
      if (typeof outcome === 'string') return 0;
      return machine.bytes[machine.ramOffset + outcome.frame * PAGE_SIZE + Number(here & 4095n)] as number;
    });
  const wordOf = (bytes: Uint8Array): number => new DataView(bytes.buffer).getInt32(0, true);
  const before = wordOf(bytesAt());
  const value = random(2 ** 31);
  const cause = access(machine, kind, address, value);
  const what = `${note}: ${kind} of 0x${address.toString(16)} on two pages in space ${world.space}`;
  const failed = outcomes.findIndex((outcome) => typeof outcome === 'string');
  if (failed !== -1) {
    const faults = outcomes[failed] === 'page fault' ? pageFaults : accessFaults;
    assert.is(cause, faults[kind], what);
    assert.is(machine.hart.trapValueWord[0], failed === 0 ? address : border, what);
    assert.is(wordOf(bytesAt()), before, `${what}: nothing is stored`);
    return false;
  }
  assert.is(cause, traps.environmentCall, what);
  if (kind === 'load') assert.is(BigInt.asIntN(64, machine.hart.x[10] as bigint), BigInt(before), what);
  else {
    assert.is(wordOf(bytesAt()), value, what);
    for (const frame of frames) if (!logged.has(frame)) logged.set(frame, STORE_PC);
  }
  return true;
}

/** Seeds a tier: the translator is slower here, because nearly every fetch is of code that is new to it. */
const seedsOf = { interpreter: 12, translator: 5, auto: 5 } as const;

for (const tier of ['interpreter', 'translator', 'auto'] as const) {
  test(`${tier}: every access is translated as the tables say, whatever was translated before`, () => {
    let [interpreted, translated, crossed] = [0, 0, 0];
    for (let seed = 1; seed <= seedsOf[tier]; seed++) {
      const world = createWorld(seed, tier);
      const { machine, random } = world;
      const logged = new Map<number, string>();
      for (let i = 0; i < 300; i++) changeTables(world);
      for (let step = 0; step < 4000; step++) {
        const note = `${tier}, seed ${seed}, step ${step}`;
        if (random(8) === 0) {
          world.space = random(SPACES);
          machine.hart.setAddressSpace(world.space, world.space + 1);
        }
        if (random(4) === 0) changeTables(world);
        if (random(5) === 0) crossed += crossOnce(world, logged, note) ? 1 : 0;
        else accessOnce(world, logged, note);
        if (random(100) === 0) {
          assert.is(machine.log.length, logged.size, note);
          const drained: [number, string][] = [];
          machine.log.drain((frame, low, high) =>
            drained.push([frame, ((BigInt(high) << 32n) | BigInt(low)).toString(16)]),
          );
          assert.equal(drained, [...logged], `${note}: the log in the order of first writes`);
          logged.clear();
        }
      }
      const statistics = machine.tierStatistics();
      interpreted += statistics.interpreted;
      translated += statistics.translated;
    }
    assert.ok(crossed > 50, `${crossed} accesses to two pages went well`);
    const share = translated / (interpreted + translated);
    assert.ok(tier === 'interpreter' ? share === 0 : share > 0.3, `${tier}: ${share} ran translated`);
  });
}

test('the model sees good and bad translations of every kind, so the comparison means something', () => {
  const world = createWorld(3, 'interpreter');
  for (let i = 0; i < 300; i++) changeTables(world);
  const seen = new Map<string, number>();
  for (let i = 0; i < 20_000; i++) {
    const outcome = translate(world.machine, world.random(SPACES), randomAddress(world), 'load');
    const kind = typeof outcome === 'string' ? outcome : 'frame';
    seen.set(kind, (seen.get(kind) ?? 0) + 1);
  }
  for (const kind of ['frame', 'page fault', 'access fault']) assert.ok((seen.get(kind) ?? 0) > 200, kind);
});

/** The code of each space adds up its own number, some rounds: translated code must not outlive its space. */
function checkManySpaces(tier: Tier): void {
  const machine = createMachine(RAM_BYTES, { tier, heat: EARLY });
  const pointer = (frame: number): bigint => (BigInt(frame) << 10n) | BigInt(pte.valid);
  const leafBits = BigInt(pte.valid | pte.read | pte.execute | pte.user);
  const spaces = 40;
  for (let space = 0; space < spaces; space++) {
    const [root, middle, low, page] = [0, 1, 2, 3].map((i) => space * 4 + i) as [
      number,
      number,
      number,
      number,
    ];
    machine.view.setBigUint64(entryAddress(machine, root, 0), pointer(middle), true);
    machine.view.setBigUint64(entryAddress(machine, middle, 0), pointer(low), true);
    machine.view.setBigUint64(entryAddress(machine, low, 16), (BigInt(page) << 10n) | leafBits, true);
    const codes = [asm.addi(10, 10, space), asm.addi(ROUNDS, ROUNDS, -1), asm.bne(ROUNDS, 0, -8), asm.ecall];
    writeCodes(machine, page, 0, codes);
  }
  const random = generator(5);
  for (let i = 0; i < 2000; i++) {
    const space = random(spaces);
    const rounds = 1 + random(20);
    machine.hart.setAddressSpace(space * 4, 1000 + space);
    machine.hart.pcWord[0] = 0x1_0000n;
    machine.hart.x[10] = 0n;
    machine.hart.x[ROUNDS] = BigInt(rounds);
    assert.is(machine.hart.run(1000), traps.environmentCall);
    assert.is(machine.hart.x[10], BigInt(space * rounds));
  }
}

test('more address spaces than TLB sets keep their own translations, in each tier', () => {
  for (const tier of ['interpreter', 'translator', 'auto'] as const) checkManySpaces(tier);
});

function checkFencesOfPages(tier: Tier): void {
  const { machine, random } = createWorld(9, tier);
  const { hart, view } = machine;
  const [middle, low] = [200, 201] as const;
  const pointer = (frame: number): bigint => (BigInt(frame) << 10n) | BigInt(pte.valid);
  const bits = BigInt(pte.valid | pte.read | pte.write | pte.execute | pte.user);
  view.setBigUint64(entryAddress(machine, 0, 1), pointer(middle), true);
  view.setBigUint64(entryAddress(machine, middle, 1), pointer(low), true);
  // Addresses: pages of 4 KiB from 1 GiB + 2 MiB, and one leaf of 2 MiB from 1 GiB + 4 MiB.
  const [small, large] = [2 ** 30 + 2 ** 21, 2 ** 30 + 2 ** 22];
  const frames = new Map<number, number>();
  for (let step = 0; step < 3000; step++) {
    const page = random(8);
    const isLarge = random(4) === 0;
    const address = isLarge ? large + page * PAGE_SIZE : small + page * PAGE_SIZE;
    if (random(3) === 0 || !frames.has(isLarge ? large : address)) {
      const frame = isLarge ? 512 * (2 + random(4)) : 3072 + random(900);
      const entry = (BigInt(frame) << 10n) | bits;
      view.setBigUint64(
        isLarge ? entryAddress(machine, middle, 2) : entryAddress(machine, low, page),
        entry,
        true,
      );
      frames.set(isLarge ? large : address, frame);
      // Any page of a large leaf stands for all of it.
      hart.fencePage(1, isLarge ? large + random(512) * PAGE_SIZE : address);
    }
    const base = frames.get(isLarge ? large : address) as number;
    const frame = isLarge ? base + page : base;
    const kind = (['load', 'store', 'fetch'] as const)[random(3)] as Access;
    const what = `${tier}, step ${step}`;
    const cause = access(machine, kind, BigInt(address + (kind === 'store' ? SCRATCH : MARK)), step);
    assert.is(cause, traps.environmentCall, what);
    if (kind === 'store')
      assert.is(view.getUint32(machine.ramOffset + frame * PAGE_SIZE + SCRATCH, true), step, what);
    else {
      const expected = kind === 'fetch' ? frame - 2048 : asm.addi(10, 0, frame - 2048) | 0;
      assert.is(BigInt.asIntN(64, hart.x[10] as bigint), BigInt(expected), what);
    }
  }
}

test('a fence of one page is enough when its leaf changed, for each kind of access, in each tier', () => {
  for (const tier of ['interpreter', 'translator', 'auto'] as const) checkFencesOfPages(tier);
});

test('the first and the last frame of the largest RAM are read, written, run and logged', () => {
  const { machine, tables } = createBench(RAM_BYTES_MAX);
  const { hart, view, frameCount } = machine;
  assert.is(frameCount, RAM_BYTES_MAX / PAGE_SIZE);
  for (const frame of [frameCount - 1, Math.floor(frameCount / 2)]) {
    const address = 0x100_0000 + frame * PAGE_SIZE;
    tables.map(address, frame, pte.read | pte.write | pte.execute);
    const at = machine.ramOffset + frame * PAGE_SIZE;
    view.setUint32(at, asm.sw(12, 11, 0), true);
    view.setUint32(at + 4, asm.lw(10, 11, 0), true);
    hart.x[11] = BigInt(address + 4092);
    hart.x[12] = 0x1234_5678n;
    hart.pcWord[0] = BigInt(address);
    assert.is(hart.run(2), traps.budget);
    assert.is(hart.x[10], 0x1234_5678n);
    assert.is(view.getUint32(at + 4092, true), 0x1234_5678);
    const logged: number[] = [];
    machine.log.drain((f) => logged.push(f));
    assert.equal(logged, [frame]);
  }
});

function checkOtherRoot(tier: Tier): void {
  const machine = createMachine(RAM_BYTES, { tier, heat: EARLY });
  const pointer = (frame: number): bigint => (BigInt(frame) << 10n) | BigInt(pte.valid);
  for (const root of [0, 10]) {
    machine.view.setBigUint64(entryAddress(machine, root, 0), pointer(root + 1), true);
    machine.view.setBigUint64(entryAddress(machine, root + 1, 0), pointer(root + 2), true);
    machine.view.setBigUint64(
      entryAddress(machine, root + 2, 16),
      (BigInt(root + 3) << 10n) | BigInt(pte.valid | pte.execute | pte.user),
      true,
    );
    writeCodes(machine, root + 3, 0, [asm.addi(10, 0, root + 1), asm.ecall]);
  }
  for (const root of [0, 10, 0, 10]) {
    machine.hart.setAddressSpace(root, 7);
    machine.hart.pcWord[0] = 0x1_0000n;
    assert.is(machine.hart.run(9), traps.environmentCall);
    assert.is(machine.hart.x[10], BigInt(root + 1));
  }
}

test('an address space given another root without a fence uses the new one, in each tier', () => {
  for (const tier of ['interpreter', 'translator', 'auto'] as const) checkOtherRoot(tier);
});

test.run();
