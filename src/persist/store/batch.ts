/**
 * One checkpoint on its way into the ring.
 *
 * Invariants: the bytes are copied when a call is made; `publish` is the last call; the worker sees nothing complete
 * before it. Made by `store.ts` within one pause.
 */
import { assert } from '../../base/assert.ts';
import { PAGE_SIZE } from '../../base/limits.ts';
import { GrowingBytes } from './bytes.ts';
import type { Batch, CheckpointHeader, JournalRow, StoredObject } from './contract.ts';
import { appendObject, appendRow } from './entries.ts';
import { ITEM_BYTES_MAX } from './limits.ts';
import type { PageTraces } from './pages.ts';
import { RECORD_MAGIC, RECORD_VERSION, recordFlags, recordHeader } from './record.ts';
import { itemKinds, type RingWriter } from './ring.ts';

/** `ringOffset` of a page that is zeros. */
export const PAGE_GONE = -2;

const UNKNOWN_PLACE = -1;
const noBytes = new Uint8Array(0);

export class OpenBatch implements Batch {
  private readonly ring: RingWriter;
  private readonly traces: PageTraces;
  private readonly generation: number;
  private readonly published: () => void;
  private readonly scratch = new GrowingBytes(2048);
  private isOpen = true;

  constructor(ring: RingWriter, traces: PageTraces, generation: number, published: () => void) {
    this.ring = ring;
    this.traces = traces;
    this.generation = generation;
    this.published = published;
    ring.segmented = false;
  }

  page(number: number, bytes: Uint8Array, pc: number): void {
    assert(bytes.length === PAGE_SIZE, 'batch: a page has 4096 bytes');
    this.ring.put(this.place(number, pc), bytes);
  }

  place(number: number, pc: number): number {
    assert(this.isOpen, 'batch: it is open');
    const at = this.ring.item(itemKinds.page, PAGE_SIZE, number, pc);
    this.traces.noteLater(number, this.generation, at);
    return at;
  }

  pageGone(number: number): void {
    assert(this.isOpen, 'batch: it is open');
    this.ring.item(itemKinds.pageGone, 0, number, 0);
    this.traces.noteLater(number, this.generation, PAGE_GONE);
  }

  object(object: StoredObject): void {
    this.scratch.length = 0;
    appendObject(this.scratch, object);
    this.putScratch(itemKinds.object);
  }

  objectGone(address: number): void {
    assert(this.isOpen, 'batch: it is open');
    this.ring.item(itemKinds.objectGone, 0, address, 0);
  }

  journal(row: JournalRow): void {
    this.row(itemKinds.journal, row.kind, 0, row.data);
  }

  output(sink: string, offset: number, bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; from += ITEM_BYTES_MAX / 2) {
      const piece = bytes.subarray(from, from + ITEM_BYTES_MAX / 2);
      this.row(itemKinds.output, sink, offset + from, piece);
    }
  }

  confirmOutput(sink: string, offset: number): void {
    this.row(itemKinds.confirm, sink, offset, noBytes);
  }

  private row(kind: number, name: string, offset: number, data: Uint8Array): void {
    this.scratch.length = 0;
    appendRow(this.scratch, { name, offset, data });
    this.putScratch(kind);
  }

  private putScratch(kind: number): void {
    assert(this.isOpen, 'batch: it is open');
    const payload = this.scratch.used();
    this.ring.put(this.ring.item(kind, payload.length, 0, 0), payload);
  }

  publish(header: CheckpointHeader): void {
    assert(header.generation === this.generation, `batch: generation ${this.generation} is next`);
    const isNext = header.parent === this.generation - 1;
    assert(isNext || header.restored === true, 'batch: it follows the one before, or leads back');
    const border = Buffer.from(header.border);
    this.scratch.length = 0;
    this.scratch.reserve(recordHeader.size);
    this.scratch.append(header.kernelRecord);
    this.scratch.append(border);
    const { buffer } = this.scratch;
    const view = new DataView(buffer.buffer, buffer.byteOffset, recordHeader.size);
    recordHeader.write(view, 0, {
      ...emptyHeader,
      flags: (header.clean ? recordFlags.clean : 0) | (header.restored ? recordFlags.restored : 0),
      generation: BigInt(header.generation),
      parent: BigInt(header.parent),
      tick: header.tick,
      wallMs: BigInt(Math.round(header.wallMs)),
      pauseUs: Math.min(0xffff_ffff, Math.round(header.pauseUs)),
      kernelRecordBytes: header.kernelRecord.length,
      borderBytes: border.length,
    });
    this.putScratch(itemKinds.end);
    this.isOpen = false;
    // Parts of the batch have left the ring already.
    if (this.ring.segmented) this.traces.moveLater(this.generation, UNKNOWN_PLACE);
    this.published();
    this.ring.publish();
  }
}

const emptyHeader = {
  ...recordHeader.read(new DataView(new ArrayBuffer(recordHeader.size)), 0),
  magic: RECORD_MAGIC,
  version: RECORD_VERSION,
};
