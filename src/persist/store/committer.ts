/**
 * Committing: a batch from the ring becomes one packed record and one transaction.
 *
 * Invariants: nothing is acknowledged before COMMIT has returned and the side file has the generation; generations follow
 * one another without a gap, and each record has its parent's hash; a page that is not in the shadow is written whole. A batch larger than the ring arrives in
 * parts, all of one transaction. Worker only. Called by `worker.ts`; never folds.
 */
import { assert } from '../../base/assert.ts';
import { PAGE_SIZE } from '../../base/limits.ts';
import { GrowingBytes, sha256 } from './bytes.ts';
import { control, type Shared } from './channel.ts';
import type { Differ } from './differ.ts';
import type { OpenImage } from './image.ts';
import { HASH_SLOTS } from './limits.ts';
import {
  clearParts,
  emptyParts,
  finishPageEntry,
  PackedRecord,
  pageEntry,
  pageKinds,
  type RecordFacts,
  type RecordParts,
  recordHeader,
  writeRecord,
} from './record.ts';
import { itemKinds, type RingItem, RingReader } from './ring.ts';
import type { SideFile } from './side.ts';

/** A page differs so much from the one before that it is written whole. */
const DELTA_BYTES_USEFUL = PAGE_SIZE - 64;

export class Committer {
  private readonly image: OpenImage;
  private readonly side: SideFile;
  private readonly ring: RingReader;
  private readonly control: Int32Array;
  private readonly hashes: Uint8Array;
  private readonly parts: RecordParts = emptyParts();
  private readonly body = new GrowingBytes(64 * 1024);
  private readonly insertRecord;
  private readonly differ: Differ;
  private batchOpen = false;
  private transactionOpen = false;
  private missCount = 0;
  private startedMs = 0;

  /** `ringMemory` is the memory of `shared.ring`. */
  constructor(image: OpenImage, side: SideFile, shared: Shared, ringMemory: WebAssembly.Memory) {
    this.image = image;
    this.side = side;
    this.ring = new RingReader(shared);
    this.differ = image.shadow.differ(ringMemory);
    this.control = new Int32Array(shared.control);
    this.hashes = new Uint8Array(shared.hashes);
    this.insertRecord = image.database.prepare(
      'INSERT INTO record (generation, since, hash, body) VALUES (?, ?, ?, ?)',
    );
  }

  /** True while a part of a batch is taken and the rest has not come. */
  get isOpen(): boolean {
    return this.batchOpen;
  }

  hasWork(): boolean {
    return this.ring.hasItems();
  }

  /** Takes what is in the ring: commits one batch if it is complete, else takes the part that is there. */
  take(): void {
    const { ring, image } = this;
    if (!this.batchOpen) {
      this.startedMs = image.effects.nowMs();
      image.effects.phase('commit-begin');
      clearParts(this.parts);
      this.missCount = 0;
      this.batchOpen = true;
    }
    while (ring.hasItems()) {
      const item = ring.next();
      if (item.kind === itemKinds.end) {
        this.commit(item);
        return;
      }
      this.takeItem(item);
    }
    ring.release();
    image.effects.phase('segment-taken');
  }

  private takeItem(item: RingItem): void {
    const { parts } = this;
    switch (item.kind) {
      case itemKinds.page:
        this.takePage(item);
        return;
      case itemKinds.pageGone:
        this.takeZero(item.first, 0);
        return;
      case itemKinds.object:
        parts.objectCount++;
        parts.objects.append(this.payload(item));
        return;
      case itemKinds.objectGone:
        parts.gone.push(item.first);
        return;
      case itemKinds.journal:
        parts.journalCount++;
        parts.journal.append(this.payload(item));
        return;
      case itemKinds.output:
        parts.outputCount++;
        parts.output.append(this.payload(item));
        return;
      case itemKinds.confirm:
        parts.confirmCount++;
        parts.confirm.append(this.payload(item));
        return;
      default:
        assert(false, `committer: item kind ${item.kind} is known`);
    }
  }

  private payload(item: RingItem): Uint8Array {
    return this.ring.bytes.subarray(item.at, item.at + item.size);
  }

  private beginEntry(number: number): number {
    const { parts } = this;
    parts.numbers.push(number);
    parts.places.push(parts.pages.length);
    return parts.pages.reserve(pageEntry.size);
  }

  private finishEntry(at: number, kind: number, pc: number, runBytes: number): void {
    finishPageEntry(this.parts.pages.buffer, at, kind, pc, runBytes);
  }

  private takeZero(number: number, pc: number): void {
    this.finishEntry(this.beginEntry(number), pageKinds.zero, pc, 0);
    const slot = this.image.shadow.find(number);
    if (slot >= 0) this.image.shadow.page(slot).fill(0);
  }

