/**
 * Fixed places and shapes that the kernel, servers and programs agree on besides states and entries.
 *
 * Part of the image format. Holds no code that acts.
 */
import { layout } from '../../base/layout.ts';

/** What region_search, region_collect and region_peek_changed write for each thing they report. */
export const item = layout('item', {
  /** Offset in the region, bytes. */
  offset: 'u64',
  /** pc of the first write since the last collect, for a changed page; else 0. */
  pc: 'u64',
  /** One of `itemKinds`. */
  kind: 'u32',
  /** The object's type number, 0 for a page. */
  type: 'u32',
});

export const itemKinds = {
  /** An object that is there (search) or was made or changed (collect). */
  object: 1,
  /** An object that was destroyed. */
  objectGone: 2,
  /** A page whose content changed. */
  page: 3,
  /** A page that was discarded: its content is zeros from now on. */
  pageGone: 4,
} as const;

/**
 * The kernel record (law 6): what is persistent and belongs to no object. `wallBase` is the wall-clock time in
 * nanoseconds at tick 0, as it was last set; `generator` the state of the entropy generator (xoshiro256**).
 */
export const kernelRecord = layout('kernelRecord', {
  tick: 'u64',
  nextTicket: 'u64',
  nextTurn: 'u64',
  nextSerial: 'u64',
  wallBase: 'u64',
  generator: ['u64', 4],
});

/** The tick rule: four ticks are a nanosecond, so that no host runs a guest ahead of real time. One instruction is one tick. */
export const TICKS_PER_NANOSECOND = 4;

/**
 * What an entry point costs its caller, in ticks, whatever it does; each started 64 bytes it copies; and each unit of
 * work beyond the constant: a waiter woken, an object destroyed, a stretch of memory searched, a window that a change is
 * carried through, sixteen mappings that a name leads through. The same for everybody, and a function of persistent
 * state: never of what is cached.
 */
export const ENTRY_TICKS = 64;
export const WORK_TICKS = 64;
export const COPY_TICKS_PER_64_BYTES = 8;

/** What a keeper receives for a fault: the request of the idempotent call that the kernel makes in the thread's name. */
export const faultMessage = layout('faultMessage', {
  /** A fault code of `codes.ts`; a memory fault that a region keeper gets has the processor's page fault causes. */
  code: 'u64',
  /** Region keepers: offset in the region. Space keepers: the address in the space, or the trap value. */
  address: 'u64',
  /** Protection bits wanted. */
  access: 'u64',
  pc: 'u64',
  /** `threadAddress` of the faulting thread. */
  thread: 'u64',
});

/** Where a thread's handlers begin, as thread_get_handlers and thread_set_handlers use it; 0: none. */
export const handlers = layout('handlers', {
  /** Exceptions: a0 is the fault code, a1 the address, a2 the access. */
  trap: 'u64',
  /** Software interrupts. */
  interrupt: 'u64',
  /** Alerts that come over the link to my server; and over the link to my client. */
  clientAlert: 'u64',
  serverAlert: 'u64',
});

/**
 * What the entry of a handler saves and return_from_exception restores: everything else is the handler's to keep. a7 is
 * here because the handler needs it for that call. Of the flags only `exceptionsEnabled` counts.
 */
export const savedState = layout('savedState', {
  pc: 'u64',
  a0: 'u64',
  a1: 'u64',
  a2: 'u64',
  a7: 'u64',
  flags: 'u64',
});

/** What a scheduler receives when a thread asks for the processor: the request of an idempotent call in its name. */
export const schedulerMessage = layout('schedulerMessage', {
  /** The thread's `schedulerValue`. */
  value: 'u64',
  /** Its `threadAddress`. */
  thread: 'u64',
});

/**
 * The parent page: the page at this address of a program's space holds what its parent made for it. Offsets are
 * multiples of OBJECT_SIZE. References a parent does not give are null. The program's space and mappings are not here:
 * they lie where only the parent can name them, or the program could widen its own memory.
 */
export const PARENT_PAGE = 0x3f_f000_0000;
export const parentPage = {
  /** The program's first thread. */
  thread: 0x000,
  /** References, each OBJECT_SIZE apart. */
  spaceReference: 0x040,
  threadReference: 0x060,
  /** Port: whoever asks waits for the next life of the machine; the answer is a `life`. */
  lifeReference: 0x080,
  /** Port: bytes to print; the answer is the count taken (u64). */
  outputReference: 0x0a0,
  /** Port: bytes that were typed; queued callers wait for input; an empty answer is the end. */
  inputReference: 0x0c0,
  /** Port: requests to the parent, `parentRequest` below. */
  parentReference: 0x0e0,
} as const;

/** A request to the parent, and its answer's first word is an outcome. */
export const parentRequest = layout('parentRequest', { operation: 'u64', argument: 'u64' });
export const parentOperations = {
  /** The program ends with this status; never answered. */
  exit: 1,
  /** Which life of the machine this is: the answer is a `life`. */
  life: 2,
} as const;

/** How a life of the machine began. */
export const lifeKinds = {
  /** The image was made; nothing ran before. */
  created: 1,
  /** It goes on where it was when its host died or stopped: nobody has seen anything that is not so any more. */
  resumed: 2,
  /** The image was put back to an older generation: what the world saw since then did not happen. */
  restored: 3,
  /** The image is a copy; the one it was made from may go on too. */
  forked: 4,
} as const;

/** What a program is told of the life that it runs in: from one start of the host process to its end. */
export const life = layout('life', {
  /** An outcome, as in every answer of the parent. */
  outcome: 'u64',
  /** One of `lifeKinds`. */
  kind: 'u64',
  /** 1 for the first life of an image, one more in each. A fork and a restored image go on counting. */
  count: 'u64',
  /** Unlike that of any other life of any image: 128 random bits of the host. */
  id: ['u8', 16],
  /** Both clocks when it began, nanoseconds, as clock_read gives them. */
  monotonic: 'u64',
  wall: 'u64',
});

/** The stack of a program's first thread ends here; below it argc, argv, envp as on Linux. */
export const STACK_END = 0x3f_0000_0000;
export const STACK_SIZE = 0x80_0000;

/** A program's segments lie from here; its last writable segment is mapped up to PROGRAM_END, and the heap grows in it. */
export const PROGRAM_START = 0x1_0000;
export const PROGRAM_END = 0x3_0000_0000;
