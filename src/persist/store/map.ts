/**
 * The map: a tree of hashes that says for each page which generation wrote its folded content and what that content is.
 *
 * 256 children a block, 24 bytes a child (generation u64, 16 bytes of SHA-256); level 0 blocks describe pages, the root is
 * block 0 of level 3. A child of zeros is absent. Invariant: a block in the cache either hashes to what its parent says,
 * or is loaded again; a block that still does not match is damage. The writer's tree changes in memory until `flush`.
 * Reader: main thread, per file snapshot (`setRoot`). Writer: the worker, inside its transaction.
 */
import { assert } from '../../base/assert.ts';
import { TWO_32 } from '../../base/integer.ts';
import { PAGE_SIZE } from '../../base/limits.ts';
import { readInteger, SHORT_HASH_BYTES, sha256, writeInteger } from './bytes.ts';
import { DamageError } from './contract.ts';
import { MAP_BLOCKS_CACHED } from './limits.ts';
import { ownerOfPage } from './page-place.ts';

export const MAP_LEVELS = 4;
export const MAP_FANOUT = 256;
export const MAP_ENTRY_BYTES = 8 + SHORT_HASH_BYTES;
export const MAP_BLOCK_BYTES = MAP_FANOUT * MAP_ENTRY_BYTES;

/** What the map says about a page, or a block's parent about the block. */
export interface MapEntry {
  readonly generation: number;
  readonly hash: Buffer;
}

interface CachedBlock {
  readonly level: number;
  readonly block: number;
  readonly entries: Buffer;
  /** Hash of the entries; null when they changed since the last flush. */
  hash: Buffer | null;
  generation: number;
}

export const noHash: Buffer = Buffer.alloc(SHORT_HASH_BYTES);
/** What the root says of an empty map. */
export const absentEntry: MapEntry = { generation: 0, hash: noHash };

/** Key of a block: level * 2^32 + block. */
export function blockKey(level: number, block: number): number {
  return level * TWO_32 + block;
}

const pageScratch = Buffer.alloc(16 + PAGE_SIZE);

/** Hash of a page's content at a generation: what its entry in the map holds. */
export function pageHash(number: number, generation: number, content: Uint8Array): Buffer {
  writeInteger(pageScratch, 0, number);
  writeInteger(pageScratch, 8, generation);
  pageScratch.set(content, 16);
  return sha256(pageScratch).subarray(0, SHORT_HASH_BYTES);
}

const blockScratch = Buffer.alloc(16 + MAP_BLOCK_BYTES);

function blockHash(level: number, block: number, generation: number, entries: Buffer): Buffer {
  writeInteger(blockScratch, 0, blockKey(level, block));
  writeInteger(blockScratch, 8, generation);
  entries.copy(blockScratch, 16);
  return sha256(blockScratch).subarray(0, SHORT_HASH_BYTES);
}

function readEntry(block: CachedBlock, slot: number): MapEntry | null {
  const at = slot * MAP_ENTRY_BYTES;
  const generation = readInteger(block.entries, at);
  if (generation === 0) return null;
  return { generation, hash: block.entries.subarray(at + 8, at + MAP_ENTRY_BYTES) };
}

/** Key of the block that the head is the parent of. */
export const rootKey = blockKey(MAP_LEVELS - 1, 0);

/**
 * What the head should say of a root block; null when its generation is to be found too: that of its newest child, since
 * a change goes all the way up.
 */
export function computedRoot(entries: Buffer, generation: number | null): MapEntry {
  if (entries.length !== MAP_BLOCK_BYTES) return absentEntry;
  let newest = 0;
  for (let slot = 0; slot < MAP_FANOUT; slot++) {
    const at = entries.readBigUInt64LE(slot * MAP_ENTRY_BYTES);
    if (at <= BigInt(Number.MAX_SAFE_INTEGER)) newest = Math.max(newest, Number(at));
  }
  const of = generation ?? newest;
  return { generation: of, hash: Buffer.from(blockHash(MAP_LEVELS - 1, 0, of, entries)) };
}

/** Writes a block's row, or deletes it when `entries` is null. */
export type BlockWriter = (key: number, entries: Buffer | null) => void;

export class PageMap {
  private readonly load: (key: number) => Buffer | undefined;
  private readonly cache = new Map<number, CachedBlock>();
  private readonly changed = new Set<CachedBlock>();
  private rootEntry: MapEntry = absentEntry;

  constructor(load: (key: number) => Buffer | undefined) {
    this.load = load;
  }

  get root(): MapEntry {
    return this.rootEntry;
  }

  /** True when `flush` has something to write. */
  get isChanged(): boolean {
    return this.changed.size > 0;
  }

  /** Says what the root is in the snapshot that is read from now on. Not for a tree with changes. */
  setRoot(root: MapEntry): void {
    assert(this.changed.size === 0, 'map: the root is set on an unchanged tree');
    this.rootEntry = root;
  }

  /** What the map says about the page; null when it is absent. Throws DamageError. */
  lookup(number: number): MapEntry | null {
    const block = this.find(0, Math.floor(number / MAP_FANOUT));
    return block === null ? null : readEntry(block, number % MAP_FANOUT);
  }

  /**
   * Numbers of all pages that are not absent, ascending. A block that is damaged is told to `lost`, and its pages are left
   * out; without `lost` it throws DamageError.
   */
  *present(lost?: (error: DamageError) => void): Generator<number> {
    yield* this.presentIn(MAP_LEVELS - 1, 0, lost);
  }

