/**
 * The packed record: everything one checkpoint changed, in one blob.
 *
 *   header (`recordHeader`), kernel record, border (UTF-8 JSON),
 *   page index: (number u32, place u32) in ascending order of number; place = byte offset of the entry in the record,
 *   page entries: `pageEntry`, then runs (delta.ts) or nothing,
 *   objects (deflated, RFC 1951, when that is shorter: a state is mostly zeros), gone objects (u64 each), journal, output,
 *   confirmations (entries.ts).
 *
 * Its SHA-256 is the checkpoint's hash; it contains its parent's. Written once by the worker's committer, read by
 * folding and by restart, never changed. Part of the image format.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { assert } from '../../base/assert.ts';
import { layout } from '../../base/layout.ts';
import { PAGE_SIZE } from '../../base/limits.ts';
import { GrowingBytes, readInteger, sha256, writeInteger } from './bytes.ts';
import type { StoredObject } from './contract.ts';
import { applyRuns, checkRuns } from './delta.ts';
import { type RowEntry, readObject, readRow } from './entries.ts';

/** 'PDRC', little endian. */
export const RECORD_MAGIC = 0x4352_4450;
export const RECORD_VERSION = 2;
export const recordFlags = {
  /** The last checkpoint of a clean stop. */
  clean: 1,
  /** The machine was put back to `parent` by a person. */
  restored: 2,
  /** The first generation of a file that was made from another. */
  forked: 4,
} as const;

export const recordHeader = layout('recordHeader', {
  magic: 'u32',
  version: 'u16',
  flags: 'u16',
  generation: 'u64',
  parent: 'u64',
  tick: 'u64',
  /** Milliseconds since 1970. */
  wallMs: 'u64',
  /** Map root and fold state at the time of the commit. */
  pagesFolded: 'u64',
  mapGeneration: 'u64',
  pauseUs: 'u32',
  kernelRecordBytes: 'u32',
  borderBytes: 'u32',
  pageCount: 'u32',
  pageBytes: 'u32',
  objectCount: 'u32',
  /** As they lie in the record; fewer than `objectStateBytes` when they are deflated. */
  objectBytes: 'u32',
  objectStateBytes: 'u32',
  goneCount: 'u32',
  journalCount: 'u32',
  journalBytes: 'u32',
  outputCount: 'u32',
  outputBytes: 'u32',
  confirmCount: 'u32',
  confirmBytes: 'u32',
  reserved: 'u32',
  parentHash: ['u8', 32],
  mapHash: ['u8', 16],
});

/** Fixed part of a page entry; `bytes` of runs follow. */
export const pageEntry = layout('pageEntry', {
  /** pc of the first write since the checkpoint before, 0 if unknown. */
  pc: 'u64',
  kind: 'u16',
  bytes: 'u16',
  reserved: 'u32',
});

export const pageKinds = {
  /** The page is zeros. */
  zero: 1,
  /** Runs on a page of zeros. */
  replace: 2,
  /** Runs on the content of the generation before. */
  delta: 3,
  /** The content went straight into the table `page` in the same transaction. */
  folded: 4,
  /** The page's 4096 bytes follow; `bytes` is 0. */
  full: 5,
  /** In `reverse` only: the content was damaged when it was to be put aside. */
  lost: 6,
} as const;

const INDEX_BYTES = 8;
/** Bytes of objects that are not worth deflating. */
const DEFLATE_BYTES_MIN = 256;

/** Writes the fixed part of a page's entry. `pc` is an integer below 2^53. */
export function finishPageEntry(
  buffer: Buffer,
  at: number,
  kind: number,
  pc: number,
  runBytes: number,
): void {
  const { offset } = pageEntry;
  writeInteger(buffer, at + offset.pc, pc);
  buffer.writeUInt16LE(kind, at + offset.kind);
  buffer.writeUInt16LE(runBytes, at + offset.bytes);
  buffer.writeUInt32LE(0, at + offset.reserved);
}

/** The sections of a record that is being put together; reused for each. */
export interface RecordParts {
  readonly numbers: number[];
  /** Offset of each page's entry in `pages`. */
  readonly places: number[];
  readonly pages: GrowingBytes;
  readonly objects: GrowingBytes;
  objectCount: number;
  readonly gone: number[];
  readonly journal: GrowingBytes;
  journalCount: number;
  readonly output: GrowingBytes;
  outputCount: number;
  readonly confirm: GrowingBytes;
  confirmCount: number;
}

