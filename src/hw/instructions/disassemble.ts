/**
 * Instructions as text, for traces and for messages about differences. Compressed ones read as what they stand for.
 *
 * Derived from the instruction table; used by people only, so its wording is no contract.
 */
import { expandCompressed } from './compressed.ts';
import type { Instruction } from './row.ts';
import { findInstruction } from './table.ts';

/** x0 to x31 by the names of the ABI (psABI, "Integer Register Convention"). */
export const registerNames: readonly string[] = [
  ...['zero', 'ra', 'sp', 'gp', 'tp', 't0', 't1', 't2', 's0', 's1'],
  ...['a0', 'a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7'],
  ...['s2', 's3', 's4', 's5', 's6', 's7', 's8', 's9', 's10', 's11', 't3', 't4', 't5', 't6'],
];

/** f0 to f31 by the names of the ABI (psABI, "Floating-point Register Convention"). */
export const floatRegisterNames: readonly string[] = [
  ...['ft0', 'ft1', 'ft2', 'ft3', 'ft4', 'ft5', 'ft6', 'ft7', 'fs0', 'fs1'],
  ...['fa0', 'fa1', 'fa2', 'fa3', 'fa4', 'fa5', 'fa6', 'fa7'],
  ...['fs2', 'fs3', 'fs4', 'fs5', 'fs6', 'fs7', 'fs8', 'fs9', 'fs10', 'fs11', 'ft8', 'ft9', 'ft10', 'ft11'],
];

const roundingNames = ['rne', 'rtz', 'rdn', 'rup', 'rmm', 'unknown', 'unknown', 'dyn'];
const csrNames = ['0x0', 'fflags', 'frm', 'fcsr'];

const OPCODE_LOAD = 0x03;
const OPCODE_LOAD_FP = 0x07;
const OPCODE_STORE_FP = 0x27;
const OPCODE_SYSTEM = 0x73;
const OPCODE_JALR = 0x67;
const OPCODE_ATOMIC = 0x2f;

/** Bytes of the instruction that begins with this halfword. */
export function instructionLength(firstHalfword: number): 2 | 4 {
  return (firstHalfword & 3) === 3 ? 4 : 2;
}

/**
 * Operands of the format `float`. The name tells which are integers: of fcvt and fmv the part after the first point is
 * the destination, the last the source; comparisons and fclass have an integer destination.
 */
function floatOperandsOf(name: string, bits: number): string {
  const integer = (first: number): string => registerNames[(bits >>> first) & 31] ?? '';
  const float = (first: number): string => floatRegisterNames[(bits >>> first) & 31] ?? '';
  if ((bits & 0x7f) === OPCODE_SYSTEM) {
    const csr = csrNames[(bits >>> 20) & 3];
    return `${integer(7)}, ${csr}, ${name.endsWith('i') ? (bits >>> 15) & 31 : integer(15)}`;
  }
  const [kind = '', to = '', from = ''] = name.split('.');
  const rounding = roundingNames[(bits >>> 12) & 7] ?? '';
  // Binutils leaves out the mode where it is the one an assembler puts there.
  const mode = (usual: string): string => (rounding === usual ? '' : `, ${rounding}`);
  switch (kind) {
    case 'fcvt': {
      const isExact = to === 'd' && ['w', 'wu', 's'].includes(from);
      const rd = ['s', 'd'].includes(to) ? float(7) : integer(7);
      const rs1 = ['s', 'd'].includes(from) ? float(15) : integer(15);
      return `${rd}, ${rs1}${mode(isExact ? 'rne' : 'dyn')}`;
    }
    case 'fmv':
      return to === 'x' ? `${integer(7)}, ${float(15)}` : `${float(7)}, ${integer(15)}`;
    case 'fclass':
      return `${integer(7)}, ${float(15)}`;
    case 'feq':
    case 'flt':
    case 'fle':
      return `${integer(7)}, ${float(15)}, ${float(20)}`;
    case 'fsqrt':
      return `${float(7)}, ${float(15)}${mode('dyn')}`;
    case 'fmadd':
    case 'fmsub':
    case 'fnmadd':
    case 'fnmsub':
      return `${float(7)}, ${float(15)}, ${float(20)}, ${float(27)}${mode('dyn')}`;
    case 'fadd':
    case 'fsub':
    case 'fmul':
    case 'fdiv':
      return `${float(7)}, ${float(15)}, ${float(20)}${mode('dyn')}`;
    default:
      return `${float(7)}, ${float(15)}, ${float(20)}`;
  }
}

function operandsOf(instruction: Instruction, bits: number): string {
  const register = (first: number): string => registerNames[(bits >>> first) & 31] ?? '';
  const [rd, rs1, rs2] = [register(7), register(15), register(20)];
  const sign = bits >> 31;
  switch (instruction.format) {
    case 'R':
      if ((bits & 0x7f) === OPCODE_ATOMIC) return `${rd}, ${rs2}, (${rs1})`;
      if (instruction.destination === 'no rd') return '';
      return instruction.name.startsWith('rd') ? rd : `${rd}, ${rs1}, ${rs2}`;
    case 'I':
      if ((bits & 0x7f) === OPCODE_LOAD_FP)
        return `${floatRegisterNames[(bits >>> 7) & 31]}, ${bits >> 20}(${rs1})`;
      return [OPCODE_LOAD, OPCODE_JALR].includes(bits & 0x7f)
        ? `${rd}, ${bits >> 20}(${rs1})`
        : `${rd}, ${rs1}, ${bits >> 20}`;
    case 'S':
      return `${(bits & 0x7f) === OPCODE_STORE_FP ? floatRegisterNames[(bits >>> 20) & 31] : rs2}, ${((bits >> 25) << 5) | ((bits >>> 7) & 31)}(${rs1})`;
    case 'B': {
      const offset =
        (sign << 12) | (((bits >>> 7) & 1) << 11) | (((bits >>> 25) & 63) << 5) | (((bits >>> 8) & 15) << 1);
      return `${rs1}, ${rs2}, pc${offset < 0 ? '' : '+'}${offset}`;
    }
    case 'U':
      return `${rd}, 0x${(bits >>> 12).toString(16)}`;
    case 'J': {
      const offset =
        (sign << 20) |
        (((bits >>> 12) & 255) << 12) |
        (((bits >>> 20) & 1) << 11) |
        (((bits >>> 21) & 1023) << 1);
      return `${rd}, pc${offset < 0 ? '' : '+'}${offset}`;
    }
    case 'shift64':
      return `${rd}, ${rs1}, ${(bits >>> 20) & 63}`;
    case 'shift32':
      return `${rd}, ${rs1}, ${(bits >>> 20) & 31}`;
    case 'float':
      return floatOperandsOf(instruction.name, bits);
  }
}

/** The text of an instruction given by its 32 bits, or 16 when it is compressed. */
export function disassemble(bits: number): string {
  const isCompressed = instructionLength(bits) === 2;
  const expanded = isCompressed ? expandCompressed(bits & 0xffff) : bits;
  const instruction = expanded === 0 ? null : findInstruction(expanded);
  if (instruction === null) return 'illegal';
  const operands = operandsOf(instruction, expanded);
  return operands === '' ? instruction.name : `${instruction.name} ${operands}`;
}
