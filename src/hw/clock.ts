/**
 * The deterministic clock: monotonic time is the hart's tick counter, and nothing else moves it.
 *
 * Invariant: time depends on retired instructions and on ticks added by whoever runs the hart, never on the host. How
 * many ticks make a nanosecond is the caller's rule. Called by the bare runner; the kernel reads the counter itself.
 */
import { assert } from '../base/assert.ts';
import type { Hart } from './machine.ts';

const NANOSECONDS_PER_SECOND = 1_000_000_000n;

/** Ticks since the machine was made. */
export function tickOf(hart: Hart): bigint {
  return hart.tickWord[0] ?? 0n;
}

/** Nanoseconds since the machine was made, rounded down. */
export function monotonicNs(hart: Hart, ticksPerNanosecond: number): bigint {
  assert(
    Number.isInteger(ticksPerNanosecond) && ticksPerNanosecond > 0,
    'clock: a nanosecond has whole ticks',
  );
  return tickOf(hart) / BigInt(ticksPerNanosecond);
}

/** Seconds and nanoseconds, as a timespec has them. */
export function toTimespec(ns: bigint): { readonly seconds: bigint; readonly nanoseconds: bigint } {
  return { seconds: ns / NANOSECONDS_PER_SECOND, nanoseconds: ns % NANOSECONDS_PER_SECOND };
}