export function emptyParts(): RecordParts {
  const section = () => new GrowingBytes(4096);
  return {
    numbers: [],
    places: [],
    pages: section(),
    objects: section(),
    objectCount: 0,
    gone: [],
    journal: section(),
    journalCount: 0,
    output: section(),
    outputCount: 0,
    confirm: section(),
    confirmCount: 0,
  };
}

export function clearParts(parts: RecordParts): void {
  parts.numbers.length = 0;
  parts.places.length = 0;
  parts.gone.length = 0;
  for (const section of [parts.pages, parts.objects, parts.journal, parts.output, parts.confirm]) {
    section.length = 0;
  }
  parts.objectCount = 0;
  parts.journalCount = 0;
  parts.outputCount = 0;
  parts.confirmCount = 0;
}

export type RecordHeader = ReturnType<typeof recordHeader.read>;

/** What the committer knows about a record besides its sections. */
export interface RecordFacts {
  readonly generation: number;
  readonly parent: number;
  readonly tick: bigint;
  readonly wallMs: number;
  readonly pauseUs: number;
  /** Of `recordFlags`. */
  readonly flags: number;
  readonly kernelRecord: Uint8Array;
  /** UTF-8. */
  readonly border: Uint8Array;
  readonly parentHash: Uint8Array;
  readonly pagesFolded: number;
  readonly mapGeneration: number;
  readonly mapHash: Uint8Array;
}

/** Puts the record together in `out`, which is cleared first. */
export function writeRecord(out: GrowingBytes, facts: RecordFacts, parts: RecordParts): void {
  out.length = 0;
  out.reserve(recordHeader.size);
  out.append(facts.kernelRecord);
  out.append(facts.border);
  const order = sortedOrder(parts.numbers);
  const entriesAt = out.length + order.length * INDEX_BYTES;
  for (const i of order) {
    const at = out.reserve(INDEX_BYTES);
    out.buffer.writeUInt32LE(parts.numbers[i] as number, at);
    out.buffer.writeUInt32LE(entriesAt + (parts.places[i] as number), at + 4);
  }
  out.append(parts.pages.used());
  const objects = deflated(parts.objects.used());
  out.append(objects);
  for (const address of parts.gone) {
    const at = out.reserve(8);
    writeInteger(out.buffer, at, address);
  }
  for (const section of [parts.journal, parts.output, parts.confirm]) out.append(section.used());
  const view = new DataView(out.buffer.buffer, out.buffer.byteOffset, recordHeader.size);
  recordHeader.write(view, 0, {
    magic: RECORD_MAGIC,
    version: RECORD_VERSION,
    flags: facts.flags,
    generation: BigInt(facts.generation),
    parent: BigInt(facts.parent),
    tick: facts.tick,
    wallMs: BigInt(facts.wallMs),
    pagesFolded: BigInt(facts.pagesFolded),
    mapGeneration: BigInt(facts.mapGeneration),
    pauseUs: facts.pauseUs,
    kernelRecordBytes: facts.kernelRecord.length,
    borderBytes: facts.border.length,
    pageCount: order.length,
    pageBytes: parts.pages.length,
    objectCount: parts.objectCount,
    objectBytes: objects.length,
    objectStateBytes: parts.objects.length,
    goneCount: parts.gone.length,
    journalCount: parts.journalCount,
    journalBytes: parts.journal.length,
    outputCount: parts.outputCount,
    outputBytes: parts.output.length,
    confirmCount: parts.confirmCount,
    confirmBytes: parts.confirm.length,
    reserved: 0,
    parentHash: Array.from(facts.parentHash),
    mapHash: Array.from(facts.mapHash),
  });
}

/** The shorter of the bytes and what deflating makes of them. */
function deflated(bytes: Buffer): Buffer {
  if (bytes.length < DEFLATE_BYTES_MIN) return bytes;
  // A small window: its memory is taken anew for each record.
  const shorter = deflateRawSync(bytes, { level: 1, windowBits: 12, memLevel: 5 });
  return shorter.length < bytes.length ? shorter : bytes;
}

/** What was deflated. Throws an InvariantError when it cannot be, or is not so long. */
function inflated(bytes: Buffer, size: number): Buffer {
  let found: Buffer | null = null;
  try {
    found = inflateRawSync(bytes, { maxOutputLength: Math.max(1, size) });
  } catch {
    // Whatever zlib has against it: somebody forged it.
  }
  assert(found?.length === size, 'record: its objects can be inflated');
  return found;
}

