/**
 * Golden images: what is written down about them, and how it is asked. Shared by the script that makes them and the test.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { entries } from '../../src/kernel/abi/entries.ts';
import { lookAt } from '../../src/persist/query/reader.ts';
import { readSql } from '../../src/persist/store/schema.ts';

export interface Stop {
  readonly tag: string;
  readonly tick: number;
  /** Multi-stage entries that some thread is inside. */
  readonly entries: readonly string[];
  /** Of every object and page. */
  readonly hash: string;
}

export interface Golden {
  readonly format: number;
  readonly schema: string;
  /** Multi-stage entries that no stop is inside. */
  readonly missing: readonly string[];
  /** SHA-256 of the lines that come after the last stop in an undisturbed run, but for those that depend on chance. */
  readonly output: string;
  readonly stops: readonly Stop[];
}

/** Of the tables as they are made, whatever the comments say. */
export function schemaHash(): string {
  const text = readSql('schema.sql')
    .replaceAll(/--[^\n]*/g, '')
    .replaceAll(/\s+/g, ' ');
  return createHash('sha256').update(text).digest('hex');
}

const ECALL = 0x73;

/** The multi-stage entries that threads of a generation are about to go on with. */
export function inside(image: string, when: string | null): string[] {
  const numbers = lookAt(image, when, ({ rows }) =>
    rows
      .prepare(`SELECT DISTINCT a7 FROM thread WHERE memory_unsigned(pc, 4, space) = ${ECALL}`)
      .pluck()
      .all(),
  ) as number[];
  return Object.entries(entries)
    .filter(([, entry]) => entry.class === 'multi-stage' && numbers.includes(entry.number))
    .map(([name]) => name);
}

/** Of the objects, as rows and through views, and of all memory of a generation. */
export function stateHash(image: string, when: string | null): string {
  return lookAt(image, when, ({ rows }) => {
    const sum = createHash('sha256');
    for (const query of [
      'SELECT address, type, serial, state, links FROM object ORDER BY address',
      'SELECT address, state, pc, sp, a0, a7, retired FROM thread ORDER BY address',
      'SELECT number, content FROM page ORDER BY number',
    ])
      for (const row of rows.prepare(query).raw(true).safeIntegers(true).iterate() as Iterable<unknown[]>)
        sum.update(
          row.map((value) => (value instanceof Buffer ? value.toString('hex') : String(value))).join('|'),
        );
    return sum.digest('hex');
  });
}

/** Lines that are the same whatever the entropy: chance has one example, and the sum at the end. */
export function lasting(output: string): string[] {
  return output.split('\n').filter((line) => line !== '' && !/ kernel_entropy |^end /.test(line));
}

/** The golden images that there are, by format. */
export function formatsIn(folder: string): number[] {
  return fs
    .readdirSync(folder)
    .map((name) => Number(/^stages-(\d+)\.json$/.exec(name)?.[1] ?? 0))
    .filter((format) => format > 0);
}
