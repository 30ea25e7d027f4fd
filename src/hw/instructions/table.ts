/**
 * The instruction table: encoding and meaning of each instruction of RV64IMAFD, Zicsr and Zifencei.
 *
 * This is the only place that says what an instruction does; the decoder, the interpreter and the translator are made
 * from it. Compressed instructions have no rows: `compressed.ts` gives their 32-bit equivalents. Sources: The RISC-V
 * Instruction Set Manual, volume I (chapters named at the groups below).
 */
import { traps } from '../machine.ts';
import { op } from '../wasm/opcodes.ts';
import { atomics } from './atomic.ts';
import { control } from './control.ts';
import { conversions } from './conversion.ts';
import type { Effects, Width } from './effects.ts';
import { floating } from './floating.ts';
import { multiplication } from './multiplication.ts';
import { type Instruction, row } from './row.ts';

const LOAD = 0x03;
const MISC_MEM = 0x0f;
const OP_IMM = 0x13;
const AUIPC = 0x17;
const OP_IMM_32 = 0x1b;
const STORE = 0x23;
const OP = 0x33;
const LUI = 0x37;
const OP_32 = 0x3b;
const BRANCH = 0x63;
const JALR = 0x67;
const JAL = 0x6f;
const SYSTEM = 0x73;

type Operation = (typeof op)[keyof typeof op];

/** rd = rs1 op rs2 on 64 bits; `compare` ones push an i32. */
const registers =
  (operation: Operation, compare = false) =>
  (e: Effects): void =>
    e.rd(() => {
      e.rs1();
      e.rs2();
      e.code.op(operation);
      if (compare) e.code.op(op.i64ExtendI32U);
    });

/** rd = rs1 op immediate on 64 bits. WebAssembly takes shift amounts modulo 64, as the manual does. */
const immediate =
  (operation: Operation, compare = false) =>
  (e: Effects): void =>
    e.rd(() => {
      e.rs1();
      e.immediate();
      e.code.op(operation);
      if (compare) e.code.op(op.i64ExtendI32U);
    });

/** rd = sign-extended 32-bit result of rs1 op rs2; shift amounts modulo 32. */
const registersWord =
  (operation: Operation) =>
  (e: Effects): void =>
    e.rd(() => {
      e.rs1Word();
      e.rs2Word();
      e.code.op(operation);
      e.code.op(op.i64ExtendI32S);
    });

const immediateWord =
  (operation: Operation) =>
  (e: Effects): void =>
    e.rd(() => {
      e.rs1Word();
      e.immediateWord();
      e.code.op(operation);
      e.code.op(op.i64ExtendI32S);
    });

const branch =
  (comparison: Operation) =>
  (e: Effects): void =>
    e.branch(() => {
      e.rs1();
      e.rs2();
      e.code.op(comparison);
    });

const load = (width: Width, signed: boolean) => (e: Effects) => e.rd(() => e.load(width, signed));
const store = (width: Width) => (e: Effects) => e.store(width);

