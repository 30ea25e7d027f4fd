/**
 * The persistence server: the user task that provides the persistent subtree's memory, and saves and restores it.
 *
 * It is the pager of the store segment, the keeper of the program's space (a fault nobody handles ends the program), and
 * the parent the program talks to. It has no powers: it uses entry points that any task may use on its own subtree
 * (law 4). Life of a server:
 * ```
 *   construct -> createImage | resume -> (demarcate)* -> demarcate(clean) -> store.close
 * ```
 * Built by the entry point, which runs slices between its calls. Never touches a clock, file or console itself.
 */
import { assert } from '../base/assert.ts';
import { viewOf } from '../base/bytes.ts';
import { PAGE_SIZE } from '../base/limits.ts';
import { faults } from '../kernel/abi/codes.ts';
import { faultMessage, parentOperations, parentRequest } from '../kernel/abi/memory.ts';
import type { Answer, Processor, Request, Service } from '../userland/task/task.ts';
import type { Arena, ExternalName } from './arena.ts';
import { aliases, createArena } from './arena.ts';
import {
  beginBatch,
  byteCount,
  Changes,
  collectChanges,
  isEmpty,
  journalBytes,
  type PageCopy,
  readKernelRecord,
  writeChanges,
} from './checkpoint.ts';
import type { ProgramImage } from './create.ts';
import { createProgram } from './create.ts';
import { Pager } from './pager.ts';
import { Preparation, prepare } from './prepare.ts';
import { restart } from './restart.ts';
import type { JournalRow, Store, StoredObject } from './store/contract.ts';

/** How the program ended. `signal` is the one Linux would send. */
export type Ended =
  | { readonly kind: 'exit'; readonly status: number }
  | {
      readonly kind: 'trap';
      readonly signal: number;
      readonly code: number;
      readonly address: string;
      readonly pc: string;
    };

/** What a demarcation takes along besides what the kernel collected. */
export interface DemarcationInput {
  readonly tick: bigint;
  readonly wallMs: number;
  readonly journal: readonly JournalRow[];
  /** Called with the generation's number when it is certain that there will be one; gives the border's rows. */
  readonly border: (generation: number) => BorderRows;
  /** Checks these objects, all that changed: throws when something is broken, and then nothing is published (law 9). */
  readonly check: (objects: readonly StoredObject[]) => void;
  /** Publish even when nothing changed. */
  readonly force: boolean;
  readonly clean: boolean;
  /** Microseconds, from any start. */
  readonly nowUs: () => number;
}

export interface BorderRows {
  /** JSON object with the border's own counters; the same object may be given again when nothing of it has changed. */
  readonly state: Readonly<Record<string, unknown>>;
  readonly output: { readonly offset: number; readonly bytes: Uint8Array } | null;
  /** Output below this offset has certainly reached its sink. */
  readonly outputConfirmed: number;
}

export interface ServerEffects {
  /** Labelled points at which a crash test makes the process die; see store/phases.ts. */
  readonly phase: (label: string) => void;
}

/** Linux's signal numbers for the causes of the privileged manual. */
const signals: Readonly<Record<number, number>> = { 2: 4, 3: 5, 0: 7, 4: 7, 6: 7 };
const SIGNAL_SEGMENT = 11;
const SIGNAL_SYSTEM_CALL = 31;

export class Server implements Service {
  private readonly task: Processor;
  private readonly store: Store;
  private readonly effects: ServerEffects;
  readonly arena: Arena;
  readonly pager: Pager;
  /** Newest generation published; the next one is its child. */
  private publishedGeneration: number;
  private endedState: Ended | null = null;
  /** Of the demarcation that is being taken. */
  private readonly changes = new Changes();
  private readonly copyPage: PageCopy | null;
  private readonly preparation = new Preparation();
  /** The text of the last checkpoint's border, and what it was made of. */
  private readonly savedBorder: { state: BorderRows['state'] | null; ended: Ended | null; text: string } = {
    state: null,
    ended: null,
    text: '',
  };
  /** What a program is told that asks which life this is (`life` of the ABI); null before the life has entered. */
  life: Uint8Array | null = null;
  /** The pager found nothing to drop: a checkpoint must commit before the machine can go on. */
  needsRoom = false;

  constructor(task: Processor, store: Store, effects: ServerEffects) {
    this.task = task;
    this.store = store;
    this.effects = effects;
    this.arena = createArena(task, store.head === null);
    this.pager = new Pager(this.arena, store);
    this.copyPage = store.pageMemory === undefined ? null : task.pageCopier(store.pageMemory);
    this.publishedGeneration = store.head?.generation ?? 0;
  }

  get published(): number {
    return this.publishedGeneration;
  }

  /** Changed pages in the last checkpoint. */
  get lastDirtyPages(): number {
    return this.changes.pageCount;
  }

  get ended(): Ended | null {
    return this.endedState;
  }

  /** Address, in the server's space, of the reference that must be pointed at a border port before the start. */
  externalReference(name: ExternalName): number {
    const address = this.arena.externals.get(name);
    assert(address !== undefined, `server: ${name} is a name`);
    return address;
  }

