/**
 * The nine kernel object types, their numbers and their exportable state.
 *
 * Each type has a *simple state*, one record of raw words, and *links*, which never leave as raw bits: a link comes
 * out into, and goes in from, a reference object (fluke.md A.1.6, A.3). Numbers and layouts are part of the image
 * format: a number is never reused, a layout changes only together with the format version.
 * Imported by the kernel, user tasks, the persistence server and the generator of the C headers. Holds no code that acts.
 */
import { layout } from '../../base/layout.ts';

export const typeNumbers = {
  mutex: 1,
  cond: 2,
  mapping: 3,
  region: 4,
  port: 5,
  portset: 6,
  space: 7,
  thread: 8,
  reference: 9,
} as const;

export type TypeName = keyof typeof typeNumbers;
export const typeNames = Object.keys(typeNumbers) as TypeName[];

/** Protection bits of mappings, regions and accesses. */
export const protection = { read: 1, write: 2, execute: 4 } as const;

/**
 * Simple state. `serial` is the object's number that is never used again (law 5): get_state reads it; set_state takes
 * it only before the first slice of a life (restart), when it was handed out before and no living object has it, and
 * otherwise leaves the object's own.
 * `hash` is write-once at creation (fluke.md A.1.8) and ignored by set_state.
 */
export const states = {
  /** `locked` is 0 or 1; a locked mutex has an owner (link). */
  mutex: layout('mutex', { hash: 'u64', serial: 'u64', flags: 'u64', locked: 'u64' }),
  cond: layout('cond', { hash: 'u64', serial: 'u64', flags: 'u64' }),
  /** A window of `size` bytes at `startAddress` of its space onto `regionOffset` of its region. */
  mapping: layout('mapping', {
    hash: 'u64',
    serial: 'u64',
    regionOffset: 'u64',
    startAddress: 'u64',
    size: 'u64',
    protection: 'u64',
  }),
  /**
   * `size` bytes at `startAddress` of its space, offered for mapping. `collecting` is 1 once collect was called.
   * `objectLimit`, `threadLimit`: how many objects (threads) may lie in it, of a region of a bottom space; 0: no limit.
   */
  region: layout('region', {
    hash: 'u64',
    serial: 'u64',
    startAddress: 'u64',
    size: 'u64',
    protection: 'u64',
    collecting: 'u64',
    objectLimit: 'u64',
    threadLimit: 'u64',
  }),
  /** `alias` is the server's own word for the port, handed to it with each request. */
  port: layout('port', { hash: 'u64', serial: 'u64', alias: 'u64' }),
  portset: layout('portset', { hash: 'u64', serial: 'u64' }),
  space: layout('space', { hash: 'u64', serial: 'u64' }),
  /**
   * A thread: scheduling words, what it waits with, and its processor's registers.
   * `turn`: order among runnable threads of one priority. `ticket`: order among those that wait on the same thing.
   * `deadline`: tick at which a sleeper wakes, 0 when it does not sleep. `reservation`: address of LR, all ones when
   * there is none. `faultCode`, `faultAddress`, `faultAccess`: what the thread told, or is telling, a keeper.
   * `pending`: bits of `pendingBits`. `...Handler`: where handlers begin, 0: none. `saved...`: what the handler that was
   * entered last interrupted. `server...`: where messages of each flavour enter the thread (0: behind the call), and with
   * which stack. `...Count`: what the thread did so far; `copiedBytes`: what its calls copied.
   * `x` holds x1 to x31 in elements 1 to 31; element 0 is always 0.
   */
  thread: layout('thread', {
    hash: 'u64',
    serial: 'u64',
    threadAddress: 'u64',
    schedulerValue: 'u64',
    flags: 'u64',
    priority: 'u64',
    turn: 'u64',
    quantumLeft: 'u64',
    ticket: 'u64',
    deadline: 'u64',
    pending: 'u64',
    faultCode: 'u64',
    faultAddress: 'u64',
    faultAccess: 'u64',
    trapHandler: 'u64',
    interruptHandler: 'u64',
    clientAlertHandler: 'u64',
    serverAlertHandler: 'u64',
    savedPc: 'u64',
    savedA0: 'u64',
    savedA1: 'u64',
    savedA2: 'u64',
    savedA7: 'u64',
    savedFlags: 'u64',
    serverStack: 'u64',
    serverOnewayEntry: 'u64',
    serverIdempotentEntry: 'u64',
    serverReliableEntry: 'u64',
    retired: 'u64',
    entryCount: 'u64',
    exceptionCount: 'u64',
    pageFaultCount: 'u64',
    cancelCount: 'u64',
    copiedBytes: 'u64',
    reservation: 'u64',
    fcsr: 'u64',
    pc: 'u64',
    x: ['u64', 32],
    f: ['u64', 32],
  }),
  reference: layout('reference', { serial: 'u64' }),
} as const;

/** Links of each type, in the order in which get_state and set_state take their reference objects (a2, a3, ...). */
export const links = {
  mutex: ['owner'],
  cond: ['inheritor'],
  mapping: ['region', 'space'],
  region: ['space', 'keeper'],
  port: ['portset'],
  portset: [],
  space: ['keeper', 'scheduler'],
  thread: ['space', 'scheduler', 'waitingFor', 'client', 'server'],
  reference: ['target'],
} as const satisfies Record<TypeName, readonly string[]>;

/** Types that a reference may not point at (fluke.md A.3: mappings are not referencable). */
export const notReferencable: readonly TypeName[] = ['mapping', 'reference'];

/** Bits of a thread's `flags`. */
export const threadFlags = {
  /** Set by get_state and at creation; the thread runs only when it is clear. */
  stopped: 1,
  exceptionsEnabled: 2,
  /** On the link to my server I am the sender. */
  clientSender: 4,
  /** On the link to my client I am the sender. */
  serverSender: 8,
  /** The thread waits for a keeper's answer to the fault in the fault words, not in a call of its own. */
  faulting: 16,
  /** The link to my client is an idempotent one (ours: a rebuilt server answers the same client). */
  clientIdempotent: 32,
  /** The server that I wait for to answer my idempotent request has taken it out to serve another meanwhile. */
  serverIdempotent: 64,
  /** My server (client) ended the conversation in good order, or broke it off, while I was not waiting: not told yet. */
  serverEnded: 128,
  serverBroken: 256,
  clientEnded: 512,
  clientBroken: 1024,
  /** The thread waits at its scheduler's port for the processor. */
  asking: 2048,
  /** The thread's scheduler knows that it could run; it runs while somebody donates to it. */
  scheduled: 4096,
  /** The thread gives its processor away, as the thread_schedule in its registers says. */
  donating: 8192,
  /** My server (client) has taken our conversation out to serve or call another; I wait until it puts it back. */
  serverParked: 0x1_0000,
  clientParked: 0x2_0000,
} as const;

/** Bits of a thread's `pending`: what its handlers are told as soon as exceptions are enabled. */
export const pendingBits = { interrupt: 1, clientAlert: 2, serverAlert: 4 } as const;

/** Bits of a mutex's `flags` (fluke.md A.3); with `priorityCeiling`, bits 8 to 12 are the ceiling. */
export const mutexFlags = { inheritPriority: 1, priorityCeiling: 2, multitask: 4 } as const;
export const MUTEX_CEILING_SHIFT = 8;

/** Bits of a cond's `flags`. */
export const condFlags = { multitask: 4 } as const;