/** Chapter "RV32I" and "RV64I": integer computation. */
const computation: readonly Instruction[] = [
  row('lui', 'U', LUI, {}, 'rd', (e) => e.rd(() => e.immediate())),
  row('auipc', 'U', AUIPC, {}, 'rd', (e) =>
    e.rd(() => {
      e.pc();
      e.immediate();
      e.code.op(op.i64Add);
    }),
  ),
  row('addi', 'I', OP_IMM, { funct3: 0 }, 'rd', immediate(op.i64Add)),
  row('slti', 'I', OP_IMM, { funct3: 2 }, 'rd', immediate(op.i64LtS, true)),
  row('sltiu', 'I', OP_IMM, { funct3: 3 }, 'rd', immediate(op.i64LtU, true)),
  row('xori', 'I', OP_IMM, { funct3: 4 }, 'rd', immediate(op.i64Xor)),
  row('ori', 'I', OP_IMM, { funct3: 6 }, 'rd', immediate(op.i64Or)),
  row('andi', 'I', OP_IMM, { funct3: 7 }, 'rd', immediate(op.i64And)),
  row('slli', 'shift64', OP_IMM, { funct3: 1, funct6: 0x00 }, 'rd', immediate(op.i64Shl)),
  row('srli', 'shift64', OP_IMM, { funct3: 5, funct6: 0x00 }, 'rd', immediate(op.i64ShrU)),
  row('srai', 'shift64', OP_IMM, { funct3: 5, funct6: 0x10 }, 'rd', immediate(op.i64ShrS)),
  row('add', 'R', OP, { funct3: 0, funct7: 0x00 }, 'rd', registers(op.i64Add)),
  row('sub', 'R', OP, { funct3: 0, funct7: 0x20 }, 'rd', registers(op.i64Sub)),
  row('sll', 'R', OP, { funct3: 1, funct7: 0x00 }, 'rd', registers(op.i64Shl)),
  row('slt', 'R', OP, { funct3: 2, funct7: 0x00 }, 'rd', registers(op.i64LtS, true)),
  row('sltu', 'R', OP, { funct3: 3, funct7: 0x00 }, 'rd', registers(op.i64LtU, true)),
  row('xor', 'R', OP, { funct3: 4, funct7: 0x00 }, 'rd', registers(op.i64Xor)),
  row('srl', 'R', OP, { funct3: 5, funct7: 0x00 }, 'rd', registers(op.i64ShrU)),
  row('sra', 'R', OP, { funct3: 5, funct7: 0x20 }, 'rd', registers(op.i64ShrS)),
  row('or', 'R', OP, { funct3: 6, funct7: 0x00 }, 'rd', registers(op.i64Or)),
  row('and', 'R', OP, { funct3: 7, funct7: 0x00 }, 'rd', registers(op.i64And)),
  row('addiw', 'I', OP_IMM_32, { funct3: 0 }, 'rd', immediateWord(op.i32Add)),
  row('slliw', 'shift32', OP_IMM_32, { funct3: 1, funct7: 0x00 }, 'rd', immediateWord(op.i32Shl)),
  row('srliw', 'shift32', OP_IMM_32, { funct3: 5, funct7: 0x00 }, 'rd', immediateWord(op.i32ShrU)),
  row('sraiw', 'shift32', OP_IMM_32, { funct3: 5, funct7: 0x20 }, 'rd', immediateWord(op.i32ShrS)),
  row('addw', 'R', OP_32, { funct3: 0, funct7: 0x00 }, 'rd', registersWord(op.i32Add)),
  row('subw', 'R', OP_32, { funct3: 0, funct7: 0x20 }, 'rd', registersWord(op.i32Sub)),
  row('sllw', 'R', OP_32, { funct3: 1, funct7: 0x00 }, 'rd', registersWord(op.i32Shl)),
  row('srlw', 'R', OP_32, { funct3: 5, funct7: 0x00 }, 'rd', registersWord(op.i32ShrU)),
  row('sraw', 'R', OP_32, { funct3: 5, funct7: 0x20 }, 'rd', registersWord(op.i32ShrS)),
];

/** Control transfer. With the C extension targets are always even, so no target is misaligned. */
const transfer: readonly Instruction[] = [
  row('jal', 'J', JAL, {}, 'rd and more', (e) => {
    e.rd(() => e.nextPc());
    e.jumpRelative();
  }),
  row('jalr', 'I', JALR, { funct3: 0 }, 'rd and more', (e) => {
    // The target is taken before rd is written: they may be the same register.
    e.rs1();
    e.immediate();
    e.code.op(op.i64Add);
    e.code.i64(-2);
    e.code.op(op.i64And);
    e.code.set(e.scratch.i64);
    e.rd(() => e.nextPc());
    e.jump(() => e.code.get(e.scratch.i64));
  }),
  row('beq', 'B', BRANCH, { funct3: 0 }, 'no rd', branch(op.i64Eq)),
  row('bne', 'B', BRANCH, { funct3: 1 }, 'no rd', branch(op.i64Ne)),
  row('blt', 'B', BRANCH, { funct3: 4 }, 'no rd', branch(op.i64LtS)),
  row('bge', 'B', BRANCH, { funct3: 5 }, 'no rd', branch(op.i64GeS)),
  row('bltu', 'B', BRANCH, { funct3: 6 }, 'no rd', branch(op.i64LtU)),
  row('bgeu', 'B', BRANCH, { funct3: 7 }, 'no rd', branch(op.i64GeU)),
];

