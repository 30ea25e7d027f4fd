/**
 * Where an address of a program's address space lies in the store segment: through mappings and regions, as the kernel goes.
 *
 * A mapping leads to a region of another space, at an address there that is looked up in turn, until the segment is reached,
 * which lies outside the image. Invariant: the answer is that of the rows it was made from, and of nothing else.
 * Made by `moment.ts` for a generation that is asked about; knows no rights: who looks from outside may see all.
 */
import type Database from 'better-sqlite3';
import { links as linkNames, states } from '../../kernel/abi/types.ts';
import type { StoredLink } from '../store/contract.ts';
import { formatOfName, formatOfNumber, textToLinks, textToState } from '../store/formats.ts';
import type { ObjectApart } from '../store/history.ts';

/** A stretch of a space: `start` to `end` lead to `target` and what follows it in `space`, in the segment when that is null. */
interface Window {
  readonly start: number;
  readonly end: number;
  readonly space: number | null;
  readonly target: number;
}

/** A program may build circles, and chains of any depth; nobody reads deeper than this. */
const DEPTH_MAX = 1024;

/** A mapping or region, as far as it matters here. */
interface Part {
  readonly type: 'mapping' | 'region';
  readonly serial: bigint;
  readonly start: number;
  readonly size: number;
  readonly offset: number;
  readonly space: StoredLink;
  /** Of a mapping. */
  readonly region: StoredLink;
}

interface PartRow {
  readonly address: number;
  readonly type: 'mapping' | 'region';
  readonly state: string;
  readonly links: string;
}

export class Spaces {
  private readonly windows = new Map<number, Window[]>();

  /** `database` has the folded rows; `apart` what is to be read instead of some of them. */
  constructor(database: Database.Database, apart: ReadonlyMap<number, ObjectApart | null>) {
    const parts = new Map<number, Part>();
    const rows = database
      .prepare<[], PartRow>(
        "SELECT address, type, state, links FROM object WHERE type IN ('mapping', 'region')",
      )
      .iterate();
    for (const { address, type, state, links } of rows) {
      if (apart.has(address)) continue;
      const format = formatOfName(type);
      parts.set(address, partOf(type, textToState(format, state), textToLinks(format, links)));
    }
    for (const [address, found] of apart) {
      if (found === null) continue;
      const { name } = formatOfNumber(found.object.type);
      if (name === 'mapping' || name === 'region')
        parts.set(address, partOf(name, found.object.state, found.object.links));
    }
    for (const part of parts.values()) this.add(part, parts);
    for (const list of this.windows.values()) list.sort((a, b) => a.start - b.start);
  }

  /** A space is known by its address alone: a mapping that links to one that is gone links to nothing that could be asked. */
  private add(mapping: Part, parts: ReadonlyMap<number, Part>): void {
    const { start, size, offset, space, region } = mapping;
    if (mapping.type !== 'mapping' || size === 0 || region === null) return;
    if (space === null || !('address' in space)) return;
    const list = this.windows.get(space.address) ?? [];
    this.windows.set(space.address, list);
    if ('name' in region) {
      list.push({ start, end: start + size, space: null, target: offset });
      return;
    }
    const behind = parts.get(region.address);
    if (behind === undefined || behind.serial !== region.serial || behind.space === null) return;
    if ('name' in behind.space) return;
    list.push({ start, end: start + size, space: behind.space.address, target: behind.start + offset });
  }

  /** Segment address of `address` in the space, and the bytes that follow it there without a gap; null when nothing is mapped. */
  locate(space: number, address: number): { address: number; length: number } | null {
    let length = Number.POSITIVE_INFINITY;
    let at = address;
    let where: number | null = space;
    for (let depth = 0; depth < DEPTH_MAX; depth++) {
      if (where === null) return { address: at, length };
      const window: Window | undefined = this.find(where, at);
      if (window === undefined) return null;
      length = Math.min(length, window.end - at);
      at = window.target + (at - window.start);
      where = window.space;
    }
    return null;
  }

  private find(space: number, address: number): Window | undefined {
    const list = this.windows.get(space) ?? [];
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((list[middle] as Window).start <= address) low = middle + 1;
      else high = middle;
    }
    const found = list[low - 1];
    return found !== undefined && address < found.end ? found : undefined;
  }
}

function partOf(type: Part['type'], bytes: Uint8Array, links: readonly StoredLink[]): Part {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const named = (name: string): StoredLink => links[linkNames[type].indexOf(name as never)] ?? null;
  const state = states[type].read(view, 0);
  return {
    type,
    serial: state.serial,
    start: Number(state.startAddress),
    size: Number(state.size),
    offset: 'regionOffset' in state ? Number(state.regionOffset) : 0,
    space: named('space'),
    region: named('region'),
  };
}
