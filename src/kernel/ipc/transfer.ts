/**
 * One stage of a reliable message: bytes straight from page to page, and the references that go with them.
 *
 * Both sides' registers say what they want, so whichever runs can do it; at most STAGE_BYTES and
 * MESSAGE_REFERENCES_MAX a stage. A page missing on either side leaves both as they were. Both tables of references are
 * read before a byte is written, so it does not matter what overlaps what. Called by reliable.ts.
 */
import { highHalf, joinHalves, lowHalf } from '../../base/integer.ts';
import { MESSAGE_REFERENCES_MAX, STAGE_BYTES } from '../../base/limits.ts';
import { touchThread } from '../memory/changed.ts';
import { carry, openRead, readWindow } from '../memory/copy.ts';
import { namedReference } from '../names.ts';
import { pointAt } from '../objects/reference.ts';
import { argument, registersOf, setArgument } from '../registers.ts';
import { type KernelState, live, type Thread } from '../state.ts';
import { note, traceEvents } from '../trace.ts';

/** Registers that count references: t0 to send, t1 to receive (indices of their low halves). */
const T0 = 10;
const T1 = 12;
/** Bytes of a table's entry: the address of a reference. */
const ENTRY_BYTES = 8;
/** The two tables of a stage, in the kernel's scratch record. */
const TARGETS_AT = MESSAGE_REFERENCES_MAX * ENTRY_BYTES;

/** A length or a room in a register; what no number can be counts as very long. */
function lengthIn(registers: Uint32Array, index: number): number {
  const length = argument(registers, index);
  return length < 0 ? Number.MAX_SAFE_INTEGER : length;
}

function countIn(registers: Uint32Array, index: number): number {
  const count = joinHalves(registers[index] as number, registers[index + 1] as number);
  return count < 0 ? Number.MAX_SAFE_INTEGER : count;
}

function setCount(registers: Uint32Array, index: number, count: number): void {
  registers[index] = lowHalf(count);
  registers[index + 1] = highHalf(count);
}

/** Bytes that the sender has left to send. */
export function bytesLeft(registers: Uint32Array): number {
  return lengthIn(registers, 2);
}

/** References that the sender has left to send. */
export function referencesLeft(registers: Uint32Array): number {
  return countIn(registers, T0);
}

/** Bytes that the receiver has room for. */
export function roomLeft(registers: Uint32Array): number {
  return lengthIn(registers, 4);
}

/** References that the receiver has places for. */
export function placesLeft(registers: Uint32Array): number {
  return countIn(registers, T1);
}

/** The sender's registers as if all had been sent. */
export function discardRest(registers: Uint32Array): void {
  const length = argument(registers, 2);
  if (length > 0) setArgument(registers, 1, Math.max(0, argument(registers, 1)) + length);
  setArgument(registers, 2, 0);
  setCount(registers, T0, 0);
}

/**
 * Moves one stage from the sender's (a1, a2) and table (a5, t0) to the receiver's (a3, a4) and table (a6, t1), and
 * advances both. 0, `absent`, or a fault of a user task's.
 */
export function transfer(k: KernelState, sender: Thread, receiver: Thread): number {
  const from = registersOf(k, sender);
  const to = registersOf(k, receiver);
  const sendLength = lengthIn(from, 2);
  const room = lengthIn(to, 4);
  const count = Math.min(sendLength, room, STAGE_BYTES);
  const references = Math.min(countIn(from, T0), countIn(to, T1), MESSAGE_REFERENCES_MAX);
  if (references > 0) {
    const read = readTables(k, sender, receiver, references);
    if (read !== 0) return read;
  }
  if (count > 0) {
    const source = argument(from, 1);
    const target = argument(to, 3);
    const carried = carry(k, sender, source, receiver, target, count);
    if (carried !== 0) return carried;
    setArgument(from, 1, source + count);
    setArgument(from, 2, sendLength - count);
    setArgument(to, 3, target + count);
    setArgument(to, 4, room - count);
  }
  // Commit: nothing below can fail.
  if (references > 0) carryReferences(k, sender, receiver, references);
  touchThread(k, sender);
  touchThread(k, receiver);
  note(k, traceEvents.transfer.kind, sender.serial, receiver.serial, count);
  return 0;
}

/** Reads the first entries of both tables into the scratch record. */
function readTables(k: KernelState, sender: Thread, receiver: Thread, count: number): number {
  const length = count * ENTRY_BYTES;
  const opened = openRead(k, k.window, sender, argument(registersOf(k, sender), 5), length);
  if (opened !== 0) return opened;
  const openedTo = openRead(k, k.otherWindow, receiver, argument(registersOf(k, receiver), 6), length);
  if (openedTo !== 0) return openedTo;
  readWindow(k, k.window, k.record, length);
  readWindow(k, k.otherWindow, k.record.subarray(TARGETS_AT), length);
  return 0;
}

function addressAt(k: KernelState, offset: number): number {
  return joinHalves(k.recordView.getUint32(offset, true), k.recordView.getUint32(offset + 4, true));
}

/**
 * Points the receiver's reference objects at what the sender's point at. A source that is no reference counts as null; a
 * target that is none is passed over.
 */
function carryReferences(k: KernelState, sender: Thread, receiver: Thread, count: number): void {
  for (let i = 0; i < count; i += 1) {
    const source = namedReference(k, sender, addressAt(k, i * ENTRY_BYTES));
    const target = namedReference(k, receiver, addressAt(k, TARGETS_AT + i * ENTRY_BYTES));
    if (typeof target === 'number') continue;
    pointAt(k, target, typeof source === 'number' ? null : live(source.target));
  }
  const from = registersOf(k, sender);
  const to = registersOf(k, receiver);
  setArgument(from, 5, argument(from, 5) + count * ENTRY_BYTES);
  setArgument(to, 6, argument(to, 6) + count * ENTRY_BYTES);
  setCount(from, T0, countIn(from, T0) - count);
  setCount(to, T1, countIn(to, T1) - count);
}
