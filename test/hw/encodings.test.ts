/** Encodings: what binutils reads in an instruction is what our decoder reads in it; compressed ones exhaustively. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { expandCompressed } from '../../src/hw/instructions/compressed.ts';
import { disassemble } from '../../src/hw/instructions/disassemble.ts';
import { findInstruction, instructions } from '../../src/hw/instructions/table.ts';
import { testNeeding } from '../tools/needs.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { generator } from './bench.ts';

const withBinutils = testNeeding(test, 'riscv64-unknown-elf-as', 'riscv64-unknown-elf-objdump');

/** c.addi16sp with immediate 0, which the manual reserves and binutils reads all the same. The only such code. */
const RESERVED_ADDI16SP = 0x6101;

/**
 * Conversions to doubles that are always exact have a rounding mode too (manual, chapter "D"), but binutils knows them
 * with the mode 0 only.
 */
const EXACT = /^fcvt\.d\.(s|w|wu)$/;
const RM = 7 << 12;

/** What objdump says of each code, taken one by one, without aliases. */
function objdump(codes: readonly number[]): string[] {
  const folder = scratchFolder();
  const source = join(folder, 'codes.s');
  const object = join(folder, 'codes.o');
  // Each code at an address that is a multiple of 8, filled up with two-byte no-operations.
  const lines = codes.map((code) =>
    (code & 3) === 3
      ? `.insn 4, 0x${code.toString(16)}\n.insn 2, 1\n.insn 2, 1`
      : [code, 1, 1, 1].map((half) => `.insn 2, ${half}`).join('\n'),
  );
  writeFileSync(source, `.option arch, rv64imafdc_zicsr_zifencei\n${lines.join('\n')}\n`);
  execFileSync('riscv64-unknown-elf-as', ['-march=rv64imafdc_zicsr_zifencei', source, '-o', object]);
  const text = execFileSync('riscv64-unknown-elf-objdump', ['-d', '-M', 'no-aliases', object], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const found = new Map<number, string>();
  for (const line of text.split('\n')) {
    const match = /^\s*([0-9a-f]+):\t[0-9a-f]+\s*\t(.*)$/.exec(line);
    if (match !== null) found.set(Number.parseInt(match[1] as string, 16), match[2] as string);
  }
  return codes.map((_, index) => found.get(index * 8) ?? '');
}

/** Both writings of an instruction in one: no comments, blanks or ordering bits; targets relative to the instruction. */
function normalize(text: string, address: number): string {
  const [name = '', operands = ''] = text
    .replace(/\s*[#<].*$/, '')
    .trim()
    .split(/\s+(.*)/s);
  let rest = operands.replaceAll(' ', '');
  if (/^c?\.?(b(eq|ne|lt|ge|ltu|geu|eqz|nez)|j|jal)$/.test(name)) {
    rest = rest.replace(/(?:0x)?([0-9a-f]+)$/, (_, target) => {
      const offset = Number(BigInt.asIntN(64, BigInt(`0x${target}`) - BigInt(address)));
      return `pc${offset < 0 ? '' : '+'}${offset}`;
    });
  }
  return `${name.replace(/\.(aq|rl|aqrl)$/, '')} ${rest}`.trim();
}

/** The text our decoder gives, in binutils' writing. */
function ours(code: number): string {
  const text = disassemble(code).replaceAll(' ', '');
  const name = disassemble(code).split(' ')[0] as string;
  let operands = text.slice(name.length);
  // 20-bit immediates, shift amounts and atomics as binutils writes them.
  operands = operands.replace(/^(.*),\((\w+)\)$/, '$1,($2)');
  if (name.startsWith('lr.')) operands = operands.replace(/,zero,/, ',');
  if (name === 'slli' || name === 'srli' || name === 'srai' || /^s(ll|rl|ra)iw$/.test(name)) {
    operands = operands.replace(/(\d+)$/, (amount) => `0x${Number(amount).toString(16)}`);
  }
  return `${name} ${operands}`.trim();
}

withBinutils('random encodings of every 32-bit instruction read as binutils reads them', () => {
  const random = generator(41);
  const rows = instructions.filter(
    ({ name }) => !['fence', 'fence.i'].includes(name) && !name.startsWith('rd'),
  );
  const codes = rows.flatMap(({ name, mask, match }) =>
    Array.from({ length: 60 }, () => {
      const noise = (random(2 ** 16) * 2 ** 16 + random(2 ** 16)) >>> 0;
      return ((noise & ~mask & ~(EXACT.test(name) ? RM : 0)) | match) >>> 0;
    }),
  );
  const theirs = objdump(codes);
  codes.forEach((code, index) => {
    assert.is(ours(code), normalize(theirs[index] as string, index * 8), code.toString(16));
  });
});

withBinutils('a random 32-bit code is an instruction for us exactly when it is one for binutils', () => {
  const random = generator(43);
  const codes = Array.from({ length: 60_000 }, () => {
    const noise = (random(2 ** 16) * 2 ** 16 + random(2 ** 16)) >>> 0;
    return random(2) === 0 ? (noise | 3) >>> 0 : nearMiss(noise, random);
  }).filter((code) => (code & 0x1f) !== 0x1f && (code & 0x7f) !== 0x73 && (code & 0x7f) !== 0x0f);
  objdump(codes).forEach((text, index) => {
    const code = codes[index] as number;
    const isTheirs = !/^(\.|0x|unimp)/.test(text.trim()) && text !== '';
    if (!isTheirs && (code & RM) !== 0 && EXACT.test(findInstruction(code)?.name ?? '')) return;
    assert.is(findInstruction(code) !== null, isTheirs, `${code.toString(16)}: ${text}`);
  });
});

/** An encoding of some instruction with one bit of those that tell it flipped. */
function nearMiss(noise: number, random: (below: number) => number): number {
  const { mask, match } = instructions[random(instructions.length)] as { mask: number; match: number };
  const flipped = (1 << (2 + random(30))) & mask;
  return (((noise & ~mask) | match) ^ flipped) >>> 0;
}

/** binutils' names of compressed instructions and the 32-bit writing of each. */
function expandText(text: string): string {
  const [name = '', operands = ''] = text.split(' ');
  const parts = operands.split(',');
  const [first = '', second = ''] = parts;
  const same = (base: string): string => `${base} ${first},${first},${second}`;
  switch (name) {
    case 'c.nop':
      return `addi zero,zero,${operands === '' ? 0 : first}`;
    case 'c.addi':
    case 'c.addiw':
    case 'c.andi':
    case 'c.slli':
    case 'c.srli':
    case 'c.srai':
    case 'c.add':
    case 'c.sub':
    case 'c.xor':
    case 'c.or':
    case 'c.and':
    case 'c.subw':
    case 'c.addw':
      return same(name.slice(2));
    // Shifts by 0, which the manual reserves for RV128 and calls hints here.
    case 'c.slli64':
    case 'c.srli64':
    case 'c.srai64':
      return `${name.slice(2, 6)} ${first},${first},0x0`;
    case 'c.li':
      return `addi ${first},zero,${second}`;
    case 'c.addi16sp':
      return `addi sp,sp,${second}`;
    case 'c.addi4spn':
      return `addi ${first},sp,${parts[2]}`;
    case 'c.lui':
      return `lui ${first},${second}`;
    case 'c.mv':
      return `add ${first},zero,${second}`;
    case 'c.jr':
      return `jalr zero,0(${first})`;
    case 'c.jalr':
      return `jalr ra,0(${first})`;
    case 'c.j':
      return `jal zero,${first}`;
    case 'c.beqz':
    case 'c.bnez':
      return `${name.slice(2, 5)} ${first},zero,${second}`;
    case 'c.ebreak':
      return 'ebreak';
    default:
      return `${name.slice(2).replace(/sp$/, '')} ${operands}`;
  }
}

withBinutils(
  'all 65,536 codes: each compressed instruction expands to what binutils reads in it, or to nothing',
  () => {
    const codes = Array.from({ length: 0x1_0000 }, (_, code) => code).filter((code) => (code & 3) !== 3);
    let legal = 0;
    objdump(codes).forEach((theirs, index) => {
      const code = codes[index] as number;
      const text = normalize(theirs, index * 8);
      const isTheirs = text.startsWith('c.') && text !== 'c.unimp' && code !== RESERVED_ADDI16SP;
      assert.is(expandCompressed(code) !== 0, isTheirs, `${code.toString(16)}: ${theirs}`);
      if (!isTheirs) return;
      legal++;
      assert.is(ours(code), expandText(text), `${code.toString(16)}: ${theirs}`);
    });
    assert.ok(legal > 30_000);
  },
);

test.run();
