/**
 * What the machine offers to whoever runs on it in supervisor mode (the kernel, the bare runner of `perdure hart`).
 *
 * One shared WebAssembly.Memory holds the register file, the software TLB, the modification log and physical RAM; the
 * hart runs user-mode code in it. Physical addresses here are RAM offsets: frame `f` is bytes `ramOffset + f * 4096`
 * of `bytes`. Knows nothing of kernels, objects or files; takes no effect but through these calls.
 */

/** Why `run` came back. Cause numbers are those of the privileged manual; `budget` is ours. */
export const traps = {
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
  /** The budget is spent; no instruction was begun that did not retire. */
  budget: 32,
} as const;

export interface Hart {
  /** x0 to x31, as 64-bit words and as 32-bit halves (low half of x[i] is halves[2 * i]). x[0] stays 0. */
  readonly x: BigUint64Array;
  readonly halves: Uint32Array;
  /** f0 to f31. A single lies in the low half, and the upper half is all ones. */
  readonly f: BigUint64Array;
  /** True when the guest may have written f registers since this was set to false (what the privileged manual calls FS). */
  floatsChanged: boolean;
  /** pc as 64-bit word at element 0, and as halves. */
  readonly pcWord: BigUint64Array;
  readonly pcHalves: Uint32Array;
  fcsr: number;
  /** Address of the LR reservation, all ones when there is none, element 0. */
  readonly reservation: BigUint64Array;
  /** The same in halves, low first. */
  readonly reservationHalves: Uint32Array;
  /** Tick counter (retired instructions plus what `addTicks` added): what the counters cycle and time read. Element 0. */
  readonly tickWord: BigUint64Array;
  /** The same in halves, low first. */
  readonly tickHalves: Uint32Array;
  /** Element 0 is what instret reads; `run` adds what it retires. Whoever loads a thread sets it to the thread's count. */
  readonly retiredWord: BigUint64Array;
  /** The same in halves, low first. */
  readonly retiredHalves: Uint32Array;
  /** Moves the tick forward by this many (below 2^53). */
  addTicks(ticks: number): void;
  /**
   * Runs user-mode instructions until one traps or exactly `budget` (1 to 2^31 - 1) have retired. Returns a number of
   * `traps`. On a trap pc is the trapping instruction's, which has not retired (ecall neither). Never throws for
   * anything a guest does.
   */
  run(budget: number): number;
  /** stval of the last trap: the faulting address or the instruction's bits. Below 2^53, or -1 when it is not. */
  readonly trapValue: number;
  readonly trapValueWord: BigUint64Array;
  /** Instructions that the last `run` retired. */
  readonly lastRetired: number;
  /** Sv39 root table (frame number) and address space identifier. -1 turns translation off: every access faults. */
  setAddressSpace(rootFrame: number, asid: number): void;
  /** sfence.vma in its three forms. Needed after table changes only; TLB contents are never observable. */
  fenceAll(): void;
  fenceSpace(asid: number): void;
  fencePage(asid: number, address: number): void;
  /** Must be called when a frame's bytes were changed other than by the hart (it may hold decoded code of it). */
  frameChanged(frame: number): void;
}

export interface ModificationLog {
  /**
   * Reports each frame written since the last drain, once, with the pc of the first write, in the order of those
   * writes, and empties the log: the next write to such a frame is logged again. What `read` has reported is left out.
   */
  drain(report: (frame: number, pcLow: number, pcHigh: number) => void): void;
  /** Reports as many of the entries that were not reported yet, and leaves the log as it is. */
  read(count: number, report: (frame: number, pcLow: number, pcHigh: number) => void): void;
  /** Logs a write done by supervisor code in the name of the instruction at this pc; also does `frameChanged`. */
  note(frame: number, pcLow: number, pcHigh: number): void;
  /** Number of entries now. */
  readonly length: number;
  /** Takes this frame out of the log, if it is there: its next write is logged. For a frame given to another page. */
  forget(frame: number): void;
}

/**
 * Which tier executes: the interpreter alone; the translator wherever control arrives; or the interpreter for cold code
 * and the translator for hot code. What a program does never depends on it.
 */
export type Tier = 'interpreter' | 'translator' | 'auto';

/** What the tiers did. For people and tests; not part of any state. */
export interface TierStatistics {
  /** Instructions retired in each. */
  readonly interpreted: number;
  readonly translated: number;
  /** How often the interpreter passed control to translated code, which passes it on by itself where it can. */
  readonly entered: number;
  /** Modules of WebAssembly made: regions are made in batches. */
  readonly batches: number;
  /** Regions of translated code that live now, were made, and were dropped because of writes or for room. */
  readonly regions: number;
  readonly compiled: number;
  readonly dropped: number;
  /** Bytes of WebAssembly made. */
  readonly codeBytes: number;
  /** Time spent translating, in milliseconds of the clock given; 0 without a clock. */
  readonly translateMs: number;
}

export interface MachineOptions {
  /** `auto` when not given. */
  readonly tier?: Tier;
  /** A clock in milliseconds, for `TierStatistics` only. */
  readonly now?: () => number;
  /** The bytes of `generateInterpreter(true, isFused)` when the caller has them, to save the time; else null. */
  readonly interpreter?: (isFused: boolean) => Uint8Array<ArrayBuffer> | null;
  /** Computes as on a host without fused multiply-add: slower, and nothing else is different. For tests. */
  readonly withoutFusedMultiplyAdd?: boolean;
  /** Arrivals at a place after which `auto` translates it, and further ones that it waits for others; tests want few. */
  readonly heat?: { readonly threshold: number; readonly patience: number };
  /** What translated code may take before all of it is dropped; tests want little. */
  readonly cache?: { readonly regionsMax: number; readonly bytesMax: number };
  /** For measuring what a mechanism costs, never for programs: translated code without it is not exact. */
  readonly measure?: Measure;
}

export interface Measure {
  /** Every address is taken for one of RAM, with no look into the TLB and no modification log. */
  readonly withoutTlb?: boolean;
  /** Nothing is counted: a run may be longer than its budget. */
  readonly withoutBudget?: boolean;
}

export interface Machine {
  readonly memory: WebAssembly.Memory;
  /** The whole linear memory. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly words: Uint32Array;
  readonly longs: BigUint64Array;
  readonly ramOffset: number;
  readonly frameCount: number;
  readonly hart: Hart;
  readonly log: ModificationLog;
  /** The bytes of a frame. */
  frame(frame: number): Uint8Array;
  /** Makes what copies a frame into that memory, to the byte at `to`: faster than by a view, and makes nothing each time. */
  copier(target: WebAssembly.Memory): (frame: number, to: number) => void;
  /**
   * Plain versioned data of the hart (registers, counters), and back; a foreign version or another shape is refused with a
   * HartStateError and changes nothing. RAM and the address space are not in it.
   */
  exportState(): HartState;
  importState(state: HartState): void;
  /** Changes the tier, between two runs. */
  setTier(tier: Tier): void;
  tierStatistics(): TierStatistics;
}

export interface HartState {
  readonly version: 1;
  readonly x: readonly bigint[];
  readonly f: readonly bigint[];
  readonly pc: bigint;
  readonly fcsr: number;
  readonly reservation: bigint;
  readonly tick: bigint;
  readonly retired: bigint;
}

/** Sv39 page table entry bits (privileged manual 4.4). */
export const pte = {
  valid: 1,
  read: 2,
  write: 4,
  execute: 8,
  user: 16,
  global: 32,
  accessed: 64,
  dirty: 128,
} as const;
