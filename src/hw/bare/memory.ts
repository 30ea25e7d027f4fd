/**
 * Memory of a bare program: areas, and the frames of the pages touched so far.
 *
 * Invariants: a page gets its frame, of zeros, when it is first touched in a way that its area allows; a frame that is
 * given up is known to no table, TLB or log. Called by the bare runner and by what answers its calls.
 */
import { present } from '../../base/assert.ts';
import { alignDown, alignUp } from '../../base/integer.ts';
import { PAGE_SIZE } from '../../base/limits.ts';
import { type Machine, pte } from '../machine.ts';
import { createPageTables, type PageTables } from '../tables.ts';
import { type Areas, createAreas } from './areas.ts';

/** The address space identifier of the one program. */
const SPACE = 1;

export class BareMemory {
  readonly areas: Areas = createAreas();
  private readonly machine: Machine;
  private readonly tables: PageTables;
  private readonly frames = new Map<number, number>();
  private readonly freeFrames: number[] = [];
  private nextFrame = 0;

  constructor(machine: Machine) {
    this.machine = machine;
    this.tables = present(
      createPageTables(machine, () => this.allocate()),
      'bare: there is a frame for the root table',
    );
    machine.hart.setAddressSpace(this.tables.root, SPACE);
  }

  /** A frame of zeros, or -1. */
  private allocate(): number {
    const free = this.freeFrames.pop();
    if (free !== undefined) {
      this.machine.frame(free).fill(0);
      this.machine.hart.frameChanged(free);
      return free;
    }
    return this.nextFrame < this.machine.frameCount ? this.nextFrame++ : -1;
  }

  /** The frame of a page, brought in if it must be; -1 when the access is not allowed, -2 when RAM is spent. */
  frameFor(address: number, access: number): number {
    const page = alignDown(address, PAGE_SIZE);
    const bits = this.areas.bitsAt(page) ?? 0;
    if ((bits & access) === 0) return -1;
    const known = this.frames.get(page);
    if (known !== undefined) return known;
    const frame = this.allocate();
    if (frame === -1 || !this.tables.map(page, frame, bits)) return -2;
    this.machine.hart.fencePage(SPACE, page);
    this.frames.set(page, frame);
    return frame;
  }

  /** The pages of [start, end) that have frames. */
  private touched(start: number, end: number): number[] {
    if ((end - start) / PAGE_SIZE > this.frames.size) {
      return [...this.frames.keys()].filter((page) => page >= start && page < end);
    }
    const pages: number[] = [];
    for (let page = start; page < end; page += PAGE_SIZE) if (this.frames.has(page)) pages.push(page);
    return pages;
  }

  /** Takes [start, end) away with all that is there. */
  discard(start: number, end: number): void {
    this.areas.set(start, end, null);
    for (const page of this.touched(start, end)) {
      const frame = present(this.frames.get(page), 'bare: a touched page has a frame');
      this.tables.unmap(page);
      this.machine.hart.fencePage(SPACE, page);
      this.machine.log.forget(frame);
      this.frames.delete(page);
      this.freeFrames.push(frame);
    }
  }

  /** Changes what may be done with [start, end), all of which is in areas. */
  protect(start: number, end: number, bits: number): void {
    this.areas.set(start, end, bits);
    for (const page of this.touched(start, end)) {
      const frame = present(this.frames.get(page), 'bare: a touched page has a frame');
      // An entry without any of these bits would point to a table. The leaf is there, so no table must be made.
      if (bits === 0) this.tables.unmap(page);
      else this.tables.map(page, frame, bits);
      this.machine.hart.fencePage(SPACE, page);
    }
  }

  /** Copies out or in, piece by piece; `piece` gets a part of a frame and the offset from the start. False on a fault. */
  private each(
    address: number,
    length: number,
    access: number,
    piece: (bytes: Uint8Array, at: number, frame: number) => void,
  ): boolean {
    for (let at = 0; at < length; ) {
      const here = address + at;
      if (here < 0 || here >= Number.MAX_SAFE_INTEGER) return false;
      const frame = this.frameFor(here, access);
      if (frame < 0) return false;
      const offset = here % PAGE_SIZE;
      const count = Math.min(PAGE_SIZE - offset, length - at);
      piece(this.machine.frame(frame).subarray(offset, offset + count), at, frame);
      at += count;
    }
    return true;
  }

  /** The bytes at an address, or null when some may not be accessed so. */
  read(address: number, length: number, access: number = pte.read): Uint8Array<ArrayBuffer> | null {
    // What does not fit in RAM cannot be there.
    if (length > this.machine.frameCount * PAGE_SIZE) return null;
    const copy = new Uint8Array(length);
    return this.each(address, length, access, (bytes, at) => copy.set(bytes, at)) ? copy : null;
  }

  /** Writes in the program's name; with `access` the loader writes pages that the program may only read. */
  write(address: number, content: Uint8Array, access: number = pte.write): boolean {
    return this.each(address, content.length, access, (bytes, at, frame) => {
      bytes.set(content.subarray(at, at + bytes.length));
      this.machine.hart.frameChanged(frame);
    });
  }

  /** True when all of it can be written; brings it in. */
  isWritable(address: number, length: number): boolean {
    return this.each(address, length, pte.write, () => {});
  }

  /** A new area of zeros over whole pages; bits that overlap an older area's page are added to it. */
  include(start: number, end: number, bits: number): void {
    const first = alignDown(start, PAGE_SIZE);
    const last = alignUp(end, PAGE_SIZE);
    const shared = this.areas.within(first, last);
    this.areas.set(first, last, bits);
    for (const area of shared) this.areas.set(area.start, area.end, area.bits | bits);
  }
}
