/**
 * The lives of a machine: a border task that tells a program when it has been started again.
 *
 * A life begins at a demarcation, as a row of that checkpoint, before its first slice (law 7): its kind, its number and an
 * id that no other life has. A program that asks at the port waits, in its own registers, until a life begins that nobody
 * was told of; so a notice is neither lost nor given twice, whenever the host dies.
 * Invariants: `count` goes up by one in each life; the port is open exactly while a notice waits; the first life of an
 * image is no news. The entry point builds it and says when a life begins; it knows no clock and no random source.
 */
import { assert } from '../../base/assert.ts';
import { life, lifeKinds } from '../../kernel/abi/memory.ts';
import type { Answer, Processor, Service } from '../task/task.ts';

export type LifeKind = keyof typeof lifeKinds;
export const LIFE_ID_BYTES = 16;

/** What a checkpoint saves of it. */
export interface LivesState {
  /** 0 in an image whose first life has not begun. */
  readonly count: number;
  /** A program was told of the lives up to this one. */
  readonly told: number;
  /** The present life as programs get it (`life` of the ABI), hexadecimal; empty before the first. */
  readonly life: string;
}

/** How a life begins. Clocks in nanoseconds. */
export interface LifeBeginning {
  readonly kind: LifeKind;
  readonly id: Uint8Array;
  readonly monotonic: bigint;
  readonly wall: bigint;
}

export class Lives implements Service {
  private readonly task: Processor;
  private readonly portset: number;
  private count: number;
  private told: number;
  private present: Uint8Array;
  /** What `state` tells, until it changes. */
  private saved: LivesState | null = null;
  /** Null: the port was neither opened nor closed since the host started. */
  private serving: boolean | null = null;

  constructor(task: Processor, portset: number, state: LivesState) {
    this.task = task;
    this.portset = portset;
    this.count = state.count;
    this.told = state.told;
    this.present = new Uint8Array(Buffer.from(state.life, 'hex'));
  }

  /** Called once after restart, when every queued client is back in its queue, and after each change. */
  openOrClose(): void {
    const shouldServe = this.told < this.count;
    if (shouldServe === this.serving) return;
    this.serving = shouldServe;
    if (shouldServe) this.task.serve(this.portset, this);
    else this.task.stopServing(this.portset);
  }

  /** At the first demarcation of a life: it begins. Returns what programs are told of it. */
  begin(beginning: LifeBeginning): Uint8Array {
    const { kind, id, monotonic, wall } = beginning;
    assert(id.length === LIFE_ID_BYTES, `lives: an id has ${LIFE_ID_BYTES} bytes`);
    this.saved = null;
    this.count += 1;
    // Whoever runs in a new image knows that it does.
    if (kind === 'created') this.told = this.count;
    const bytes = new Uint8Array(life.size);
    life.write(new DataView(bytes.buffer), 0, {
      outcome: 0n,
      kind: BigInt(lifeKinds[kind]),
      count: BigInt(this.count),
      id: Array.from(id),
      monotonic,
      wall: BigInt.asUintN(64, wall),
    });
    this.present = bytes;
    this.openOrClose();
    return bytes;
  }

  receive(): Answer {
    this.saved = null;
    this.told = this.count;
    this.openOrClose();
    return { bytes: this.present };
  }

  /** The same object as long as it has not changed. */
  state(): LivesState {
    this.saved ??= { count: this.count, told: this.told, life: Buffer.from(this.present).toString('hex') };
    return this.saved;
  }
}
