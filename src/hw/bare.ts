/**
 * The bare runner: one user-mode program on the hart, without kernel or image. For `perdure hart` and for tests.
 *
 * It answers the few calls of Linux that small C libraries need (write, read, exit, brk, clock_gettime) and -ENOSYS to
 * all others. Pages come when they are first touched: segments, heap, stack. Invariant: everything the program can see
 * is a function of the file, the arguments and what `BareEffects` returned. Takes no effects but those.
 */
import { present } from '../base/assert.ts';
import { alignDown, alignUp } from '../base/integer.ts';
import { PAGE_SIZE } from '../base/limits.ts';
import { monotonicNs, toTimespec } from './clock.ts';
import { createMachine } from './create.ts';
import type { ElfProgram } from './elf.ts';
import { instructionLength } from './instructions/disassemble.ts';
import { type Machine, pte, traps } from './machine.ts';
import { createPageTables, type PageTables } from './tables.ts';

export interface BareEffects {
  /** Bytes for standard output (1) or error (2). */
  write(descriptor: 1 | 2, bytes: Uint8Array): void;
  /** Up to this many bytes of standard input; none at its end. */
  read(lengthMax: number): Uint8Array;
  /** Told of a call that is none of those below, before it is answered with -ENOSYS; may throw to end the run. */
  unknownCall?(call: number): void;
}

export interface BareOptions {
  readonly ramBytes: number;
  /** argv, the program's name first. */
  readonly arguments: readonly string[];
  readonly environment: readonly string[];
  readonly ticksPerNanosecond: number;
  /** Wall-clock time at tick 0, nanoseconds since 1970. */
  readonly wallBaseNs: bigint;
  /** The 16 bytes that AT_RANDOM points to. */
  readonly random: Uint8Array;
  readonly effects: BareEffects;
  /** Called before each instruction, with its bits (16 of them when compressed), whether or not it will trap. */
  readonly trace?: (pc: bigint, bits: number) => void;
}

export type BareEnd =
  | { readonly kind: 'exit'; readonly status: number }
  | { readonly kind: 'trap'; readonly cause: number; readonly pc: bigint; readonly value: bigint }
  /** The budget is spent. */
  | { readonly kind: 'budget' }
  /** RAM is spent. */
  | { readonly kind: 'exhausted' };

export interface BareProgram {
  readonly machine: Machine;
  /** Runs until the program ends, or until this many more instructions have retired. */
  run(budget: number): BareEnd;
  /** The bytes of the program's memory, or null when some of it is not there. */
  read(address: number, length: number): Uint8Array | null;
}

const STACK_END = 0x3f_0000_0000;
const STACK_SIZE = 8 * 1024 * 1024;
/** The heap ends this far below the stack at the latest. */
const HEAP_END = 0x3e_0000_0000;
const BRK_SPACE = 1;
/** Instructions between two looks at the budget; also lets the engine change to better code. */
const SLICE = 1_000_000;

const calls = { read: 63, write: 64, exit: 93, exitGroup: 94, clockGettime: 113, brk: 214 } as const;
const errors = { badDescriptor: -9, fault: -14, invalid: -22, noSuchCall: -38 } as const;
const auxiliary = {
  end: 0,
  headers: 3,
  headerSize: 4,
  headerCount: 5,
  pageSize: 6,
  entry: 9,
  random: 25,
} as const;
const clocks = { realtime: 0, monotonic: 1 } as const;

/** A stretch of addresses that the program may use, with R, W, X bits of a table entry. Page aligned. */
interface Range {
  start: number;
  end: number;
  bits: number;
}

/** Memory of the program: ranges, and the frames of the pages touched so far. */
class BareMemory {
  readonly ranges: Range[] = [];
  private readonly machine: Machine;
  private readonly tables: PageTables;
  private readonly frames = new Map<number, number>();
  private readonly freeFrames: number[] = [];
  private nextFrame = 0;

