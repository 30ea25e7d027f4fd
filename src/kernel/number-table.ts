/**
 * A table from numbers to things: what lies at an address, which page has a number.
 *
 * The host's Map keeps what was deleted in its chains until it is rehashed: a program that makes and destroys an object
 * at one address, among 100,000, would walk a chain of a hundred thousand dead entries each time. Here a deleted place is
 * closed at once (open addressing, linear probing, entries behind it move up), so that an operation costs the same
 * however often it was done before. Nor does the host's Map seed its hash of numbers: programs choose addresses, and could
 * choose such as all collide. Here four words from outside (`KernelState.hashWords`), which no program can learn, decide
 * where a key goes.
 * Invariants: no more than half of the places are used; an entry is found from the place of its hash without passing a
 * free one. Keys are whole numbers from 0 to 2^53 - 1. The order of iteration says nothing, and nobody may iterate while
 * entries come and go. Used for the indexes of bottom spaces (`Bottom` in state.ts) and for changed sets.
 */
const FREE = -1;
const PLACES_MIN = 16;
/** Places that an emptied table keeps in any case: what is filled and emptied again and again does not grow each time. */
const PLACES_KEPT = 512;
const INVERSE_TWO_32 = 1 / 2 ** 32;
/** The places of a table in which nothing was ever put: nobody writes them. */
const NO_KEYS: Float64Array = new Float64Array(PLACES_MIN).fill(FREE);
const NO_VALUES: readonly undefined[] = new Array<undefined>(PLACES_MIN).fill(undefined);

/** What decides where keys go: any four words. */
export type HashWords = Readonly<Uint32Array>;

export class NumberTable<V> {
  #keys = NO_KEYS;
  #values = NO_VALUES as (V | undefined)[];
  #mask = PLACES_MIN - 1;
  #size = 0;
  readonly #added: number;
  readonly #highAdded: number;
  readonly #first: number;
  readonly #second: number;

  constructor(words: HashWords) {
    this.#added = (words[0] as number) | 0;
    this.#highAdded = (words[1] as number) | 0;
    // Odd, so that no two numbers of 32 bits become one.
    this.#first = (words[2] as number) | 1;
    this.#second = (words[3] as number) | 1;
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Multiply, fold, multiply, fold, as murmur's finalizer does, but by numbers that nobody knows: keys that meet under some
   * words lie apart under others. Without the folds some words would be bad for keys in a row.
   */
  #home(key: number): number {
    const high = Math.imul((key * INVERSE_TWO_32) ^ this.#highAdded, 0x85eb_ca6b);
    const low = Math.imul(key ^ this.#added, this.#first);
    const mixed = Math.imul((low ^ (low >>> 15)) + high, this.#second);
    return (mixed ^ (mixed >>> 15)) & this.#mask;
  }

  /** The place of the key, or the free one where it would be. */
  #find(key: number): number {
    const keys = this.#keys;
    const mask = this.#mask;
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
      if (this.#keys === NO_KEYS) this.#resize(PLACES_MIN);
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
    const mask = this.#mask;
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

  /** Takes everything out. The room stays, for as many entries as there were; of far more than that it is given up. */
  clear(): void {
    if (this.#size === 0) return;
    if (8 * this.#size < this.#keys.length && this.#keys.length > PLACES_KEPT) {
      this.#keys = NO_KEYS;
      this.#values = NO_VALUES as (V | undefined)[];
      this.#mask = PLACES_MIN - 1;
    } else {
      this.#keys.fill(FREE);
      this.#values.fill(undefined);
    }
    this.#size = 0;
  }

  /** For tests: where the key would be if no other were there, and how many places are looked at to find it. */
  home(key: number): number {
    return this.#home(key);
  }

  probes(key: number): number {
    return ((this.#find(key) - this.#home(key)) & this.#mask) + 1;
  }

  #resize(places: number): void {
    const [keys, values] = [this.#keys, this.#values];
    this.#keys = new Float64Array(places).fill(FREE);
    this.#values = new Array<V | undefined>(places).fill(undefined);
    this.#mask = places - 1;
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
