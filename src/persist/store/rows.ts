/**
 * Hashes of the rows that a restart reads besides pages: objects, output, programs.
 *
 * Invariant: a row's hash covers all its columns, its generation included, so an older valid row differs from a newer
 * one. Used by the folder when it writes and by restart when it verifies.
 */
import { SHORT_HASH_BYTES, sha256 } from './bytes.ts';
import type { ProgramRow, StoredObject } from './contract.ts';
import { formatOfNumber, linksToText, stateToText } from './formats.ts';

function shortHash(...parts: readonly (Buffer | string)[]): Buffer {
  return sha256(Buffer.concat(parts.map((part) => Buffer.from(part)))).subarray(0, SHORT_HASH_BYTES);
}

/** A row of `object` less its hash. */
export interface ObjectRow {
  readonly address: number;
  /** Signed, or its decimal digits. */
  readonly serial: bigint | string;
  readonly type: string;
  readonly generation: number;
  readonly state: string;
  readonly links: string;
}

/** The row of an object that was saved with that generation. */
export function objectRowOf(object: StoredObject, generation: number): ObjectRow {
  const format = formatOfNumber(object.type);
  return {
    address: object.address,
    serial: BigInt.asIntN(64, object.serial),
    type: format.name,
    generation,
    state: stateToText(format, object.state),
    links: linksToText(format, object.links),
  };
}

export function objectRowHash(row: ObjectRow): Buffer {
  return objectHash(row.address, row.serial, row.type, row.generation, row.state, row.links);
}

/** The same of the columns: a restart reads a hundred thousand rows. */
export function objectHash(
  address: number,
  serial: bigint | string,
  type: string,
  generation: number,
  state: string,
  links: string,
): Buffer {
  return sha256(objectText(address, serial, type, generation, state, links)).subarray(0, SHORT_HASH_BYTES);
}

function objectText(
  address: number,
  serial: bigint | string,
  type: string,
  generation: number,
  state: string,
  links: string,
): string {
  return `${address} ${serial} ${type} ${generation} ${state.length} ${state}${links}`;
}

export interface OutputRow {
  readonly sink: string;
  readonly offset: number;
  readonly generation: number;
  readonly bytes: Buffer;
}

export function outputRowHash(row: OutputRow): Buffer {
  const { sink, offset, generation, bytes } = row;
  return shortHash(`${sink.length} ${sink} ${offset} ${generation} `, bytes);
}

/** Hash over all programs, in order. */
export function programsHash(programs: readonly ProgramRow[]): Buffer {
  return sha256(
    Buffer.concat(
      programs.map((program) => {
        const { name, hash, elf, arguments: words, symbols } = program;
        const text = JSON.stringify([
          name,
          Buffer.from(hash).toString('hex'),
          words,
          symbols.map((symbol) => [symbol.name, symbol.address, symbol.size, symbol.kind]),
        ]);
        return sha256(Buffer.concat([sha256(text), sha256(elf)]));
      }),
    ),
  );
}

/** A row of `record` that belongs to history, or of `reverse`, less its body. */
export interface HistoryRow {
  readonly kind: 'record' | 'reverse';
  /** `generation`, or `id`. */
  readonly key: number;
  readonly since: number;
  readonly base: number;
  /** SHA-256 of the body. */
  readonly hash: Buffer;
}

export function historyRowHash({ kind, key, since, base, hash }: HistoryRow): Buffer {
  return shortHash(`${kind} ${key} ${since} ${base} `, hash);
}
