/**
 * Differences between two contents of a page, as runs of absolute bytes.
 *
 * A run is offset (u16), length (u16) and the bytes. Applying runs again, in order, gives the same content. Hosts are
 * little endian (checked by `store.ts` at opening). Pure functions; used by the worker to encode, by both to apply.
 */
import { assert } from '../../base/assert.ts';
import { PAGE_SIZE } from '../../base/limits.ts';

export const RUN_HEADER_BYTES = 4;
const WORDS = PAGE_SIZE / 4;
/** No page needs more: each run but the last is followed by a gap longer than a run's header. */
export const DELTA_BYTES_MAX = 2 * PAGE_SIZE;

function firstByte(difference: number): number {
  if ((difference & 0xff) !== 0) return 0;
  if ((difference & 0xffff) !== 0) return 1;
  return (difference & 0xff_ffff) !== 0 ? 2 : 3;
}

function lastByte(difference: number): number {
  if (difference >>> 24 !== 0) return 3;
  if (difference >>> 16 !== 0) return 2;
  return difference >>> 8 !== 0 ? 1 : 0;
}

/**
 * Writes the runs by which `now` differs from `before` to `out` at `at`, which has DELTA_BYTES_MAX bytes of room.
 * All positions are given in words (`beforeWord`, `nowWord`). Returns the end of what was written.
 */
export function encodeRuns(
  before: Int32Array,
  beforeWord: number,
  now: Int32Array,
  nowWord: number,
  nowBytes: Uint8Array,
  out: Buffer,
  at: number,
): number {
  const base = nowWord * 4;
  let start = -1;
  let end = -1;
  let position = at;
  for (let word = 0; word < WORDS; word++) {
    const difference = (before[beforeWord + word] as number) ^ (now[nowWord + word] as number);
    if (difference === 0) continue;
    const first = word * 4 + firstByte(difference);
    if (start >= 0 && first - end > RUN_HEADER_BYTES) {
      position = writeRun(nowBytes, base, start, end, out, position);
      start = first;
    } else if (start < 0) start = first;
    end = word * 4 + lastByte(difference) + 1;
  }
  return start < 0 ? position : writeRun(nowBytes, base, start, end, out, position);
}

function writeRun(
  bytes: Uint8Array,
  base: number,
  start: number,
  end: number,
  out: Buffer,
  at: number,
): number {
  out.writeUInt16LE(start, at);
  out.writeUInt16LE(end - start, at + 2);
  let position = at + RUN_HEADER_BYTES;
  if (end - start > 32) {
    out.set(bytes.subarray(base + start, base + end), position);
    return position + end - start;
  }
  for (let i = start; i < end; i++) out[position++] = bytes[base + i] as number;
  return position;
}

/** Checks that the runs in `runs[from, to)` fill it and lie inside a page. */
export function checkRuns(runs: Buffer, from: number, to: number): void {
  let at = from;
  while (at < to) {
    const offset = runs.readUInt16LE(at);
    const length = runs.readUInt16LE(at + 2);
    at += RUN_HEADER_BYTES + length;
    assert(offset + length <= PAGE_SIZE && at <= to, 'delta: a run lies inside its page');
  }
}

/** Applies the runs in `runs[from, to)` to the page. */
export function applyRuns(page: Uint8Array, runs: Buffer, from: number, to: number): void {
  let at = from;
  while (at < to) {
    const offset = runs.readUInt16LE(at);
    const length = runs.readUInt16LE(at + 2);
    at += RUN_HEADER_BYTES;
    assert(offset + length <= PAGE_SIZE && at + length <= to, 'delta: a run lies inside its page');
    page.set(runs.subarray(at, at + length), offset);
    at += length;
  }
}

/** Sets to 1 what the runs in `runs[from, to)` write. */
export function markRuns(mask: Uint8Array, runs: Buffer, from: number, to: number): void {
  let at = from;
  while (at < to) {
    const offset = runs.readUInt16LE(at);
    const length = runs.readUInt16LE(at + 2);
    mask.fill(1, offset, offset + length);
    at += RUN_HEADER_BYTES + length;
  }
}
