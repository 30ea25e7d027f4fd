/**
 * Where a thread's registers are, and how entries read their arguments and write their results.
 *
 * Invariant: the registers of `state.loaded` are in the hart, those of every other thread in its image. Loading is lazy,
 * so an entry of the running thread copies nothing. Called by the dispatcher, schedule.ts and the handlers.
 */

import { highHalf, joinHalves, lowHalf, TWO_32 } from '../base/integer.ts';
import { TICKS_PER_NANOSECOND } from './abi/memory.ts';
import { states } from './abi/types.ts';
import type { KernelState, Thread } from './state.ts';
import { note, traceEvents } from './trace.ts';

const at = states.thread.offset;
/** Each half of the word that means no reservation: all ones. */
const NO_RESERVATION = 0xffff_ffff;
/** Words of a thread's image. */
const PC = at.pc / 4;
const RESERVATION = at.reservation / 4;
const FCSR = at.fcsr / 4;
/** Index of a0's low half. */
const A0 = 20;
const A7 = 34;

/** x0 to x31 of the thread as halves, wherever they are now. */
export function registersOf(k: KernelState, thread: Thread): Uint32Array {
  return k.loaded === thread ? k.machine.hart.halves : thread.halves;
}

export function pcOf(k: KernelState, thread: Thread): Uint32Array {
  return k.loaded === thread ? k.machine.hart.pcHalves : thread.pcHalves;
}

/** Argument `index` (register a0 + index) as a number, -1 when it is 2^53 or more. */
export function argument(registers: Uint32Array, index: number): number {
  const place = A0 + 2 * index;
  return joinHalves(registers[place] as number, registers[place + 1] as number);
}

export function argumentWord(registers: Uint32Array, index: number): bigint {
  const place = A0 + 2 * index;
  return (BigInt(registers[place + 1] as number) << 32n) | BigInt(registers[place] as number);
}

/** Writes a non-negative number below 2^53 into register a0 + index. */
export function setArgument(registers: Uint32Array, index: number, value: number): void {
  const place = A0 + 2 * index;
  registers[place] = lowHalf(value);
  registers[place + 1] = value >= 0 && value < TWO_32 ? 0 : Math.floor(value / TWO_32);
}

/** Writes a word given in halves into register a0 + index. */
export function setArgumentHalves(registers: Uint32Array, index: number, low: number, high: number): void {
  registers[A0 + 2 * index] = low;
  registers[A0 + 2 * index + 1] = high;
}

/** The tick until which the clock_sleep in these registers sleeps. What cannot be counted in ticks is never reached. */
export function deadlineOf(registers: Uint32Array): bigint {
  const deadline = argumentWord(registers, 0) * BigInt(TICKS_PER_NANOSECOND);
  return BigInt.asUintN(64, deadline) === deadline ? deadline : 2n ** 64n - 1n;
}

export function setArgumentWord(registers: Uint32Array, index: number, value: bigint): void {
  const place = A0 + 2 * index;
  registers[place] = Number(value & 0xffff_ffffn);
  registers[place + 1] = Number((value >> 32n) & 0xffff_ffffn);
}

/** The entry number in a7, -1 when it has upper bits. */
export function entryNumber(registers: Uint32Array): number {
  return registers[A7 + 1] === 0 ? (registers[A7] as number) : -1;
}

export function setEntryNumber(registers: Uint32Array, number: number): void {
  setArgument(registers, 7, number);
}

/** Completes the call that the thread's pc stands at: a0 is the outcome, pc goes past the ecall. Commits. */
export function completeCall(k: KernelState, thread: Thread, outcome: number): void {
  setArgument(registersOf(k, thread), 0, outcome);
  const pc = pcOf(k, thread);
  const low = (pc[0] as number) + 4;
  pc[0] = low;
  if (low >= TWO_32) pc[1] = (pc[1] as number) + 1;
}

/** Copies 32 registers; a loop over typed arrays takes half the time of `set` on shared memory. */
function copyRegisters(target: BigUint64Array, source: BigUint64Array): void {
  for (let i = 0; i < 32; i += 1) target[i] = source[i] as bigint;
}

/** Copies the hart's registers into the image of the loaded thread; it stays loaded. */
export function saveRegisters(k: KernelState): void {
  const thread = k.loaded;
  if (thread === null) return;
  const { hart } = k.machine;
  const { words } = thread;
  copyRegisters(thread.x, hart.x);
  words[PC] = hart.pcHalves[0] as number;
  words[PC + 1] = hart.pcHalves[1] as number;
  words[RESERVATION] = hart.reservationHalves[0] as number;
  words[RESERVATION + 1] = hart.reservationHalves[1] as number;
  words[FCSR] = hart.fcsr;
  if (!hart.floatsChanged) return;
  copyRegisters(thread.floats, hart.f);
  hart.floatsChanged = false;
  thread.usesFloats = true;
  k.floatsOf = thread;
}

/** Makes the thread's image the truth again: before it is changed from outside, or another thread is loaded. */
export function unloadRegisters(k: KernelState): void {
  saveRegisters(k);
  k.loaded = null;
}

/** The f registers are copied when those in the hart are others: most threads never use any. */
function loadFloats(k: KernelState, thread: Thread): void {
  const { hart } = k.machine;
  const isNew = thread.usesFloats === null;
  if (isNew) thread.usesFloats = thread.floats.some((word) => word !== 0n);
  const wanted = thread.usesFloats ? thread : null;
  if (k.floatsOf === wanted && !isNew) return;
  copyRegisters(hart.f, thread.floats);
  k.floatsOf = wanted;
}

/** Puts the thread's registers into the hart. */
export function loadRegisters(k: KernelState, thread: Thread): void {
  if (k.loaded === thread) return;
  saveRegisters(k);
  const { hart } = k.machine;
  const { words } = thread;
  copyRegisters(hart.x, thread.x);
  hart.pcHalves[0] = words[PC] as number;
  hart.pcHalves[1] = words[PC + 1] as number;
  hart.reservationHalves[0] = words[RESERVATION] as number;
  hart.reservationHalves[1] = words[RESERVATION + 1] as number;
  hart.fcsr = words[FCSR] as number;
  loadFloats(k, thread);
  // instret is the thread's own count: a count of the machine's would begin anew with each life of the host.
  hart.retiredHalves[0] = lowHalf(thread.retired);
  hart.retiredHalves[1] = highHalf(thread.retired);
  k.loaded = thread;
  k.statistics.switches += 1;
  note(k, traceEvents.switch.kind, thread.serial, 0, 0);
}

/** A thread that lets another run loses its LR reservation (otherwise SC could miss the other's store). */
export function clearReservation(k: KernelState, thread: Thread): void {
  const isLoaded = k.loaded === thread;
  const halves = isLoaded ? k.machine.hart.reservationHalves : thread.words;
  const place = isLoaded ? 0 : RESERVATION;
  halves[place] = NO_RESERVATION;
  halves[place + 1] = NO_RESERVATION;
}

/** True when the thread holds an LR reservation. */
export function hasReservation(k: KernelState, thread: Thread): boolean {
  const isLoaded = k.loaded === thread;
  const halves = isLoaded ? k.machine.hart.reservationHalves : thread.words;
  const place = isLoaded ? 0 : RESERVATION;
  return halves[place] !== NO_RESERVATION || halves[place + 1] !== NO_RESERVATION;
}
