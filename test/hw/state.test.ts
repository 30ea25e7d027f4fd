/** RAM of every size works to its last byte; a hart's state goes out as plain data, and what comes in goes on as if nothing was. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createMachine } from '../../src/hw/create.ts';
import { type HartState, pte, type Tier, traps } from '../../src/hw/machine.ts';
import { HartStateError } from '../../src/hw/state.ts';
import { asm, type Bench, CODE, createBench, DATA, encode, generator } from './bench.ts';

const tiers: readonly Tier[] = ['interpreter', 'translator', 'auto'];
const MIB = 1024 * 1024;
const ALL = pte.read | pte.write | pte.execute;
const PAGE = 4096;

/** A loop that ends by itself: x5 counts up to x6 and is stored at x11 each time; then a call. */
const countLoop = [
  asm.addi(5, 5, 1),
  asm.sd(5, 11, 0),
  asm.ld(7, 11, 0),
  asm.add(8, 8, 7),
  asm.bne(5, 6, -16),
  asm.ecall,
];

for (const ramBytes of [16 * MIB, 16 * MIB + PAGE, 1024 * MIB, 3 * 1024 * MIB - PAGE, 3 * 1024 * MIB]) {
  const mib = ramBytes / MIB;
  test(`RAM of ${mib} MiB runs, loads, stores and logs in its last page, in every tier`, () => {
    for (const tier of tiers) {
      const { machine, tables } = createBench(ramBytes, { tier });
      const { hart } = machine;
      assert.is(machine.frameCount, ramBytes / PAGE);
      const last = machine.frameCount - 1;
      // Code at the end of the last frame, data in its middle.
      const [page, data] = [0x30_0000, 0x30_0000 + 2048];
      tables.map(page, last, ALL);
      const start = PAGE - countLoop.length * 4;
      const words = new Uint32Array(machine.memory.buffer, machine.ramOffset + last * PAGE, PAGE / 4);
      words.set(countLoop, start / 4);
      hart.frameChanged(last);
      hart.x[6] = 1000n;
      hart.x[11] = BigInt(data);
      hart.pcWord[0] = BigInt(page + start);
      assert.is(hart.run(1_000_000), traps.environmentCall);
      assert.is(hart.lastRetired, 5000);
      const { translated } = machine.tierStatistics();
      if (tier !== 'auto') assert.is(translated > 0, tier === 'translator', tier);
      assert.is(hart.pcWord[0], BigInt(page + PAGE - 4));
      assert.is(hart.x[8], 500_500n);
      assert.is(words[512], 1000);
      const logged: number[] = [];
      machine.log.drain((frame) => logged.push(frame));
      assert.ok(logged.includes(last));
      // The last byte of all.
      hart.x[11] = BigInt(page);
      const store = asm.sb(6, 12, 0);
      words[0] = store;
      hart.frameChanged(last);
      hart.x[12] = BigInt(page + PAGE - 1);
      hart.x[6] = 0x5an;
      hart.pcWord[0] = BigInt(page);
      assert.is(hart.run(1), traps.budget);
      assert.is(machine.bytes[machine.ramOffset + ramBytes - 1], 0x5a);
      machine.log.drain((frame) => logged.push(frame));
      assert.is(logged.at(-1), last);
      // A table entry that names the frame behind the last is no memory, whatever it says.
      tables.map(page, last + 1, ALL);
      hart.fenceAll();
      hart.pcWord[0] = BigInt(page);
      const cause = hart.run(1);
      assert.ok(
        [traps.instructionAccess, traps.instructionPageFault].some((known) => known === cause),
        `${cause}`,
      );
    }
  });
}

test('a RAM that is too small, too large or no whole number of pages is refused', () => {
  const wrong = [0, -1, PAGE, 16 * MIB - PAGE, 16 * MIB + 1, 16 * MIB - 1];
  for (const ramBytes of [...wrong, 3 * 1024 * MIB + PAGE, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => createMachine(ramBytes), /machine: RAM is/, `${ramBytes}`);
  }
});

/** Encodings of the chapters "F" and "D". */
const float = (funct7: number, rd: number, rs1: number, rs2: number, mode = 7): number =>
  encode.r(0x53, mode, funct7, rd, rs1, rs2);
const [F_DIV, F_FROM_LONG] = [0x0d, 0x69];
const fmadd = (rd: number, rs1: number, rs2: number, rs3: number): number =>
  (((rs3 << 27) | (1 << 25) | (rs2 << 20) | (rs1 << 15) | (7 << 12) | (rd << 7) | 0x43) >>> 0) as number;
const [FRM, CYCLE, INSTRET] = [0x002, 0xc00, 0xc02];
const fsd = (rs2: number, rs1: number, offset: number): number =>
  ((encode.s(3, rs1, rs2, offset) & ~0x7f) | 0x27) >>> 0;

