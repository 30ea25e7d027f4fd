/**
 * The trace: what happened last, typed, in one ring per module; always on.
 *
 * A ring holds the newest RING_EVENTS events of its module, so that a busy module does not push out what another one
 * said. An event is six numbers: its sequence number over all modules, the tick, its kind, the serial of the thread it is
 * about, and two details whose meaning `traceEvents` gives. The rings are host state: never part of an image, never read
 * by the kernel, so whether somebody looks changes nothing (law 8).
 * `note` is called from the line after the commit, by whoever acted; it allocates nothing. The rings are read by the
 * crash report and, through `drain`, by `run --trace`.
 */
import { TWO_32 } from '../base/integer.ts';
import type { KernelState } from './state.ts';

/** Kinds of events: `kind >> 4` is the module. `a` and `b` name the details. */
export const traceEvents = {
  /** An entry was made; `result` is an outcome, a fault, or one of `results.ts`. */
  entry: { kind: 0x00, a: 'entry', b: 'result' },
  /** The thread runs from here on. */
  switch: { kind: 0x10, a: '', b: '' },
  wait: { kind: 0x11, a: 'object', b: 'type' },
  wake: { kind: 0x12, a: '', b: '' },
  /** A call that waited is complete. */
  finish: { kind: 0x13, a: 'outcome', b: '' },
  sleep: { kind: 0x14, a: 'deadlineTick', b: '' },
  park: { kind: 0x15, a: '', b: '' },
  /** A message went from this thread to another; `flavour` as `abi/entry.ts` has it. */
  message: { kind: 0x20, a: 'to', b: 'flavour' },
  /** An answer, or the next piece of a conversation. */
  transfer: { kind: 0x21, a: 'to', b: 'bytes' },
  connect: { kind: 0x22, a: 'to', b: '' },
  disconnect: { kind: 0x23, a: 'from', b: '' },
  alert: { kind: 0x24, a: 'to', b: '' },
  /** A user task was asked. */
  service: { kind: 0x25, a: 'alias', b: 'flavour' },
  fault: { kind: 0x30, a: 'code', b: 'address' },
  handler: { kind: 0x31, a: 'pc', b: 'bit' },
  supply: { kind: 0x40, a: 'page', b: 'frame' },
  drop: { kind: 0x41, a: 'page', b: 'frame' },
  tables: { kind: 0x42, a: 'space', b: '' },
  create: { kind: 0x50, a: 'object', b: 'type' },
  destroy: { kind: 0x51, a: 'object', b: 'type' },
  move: { kind: 0x52, a: 'object', b: 'type' },
} as const;

export type TraceEventName = keyof typeof traceEvents;

/** The modules, by `kind >> 4`. */
export const traceModules = ['entry', 'schedule', 'ipc', 'fault', 'memory', 'object'] as const;
export type TraceModule = (typeof traceModules)[number];

/** Events that a ring keeps: a power of two. */
const RING_EVENTS = 1024;
const WORDS = 6;
/** Where the count of all modules lies. */
const ALL = traceModules.length;

export interface Trace {
  /** One ring for each of `traceModules`, one behind the other. */
  readonly rings: Float64Array;
  /** Events that each module noted so far, and, behind them, all together. */
  readonly counts: Float64Array;
  /** Events noted by each module when it was drained last. */
  readonly drained: Float64Array;
  /** Called before an event that was not drained would be lost; null: nobody drains. */
  overflow: (() => void) | null;
}

export interface TraceEvent {
  readonly sequence: number;
  readonly tick: number;
  readonly name: TraceEventName;
  readonly module: TraceModule;
  /** Serial of the thread, 0 for none. */
  readonly thread: number;
  readonly a: number;
  readonly b: number;
}

export function createTrace(): Trace {
  return {
    rings: new Float64Array(traceModules.length * RING_EVENTS * WORDS),
    counts: new Float64Array(traceModules.length + 1),
    drained: new Float64Array(traceModules.length),
    overflow: null,
  };
}

/** Notes an event. `kind` is one of `traceEvents`; `thread` a serial. */
export function note(k: KernelState, kind: number, thread: number, a: number, b: number): void {
  const { trace } = k;
  const { counts, rings: ring } = trace;
  const module = kind >> 4;
  const count = counts[module] as number;
  const sequence = counts[ALL] as number;
  if (trace.overflow !== null && count - (trace.drained[module] as number) >= RING_EVENTS) trace.overflow();
  const at = (module * RING_EVENTS + (count & (RING_EVENTS - 1))) * WORDS;
  const { tickHalves } = k.machine.hart;
  ring[at] = sequence;
  ring[at + 1] = (tickHalves[1] as number) * TWO_32 + (tickHalves[0] as number);
  ring[at + 2] = kind;
  ring[at + 3] = thread;
  ring[at + 4] = a;
  ring[at + 5] = b;
  counts[module] = count + 1;
  counts[ALL] = sequence + 1;
}

const byKind = new Map<number, TraceEventName>(
  (Object.keys(traceEvents) as TraceEventName[]).map((name) => [traceEvents[name].kind, name]),
);

function read(trace: Trace, module: number, from: number): TraceEvent[] {
  const { rings: ring } = trace;
  const count = trace.counts[module] as number;
  const found: TraceEvent[] = [];
  for (let i = Math.max(from, count - RING_EVENTS, 0); i < count; i += 1) {
    const at = (module * RING_EVENTS + (i % RING_EVENTS)) * WORDS;
    found.push({
      sequence: ring[at] as number,
      tick: ring[at + 1] as number,
      name: byKind.get(ring[at + 2] as number) ?? 'entry',
      module: traceModules[module] as TraceModule,
      thread: ring[at + 3] as number,
      a: ring[at + 4] as number,
      b: ring[at + 5] as number,
    });
  }
  return found;
}

/** What the rings hold, by module, oldest first. */
export function newest(trace: Trace): ReadonlyMap<TraceModule, readonly TraceEvent[]> {
  return new Map(traceModules.map((module, i) => [module, read(trace, i, 0)]));
}

/** The events since the last call, of all modules, in the order in which they happened. */
export function drain(trace: Trace): TraceEvent[] {
  const found = traceModules.flatMap((_, i) => read(trace, i, trace.drained[i] as number));
  trace.drained.set(trace.counts.subarray(0, ALL));
  return found.sort((x, y) => x.sequence - y.sequence);
}
