/**
 * `run --trace FILE`: the kernel's trace in Chrome's trace event format, for chrome://tracing or Perfetto.
 *
 * One process a space, one track a thread, one more for the hart, which shows whose turn it is. An entry is a slice with
 * the entry's name; one that waits lasts until the wait ends. Messages and transfers are arrows between threads; the
 * rest are instants. Times are the machine's, in microseconds of its clock, so a trace of a deterministic run is the
 * same whenever it is made. Format: "Trace Event Format" (Chromium), JSON array form.
 * Invariant: every slice that begins ends, every arrow has both its ends. Built by the verb; `write` takes the text.
 */
import fs from 'node:fs';
import { flavours } from '../../kernel/abi/entry.ts';
import { entryNameOf } from '../../kernel/abi/entry-names.ts';
import { ENTRY_TICKS, TICKS_PER_NANOSECOND } from '../../kernel/abi/memory.ts';
import { typeNames } from '../../kernel/abi/types.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { results } from '../../kernel/results.ts';
import { type TraceEvent, traceEvents } from '../../kernel/trace.ts';

/** What is known of a thread: its space's serial and a name for people. */
export interface ThreadLabel {
  readonly space: number;
  readonly name: string;
}

/** The track of the hart. */
const HART = { pid: 0, tid: 0 };

const flavourNames = Object.fromEntries(Object.entries(flavours).map(([name, number]) => [number, name]));

function microseconds(tick: number): number {
  return tick / TICKS_PER_NANOSECOND / 1000;
}

/** Bytes of text collected before they are written. */
const BUFFER_CHARACTERS = 1 << 16;

/** Traces the kernel into a file until `close`; `program` names the threads of the machine. */
export function traceInto(file: string, kernel: Kernel, program: string): { close(): void } {
  const descriptor = fs.openSync(file, 'w');
  let text = '';
  const write = (piece: string): void => {
    text += piece;
    if (text.length < BUFFER_CHARACTERS) return;
    fs.writeSync(descriptor, text);
    text = '';
  };
  const trace = new ChromeTrace(write, (serial) => {
    const thread = kernel.describeThread(serial);
    if (thread === null) return null;
    return { space: thread.space, name: thread.taskName ?? `${program}, thread ${serial}` };
  });
  kernel.traceTo((events) => trace.add(events));
  return {
    close() {
      kernel.flushTrace();
      kernel.traceTo(null);
      trace.close();
      fs.writeSync(descriptor, text);
      fs.closeSync(descriptor);
    },
  };
}

export class ChromeTrace {
  readonly #write: (text: string) => void;
  readonly #describe: (thread: number) => ThreadLabel | null;
  readonly #labels = new Map<number, ThreadLabel>();
  readonly #spaces = new Set<number>();
  /** Threads whose slice has begun and not ended. */
  readonly #open = new Map<number, string>();
  #running = 0;
  #lastTick = 0;
  #isFirst = true;

  constructor(write: (text: string) => void, describe: (thread: number) => ThreadLabel | null) {
    this.#write = write;
    this.#describe = describe;
    write('[');
    this.#put({ ph: 'M', name: 'process_name', ...HART, args: { name: 'hart' } });
    this.#put({ ph: 'M', name: 'thread_name', ...HART, args: { name: 'runs' } });
  }

