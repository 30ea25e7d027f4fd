/** The loader reads good files completely and refuses every bad one with one clear error. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ElfError, parseElf, symbolAt } from '../../src/hw/elf.ts';
import { type SegmentPlan, type SymbolPlan, writeElf } from './differential/elf-writer.ts';

const text: SegmentPlan = {
  address: 0x1_0000,
  bytes: Uint8Array.from({ length: 100 }, (_, i) => i),
  flags: 5,
};
const data: SegmentPlan = {
  address: 0x2_0010,
  bytes: Uint8Array.from([1, 2, 3]),
  memorySize: 5000,
  flags: 6,
};
const symbols: readonly SymbolPlan[] = [
  { name: 'inner', address: 0x1_0010, size: 0, type: 0 },
  { name: 'main', address: 0x1_0000, size: 64, type: 2 },
  { name: 'buffer', address: 0x2_0010, size: 5000, type: 1 },
  { name: '$x', address: 0x1_0000, size: 0, type: 0 },
  { name: 'file.c', address: 0, size: 0, type: 4 },
];
const good = writeElf(0x1_0008, [text, data], symbols);

test('a good file gives its segments, entry and symbols', () => {
  const program = parseElf(good, 'good.elf');
  assert.is(program.entry, 0x1_0008);
  assert.equal(
    program.segments.map((s) => [
      s.address,
      [...s.bytes].length,
      s.memorySize,
      s.readable,
      s.writable,
      s.executable,
    ]),
    [
      [0x1_0000, 100, 100, true, false, true],
      [0x2_0010, 3, 5000, true, true, false],
    ],
  );
  assert.equal([...(program.segments[1]?.bytes ?? [])], [1, 2, 3]);
  assert.equal(program.symbols, [
    { name: 'main', address: 0x1_0000, size: 64, kind: 'function' },
    { name: 'inner', address: 0x1_0010, size: 0, kind: 'label' },
    { name: 'buffer', address: 0x2_0010, size: 5000, kind: 'object' },
  ]);
});

test('segments in another order than that of their addresses are read in order of address', () => {
  const { segments, entry } = parseElf(writeElf(0x1_0008, [data, text], symbols), 'order.elf');
  assert.equal(
    segments.map((s) => [s.address, s.bytes.length]),
    [
      [0x1_0000, 100],
      [0x2_0010, 3],
    ],
  );
  assert.is(entry, 0x1_0008);
});

test('an address belongs to the nearest symbol that reaches it', () => {
  const { symbols: found } = parseElf(good, 'good.elf');
  assert.is(symbolAt(found, 0x1_0004)?.name, 'main');
  assert.is(symbolAt(found, 0x1_0014)?.name, 'inner');
  assert.is(symbolAt(found, 0x1_0060)?.name, 'inner');
  assert.is(symbolAt(found, 0x2_0010 + 4999)?.name, 'buffer');
  assert.is(symbolAt(found, 0xffff), null);
});

/** Offsets in the good file. */
const at = {
  class: 4,
  type: 16,
  machine: 18,
  entry: 24,
  programOffset: 32,
  sectionOffset: 40,
  flags: 48,
  count: 56,
};
const SECOND = 64 + 56;