  constructor(machine: Machine) {
    this.machine = machine;
    this.tables = present(
      createPageTables(machine, () => this.allocate()),
      'bare: there is a frame for the root table',
    );
    machine.hart.setAddressSpace(this.tables.root, BRK_SPACE);
  }

  /** A frame of zeros, or -1. */
  private allocate(): number {
    const free = this.freeFrames.pop();
    if (free !== undefined) {
      this.machine.frame(free).fill(0);
      this.machine.hart.frameChanged(free);
      return free;
    }
    return this.nextFrame < this.machine.frameCount ? this.nextFrame++ : -1;
  }

  /** The R, W, X bits of the page at this address: those of every range that has a part of it. */
  private bitsOf(page: number): number {
    return this.ranges.reduce(
      (bits, r) => (page < r.end && page + PAGE_SIZE > r.start ? bits | r.bits : bits),
      0,
    );
  }

  /** The frame of a page, brought in if it must be; -1 when the access is not allowed, -2 when RAM is spent. */
  frameFor(address: number, access: number): number {
    const page = alignDown(address, PAGE_SIZE);
    const bits = this.bitsOf(page);
    if ((bits & access) === 0) return -1;
    const known = this.frames.get(page);
    if (known !== undefined) return known;
    const frame = this.allocate();
    if (frame === -1 || !this.tables.map(page, frame, bits)) return -2;
    this.machine.hart.fencePage(BRK_SPACE, page);
    this.frames.set(page, frame);
    return frame;
  }

  /** Forgets the pages of [start, end); they will be zeros again. */
  discard(start: number, end: number): void {
    for (const [page, frame] of this.frames) {
      if (page < start || page >= end) continue;
      this.tables.unmap(page);
      this.machine.hart.fencePage(BRK_SPACE, page);
      this.machine.log.forget(frame);
      this.frames.delete(page);
      this.freeFrames.push(frame);
    }
  }

  /** Copies out or in, piece by piece; `piece` gets a part of a frame and the offset from the start. False on a fault. */
  private each(
    address: number,
    length: number,
    access: number,
    piece: (bytes: Uint8Array, at: number, frame: number) => void,
  ): boolean {
    for (let at = 0; at < length; ) {
      const here = address + at;
      if (here < 0 || here >= Number.MAX_SAFE_INTEGER) return false;
      const frame = this.frameFor(here, access);
      if (frame < 0) return false;
      const offset = here % PAGE_SIZE;
      const count = Math.min(PAGE_SIZE - offset, length - at);
      piece(this.machine.frame(frame).subarray(offset, offset + count), at, frame);
      at += count;
    }
    return true;
  }

  read(address: number, length: number): Uint8Array | null {
    // What does not fit in RAM cannot be there.
    if (length > this.machine.frameCount * PAGE_SIZE) return null;
    const copy = new Uint8Array(length);
    return this.each(address, length, pte.read, (bytes, at) => copy.set(bytes, at)) ? copy : null;
  }

  /** Writes in the program's name; with `access` 0 bits are not asked (the loader writes read-only pages). */
  write(address: number, content: Uint8Array, access: number = pte.write): boolean {
    return this.each(address, content.length, access, (bytes, at, frame) => {
      bytes.set(content.subarray(at, at + bytes.length));
      this.machine.hart.frameChanged(frame);
    });
  }
}

const ANY_ACCESS = pte.read | pte.write | pte.execute;

/** Lays out the program's memory and fills in what the file says. False when RAM does not suffice. */
function loadSegments(memory: BareMemory, program: ElfProgram): boolean {
  for (const segment of program.segments) {
    memory.ranges.push({
      start: alignDown(segment.address, PAGE_SIZE),
      end: alignUp(segment.address + segment.memorySize, PAGE_SIZE),
      bits:
        (segment.readable || segment.writable ? pte.read : 0) |
        (segment.writable ? pte.write : 0) |
        (segment.executable ? pte.execute : 0),
    });
  }
  return program.segments.every(({ address, bytes }) => memory.write(address, bytes, ANY_ACCESS));
}