/** An endless loop in which everything that is state matters: both files, fcsr, reservation, counters, pc, memory. */
const body = [
  asm.addi(5, 5, 1),
  asm.sd(5, 11, 0),
  asm.ld(6, 11, 0),
  encode.r(0x33, 0, 1, 7, 7, 6), // mul
  asm.add(7, 7, 5),
  float(F_FROM_LONG, 1, 7, 2),
  float(F_DIV, 2, 1, 3),
  fmadd(4, 2, 1, 4),
  fsd(4, 11, 16),
  encode.i(0x13, 7, 8, 5, 3), // andi
  asm.csr(1, 9, FRM, 8),
  asm.amo(0x02, true, 12, 11, 0), // lr.d
  asm.addi(12, 12, 1),
  asm.amo(0x03, true, 13, 11, 12), // sc.d
  asm.add(14, 14, 13),
  asm.amo(0x00, true, 15, 16, 5), // amoadd.d
  asm.csr(2, 17, CYCLE, 0),
  asm.add(18, 18, 17),
  asm.csr(2, 19, INSTRET, 0),
  asm.add(20, 20, 19),
  0x0285, // c.addi t0, 1
  asm.sw(7, 11, 29),
  asm.bne(8, 0, 8),
  asm.addi(21, 21, 7),
];
const bodyBytes = body.reduce((sum, code) => sum + ((code & 3) === 3 ? 4 : 2), 0);
const program = [...body, asm.jal(0, -bodyBytes)];

function begin(tier: Tier): Bench {
  const bench = createBench(16 * MIB, { tier });
  const { hart } = bench.machine;
  bench.place(CODE + 10, program);
  hart.x[11] = BigInt(DATA + 256);
  hart.x[16] = BigInt(DATA + 264);
  hart.f[3] = 0x4008_0000_0000_0000n; // 3.0
  hart.pcWord[0] = BigInt(CODE + 10);
  return bench;
}

/** Frames of a bench: its tables, code and data. */
const FRAMES = 10;

/** All that a program's future depends on. */
function everything({ machine }: Bench): unknown {
  return {
    ...machine.exportState(),
    memory: Array.from({ length: FRAMES }, (_, frame) =>
      Buffer.from(machine.frame(frame)).toString('base64'),
    ),
  };
}

function runFor({ machine: { hart } }: Bench, instructions: number): void {
  for (let left = instructions; left > 0; left -= hart.lastRetired) {
    assert.is(hart.run(left), traps.budget);
    assert.is(hart.lastRetired, left);
  }
}

/** A fresh machine with this one's RAM and state, the state as what `carry` makes of it. */
function moved(from: Bench, tier: Tier, carry: (state: HartState) => HartState): Bench {
  const bench = createBench(16 * MIB, { tier });
  for (let frame = 0; frame < FRAMES; frame++) {
    bench.machine.frame(frame).set(from.machine.frame(frame));
    bench.machine.hart.frameChanged(frame);
  }
  bench.machine.importState(carry(from.machine.exportState()));
  return bench;
}

/** As JSON: words are decimal strings there. */
function throughJson(state: HartState): HartState {
  const text = JSON.stringify(state, (_key, value) => (typeof value === 'bigint' ? `${value}n` : value));
  return JSON.parse(text, (_key, value) => (/^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value));
}

test('a run that goes on in a fresh machine, at any instruction, in any tier, ends as the undisturbed run', () => {
  const random = generator(2026);
  const total = 30_000;
  const undisturbed = begin('interpreter');
  runFor(undisturbed, total);
  const expected = everything(undisturbed);
  for (const first of tiers) {
    for (const second of tiers) {
      // Two rounds of the loop instruction by instruction, so also between lr and sc, and anywhere.
      const cut = [1 + random(60), 600 + random(60), 1 + random(total - 2)][random(3)] as number;
      const start = begin(first);
      runFor(start, cut);
      const next = moved(start, second, random(2) === 0 ? structuredClone : throughJson);
      runFor(next, total - cut);
      assert.equal(everything(next), expected, `${first}, ${cut} instructions, ${second}`);
    }
  }
});

test('every cut of two rounds of the loop goes on rightly', () => {
  const total = 110;
  const undisturbed = begin('interpreter');
  runFor(undisturbed, total);
  const expected = everything(undisturbed);
  // One machine that is moved on after each instruction, to and fro.
  const pair = [begin('interpreter'), createBench(16 * MIB, { tier: 'translator' })] as const;
  for (let done = 0; done < total; done++) {
    const [from, to] = done % 2 === 0 ? pair : [pair[1], pair[0]];
    runFor(from, 1);
    for (let frame = 0; frame < FRAMES; frame++) {
      to.machine.frame(frame).set(from.machine.frame(frame));
      to.machine.hart.frameChanged(frame);
    }
    to.machine.hart.fenceAll();
    to.machine.importState(structuredClone(from.machine.exportState()));
  }
  assert.equal(everything(pair[0]), expected);
});

