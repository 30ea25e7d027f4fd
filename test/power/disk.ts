/**
 * A disk that loses power: replays a trace of recorder.c and says what files there may be afterwards.
 *
 * Invariants of the model, which is as bad as POSIX allows: a write is certain only after a sync of its file; a name that
 * was made, removed or renamed only after a sync of its folder; what is not certain is there, or not, sector by sector and
 * in any order, and a sector that was being written may hold anything. A truncation happens or does not. Nothing that is
 * certain is touched. Used by the power campaign and its test.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

export const kinds = {
  start: 1,
  open: 2,
  close: 3,
  write: 4,
  truncate: 5,
  sync: 6,
  unlink: 7,
  rename: 8,
  mark: 9,
} as const;

export interface Step {
  readonly kind: number;
  readonly descriptor: number;
  readonly flags: number;
  readonly path: string;
  readonly offset: number;
  readonly data: Buffer;
}

const O_CREAT = 0o100;
const O_TRUNC = 0o1000;
const SECTOR_BYTES = 512;
const HEADER_BYTES = 32;

/** Reads a trace; a last record that is cut short is left out. */
export function readTrace(bytes: Buffer): Step[] {
  const steps: Step[] = [];
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const pathBytes = bytes.readUInt32LE(at + 8);
    const offset = Number(bytes.readBigUInt64LE(at + 16));
    const dataBytes = Number(bytes.readBigUInt64LE(at + 24));
    const pathAt = at + HEADER_BYTES;
    const dataAt = pathAt + pathBytes;
    const kind = bytes.readUInt32LE(at);
    const hasData = kind === kinds.write || kind === kinds.rename || kind === kinds.mark;
    const end = dataAt + (hasData ? dataBytes : 0);
    if (end > bytes.length) break;
    steps.push({
      kind,
      descriptor: bytes.readUInt32LE(at + 4),
      flags: bytes.readUInt32LE(at + 12),
      path: bytes.toString('utf8', pathAt, dataAt),
      offset,
      data: bytes.subarray(dataAt, end),
    });
    at = end;
  }
  return steps;
}

type Change = { readonly offset: number; readonly data: Buffer } | { readonly length: number };

/** What a file certainly holds, and what was done to it since. */
interface Inode {
  certain: Buffer;
  readonly pending: Change[];
}

type NameChange = { readonly name: string; readonly inode: Inode | null };

/** How bad a loss of power is to what is not certain; each is a share of 1. */
export interface Loss {
  readonly what: string;
  /** Sectors that did reach the disk. */
  readonly kept: number;
  /** Sectors that hold garbage. */
  readonly garbage: number;
}

export const losses: readonly Loss[] = [
  { what: 'everything unsynced is lost', kept: 0, garbage: 0 },
  { what: 'everything unsynced is there', kept: 1, garbage: 0 },
  { what: 'half of the sectors are there', kept: 0.5, garbage: 0 },
  { what: 'most are there, some are garbage', kept: 0.8, garbage: 0.1 },
  { what: 'few are there, some are garbage', kept: 0.1, garbage: 0.1 },
];

type Random = (below: number) => number;

function grown(content: Buffer, length: number): Buffer {
  if (content.length >= length) return content;
  return Buffer.concat([content, Buffer.alloc(length - content.length)]);
}

export class Disk {
  /** Names as the running system sees them, and as they certainly are on the disk. */
  private readonly names = new Map<string, Inode>();
  private readonly certainNames = new Map<string, Inode>();
  private readonly nameChanges: NameChange[] = [];
  private readonly descriptors = new Map<number, { path: string; inode: Inode | null }>();
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  apply(step: Step): void {
    const open = this.descriptors.get(step.descriptor);
    switch (step.kind) {
      case kinds.start:
        this.descriptors.clear();
        return;
      case kinds.open:
        this.open(step);
        return;
      case kinds.close:
        this.descriptors.delete(step.descriptor);
        return;
      case kinds.write:
        open?.inode?.pending.push({ offset: step.offset, data: step.data });
        return;
      case kinds.truncate:
        open?.inode?.pending.push({ length: step.offset });
        return;
      case kinds.sync:
        if (open === undefined) return;
        if (open.inode === null) this.syncNames();
        else this.syncInode(open.inode);
        return;
      case kinds.unlink:
        this.rename(step.path, null);
        return;
      case kinds.rename: {
        const inode = this.names.get(step.path) ?? null;
        this.rename(step.data.toString('utf8'), inode);
        this.rename(step.path, null);
        return;
      }
    }
  }

  private open(step: Step): void {
    if (step.path === this.folder) {
      this.descriptors.set(step.descriptor, { path: step.path, inode: null });
      return;
    }
    let inode = this.names.get(step.path);
    if (inode === undefined) {
      if ((step.flags & O_CREAT) === 0) return;
      inode = { certain: Buffer.alloc(0), pending: [] };
      this.rename(step.path, inode);
    } else if ((step.flags & O_TRUNC) !== 0) inode.pending.push({ length: 0 });
    this.descriptors.set(step.descriptor, { path: step.path, inode });
  }

  private rename(name: string, inode: Inode | null): void {
    if (inode === null) this.names.delete(name);
    else this.names.set(name, inode);
    this.nameChanges.push({ name, inode });
  }

  private syncNames(): void {
    for (const { name, inode } of this.nameChanges.splice(0)) {
      if (inode === null) this.certainNames.delete(name);
      else this.certainNames.set(name, inode);
    }
  }

  private syncInode(inode: Inode): void {
    inode.certain = contentAfter(inode, losses[1] as Loss, () => 0);
    inode.pending.length = 0;
  }

  /** Writes into `target` what is on the disk after power was lost now. */
  writeAfterLoss(target: string, loss: Loss, random: Random): void {
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target, { recursive: true });
    const names = new Map(this.certainNames);
    for (const { name, inode } of this.nameChanges) {
      if (random(1000) >= loss.kept * 1000) continue;
      if (inode === null) names.delete(name);
      else names.set(name, inode);
    }
    for (const [name, inode] of names) {
      if (dirname(name) !== this.folder) continue;
      writeFileSync(join(target, basename(name)), contentAfter(inode, loss, random));
    }
  }
}

function contentAfter(inode: Inode, loss: Loss, random: Random): Buffer {
  let content: Buffer = Buffer.from(inode.certain);
  for (const change of inode.pending) {
    if ('length' in change) {
      if (random(1000) >= loss.kept * 1000) continue;
      content = Buffer.from(grown(content, change.length).subarray(0, change.length));
      continue;
    }
    content = writeSectors(content, change.offset, change.data, loss, random);
  }
  return content;
}

function writeSectors(before: Buffer, offset: number, data: Buffer, loss: Loss, random: Random): Buffer {
  if (loss.kept === 0 && loss.garbage === 0) return before;
  let content = before;
  for (let at = offset; at < offset + data.length; ) {
    const end = Math.min(offset + data.length, at - (at % SECTOR_BYTES) + SECTOR_BYTES);
    const fate = random(1000);
    if (fate < (loss.kept + loss.garbage) * 1000) {
      content = grown(content, end);
      if (fate < loss.kept * 1000) data.copy(content, at, at - offset, end - offset);
      else for (let i = at; i < end; i++) content[i] = random(256);
    }
    at = end;
  }
  return content;
}