/** Indices of `numbers` in ascending order of number; a page may occur only once in a batch. */
function sortedOrder(numbers: readonly number[]): number[] {
  const order = numbers.map((_, i) => i);
  order.sort((a, b) => (numbers[a] as number) - (numbers[b] as number));
  for (let i = 1; i < order.length; i++) {
    const here = numbers[order[i] as number] as number;
    assert(here !== numbers[order[i - 1] as number], `record: page ${here} is in a batch once`);
  }
  return order;
}

/** A record as read: its header, and its sections on demand. The bytes are not copied and must not change. */
export class PackedRecord {
  readonly body: Buffer;
  readonly generation: number;
  readonly parent: number;
  readonly pageCount: number;
  private readonly indexAt: number;
  private readonly objectsAt: number;

  /** Throws an InvariantError when the sections do not fill the record exactly. Thousands are read at a restart. */
  constructor(body: Buffer) {
    const { offset } = recordHeader;
    assert(body.length >= recordHeader.size, 'record: it holds its header');
    this.body = body;
    const version = body.readUInt16LE(offset.version);
    assert(body.readUInt32LE(offset.magic) === RECORD_MAGIC, 'record: it begins with its magic number');
    if (version !== RECORD_VERSION) assert(false, `record: version ${version} is known`);
    this.generation = readInteger(body, offset.generation);
    this.parent = readInteger(body, offset.parent);
    this.pageCount = body.readUInt32LE(offset.pageCount);
    this.indexAt =
      recordHeader.size + body.readUInt32LE(offset.kernelRecordBytes) + body.readUInt32LE(offset.borderBytes);
    this.objectsAt = this.indexAt + this.pageCount * INDEX_BYTES + body.readUInt32LE(offset.pageBytes);
    const end =
      this.journalAt +
      body.readUInt32LE(offset.journalBytes) +
      body.readUInt32LE(offset.outputBytes) +
      body.readUInt32LE(offset.confirmBytes);
    assert(end === body.length, 'record: its sections fill it');
  }

  /** All of the header, read anew. */
  get header(): RecordHeader {
    const { body } = this;
    return recordHeader.read(new DataView(body.buffer, body.byteOffset, body.length), 0);
  }

  private number(at: number): number {
    return this.body.readUInt32LE(at);
  }

  get clean(): boolean {
    return (this.body.readUInt16LE(recordHeader.offset.flags) & recordFlags.clean) !== 0;
  }

  /** How this generation came to be the newest, if not by running. */
  get origin(): 'restored' | 'forked' | null {
    const flags = this.body.readUInt16LE(recordHeader.offset.flags);
    if ((flags & recordFlags.restored) !== 0) return 'restored';
    return (flags & recordFlags.forked) !== 0 ? 'forked' : null;
  }

  /** Milliseconds since 1970. */
  get wallMs(): number {
    return readInteger(this.body, recordHeader.offset.wallMs);
  }

  /** SHA-256 of the record. */
  hash(): Buffer {
    return sha256(this.body);
  }

  get parentHash(): Buffer {
    const at = recordHeader.offset.parentHash;
    return Buffer.from(this.body.subarray(at, at + 32));
  }

  get kernelRecord(): Uint8Array {
    const end = recordHeader.size + this.number(recordHeader.offset.kernelRecordBytes);
    return new Uint8Array(this.body.subarray(recordHeader.size, end));
  }

  get border(): string {
    const from = this.indexAt - this.number(recordHeader.offset.borderBytes);
    return this.body.toString('utf8', from, this.indexAt);
  }

  /** Checks what is read later, and elsewhere: page entries with their runs, and the journal. Throws when it cannot be. */
  verifyShape(): void {
    const { pageCount } = this;
    const journalCount = this.number(recordHeader.offset.journalCount);
    const journalBytes = this.number(recordHeader.offset.journalBytes);
    let before = -1;
    for (let i = 0; i < pageCount; i++) {
      const number = this.pageNumber(i);
      assert(number > before, 'record: its pages are in order');
      before = number;
      const place = this.body.readUInt32LE(this.indexAt + i * INDEX_BYTES + 4);
      const from = place + pageEntry.size;
      assert(
        place >= this.indexAt + pageCount * INDEX_BYTES && from <= this.objectsAt,
        'record: a page entry lies among them',
      );
      const kind = this.pageKind(place);
      const bytes = this.body.readUInt16LE(place + pageEntry.offset.bytes);
      if (kind < pageKinds.zero || kind > pageKinds.full) assert(false, `record: page kind ${kind} is known`);
      const end = from + (kind === pageKinds.full ? PAGE_SIZE : bytes);
      assert(end <= this.objectsAt, 'record: a page entry ends among them');
      if (kind === pageKinds.replace || kind === pageKinds.delta) checkRuns(this.body, from, end);
    }
    let at = this.journalAt;
    for (let i = 0; i < journalCount; i++) at = readRow(this.body, at).end;
    assert(at === this.journalAt + journalBytes, 'record: its journal fills its section');
  }

