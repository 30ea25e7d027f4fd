/**
 * Lists of things that cover a range of addresses, in the order of where they begin: the mappings and regions of a
 * space, the mappings of a region, the pages that hold objects.
 *
 * Pieces of at most `PIECE_MAX` entries, each knowing how far its entries reach: finding, adding and removing cost a
 * binary search and a move within one piece, however long the list is. Among equal starts the order is that of `rank`
 * (a serial), so that it is a function of persistent words. Invariant: pieces are not empty; order goes across pieces.
 * An entry is removed with the start and rank it was added with. Holds no state of its own.
 */
import { assert } from '../../base/assert.ts';

/** Entries of a piece: two moves of half of them cost less than one more level would. */
const PIECE_MAX = 64;

interface Piece<T> {
  readonly starts: number[];
  readonly ends: number[];
  readonly ranks: number[];
  readonly items: T[];
  /** No entry ends above. */
  reach: number;
}

export interface Spans<T> {
  readonly pieces: Piece<T>[];
  count: number;
}

export function emptySpans<T>(): Spans<T> {
  return { pieces: [], count: 0 };
}

/** Index of the last piece that begins at or before (start, rank), 0 when there is none. */
function pieceOf<T>(spans: Spans<T>, start: number, rank: number): number {
  const pieces = spans.pieces;
  let low = 0;
  let high = pieces.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const piece = pieces[middle] as Piece<T>;
    const first = piece.starts[0] as number;
    if (first < start || (first === start && (piece.ranks[0] as number) <= rank)) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? 0 : low - 1;
}

