/**
 * What a subtree can reach, worked out from exported state alone and without the kernel's own chain code.
 *
 * `closureOf` is an upper bound: everything that threads of these spaces could get by any sequence of legal calls, with
 * nobody outside helping them. Who can write a page can name the objects in it; who can name an object gets its links
 * out by get_state; who has a reference to a space can run a thread in it, to a region can map all of it, to a port can
 * call it and see in its own thread's links who serves it. So a right
 * that is in the closure afterwards and was not before was made out of nothing (law 11).
 * Called by the hostile campaign and by rights.test.ts, which amplifies rights on purpose.
 */
import { states, type TypeName, typeNames } from '../../src/kernel/abi/types.ts';
import type { Image, Saved } from './world.ts';

const PAGE = 4096;
/** Windows that one closure may look through; circles of mappings that shift would have more. */
const WINDOWS_MAX = 50_000;

export interface Closure {
  /** Rights to pages of the segment, by number; -1 stands for anything outside of it. */
  readonly pages: ReadonlyMap<number, number>;
  /** Objects that can be named by a reference: serials, or the names of objects outside. */
  readonly references: ReadonlySet<number | string>;
  /** Not everything could be looked at. */
  readonly isCut: boolean;
}

type Key = number | string;

/** The objects of an image, as the walk wants them. */
class Shape {
  readonly byAddress = new Map<number, Saved>();
  readonly byPage = new Map<number, Saved[]>();
  readonly mappingsOf = new Map<Key, Saved[]>();
  readonly threadsOf = new Map<Key, Saved[]>();
  readonly #written = new Map<Key, ReadonlyMap<number, number>>();

  constructor(image: Image) {
    for (const object of image.objects) {
      this.byAddress.set(object.address, object);
      const page = Math.floor(object.address / PAGE);
      const list = this.byPage.get(page);
      if (list === undefined) this.byPage.set(page, [object]);
      else list.push(object);
      if (nameOf(object) === 'thread') {
        const home = object.links[0] ?? null;
        if (home !== null) this.threadsOf.set(home, [...(this.threadsOf.get(home) ?? []), object]);
      }
      if (nameOf(object) !== 'mapping') continue;
      const space = object.links[1] ?? null;
      if (space === null || word(object, 'size') === 0) continue;
      const mappings = this.mappingsOf.get(space);
      if (mappings === undefined) this.mappingsOf.set(space, [object]);
      else mappings.push(object);
    }
  }

  /** Rights to pages that a space has, by what its mappings say now. */
  pagesOf(space: Key): ReadonlyMap<number, number> {
    const known = this.#written.get(space);
    if (known !== undefined) return known;
    const walk = new Walk(this, false);
    walk.space(space);
    walk.run();
    this.#written.set(space, walk.pages);
    return walk.pages;
  }
}

/**
 * The threads that may receive from the port: all of every space that can name its set. A client that waits for one
 * finds it in its own links.
 */
function serversOf(shape: Shape, port: Saved): Saved[] {
  const set = port.links[0] ?? null;
  if (typeof set !== 'number') return [];
  const page = Math.floor(set / PAGE);
  return [...shape.threadsOf].flatMap(([space, threads]) =>
    ((shape.pagesOf(space).get(page) ?? 0) & 2) === 0 ? [] : threads,
  );
}

function nameOf(object: Saved): TypeName {
  return typeNames[object.type - 1] as TypeName;
}

function word(object: Saved, name: string): number {
  const offsets = states[nameOf(object)].offset as Readonly<Record<string, number>>;
  const view = new DataView(object.state.buffer, object.state.byteOffset);
  return Number(view.getBigUint64(offsets[name] as number, true));
}

/** What the names of objects outside of the segment stand for. */
export interface Outside {
  /** The region over the whole segment, and the bottom space. */
  readonly region: string;
  readonly space: string;
  readonly segmentSize: number;
}

const outside: Outside = { region: 'region', space: 'space', segmentSize: 64 * 1024 * 1024 };

class Walk {
  readonly pages = new Map<number, number>();
  readonly references = new Set<Key>();
  readonly #shape: Shape;
  readonly #seen = new Set<string>();
  readonly #named = new Set<number>();
  readonly #todo: (() => void)[] = [];
  /** Whatever can be named is used: its links come out, references lead on. */
  readonly #isNaming: boolean;
  isCut = false;

  constructor(shape: Shape, isNaming: boolean) {
    this.#shape = shape;
    this.#isNaming = isNaming;
  }

