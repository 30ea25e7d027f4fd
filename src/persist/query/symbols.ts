/**
 * Symbols of the programs in an image: by name, and by address (the function that a pc is in).
 *
 * Invariant: the order is that of the programs, then of the addresses, so that an answer never depends on chance.
 * Made by `moment.ts`; programs never change once they are in.
 */
import type Database from 'better-sqlite3';
import { PAGE_SIZE, SLAB_PAGES } from '../../base/limits.ts';
import { CUSTODY_PAGE_INDEX } from '../store/page-place.ts';

export interface Symbol {
  /** Number of the program, from 1 on; its slab has the same. */
  readonly program: number;
  readonly name: string;
  readonly address: number;
  /** Bytes; 0 when the program does not say. */
  readonly size: number;
  readonly kind: string;
}

/** Address of the space that a program was started in. */
export function spaceOfProgram(program: number): number {
  return (program * SLAB_PAGES + CUSTODY_PAGE_INDEX) * PAGE_SIZE;
}

/** The program whose slab the address lies in; 0 for none. */
export function programAt(address: number): number {
  return Math.floor(address / (SLAB_PAGES * PAGE_SIZE));
}

/** A symbol that does not say how long it is, as in assembly, is believed to reach this far, or to the next one. */
const UNSIZED_REACH_BYTES = PAGE_SIZE;

export class Symbols {
  private readonly byName = new Map<string, Symbol>();
  /** By program, in the order of addresses. */
  private readonly byAddress = new Map<number, Symbol[]>();

  constructor(database: Database.Database) {
    const rows = database
      .prepare<[], Symbol>(
        'SELECT program, name, address, size, kind FROM symbol ORDER BY program, address, size DESC, sequence',
      )
      .all();
    for (const row of rows) {
      if (!this.byName.has(row.name)) this.byName.set(row.name, row);
      const list = this.byAddress.get(row.program) ?? [];
      list.push(row);
      this.byAddress.set(row.program, list);
    }
  }

  named(name: string): Symbol | null {
    return this.byName.get(name) ?? null;
  }

  /** The last symbol that begins at or before the address and, reaches it. */
  at(program: number, address: number): Symbol | null {
    const list = this.byAddress.get(program) ?? [];
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((list[middle] as Symbol).address <= address) low = middle + 1;
      else high = middle;
    }
    const found = list[low - 1];
    if (found === undefined) return null;
    // Of several at one address, the longest that is there stands first.
    let first = low - 1;
    while (first > 0 && list[first - 1]?.address === found.address) first--;
    const best = list[first] as Symbol;
    const size = best.size > 0 ? best.size : UNSIZED_REACH_BYTES;
    return address < best.address + size ? best : null;
  }

  /** `name+0x10` for an address, null when there is no symbol. */
  describe(program: number, address: number): string | null {
    const found = this.at(program, address);
    if (found === null) return null;
    const distance = address - found.address;
    return distance === 0 ? found.name : `${found.name}+0x${distance.toString(16)}`;
  }
}