/** Index in the piece of the first entry at or after (start, rank). */
function entryOf<T>(piece: Piece<T>, start: number, rank: number): number {
  let low = 0;
  let high = piece.starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = piece.starts[middle] as number;
    if (at < start || (at === start && (piece.ranks[middle] as number) < rank)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function reachOf(ends: readonly number[]): number {
  let reach = 0;
  for (const end of ends) if (end > reach) reach = end;
  return reach;
}

function split<T>(spans: Spans<T>, index: number): void {
  const piece = spans.pieces[index] as Piece<T>;
  const half = piece.starts.length >>> 1;
  const ends = piece.ends.splice(half);
  const upper: Piece<T> = {
    starts: piece.starts.splice(half),
    ends,
    ranks: piece.ranks.splice(half),
    items: piece.items.splice(half),
    reach: reachOf(ends),
  };
  piece.reach = reachOf(piece.ends);
  spans.pieces.splice(index + 1, 0, upper);
}

/** Makes room at `at`. The list's own splice would allocate; a piece is short. */
function shiftIn<V>(list: V[], at: number, value: V): void {
  const last = list.length;
  if (at === last) {
    list.push(value);
    return;
  }
  list.push(list[last - 1] as V);
  for (let i = last - 1; i > at; i -= 1) list[i] = list[i - 1] as V;
  list[at] = value;
}

function shiftOut<V>(list: V[], at: number): void {
  for (let i = at + 1; i < list.length; i += 1) list[i - 1] = list[i] as V;
  list.pop();
}

/** Adds what covers [start, end). */
export function addSpan<T>(spans: Spans<T>, start: number, end: number, rank: number, item: T): void {
  spans.count += 1;
  if (spans.pieces.length === 0) {
    spans.pieces.push({ starts: [start], ends: [end], ranks: [rank], items: [item], reach: end });
    return;
  }
  const index = pieceOf(spans, start, rank);
  const piece = spans.pieces[index] as Piece<T>;
  const at = entryOf(piece, start, rank);
  shiftIn(piece.starts, at, start);
  shiftIn(piece.ends, at, end);
  shiftIn(piece.ranks, at, rank);
  shiftIn(piece.items, at, item);
  if (end > piece.reach) piece.reach = end;
  if (piece.starts.length > PIECE_MAX) split(spans, index);
}

/** Removes the entry that was added with this start and rank. */
export function removeSpan<T>(spans: Spans<T>, start: number, rank: number): void {
  const index = pieceOf(spans, start, rank);
  const piece = spans.pieces[index];
  assert(piece !== undefined, 'spans: what is removed is there');
  const at = entryOf(piece, start, rank);
  assert(piece.starts[at] === start && piece.ranks[at] === rank, 'spans: what is removed is there');
  spans.count -= 1;
  const end = piece.ends[at];
  shiftOut(piece.starts, at);
  shiftOut(piece.ends, at);
  shiftOut(piece.ranks, at);
  shiftOut(piece.items, at);
  if (piece.starts.length === 0) spans.pieces.splice(index, 1);
  else if (end === piece.reach) piece.reach = reachOf(piece.ends);
}

/**
 * The entry of this start and rank covers [newStart, newEnd) from now on, with `newRank`: as if it were removed and added
 * again, but nothing is moved while it stays between its neighbours.
 */
export function moveSpan<T>(
  spans: Spans<T>,
  start: number,
  rank: number,
  newStart: number,
  newEnd: number,
  newRank: number,
): void {
  const index = pieceOf(spans, start, rank);
  const piece = spans.pieces[index];
  assert(piece !== undefined, 'spans: what is moved is there');
  const { starts, ends, ranks } = piece;
  const at = entryOf(piece, start, rank);
  assert(starts[at] === start && ranks[at] === rank, 'spans: what is moved is there');
  if (!isBetween(spans, index, at, newStart, newRank)) {
    const item = piece.items[at] as T;
    removeSpan(spans, start, rank);
    addSpan(spans, newStart, newEnd, newRank, item);
    return;
  }
  const end = ends[at] as number;
  starts[at] = newStart;
  ends[at] = newEnd;
  ranks[at] = newRank;
  if (newEnd >= piece.reach) piece.reach = newEnd;
  else if (end === piece.reach) piece.reach = reachOf(ends);
}

/** True when (start, rank) comes after (otherStart, otherRank). */
function isAfter(start: number, rank: number, otherStart: number, otherRank: number): boolean {
  return start > otherStart || (start === otherStart && rank > otherRank);
}

/** True when an entry with (start, rank) belongs where entry `at` of the piece is, be it there or not. */
function isBetween<T>(spans: Spans<T>, index: number, at: number, start: number, rank: number): boolean {
  const { starts, ranks } = spans.pieces[index] as Piece<T>;
  // The first and the last of a piece might belong into the one beside it.
  if (at === 0 ? index > 0 : !isAfter(start, rank, starts[at - 1] as number, ranks[at - 1] as number)) {
    return false;
  }
  return at === starts.length - 1
    ? index === spans.pieces.length - 1
    : isAfter(starts[at + 1] as number, ranks[at + 1] as number, start, rank);
}

/** The last that begins at or before the address and covers it: the only one, in a list without overlaps. */
export function spanAt<T>(spans: Spans<T>, address: number): T | null {
  if (spans.count === 0) return null;
  const piece = spans.pieces[pieceOf(spans, address, Infinity)] as Piece<T>;
  const at = entryOf(piece, address, Infinity) - 1;
  return at >= 0 && address < (piece.ends[at] as number) ? (piece.items[at] as T) : null;
}

/** Where the first begins that begins at or above the address, Infinity when there is none. */
export function nextStart<T>(spans: Spans<T>, address: number): number {
  const found = nextSpan(spans, address);
  return found === null ? Infinity : found.start;
}

/** The first that begins at or above the address, or null. */
export function nextSpan<T>(spans: Spans<T>, address: number): { start: number; item: T } | null {
  if (spans.count === 0) return null;
  let index = pieceOf(spans, address, -1);
  let piece = spans.pieces[index] as Piece<T>;
  let at = entryOf(piece, address, -1);
  if (at === piece.starts.length) {
    index += 1;
    if (index === spans.pieces.length) return null;
    piece = spans.pieces[index] as Piece<T>;
    at = 0;
  }
  return { start: piece.starts[at] as number, item: piece.items[at] as T };
}

/** True when something other than `self` covers part of [start, end). For lists without overlaps. */
export function overlapsOther<T>(spans: Spans<T>, start: number, end: number, self: T): boolean {
  if (spans.count === 0) return false;
  let index = pieceOf(spans, start, Infinity);
  let piece = spans.pieces[index] as Piece<T>;
  // The last that begins at or before the start; those behind it for as long as they begin below the end.
  let at = entryOf(piece, start, Infinity) - 1;
  if (at >= 0 && start < (piece.ends[at] as number) && piece.items[at] !== self) return true;
  for (at += 1; ; at += 1) {
    if (at === piece.starts.length) {
      index += 1;
      if (index === spans.pieces.length) return false;
      piece = spans.pieces[index] as Piece<T>;
      at = 0;
    }
    if ((piece.starts[at] as number) >= end) return false;
    if (piece.items[at] !== self) return true;
  }
}

/**
 * Visits all that cover part of [start, end), in order, until `visit` says false; the list must not change meanwhile.
 * False when it was ended so.
 */
export function visitSpans<T>(
  spans: Spans<T>,
  start: number,
  end: number,
  visit: (item: T) => boolean,
): boolean {
  return visitSpansFor(spans, start, end, null, visit);
}

/** The same, with something that `visit` is handed each time: who visits often makes no function for it. */
export function visitSpansFor<T, C>(
  spans: Spans<T>,
  start: number,
  end: number,
  context: C,
  visit: (item: T, context: C) => boolean,
): boolean {
  for (const piece of spans.pieces) {
    if ((piece.starts[0] as number) >= end) return true;
    if (piece.reach <= start) continue;
    for (let i = 0; i < piece.starts.length; i += 1) {
      if ((piece.starts[i] as number) >= end) return true;
      if ((piece.ends[i] as number) > start && !visit(piece.items[i] as T, context)) return false;
    }
  }
  return true;
}

/** Everything in the list, in order. */
export function* allSpans<T>(spans: Spans<T>): Generator<T, void> {
  for (const piece of spans.pieces) yield* piece.items;
}

/** The first in the list, or null. */
export function firstSpan<T>(spans: Spans<T>): T | null {
  return spans.pieces[0]?.items[0] ?? null;
}

/** Where the entry of this start and rank is, or null. */
function find<T>(spans: Spans<T>, start: number, rank: number): { index: number; at: number } | null {
  const index = pieceOf(spans, start, rank);
  const piece = spans.pieces[index];
  if (piece === undefined) return null;
  const at = entryOf(piece, start, rank);
  return piece.starts[at] === start && piece.ranks[at] === rank ? { index, at } : null;
}

/** True when the item is in the list with these words. For the invariant check. */
export function isListed<T>(spans: Spans<T>, start: number, end: number, rank: number, item: T): boolean {
  const found = find(spans, start, rank);
  if (found === null) return false;
  const piece = spans.pieces[found.index] as Piece<T>;
  return piece.items[found.at] === item && piece.ends[found.at] === end && piece.reach >= end;
}

/** True when the entry of this start and rank overlaps neither of its neighbours. For the invariant check. */
export function isApart<T>(spans: Spans<T>, start: number, rank: number): boolean {
  const found = find(spans, start, rank);
  if (found === null) return true;
  const piece = spans.pieces[found.index] as Piece<T>;
  const before = found.at > 0 ? piece.ends[found.at - 1] : spans.pieces[found.index - 1]?.ends.at(-1);
  const after =
    found.at + 1 < piece.starts.length
      ? piece.starts[found.at + 1]
      : spans.pieces[found.index + 1]?.starts[0];
  return (before ?? 0) <= start && (piece.ends[found.at] as number) <= (after ?? Infinity);
}
