/**
 * Several records that follow one another become one that does what they did: how history is thinned.
 *
 * Works in small pieces: `add` each record, oldest first, `work` until it is done, then `finish`. Invariants: the merged
 * record brings every page and object from before the first record to after the last; facts (tick, kernel record, border)
 * are the last one's, and so is the parent, but for a restore among them that went back further than they reach. Rows of
 * journal and output are not carried on.
 * Pure. Called by `thinner.ts`.
 */
import { assert } from '../../base/assert.ts';
import { PAGE_SIZE } from '../../base/limits.ts';
import { GrowingBytes } from './bytes.ts';
import { markRuns, RUN_HEADER_BYTES } from './delta.ts';
import {
  emptyParts,
  finishPageEntry,
  type PackedRecord,
  pageEntry,
  pageKinds,
  type RecordParts,
  writeRecord,
} from './record.ts';

interface Piece {
  readonly record: PackedRecord;
  readonly place: number;
}

/** A merge in progress. */
export class RecordMerge {
  private readonly records: PackedRecord[] = [];
  private readonly pages = new Map<number, Piece | Piece[]>();
  private readonly objects = new Map<number, Buffer | null>();
  private readonly parts: RecordParts = emptyParts();
  private readonly content = Buffer.alloc(PAGE_SIZE);
  private readonly mask = Buffer.alloc(PAGE_SIZE);
  private numbers: number[] | null = null;
  private index = 0;

  add(record: PackedRecord): void {
    const before = this.records.at(-1);
    assert(
      before === undefined || before.generation < record.generation,
      'merge: records come in order of generation',
    );
    this.records.push(record);
    for (let i = 0; i < record.pageCount; i++) {
      const number = record.pageNumber(i);
      const piece = { record, place: record.pagePlace(i) };
      const known = this.pages.get(number);
      if (known === undefined) this.pages.set(number, piece);
      else if (Array.isArray(known)) known.push(piece);
      else this.pages.set(number, [known, piece]);
    }
    for (const address of record.gone()) this.objects.set(address, null);
    for (const { object, bytes } of record.objects()) this.objects.set(object.address, bytes);
  }

  /** Merges some pages; true when all are. */
  work(count: number): boolean {
    this.numbers ??= [...this.pages.keys()].sort((a, b) => a - b);
    const end = Math.min(this.numbers.length, this.index + count);
    for (; this.index < end; this.index++) this.mergePage(this.numbers[this.index] as number);
    return this.index === this.numbers.length;
  }

  private mergePage(number: number): void {
    const { parts } = this;
    const known = this.pages.get(number) as Piece | Piece[];
    const pieces = Array.isArray(known) ? known : [known];
    parts.numbers.push(number);
    parts.places.push(parts.pages.length);
    // The first that needs nothing before it: what is older does not matter.
    let first = pieces.length - 1;
    while (first > 0 && kindOf(pieces[first] as Piece) === pageKinds.delta) first--;
    const last = pieces.length - 1;
    const { record, place } = pieces[first] as Piece;
    if (first === last) {
      parts.pages.append(record.body.subarray(place, record.pageEnd(place)));
      return;
    }
    this.mergeRuns(pieces.slice(first));
  }

  private mergeRuns(pieces: readonly Piece[]): void {
    const { parts, content, mask } = this;
    const first = pieces[0] as Piece;
    const kind = kindOf(first);
    // After a page that went straight to its table, what is added to it are differences to that.
    const isAbsolute = kind !== pageKinds.delta && kind !== pageKinds.folded;
    content.fill(0);
    mask.fill(0);
    for (const { record, place } of pieces) {
      if (kindOf({ record, place }) === pageKinds.folded) continue;
      record.applyPage(place, content);
      if (!isAbsolute) {
        markRuns(mask, record.body, place + pageEntry.size, record.pageEnd(place));
      }
    }
    if (isAbsolute) for (let i = 0; i < PAGE_SIZE; i++) mask[i] = content[i] === 0 ? 0 : 1;
    const at = parts.pages.reserve(pageEntry.size);
    const pc = first.record.pagePc(first.place);
    const size = this.appendRuns();
    const merged = isAbsolute ? pageKinds.replace : pageKinds.delta;
    if (size < PAGE_SIZE) {
      finishPageEntry(parts.pages.buffer, at, merged, pc, size);
      return;
    }
    parts.pages.length = at + pageEntry.size;
    if (isAbsolute || mask.every((byte) => byte === 1)) {
      parts.pages.append(content);
      finishPageEntry(parts.pages.buffer, at, pageKinds.full, pc, 0);
      return;
    }
    // Many small runs over most of a page that is not known whole: longer than the page, and still only differences.
    this.appendRuns();
    finishPageEntry(parts.pages.buffer, at, merged, pc, size);
  }

  /** Appends what the mask marks as runs; returns their bytes. */
  private appendRuns(): number {
    const { mask, content } = this;
    const { pages } = this.parts;
    const begin = pages.length;
    let at = 0;
    for (;;) {
      const start = mask.indexOf(1, at);
      if (start < 0) break;
      const gap = mask.indexOf(0, start);
      const end = gap < 0 ? PAGE_SIZE : gap;
      const to = pages.reserve(RUN_HEADER_BYTES + end - start);
      pages.buffer.writeUInt16LE(start, to);
      pages.buffer.writeUInt16LE(end - start, to + 2);
      content.copy(pages.buffer, to + RUN_HEADER_BYTES, start, end);
      at = end;
    }
    return pages.length - begin;
  }

  /** Where the merged record came from: what a restore among its parts went back to, when that lies before all of them. */
  private parentOf(last: PackedRecord, since: number): number {
    const { records } = this;
    let { parent } = last;
    for (const record of records.toReversed()) if (record.generation <= parent) parent = record.parent;
    // Of one without a restore the parent is the generation before, as if nothing had been merged.
    return parent < since ? parent : last.parent;
  }

  /** The merged record; `since` is the first one's. */
  finish(since: number): Buffer {
    assert(this.work(0), 'merge: every page is merged');
    const { parts, records } = this;
    for (const [address, found] of this.objects) {
      if (found === null) parts.gone.push(address);
      else {
        parts.objectCount++;
        parts.objects.append(found);
      }
    }
    const first = records[0] as PackedRecord;
    const last = records.at(-1) as PackedRecord;
    const { header } = last;
    const out = new GrowingBytes(parts.pages.length + parts.objects.length + 4096);
    writeRecord(
      out,
      {
        generation: last.generation,
        parent: this.parentOf(last, since),
        tick: header.tick,
        wallMs: Number(header.wallMs),
        pauseUs: header.pauseUs,
        flags: header.flags,
        kernelRecord: last.kernelRecord,
        border: Buffer.from(last.border),
        parentHash: first.parentHash,
        pagesFolded: Number(header.pagesFolded),
        mapGeneration: Number(header.mapGeneration),
        mapHash: Uint8Array.from(header.mapHash),
      },
      parts,
    );
    return Buffer.from(out.used());
  }
}

function kindOf({ record, place }: Piece): number {
  return record.pageKind(place);
}
