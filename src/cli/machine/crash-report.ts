/**
 * The crash report: what a machine whose invariant broke was doing, as one JSON file beside the image.
 *
 * Holds what happened last (the trace, by module), the thread that ran with its registers and call, and the kernel's
 * numbers; no memory of the program. Called once, by the verb, when a defect has stopped the machine; never stops it.
 */
import fs from 'node:fs';
import { entryNameOf } from '../../kernel/abi/entry-names.ts';
import { typeNames } from '../../kernel/abi/types.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { newest, type TraceEvent, traceEvents } from '../../kernel/trace.ts';

function eventOf(event: TraceEvent): Record<string, unknown> {
  const { a, b } = traceEvents[event.name];
  const detail: Record<string, unknown> = {};
  for (const [key, value] of [
    [a, event.a],
    [b, event.b],
  ] as const) {
    if (key === '') continue;
    if (key === 'entry') detail.entry = entryNameOf(value) ?? value;
    else if (key === 'type') detail.type = typeNames[value - 1] ?? value;
    else detail[key] = value;
  }
  return { sequence: event.sequence, tick: event.tick, event: event.name, thread: event.thread, ...detail };
}

/** The report as an object. `error` is what stopped the machine. */
export function crashReport(kernel: Kernel, error: unknown): Record<string, unknown> {
  const { state } = kernel;
  const { loaded } = state;
  const { hart } = state.machine;
  const hex = (word: bigint | undefined): string => `0x${(word ?? 0n).toString(16)}`;
  const call = loaded === null ? null : Number(BigInt.asUintN(32, hart.x[17] ?? 0n));
  return {
    what: error instanceof Error ? error.message : String(error),
    stack: error instanceof Error ? (error.stack ?? null) : null,
    tick: String(kernel.tick()),
    statistics: kernel.statistics(),
    running:
      loaded === null
        ? null
        : {
            thread: loaded.serial,
            pc: hex(hart.pcWord[0]),
            call: call === null ? null : entryNameOf(call),
            x: Array.from(hart.x, hex),
          },
    trace: Object.fromEntries(
      [...newest(state.trace)].map(([module, events]) => [module, events.map(eventOf)]),
    ),
  };
}

/** Writes the report beside the image; returns the file's name, or null when it could not be written. */
export function writeCrashReport(
  place: string,
  stamp: string,
  report: Record<string, unknown>,
): string | null {
  const file = `${place}.crash-${stamp.replace(/[:.]/g, '-')}.json`;
  try {
    fs.writeFileSync(file, `${JSON.stringify(report, null, 1)}\n`, { flag: 'wx' });
    return file;
  } catch {
    // The machine has stopped for a better reason, which the operator is told; a full disk must not hide it.
    return null;
  }
}
