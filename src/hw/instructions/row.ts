/**
 * The shape of an instruction's row, and how its mask and match are put together from encoding fields.
 *
 * Invariant: match has no bit outside mask, so no row matches nothing. Holds no state.
 */
import { assert } from '../../base/assert.ts';
import type { Effects } from './effects.ts';

/**
 * How the immediate is taken from the instruction (manual, "Immediate encoding variants"); R has none. With `float` it is
 * the whole instruction: rounding mode, third source register and csr number are taken from there.
 */
export const formats = { R: 0, I: 1, S: 2, B: 3, U: 4, J: 5, shift64: 6, shift32: 7, float: 8 } as const;
export type Format = keyof typeof formats;

/**
 * What becomes of rd: no rd; rd and no other effect (with x0 it does nothing at all); rd and other effects, traps
 * included (with x0 the others remain).
 */
export type Destination = 'no rd' | 'rd' | 'rd and more';

export interface Instruction {
  readonly name: string;
  readonly format: Format;
  /** Which bits tell the instruction, and their values, as unsigned 32-bit integers. */
  readonly mask: number;
  readonly match: number;
  readonly destination: Destination;
  readonly meaning: (e: Effects) => void;
}

/** The encoding fields that can tell an instruction: first bit and width. */
const fields = {
  rd: [7, 5],
  funct3: [12, 3],
  rs1: [15, 5],
  rs2: [20, 5],
  funct12: [20, 12],
  fmt: [25, 2],
  csrUpper: [22, 10],
  funct7: [25, 7],
  funct6: [26, 6],
  funct5: [27, 5],
} as const;

/** A row of the table; `opcode` is the 7-bit major opcode, `values` the other fields that are fixed. */
export function row(
  name: string,
  format: Format,
  opcode: number,
  values: Partial<Record<keyof typeof fields, number>>,
  destination: Destination,
  meaning: (e: Effects) => void,
): Instruction {
  let mask = 0x7f;
  let match = opcode;
  for (const [field, value] of Object.entries(values)) {
    const [first, width] = fields[field as keyof typeof fields];
    assert(value >= 0 && value < 1 << width, `instruction ${name}: ${field} fits in ${width} bits`);
    mask |= ((1 << width) - 1) << first;
    match |= value << first;
  }
  return { name, format, mask: mask >>> 0, match: match >>> 0, destination, meaning };
}
