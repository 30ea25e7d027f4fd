/**
 * The console of a machine: two border tasks, one that takes output and one that gives input.
 *
 * Output: bytes that a program writes are taken at once and held. At a demarcation they become rows of that checkpoint;
 * only after its commit are they handed to the sink (law 7). Input: bytes and the end of input enter at demarcations
 * only; a program that reads while there is none stays queued at the closed port, in its own registers.
 * Invariants: `taken` counts every byte ever taken in this image; a byte is handed to the sink once a life.
 * The entry point builds both, the persistence server asks for rows; neither knows files or terminals.
 */

import { assert } from '../../base/assert.ts';
import { concatBytes } from '../../base/bytes.ts';
import { INPUT_HELD_MAX, OBJECT_SIZE, OUTPUT_HELD_MAX } from '../../base/limits.ts';
import { outcomes } from '../../kernel/abi/codes.ts';
import { entries } from '../../kernel/abi/entries.ts';
import type { Answer, Processor, Request, Service } from '../task/task.ts';
import { taskMemory } from '../task/task.ts';

/** Where a border task keeps its port set and its port. */
const PORTSET_OFFSET = taskMemory.free;
const PORT_OFFSET = taskMemory.free + OBJECT_SIZE;
const REFERENCE_OFFSET = taskMemory.free + 2 * OBJECT_SIZE;
const STATE_OFFSET = 0x400;

/** Address, in the task's space, of the port that a border task serves. */
export function borderPort(task: Processor): number {
  return task.memoryAddress + PORT_OFFSET;
}

/** Makes a port set and one port in it; returns the address of the port set. */
export function createPort(task: Processor, alias: number): number {
  const base = task.memoryAddress;
  const portset = base + PORTSET_OFFSET;
  const reference = base + REFERENCE_OFFSET;
  const must = (entryNumber: number, ...args: number[]): void => {
    const outcome = task.call(entryNumber, ...args);
    assert(outcome === outcomes.success, `border: entry ${entryNumber} succeeds, it gave ${outcome}`);
  };
  must(entries.portset_create.number, portset);
  must(entries.port_create.number, borderPort(task));
  must(entries.reference_create.number, reference);
  must(entries.portset_reference.number, portset, reference);
  task.memory.fill(0, STATE_OFFSET, STATE_OFFSET + 24);
  task.memoryView.setBigUint64(STATE_OFFSET + 16, BigInt(alias), true);
  must(entries.port_set_state.number, borderPort(task), base + STATE_OFFSET, reference);
  return portset;
}

/** A run of output bytes; `offset` counts from the first byte the image ever wrote. */
export interface OutputRun {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface ConsoleOutputState {
  /** Bytes taken in all lives of the image. */
  readonly taken: number;
}

/** The output side. `sink` is called with bytes whose checkpoint has committed. */
export class ConsoleOutput implements Service {
  private takenBytes: number;
  private heldBytes = 0;
  /** Taken since the last demarcation. */
  private fresh: Uint8Array[] = [];
  private freshOffset: number;
  /** What `state` tells, the same object until it changes. */
  private told: ConsoleOutputState;
  /** Covered by a checkpoint that has not committed. */
  private readonly waiting: { generation: number; run: OutputRun }[] = [];
  private readonly sink: (run: OutputRun) => void;

  constructor(state: ConsoleOutputState, sink: (run: OutputRun) => void) {
    this.takenBytes = state.taken;
    this.freshOffset = state.taken;
    this.told = { taken: state.taken };
    this.sink = sink;
  }

  /** Too much is held: the machine must let a checkpoint commit first. */
  get isFull(): boolean {
    return this.heldBytes >= OUTPUT_HELD_MAX;
  }

  get hasFresh(): boolean {
    return this.fresh.length > 0;
  }

  receive(request: Request): Answer {
    if (this.isFull) return 'retry';
    const bytes = request.bytes.slice();
    if (bytes.length > 0) this.fresh.push(bytes);
    this.takenBytes += bytes.length;
    this.heldBytes += bytes.length;
    const count = new Uint8Array(8);
    new DataView(count.buffer).setUint32(0, bytes.length, true);
    return { bytes: count };
  }

