/**
 * Whatever is done to a program file, the loader reads it or refuses it with one error that names file, header and
 * fault: never another error, never a crash, a hang or memory that the file does not have.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createBareProgram } from '../../src/hw/bare.ts';
import { ElfError, parseElf } from '../../src/hw/elf.ts';
import { asm, generator } from './bench.ts';
import { type SegmentPlan, type SymbolPlan, writeElf } from './differential/elf-writer.ts';

const text: SegmentPlan = {
  address: 0x1_0000,
  bytes: new Uint8Array(new Uint32Array([asm.addi(17, 0, 93), asm.ecall]).buffer),
  flags: 5,
};
const data: SegmentPlan = {
  address: 0x2_0010,
  bytes: Uint8Array.from([1, 2, 3]),
  memorySize: 5000,
  flags: 6,
};
const symbols: readonly SymbolPlan[] = [
  { name: 'start', address: 0x1_0000, size: 8, type: 2 },
  { name: 'buffer', address: 0x2_0010, size: 5000, type: 1 },
  { name: 'file.c', address: 0, size: 0, type: 4 },
];
const small = writeElf(0x1_0000, [text, data], symbols);
const real = new Uint8Array(
  readFileSync(join(import.meta.dirname, '../../src/userland/programs/hello.bare.elf')),
);

type Bytes = Uint8Array<ArrayBuffer>;
const viewOf = (bytes: Bytes): DataView => new DataView(bytes.buffer);
const sectionsOf = (bytes: Bytes): number => Number(viewOf(bytes).getBigUint64(40, true));

/** The parse of a mutant: nothing but an ElfError may come out, and what is read lies within the file. */
function survive(bytes: Bytes, what: string): 'read' | 'refused' {
  try {
    const { segments, entry, symbols: found } = parseElf(bytes, 'mutant.elf');
    let end = 0;
    for (const s of segments) {
      assert.ok(s.bytes.length <= s.memorySize && s.bytes.length <= bytes.length, what);
      assert.is(s.bytes.buffer, bytes.buffer, `${what}: the segment is a view of the file`);
      assert.ok(s.address >= end && s.address + s.memorySize <= 2 ** 38, what);
      end = s.address + s.memorySize;
    }
    assert.ok(
      segments.some((s) => s.executable && entry >= s.address && entry < s.address + s.memorySize),
      what,
    );
    for (const s of found) assert.ok(Number.isSafeInteger(s.address + s.size) && s.name.length > 0, what);
    return 'read';
  } catch (error) {
    if (!(error instanceof ElfError)) throw new Error(`${what}: ${error}`);
    assert.is(error.message, `mutant.elf: ${error.header}: ${error.fault}`, what);
    assert.match(
      error.header,
      /^(file header|program headers?( \d+)?|section header \d+(, symbol \d+)?)$/,
      what,
    );
    assert.match(error.fault, /^[a-z].{8,200}[^.]$/, what);
    return 'refused';
  }
}

/** Counts what becomes of mutants; each of them is named by how it was made. */
function createCount() {
  const counts = { read: 0, refused: 0 };
  return {
    counts,
    mutant(bytes: Bytes, what: string): void {
      counts[survive(bytes, what)]++;
    },
  };
}

/** Every byte that says what the file is: the headers, the symbols and their names. */
function headerPlaces(bytes: Bytes): number[] {
  const headersEnd = 64 + viewOf(bytes).getUint16(56, true) * 56;
  const start = Math.min(
    ...[1, 2].map((i) => Number(viewOf(bytes).getBigUint64(sectionsOf(bytes) + i * 64 + 24, true))),
  );
  return [
    ...Array.from({ length: headersEnd }, (_, i) => i),
    ...Array.from({ length: bytes.length - start }, (_, i) => start + i),
  ];
}

test('every byte of every header with every edge value and every bit turned is read or refused', () => {
  const { counts, mutant } = createCount();
  for (const place of headerPlaces(small)) {
    const old = small[place] as number;
    const values = new Set([0, 1, 2, 3, 0x3f, 0x40, 0x7f, 0x80, 0xfe, 0xff]);
    for (let bit = 0; bit < 8; bit++) values.add(old ^ (1 << bit));
    for (const value of values) {
      const bytes = small.slice();
      bytes[place] = value;
      mutant(bytes, `byte ${place} = ${value}`);
    }
  }
  assert.ok(counts.refused > 2000 && counts.read > 2000, JSON.stringify(counts));
});

