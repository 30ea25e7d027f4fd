/**
 * Byte arrays: the few helpers that the platform lacks.
 *
 * Invariant: results are plain Uint8Arrays that share memory with none of their inputs. Holds no state.
 */
import { joinHalves } from './integer.ts';

/** The parts one after another. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A view of the bytes for reading and writing words. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * The little-endian word at `at`: a number when it is below 2^53, else a bigint. For one word of each of many arrays: to
 * make a view takes longer than this.
 */
export function wordOf(bytes: Uint8Array, at: number): number | bigint {
  const low = halfOf(bytes, at);
  const high = halfOf(bytes, at + 4);
  const joined = joinHalves(low, high);
  return joined >= 0 ? joined : (BigInt(high) << 32n) | BigInt(low);
}

function halfOf(bytes: Uint8Array, at: number): number {
  const lower = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
  return (lower | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)) >>> 0;
}
