/**
 * Writes small static RISC-V ELF files: segments, an entry, optionally symbols. For tests that need a program file
 * without a compiler.
 */

export interface SegmentPlan {
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly memorySize?: number;
  /** R = 4, W = 2, X = 1. */
  readonly flags: number;
}

export interface SymbolPlan {
  readonly name: string;
  readonly address: number;
  readonly size: number;
  /** 0 none, 1 object, 2 function. */
  readonly type: number;
}

const PAGE = 4096;
const alignUp = (value: number, to: number): number => Math.ceil(value / to) * to;

/** The bytes of an executable file. Offsets in the file equal addresses modulo the page, as loaders want. */
export function writeElf(
  entry: number,
  segments: readonly SegmentPlan[],
  symbols: readonly SymbolPlan[] = [],
): Uint8Array<ArrayBuffer> {
  let end = alignUp(64 + segments.length * 56, 16);
  const offsets = segments.map(({ address, bytes }) => {
    const offset = alignUp(end, PAGE) + (address % PAGE);
    end = offset + bytes.length;
    return offset;
  });
  const names = new TextEncoder().encode(`\0${symbols.map(({ name }) => `${name}\0`).join('')}`);
  const namesOffset = alignUp(end, 8);
  const symbolsOffset = alignUp(namesOffset + names.length, 8);
  const sectionsOffset = symbolsOffset + (symbols.length + 1) * 24;
  const bytes = new Uint8Array(sectionsOffset + 3 * 64);
  const view = new DataView(bytes.buffer);
  const wide = (at: number, value: number): void => view.setBigUint64(at, BigInt(value), true);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 243, true);
  view.setUint32(20, 1, true);
  wide(24, entry);
  wide(32, 64);
  wide(40, sectionsOffset);
  view.setUint32(48, 1, true); // Compressed instructions, no floating point ABI.
  for (const [at, value] of [
    [52, 64],
    [54, 56],
    [56, segments.length],
    [58, 64],
    [60, 3],
    [62, 0],
  ] as const) {
    view.setUint16(at, value, true);
  }
  segments.forEach(({ address, bytes: content, memorySize, flags }, index) => {
    const at = 64 + index * 56;
    view.setUint32(at, 1, true);
    view.setUint32(at + 4, flags, true);
    wide(at + 8, offsets[index] as number);
    wide(at + 16, address);
    wide(at + 24, address);
    wide(at + 32, content.length);
    wide(at + 40, memorySize ?? content.length);
    wide(at + 48, PAGE);
    bytes.set(content, offsets[index]);
  });
  bytes.set(names, namesOffset);
  let name = 1;
  symbols.forEach((symbol, index) => {
    const at = symbolsOffset + (index + 1) * 24;
    view.setUint32(at, name, true);
    name += symbol.name.length + 1;
    view.setUint8(at + 4, symbol.type);
    view.setUint16(at + 6, 0xfff1, true);
    wide(at + 8, symbol.address);
    wide(at + 16, symbol.size);
  });
  const section = (
    index: number,
    type: number,
    offset: number,
    size: number,
    link: number,
    each: number,
  ): void => {
    const at = sectionsOffset + index * 64;
    view.setUint32(at + 4, type, true);
    wide(at + 24, offset);
    wide(at + 32, size);
    view.setUint32(at + 40, link, true);
    wide(at + 56, each);
  };
  section(1, 3, namesOffset, names.length, 0, 0);
  section(2, 2, symbolsOffset, (symbols.length + 1) * 24, 1, 24);
  return bytes;
}
