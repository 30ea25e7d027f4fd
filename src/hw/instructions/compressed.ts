/**
 * The C extension: for each 16-bit code the 32-bit instruction it stands for (manual, chapter "C extension", RV64DC).
 *
 * 0 means that there is none: the code is illegal or reserved. Hints are expanded like the rest and do what the
 * expansion does, which is nothing that counts. The decoder asks for a code's expansion when it first meets it.
 */

/** Bits `first` to `first + width - 1` of the code, moved to bit `to`. */
function bits(code: number, first: number, width: number, to = 0): number {
  return ((code >>> first) & ((1 << width) - 1)) << to;
}

function signed(value: number, width: number): number {
  return (value << (32 - width)) >> (32 - width);
}

const encodeI = (opcode: number, funct3: number, rd: number, rs1: number, immediate: number): number =>
  ((immediate << 20) | (rs1 << 15) | (funct3 << 12) | (rd << 7) | opcode) >>> 0;

const encodeS = (opcode: number, funct3: number, rs1: number, rs2: number, immediate: number): number =>
  ((bits(immediate, 5, 7) << 25) |
    (rs2 << 20) |
    (rs1 << 15) |
    (funct3 << 12) |
    (bits(immediate, 0, 5) << 7) |
    opcode) >>>
  0;

const encodeR = (
  opcode: number,
  funct7: number,
  funct3: number,
  rd: number,
  rs1: number,
  rs2: number,
): number => ((funct7 << 25) | (rs2 << 20) | (rs1 << 15) | (funct3 << 12) | (rd << 7) | opcode) >>> 0;

const encodeB = (funct3: number, rs1: number, rs2: number, offset: number): number =>
  ((bits(offset, 12, 1) << 31) |
    (bits(offset, 5, 6) << 25) |
    (rs2 << 20) |
    (rs1 << 15) |
    (funct3 << 12) |
    (bits(offset, 1, 4) << 8) |
    (bits(offset, 11, 1) << 7) |
    0x63) >>>
  0;

const encodeJ = (rd: number, offset: number): number =>
  ((bits(offset, 20, 1) << 31) |
    (bits(offset, 1, 10) << 21) |
    (bits(offset, 11, 1) << 20) |
    (bits(offset, 12, 8) << 12) |
    (rd << 7) |
    0x6f) >>>
  0;

const LOAD = 0x03;
const LOAD_FP = 0x07;
const STORE = 0x23;
const STORE_FP = 0x27;
/** funct3 of an access to 32 or 64 bits, in either file of registers. */
const LW = 2;
const LD = 3;
const EBREAK = 0x0010_0073;

/** Quadrant 0: loads and stores of the eight popular registers, and the address of a stack object. */
function quadrant0(code: number): number {
  const rdPrime = 8 + bits(code, 2, 3);
  const rs1Prime = 8 + bits(code, 7, 3);
  const wordOffset = bits(code, 6, 1, 2) | bits(code, 10, 3, 3) | bits(code, 5, 1, 6);
  const doubleOffset = bits(code, 10, 3, 3) | bits(code, 5, 2, 6);
  switch (code >>> 13) {
    case 0: {
      const offset = bits(code, 6, 1, 2) | bits(code, 5, 1, 3) | bits(code, 11, 2, 4) | bits(code, 7, 4, 6);
      return offset === 0 ? 0 : encodeI(0x13, 0, rdPrime, 2, offset);
    }
    case 1:
      return encodeI(LOAD_FP, LD, rdPrime, rs1Prime, doubleOffset);
    case 2:
      return encodeI(LOAD, LW, rdPrime, rs1Prime, wordOffset);
    case 3:
      return encodeI(LOAD, LD, rdPrime, rs1Prime, doubleOffset);
    case 5:
      return encodeS(STORE_FP, LD, rs1Prime, rdPrime, doubleOffset);
    case 6:
      return encodeS(STORE, LW, rs1Prime, rdPrime, wordOffset);
    case 7:
      return encodeS(STORE, LD, rs1Prime, rdPrime, doubleOffset);
    default:
      return 0;
  }
}

/** Quadrant 1, funct3 100: operations on the eight popular registers. */
function arithmetic(code: number): number {
  const rd = 8 + bits(code, 7, 3);
  const rs2 = 8 + bits(code, 2, 3);
  const shift = bits(code, 2, 5) | bits(code, 12, 1, 5);
  switch (bits(code, 10, 2)) {
    case 0:
      return encodeI(0x13, 5, rd, rd, shift);
    case 1:
      return encodeI(0x13, 5, rd, rd, shift | 0x400);
    case 2:
      return encodeI(0x13, 7, rd, rd, signed(shift, 6));
    default:
      break;
  }
  switch (bits(code, 5, 2) | bits(code, 12, 1, 2)) {
    case 0:
      return encodeR(0x33, 0x20, 0, rd, rd, rs2); // c.sub
    case 1:
      return encodeR(0x33, 0, 4, rd, rd, rs2); // c.xor
    case 2:
      return encodeR(0x33, 0, 6, rd, rd, rs2); // c.or
    case 3:
      return encodeR(0x33, 0, 7, rd, rd, rs2); // c.and
    case 4:
      return encodeR(0x3b, 0x20, 0, rd, rd, rs2); // c.subw
    case 5:
      return encodeR(0x3b, 0, 0, rd, rd, rs2); // c.addw
    default:
      return 0;
  }
}

