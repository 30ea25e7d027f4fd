/** The committed ELF files: their shape, their record, and that building them again gives the same bytes. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PAGE_SIZE } from '../../src/base/limits.ts';
import { PROGRAM_END, PROGRAM_START } from '../../src/kernel/abi/memory.ts';
import { checkPrograms, programs } from '../../src/userland/build.ts';
import { testNeeding } from '../tools/needs.ts';

const folder = join(import.meta.dirname, '../../src/userland/programs');
const record = JSON.parse(readFileSync(join(folder, 'BUILD.json'), 'utf8')) as {
  readonly files: Readonly<Record<string, string>>;
};
const names = Object.keys(record.files);

interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
  readonly memorySize: number;
}

function open(name: string): { bytes: Buffer; view: DataView; segments: Segment[] } {
  const bytes = readFileSync(join(folder, name));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = Number(view.getBigUint64(32, true));
  const segments = Array.from({ length: view.getUint16(56, true) }, (_, index) => {
    const at = start + index * view.getUint16(54, true);
    const word = (offset: number) => Number(view.getBigUint64(at + offset, true));
    return {
      type: view.getUint32(at, true),
      flags: view.getUint32(at + 4, true),
      offset: word(8),
      address: word(16),
      fileSize: word(32),
      memorySize: word(40),
    };
  });
  return { bytes, view, segments };
}

/** Names of the symbols, and of the sections. */
function tables(bytes: Buffer, view: DataView): { symbols: Set<string>; sections: Set<string> } {
  const start = Number(view.getBigUint64(40, true));
  const count = view.getUint16(60, true);
  const section = (index: number) => {
    const at = start + index * view.getUint16(58, true);
    return {
      name: view.getUint32(at, true),
      type: view.getUint32(at + 4, true),
      offset: Number(view.getBigUint64(at + 24, true)),
      size: Number(view.getBigUint64(at + 32, true)),
      link: view.getUint32(at + 40, true),
    };
  };
  const text = (table: number, at: number) => {
    const from = section(table).offset + at;
    return bytes.toString('latin1', from, bytes.indexOf(0, from));
  };
  const sections = new Set<string>();
  const symbols = new Set<string>();
  for (let index = 0; index < count; index += 1) {
    const one = section(index);
    sections.add(text(view.getUint16(62, true), one.name));
    if (one.type !== 2) continue;
    for (let at = one.offset; at < one.offset + one.size; at += 24) {
      symbols.add(text(one.link, view.getUint32(at, true)));
    }
  }
  return { symbols, sections };
}

test('every program has its ELF file, its row in BUILD.json and the recorded bytes', () => {
  const wanted = Object.entries(programs).flatMap(([name, { bare }]) =>
    bare ? [`${name}.elf`, `${name}.bare.elf`] : [`${name}.elf`],
  );
  assert.equal([...names].sort(), wanted.sort());
  assert.equal(
    readdirSync(folder)
      .filter((file) => file.endsWith('.elf'))
      .sort(),
    wanted,
  );
  for (const [name, hash] of Object.entries(record.files)) {
    const found = createHash('sha256')
      .update(readFileSync(join(folder, name)))
      .digest('hex');
    assert.is(found, hash, name);
  }
});

test('a program is a static RV64 executable of three segments on pages of their own, from PROGRAM_START', () => {
  for (const name of names) {
    const { bytes, view, segments } = open(name);
    assert.is(bytes.toString('latin1', 0, 5), '\x7fELF\x02', name);
    assert.is(view.getUint16(16, true), 2, `${name} is of type EXEC`);
    assert.is(view.getUint16(18, true), 243, `${name} is for RISC-V`);
    assert.is(
      view.getUint32(48, true),
      1 | 4,
      `${name} uses compressed instructions and passes doubles in registers`,
    );
    const loaded = segments.filter((segment) => segment.type === 1);
    assert.equal(
      loaded.map((segment) => segment.flags),
      [5, 4, 6],
      `${name}: r-x, r--, rw-`,
    );
    assert.is(loaded[0]?.address, PROGRAM_START, name);
    let end = 0;
    for (const segment of loaded) {
      assert.is(segment.address % PAGE_SIZE, 0, name);
      assert.is(segment.offset % PAGE_SIZE, 0, name);
      assert.ok(segment.address >= end && segment.memorySize >= segment.fileSize, name);
      end = segment.address + segment.memorySize;
    }
    assert.ok(end < PROGRAM_END, name);
    const entry = Number(view.getBigUint64(24, true));
    assert.ok(entry >= PROGRAM_START && entry < PROGRAM_START + (loaded[0]?.memorySize ?? 0), name);
  }
});

test('a program keeps its symbols, has no debugging sections, names no path and is small', () => {
  for (const name of names) {
    const { bytes, view } = open(name);
    const { symbols, sections } = tables(bytes, view);
    for (const symbol of ['main', '_start', '_end']) assert.ok(symbols.has(symbol), `${name} has ${symbol}`);
    const debugging = [...sections].filter((section) => /debug|build-id|comment/.test(section));
    assert.equal(debugging, [], name);
    const paths = bytes.toString('latin1').match(/\/(?:home|root|tmp|usr|work|build|opt)\/[\w./-]+/g);
    assert.is(paths, null, `${name} names no path`);
    const most = (name === 'examples.elf' ? 192 : 32) * 1024;
    assert.ok(bytes.length < most, `${name} has ${bytes.length} bytes`);
  }
});

const cross = testNeeding(test, 'riscv64-unknown-elf-gcc');
cross('building the programs again gives the same bytes', () => {
  const result = checkPrograms();
  if (result.kind === 'skipped') console.log(`SKIPPED (${result.reason}): the bytes are not compared`);
  else assert.equal(result, { kind: 'same', count: names.length });
});

test.run();