/** Values at which sizes, offsets, counts and addresses go wrong, for a field of this many bits. */
function edges(bits: number, length: number): bigint[] {
  const values = [0n, 1n, 2n, 3n, 7n, 24n, 56n, 64n, 0xffffn, 0x1_0000n, 0x1_0008n, 0x2_0010n, 4096n, 4095n];
  for (const near of [
    length,
    length - 1,
    length + 1,
    2 ** 38,
    2 ** 38 - 1,
    2 ** 38 - 4096,
    2 ** 52,
    2 ** 53 - 1,
  ])
    values.push(BigInt(near));
  for (const power of [31n, 32n, 33n, 38n, 39n, 53n, 62n, 63n]) {
    values.push(1n << power, (1n << power) - 1n, (1n << 64n) - (1n << power));
  }
  values.push((1n << 64n) - 1n, (1n << 64n) - 4096n);
  return [...new Set(values.map((value) => BigInt.asUintN(bits, value)))];
}

function setField(bytes: Bytes, place: number, width: number, value: bigint): void {
  for (let i = 0; i < width; i++) bytes[place + i] = Number((value >> BigInt(8 * i)) & 255n);
}

/** The fields of the headers: {place, width}. System V ABI, figures of the ELF header and of the entries. */
function fieldsOf(bytes: Bytes): (readonly [place: number, width: number])[] {
  const entry = (start: number, widths: readonly number[]): (readonly [number, number])[] =>
    widths.map((width, i) => [start + widths.slice(0, i).reduce((sum, w) => sum + w, 0), width] as const);
  const sections = sectionsOf(bytes);
  const symbolTable = Number(viewOf(bytes).getBigUint64(sections + 2 * 64 + 24, true));
  return [
    ...entry(16, [2, 2, 4, 8, 8, 8, 4, 2, 2, 2, 2, 2, 2]),
    ...[0, 1].flatMap((i) => entry(64 + i * 56, [4, 4, 8, 8, 8, 8, 8, 8])),
    ...[0, 1, 2].flatMap((i) => entry(sections + i * 64, [4, 4, 8, 8, 8, 8, 4, 4, 8, 8])),
    ...[1, 2, 3].flatMap((i) => entry(symbolTable + i * 24, [4, 1, 1, 2, 8, 8])),
  ];
}

test('every field of every header with every edge value is read or refused, alone and in pairs', () => {
  const { counts, mutant } = createCount();
  const fields = fieldsOf(small);
  for (const [place, width] of fields) {
    for (const value of edges(width * 8, small.length)) {
      const bytes = small.slice();
      setField(bytes, place, width, value);
      mutant(bytes, `field at ${place} = ${value}`);
    }
  }
  const random = generator(7);
  for (let i = 0; i < 15_000; i++) {
    const bytes = small.slice();
    const told: string[] = [];
    for (let change = 0; change < 2 + random(2); change++) {
      const [place, width] = fields[random(fields.length)] as readonly [number, number];
      const values = edges(width * 8, small.length);
      const value = values[random(values.length)] as bigint;
      setField(bytes, place, width, value);
      told.push(`${place} = ${value}`);
    }
    mutant(bytes, `fields ${told.join(', ')}`);
  }
  assert.ok(counts.refused > 5000 && counts.read > 1000, JSON.stringify(counts));
});

test('every cut of a file is refused or read, and so is a file with more behind its end', () => {
  const { counts, mutant } = createCount();
  for (let length = 0; length <= small.length; length++) mutant(small.slice(0, length), `cut at ${length}`);
  const random = generator(3);
  for (let i = 0; i < 500; i++) {
    const length = i < 200 ? i : random(real.length);
    mutant(real.slice(0, length) as Bytes, `hello cut at ${length}`);
  }
  assert.ok(counts.refused > small.length, JSON.stringify(counts));
  const longer = new Uint8Array(small.length + 5000);
  longer.set(small);
  assert.is(survive(longer, 'longer'), 'read');
});

