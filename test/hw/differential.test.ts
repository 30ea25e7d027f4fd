/** K.18, M.10: random instructions give on our hart, in each tier, what they give on qemu-riscv64. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createBareProgram } from '../../src/hw/bare.ts';
import { parseElf } from '../../src/hw/elf.ts';
import { findInstruction, instructions } from '../../src/hw/instructions/table.ts';
import { testNeeding } from '../tools/needs.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { campaign, checkTranslated } from './differential/campaign.ts';
import { floatInstructions } from './differential/floats.ts';
import { buildProgram, codesOf } from './differential/generate.ts';

const compared = testNeeding(test, 'qemu-riscv64-static');
/** Random instructions of each tier. CI adds campaigns, so that each has two million or more. */
const shares = { interpreter: 500_000, translator: 160_000, auto: 160_000 } as const;

for (const tier of ['interpreter', 'translator', 'auto'] as const) {
  compared(
    `${tier}: ${shares[tier]} random instructions leave the registers, fcsr and memory that qemu's leave`,
    () => {
      // Another seed every day would find more, and would break somebody's unrelated change: campaigns do that.
      const part = campaign(tier, 1, shares[tier], scratchFolder(), () => {});
      assert.is(part.difference, null, part.difference ?? '');
      assert.is(checkTranslated(part), null);
      assert.ok(part.instructions >= shares[tier]);
      const share = `${(100 * (part.translatedShare ?? 0)).toFixed(1)} % translated`;
      console.log(`${tier}: ${part.instructions} random instructions compared with qemu, ${share}`);
    },
  );
}

/** The instructions of RV64IMA by the manual's listings; system instructions cannot be compared. */
const integerNames = `lui auipc jal jalr beq bne blt bge bltu bgeu lb lh lw ld lbu lhu lwu sb sh sw sd
  addi slti sltiu xori ori andi slli srli srai add sub sll slt sltu xor srl sra or and
  addiw slliw srliw sraiw addw subw sllw srlw sraw fence fence.i ecall ebreak
  mul mulh mulhsu mulhu div divu rem remu mulw divw divuw remw remuw
  lr.w sc.w amoswap.w amoadd.w amoxor.w amoand.w amoor.w amomin.w amomax.w amominu.w amomaxu.w
  lr.d sc.d amoswap.d amoadd.d amoxor.d amoand.d amoor.d amomin.d amomax.d amominu.d amomaxu.d`.split(/\s+/);
const floatNames = [...floatInstructions.map(({ name }) => name), 'flw', 'fld', 'fsw', 'fsd'];
const csrNames = ['csrrw', 'csrrs', 'csrrc', 'csrrwi', 'csrrsi', 'csrrci'];
const names = [...integerNames, ...floatNames, ...csrNames];

test('the instruction table has every instruction of RV64GC in user mode, and no other', () => {
  const counters = ['rdcycle', 'rdtime', 'rdinstret'].flatMap((name) =>
    [2, 3, 6, 7].map((f) => `${name}.${f}`),
  );
  assert.equal(instructions.map(({ name }) => name).sort(), [...names, ...counters].sort());
});

test('floating point instructions have the encodings that the listings of the manual give', () => {
  for (const { name, mask, match } of floatInstructions) {
    const row = instructions.find((candidate) => candidate.name === name);
    assert.equal([row?.mask, row?.match], [mask, match], name);
  }
});

test('the random programs contain every instruction that can be compared, and many kinds of compressed ones', () => {
  const seen = new Set<string>();
  const compressed = new Set<number>();
  for (let index = 0; index < 3000; index++) {
    for (const code of codesOf(1, index, 40)) {
      if ((code & 3) !== 3) {
        compressed.add(code);
        continue;
      }
      const row = findInstruction(code);
      if (row === null) continue;
      const isRounded = floatInstructions.some(({ name, isRounded }) => isRounded && name === row.name);
      const csrNumber = csrNames.includes(row.name) ? ` ${code >>> 20}` : '';
      seen.add(isRounded ? `${row.name} ${(code >>> 12) & 7}` : row.name + csrNumber);
    }
  }
  const comparable = [
    ...integerNames.filter((name) => !['ecall', 'ebreak', 'fence'].includes(name)),
    ...floatInstructions.flatMap(({ name, isRounded }) =>
      isRounded ? [0, 1, 2, 3, 4, 7].map((mode) => `${name} ${mode}`) : [name],
    ),
    ...csrNames.flatMap((name) => [1, 2, 3].map((number) => `${name} ${number}`)),
    ...['flw', 'fld', 'fsw', 'fsd'],
  ];
  assert.equal(
    comparable.filter((name) => !seen.has(name)),
    [],
  );
  // By opcode and funct3: all but the reserved one.
  const kinds = new Set([...compressed].map((code) => `${code & 3}.${code >>> 13}`));
  assert.equal([...kinds].sort(), [
    ...['0.0', '0.1', '0.2', '0.3', '0.5', '0.6', '0.7'],
    ...['1.0', '1.1', '1.2', '1.3', '1.4', '1.5', '1.6', '1.7'],
    ...['2.0', '2.1', '2.2', '2.3', '2.4', '2.5', '2.6', '2.7'],
  ]);
});

test('as many random instructions are executed as are counted, or more', () => {
  const sequences = Array.from({ length: 60 }, (_, index) => ({ index, groupCount: 40, rounds: 1 }));
  const program = buildProgram(5, sequences);
  const bare = createBareProgram(parseElf(program.elf, 'random.elf'), {
    ramBytes: 16 * 1024 * 1024,
    arguments: [],
    environment: [],
    ticksPerNanosecond: 4,
    wallBaseNs: 0n,
    random: new Uint8Array(16),
    tier: 'interpreter',
    effects: { write: () => {}, read: () => new Uint8Array(0) },
  });
  assert.ok(bare !== null);
  const executed = new Set<number>();
  do executed.add(Number(bare?.machine.hart.pcWord[0]));
  while (bare?.run(1).kind === 'budget');
  const random = [...executed].filter((pc) => program.places.some(([first, end]) => pc >= first && pc < end));
  assert.ok(random.length >= program.instructionCount, `${random.length} of ${program.instructionCount}`);
  assert.ok(program.instructionCount > random.length * 0.8, 'and not far fewer are counted');
});

test.run();
