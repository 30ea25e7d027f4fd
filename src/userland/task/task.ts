/**
 * The user-task runtime: what a user-level server written in TypeScript sees of the kernel.
 *
 * A user task is an ordinary thread object in an ordinary space; only its processor is host code. It has no stack that
 * could be saved, so it lives outside the persistent subtree and restart rebuilds it. It calls the same entry points as
 * any program, with the same numbers, arguments and outcomes (`kernel/abi`).
 *
 * A call that would block gives control back: its thread waits where any thread would, `call` returns `waiting`, and
 * the host is told (`whenTold`) once it may go on with `finish`. So a task can lock mutexes, sleep, call programs and
 * serve them by every kind of IPC; what is under way when the host dies is broken off, as seen by the programs.
 * A server of short messages need not wait: with `serve` it is entered by `Service.receive` inside the client's own
 * call, and what it answers, it answers at once: the call takes no guest time beyond the entry's own and never changes
 * whose turn it is (law 8).
 * The kernel implements `Processor`; servers implement `Service`. Neither side holds more than this.
 */
import type { flavours } from '../../kernel/abi/entry.ts';

/** A request as a user task gets it. `bytes` is valid until `receive` returns. */
export interface Request {
  readonly flavour: (typeof flavours)['oneway'] | (typeof flavours)['idempotent'];
  /** The port's alias. */
  readonly alias: number;
  readonly bytes: Uint8Array;
  /** Room for the answer, bytes; a longer answer is cut. 0 for one-way requests. */
  readonly answerLength: number;
}

/**
 * `bytes` is the answer. `retry` means: nothing happened, undo the client's entry and give control back to whoever runs
 * the kernel (`Kernel.run` returns 'service'), then let the client issue it again; the client cannot tell.
 * `never`: the client is not answered and stays blocked (it ended, or was stopped by this server).
 */
export type Answer = { readonly bytes: Uint8Array } | 'retry' | 'never';

export interface Service {
  receive(request: Request): Answer;
}

/**
 * Offsets in a task's own memory at which its own objects lie when it starts; what is from `free` on is the task's to
 * use. Its memory begins above the largest store segment, so that a server's segment can start at address 0.
 */
export const taskMemory = { thread: 0x00, space: 0x20, free: 0x40 } as const;

/** What `call` and `finish` return while the call waits: no outcome and no fault. */
export const waiting = -1;

/** The processor of a user task: its only way into the kernel and to its own memory. */
export interface Processor {
  /** Address of the task's own memory in its space, and its bytes (the same frames, always present). */
  readonly memoryAddress: number;
  readonly memory: Uint8Array;
  readonly memoryView: DataView;
  /**
   * Issues the entry point and returns the outcome, a fault number (>= 0x100), or `waiting`: then no other call may
   * be made before this one is finished or canceled. Arguments 7 and 8 count the references of a reliable verb.
   */
  call(entryNumber: number, ...args: readonly (number | bigint)[]): number;
  /** What has become of the call that waits: its outcome, or `waiting` still. */
  finish(): number;
  /**
   * Breaks off the call that waits; what it has done so far stands, and `result` says how far it got. False when there
   * is none, or it is complete: then `finish` gives its outcome.
   */
  cancel(): boolean;
  /** Result `index` of the last call, as in the entry table (register a(index + 1)); must be below 2^53. */
  result(index: number): number;
  /** The same as a whole register, whatever it holds. */
  resultWord(index: number): bigint;
  /** References of the last call that were not sent, or for which there is room still. */
  referencesLeft(table: 'send' | 'receive'): number;
  /** The `pendingBits` that were posted since the last time: interrupts and alerts. */
  takePending(): number;
  /**
   * Called between two entries when the call that waits may go on, or pending bits were posted; once each time. Without
   * a callback `Kernel.run` returns 'service' instead. Takes no guest time.
   */
  whenTold(callback: (() => void) | null): void;
  /**
   * The page that holds this address of the task's own space, 4096 bytes, or null when it is not in memory. To be read: the
   * hart does not notice what is written here, and may go on with code that was on the page.
   */
  page(address: number): Uint8Array | null;
  /**
   * Makes what copies the page that holds an address of the task's own space into that memory, to the byte at `to`: false
   * when the page is not in memory. The same as `page` and a copy, in half the time.
   */
  pageCopier(target: WebAssembly.Memory): (address: number, to: number) => boolean;
  /**
   * Waits for requests on the port set at this address of the task's space: clients that are queued already are
   * received now, in ticket order, until `stopServing` is called. Answers while serving are immediate.
   */
  serve(portsetAddress: number, service: Service): void;
  stopServing(portsetAddress: number): void;
  /** Makes `Kernel.run` return after the current entry. */
  giveUpSlice(): void;
}