test('20,000 files with random changes anywhere are refused or read, and nothing else happens', () => {
  const random = generator(2026);
  const interesting = [0, 1, 0x7f, 0x80, 0xff];
  const { counts, mutant } = createCount();
  for (let i = 0; i < 20_000; i++) {
    const bytes = (i % 2 === 0 ? small : real).slice() as Bytes;
    const sections = sectionsOf(bytes);
    for (let change = 0; change <= random(4); change++) {
      // Headers, section headers, or anywhere.
      const place = [random(256), sections + random(bytes.length - sections), random(bytes.length)][
        random(3)
      ] as number;
      const isWord = random(3) === 0 && place + 8 <= bytes.length;
      if (isWord) setField(bytes, place, 8, BigInt.asUintN(64, -1n << BigInt(random(64))));
      else bytes[place] = random(2) === 0 ? random(256) : (interesting[random(5)] as number);
    }
    mutant(bytes, `mutation ${i}`);
  }
  assert.ok(counts.refused > 2000 && counts.read > 2000, JSON.stringify(counts));
});

/** Segments given as {address, bytes in memory}, each with one byte in the file. */
function segmentsFile(plans: readonly (readonly [address: number, size: number])[]): Bytes {
  return writeElf(
    0x1_0000,
    [
      text,
      ...plans.map(([address, memorySize]) => ({
        address,
        memorySize,
        bytes: Uint8Array.from([1]),
        flags: 6,
      })),
    ],
    symbols,
  );
}

