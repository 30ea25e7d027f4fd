/**
 * One checkpoint on its way into the ring.
 *
 * Invariants: the bytes are copied when a call is made; `publish` is the last call; the worker sees nothing complete
 * before it. Made by `store.ts` within one pause.
 */
import { assert } from '../../base/assert.ts';
import { PAGE_SIZE } from '../../base/limits.ts';
import { GrowingBytes, writeInteger } from './bytes.ts';
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

/** What all batches of a store use, one after another. */
export class BatchRoom {
  readonly scratch = new GrowingBytes(2048);
  private border = '';
  private bytes: Uint8Array = noBytes;

  /** The text as UTF-8; as before when it is the same text. */
  borderBytes(border: string): Uint8Array {
    if (border !== this.border) {
      this.bytes = Buffer.from(border);
      this.border = border;
    }
    return this.bytes;
  }
}

export class OpenBatch implements Batch {
  private readonly ring: RingWriter;
  private readonly traces: PageTraces;
  private readonly generation: number;
  private readonly published: () => void;
  private readonly room: BatchRoom;
  private readonly scratch: GrowingBytes;
  private isOpen = true;

  constructor(
    ring: RingWriter,
    traces: PageTraces,
    room: BatchRoom,
    generation: number,
    published: () => void,
  ) {
    this.room = room;
    this.scratch = room.scratch;
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
    const border = this.room.borderBytes(header.border);
    this.scratch.length = 0;
    this.scratch.append(emptyHeader);
    this.scratch.append(header.kernelRecord);
    this.scratch.append(border);
    const { buffer } = this.scratch;
    const { offset } = recordHeader;
    const flags = (header.clean ? recordFlags.clean : 0) | (header.restored ? recordFlags.restored : 0);
    buffer.writeUInt16LE(flags, offset.flags);
    writeInteger(buffer, offset.generation, header.generation);
    writeInteger(buffer, offset.parent, header.parent);
    buffer.writeBigUInt64LE(header.tick, offset.tick);
    writeInteger(buffer, offset.wallMs, Math.round(header.wallMs));
    buffer.writeUInt32LE(Math.min(0xffff_ffff, Math.round(header.pauseUs)), offset.pauseUs);
    buffer.writeUInt32LE(header.kernelRecord.length, offset.kernelRecordBytes);
    buffer.writeUInt32LE(border.length, offset.borderBytes);
    this.putScratch(itemKinds.end);
    this.isOpen = false;
    // Parts of the batch have left the ring already.
    if (this.ring.segmented) this.traces.moveLater(this.generation, UNKNOWN_PLACE);
    this.published();
    this.ring.publish();
  }
}

/** Header of a record with nothing in it. */
const emptyHeader = makeEmptyHeader();

function makeEmptyHeader(): Buffer {
  const bytes = Buffer.alloc(recordHeader.size);
  bytes.writeUInt32LE(RECORD_MAGIC, recordHeader.offset.magic);
  bytes.writeUInt16LE(RECORD_VERSION, recordHeader.offset.version);
  return bytes;
}
