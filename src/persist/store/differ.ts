/**
 * Compares a page in the ring with its shadow, writes the runs by which it differs, and brings the shadow up to date: one
 * pass of WebAssembly over both memories, 16 bytes at a time.
 *
 * Invariants: the runs are those of `encodeRuns` (delta.ts), to the byte; afterwards the shadow's page is the ring's. Where
 * nothing differs nothing is written, so clean cache lines stay clean. In JavaScript the same took half of the worker's time. Worker only; made
 * once, by `committer.ts`. Knows neither page numbers nor records.
 */
import { PAGE_SIZE } from '../../base/limits.ts';
import { RUN_HEADER_BYTES } from './delta.ts';

/**
 * Compares the page at byte `now` of the ring with the one at byte `before` of the shadow's memory, and writes the runs
 * to `out` there, where DELTA_BYTES_MAX bytes are free. Returns the end of what was written.
 */
export type Differ = (before: number, now: number, out: number) => number;

const I32 = 0x7f;
const V128 = 0x7b;
/** Unsigned LEB128, and signed for constants. */
const leb = (value: number): number[] =>
  value < 128 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)];
const signed = (value: number): number[] => {
  const low = value & 0x7f;
  const rest = value >> 7;
  const isLast = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
  return isLast ? [low] : [low | 0x80, ...signed(rest)];
};

// Operands first, as the machine wants them: each of these is the code that leaves its value on the stack.
type Code = readonly number[];
const get = (local: number): Code => [0x20, local];
const set = (local: number, value: Code): Code => [...value, 0x21, local];
const tee = (local: number, value: Code): Code => [...value, 0x22, local];
const constant = (value: number): Code => [0x41, ...signed(value)];
const binary =
  (opcode: number) =>
  (a: Code, b: Code): Code => [...a, ...b, opcode];
const add = binary(0x6a);
const subtract = binary(0x6b);
const and = binary(0x71);
const isGreater = binary(0x4a);
const isLess = binary(0x48);
const countTrailingZeros = (value: Code): Code => [...value, 0x68];
const shiftRight = binary(0x76);
const shiftLeft = binary(0x74);
const not = (value: Code): Code => [...value, ...constant(-1), 0x73];
/** A memory argument: bit 6 says that the memory's index follows (0 is the shadow, 1 the ring). */
const memory = (index: number, offset: number): Code => [0x40, index, ...leb(offset)];
const load128 = (index: number, at: Code, offset: number): Code => [
  ...at,
  0xfd,
  0x00,
  ...memory(index, offset),
];
const store128 = (index: number, at: Code, value: Code): Code => [
  ...at,
  ...value,
  0xfd,
  0x0b,
  ...memory(index, 0),
];
const store16 = (at: Code, offset: number, value: Code): Code => [
  ...at,
  ...value,
  0x3b,
  ...memory(0, offset),
];
const xor128 = (a: Code, b: Code): Code => [...a, ...b, 0xfd, 0x51];
const or128 = (a: Code, b: Code): Code => [...a, ...b, 0xfd, 0x50];
const isAny128 = (value: Code): Code => [...value, 0xfd, 0x53];
/** A bit for each byte in which the two differ. */
const differing = (a: Code, b: Code): Code => [...a, ...b, 0xfd, 0x24, 0xfd, ...leb(0x64)];
const when = (condition: Code, then: Code, otherwise: Code = []): Code => [
  ...condition,
  ...[0x04, 0x40, ...then],
  ...(otherwise.length > 0 ? [0x05, ...otherwise] : []),
  0x0b,
];
/** Again and again until `condition`, which comes last, is 0. */
const loop = (body: Code, condition: Code): Code => [0x03, 0x40, ...body, ...condition, 0x0d, 0, 0x0b];

