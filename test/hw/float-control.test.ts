/** M.01, M.09: rounding modes that are none, the registers fflags, frm and fcsr, and loads and stores of both formats. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { pte, traps } from '../../src/hw/machine.ts';
import { asm, DATA, edgeValues, encode } from './bench.ts';
import { BOX, createWays, DYNAMIC, encodeFloat, expectTranslated, type Way } from './float/bench.ts';
import { double, single } from './float/model.ts';

const ways = createWays();
const ONE = 0x3ff0_0000_0000_0000n;

/** Every instruction with a rounding mode, as a function of it. */
const rounded: readonly ((rm: number) => number)[] = [single, double].flatMap((format) => [
  ...[0x00, 0x01, 0x02, 0x03].map((funct5) => (rm: number) => encodeFloat.operation(funct5, format, rm)),
  (rm: number) => encodeFloat.operation(0x0b, format, rm, 0),
  ...[0x43, 0x47, 0x4b, 0x4f].map((opcode) => (rm: number) => encodeFloat.fused(opcode, format, rm)),
  ...[0x18, 0x1a].flatMap((funct5) =>
    [0, 1, 2, 3].map((rs2) => (rm: number) => encodeFloat.operation(funct5, format, rm, rs2)),
  ),
  (rm: number) => encodeFloat.operation(0x08, format, rm, format === single ? 1 : 0),
]);

test('rm 5 and 6, and dynamic with frm 5, 6 or 7, are illegal instructions that change nothing', () => {
  assert.is(rounded.length, 36);
  const cases = [5, 6].map((rm): readonly [number, number] => [rm, 0]);
  for (const frm of [5, 6, 7]) cases.push([DYNAMIC, frm]);
  for (const encodeWith of rounded) {
    for (const [rm, frm] of cases) {
      for (const nx of [0, 1]) {
        const bits = encodeWith(rm);
        for (const way of ways) {
          const { hart } = way.bench.machine;
          hart.trapValueWord[0] = 0n;
          const result = way.prepare(bits)({ f: [ONE, ONE, ONE], x: 3n, fcsr: (frm << 5) | nx });
          const message = `${way.name} ${bits.toString(16)} frm ${frm}`;
          assert.is(result.cause, traps.illegalInstruction, message);
          assert.is(hart.trapValueWord[0], BigInt(bits), message);
          assert.is(result.fcsr, (frm << 5) | nx, message);
          assert.is(result.f, result.x, `neither result register is written: ${message}`);
        }
      }
    }
  }
});

test('an instruction with a mode of its own does not look at frm, and goes on when frm is none', () => {
  for (const encodeWith of rounded) {
    for (const rm of [0, 1, 2, 3, 4]) {
      for (const way of ways) {
        const result = way.prepare(encodeWith(rm))({ f: [ONE, ONE, ONE], x: 3n, fcsr: 0xe1 });
        assert.is(result.cause, traps.environmentCall, way.name);
      }
    }
  }
});

/** The three registers: which bits of fcsr they are (manual, "Floating-Point Control and Status Register"). */
const registers = [
  [1, 0, 0x1f],
  [2, 5, 0x07],
  [3, 0, 0xff],
] as const;
const kinds = {
  csrrw: [1, (_: number, operand: number) => operand],
  csrrs: [2, (old: number, operand: number) => old | operand],
  csrrc: [3, (old: number, operand: number) => old & ~operand],
  csrrwi: [5, (_: number, operand: number) => operand],
  csrrsi: [6, (old: number, operand: number) => old | operand],
  csrrci: [7, (old: number, operand: number) => old & ~operand],
} as const;

for (const [name, [funct3, meaning]] of Object.entries(kinds)) {
  test(`${name} reads and changes fflags, frm and fcsr, and only their bits`, () => {
    const isImmediate = funct3 > 4;
    const operands = isImmediate
      ? Array.from({ length: 32 }, (_, i) => i)
      : [0, 1, 5, 7, 0x1f, 0xe0, 0xff, 0x55, -1];
    for (const [number, shift, mask] of registers) {
      for (const operand of operands) {
        const rs1 = isImmediate ? operand : 11;
        for (const rd of [10, 0]) {
          for (const way of ways) {
            const run = way.prepare(asm.csr(funct3, rd, number, rs1));
            for (const fcsr of [0, 0xff, 0x1f, 0xe0, 0xa5, 0x5a, 0x61]) {
              const result = run({ x: BigInt.asUintN(64, BigInt(operand)), fcsr });
              const old = (fcsr >> shift) & mask;
              const next = meaning(old, operand) & mask;
              const message = `${way.name} ${name} of ${number} with ${operand}, fcsr ${fcsr}`;
              assert.is(result.cause, traps.environmentCall, message);
              assert.is(result.fcsr, (fcsr & ~(mask << shift)) | (next << shift), message);
              if (rd === 10) assert.is(result.x, BigInt(old), message);
              assert.is(way.bench.machine.hart.x[0], 0n);
            }
          }
        }
      }
    }
  });
}

