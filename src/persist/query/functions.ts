/**
 * What SQL alone cannot do, as functions of SQL: guest memory by address, symbols by name, pages, of any kept generation.
 *
 * documentation.ts lists them, with an example of each.
 * `space` is the address of a space object, NULL the first program's. `when` is a WHEN (when.ts), NULL the generation that is shown.
 * Invariants: an argument that makes no sense is an error with a sentence, never a wrong value; nothing is written.
 * Registered by `reader.ts` on the connection that answers.
 */
import type Database from 'better-sqlite3';
import { PAGE_SIZE } from '../../base/limits.ts';
import type { Moment } from './moment.ts';
import { spaceOfProgram } from './symbols.ts';

/** Finds the moment that a WHEN names: the one that is shown for null. */
export type MomentAt = (when: string | null) => Moment;

type Value = null | number | bigint | string | Buffer;

/** One answer of memory() is at most this long. */
const MEMORY_BYTES_MAX = 1 << 24;
const TEXT_BYTES_MAX = 1 << 16;

export function registerFunctions(database: Database.Database, at: MomentAt): void {
  const define = (name: string, min: number, max: number, work: (args: Value[]) => Value): void => {
    database.function(
      name,
      { varargs: true, safeIntegers: true, directOnly: false },
      (...args: unknown[]) => {
        if (args.length < min || args.length > max) {
          throw new RangeError(`${name}() takes ${min === max ? min : `${min} to ${max}`} arguments`);
        }
        return work(args as Value[]);
      },
    );
  };
  const moment = (when: Value | undefined): Moment =>
    at(when === null || when === undefined ? null : String(when));

  define('page_content', 1, 2, ([number, when]) => {
    if (number === null) return null;
    const page = moment(when).page(integer('page_content', 'number', number));
    return page === null ? Buffer.alloc(PAGE_SIZE) : Buffer.from(page);
  });
  const read = (
    name: string,
    address: Value | undefined,
    length: number,
    space: Value | undefined,
    when: Value | undefined,
  ) => {
    const where = space === null || space === undefined ? spaceOfProgram(1) : integer(name, 'space', space);
    return moment(when).memory(where, integer(name, 'address', address), length);
  };
  define('memory', 2, 4, ([address, length, space, when]) => {
    if (address === null) return null;
    const count = integer('memory', 'length', length);
    if (count > MEMORY_BYTES_MAX) throw new RangeError(`memory() gives at most ${MEMORY_BYTES_MAX} bytes`);
    return read('memory', address, count, space, when);
  });
  for (const [name, decode] of Object.entries(decoders)) {
    define(name, 2, 4, ([address, bytes, space, when]) => {
      if (address === null) return null;
      const size = sizeOf(name, bytes);
      const found = read(name, address, size, space, when);
      return found === null ? null : decode(found, name);
    });
  }
  define('memory_text', 1, 3, ([address, space, when]) => {
    if (address === null) return null;
    const start = integer('memory_text', 'address', address);
    const pieces: Buffer[] = [];
    for (let at = start; at < start + TEXT_BYTES_MAX; ) {
      const count = Math.min(PAGE_SIZE - (at % PAGE_SIZE), start + TEXT_BYTES_MAX - at);
      const piece = read('memory_text', BigInt(at), count, space, when);
      if (piece === null) return null;
      const end = piece.indexOf(0);
      pieces.push(end < 0 ? piece : piece.subarray(0, end));
      if (end >= 0) break;
      at += count;
    }
    return Buffer.concat(pieces).toString('utf8');
  });
  registerSymbols(define, moment);
  define('space_of', 1, 1, ([program]) =>
    program === null ? null : spaceOfProgram(integer('space_of', 'program', program)),
  );
}

function registerSymbols(
  define: (name: string, min: number, max: number, work: (args: Value[]) => Value) => void,
  moment: (when: Value | undefined) => Moment,
): void {
  define('symbol', 1, 4, ([name, index, bytes, when]) => {
    const shown = moment(when);
    const found = shown.symbols.named(String(name));
    if (found === null) throw new RangeError(`there is no symbol '${String(name)}'`);
    const isWord = [1, 2, 4, 8].includes(found.size);
    const size = bytes === null || bytes === undefined ? (isWord ? found.size : 8) : sizeOf('symbol', bytes);
    const place = index === null || index === undefined ? 0 : integer('symbol', 'index', index);
    if (place > 0 && (place + 1) * size > found.size) {
      throw new RangeError(
        `symbol '${found.name}' has ${found.size} bytes: element ${place} of ${size} bytes is not in it`,
      );
    }
    const where = spaceOfProgram(found.program);
    const isWhole =
      (index === null || index === undefined) && (bytes === null || bytes === undefined) && !isWord;
    if (isWhole && found.size > 0)
      return shown.memory(where, found.address, Math.min(found.size, MEMORY_BYTES_MAX));
    const content = shown.memory(where, found.address + place * size, size);
    return content === null ? null : decoders.memory_integer(content);
  });
  define('symbol_address', 1, 1, ([name]) => moment(null).symbols.named(String(name))?.address ?? null);
  define('symbol_name', 1, 2, ([address, program]) => {
    if (address === null) return null;
    const number = program === null || program === undefined ? 1 : integer('symbol_name', 'program', program);
    const word = BigInt.asUintN(64, BigInt(address as bigint));
    return word > MAX_SAFE ? null : moment(null).symbols.describe(number, Number(word));
  });
}

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

const decoders = {
  memory_integer: (bytes: Buffer): Value =>
    bytes.length === 8 ? bytes.readBigInt64LE() : BigInt(bytes.readIntLE(0, bytes.length)),
  memory_unsigned: (bytes: Buffer): Value =>
    bytes.length === 8 ? bytes.readBigInt64LE() : BigInt(bytes.readUIntLE(0, bytes.length)),
  memory_float: (bytes: Buffer, name: string): Value => {
    if (bytes.length === 8) return bytes.readDoubleLE();
    if (bytes.length === 4) return bytes.readFloatLE();
    throw new RangeError(`${name}(): a floating-point number has 4 or 8 bytes`);
  },
} as const satisfies Record<string, (bytes: Buffer, name: string) => Value>;

function sizeOf(name: string, bytes: Value | undefined): number {
  const size = integer(name, 'bytes', bytes);
  if (![1, 2, 4, 8].includes(size)) throw new RangeError(`${name}(): bytes is 1, 2, 4 or 8`);
  return size;
}

/** A whole number of SQL that can be an address, a number or a length. */
function integer(name: string, what: string, value: Value | undefined): number {
  const number = typeof value === 'bigint' || typeof value === 'number' ? Number(value) : Number.NaN;
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new RangeError(`${name}(): ${what} is a whole number from 0 on, not ${String(value)}`);
}