/** Quadrant 1: immediates, arithmetic, jumps and branches. */
function quadrant1(code: number): number {
  const rd = bits(code, 7, 5);
  const rs1Prime = 8 + bits(code, 7, 3);
  const immediate = signed(bits(code, 2, 5) | bits(code, 12, 1, 5), 6);
  const branchOffset = signed(
    bits(code, 3, 2, 1) |
      bits(code, 10, 2, 3) |
      bits(code, 2, 1, 5) |
      bits(code, 5, 2, 6) |
      bits(code, 12, 1, 8),
    9,
  );
  switch (code >>> 13) {
    case 0:
      return encodeI(0x13, 0, rd, rd, immediate);
    case 1:
      return rd === 0 ? 0 : encodeI(0x1b, 0, rd, rd, immediate);
    case 2:
      return encodeI(0x13, 0, rd, 0, immediate);
    case 3: {
      if (immediate === 0) return 0;
      if (rd !== 2) return ((immediate << 12) | (rd << 7) | 0x37) >>> 0;
      const offset =
        bits(code, 6, 1, 4) |
        bits(code, 2, 1, 5) |
        bits(code, 5, 1, 6) |
        bits(code, 3, 2, 7) |
        bits(code, 12, 1, 9);
      return encodeI(0x13, 0, 2, 2, signed(offset, 10));
    }
    case 4:
      return arithmetic(code);
    case 5: {
      const offset =
        bits(code, 3, 3, 1) |
        bits(code, 11, 1, 4) |
        bits(code, 2, 1, 5) |
        bits(code, 7, 1, 6) |
        bits(code, 6, 1, 7) |
        bits(code, 9, 2, 8) |
        bits(code, 8, 1, 10) |
        bits(code, 12, 1, 11);
      return encodeJ(0, signed(offset, 12));
    }
    case 6:
      return encodeB(0, rs1Prime, 0, branchOffset);
    default:
      return encodeB(1, rs1Prime, 0, branchOffset);
  }
}

/** Quadrant 2: shifts, loads and stores relative to the stack pointer, register jumps and moves. */
function quadrant2(code: number): number {
  const rd = bits(code, 7, 5);
  const rs2 = bits(code, 2, 5);
  switch (code >>> 13) {
    case 0:
      return encodeI(0x13, 1, rd, rd, bits(code, 2, 5) | bits(code, 12, 1, 5));
    case 1:
      return encodeI(LOAD_FP, LD, rd, 2, bits(code, 5, 2, 3) | bits(code, 12, 1, 5) | bits(code, 2, 3, 6));
    case 2:
      if (rd === 0) return 0;
      return encodeI(LOAD, LW, rd, 2, bits(code, 4, 3, 2) | bits(code, 12, 1, 5) | bits(code, 2, 2, 6));
    case 3:
      if (rd === 0) return 0;
      return encodeI(LOAD, LD, rd, 2, bits(code, 5, 2, 3) | bits(code, 12, 1, 5) | bits(code, 2, 3, 6));
    case 4:
      if (bits(code, 12, 1) === 0) {
        if (rs2 !== 0) return encodeR(0x33, 0, 0, rd, 0, rs2); // c.mv
        return rd === 0 ? 0 : encodeI(0x67, 0, 0, rd, 0); // c.jr
      }
      if (rs2 !== 0) return encodeR(0x33, 0, 0, rd, rd, rs2); // c.add
      return rd === 0 ? EBREAK : encodeI(0x67, 0, 1, rd, 0); // c.ebreak, c.jalr
    case 5:
      return encodeS(STORE_FP, LD, 2, rs2, bits(code, 10, 3, 3) | bits(code, 7, 3, 6));
    case 6:
      return encodeS(STORE, LW, 2, rs2, bits(code, 9, 4, 2) | bits(code, 7, 2, 6));
    case 7:
      return encodeS(STORE, LD, 2, rs2, bits(code, 10, 3, 3) | bits(code, 7, 3, 6));
    default:
      return 0;
  }
}

/** The 32-bit equivalent of a 16-bit code as an unsigned integer, or 0 when there is none. */
export function expandCompressed(code: number): number {
  switch (code & 3) {
    case 0:
      return quadrant0(code);
    case 1:
      return quadrant1(code);
    case 2:
      return quadrant2(code);
    default:
      return 0;
  }
}

/**
 * The names of the instructions that codes expand to: those that occur with another destination than x0, and those that
 * occur with x0 (for an instruction without rd: with zeros in that field). Written down because to find them out takes
 * all 65,536 codes; test/hw/decoder.test.ts does that.
 */
export const compressible: { readonly written: readonly string[]; readonly discarded: readonly string[] } = {
  written: [
    ...['addi', 'addiw', 'slli', 'srli', 'srai', 'andi', 'lui'],
    ...['add', 'addw', 'sub', 'subw', 'xor', 'or', 'and'],
    ...['lw', 'ld', 'fld', 'sw', 'sd', 'fsd'],
    ...['beq', 'bne', 'jalr'],
  ],
  discarded: ['addi', 'slli', 'lui', 'add', 'fld', 'sw', 'sd', 'fsd', 'beq', 'bne', 'jal', 'jalr', 'ebreak'],
};
