/**
 * All mutable state of the kernel, in one place (law 1). Every field says what it is:
 *   persistent  part of the image: comes out by get_state / peek_state / the kernel record, goes in again at restart;
 *   derived     rebuilt from persistent state (law 6), never saved;
 *   scratch     meaningless between two entries;
 *   host        given at construction by the entry point, or host code of a user task: never part of an image.
 * Invariants: nothing else in src/kernel is mutable at module scope. A link is the identity of its target; one whose
 * target is no longer alive reads as null (`live`). It begins as `first-state.ts` says. Imported by every file of the kernel; holds no code that acts.
 */

import type { Machine } from '../hw/machine.ts';
import type { typeNumbers } from './abi/types.ts';
import type { Spans } from './memory/spans.ts';
import type { HashWords, NumberTable } from './number-table.ts';
import type { SerialHeap } from './serial-heap.ts';
import type { Trace } from './trace.ts';

/** What a user task answers with; the same shape as userland's `Service`, which the kernel may not import. */
export interface TaskService {
  receive(request: {
    readonly flavour: 1 | 2;
    readonly alias: number;
    readonly bytes: Uint8Array;
    readonly answerLength: number;
  }): { readonly bytes: Uint8Array } | 'retry' | 'never';
}

/** What every object has. */
interface ObjectBase {
  /** persistent (it is the key): the bottom space in which it lies, and its address there. Only `move` changes them. */
  home: Space;
  address: number;
  /** persistent: never used again (law 5). */
  serial: number;
  /** persistent: write-once (fluke.md A.1.8). */
  readonly hash: bigint;
  /** derived: false once destroyed; links to it then read as null. */
  alive: boolean;
  /** derived: it is in `KernelState.touched`. */
  isTouched: boolean;
  /** derived (`links.ts`): the first of the references that point here, and how many they are. */
  firstReference: Reference | null;
  referenceCount: number;
  /** derived (`links.ts`): what links here and is in no other list. */
  linkers: Set<KernelObject> | null;
}

/** What hangs on another object: a mutex on its owner, a port on its set, a thread on its space. */
interface HangingBase {
  /** derived: its place there (`serial-heap.ts`). */
  heapIndex: number;
}

/** What only the file that keeps the inverse of a link may write. */
export type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** What priorities can be lent to (`inherit.ts`). */
export type Borrower = Mutex | Cond | Thread;

interface BorrowerBase {
  /** derived: one bit for each priority that is lent, and how many lend it; made when it is first needed. */
  lentMask: number;
  lentCounts: Uint32Array | null;
}

export interface Mutex extends ObjectBase, BorrowerBase, HangingBase {
  readonly type: typeof typeNumbers.mutex;
  /** persistent */
  flags: bigint;
  /** derived, of the flags: its waiters lend to its owner; what it lends by itself, -1 for nothing. */
  inherits: boolean;
  ceiling: number;
  /** derived: what it lends to its owner now, -1 for nothing. */
  lends: number;
  /** persistent: the mutex is locked when its owner is alive. */
  owner: Thread | null;
  /** derived, in ticket order. */
  readonly waiters: Queue;
}

export interface Cond extends ObjectBase, BorrowerBase {
  readonly type: typeof typeNumbers.cond;
  /** persistent */
  flags: bigint;
  inheritor: Thread | null;
  /** derived: what it lends to the inheritor now, -1 for nothing. */
  lends: number;
  /** derived, in ticket order. */
  readonly waiters: Queue;
}

export interface Mapping extends ObjectBase {
  readonly type: typeof typeNumbers.mapping;
  /** persistent: bytes. */
  regionOffset: number;
  startAddress: number;
  size: number;
  protection: number;
  region: Region | null;
  space: Space | null;
  /** derived: its serial when it was put into the lists of its space and region. */
  rank: number;
}