  /** A new image: makes its first program. The first demarcation saves it. */
  createImage(program: ProgramImage, args: readonly string[]): void {
    this.task.serve(this.arena.portset, this);
    createProgram(this.arena, this.pager, 1, program, args);
  }

  /** An existing image: brings back every object of its head. Returns their count. */
  resume(ended: Ended | null): number {
    this.effects.phase('restart-begin');
    this.endedState = ended;
    // Served before the threads are there, so that none finds the keeper's port closed.
    if (ended === null) this.task.serve(this.arena.portset, this);
    const count = restart(this.arena, this.store, this.effects.phase);
    this.effects.phase('restart-end');
    return count;
  }

  receive(request: Request): Answer {
    switch (request.alias) {
      case aliases.segmentFault:
        return this.bringPage(request);
      case aliases.spaceFault:
        return this.endByFault(request);
      case aliases.parent:
        return this.serveParent(request);
      default:
        throw new Error(`server: no port has alias ${request.alias}`);
    }
  }

  private bringPage(request: Request): Answer {
    const view = viewOf(request.bytes);
    const address = Number(view.getBigUint64(faultMessage.offset.address, true));
    if (this.pager.bring(Math.floor(address / PAGE_SIZE))) return { bytes: new Uint8Array(0) };
    this.needsRoom = true;
    return 'retry';
  }

  private endByFault(request: Request): Answer {
    const message = faultMessage.read(viewOf(request.bytes), 0);
    const code = Number(message.code);
    const signal =
      code >= faults.processor ? (signals[code - faults.processor] ?? SIGNAL_SEGMENT) : SIGNAL_SYSTEM_CALL;
    const hex = (value: bigint): string => `0x${value.toString(16)}`;
    this.endedState = { kind: 'trap', signal, code, address: hex(message.address), pc: hex(message.pc) };
    this.task.giveUpSlice();
    return 'never';
  }

  private serveParent(request: Request): Answer {
    if (request.bytes.length >= parentRequest.size) {
      const { operation, argument } = parentRequest.read(viewOf(request.bytes), 0);
      if (Number(operation) === parentOperations.exit) {
        this.endedState = { kind: 'exit', status: Number(argument & 0xffn) };
        this.task.giveUpSlice();
        return 'never';
      }
      if (Number(operation) === parentOperations.life && this.life !== null) return { bytes: this.life };
    }
    const refused = new Uint8Array(8);
    viewOf(refused).setBigUint64(0, BigInt(faults.invalidEntry), true);
    return { bytes: refused };
  }

  /**
   * Before a demarcation that is due, between two slices: brings what it will touch into the processor's caches, some of
   * it at each call, for it is cold after ten milliseconds of a program and the machine would stand for that. Changes
   * nothing that anybody could be told. True when there is nothing more to bring.
   */
  prepare(check: DemarcationInput['check']): boolean {
    const isDone = prepare(this.arena, this.preparation, this.copyPage, this.store, check);
    if (isDone) readKernelRecord(this.arena);
    return isDone;
  }

  /** The text is made anew only for another object. */
  private borderText(state: BorderRows['state']): string {
    const { savedBorder, endedState } = this;
    if (savedBorder.state !== state || savedBorder.ended !== endedState) {
      savedBorder.text = JSON.stringify({ ...state, ended: endedState });
      savedBorder.state = state;
      savedBorder.ended = endedState;
    }
    return savedBorder.text;
  }

  /**
   * Takes a checkpoint of this instant, between two slices. Returns its generation, or null when nothing changed (an
   * idle machine writes nothing).
   */
  demarcate(input: DemarcationInput): number | null {
    const startUs = input.nowUs();
    this.preparation.clear();
    this.effects.phase('demarcation-begin');
    const { changes } = this;
    changes.clear();
    collectChanges(this.arena, changes);
    if (isEmpty(changes) && input.journal.length === 0 && !input.force) return null;
    this.effects.phase('collected');
    input.check(changes.objects);
    const generation = this.publishedGeneration + 1;
    const border = input.border(generation);
    const outputBytes = border.output === null ? 0 : border.output.bytes.length + 64;
    const bytes = byteCount(changes) + journalBytes(input.journal) + outputBytes;
    const batch = beginBatch(this.store, bytes, this.publishedGeneration);
    writeChanges(this.arena, changes, batch, this.copyPage);
    for (const number of changes.pagesGone) this.pager.forget(number);
    for (const row of input.journal) batch.journal(row);
    if (border.output !== null) batch.output('output', border.output.offset, border.output.bytes);
    if (border.outputConfirmed > 0) batch.confirmOutput('output', border.outputConfirmed);
    this.effects.phase('copied');
    batch.publish({
      generation,
      parent: this.publishedGeneration,
      tick: input.tick,
      wallMs: input.wallMs,
      kernelRecord: readKernelRecord(this.arena),
      border: this.borderText(border.state),
      pauseUs: Math.round(input.nowUs() - startUs),
      clean: input.clean,
    });
    this.publishedGeneration = generation;
    this.needsRoom = false;
    this.effects.phase('published');
    return generation;
  }
}