/** Puts argc, argv, envp and the auxiliary vector at the stack's end as Linux does; returns the stack pointer. */
function placeStack(memory: BareMemory, program: ElfProgram, options: BareOptions): number {
  const encoder = new TextEncoder();
  let top = STACK_END;
  const put = (bytes: Uint8Array): number => {
    top -= bytes.length;
    memory.write(top, bytes);
    return top;
  };
  const text = (value: string): number => put(encoder.encode(`${value}\0`));
  const argumentAddresses = options.arguments.map(text);
  const environmentAddresses = options.environment.map(text);
  const random = put(options.random);
  const words = [
    argumentAddresses.length,
    ...argumentAddresses,
    0,
    ...environmentAddresses,
    0,
    ...[auxiliary.headers, program.headersAddress],
    ...[auxiliary.headerSize, 56],
    ...[auxiliary.headerCount, program.headerCount],
    ...[auxiliary.pageSize, PAGE_SIZE],
    ...[auxiliary.entry, program.entry],
    ...[auxiliary.random, random],
    ...[auxiliary.end, 0],
  ];
  const bytes = new Uint8Array(words.length * 8);
  const view = new DataView(bytes.buffer);
  words.forEach((word, index) => {
    view.setBigUint64(index * 8, BigInt(word), true);
  });
  const start = alignDown(top - bytes.length, 16);
  memory.write(start, bytes);
  return start;
}

/** Numbers that system calls take and give: registers as signed numbers where that is exact. */
function callArguments(machine: Machine): readonly [number, number, number, number] {
  const { x } = machine.hart;
  const register = (index: number): number => Number(BigInt.asIntN(64, x[index] ?? 0n));
  return [register(17), register(10), register(11), register(12)];
}

interface Heap {
  readonly range: Range;
  readonly start: number;
  end: number;
}

/** Linux's brk: moves the end of the heap if it can; returns where it is then. */
function moveBreak(memory: BareMemory, heap: Heap, wanted: number): number {
  if (wanted < heap.start || wanted > HEAP_END) return heap.end;
  const pagesEnd = alignUp(wanted, PAGE_SIZE);
  if (pagesEnd < heap.range.end) memory.discard(Math.max(pagesEnd, heap.range.start), heap.range.end);
  heap.range.end = pagesEnd;
  heap.end = wanted;
  return wanted;
}

/** Answers one call: its result for a0, or the end of the program. */
function answer(machine: Machine, memory: BareMemory, heap: Heap, options: BareOptions): number | BareEnd {
  const [call, first, second, third] = callArguments(machine);
  switch (call) {
    case calls.exit:
    case calls.exitGroup:
      return { kind: 'exit', status: first & 255 };
    case calls.write: {
      if (first !== 1 && first !== 2) return errors.badDescriptor;
      const bytes = third < 0 ? null : memory.read(second, third);
      if (bytes === null) return errors.fault;
      options.effects.write(first, bytes);
      return bytes.length;
    }
    case calls.read: {
      if (first !== 0) return errors.badDescriptor;
      if (third < 0) return errors.invalid;
      // The place must be writable before any input is taken. 64 KiB at a time is enough, as with a pipe.
      const length = Math.min(third, 65536);
      for (let at = 0; at < length; at += PAGE_SIZE)
        if (memory.frameFor(second + at, pte.write) < 0) return errors.fault;
      if (length > 0 && memory.frameFor(second + length - 1, pte.write) < 0) return errors.fault;
      const bytes = options.effects.read(length);
      memory.write(second, bytes);
      return bytes.length;
    }
    case calls.brk:
      return moveBreak(memory, heap, first);
    case calls.clockGettime: {
      if (first !== clocks.realtime && first !== clocks.monotonic) return errors.invalid;
      const base = first === clocks.realtime ? options.wallBaseNs : 0n;
      const { seconds, nanoseconds } = toTimespec(
        base + monotonicNs(machine.hart, options.ticksPerNanosecond),
      );
      const bytes = new Uint8Array(16);
      const view = new DataView(bytes.buffer);
      view.setBigUint64(0, seconds, true);
      view.setBigUint64(8, nanoseconds, true);
      return memory.write(second, bytes) ? 0 : errors.fault;
    }
    default:
      options.effects.unknownCall?.(call);
      return errors.noSuchCall;
  }
}