export interface Region extends ObjectBase {
  readonly type: typeof typeNumbers.region;
  /** persistent: bytes. */
  startAddress: number;
  size: number;
  protection: number;
  space: Space | null;
  keeper: Port | null;
  /** persistent: collect was called. */
  collecting: boolean;
  /** persistent: 0 for no limit. */
  objectLimit: number;
  threadLimit: number;
  /**
   * persistent (out by region_peek_changed, in by region_mark_changed): changed pages by offset, each with the pc of
   * the first write, or PAGE_GONE; and changed objects by offset, each with its type, negative when it is gone.
   */
  readonly changedPages: NumberTable<number>;
  readonly changedObjects: NumberTable<number>;
  /** derived: keys of the changed set (`memory/changed-order.ts`). */
  readonly changedOrder: ChangedOrder;
  /** derived: mappings whose region link is this, by offset. */
  readonly mappings: Spans<Mapping>;
  /** derived: its serial when it was put into the list of its space. */
  rank: number;
  /** derived, of a region with a limit: objects and threads that lie in it. */
  objectCount: number;
  threadCount: number;
}

/** Keys of a changed set: two lists from the highest to the lowest key, and what was added since they were sorted. */
export interface ChangedOrder {
  sorted: number[];
  readonly late: number[];
  readonly fresh: number[];
}

/** Value in `changedPages` of a page that was discarded. */
export const PAGE_GONE = -1;

export interface Port extends ObjectBase, HangingBase {
  readonly type: typeof typeNumbers.port;
  /** persistent: a word in halves. */
  aliasLow: number;
  aliasHigh: number;
  portset: Portset | null;
  /** derived: clients that nobody has received yet, in ticket order. */
  readonly clients: Queue;
  /** derived: its place in the `busy` of its set, -1 when it has no clients or no set. */
  busyIndex: number;
}

export interface Portset extends ObjectBase {
  readonly type: typeof typeNumbers.portset;
  /** derived */
  readonly ports: SerialHeap<Port>;
  /** derived: those of `ports` that have clients, as a heap (`ipc/busy.ts`). */
  readonly busy: Port[];
  /** derived: threads in wait_receive, in ticket order. */
  readonly servers: Queue;
  /** derived: the thread in thread_schedule, if any, that waits for whoever comes to the set. */
  readonly donors: Queue;
  /** host: the user task that serves it now. */
  service: TaskService | null;
  /**
   * host: a user task answers its clients inside their own calls, or will when it opens again; so there are no
   * conversations. Said by the task before guests run, in each life.
   */
  isBorder: boolean;
}

/** A page of a bottom space that is in memory. */
export interface Page {
  readonly space: Space;
  /** Address >> 12. */
  readonly number: number;
  /** derived: frame of RAM. */
  readonly frame: number;
  /** derived: caps every mapping while the page is in memory. */
  protection: number;
  /** scratch: holds off eviction while a user task answers the owner of a buffer in it. */
  pins: number;
  /** True for the memory of a user task itself, which is no part of any image. */
  readonly isTaskMemory: boolean;
  /** derived: page table entries that may point at the frame: (space, page of that space). */
  readonly entries: { space: Space; page: number }[];
  /** derived: beyond so many, stale ones are looked for. */
  entriesMax: number;
}

export interface Space extends ObjectBase {
  readonly type: typeof typeNumbers.space;
  /** persistent */
  keeper: Port | null;
  /** persistent: where its threads without a scheduler of their own ask; null: where those of the space below do. */
  scheduler: Port | null;
  /** derived: mappings whose space link is this, less those without size, by startAddress. */
  readonly mappings: Spans<Mapping>;
  /** derived: the mapping found last. */
  lastMapping: Mapping | null;
  /** derived: regions whose space link is this. */
  readonly regions: Spans<Region>;
  /** derived: threads whose space link is this. */
  readonly threads: SerialHeap<Thread>;
  /** derived: root frame of its page tables, -1 when there are none. */
  rootFrame: number;
  /** derived: address space identifier of the hardware. */
  asid: number;
  /** What a bottom space has besides; null for a space whose memory comes from its parent. */
  readonly bottom: Bottom | null;
}

