/**
 * What a0 holds after a call, and what a keeper is told of a fault.
 *
 * *Outcomes* (below 0x100) are returned in a0. *Faults* (from 0x100) are programming errors: they are never returned
 * to a guest but delivered to it as an exception, with the program counter still at the call (fluke.md A.1.9); a user
 * task, which has no trap handler, gets the number as the result of the call. Numbers are part of the image format.
 */
export const outcomes = {
  success: 0,
  /** A resource limit was reached; nothing was changed. */
  noMemory: 1,
  /** trylock found the mutex locked; evict found the page changed. */
  busy: 2,
  /** The receive buffer is full and the sender has more; call receive again. */
  receiveMoreData: 3,
  /** The peer ended the conversation; what was received is complete. */
  receiveDisconnected: 4,
  /** The port reference is null, its target is gone, or the port takes no reliable connections. */
  invalidDestination: 5,
  /** Not there: no such page, no target in that region, a null reference. */
  notFound: 6,
  /** The wait was broken off because an object it needs was destroyed. */
  canceled: 7,
  /** The peer went away in the middle of a message. */
  sendDisconnected: 8,
  /** The thread has no peer for this verb. */
  notConnected: 9,
  /** A donation ended: nobody can use the time now. */
  threadBlocked: 0x10,
  /** A donation ended: a client waits at the scheduler's port set. */
  messageWaits: 0x11,
  /** The table of references to receive is full, all bytes have come, and the sender has more references; call receive again. */
  receiveMoreReferences: 0x18,
} as const;

export const faults = {
  /** No entry point has the number in a7. */
  invalidEntry: 0x100,
  /** An object's address is no multiple of 32, or a page's of 4096. */
  notAligned: 0x101,
  /** No object lies at that address. */
  noObject: 0x102,
  /** An object of another type lies there, or the reference names one. */
  wrongType: 0x103,
  /** An object lies there already. */
  objectExists: 0x104,
  /** The caller may not write there, so it can name nothing there; or a range ends beyond what it is a range of. */
  invalidAddress: 0x105,
  /** Another mapping of the space shows part of that range. */
  addressOverlap: 0x106,
  /** A word of the state, or an argument, has a value that it cannot have. */
  invalidState: 0x107,
  /** The caller does not own the mutex. */
  notOwner: 0x108,
  /** The thread is not stopped, or the object is a user task's own. */
  raceCondition: 0x109,
  /** What lies there is no reference. */
  notReference: 0x10a,
  /** A thread cannot do that to itself. */
  self: 0x10b,
  /**
   * The object's state is damaged (fluke.md A.1.10). Never delivered: it lies beside memory, where no store reaches it;
   * discarding its page destroys the object, so links to it are null; and set_state checks every word (`invalidState`).
   */
  invalidObject: 0x10c,
  /** Processor exceptions: the RISC-V privileged manual's cause is `faultCode - 0x200`. */
  processor: 0x200,
} as const;

/** Values of `faultCode - faults.processor`, the manual's exception causes that user mode can raise. */
export const causes = {
  instructionMisaligned: 0,
  instructionAccess: 1,
  illegalInstruction: 2,
  breakpoint: 3,
  loadMisaligned: 4,
  loadAccess: 5,
  storeMisaligned: 6,
  storeAccess: 7,
  environmentCall: 8,
  instructionPageFault: 12,
  loadPageFault: 13,
  storePageFault: 15,
} as const;

export type OutcomeName = keyof typeof outcomes;
export type FaultName = keyof typeof faults;
