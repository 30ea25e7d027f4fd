/**
 * The row of `checkpoint` that a record becomes when it is folded, and that a query sees before.
 *
 * Pure. Called by the folder and by the lens of queries.
 */
import { kernelRecord } from '../../kernel/abi/memory.ts';
import type { PackedRecord } from './record.ts';

/** The row of `checkpoint` for a record. */
export function checkpointColumns(record: PackedRecord, hash: Buffer): Record<string, unknown> {
  const { header } = record;
  const bytes = record.kernelRecord;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isKnown = bytes.byteLength === kernelRecord.size;
  const kernel = kernelRecord.read(isKnown ? view : new DataView(new ArrayBuffer(kernelRecord.size)), 0);
  const signed = (word: bigint) => BigInt.asIntN(64, word);
  return {
    generation: record.generation,
    parent: record.parent,
    tick: signed(header.tick),
    wall_ms: header.wallMs,
    pause_us: header.pauseUs,
    page_count: header.pageCount,
    object_count: header.objectCount + header.goneCount,
    byte_count: record.body.length,
    clean: record.clean ? 1 : 0,
    hash,
    next_ticket: signed(kernel.nextTicket),
    next_turn: signed(kernel.nextTurn),
    next_serial: signed(kernel.nextSerial),
    wall_base: signed(kernel.wallBase),
  };
}