  #put(event: Readonly<Record<string, unknown>>): void {
    this.#write(`${this.#isFirst ? '\n' : ',\n'}${JSON.stringify(event)}`);
    this.#isFirst = false;
  }

  /** The track of a thread; its name is written when it is met first. */
  #track(thread: number): { pid: number; tid: number } {
    let label = this.#labels.get(thread);
    if (label === undefined) {
      label = this.#describe(thread) ?? { space: 0, name: `thread ${thread}` };
      this.#labels.set(thread, label);
      if (label.space !== 0 && !this.#spaces.has(label.space)) {
        this.#spaces.add(label.space);
        const name = `space ${label.space}`;
        this.#put({ ph: 'M', name: 'process_name', pid: label.space, args: { name } });
      }
      this.#put({
        ph: 'M',
        name: 'thread_name',
        pid: label.space,
        tid: thread,
        args: { name: label.name },
      });
    }
    return { pid: label.space, tid: thread };
  }

  /** Takes events in the order in which they happened. */
  add(events: readonly TraceEvent[]): void {
    for (const event of events) {
      this.#lastTick = event.tick;
      this.#addOne(event);
    }
  }

  #addOne(event: TraceEvent): void {
    const ts = microseconds(event.tick);
    switch (event.name) {
      case 'entry':
        this.#entry(event, ts);
        break;
      case 'switch':
        this.#switch(event.thread, ts);
        break;
      case 'finish':
      case 'wake':
        this.#end(event.thread, ts, event.name === 'finish' ? { outcome: event.a } : {});
        break;
      case 'message':
        this.#arrow(event, ts, flavourNames[event.b] ?? 'message', {});
        break;
      case 'connect':
        this.#arrow(event, ts, 'connect', {});
        break;
      case 'transfer':
        this.#arrow(event, ts, 'transfer', { bytes: event.b });
        break;
      case 'alert':
        this.#arrow(event, ts, 'alert', {});
        break;
      default:
        this.#instant(event, ts);
    }
  }

  #entry(event: TraceEvent, ts: number): void {
    this.#end(event.thread, ts, {});
    const name = entryNameOf(event.a) ?? `entry 0x${event.a.toString(16)}`;
    const track = this.#track(event.thread);
    if (event.b === results.blocked || event.b === results.service) {
      this.#open.set(event.thread, name);
      this.#put({ ph: 'B', name, cat: 'entry', ts, ...track });
      return;
    }
    const isStage = event.b === results.stage;
    const args = isStage ? { stage: true } : event.b >= 0x100 ? { fault: event.b } : { outcome: event.b };
    this.#put({ ph: 'X', name, cat: 'entry', ts, dur: microseconds(ENTRY_TICKS), ...track, args });
  }

  #end(thread: number, ts: number, args: Readonly<Record<string, unknown>>): void {
    const name = this.#open.get(thread);
    if (name === undefined) return;
    this.#open.delete(thread);
    this.#put({ ph: 'E', name, cat: 'entry', ts, ...this.#track(thread), args });
  }

  #switch(thread: number, ts: number): void {
    if (this.#running !== 0) this.#put({ ph: 'E', cat: 'hart', ts, ...HART });
    this.#track(thread);
    const name = this.#labels.get(thread)?.name ?? `thread ${thread}`;
    this.#put({ ph: 'B', name, cat: 'hart', ts, ...HART });
    this.#running = thread;
  }

  #arrow(event: TraceEvent, ts: number, name: string, args: Readonly<Record<string, unknown>>): void {
    const common = { name, cat: 'ipc', id: event.sequence, ts };
    this.#put({ ph: 's', ...common, ...this.#track(event.thread), args });
    this.#put({ ph: 'f', bp: 'e', ...common, ...this.#track(event.a) });
  }

  #instant(event: TraceEvent, ts: number): void {
    const { a, b } = traceEvents[event.name];
    const args: Record<string, unknown> = {};
    for (const [key, value] of [
      [a, event.a],
      [b, event.b],
    ] as const) {
      if (key === 'type') args[key] = typeNames[value - 1] ?? value;
      else if (key !== '') args[key] = value;
    }
    const track = event.thread === 0 ? HART : this.#track(event.thread);
    this.#put({ ph: 'i', s: 't', name: event.name, cat: event.module, ts, ...track, args });
  }

  /** Ends what is open; nothing may be added afterwards. */
  close(): void {
    const ts = microseconds(this.#lastTick);
    for (const thread of [...this.#open.keys()]) this.#end(thread, ts, { isOpen: true });
    if (this.#running !== 0) this.#put({ ph: 'E', cat: 'hart', ts, ...HART });
    this.#write('\n]\n');
  }
}