/** The space of a user task: the bottom of the memory of everything that it nests. */
export interface Bottom {
  /** derived: pages in memory, by page number. */
  readonly pages: NumberTable<Page>;
  /** derived: the objects that lie in it, by address. */
  readonly objects: NumberTable<KernelObject>;
  /** derived: objects by page, each list in address order. */
  readonly objectsByPage: NumberTable<KernelObject[]>;
  /** derived: the same lists by page number, in order. */
  readonly pagesWithObjects: Spans<KernelObject[]>;
  /** derived: regions of this space that limit how many objects lie in them. */
  readonly limits: Spans<Region>;
}

/** The state of a thread in the form in which it is exported. */
export interface ThreadImage {
  /** persistent: the simple state as exported; words that have a field below are written there on export only. */
  readonly image: Uint8Array;
  readonly longs: BigUint64Array;
  readonly view: DataView;
  /** persistent: x0 to x31, f0 to f31, pc in halves; stale while the thread is `loaded`. */
  readonly halves: Uint32Array;
  readonly x: BigUint64Array;
  readonly floats: BigUint64Array;
  readonly pcHalves: Uint32Array;
  /** The image by words of 32 bits. */
  readonly words: Uint32Array;
}

export interface Thread extends ObjectBase, BorrowerBase, ThreadImage, HangingBase {
  readonly type: typeof typeNumbers.thread;
  /** derived: some f register is not zero; null: not known since its state was set. */
  usesFloats: boolean | null;
  /** persistent */
  flags: number;
  priority: number;
  turn: number;
  quantumLeft: number;
  ticket: number;
  deadline: bigint;
  faultCode: number;
  faultAddress: number;
  faultAccess: number;
  /** Bits of `pendingBits`. */
  pending: number;
  retired: number;
  entryCount: number;
  copiedBytes: number;
  space: Space | null;
  scheduler: Port | null;
  waitingFor: KernelObject | null;
  /** persistent: links count as a connection only when both sides have them (`ipc/connection.ts`). */
  readonly client: Thread | null;
  readonly server: Thread | null;
  /** derived (`links.ts`): threads whose client, or whose server, this is: the first, and its own place in such lists. */
  firstServer: Thread | null;
  nextServer: Thread | null;
  previousServer: Thread | null;
  firstClient: Thread | null;
  nextClient: Thread | null;
  previousClient: Thread | null;
  /** derived (`links.ts`): what it waits for without being in a queue there. */
  strayFrom: KernelObject | null;
  /** derived: the queue it is in (runnable, sleepers or one of a waiting object), and its neighbours. */
  queue: Queue | null;
  next: Thread | null;
  previous: Thread | null;
  /** derived: its part of the queue's index, if that has one. */
  chunk: QueueChunk | null;
  /** derived: the highest of its priority and what is lent to it; what it lends that to while it waits. */
  effective: number;
  lendsTo: Borrower | null;
  /** derived: threads that wait for this one as their peer, in ticket order. */
  readonly waiters: Queue;
  /** derived: threads that it knows to be ready, as their scheduler, by turn. */
  readonly scheduled: Queue;
  /** derived: mutexes it owns. */
  readonly owned: SerialHeap<Mutex>;
  /** host: true for a user task, whose processor is host code. */
  readonly isTask: boolean;
}

export interface Reference extends ObjectBase {
  readonly type: typeof typeNumbers.reference;
  /** persistent */
  readonly target: KernelObject | null;
  /** derived (`links.ts`): its neighbours among the references to the same target. */
  nextReference: Reference | null;
  previousReference: Reference | null;
}

export type KernelObject = Mutex | Cond | Mapping | Region | Port | Portset | Space | Thread | Reference;

