/**
 * What the kernel's state begins as: the state of a kernel without objects, and the parts that objects are made with.
 *
 * Each kind of object is made with all of its fields, in one order, so that all of a kind have one shape. Takes no effect.
 * Called by kernel.ts and by the `make` of the object types.
 */
import { present } from '../base/assert.ts';
import { OBJECTS_MAX, QUANTUM_TICKS, THREADS_MAX } from '../base/limits.ts';
import type { Machine } from '../hw/machine.ts';
import { links, states, typeNumbers } from './abi/types.ts';
import type { HashWords } from './number-table.ts';
import { SerialHeap } from './serial-heap.ts';
import type {
  KernelObject,
  KernelState,
  Mutex,
  Page,
  Queue,
  Reference,
  Space,
  Thread,
  ThreadImage,
  Window,
} from './state.ts';
import { createTrace } from './trace.ts';

/** A queue in which nobody waits. */
export function emptyQueue(order: Queue['order']): Queue {
  return { order, first: null, last: null, index: null, port: null };
}

function emptyWindow(pieces: number): Window {
  return {
    length: 0,
    count: 0,
    starts: new Float64Array(pieces),
    lengths: new Int32Array(pieces),
    pages: new Array<Page | null>(pieces).fill(null),
  };
}

/** Pieces of the longest stretch that is opened at once: one stage, not aligned to a page. */
const WINDOW_PIECES = 17;
/** No type has more links. */
const LINKS_MAX = Math.max(...Object.values(links).map(({ length }) => length));
/** One frame in this many holds page tables. */
const FRAMES_PER_TABLE = 32;
/** Serials of objects that are in no image start here; those of the image stay below. */
export const TRANSIENT_SERIAL_START = 2 ** 52;

/** The state of a kernel that has no object yet. The machine's RAM is taken over whole. */
export function createState(machine: Machine, hashWords: HashWords): KernelState {
  const record = new Uint8Array(states.thread.size);
  return {
    machine,
    hashWords,
    nextTicket: 1,
    nextTurn: 1,
    nextSerial: 1,
    wallBase: 0n,
    generator: new BigUint64Array([1n, 2n, 3n, 4n]),
    nextTransientSerial: TRANSIENT_SERIAL_START,
    bySerial: new Map(),
    runnable: Array.from({ length: 32 }, () => emptyQueue('turn')),
    runnableMask: 0,
    sleepers: emptyQueue('deadline'),
    due: { deadline: 0n, tick: 0 },
    wall: { base: 0n, low: 0, high: 0 },
    touched: [],
    moved: [],
    objectCount: 0,
    threadCount: 0,
    objectsMax: OBJECTS_MAX,
    threadsMax: THREADS_MAX,
    collectingCount: 0,
    nestedCollectingCount: 0,
    tableEnd: Math.max(64, Math.floor(machine.frameCount / FRAMES_PER_TABLE)),
    tableNext: 0,
    freeTables: [],
    frameBump: Math.max(64, Math.floor(machine.frameCount / FRAMES_PER_TABLE)),
    freeFrames: new Int32Array(machine.frameCount),
    freeFrameCount: 0,
    pageOfFrame: new Array<Page | null>(machine.frameCount).fill(null),
    spacesWithTables: new Set(),
    nextAsid: 1,
    tasksToTell: new Set(),
    toldTasks: new Map(),
    toServe: new Set(),
    checkPass: null,
    contentSums: null,
    loaded: null,
    floatsOf: null,
    fault: { thread: null, address: 0, access: 0, region: null, offset: 0 },
    chain: { space: null, address: 0, rights: 0, region: null, offset: 0, depth: 0 },
    window: emptyWindow(WINDOW_PIECES),
    otherWindow: emptyWindow(WINDOW_PIECES),
    search: { spaces: [], starts: [], ends: [], count: 0, seen: null, steps: 0 },
    record,
    recordView: new DataView(record.buffer),
    recordWords: new Uint32Array(record.buffer),
    recordLongs: new BigUint64Array(record.buffer),
    spareImages: [],
    nobodysImage: emptyImages(1)[0] as ThreadImage,
    linkReferences: new Array<Reference | undefined>(LINKS_MAX).fill(undefined),
    linkTargets: new Array<KernelObject | null | undefined>(LINKS_MAX).fill(undefined),
    copied: 0,
    work: 0,
    donors: [],
    orphan: null,
    toAskAnew: [],
    closing: null,
    schedulerLinks: 0,
    spentTicks: 0,
    slicesGivenUp: false,
    hasRun: false,
    trace: createTrace(),
    statistics: { entries: 0, faults: 0, switches: 0, services: 0, retired: 0 },
  };
}

