/**
 * Bytes in memory: a growing buffer, 53-bit integers in 8 bytes, and the hashes of the file format.
 *
 * Holds no state but its own buffers. Used by both threads of the store.
 */
import { hash } from 'node:crypto';
import { assert } from '../../base/assert.ts';
import { highHalf, joinHalves, lowHalf } from '../../base/integer.ts';

/** Bytes of the short hashes in the map and in rows: half of a SHA-256. */
export const SHORT_HASH_BYTES = 16;

/** Writes a non-negative integer below 2^53 as a little-endian u64. */
export function writeInteger(buffer: Buffer, at: number, value: number): void {
  buffer.writeUInt32LE(lowHalf(value), at);
  buffer.writeUInt32LE(highHalf(value), at + 4);
}

/** Reads a little-endian u64 that must be below 2^53. */
export function readInteger(buffer: Buffer, at: number): number {
  const value = joinHalves(buffer.readUInt32LE(at), buffer.readUInt32LE(at + 4));
  assert(value >= 0, 'store: a stored integer is below 2^53');
  return value;
}

/** SHA-256 of the bytes. */
export function sha256(bytes: Uint8Array | string): Buffer {
  return hash('sha256', bytes, 'buffer');
}

/** A buffer that grows by doubling; `length` bytes of it are in use. */
export class GrowingBytes {
  buffer: Buffer;
  length = 0;

  constructor(capacity: number) {
    this.buffer = Buffer.allocUnsafe(capacity);
  }

  /** Makes room for `count` more bytes and returns where they begin. `buffer` may be another one afterwards. */
  reserve(count: number): number {
    const at = this.length;
    if (at + count > this.buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(at + count, 2 * this.buffer.length));
      this.buffer.copy(larger, 0, 0, at);
      this.buffer = larger;
    }
    this.length = at + count;
    return at;
  }

  append(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.buffer.set(bytes, at);
  }

  used(): Buffer {
    return this.buffer.subarray(0, this.length);
  }
}