test('a state is plain versioned data', () => {
  const bench = begin('auto');
  runFor(bench, 1234);
  const state = bench.machine.exportState();
  assert.is(state.version, 1);
  assert.equal(Object.keys(state).sort(), [
    'f',
    'fcsr',
    'pc',
    'reservation',
    'retired',
    'tick',
    'version',
    'x',
  ]);
  assert.equal(structuredClone(state), state);
  assert.equal(throughJson(state), state);
  assert.is(state.retired, 1234n);
  // It is a copy: the machine goes on and it does not change.
  const before = structuredClone(state);
  runFor(bench, 10);
  assert.equal(state, before);
});

test('every value that a word can have comes back', () => {
  const random = generator(11);
  const word = (): bigint => (BigInt(random(2 ** 32)) << 32n) | BigInt(random(2 ** 32));
  for (const fill of [() => 0n, () => 2n ** 64n - 1n, word, word, word]) {
    const state: HartState = {
      version: 1,
      x: Array.from({ length: 32 }, (_, i) => (i === 0 ? 0n : fill())),
      f: Array.from({ length: 32 }, fill),
      pc: fill() & ~1n,
      fcsr: Number(fill() & 0xffn),
      reservation: fill(),
      tick: fill(),
      retired: fill(),
    };
    const { machine } = createBench();
    machine.importState(state);
    assert.equal(machine.exportState(), state);
  }
});

/** What is done to a good state, and what the refusal must say. */
const wrongs: readonly (readonly [string, (state: Record<string, unknown>) => unknown, RegExp])[] = [
  ['nothing', () => null, /^hart state: it is no object$/],
  ['a text', () => 'state', /it is no object/],
  ['an array', () => [], /its version is undefined, this machine reads 1/],
  ['a later version', (s) => ({ ...s, version: 2 }), /its version is 2, this machine reads 1/],
  [
    'a version that only looks like it',
    (s) => ({ ...s, version: '1' }),
    /its version is 1, this machine reads 1/,
  ],
  ['no version', ({ version: _, ...s }) => s, /its version is undefined/],
  ['31 registers', (s) => ({ ...s, x: (s.x as bigint[]).slice(1) }), /x is not 32 registers/],
  ['33 registers', (s) => ({ ...s, f: [...(s.f as bigint[]), 0n] }), /f is not 32 registers/],
  ['no registers', ({ f: _, ...s }) => s, /f is not 32 registers/],
  ['registers with a hole', (s) => ({ ...s, f: new Array(32) }), /f\[0\] is no unsigned 64-bit/],
  ['registers as an object', (s) => ({ ...s, x: { length: 32 } }), /x is not 32 registers/],
  [
    'a number',
    (s) => ({ ...s, x: (s.x as bigint[]).with(3, 5 as unknown as bigint) }),
    /x\[3\] is no unsigned/,
  ],
  ['a negative word', (s) => ({ ...s, f: (s.f as bigint[]).with(31, -1n) }), /f\[31\] is no unsigned/],
  [
    'a word of 65 bits',
    (s) => ({ ...s, x: (s.x as bigint[]).with(31, 2n ** 64n) }),
    /x\[31\] is no unsigned/,
  ],
  ['a zero that is none', (s) => ({ ...s, x: (s.x as bigint[]).with(0, 1n) }), /x\[0\] is not zero/],
  ['fcsr beyond its bits', (s) => ({ ...s, fcsr: 256 }), /fcsr is not 0 to 255/],
  ['fcsr below zero', (s) => ({ ...s, fcsr: -1 }), /fcsr is not 0 to 255/],
  ['half an fcsr', (s) => ({ ...s, fcsr: 0.5 }), /fcsr is not 0 to 255/],
  ['fcsr as a bigint', (s) => ({ ...s, fcsr: 0n }), /fcsr is not 0 to 255/],
  ...(['pc', 'reservation', 'tick', 'retired'] as const).flatMap((name) => {
    const message = new RegExp(`^hart state: ${name} is no unsigned 64-bit integer`);
    return ([undefined, null, 1, '1', -1n, 2n ** 64n] as const).map(
      (value) =>
        [`${name} ${value}`, (s: Record<string, unknown>) => ({ ...s, [name]: value }), message] as const,
    );
  }),
];

test('a state of a foreign version or of another shape is refused clearly and changes nothing', () => {
  const bench = begin('auto');
  runFor(bench, 777);
  const before = everything(bench);
  const other = begin('auto');
  runFor(other, 1500);
  for (const [name, change, message] of wrongs) {
    const wrong = change({ ...other.machine.exportState() }) as HartState;
    assert.throws(
      () => bench.machine.importState(wrong),
      (error: unknown) => error instanceof HartStateError && message.test(error.message),
      name,
    );
    assert.equal(everything(bench), before, name);
  }
});

test.run();