const faultAccess: Readonly<Record<number, number>> = {
  [traps.instructionPageFault]: pte.execute,
  [traps.loadPageFault]: pte.read,
  [traps.storePageFault]: pte.write,
};

/** The bits of the instruction at pc, for a trace: what of it can be fetched, the rest zero. */
function instructionAt(memory: BareMemory, pc: number): number {
  const first = memory.read(pc, 2);
  if (first === null) return 0;
  const low = (first[0] ?? 0) | ((first[1] ?? 0) << 8);
  if (instructionLength(low) === 2) return low;
  const second = memory.read(pc + 2, 2);
  return second === null ? low : (low | ((second[0] ?? 0) << 16) | ((second[1] ?? 0) << 24)) >>> 0;
}

/** Makes a machine with the program loaded in it, ready to run from its entry. Null when RAM cannot hold the program. */
export function createBareProgram(program: ElfProgram, options: BareOptions): BareProgram | null {
  const machine = createMachine(options.ramBytes);
  const { hart } = machine;
  const memory = new BareMemory(machine);
  if (!loadSegments(memory, program)) return null;
  const last = present(program.segments.at(-1), 'bare: a program has a segment');
  const heapStart = alignUp(last.address + last.memorySize, PAGE_SIZE);
  const heapRange: Range = { start: heapStart, end: heapStart, bits: pte.read | pte.write };
  const heap: Heap = { range: heapRange, start: heapStart, end: heapStart };
  memory.ranges.push(heapRange, {
    start: STACK_END - STACK_SIZE,
    end: STACK_END,
    bits: pte.read | pte.write,
  });
  hart.x[2] = BigInt(placeStack(memory, program, options));
  hart.pcWord[0] = BigInt(program.entry);

  /** What to do after a trap: null to go on. */
  const handle = (cause: number): BareEnd | null => {
    const pc = hart.pcWord[0] ?? 0n;
    if (cause === traps.environmentCall) {
      const result = answer(machine, memory, heap, options);
      if (typeof result !== 'number') return result;
      hart.x[10] = BigInt.asUintN(64, BigInt(result));
      hart.pcWord[0] = pc + 4n;
      return null;
    }
    const access = faultAccess[cause];
    const fault =
      access === undefined || hart.trapValue === -1 ? -1 : memory.frameFor(hart.trapValue, access);
    if (fault >= 0) return null;
    if (fault === -2) return { kind: 'exhausted' };
    return { kind: 'trap', cause, pc, value: hart.trapValueWord[0] ?? 0n };
  };

  return {
    machine,
    read: (address, length) => memory.read(address, length),
    run(budget) {
      for (let left = budget; left > 0; ) {
        if (options.trace !== undefined) {
          const pc = hart.pcWord[0] ?? 0n;
          options.trace(pc, instructionAt(memory, Number(pc)));
        }
        const cause = hart.run(options.trace === undefined ? Math.min(left, SLICE) : 1);
        left -= hart.lastRetired;
        if (cause === traps.budget) continue;
        const end = handle(cause);
        if (end !== null) return end;
        // An answered call counts as an instruction of the program, so that a budget ends every program.
        if (cause === traps.environmentCall) left--;
      }
      return { kind: 'budget' };
    },
  };
}
