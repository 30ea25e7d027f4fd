/**
 * How the bytes of an object's state become the JSON text of its row, and back.
 *
 * The store knows an object as fields at offsets: the formats are data, taken from the layouts of `kernel/abi/types.ts`.
 * 64-bit words are signed integers in the text, as SQLite's integers are. Text and bytes determine each other exactly.
 */
import { assert } from '../../base/assert.ts';
import { highHalf, lowHalf, TWO_32 } from '../../base/integer.ts';
import type { FieldPlace } from '../../base/layout.ts';
import { links, states, type TypeName, typeNames, typeNumbers } from '../../kernel/abi/types.ts';
import type { StoredLink, StoredObject } from './contract.ts';
import { DamageError } from './contract.ts';

export interface ObjectFormat {
  readonly number: number;
  readonly name: string;
  /** Bytes of the state. */
  readonly size: number;
  readonly places: readonly FieldPlace[];
  /** What stands before the words of each place in the text. */
  readonly openings: readonly string[];
  readonly links: readonly string[];
  /** The text of its links when all are null. */
  readonly nullLinks: string;
}

function formatOf(name: TypeName): ObjectFormat {
  const { size, places } = states[name];
  for (const place of places) {
    assert(place.scalar === 'u64' || place.scalar === 'i64', `formats: ${name} holds 64-bit words`);
  }
  const nullLinks = `{${links[name].map((link) => `"${link}":null`).join(',')}}`;
  const openings = places.map(
    (place, i) => `${i === 0 ? '{' : ','}"${place.name}":${place.count === 0 ? '' : '['}`,
  );
  return { number: typeNumbers[name], name, size, places, openings, links: links[name], nullLinks };
}

const formats: readonly ObjectFormat[] = typeNames.map(formatOf);
const byNumber = new Map(formats.map((format) => [format.number, format]));
const byName = new Map(formats.map((format) => [format.name, format]));

export function formatOfNumber(number: number): ObjectFormat {
  const format = byNumber.get(number);
  assert(format !== undefined, `formats: type ${number} is known`);
  return format;
}

/** Throws DamageError when an object of a record does not have the shape of its type. */
export function checkShape(object: StoredObject): void {
  const format = byNumber.get(object.type);
  const extra = format === undefined ? -1 : object.state.length - format.size;
  const isWhole = extra === 0 || (format?.name === 'region' && extra > 0 && extra % 8 === 0);
  if (format !== undefined && isWhole && object.links.length === format.links.length) return;
  throw new DamageError(
    `object ${object.address}: a type ${object.type} with ${object.state.length} bytes and ${object.links.length} links is none`,
  );
}

export function formatOfName(name: string): ObjectFormat {
  const format = byName.get(name);
  if (format === undefined) throw new DamageError(`an object has the unknown type '${name}'`);
  return format;
}

/** The signed 64-bit word at `at`, in decimal. Words of 53 bits need no bigint. */
function wordText(view: DataView, at: number): string {
  const high = view.getInt32(at + 4, true);
  const low = view.getUint32(at, true);
  if (high >= -0x20_0000 && high < 0x20_0000) return String(high * TWO_32 + low);
  return String(view.getBigInt64(at, true));
}

const CHANGED_PREFIX = ',"changed":[';

/** The state as a JSON object, fields in the order of the layout; words behind the layout are the array `changed`. */
export function stateToText(format: ObjectFormat, state: Uint8Array): string {
  assert(
    state.length >= format.size && state.length % 8 === 0,
    `formats: a ${format.name} has ${format.size} bytes of state, and then whole words`,
  );
  const view = new DataView(state.buffer, state.byteOffset, state.byteLength);
  let text = '{';
  for (const place of format.places) {
    text += `${text.length > 1 ? ',' : ''}"${place.name}":`;
    if (place.count === 0) text += wordText(view, place.offset);
    else {
      text += '[';
      for (let i = 0; i < place.count; i++) {
        text += (i > 0 ? ',' : '') + wordText(view, place.offset + i * 8);
      }
      text += ']';
    }
  }
  for (let at = format.size; at < state.length; at += 8) {
    text += (at === format.size ? CHANGED_PREFIX : ',') + wordText(view, at);
  }
  return state.length > format.size ? `${text}]}` : `${text}}`;
}

/**
 * Reads what `stateToText` wrote: the same field names in the same order. Throws DamageError.
 */