test('a csr instruction whose rd is its rs1 uses the old operand; with rs1 x0 it reads 0', () => {
  for (const way of ways) {
    const { hart } = way.bench.machine;
    const result = way.prepare(asm.csr(1, 11, 3, 11))({ x: 0x45n, fcsr: 0x23 });
    assert.is(hart.x[11], 0x23n);
    assert.is(result.fcsr, 0x45);
    assert.is(way.prepare(asm.csr(1, 10, 3, 0))({ x: 0x45n, fcsr: 0x23 }).fcsr, 0);
  }
});

test('other csr numbers are illegal, and so are writes to the counters', () => {
  const numbers = [
    0x000, 0x004, 0x005, 0x044, 0x100, 0x300, 0x340, 0x402, 0x800, 0xb00, 0xc03, 0xc80, 0xf14, 0xfff,
  ];
  for (const way of ways) {
    for (const number of numbers) {
      for (const funct3 of [1, 2, 3, 5, 6, 7]) {
        for (const rs1 of [0, 11]) {
          const bits = asm.csr(funct3, 10, number, rs1);
          const result = way.prepare(bits)({ fcsr: 0xff });
          assert.is(result.cause, traps.illegalInstruction, `${way.name} ${number.toString(16)}`);
          assert.is(way.bench.machine.hart.trapValueWord[0], BigInt(bits));
          assert.is(result.fcsr, 0xff);
        }
      }
    }
    for (const number of [0xc00, 0xc01, 0xc02]) {
      for (const [funct3, rs1] of [
        [1, 0],
        [1, 11],
        [5, 0],
        [2, 11],
        [3, 11],
        [6, 1],
        [7, 1],
      ] as const) {
        const result = way.prepare(asm.csr(funct3, 10, number, rs1))({ fcsr: 0 });
        assert.is(result.cause, traps.illegalInstruction, `${way.name} ${number.toString(16)}`);
      }
    }
  }
});

/** Loads to f10 from x11, stores of f12 to x11: with offset, or compressed with f10 and f12 as popular registers. */
const LOAD_FP = 0x07;
const load = (funct3: number, immediate: number): number => encode.i(LOAD_FP, funct3, 10, 11, immediate);
const store = (funct3: number, immediate: number): number =>
  ((encode.s(funct3, 11, 12, immediate) & ~0x7f) | 0x27) >>> 0;
const crossing = [DATA + 64, DATA + 4096 - 12];
const values = [
  ...edgeValues,
  0x7ff0_0000_0000_0001n,
  0xfff8_dead_beef_0001n,
  BOX | 0x7f80_0001n,
  BOX | 0xffc1_2345n,
];

function fill(way: Way, start: number, byte: (i: number) => number): void {
  for (let i = 0; i < 32; i++) way.bench.machine.view.setUint8(way.bench.at(start + i), byte(i));
}

function read(way: Way, start: number, bytes: number): bigint {
  let value = 0n;
  for (let i = bytes - 1; i >= 0; i--) {
    value = (value << 8n) | BigInt(way.bench.machine.view.getUint8(way.bench.at(start + i)));
  }
  return value;
}

test('flw and fld load all bits, NaNs as they are, at every alignment and across pages; flw boxes', () => {
  for (const way of ways) {
    for (const start of crossing) {
      for (const value of values) {
        for (let offset = 0; offset < 16; offset++) {
          fill(way, start, (i) =>
            i >= offset && i < offset + 8 ? Number((value >> BigInt(8 * (i - offset))) & 255n) : 0x5a,
          );
          for (const [funct3, immediate] of [
            [2, 0],
            [2, -2048],
            [3, 2047],
            [3, 0],
          ] as const) {
            const result = way.prepare(load(funct3, immediate))({
              x: BigInt(start + offset - immediate),
              fcsr: 0xe0,
            });
            assert.is(result.cause, traps.environmentCall);
            assert.is(
              result.f,
              funct3 === 3 ? value : BOX | BigInt.asUintN(32, value),
              `${way.name} at ${offset}`,
            );
            assert.is(result.fcsr, 0xe0);
          }
        }
      }
    }
  }
});

