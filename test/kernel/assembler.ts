/**
 * A small assembler for RV64 test programs: enough instructions to call every entry point and to touch memory.
 *
 * Encodings follow the unprivileged manual's formats; labels are resolved when the code is taken out. Tests only.
 */
import { type EntryName, entries } from '../../src/kernel/abi/entries.ts';

export const zero = 0;
export const ra = 1;
export const sp = 2;
export const t0 = 5;
export const t1 = 6;
export const t2 = 7;
export const s0 = 8;
export const s1 = 9;
export const a0 = 10;
export const a1 = 11;
export const a2 = 12;
export const a3 = 13;
export const a4 = 14;
export const a5 = 15;
export const a6 = 16;
export const a7 = 17;
export const s2 = 18;
export const s3 = 19;
export const s4 = 20;
export const s5 = 21;
export const s6 = 22;

interface Fixup {
  readonly index: number;
  readonly label: string;
  readonly encode: (distance: number) => number;
}

function branchBits(distance: number): number {
  const d = distance;
  return (
    (((d >> 12) & 1) << 31) | (((d >> 5) & 0x3f) << 25) | (((d >> 1) & 0xf) << 8) | (((d >> 11) & 1) << 7)
  );
}

function jumpBits(distance: number): number {
  const d = distance;
  return (
    (((d >> 20) & 1) << 31) |
    (((d >> 1) & 0x3ff) << 21) |
    (((d >> 11) & 1) << 20) |
    (((d >> 12) & 0xff) << 12)
  );
}

export class Assembler {
  readonly #words: number[] = [];
  readonly #labels = new Map<string, number>();
  readonly #fixups: Fixup[] = [];