test('segments that overlap or wrap are refused; those that are huge take no room, and their order is free', () => {
  const cases: readonly (readonly [readonly (readonly [number, number])[], RegExp | null])[] = [
    [[[0x1_0004, 100]], /program header 1: it overlaps the segment of program header 0$/],
    [[[0x8000, 16]], null],
    [
      [
        [0x2_0000, 0x1000],
        [0x2_0fff, 1],
      ],
      /program header 2: it overlaps the segment of program header 1$/,
    ],
    [[[0x2_0000, 2 ** 38]], /program header 1: it ends above the user's addresses/],
    [[[2 ** 38 - 1, 2]], /program header 1: it ends above the user's addresses/],
    [[[2 ** 52, 2 ** 52]], /program header 1: it ends above the user's addresses/],
    [[[2 ** 38 - 1, 1]], null],
    [[[0x2_0000, 2 ** 38 - 0x2_0000]], null],
    [
      [
        [0x2_0000, 0x1001],
        [0x2_1001, 1],
      ],
      null,
    ],
  ];
  for (const [plans, message] of cases) {
    const bytes = segmentsFile(plans);
    const what = JSON.stringify(plans);
    if (message === null) assert.is(survive(bytes, what), 'read', what);
    else {
      assert.throws(
        () => parseElf(bytes, 'bad.elf'),
        (error: unknown) => error instanceof ElfError && message.test(error.message),
        what,
      );
    }
  }
});

/** Runs the program of a file for a while in a small machine; how it ended, or null when it did not fit. */
function runFile(bytes: Bytes): string | null {
  const bare = createBareProgram(parseElf(bytes, 'm'), {
    ramBytes: 16 * 1024 * 1024,
    arguments: ['m'],
    environment: [],
    ticksPerNanosecond: 4,
    wallBaseNs: 0n,
    random: new Uint8Array(16),
    effects: { write: () => {}, read: () => new Uint8Array(0) },
  });
  return bare === null ? null : bare.run(2000).kind;
}

test('what was read can be put into a small machine and run, or does not fit', () => {
  assert.is(runFile(small), 'exit');
  assert.is(runFile(segmentsFile([[0x2_0000, 2 ** 38 - 0x2_0000]])), null, 'no room is left for a stack');
  assert.is(runFile(segmentsFile([[0x2_0000, 2 ** 37]])), 'exit');
  assert.is(runFile(segmentsFile([[0x3e_ff00_0000, 0x200_0000]])), 'exit', 'the stack lies elsewhere');
  const big = new Uint8Array(20 * 1024 * 1024);
  const plan = { address: 0x2_0000, bytes: big, flags: 6 };
  assert.is(runFile(writeElf(0x1_0000, [text, plan])), null, 'more bytes than RAM');
  const random = generator(5);
  const fields = fieldsOf(small);
  const ends = new Map<string | null, number>();
  for (let tries = 0; tries < 40; ) {
    const bytes = small.slice();
    for (let change = 0; change < 2; change++) {
      const [place, width] = fields[random(fields.length)] as readonly [number, number];
      const values = edges(width * 8, small.length);
      setField(bytes, place, width, values[random(values.length)] as bigint);
    }
    if (survive(bytes, `program ${tries}`) === 'refused') continue;
    tries++;
    const end = runFile(bytes);
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  assert.ok((ends.get('exit') ?? 0) > 10, JSON.stringify([...ends]));
});

/** A file with a table of symbols of its own, all of whose names are the same bytes of `names`. */
function symbolsFile(count: number, names: Uint8Array, nameOffset: number): Bytes {
  const base = writeElf(0x1_0000, [text]);
  const start = Math.ceil(base.length / 8) * 8;
  const bytes = new Uint8Array(start + count * 24 + names.length);
  bytes.set(base);
  const view = viewOf(bytes);
  const sections = sectionsOf(bytes);
  for (let i = 0; i < count; i++) {
    view.setUint32(start + i * 24, nameOffset, true);
    view.setUint8(start + i * 24 + 4, 2);
    view.setUint16(start + i * 24 + 6, 1, true);
    view.setBigUint64(start + i * 24 + 8, 0x1_0000n, true);
  }
  bytes.set(names, start + count * 24);
  view.setBigUint64(sections + 64 + 24, BigInt(start + count * 24), true);
  view.setBigUint64(sections + 64 + 32, BigInt(names.length), true);
  view.setBigUint64(sections + 128 + 24, BigInt(start), true);
  view.setBigUint64(sections + 128 + 32, BigInt(count * 24), true);
  return bytes;
}

test('no file takes more time or memory than its size explains', () => {
  // 100,000 symbols of which each is named by the same two million letters.
  const long = new Uint8Array(2_000_001).fill(0x61);
  long[0] = 0;
  long[2_000_000] = 0;
  const names = symbolsFile(100_000, long, 1);
  assert.throws(
    () => parseElf(names, 'names.elf'),
    (error: unknown) =>
      error instanceof ElfError &&
      /^names\.elf: section header 2: its names overlap so much/.test(error.message),
  );
  // Names that never end cost a search each: the first one is refused.
  long[2_000_000] = 0x61;
  assert.is(survive(symbolsFile(100_000, long, 1), 'names without an end'), 'refused');
  // A hundred thousand labels of one name, as assemblers leave them, are fine.
  const labels = parseElf(symbolsFile(100_000, new TextEncoder().encode('\0.L0 \0'), 1), 'labels.elf');
  assert.is(labels.symbols.length, 100_000);
  // Sixty thousand section headers that all say to be the same symbol table.
  const base = symbolsFile(1000, new TextEncoder().encode('\0name\0'), 1);
  const count = 60_000;
  const many = new Uint8Array(base.length + count * 64);
  many.set(base);
  for (let i = 0; i < count; i++)
    many.set(base.subarray(sectionsOf(base) + 128, sectionsOf(base) + 192), base.length + i * 64);
  many.set(base.subarray(sectionsOf(base) + 64, sectionsOf(base) + 128), base.length + 64);
  viewOf(many).setBigUint64(40, BigInt(base.length), true);
  viewOf(many).setUint16(60, count, true);
  assert.throws(
    () => parseElf(many, 'many.elf'),
    (error: unknown) =>
      error instanceof ElfError &&
      /many\.elf: section header 2: it is a second symbol table/.test(error.message),
  );
  // As many segments as there can be.
  const segments = Array.from({ length: 1169 }, (_, i) => [0x2_0000 + i * 8192, 4096] as const);
  assert.is(survive(segmentsFile(segments), 'many segments'), 'read');
  assert.is(runFile(segmentsFile(segments)), 'exit');
});

test.run();