  private findUnlessLost(
    level: number,
    block: number,
    lost: (error: DamageError) => void,
  ): CachedBlock | null {
    try {
      return this.find(level, block);
    } catch (error) {
      if (!(error instanceof DamageError)) throw error;
      lost(error);
      return null;
    }
  }

  private *presentIn(level: number, block: number, lost?: (error: DamageError) => void): Generator<number> {
    for (let slot = 0; slot < MAP_FANOUT; slot++) {
      const found = lost === undefined ? this.find(level, block) : this.findUnlessLost(level, block, lost);
      if (found === null) return;
      if (readEntry(found, slot) === null) continue;
      const child = block * MAP_FANOUT + slot;
      if (level === 0) yield child;
      else yield* this.presentIn(level - 1, child, lost);
    }
  }

  /** The entry that the parent has for this block; null when absent. */
  private entryOf(level: number, block: number): MapEntry | null {
    if (level === MAP_LEVELS - 1) return this.rootEntry.generation === 0 ? null : this.rootEntry;
    const parent = this.find(level + 1, Math.floor(block / MAP_FANOUT));
    return parent === null ? null : readEntry(parent, block % MAP_FANOUT);
  }

  private find(level: number, block: number): CachedBlock | null {
    const key = blockKey(level, block);
    const cached = this.cache.get(key);
    if (cached !== undefined && cached.hash === null) return cached;
    const entry = this.entryOf(level, block);
    if (entry === null) return null;
    if (cached !== undefined && isSame(cached, entry)) return cached;
    const entries = this.load(key);
    const where = `map block ${block} of level ${level}, generation ${entry.generation} (${ownerOfBlock(level, block)})`;
    if (entries === undefined) throw new DamageError(`${where}: its row is missing`);
    if (
      entries.length !== MAP_BLOCK_BYTES ||
      !blockHash(level, block, entry.generation, entries).equals(entry.hash)
    ) {
      throw new DamageError(`${where}: its content does not match its hash`);
    }
    const { generation } = entry;
    return this.remember(key, { level, block, entries, hash: Buffer.from(entry.hash), generation });
  }

  private remember(key: number, block: CachedBlock): CachedBlock {
    if (this.cache.size >= MAP_BLOCKS_CACHED) {
      for (const [oldKey, old] of this.cache) {
        if (this.changed.has(old)) continue;
        this.cache.delete(oldKey);
        break;
      }
    }
    this.cache.set(key, block);
    return block;
  }

  /** Enters a page's new version; null when it is zeros from now on. Takes effect in the file with `flush`. */
  set(number: number, entry: MapEntry | null): void {
    this.setEntry(0, Math.floor(number / MAP_FANOUT), number % MAP_FANOUT, entry);
  }

  private setEntry(level: number, block: number, slot: number, entry: MapEntry | null): void {
    const key = blockKey(level, block);
    let found = this.find(level, block);
    if (found === null) {
      if (entry === null) return;
      const entries = Buffer.alloc(MAP_BLOCK_BYTES);
      found = this.remember(key, { level, block, entries, hash: null, generation: 0 });
    }
    const at = slot * MAP_ENTRY_BYTES;
    if (entry === null) found.entries.fill(0, at, at + MAP_ENTRY_BYTES);
    else {
      writeInteger(found.entries, at, entry.generation);
      found.entries.set(entry.hash, at + 8);
    }
    found.hash = null;
    this.changed.add(found);
  }

  /** Hashes what changed up to the root and hands each changed block to `write`. */
  flush(generation: number, write: BlockWriter): void {
    for (let level = 0; level < MAP_LEVELS; level++) {
      const blocks = [...this.changed].filter((block) => block.level === level);
      for (const block of blocks) this.flushBlock(block, generation, write);
    }
    assert(this.changed.size === 0, 'map: a flush leaves nothing changed');
  }

  private flushBlock(found: CachedBlock, generation: number, write: BlockWriter): void {
    const { level, block } = found;
    const key = blockKey(level, block);
    const absent = isZero(found.entries);
    let entry: MapEntry | null = null;
    if (absent) this.cache.delete(key);
    else {
      found.generation = generation;
      found.hash = blockHash(level, block, generation, found.entries);
      entry = { generation, hash: found.hash };
    }
    this.changed.delete(found);
    write(key, absent ? null : found.entries);
    if (level === MAP_LEVELS - 1) this.rootEntry = entry ?? absentEntry;
    else this.setEntry(level + 1, Math.floor(block / MAP_FANOUT), block % MAP_FANOUT, entry);
  }
}

/** Whose pages a block describes: all of one program, or the range of page numbers. */
function ownerOfBlock(level: number, block: number): string {
  const count = MAP_FANOUT ** (level + 1);
  const first = block * count;
  return level === 0
    ? `pages ${first} to ${first + count - 1}: from the ${ownerOfPage(first)} on`
    : `pages ${first} to ${first + count - 1}`;
}

function isSame(block: CachedBlock, entry: MapEntry): boolean {
  return block.generation === entry.generation && block.hash?.equals(entry.hash) === true;
}

const zeroPage = Buffer.alloc(Math.max(PAGE_SIZE, MAP_BLOCK_BYTES));

/** True when all bytes are zero; at most a map block long. */
export function isZero(bytes: Buffer): boolean {
  return bytes.equals(zeroPage.subarray(0, bytes.length));
}
