/**
 * The kernel record: what is persistent and belongs to no object (law 6), out and in.
 *
 * Called by the entry point kernel_record and by `Kernel.record` / `restoreRecord`.
 */
import { assert } from '../base/assert.ts';
import { toSafeNumber } from '../base/integer.ts';
import { kernelRecord } from './abi/memory.ts';
import { TRANSIENT_SERIAL_START } from './first-state.ts';
import type { KernelState } from './state.ts';

/** Writes the record at the start of the view. */
export function writeRecord(k: KernelState, view: DataView): void {
  kernelRecord.write(view, 0, {
    tick: k.machine.hart.tickWord[0] as bigint,
    nextTicket: BigInt(k.nextTicket),
    nextTurn: BigInt(k.nextTurn),
    nextSerial: BigInt(k.nextSerial),
    wallBase: k.wallBase,
    generator: Array.from(k.generator),
  });
}

/**
 * Loads a record. Serials handed out meanwhile (a restart makes objects, then gives them their own) are forgotten: what
 * lives now must be older. A ticket or turn that somebody had to be given is not taken back.
 */
export function loadRecord(k: KernelState, bytes: Uint8Array): void {
  assert(bytes.length >= kernelRecord.size, `record: it has ${kernelRecord.size} bytes`);
  const record = kernelRecord.read(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0);
  k.machine.hart.tickWord[0] = record.tick;
  k.nextTicket = Math.max(k.nextTicket, toSafeNumber(record.nextTicket, 'record: the next ticket'));
  k.nextTurn = Math.max(k.nextTurn, toSafeNumber(record.nextTurn, 'record: the next turn'));
  k.nextSerial = toSafeNumber(record.nextSerial, 'record: the next serial');
  k.wallBase = record.wallBase;
  for (let i = 0; i < 4; i += 1) k.generator[i] = record.generator[i] as bigint;
  for (const { serial } of k.bySerial.values()) {
    assert(
      serial < k.nextSerial || serial >= TRANSIENT_SERIAL_START,
      `record: serial ${serial} of a living object is below the next one, ${k.nextSerial}`,
    );
  }
}