const memory: readonly Instruction[] = [
  row('lb', 'I', LOAD, { funct3: 0 }, 'rd and more', load(8, true)),
  row('lh', 'I', LOAD, { funct3: 1 }, 'rd and more', load(16, true)),
  row('lw', 'I', LOAD, { funct3: 2 }, 'rd and more', load(32, true)),
  row('ld', 'I', LOAD, { funct3: 3 }, 'rd and more', load(64, true)),
  row('lbu', 'I', LOAD, { funct3: 4 }, 'rd and more', load(8, false)),
  row('lhu', 'I', LOAD, { funct3: 5 }, 'rd and more', load(16, false)),
  row('lwu', 'I', LOAD, { funct3: 6 }, 'rd and more', load(32, false)),
  row('sb', 'S', STORE, { funct3: 0 }, 'no rd', store(8)),
  row('sh', 'S', STORE, { funct3: 1 }, 'no rd', store(16)),
  row('sw', 'S', STORE, { funct3: 2 }, 'no rd', store(32)),
  row('sd', 'S', STORE, { funct3: 3 }, 'no rd', store(64)),
];

/** A fence orders nothing here: there is one hart, and writes to code take effect at once. */
const nothing = (): void => {};

const system: readonly Instruction[] = [
  row('fence', 'R', MISC_MEM, { funct3: 0 }, 'no rd', nothing),
  row('fence.i', 'R', MISC_MEM, { funct3: 1 }, 'no rd', nothing),
  row('ecall', 'R', SYSTEM, { funct3: 0, funct12: 0, rs1: 0, rd: 0 }, 'no rd', (e) =>
    e.trap(traps.environmentCall, () => e.code.i64(0)),
  ),
  row('ebreak', 'R', SYSTEM, { funct3: 0, funct12: 1, rs1: 0, rd: 0 }, 'no rd', (e) =>
    e.trap(traps.breakpoint, () => e.pc()),
  ),
];

/** Every instruction, in the order in which operations are numbered. */
export const instructions: readonly Instruction[] = [
  ...computation,
  ...transfer,
  ...memory,
  ...multiplication,
  ...atomics,
  ...system,
  ...control,
  ...floating,
  ...conversions,
];

/** Number of the bucket that an encoding is looked up in: opcode[6:2] and funct3. */
const BUCKETS = 256;
const bucketOf = (bits: number): number => ((bits >>> 2) & 31) | (((bits >>> 12) & 7) << 5);
const BUCKET_BITS = 0x707c;

/** Puts every row in the buckets that agree with what it fixes of a bucket's bits. */
function fillBuckets(): Instruction[][] {
  const filled: Instruction[][] = Array.from({ length: BUCKETS }, () => []);
  for (const instruction of instructions) {
    const { mask, match } = instruction;
    const free = ~mask & BUCKET_BITS;
    // Counts through the subsets of the bits that are free, the empty one last.
    for (let told = free; ; told = (told - 1) & free) {
      filled[bucketOf(match | told)]?.push(instruction);
      if (told === 0) break;
    }
  }
  return filled;
}

/** For each bucket the instructions that an encoding in it can be; one that does not fix funct3 is in eight. */
export const buckets: readonly (readonly Instruction[])[] = fillBuckets();

/** The row that a 32-bit instruction matches. */
export function findInstruction(bits: number): Instruction | null {
  const isWhole = (bits & 3) === 3;
  const candidates = isWhole ? (buckets[bucketOf(bits)] ?? []) : [];
  return candidates.find(({ mask, match }) => (bits & mask) >>> 0 === match) ?? null;
}
