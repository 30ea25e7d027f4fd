/**
 * What changed: between two generations by object and by page, and in each checkpoint that wrote a page.
 *
 * Invariants: only what may differ is read (records and what folding put aside name it); what is equal is not told; rows
 * come in the order of addresses, numbers or generations. Called by `tables.ts` and by the verb `diff`.
 */
import { PAGE_SIZE, SLAB_PAGES } from '../../base/limits.ts';
import type { StoredObject } from '../store/contract.ts';
import { formatOfNumber, linksToText, stateToText } from '../store/formats.ts';
import { MEMORY_PAGE_INDEX, ownerOfPage } from '../store/page-place.ts';
import type { Moment } from './moment.ts';

/** address, type, 'made' | 'changed' | 'gone', and the fields that differ, before and after, as JSON. */
export type ObjectChange = readonly [number, string, string, string | null, string | null];
/** number, 'made' | 'changed' | 'gone', owner, bytes that differ, first and last address of them, symbol at the first. */
export type PageChange = readonly [
  number,
  string,
  string,
  number,
  number | null,
  number | null,
  string | null,
];

/** Objects that are otherwise in `second` than in `first`, in address order. */
export function* objectDifference(first: Moment, second: Moment): Generator<ObjectChange> {
  const before = first.objectsApart;
  const after = second.objectsApart;
  const addresses = [...new Set([...before.keys(), ...after.keys()])].sort((a, b) => a - b);
  for (const address of addresses) {
    const old = first.object(address);
    const now = second.object(address);
    if (old === null && now === null) continue;
    const shown = (now ?? old) as StoredObject;
    const type = formatOfNumber(shown.type).name;
    if (old === null) yield [address, type, 'made', null, fieldsText(shown, null)];
    else if (now === null) yield [address, type, 'gone', fieldsText(shown, null), null];
    else if (old.type !== now.type || old.serial !== now.serial) {
      // Two objects that lay at one address, one after the other.
      yield [address, formatOfNumber(old.type).name, 'gone', fieldsText(old, null), null];
      yield [address, type, 'made', null, fieldsText(now, null)];
    } else {
      const same = sameFields(old, now);
      const texts = [fieldsText(old, same), fieldsText(now, same)] as const;
      if (texts[0] !== texts[1]) yield [address, type, 'changed', ...texts];
    }
  }
}

function fieldsOf(object: StoredObject): Map<string, string> {
  const format = formatOfNumber(object.type);
  const fields = new Map<string, string>();
  for (const text of [stateToText(format, object.state), linksToText(format, object.links)]) {
    // Words beyond 2^53 must keep all their digits, so the values stay text.
    for (const [, name, value] of text.matchAll(/"(\w+)":(\[[^\]]*\]|\{[^}]*\}|[^,{}[\]]+)/g))
      fields.set(name as string, value as string);
  }
  return fields;
}

function sameFields(one: StoredObject, other: StoredObject): ReadonlySet<string> {
  const theirs = fieldsOf(other);
  const names = [...fieldsOf(one)].filter(([name, value]) => theirs.get(name) === value);
  return new Set(names.map(([name]) => name));
}

/** The fields but for those to be left out, as a JSON object. */
function fieldsText(object: StoredObject, without: ReadonlySet<string> | null): string {
  const fields = [...fieldsOf(object)].filter(([name]) => without?.has(name) !== true);
  return `{${fields.map(([name, value]) => `"${name}":${value}`).join(',')}}`;
}

const zeros = Buffer.alloc(PAGE_SIZE);

/** Pages whose bytes differ, in order of number. */
export function* pageDifference(first: Moment, second: Moment): Generator<PageChange> {
  const [older, newer] = first.generation <= second.generation ? [first, second] : [second, first];
  const numbers = newer.history.changedBetween(older.generation, newer.generation);
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const old = first.page(number);
    // The content is valid until the next call, and both may be read by the same history.
    const before = old === null ? null : Buffer.from(old);
    const after = second.page(number);
    const [from, to] = [before ?? zeros, after ?? zeros];
    let bytes = 0;
    let start = -1;
    let end = -1;
    for (let i = 0; i < PAGE_SIZE; i++) {
      if (from[i] === to[i]) continue;
      bytes++;
      end = i;
      if (start < 0) start = i;
    }
    if (bytes === 0) continue;
    const change = isZero(before) ? 'made' : isZero(after) ? 'gone' : 'changed';
    const index = number % SLAB_PAGES;
    const isMemory = number >= SLAB_PAGES && index >= MEMORY_PAGE_INDEX;
    const base = isMemory ? (index - MEMORY_PAGE_INDEX) * PAGE_SIZE : null;
    const symbol =
      base === null ? null : second.symbols.describe(Math.floor(number / SLAB_PAGES), base + start);
    const place = (offset: number): number | null => (base === null ? null : base + offset);
    yield [number, change, ownerOfPage(number), bytes, place(start), place(end), symbol];
  }
}

function isZero(page: Buffer | null): boolean {
  return page === null || page.equals(zeros);
}

/** generation, tick, wall clock (ms since 1970), pc of the first write and the function it lies in. */
export type PageWrite = readonly [number, bigint, number, number | null, string | null];

/** The kept checkpoints up to the moment's in which the page was written, oldest first. */
export function* pageWrites(moment: Moment, number: number): Generator<PageWrite> {
  const program = Math.floor(number / SLAB_PAGES);
  for (const record of moment.history.recordsUpTo(moment.generation)) {
    const place = record.findPage(number);
    if (place < 0) continue;
    const pc = record.pagePc(place);
    const name = pc === 0 ? null : moment.symbols.describe(program, pc);
    yield [
      record.generation,
      BigInt.asIntN(64, record.header.tick),
      record.wallMs,
      pc === 0 ? null : pc,
      name,
    ];
  }
}