/** Some threads of a queue, in its order (`queue-index.ts`). */
export interface QueueChunk {
  readonly threads: Thread[];
}

/** Threads in an order that is persistent: by turn, by ticket, or by deadline and then ticket. */
export interface Queue {
  readonly order: 'turn' | 'ticket' | 'deadline';
  first: Thread | null;
  last: Thread | null;
  /** derived: of a queue in which somebody belonged far from the ends. */
  index: QueueChunk[] | null;
  /** The port whose clients these are, so that its set learns that it has some. Set once, when the port is made. */
  port: Port | null;
}

/** The memory access that an entry or an instruction could not make. */
export interface FaultRecord {
  /** The thread in whose name the access was made. */
  thread: Thread | null;
  /** Address in that thread's space. */
  address: number;
  access: number;
  /** The first region that could not answer, null when none was reached. */
  region: Region | null;
  offset: number;
}

/** Where an address leads (`memory/chain.ts`): valid until the next `resolve` into the same record. */
export interface Chain {
  /** The bottom space and the address there, when the access is allowed. */
  space: Space | null;
  address: number;
  rights: number;
  /** The last region passed through (the bottom one when allowed), null when none was reached. */
  region: Region | null;
  offset: number;
  /** Mappings passed through. */
  depth: number;
}

/** A search for all that sees a piece of memory (`memory/forget.ts`): pieces to be looked at, the first `count` of each list. */
export interface Search {
  readonly spaces: (Space | null)[];
  readonly starts: number[];
  readonly ends: number[];
  count: number;
  /** How far those reach that were found, by space and start; null while they are few. */
  seen: Map<Space, Map<number, number>> | null;
  /** Regions and windows that were looked at. */
  steps: number;
}

/** A stretch of a guest's memory, opened for copying: pieces of RAM, never longer than a page each. */
export interface Window {
  length: number;
  count: number;
  /** Byte offsets in the machine's memory. */
  readonly starts: Float64Array;
  readonly lengths: Int32Array;
  readonly pages: (Page | null)[];
}