  /** At a demarcation: the bytes taken since the last one, to be rows of this generation. */
  demarcate(generation: number): OutputRun | null {
    if (this.fresh.length === 0) return null;
    const bytes = concatBytes(this.fresh);
    const run = { offset: this.freshOffset, bytes };
    this.fresh = [];
    this.freshOffset += bytes.length;
    assert(this.freshOffset === this.takenBytes, 'console: every byte taken is in exactly one run');
    this.waiting.push({ generation, run });
    return run;
  }

  /** After commits: hands on what they cover. */
  release(committed: number): void {
    for (let next = this.waiting[0]; next !== undefined; next = this.waiting[0]) {
      // This line is law 7: nothing leaves before the checkpoint that covers it has committed.
      if (next.generation > committed) return;
      this.waiting.shift();
      this.heldBytes -= next.run.bytes.length;
      this.sink(next.run);
    }
  }

  /** The same object as long as it has not changed. */
  state(): ConsoleOutputState {
    if (this.told.taken !== this.freshOffset) this.told = { taken: this.freshOffset };
    return this.told;
  }
}

export interface ConsoleInputState {
  /** Bytes that ever came in: a sender that was not acknowledged sees here what it need not send again. */
  readonly taken: number;
  /** Bytes that came in and were not read, base64. */
  readonly unread: string;
  /** The end of input came in after the unread bytes. */
  readonly ended: boolean;
}

/** The input side; it serves its port only while there is something to give. */
export class ConsoleInput implements Service {
  private readonly task: Processor;
  private readonly portset: number;
  private takenBytes: number;
  private unread: Uint8Array;
  private ended: boolean;
  /** What `state` tells, until it changes. */
  private told: ConsoleInputState | null = null;
  /** Null: the port was neither opened nor closed in this life. */
  private serving: boolean | null = null;

  constructor(task: Processor, portset: number, state: ConsoleInputState) {
    this.task = task;
    this.portset = portset;
    this.takenBytes = state.taken;
    this.unread = new Uint8Array(Buffer.from(state.unread, 'base64'));
    this.ended = state.ended;
  }

  /** Room for more input; the host reads no further from its source when there is none. */
  get room(): number {
    return this.ended ? 0 : Math.max(0, INPUT_HELD_MAX - this.unread.length);
  }

  get isEnded(): boolean {
    return this.ended;
  }

  /** Called once after restart, when every queued client is back in its queue, and after each change. */
  openOrClose(): void {
    const shouldServe = this.unread.length > 0 || this.ended;
    if (shouldServe === this.serving) return;
    this.serving = shouldServe;
    if (shouldServe) {
      this.task.serve(this.portset, this);
    } else {
      this.task.stopServing(this.portset);
    }
  }

  /** At a demarcation: a row of input enters. Serves those that wait for it. */
  enter(bytes: Uint8Array): void {
    this.told = null;
    assert(!this.ended, 'console: no input follows the end of input');
    this.takenBytes += bytes.length;
    this.unread = concatBytes([this.unread, bytes]);
    this.openOrClose();
  }

  /** At a demarcation: the end of input enters. */
  enterEnd(): void {
    this.told = null;
    this.ended = true;
    this.openOrClose();
  }

  /** At a demarcation: a new source was attached after an end (a person at a terminal resumes the image). */
  enterReopen(): void {
    this.told = null;
    this.ended = false;
    this.openOrClose();
  }

  receive(request: Request): Answer {
    this.told = null;
    const bytes = this.unread.slice(0, request.answerLength);
    this.unread = this.unread.slice(bytes.length);
    this.openOrClose();
    return { bytes };
  }

  /** The same object as long as it has not changed. */
  state(): ConsoleInputState {
    this.told ??= {
      taken: this.takenBytes,
      unread: Buffer.from(this.unread).toString('base64'),
      ended: this.ended,
    };
    return this.told;
  }
}