  pageNumber(index: number): number {
    return this.body.readUInt32LE(this.indexAt + index * INDEX_BYTES);
  }

  /** Byte offset of the entry of this page, or -1. */
  findPage(number: number): number {
    let low = 0;
    let high = this.pageCount - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = this.pageNumber(middle);
      if (found === number) return this.body.readUInt32LE(this.indexAt + middle * INDEX_BYTES + 4);
      if (found < number) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  pageKind(place: number): number {
    return this.body.readUInt16LE(place + pageEntry.offset.kind);
  }

  /** `pc` of the entry; in a row of `reverse`, the generation of the content that it gives. */
  pagePc(place: number): number {
    return readInteger(this.body, place + pageEntry.offset.pc);
  }

  /** End of the entry, runs and all. */
  pageEnd(place: number): number {
    const from = place + pageEntry.size;
    if (this.pageKind(place) === pageKinds.full) return from + PAGE_SIZE;
    return from + this.body.readUInt16LE(place + pageEntry.offset.bytes);
  }

  /** Byte offset of the entry at `index` of the page index. */
  pagePlace(index: number): number {
    return this.body.readUInt32LE(this.indexAt + index * INDEX_BYTES + 4);
  }

  /** Brings `page` from the generation before to this one. */
  applyPage(place: number, page: Buffer): void {
    const kind = this.pageKind(place);
    assert(
      kind !== pageKinds.folded && kind !== pageKinds.lost,
      'record: a page without bytes is not applied',
    );
    const from = place + pageEntry.size;
    if (kind === pageKinds.full) {
      this.body.copy(page, 0, from, from + PAGE_SIZE);
      return;
    }
    if (kind !== pageKinds.delta) page.fill(0);
    applyRuns(page, this.body, from, from + this.body.readUInt16LE(place + pageEntry.offset.bytes));
  }

  /** Objects, and the bytes of each as entries.ts makes them. */
  *objects(): Generator<{ object: StoredObject; bytes: Buffer }> {
    const { offset } = recordHeader;
    const stored = this.body.subarray(this.objectsAt, this.objectsAt + this.number(offset.objectBytes));
    const size = this.number(offset.objectStateBytes);
    assert(stored.length <= size, 'record: its objects are not longer than they are');
    const section = stored.length === size ? stored : inflated(stored, size);
    const count = this.number(offset.objectCount);
    let at = 0;
    for (let i = 0; i < count; i++) {
      const { object, end } = readObject(section, at);
      yield { object, bytes: section.subarray(at, end) };
      at = end;
    }
  }

  *gone(): Generator<number> {
    const { offset } = recordHeader;
    const base = this.objectsAt + this.number(offset.objectBytes);
    const count = this.number(offset.goneCount);
    for (let i = 0; i < count; i++) yield readInteger(this.body, base + i * 8);
  }

  private *rows(at: number, count: number): Generator<RowEntry> {
    let position = at;
    for (let i = 0; i < count; i++) {
      const { row, end } = readRow(this.body, position);
      yield row;
      position = end;
    }
  }

  private get journalAt(): number {
    const { offset } = recordHeader;
    return this.objectsAt + this.number(offset.objectBytes) + this.number(offset.goneCount) * 8;
  }

  journal(): Iterable<RowEntry> {
    return this.rows(this.journalAt, this.number(recordHeader.offset.journalCount));
  }

  output(): Iterable<RowEntry> {
    return this.rows(
      this.journalAt + this.number(recordHeader.offset.journalBytes),
      this.number(recordHeader.offset.outputCount),
    );
  }

  confirmations(): Iterable<RowEntry> {
    const at =
      this.journalAt +
      this.number(recordHeader.offset.journalBytes) +
      this.number(recordHeader.offset.outputBytes);
    return this.rows(at, this.number(recordHeader.offset.confirmCount));
  }
}
