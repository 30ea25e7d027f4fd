/**
 * The byte forms of what a batch holds besides pages: objects, journal rows, output. The same bytes lie in the ring and
 * in the packed record, so the worker only copies them.
 *
 *   object:  address u64, serial u64, type u16, link count u16, state size u32, state, links
 *   link:    tag u8: 0 null; 1 address u64, serial u64; 2 name length u16, name
 *   row:     name length u16, reserved u16, data size u32, offset u64, name, data
 *            (a journal row: name is its kind; output and its confirmation: name is the sink)
 * Little endian, not aligned. Holds no state.
 */
import { assert } from '../../base/assert.ts';
import { type GrowingBytes, readInteger, writeInteger } from './bytes.ts';
import type { StoredLink, StoredObject } from './contract.ts';

export const OBJECT_HEADER_BYTES = 24;
export const ROW_HEADER_BYTES = 16;
const linkTags = { none: 0, address: 1, name: 2 } as const;

/** Appends an object. */
export function appendObject(out: GrowingBytes, object: StoredObject): void {
  const at = out.reserve(OBJECT_HEADER_BYTES);
  writeInteger(out.buffer, at, object.address);
  out.buffer.writeBigUInt64LE(object.serial, at + 8);
  out.buffer.writeUInt16LE(object.type, at + 16);
  out.buffer.writeUInt16LE(object.links.length, at + 18);
  out.buffer.writeUInt32LE(object.state.length, at + 20);
  out.append(object.state);
  for (const link of object.links) appendLink(out, link);
}

function appendLink(out: GrowingBytes, link: StoredLink): void {
  if (link === null) {
    const at = out.reserve(1);
    out.buffer[at] = linkTags.none;
    return;
  }
  if ('name' in link) {
    const name = Buffer.from(link.name);
    const at = out.reserve(3);
    out.buffer[at] = linkTags.name;
    out.buffer.writeUInt16LE(name.length, at + 1);
    out.append(name);
    return;
  }
  const at = out.reserve(17);
  out.buffer[at] = linkTags.address;
  writeInteger(out.buffer, at + 1, link.address);
  out.buffer.writeBigUInt64LE(link.serial, at + 9);
}

/** Where the entry after the object at `at` begins. */
export function objectEnd(buffer: Buffer, at: number): number {
  const linkCount = buffer.readUInt16LE(at + 18);
  let position = at + OBJECT_HEADER_BYTES + buffer.readUInt32LE(at + 20);
  for (let i = 0; i < linkCount; i++) {
    const tag = buffer[position++];
    if (tag === linkTags.address) position += 16;
    else if (tag === linkTags.name) position += 2 + buffer.readUInt16LE(position);
  }
  return position;
}

/**
 * Reads the object at `at`; `end` is where the next entry begins. Its state is a copy, or, `inPlace`, the bytes where they
 * lie: for a buffer that nobody writes into again.
 */
export function readObject(
  buffer: Buffer,
  at: number,
  inPlace = false,
): { object: StoredObject; end: number } {
  const linkCount = buffer.readUInt16LE(at + 18);
  const stateSize = buffer.readUInt32LE(at + 20);
  let position = at + OBJECT_HEADER_BYTES + stateSize;
  const state = inPlace
    ? new Uint8Array(buffer.buffer, buffer.byteOffset + at + OBJECT_HEADER_BYTES, stateSize)
    : new Uint8Array(buffer.subarray(at + OBJECT_HEADER_BYTES, position));
  const links: StoredLink[] = [];
  for (let i = 0; i < linkCount; i++) {
    const tag = buffer[position++];
    if (tag === linkTags.none) links.push(null);
    else if (tag === linkTags.address) {
      const address = readInteger(buffer, position);
      links.push({ address, serial: buffer.readBigUInt64LE(position + 8) });
      position += 16;
    } else {
      assert(tag === linkTags.name, 'record: a link has a known tag');
      const length = buffer.readUInt16LE(position);
      links.push({ name: buffer.toString('utf8', position + 2, position + 2 + length) });
      position += 2 + length;
    }
  }
  const address = readInteger(buffer, at);
  const serial = buffer.readBigUInt64LE(at + 8);
  return {
    object: { address, serial, type: buffer.readUInt16LE(at + 16), state, links },
    end: position,
  };
}

/** A journal row, a piece of output or a confirmation. */
export interface RowEntry {
  readonly name: string;
  readonly offset: number;
  readonly data: Uint8Array;
}

export function appendRow(out: GrowingBytes, row: RowEntry): void {
  const name = Buffer.from(row.name);
  const at = out.reserve(ROW_HEADER_BYTES);
  out.buffer.writeUInt16LE(name.length, at);
  out.buffer.writeUInt16LE(0, at + 2);
  out.buffer.writeUInt32LE(row.data.length, at + 4);
  writeInteger(out.buffer, at + 8, row.offset);
  out.append(name);
  out.append(row.data);
}

/** Reads the row at `at`; its data is a copy. */
export function readRow(buffer: Buffer, at: number): { row: RowEntry; end: number } {
  const nameEnd = at + ROW_HEADER_BYTES + buffer.readUInt16LE(at);
  const end = nameEnd + buffer.readUInt32LE(at + 4);
  assert(end <= buffer.length, 'record: a row lies inside its record');
  const name = buffer.toString('utf8', at + ROW_HEADER_BYTES, nameEnd);
  const data = new Uint8Array(buffer.subarray(nameEnd, end));
  return { row: { name, offset: readInteger(buffer, at + 8), data }, end };
}