export function textToState(format: ObjectFormat, text: string): Uint8Array {
  const { name, places, openings } = format;
  const tail = text.indexOf(CHANGED_PREFIX);
  const tailWords = tail < 0 ? 0 : text.slice(tail + CHANGED_PREFIX.length).split(',').length;
  const size = format.size + 8 * tailWords;
  const state = new Uint8Array(size);
  const view = new DataView(state.buffer, state.byteOffset, size);
  let at = 0;
  for (let p = 0; p < places.length; p++) {
    const { offset, count } = places[p] as FieldPlace;
    at = readLiteral(text, at, openings[p] as string, name);
    if (count === 0) {
      at = readWord(text, at, view, offset, name);
      continue;
    }
    for (let i = 0; i < count; i++) {
      if (i > 0) at = readLiteral(text, at, ',', name);
      at = readWord(text, at, view, offset + i * 8, name);
    }
    at = readLiteral(text, at, ']', name);
  }
  for (let i = 0; i < tailWords; i++) {
    at = readLiteral(text, at, i === 0 ? CHANGED_PREFIX : ',', name);
    at = readWord(text, at, view, format.size + 8 * i, name);
  }
  if (tailWords > 0) at = readLiteral(text, at, ']', name);
  at = readLiteral(text, at, '}', name);
  if (at !== text.length) throw new DamageError(`the state of a ${name} has more text`);
  return state;
}

/** Reads over what must stand at `at`; where it ends. */
function readLiteral(text: string, at: number, literal: string, name: string): number {
  if (!text.startsWith(literal, at))
    throw new DamageError(`the state of a ${name} is not written as expected at ${at}`);
  return at + literal.length;
}

/** Reads the word at `at` into the view; where it ends. */
function readWord(text: string, at: number, view: DataView, offset: number, name: string): number {
  let end = at;
  let value = 0;
  let code = text.charCodeAt(end);
  while (code >= ZERO_CODE && code <= NINE_CODE && end - at < DIGITS_EXACT) {
    value = value * 10 + code - ZERO_CODE;
    code = text.charCodeAt(++end);
  }
  if (end > at && !isNumberCode(code)) {
    // Most words of most objects are zero, and zeros are there already.
    if (value === 0) return end;
    view.setUint32(offset, lowHalf(value), true);
    view.setUint32(offset + 4, highHalf(value), true);
    return end;
  }
  while (end < text.length && isNumberCode(text.charCodeAt(end))) end++;
  writeWord(view, offset, text.slice(at, end), name);
  return end;
}

const ZERO_CODE = 0x30;
const NINE_CODE = 0x39;
/** So many digits are a number below 2^53. */
const DIGITS_EXACT = 15;

function isNumberCode(code: number): boolean {
  return code === 0x2d || (code >= ZERO_CODE && code <= NINE_CODE);
}

const wordPattern = /^-?\d{1,19}$/;

/** What is long, or negative, or no number. */
function writeWord(view: DataView, offset: number, digits: string, name: string): void {
  if (!wordPattern.test(digits)) throw new DamageError(`the state of a ${name} has a bad word`);
  view.setBigInt64(offset, BigInt(digits), true);
}

/** Links as a JSON object by name; serials as signed integers. */
export function linksToText(format: ObjectFormat, stored: readonly StoredLink[]): string {
  assert(stored.length === format.links.length, `formats: a ${format.name} has ${format.links.length} links`);
  const parts = stored.map((link, i) => {
    const name = `"${format.links[i]}":`;
    if (link === null) return `${name}null`;
    if ('name' in link) return `${name}{"name":${JSON.stringify(link.name)}}`;
    return `${name}{"address":${link.address},"serial":${BigInt.asIntN(64, link.serial)}}`;
  });
  return `{${parts.join(',')}}`;
}

const linkPattern = /^\{"address":(\d{1,16}),"serial":(-?\d{1,19})\}/;
const namePattern = /^\{"name":("(?:[^"\\]|\\.)*")\}/;

/** Reads what `linksToText` wrote. Throws DamageError. */
export function textToLinks(format: ObjectFormat, text: string): StoredLink[] {
  if (text === format.nullLinks) return format.links.map(() => null);
  let rest = text;
  const damaged = () => new DamageError(`the links of a ${format.name} are not written as expected`);
  const take = (literal: string) => {
    if (!rest.startsWith(literal)) throw damaged();
    rest = rest.slice(literal.length);
  };
  const stored = format.links.map((name, i): StoredLink => {
    take(`${i === 0 ? '{' : ','}"${name}":`);
    if (rest.startsWith('null')) {
      take('null');
      return null;
    }
    const found = linkPattern.exec(rest) ?? namePattern.exec(rest);
    if (found === null) throw damaged();
    rest = rest.slice(found[0].length);
    const [, first, serial] = found;
    if (serial === undefined) return { name: JSON.parse(first as string) as string };
    return { address: Number(first), serial: BigInt.asUintN(64, BigInt(serial)) };
  });
  if (format.links.length === 0) take('{');
  take('}');
  if (rest !== '') throw damaged();
  return stored;
}
