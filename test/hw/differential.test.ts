/** K.18: random instructions give on our hart what they give on qemu-riscv64. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { instructions } from '../../src/hw/instructions/table.ts';
import { testNeeding } from '../tools/needs.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { generator } from './bench.ts';
import { compareWithQemu } from './differential/compare.ts';
import { buildProgram } from './differential/generate.ts';

const compared = testNeeding(test, 'qemu-riscv64-static');
const INSTRUCTIONS = 600_000;
const PER_PROGRAM = 100_000;

compared(`${INSTRUCTIONS} random instructions leave the registers and memory that qemu's leave`, () => {
  const folder = scratchFolder();
  // Another seed every day would find more, and would break somebody's unrelated change: campaigns do that.
  let total = 0;
  for (let seed = 1; total < INSTRUCTIONS; seed++) {
    const random = generator(seed);
    const cut = seed % 2 === 0 ? () => 1_000_000 : () => 1 + random(50);
    const { instructions: count, difference } = compareWithQemu(seed, PER_PROGRAM, folder, cut);
    assert.is(
      difference,
      null,
      `${difference}\nagain: node test/hw/differential.ts --instructions ${PER_PROGRAM} --seed ${seed}`,
    );
    total += count;
  }
  assert.ok(total >= INSTRUCTIONS);
  console.log(`${total} random instructions compared with qemu`);
});

/** The instructions of RV64IMA by the manual's listings; counters and system instructions cannot be compared. */
const names = `lui auipc jal jalr beq bne blt bge bltu bgeu lb lh lw ld lbu lhu lwu sb sh sw sd
  addi slti sltiu xori ori andi slli srli srai add sub sll slt sltu xor srl sra or and
  addiw slliw srliw sraiw addw subw sllw srlw sraw fence fence.i ecall ebreak
  mul mulh mulhsu mulhu div divu rem remu mulw divw divuw remw remuw
  lr.w sc.w amoswap.w amoadd.w amoxor.w amoand.w amoor.w amomin.w amomax.w amominu.w amomaxu.w
  lr.d sc.d amoswap.d amoadd.d amoxor.d amoand.d amoor.d amomin.d amomax.d amominu.d amomaxu.d`.split(/\s+/);

test('the instruction table has every instruction of RV64IMA and the counters, and no other', () => {
  const counters = ['rdcycle', 'rdtime', 'rdinstret'].flatMap((name) =>
    [2, 3, 6, 7].map((f) => `${name}.${f}`),
  );
  assert.equal(instructions.map(({ name }) => name).sort(), [...names, ...counters].sort());
});

test('the random programs contain every instruction that can be compared, and many kinds of compressed ones', () => {
  const sequences = Array.from({ length: 1500 }, (_, index) => ({ index, groupCount: 30 }));
  const seen = new Set<string>();
  const compressed = new Set<number>();
  for (const sequence of sequences) {
    for (const code of buildProgram(1, [sequence]).lastCodes) {
      if ((code & 3) !== 3) compressed.add(code);
      else {
        const row = instructions.find(({ mask, match }) => (code & mask) >>> 0 === match);
        if (row !== undefined) seen.add(row.name);
      }
    }
  }
  const comparable = names.filter((name) => !['ecall', 'ebreak', 'fence', 'fence.i'].includes(name));
  assert.equal(
    comparable.filter((name) => !seen.has(name)),
    [],
  );
  // By opcode and funct3: all but the illegal and floating point quadrants.
  const kinds = new Set([...compressed].map((code) => `${code & 3}.${code >>> 13}`));
  assert.equal([...kinds].sort(), [
    ...['0.0', '0.2', '0.3', '0.6', '0.7'],
    ...['1.0', '1.1', '1.2', '1.3', '1.4', '1.5', '1.6', '1.7'],
    ...['2.0', '2.2', '2.3', '2.4', '2.6', '2.7'],
  ]);
});

test.run();