  run(): void {
    for (let next = this.#todo.pop(); next !== undefined; next = this.#todo.pop()) next();
  }

  /** All memory of the space can be used. */
  space(space: Key): void {
    for (const mapping of this.#shape.mappingsOf.get(space) ?? []) {
      const from = word(mapping, 'startAddress');
      this.stretch(space, from, word(mapping, 'size'), 7);
    }
    if (space === outside.space) this.pages.set(-1, 7);
  }

  /** `length` bytes at `address` of a space can be used with these rights. */
  stretch(space: Key, address: number, length: number, rights: number): void {
    if (rights === 0 || length <= 0) return;
    const key = `${space}:${address}:${length}:${rights}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    if (this.#seen.size > WINDOWS_MAX) {
      this.isCut = true;
      return;
    }
    this.#todo.push(() => {
      if (space === outside.space) this.bottom(address, length, rights);
      else this.#through(space, address, length, rights);
    });
  }

  #through(space: Key, address: number, length: number, rights: number): void {
    for (const mapping of this.#shape.mappingsOf.get(space) ?? []) {
      const start = word(mapping, 'startAddress');
      const low = Math.max(address, start);
      const high = Math.min(address + length, start + word(mapping, 'size'));
      if (low >= high) continue;
      const region = mapping.links[0] ?? null;
      if (region === null) continue;
      const offset = word(mapping, 'regionOffset') + (low - start);
      this.window(region, offset, high - low, rights & word(mapping, 'protection'));
    }
  }

  /** A window onto part of a region. */
  window(region: Key, offset: number, length: number, rights: number): void {
    if (region === outside.region) {
      const end = Math.min(offset + length, outside.segmentSize);
      this.stretch(outside.space, offset, end - offset, rights);
      return;
    }
    const object = this.#shape.byAddress.get(region as number);
    if (object === undefined || nameOf(object) !== 'region') return;
    const end = Math.min(offset + length, word(object, 'size'));
    const space = object.links[0] ?? null;
    if (space === null) return;
    const start = word(object, 'startAddress');
    this.stretch(space, start + offset, end - offset, rights & word(object, 'protection'));
  }

  bottom(address: number, length: number, rights: number): void {
    if (address + length > outside.segmentSize) this.pages.set(-1, rights | (this.pages.get(-1) ?? 0));
    const end = Math.min(address + length, outside.segmentSize);
    for (let page = Math.floor(address / PAGE); page * PAGE < end; page += 1) {
      const before = this.pages.get(page) ?? 0;
      this.pages.set(page, before | rights);
      if (!this.#isNaming || (rights & 2) === 0 || (before & 2) !== 0) continue;
      for (const object of this.#shape.byPage.get(page) ?? []) this.name(object);
    }
  }

  /** The object can be named: everything that can be done to it can be done, and its links come out. */
  name(object: Saved): void {
    if (this.#named.has(object.address)) return;
    this.#named.add(object.address);
    const type = nameOf(object);
    if (type !== 'mapping' && type !== 'reference') this.reference(object.address);
    for (const link of object.links) if (link !== null) this.reference(link);
  }

  /** A reference to the object can be had. */
  reference(link: Key): void {
    const object = typeof link === 'number' ? this.#shape.byAddress.get(link) : undefined;
    const id = typeof link === 'number' ? (object?.serial ?? `lost ${link}`) : link;
    if (this.references.has(id)) return;
    this.references.add(id);
    this.#todo.push(() => {
      if (link === outside.space || (object !== undefined && nameOf(object) === 'space')) this.space(link);
      if (link === outside.region || (object !== undefined && nameOf(object) === 'region')) {
        this.window(link, 0, Number.MAX_SAFE_INTEGER / 2, 7);
      }
      if (object !== undefined && nameOf(object) === 'port') {
        for (const server of serversOf(this.#shape, object)) this.reference(server.address);
      }
    });
  }
}

/** What threads of the spaces at these addresses can come to reach. */
export function closureOf(image: Image, spaces: readonly number[]): Closure {
  const shape = new Shape(image);
  const walk = new Walk(shape, true);
  for (const space of spaces) if (shape.byAddress.has(space)) walk.reference(space);
  for (const object of image.objects) {
    if (nameOf(object) !== 'thread' || !spaces.includes(object.links[0] as number)) continue;
    // A thread gets its peers by get_client and get_server, wherever its own object lies.
    for (const peer of [object.links[3], object.links[4]])
      if (peer !== null && peer !== undefined) walk.reference(peer);
  }
  walk.run();
  return walk;
}

/** Rights that are there afterwards and could not be had before; empty when import and calls amplify nothing. */
export function gained(before: Closure, imageBefore: Image, after: Closure, imageAfter: Image): string[] {
  const found: string[] = [];
  for (const [page, rights] of after.pages) {
    const more = rights & ~(before.pages.get(page) ?? 0);
    if (more !== 0) found.push(`rights ${more} to page ${page}`);
  }
  const old = new Set(imageBefore.objects.map((object) => object.serial));
  const bySerial = new Map(imageAfter.objects.map((object) => [object.serial, object]));
  for (const id of after.references) {
    if (before.references.has(id)) continue;
    const object = typeof id === 'number' ? bySerial.get(id) : undefined;
    const isMade = object !== undefined && !old.has(object.serial);
    // What they made themselves lies where they could write.
    if (isMade && ((before.pages.get(Math.floor(object.address / PAGE)) ?? 0) & 2) !== 0) continue;
    const what = object === undefined ? String(id) : `${nameOf(object)} at ${object.address.toString(16)}`;
    found.push(`a reference to ${what}`);
  }
  return found;
}

/** Where one address of a space leads, step by step: rights and address in the segment; null when it leads nowhere. */
export function follow(image: Image, space: Key, address: number): { at: number; rights: number } | null {
  const shape = new Shape(image);
  let where: Key = space;
  let at = address;
  let rights = 7;
  for (let depth = 0; depth < 10_000; depth += 1) {
    if (where === outside.space) return at < outside.segmentSize ? { at, rights } : null;
    const mapping: Saved | undefined = (shape.mappingsOf.get(where) ?? []).find((candidate) => {
      const within = at - word(candidate, 'startAddress');
      return within >= 0 && within < word(candidate, 'size');
    });
    const region: Key | null = mapping?.links[0] ?? null;
    if (mapping === undefined || region === null) return null;
    rights &= word(mapping, 'protection');
    const offset = word(mapping, 'regionOffset') + (at - word(mapping, 'startAddress'));
    if (region === outside.region) {
      where = outside.space;
      at = offset;
      continue;
    }
    const object = shape.byAddress.get(region as number);
    if (object === undefined || offset >= word(object, 'size')) return null;
    rights &= word(object, 'protection');
    const next: Key | null = object.links[0] ?? null;
    if (next === null) return null;
    where = next;
    at = word(object, 'startAddress') + offset;
  }
  return null;
}