const local = {
  ...{ before: 0, now: 1, out: 2 },
  /** Offset in the page; end of its 64 bytes; bits of bytes that differ; the first of them. */
  ...{ at: 3, blockEnd: 4, mask: 5, first: 6 },
  /** The run that is open: where it starts, -1 when there is none, and ends. */
  ...{ start: 7, end: 8 },
  bytes: 9,
} as const;
const I32_LOCALS = 6;
const { before, now, out, at, blockEnd, mask, first, start, end, bytes } = local;

const shadowAt = add(get(before), get(at));
const ringAt = add(get(now), get(at));
const changed = (offset: number): Code => xor128(load128(0, shadowAt, offset), load128(1, ringAt, offset));

/** Header and bytes of the open run go out. */
const writeRun: Code = [
  ...store16(get(out), 0, get(start)),
  ...store16(get(out), 2, subtract(get(end), get(start))),
  // memory.copy, from the ring to the shadow's memory.
  ...add(get(out), constant(RUN_HEADER_BYTES)),
  ...add(get(now), get(start)),
  ...subtract(get(end), get(start)),
  ...[0xfc, 10, 0, 1],
  ...set(out, add(add(get(out), constant(RUN_HEADER_BYTES)), subtract(get(end), get(start)))),
];

/** The lowest bits of the mask that stand together: they go on with the open run, or close it and begin another. */
const takeBits: Code = [
  ...set(first, countTrailingZeros(get(mask))),
  ...when(
    isLess(get(start), constant(0)),
    set(start, add(get(at), get(first))),
    when(isGreater(subtract(add(get(at), get(first)), get(end)), constant(RUN_HEADER_BYTES)), [
      ...writeRun,
      ...set(start, add(get(at), get(first))),
    ]),
  ),
  ...set(end, add(add(get(at), get(first)), countTrailingZeros(not(shiftRight(get(mask), get(first)))))),
  ...set(mask, and(get(mask), add(get(mask), shiftLeft(constant(1), get(first))))),
];

const compare16: Code = [
  ...set(mask, differing(load128(0, shadowAt, 0), tee(bytes, load128(1, ringAt, 0)))),
  ...when(get(mask), [...store128(0, shadowAt, get(bytes)), ...loop(takeBits, get(mask))]),
  ...set(at, add(get(at), constant(16))),
];

const compare64: Code = [
  ...set(blockEnd, add(get(at), constant(64))),
  ...when(
    isAny128(or128(or128(changed(0), changed(16)), or128(changed(32), changed(48)))),
    loop(compare16, isLess(get(at), get(blockEnd))),
    set(at, get(blockEnd)),
  ),
];

const body: Code = [
  // Locals: numbers of 32 bits, then one vector.
  ...[2, I32_LOCALS, I32, 1, V128],
  ...set(start, constant(-1)),
  ...loop(compare64, isLess(get(at), constant(PAGE_SIZE))),
  ...when(isLess(constant(-1), get(start)), writeRun),
  ...get(out),
  0x0b,
];

const section = (id: number, content: Code): Code => [id, ...leb(content.length), ...content];
const text = (word: string): Code => [word.length, ...Buffer.from(word)];

const MODULE: Code = [
  ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...section(1, [1, 0x60, 3, I32, I32, I32, 1, I32]),
  // The shadow's memory has any size, the ring's is shared and may have any up to 65,536 pages.
  ...section(2, [
    2,
    ...[...text('m'), ...text('shadow'), 2, 0, 0],
    ...[...text('m'), ...text('ring'), 2, 3, 0, ...leb(65_536)],
  ]),
  ...section(3, [1, 0]),
  ...section(7, [1, ...text('encode'), 0, 0]),
  ...section(10, [1, ...leb(body.length), ...body]),
];

export function createDiffer(shadow: WebAssembly.Memory, ring: WebAssembly.Memory): Differ {
  const module = new WebAssembly.Module(new Uint8Array(MODULE));
  return new WebAssembly.Instance(module, { m: { shadow, ring } }).exports.encode as Differ;
}