/** The memory of the states of so many threads, and its views: one piece for all, which a host makes and keeps for less. */
export function emptyImages(count: number): ThreadImage[] {
  const { size, offset: at } = states.thread;
  const memory = new ArrayBuffer(count * size);
  return Array.from({ length: count }, (_, i) => ({
    image: new Uint8Array(memory, i * size, size),
    longs: new BigUint64Array(memory, i * size, size / 8),
    view: new DataView(memory, i * size, size),
    halves: new Uint32Array(memory, i * size + at.x, 64),
    x: new BigUint64Array(memory, i * size + at.x, 32),
    floats: new BigUint64Array(memory, i * size + at.f, 32),
    pcHalves: new Uint32Array(memory, i * size + at.pc, 2),
    words: new Uint32Array(memory, i * size, size / 4),
  }));
}

/** All ones. */
const NO_RESERVATION = 2n ** 64n - 1n;
/** So many images are made at once, and outlive their threads: to make one costs more than all else of a thread. */
const SPARE_IMAGES_MAX = 16;

/** The thread is no more: its image is for others. What is still written into the one that it keeps, nobody reads. */
export function recycleImage(k: KernelState, thread: Thread): void {
  if (k.spareImages.length >= SPARE_IMAGES_MAX) return;
  const { image, longs, view, halves, x, floats, pcHalves, words } = thread;
  k.spareImages.push({ image, longs, view, halves, x, floats, pcHalves, words });
  Object.assign(thread, k.nobodysImage);
}

/** An image of zeros, but without a reservation, which is all ones. */
export function takeImage(k: KernelState): ThreadImage {
  if (k.spareImages.length === 0) k.spareImages.push(...emptyImages(SPARE_IMAGES_MAX));
  const taken = present(k.spareImages.pop(), 'threads: there is a spare image');
  taken.longs.fill(0n);
  taken.longs[states.thread.offset.reservation / 8] = NO_RESERVATION;
  return taken;
}

/** A thread that was just made: one literal, which costs less than fields that are added one after another. */
export function emptyThread(
  own: ThreadImage,
  home: Space,
  address: number,
  serial: number,
  hash: bigint,
  isTask: boolean,
): Thread {
  const { image, longs, view, halves, x, floats, pcHalves, words } = own;
  return {
    home,
    address,
    serial,
    hash,
    alive: true,
    isTouched: false,
    firstReference: null,
    referenceCount: 0,
    linkers: null,
    type: typeNumbers.thread,
    image,
    longs,
    view,
    halves,
    x,
    floats,
    pcHalves,
    words,
    usesFloats: false,
    flags: 1,
    priority: 16,
    turn: 0,
    quantumLeft: QUANTUM_TICKS,
    ticket: 0,
    deadline: 0n,
    faultCode: 0,
    faultAddress: 0,
    faultAccess: 0,
    pending: 0,
    retired: 0,
    entryCount: 0,
    copiedBytes: 0,
    space: null,
    scheduler: null,
    waitingFor: null,
    client: null,
    server: null,
    firstServer: null,
    nextServer: null,
    previousServer: null,
    firstClient: null,
    nextClient: null,
    previousClient: null,
    strayFrom: null,
    queue: null,
    next: null,
    previous: null,
    chunk: null,
    effective: 16,
    lentMask: 0,
    lentCounts: null,
    lendsTo: null,
    waiters: emptyQueue('ticket'),
    scheduled: emptyQueue('turn'),
    owned: new SerialHeap<Mutex>(),
    heapIndex: -1,
    isTask,
  };
}
