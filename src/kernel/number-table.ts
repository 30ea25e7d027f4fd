/**
 * A table from numbers to things: what lies at an address, which page has a number.
 *
 * The host's Map keeps what was deleted in its chains until it is rehashed: a program that makes and destroys an object
 * at one address, among 100,000, would walk a chain of a hundred thousand dead entries each time. Here a deleted place is
 * closed at once (open addressing, linear probing, entries behind it move up), so that an operation costs the same
 * however often it was done before. Invariants: no more than half of the places are used; an entry is found from the
 * place of its hash without passing a free one. Keys are whole numbers from 0 to 2^53 - 1.
 * The order of iteration says nothing. Used for the indexes of bottom spaces (`Bottom` in state.ts).
 */
import { TWO_32 } from '../base/integer.ts';

const FREE = -1;
const PLACES_MIN = 16;
/** Fibonacci hashing (Knuth, vol. 3, 6.4): neighbouring addresses lie far apart. */
const MULTIPLIER = 0x9e37_79b1;

export class NumberTable<V> {
  #keys = new Float64Array(PLACES_MIN).fill(FREE);
  #values: (V | undefined)[] = new Array<V | undefined>(PLACES_MIN).fill(undefined);
  #shift = 28;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  #home(key: number): number {
    return (
      Math.imul((key >>> 0) ^ Math.imul(Math.floor(key / TWO_32), 0x85eb_ca6b), MULTIPLIER) >>> this.#shift
    );
  }

  /** The place of the key, or the free one where it would be. */
  #find(key: number): number {
    const keys = this.#keys;
    const mask = keys.length - 1;
    let at = this.#home(key);
    for (let found = keys[at] as number; found !== key && found !== FREE; found = keys[at] as number) {
      at = (at + 1) & mask;
    }
    return at;
  }

  get(key: number): V | undefined {
    return this.#values[this.#find(key)];
  }

  has(key: number): boolean {
    return this.#keys[this.#find(key)] === key;
  }

  set(key: number, value: V): void {
    let at = this.#find(key);
    if (this.#keys[at] === FREE) {
      if (2 * (this.#size + 1) > this.#keys.length) {
        this.#resize(this.#keys.length * 2);
        at = this.#find(key);
      }
      this.#keys[at] = key;
      this.#size += 1;
    }
    this.#values[at] = value;
  }

  /** True when the key was there. */
  delete(key: number): boolean {
    let free = this.#find(key);
    const keys = this.#keys;
    const values = this.#values;
    if (keys[free] === FREE) return false;
    const mask = keys.length - 1;
    for (let at = (free + 1) & mask; keys[at] !== FREE; at = (at + 1) & mask) {
      // It may move up unless its home lies behind the place that became free.
      if (((at - this.#home(keys[at] as number)) & mask) < ((at - free) & mask)) continue;
      keys[free] = keys[at] as number;
      values[free] = values[at];
      free = at;
    }
    keys[free] = FREE;
    values[free] = undefined;
    this.#size -= 1;
    // Far below the half at which it grows, so that one entry more or less never does both.
    if (keys.length > PLACES_MIN && 8 * this.#size < keys.length) this.#resize(keys.length / 2);
    return true;
  }

  #resize(places: number): void {
    const [keys, values] = [this.#keys, this.#values];
    this.#keys = new Float64Array(places).fill(FREE);
    this.#values = new Array<V | undefined>(places).fill(undefined);
    this.#shift = Math.clz32(places - 1);
    for (let i = 0; i < keys.length; i += 1) {
      const key = keys[i] as number;
      if (key === FREE) continue;
      const at = this.#find(key);
      this.#keys[at] = key;
      this.#values[at] = values[i];
    }
  }

  *[Symbol.iterator](): Generator<[number, V]> {
    for (let i = 0; i < this.#keys.length; i += 1) {
      const key = this.#keys[i] as number;
      if (key !== FREE) yield [key, this.#values[i] as V];
    }
  }

  *values(): Generator<V> {
    for (const [, value] of this) yield value;
  }
}