/** What is done to the good file, and what its error must say. */
const faults: readonly (readonly [string, (view: DataView) => void, RegExp])[] = [
  ['another magic', (v) => v.setUint8(1, 0), /^bad\.elf: file header: this is no ELF file$/],
  ['32-bit', (v) => v.setUint8(at.class, 1), /file header: it is not 64-bit/],
  ['big endian', (v) => v.setUint8(5, 2), /file header: it is not little endian/],
  ['another version', (v) => v.setUint8(6, 9), /file header: its ELF version is 9/],
  ['another machine', (v) => v.setUint16(at.machine, 62, true), /file header: it is for machine 62/],
  [
    'a shared object',
    (v) => v.setUint16(at.type, 3, true),
    /file header: it is no static executable \(type 3, not 2\); link it with -static -no-pie$/,
  ],
  ['quadruple floating point', (v) => v.setUint32(at.flags, 7, true), /file header: .*quadruple/],
  [
    'too many program headers',
    (v) => v.setUint16(at.count, 1171, true),
    /file header: it has too many program headers \(1171\)/,
  ],
  ['RVE', (v) => v.setUint32(at.flags, 8, true), /file header: .*RVE/],
  ['no program headers', (v) => v.setUint16(at.count, 0, true), /file header: it has no program headers/],
  ['odd header sizes', (v) => v.setUint16(54, 32, true), /file header: its program headers have 32 bytes/],
  ['odd section sizes', (v) => v.setUint16(58, 32, true), /file header: its section headers have 32 bytes/],
  [
    'headers beyond the end',
    (v) => v.setUint32(at.programOffset, 1 << 20, true),
    /file header: the table of program/,
  ],
  [
    'huge header offset',
    (v) => v.setUint32(at.programOffset + 4, 1 << 30, true),
    /file header: its program header offset/,
  ],
  [
    'sections beyond the end',
    (v) => v.setUint32(at.sectionOffset, 1 << 20, true),
    /file header: the table of section/,
  ],
  [
    'entry in the data',
    (v) => v.setUint32(at.entry, 0x2_0010, true),
    /file header: its entry 0x20010 is in no exec/,
  ],
  ['odd entry', (v) => v.setUint32(at.entry, 0x1_0001, true), /file header: its entry 0x10001 is in no exec/],
  ['interpreter', (v) => v.setUint32(SECOND, 3, true), /program header 1: the program is dynamically linked/],
  [
    'segment beyond the file',
    (v) => v.setUint32(SECOND + 8, 1 << 24, true),
    /program header 1: the segment \(3 bytes/,
  ],
  [
    'larger in the file',
    (v) => v.setUint32(SECOND + 40, 2, true),
    /program header 1: it is larger in the file/,
  ],
  ['above the user', (v) => v.setUint32(SECOND + 20, 0x40, true), /program header 1: it ends above the user/],
  [
    'reaching above the user',
    (v) => v.setUint32(SECOND + 44, 0x40, true),
    /program header 1: it ends above the user/,
  ],
  [
    'huge address',
    (v) => v.setUint32(SECOND + 20, 0x4000_0000, true),
    /program header 1: its address is too large/,
  ],
  ['overlap', (v) => v.setUint32(SECOND + 16, 0x1_0010, true), /program header 1: it overlaps/],
  [
    'nothing to load',
    (v) => {
      v.setUint32(64, 4, true);
      v.setUint32(SECOND, 4, true);
    },
    /program headers: there is no seg/,
  ],
];

for (const [name, change, message] of faults) {
  test(`a file is refused clearly for: ${name}`, () => {
    const bytes = good.slice();
    change(new DataView(bytes.buffer));
    assert.throws(
      () => parseElf(bytes, 'bad.elf'),
      (error: unknown) =>
        error instanceof ElfError && message.test(error.message) && error.file === 'bad.elf',
    );
  });
}

test('faults of symbol tables name the section', () => {
  const view = new DataView(good.buffer);
  const sections = Number(view.getBigUint64(at.sectionOffset, true));
  const changes: readonly (readonly [number, number, RegExp])[] = [
    [sections + 128 + 40, 77, /section header 2: its string table, section 77, does not exist/],
    [sections + 128 + 40, 2, /section header 2: section 2 is no string table/],
    [sections + 128 + 56, 16, /section header 2: its symbols do not have 24 bytes/],
    [sections + 128 + 32, 1 << 20, /section header 2: the section \(/],
    [sections + 64 + 4, 2, /section header 1: its symbols do not have 24 bytes/],
    [sections + 4, 2, /section header 0: its symbols do not have 24 bytes/],
    [sections + 64 + 32, 3, /section header 2, symbol \d: its name is not in the string table/],
  ];
  for (const [place, value, message] of changes) {
    const bytes = good.slice();
    new DataView(bytes.buffer).setUint32(place, value, true);
    assert.throws(
      () => parseElf(bytes, 'bad.elf'),
      (error: unknown) => error instanceof ElfError && message.test(error.message),
    );
  }
});

test('a name that does not end in its string table is refused', () => {
  const one = writeElf(0x1_0008, [text], [symbols[1] as SymbolPlan]);
  const view = new DataView(one.buffer);
  // The table is cut within "main".
  view.setUint32(Number(view.getBigUint64(at.sectionOffset, true)) + 64 + 32, 3, true);
  assert.throws(
    () => parseElf(one, 'bad.elf'),
    (error: unknown) =>
      error instanceof ElfError && /symbol 1: its name is not in the string/.test(error.message),
  );
});

test.run();