test('fsw and fsd store the bits there are, boxed or not, at every alignment and across pages, and nothing else', () => {
  for (const way of ways) {
    for (const start of crossing) {
      for (const value of values) {
        for (let offset = 0; offset < 16; offset++) {
          for (const [funct3, immediate] of [
            [2, 2047],
            [2, 0],
            [3, 0],
            [3, -2048],
          ] as const) {
            fill(way, start, () => 0x5a);
            const bytes = funct3 === 3 ? 8 : 4;
            const operands = { f: [0n, value], x: BigInt(start + offset - immediate), fcsr: 0 };
            assert.is(way.prepare(store(funct3, immediate))(operands).cause, traps.environmentCall);
            const shift = BigInt(8 * offset);
            const mask = ((1n << BigInt(8 * bytes)) - 1n) << shift;
            const before = BigInt(`0x${'5a'.repeat(32)}`);
            const expected = (before & ~mask) | ((value << shift) & mask);
            assert.is(read(way, start, 32), expected, `${way.name} ${bytes} bytes at ${offset}`);
          }
        }
      }
    }
  }
});

test('a load or store where nothing is mapped traps with its address and changes nothing', () => {
  const nowhere = 0x7000_0000n;
  for (const way of ways) {
    for (const funct3 of [2, 3]) {
      for (const [bits, cause] of [
        [load(funct3, 8), traps.loadPageFault],
        [store(funct3, 8), traps.storePageFault],
      ] as const) {
        const result = way.prepare(bits)({ f: [ONE, ONE], x: nowhere, fcsr: 0 });
        assert.is(result.cause, cause);
        assert.is(way.bench.machine.hart.trapValueWord[0], nowhere + 8n);
        assert.is(result.f, result.x);
      }
    }
  }
});

/** Bits of an unsigned offset put where the manual's figure says: [first bit of the offset, width, place]. */
const scatter = (offset: number, parts: readonly (readonly [number, number, number])[]): number =>
  parts.reduce(
    (code, [first, width, place]) => code | (((offset >> first) & ((1 << width) - 1)) << place),
    0,
  );

test('c.fld, c.fsd, c.fldsp and c.fsdsp do what fld and fsd do', () => {
  const value = 0x7ff0_1234_5678_9abcn;
  const code16 = 0x3_0000;
  for (const way of ways) {
    const { hart } = way.bench.machine;
    way.bench.map(code16, pte.read | pte.write | pte.execute);
    for (let offset = 0; offset <= 504; offset += 8) {
      const popular = scatter(offset, [
        [3, 3, 10],
        [6, 2, 5],
      ]);
      const loadStack = scatter(offset, [
        [3, 2, 5],
        [5, 1, 12],
        [6, 3, 2],
      ]);
      const storeStack = scatter(offset, [
        [3, 3, 10],
        [6, 3, 7],
      ]);
      // x11 and x10 are registers 3 and 2 of the popular ones.
      const stackLoad = 0x2002 | (10 << 7) | loadStack;
      const stackStore = 0xa002 | (12 << 2) | storeStack;
      const codes: (readonly [number, 'load' | 'store'])[] = [
        [stackLoad, 'load'],
        [stackStore, 'store'],
      ];
      if (offset <= 248)
        codes.push(
          [0x2000 | (3 << 7) | (2 << 2) | popular, 'load'],
          [0xa000 | (3 << 7) | (4 << 2) | popular, 'store'],
        );
      for (const [code, kind] of codes) {
        fill(way, DATA + offset, (i) =>
          kind === 'load' && i < 8 ? Number((value >> BigInt(8 * i)) & 255n) : 0,
        );
        hart.x[2] = BigInt(DATA);
        way.bench.place(code16, [code, asm.ecall]);
        hart.f[10] = 0n;
        hart.f[12] = value;
        hart.x[11] = BigInt(DATA);
        assert.is(way.bench.run(code16, 8), traps.environmentCall);
        assert.is(hart.pcWord[0], BigInt(code16 + 2));
        if (kind === 'load') assert.is(hart.f[10], value, code.toString(16));
        else assert.is(read(way, DATA + offset, 8), value, code.toString(16));
      }
    }
  }
});

test('the instructions were translated where they should be', () => expectTranslated(ways));

test.run();