  private takePage(item: RingItem): void {
    const { image, parts } = this;
    const { shadow } = image;
    const number = item.first;
    const found = shadow.find(number);
    const isMiss = found < 0;
    if (isMiss && ++this.missCount > image.limits.recordMissesMax) {
      this.takeFolded(item);
      return;
    }
    if (parts.pages.length > image.limits.recordBytesMax) {
      this.takeFolded(item);
      return;
    }
    const at = this.beginEntry(number);
    const slot = isMiss ? shadow.take(number) : found;
    if (isMiss) shadow.page(slot).fill(0);
    const runs = shadow.update(this.differ, slot, item.at);
    let runBytes = runs.length;
    let kind: number = isMiss ? pageKinds.replace : pageKinds.delta;
    if (runBytes > DELTA_BYTES_USEFUL) {
      kind = pageKinds.full;
      runBytes = 0;
      parts.pages.append(shadow.page(slot));
    } else parts.pages.append(runs);
    if (isMiss && runBytes === 0 && kind === pageKinds.replace) kind = pageKinds.zero;
    this.finishEntry(at, kind, item.second, runBytes);
    image.count('pagesCommitted', 1);
    image.count('pageBytesEncoded', parts.pages.length - at);
  }

  /** The page goes straight into its table; the record only says that it did. */
  private takeFolded(item: RingItem): void {
    const { image } = this;
    const content = Buffer.from(this.payload(item));
    if (content.every((byte) => byte === 0)) {
      this.takeZero(item.first, item.second);
      return;
    }
    this.beginTransaction();
    image.shadow.drop(item.first);
    image.writePage(item.first, image.head.generation + 1, content);
    // Its content is in no record.
    image.reverse.forgetPage(item.first);
    if (image.reverse.isLarge()) image.reverse.flush(image.head);
    this.finishEntry(this.beginEntry(item.first), pageKinds.folded, item.second, 0);
    image.count('pagesCommitted', 1);
    image.count('pagesDirect', 1);
  }

  private beginTransaction(): void {
    if (this.transactionOpen) return;
    this.image.begin();
    this.transactionOpen = true;
  }

  private commit(end: RingItem): void {
    const { image } = this;
    const { head } = image;
    const { phase } = image.effects;
    const facts = this.readEnd(end);
    assert(facts.generation === head.generation + 1, `committer: ${facts.generation} is next`);
    this.beginTransaction();
    // Else what the head row says goes on to hold, and the chain of records says which is the newest.
    let isHeadChanged = image.flushMap(facts.generation) || head.closed || head.generation === 0;
    const root = head.map;
    writeRecord(this.body, { ...facts, mapGeneration: root.generation, mapHash: root.hash }, this.parts);
    const body = Buffer.from(this.body.used());
    const hash = sha256(body);
    this.insertRecord.run(facts.generation, facts.generation - 1, hash, body);
    phase('commit-body');
    head.generation = facts.generation;
    head.recordHash = hash;
    head.closed = false;
    isHeadChanged = image.reverse.flush(head) || isHeadChanged;
    if (isHeadChanged) image.headTable.write(head);
    phase('commit-head');
    phase('commit-before');
    image.commit();
    this.transactionOpen = false;
    phase('commit-after');
    this.side.acknowledge(facts.generation);
    phase('commit-side');
    this.acknowledge(facts.generation, hash);
    image.noteRecord(new PackedRecord(body), hash);
    image.count('recordBytes', body.length);
    this.batchOpen = false;
    const commitUs = Math.round((image.effects.nowMs() - this.startedMs) * 1000);
    image.set('commitUsLast', commitUs);
    image.count('commitUsSum', commitUs);
    phase('acknowledged');
  }

  private acknowledge(generation: number, hash: Buffer): void {
    this.hashes.set(hash, (generation % HASH_SLOTS) * 32);
    Atomics.add(this.control, control.committed, 1);
    Atomics.notify(this.control, control.committed);
    this.ring.release();
  }

  /** The end item: a record header without counts, then the kernel record and the border's JSON. */
  private readEnd(item: RingItem): RecordFacts {
    const payload = Buffer.from(this.payload(item));
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    const header = recordHeader.read(view, 0);
    const borderAt = recordHeader.size + header.kernelRecordBytes;
    const { head } = this.image;
    return {
      generation: Number(header.generation),
      parent: Number(header.parent),
      tick: header.tick,
      wallMs: Number(header.wallMs),
      pauseUs: header.pauseUs,
      flags: header.flags,
      kernelRecord: payload.subarray(recordHeader.size, borderAt),
      border: payload.subarray(borderAt),
      parentHash: head.recordHash,
      pagesFolded: head.pagesFolded,
      mapGeneration: 0,
      mapHash: head.map.hash,
    };
  }
}