export interface KernelState {
  readonly machine: Machine;
  /** host: where numbers that programs choose go in tables. Nothing that can be observed depends on them. */
  readonly hashWords: HashWords;
  /** persistent: the kernel record; its tick is the hart's tick counter. */
  nextTicket: number;
  nextTurn: number;
  nextSerial: number;
  wallBase: bigint;
  readonly generator: BigUint64Array;
  /** derived: serials of objects in a task's own memory, which are in no image. */
  nextTransientSerial: number;
  /** derived: living objects by serial (`serialKey` of names.ts), in the order in which they were made. */
  readonly bySerial: Map<number, KernelObject>;
  /** derived: runnable threads by effective priority, and one bit for each priority that has some. */
  readonly runnable: readonly Queue[];
  runnableMask: number;
  /** derived: living threads and spaces that link to a scheduler. */
  schedulerLinks: number;
  /** derived: by (deadline, ticket). */
  readonly sleepers: Queue;
  /** scratch: the deadline asked for last, and the same as a number (schedule.ts). */
  readonly due: { deadline: bigint; tick: number };
  /** scratch: the wall clock's base as it was read last, and the same in halves (objects/thread.ts). */
  readonly wall: { base: bigint; low: number; high: number };
  /** derived: objects changed since the last `settle`. */
  touched: KernelObject[];
  /** derived: objects that moved since the last `settle`: what links to them has changed too. */
  moved: KernelObject[];
  /** derived: living objects that are in the image, and threads, less those of user tasks. */
  objectCount: number;
  threadCount: number;
  /** host: how many of them there may be; tests lower it. */
  objectsMax: number;
  threadsMax: number;
  /** derived: number of collecting regions, and of those that are in no bottom space. */
  collectingCount: number;
  nestedCollectingCount: number;
  /** derived: RAM. Frames below `tableEnd` hold page tables, those from `frameBump` on were never used. */
  readonly tableEnd: number;
  tableNext: number;
  readonly freeTables: number[];
  frameBump: number;
  readonly freeFrames: Int32Array;
  freeFrameCount: number;
  /** derived: the page that a frame holds. */
  readonly pageOfFrame: (Page | null)[];
  /** derived: spaces that have page tables; the identifier last given. */
  readonly spacesWithTables: Set<Space>;
  nextAsid: number;
  /** derived: user tasks whose wait ended, or that were alerted, and that the host has not been told of. */
  readonly tasksToTell: Set<Thread>;
  /** host: whom to call when the wait of a task is over. */
  readonly toldTasks: Map<Thread, () => void>;
  /** derived: port sets served by tasks that may have queued clients. */
  readonly toServe: Set<Portset>;
  /** derived: where the invariant check has got to that is spread over many checkpoints. */
  checkPass: Iterator<void> | null;
  /** derived: sums of pages that were not written since they were supplied; null unless they are watched (tests). */
  contentSums: Map<Page, number> | null;
  /** scratch: the thread whose registers are in the hart. */
  loaded: Thread | null;
  /** scratch: the thread whose f registers are in the hart, as its image has them; null: they are all zero. */
  floatsOf: Thread | null;
  /** scratch */
  readonly fault: FaultRecord;
  readonly chain: Chain;
  readonly window: Window;
  readonly otherWindow: Window;
  readonly search: Search;
  /** scratch: a state record on its way in or out, or a message that the kernel sends. */
  readonly record: Uint8Array;
  readonly recordView: DataView;
  readonly recordWords: Uint32Array;
  readonly recordLongs: BigUint64Array;
  /** scratch: images of threads that are no more, and what those have instead. */
  readonly spareImages: ThreadImage[];
  readonly nobodysImage: ThreadImage;
  /** scratch: the references that an entry was given for the links of an object, and what they point at, by link. */
  readonly linkReferences: (Reference | undefined)[];
  readonly linkTargets: (KernelObject | null | undefined)[];
  /** scratch: bytes copied by the entry that is running, and its work beyond what every entry does (`WORK_TICKS`). */
  copied: number;
  work: number;
  /** scratch: those whose time the running thread uses, the root first. */
  readonly donors: Thread[];
  /** scratch: the thread whose turn it is, when nobody schedules it, not even the kernel (`ready.ts`). */
  orphan: Thread | null;
  /** scratch: clients that got time unknown to their scheduler, which is told when the step is over. */
  readonly toAskAnew: Thread[];
  /** scratch: the port that is being destroyed. */
  closing: Port | null;
  /** scratch: ticks that passed since `run` began. */
  spentTicks: number;
  /** scratch: a task asked `run` to return. */
  slicesGivenUp: boolean;
  /** host: guests have run in this life; only restart, before that, gives objects their old serials back. */
  hasRun: boolean;
  /** host: what happened last (`trace.ts`); never read by the kernel. */
  readonly trace: Trace;
  /** host: numbers for reports; never read by the kernel. */
  readonly statistics: {
    entries: number;
    faults: number;
    switches: number;
    services: number;
    retired: number;
  };
}

/** The target of a link, or null when it is gone. */
export function live<T extends KernelObject>(target: T | null): T | null {
  return target?.alive ? target : null;
}

/*
 * The same for types that every entry asks about: code that sees objects of one shape only reads them several times as
 * fast as code that sees all nine.
 */

export function liveThread(thread: Thread | null): Thread | null {
  return thread?.alive ? thread : null;
}

export function liveSpace(space: Space | null): Space | null {
  return space?.alive ? space : null;
}

export function liveRegion(region: Region | null): Region | null {
  return region?.alive ? region : null;
}

export function livePortset(set: Portset | null): Portset | null {
  return set?.alive ? set : null;
}