  #emit(word: number): this {
    this.#words.push(word >>> 0);
    return this;
  }

  label(name: string): this {
    this.#labels.set(name, this.#words.length * 4);
    return this;
  }

  addi(rd: number, rs: number, immediate: number): this {
    return this.#emit(((immediate & 0xfff) << 20) | (rs << 15) | (rd << 7) | 0x13);
  }

  slli(rd: number, rs: number, count: number): this {
    return this.#emit((count << 20) | (rs << 15) | (1 << 12) | (rd << 7) | 0x13);
  }

  srli(rd: number, rs: number, count: number): this {
    return this.#emit((count << 20) | (rs << 15) | (5 << 12) | (rd << 7) | 0x13);
  }

  add(rd: number, left: number, right: number): this {
    return this.#emit((right << 20) | (left << 15) | (rd << 7) | 0x33);
  }

  xor(rd: number, left: number, right: number): this {
    return this.#emit((right << 20) | (left << 15) | (4 << 12) | (rd << 7) | 0x33);
  }

  mul(rd: number, left: number, right: number): this {
    return this.#emit((1 << 25) | (right << 20) | (left << 15) | (rd << 7) | 0x33);
  }

  mv(rd: number, rs: number): this {
    return this.addi(rd, rs, 0);
  }

  /** Any constant below 2^53, in a fixed way (so that the length depends on the value only). */
  li(rd: number, value: number): this {
    if (value >= -2048 && value < 2048) return this.addi(rd, zero, value);
    const parts: number[] = [];
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 0x7ffn) {
      parts.unshift(Number(rest & 0x7ffn));
      rest >>= 11n;
    }
    this.addi(rd, zero, Number(rest));
    for (const part of parts) {
      this.slli(rd, rd, 11);
      if (part !== 0) this.addi(rd, rd, part);
    }
    return this;
  }

  ld(rd: number, rs: number, offset = 0): this {
    return this.#emit(((offset & 0xfff) << 20) | (rs << 15) | (3 << 12) | (rd << 7) | 0x03);
  }

  sd(value: number, rs: number, offset = 0): this {
    const high = (offset >> 5) & 0x7f;
    return this.#emit((high << 25) | (value << 20) | (rs << 15) | (3 << 12) | ((offset & 0x1f) << 7) | 0x23);
  }

  lrd(rd: number, rs: number): this {
    return this.#emit((0x02 << 27) | (rs << 15) | (3 << 12) | (rd << 7) | 0x2f);
  }

  scd(rd: number, value: number, rs: number): this {
    return this.#emit((0x03 << 27) | (value << 20) | (rs << 15) | (3 << 12) | (rd << 7) | 0x2f);
  }

  #branch(kind: number, left: number, right: number, label: string): this {
    const bits = (right << 20) | (left << 15) | (kind << 12) | 0x63;
    this.#fixups.push({ index: this.#words.length, label, encode: (d) => bits | branchBits(d) });
    return this.#emit(0);
  }

  beq(left: number, right: number, label: string): this {
    return this.#branch(0, left, right, label);
  }

  bne(left: number, right: number, label: string): this {
    return this.#branch(1, left, right, label);
  }

  bltu(left: number, right: number, label: string): this {
    return this.#branch(6, left, right, label);
  }

  j(label: string): this {
    this.#fixups.push({ index: this.#words.length, label, encode: (d) => 0x6f | jumpBits(d) });
    return this.#emit(0);
  }

  /** Floating point: registers by their numbers, rounding as frm says. */
  #float(funct7: number, rd: number, left: number, right: number): this {
    return this.#emit((funct7 << 25) | (right << 20) | (left << 15) | (7 << 12) | (rd << 7) | 0x53);
  }

  fcvtdl(rd: number, integer: number): this {
    return this.#float(0x69, rd, integer, 2);
  }

  fcvtsl(rd: number, integer: number): this {
    return this.#float(0x68, rd, integer, 2);
  }

  faddd(rd: number, left: number, right: number): this {
    return this.#float(0x01, rd, left, right);
  }

  fdivd(rd: number, left: number, right: number): this {
    return this.#float(0x0d, rd, left, right);
  }

  fadds(rd: number, left: number, right: number): this {
    return this.#float(0x00, rd, left, right);
  }

  fdivs(rd: number, left: number, right: number): this {
    return this.#float(0x0c, rd, left, right);
  }

  fsd(value: number, rs: number, offset = 0): this {
    const high = (offset >> 5) & 0x7f;
    return this.#emit((high << 25) | (value << 20) | (rs << 15) | (3 << 12) | ((offset & 0x1f) << 7) | 0x27);
  }

  /** csrrw rd, fcsr, rs. */
  swapFcsr(rd: number, rs: number): this {
    return this.#emit((3 << 20) | (rs << 15) | (1 << 12) | (rd << 7) | 0x73);
  }

  ecall(): this {
    return this.#emit(0x73);
  }

  /** An instruction that does not exist. */
  illegal(): this {
    return this.#emit(0);
  }

  ebreak(): this {
    return this.#emit(0x0010_0073);
  }

  /** Calls an entry with constants as arguments; t0 and t1 (reference counts) are 0. */
  call(name: EntryName, ...args: readonly number[]): this {
    args.forEach((value, i) => {
      this.li(a0 + i, value);
    });
    return this.invoke(name);
  }

  /** Calls an entry with what is in the argument registers. */
  invoke(name: EntryName): this {
    this.li(t0, 0).li(t1, 0);
    return this.li(a7, entries[name].number).ecall();
  }

  /** Ends the thread: it waits at a port that nobody serves (a reference to it lies at this address). */
  end(gate: number): this {
    return this.call('ipc_call', gate, 0, 0, 0, 0);
  }

  /** Byte offset of a label from the start of the code. */
  at(label: string): number {
    const offset = this.#labels.get(label);
    if (offset === undefined) throw new Error(`assembler: no label ${label}`);
    return offset;
  }

  bytes(): Uint8Array {
    const words = Uint32Array.from(this.#words);
    for (const { index, label, encode } of this.#fixups) {
      const target = this.#labels.get(label);
      if (target === undefined) throw new Error(`assembler: no label ${label}`);
      words[index] = encode(target - index * 4) >>> 0;
    }
    return new Uint8Array(words.buffer);
  }
}
