/**
 * The calls of Linux that the bare runner answers: what small C libraries need, and a static glibc or musl at its start.
 *
 * Numbers, arguments and results are Linux's on riscv64 (include/uapi/asm-generic/unistd.h). There is one thread, one
 * process, no file but the three standard streams, no signal handler. Every other call has the result -ENOSYS: nothing
 * is pretended that is not done. Called by bare.ts for each ecall; takes no effects but `BareEffects`.
 */
import { alignUp, isAligned } from '../../base/integer.ts';
import { PAGE_SIZE, USER_ADDRESS_END } from '../../base/limits.ts';
import type { BareEnd, BareOptions } from '../bare.ts';
import { monotonicNs, toTimespec } from '../clock.ts';
import { type Hart, pte } from '../machine.ts';
import type { BareMemory } from './memory.ts';

/** Call numbers. */
const calls = {
  read: 63,
  write: 64,
  readVector: 65,
  writeVector: 66,
  exit: 93,
  exitGroup: 94,
  setThreadIdAddress: 96,
  clockGettime: 113,
  sendSignal: 131,
  gettimeofday: 169,
  processId: 172,
  threadId: 178,
  brk: 214,
  unmap: 215,
  map: 222,
  protect: 226,
} as const;

const errors = {
  badDescriptor: -9,
  noMemory: -12,
  fault: -14,
  noDevice: -19,
  invalid: -22,
  noSuchCall: -38,
} as const;

const clocks = { realtime: 0, monotonic: 1 } as const;
const protections = { read: 1, write: 2, execute: 4 } as const;
const mapFlags = { kind: 3, fixed: 0x10, anonymous: 0x20 } as const;
const SIGNAL_ABORT = 6;
/** The one process and its one thread. */
const PROCESS_ID = 1;
/** Bytes of one read: as much as a pipe gives at once. */
const READ_BYTES_MAX = 65536;
/** Elements of a vector (Linux's UIO_MAXIOV). */
const VECTOR_MAX = 1024;

/** The heap and the mappings end here at the latest, 4 GiB below the place of the stack. */
export const HEAP_END = 0x3e_0000_0000;

export interface Calls {
  /** Answers the call in the registers: its result for a0, or the end of the program. */
  answer(): number | BareEnd;
}

/** The bits of a table entry for Linux's protections: what can be written can be read. */
function bitsOf(protection: number): number {
  const isWritable = (protection & protections.write) !== 0;
  return (
    (isWritable || (protection & protections.read) !== 0 ? pte.read : 0) |
    (isWritable ? pte.write : 0) |
    ((protection & protections.execute) !== 0 ? pte.execute : 0)
  );
}

function timespecBytes(seconds: bigint, part: bigint): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, seconds, true);
  view.setBigUint64(8, part, true);
  return bytes;
}

/** Makes what answers the calls of one program, whose heap begins at `heapStart`. */
export function createCalls(hart: Hart, memory: BareMemory, heapStart: number, options: BareOptions): Calls {
  let heapEnd = heapStart;

  /** A register as a signed number; one that is not exact is no address, length or descriptor. */
  const register = (index: number): number => Number(BigInt.asIntN(64, hart.x[index] ?? 0n));

  const isRange = (start: number, length: number): boolean =>
    start >= 0 && length >= 0 && isAligned(start, PAGE_SIZE) && start + length <= USER_ADDRESS_END;

  const write = (descriptor: number, address: number, length: number): number => {
    if (descriptor !== 1 && descriptor !== 2) return errors.badDescriptor;
    const bytes = length < 0 ? null : memory.read(address, length);
    if (bytes === null) return errors.fault;
    options.effects.write(descriptor, bytes);
    return bytes.length;
  };

  const read = (descriptor: number, address: number, wanted: number): number => {
    if (descriptor !== 0) return errors.badDescriptor;
    if (wanted < 0) return errors.invalid;
    // The place must be writable before any input is taken.
    const length = Math.min(wanted, READ_BYTES_MAX);
    if (!memory.isWritable(address, length)) return errors.fault;
    const bytes = options.effects.read(length);
    memory.write(address, bytes);
    return bytes.length;
  };

  /** Does a call for each element {address, length} of a vector, until one does less than all or fails. */
  const vector = (one: typeof write, descriptor: number, address: number, count: number): number => {
    if (count < 0 || count > VECTOR_MAX) return errors.invalid;
    const elements = memory.read(address, count * 16);
    if (elements === null) return errors.fault;
    const words = new BigUint64Array(elements.buffer);
    let done = 0;
    for (let index = 0; index < count; index++) {
      const length = Number(BigInt.asIntN(64, words[2 * index + 1] ?? 0n));
      const result = one(descriptor, Number(words[2 * index]), length);
      if (result < 0) return done > 0 ? done : result;
      done += result;
      if (result < length) break;
    }
    return done;
  };

  /** Moves the end of the heap if it can; returns where it is then. */
  const moveBreak = (wanted: number): number => {
    if (wanted < heapStart || wanted > HEAP_END) return heapEnd;
    const [from, to] = [alignUp(heapEnd, PAGE_SIZE), alignUp(wanted, PAGE_SIZE)];
    if (to > from) {
      if (memory.areas.within(from, to).length > 0) return heapEnd;
      memory.areas.set(from, to, pte.read | pte.write);
    } else memory.discard(to, from);
    heapEnd = wanted;
    return wanted;
  };

  /** Only memory without a file can be had. */
  const map = (address: number, length: number, protection: number, flags: number): number => {
    const kind = flags & mapFlags.kind;
    if (kind === 0 || length <= 0) return errors.invalid;
    if ((flags & mapFlags.anonymous) === 0) return errors.noDevice;
    const size = alignUp(length, PAGE_SIZE);
    if ((flags & mapFlags.fixed) !== 0) {
      if (!isRange(address, size)) return errors.invalid;
      memory.discard(address, address + size);
      memory.areas.set(address, address + size, bitsOf(protection));
      return address;
    }
    const start = memory.areas.findFree(size, alignUp(heapEnd, PAGE_SIZE), HEAP_END);
    if (start === -1) return errors.noMemory;
    memory.areas.set(start, start + size, bitsOf(protection));
    return start;
  };

  const unmap = (address: number, length: number): number => {
    if (length <= 0 || !isRange(address, length)) return errors.invalid;
    memory.discard(address, address + alignUp(length, PAGE_SIZE));
    return 0;
  };

  const protect = (address: number, length: number, protection: number): number => {
    if (!isRange(address, length)) return errors.invalid;
    const end = address + alignUp(length, PAGE_SIZE);
    const there = memory.areas.within(address, end).reduce((sum, area) => sum + area.end - area.start, 0);
    if (there !== end - address) return errors.noMemory;
    memory.protect(address, end, bitsOf(protection));
    return 0;
  };

  const wallNs = (): bigint => options.wallBaseNs + monotonicNs(hart, options.ticksPerNanosecond);

  const clockGettime = (clock: number, address: number): number => {
    if (clock !== clocks.realtime && clock !== clocks.monotonic) return errors.invalid;
    const ns = clock === clocks.realtime ? wallNs() : monotonicNs(hart, options.ticksPerNanosecond);
    const { seconds, nanoseconds } = toTimespec(ns);
    return memory.write(address, timespecBytes(seconds, nanoseconds)) ? 0 : errors.fault;
  };

  /** The time zone that may be asked for too has not been filled in by Linux for decades; here neither. */
  const gettimeofday = (address: number): number => {
    const { seconds, nanoseconds } = toTimespec(wallNs());
    return address === 0 || memory.write(address, timespecBytes(seconds, nanoseconds / 1000n))
      ? 0
      : errors.fault;
  };

  return {
    answer() {
      const call = register(17);
      const [first, second, third, fourth] = [register(10), register(11), register(12), register(13)];
      switch (call) {
        case calls.exit:
        case calls.exitGroup:
          return { kind: 'exit', status: first & 255 };
        case calls.write:
          return write(first, second, third);
        case calls.writeVector:
          return vector(write, first, second, third);
        case calls.read:
          return read(first, second, third);
        case calls.readVector:
          return vector(read, first, second, third);
        case calls.brk:
          return moveBreak(first);
        case calls.map:
          return map(first, second, third, fourth);
        case calls.unmap:
          return unmap(first, second);
        case calls.protect:
          return protect(first, second, third);
        case calls.clockGettime:
          return clockGettime(first, second);
        case calls.gettimeofday:
          return gettimeofday(first);
        case calls.setThreadIdAddress:
        case calls.processId:
        case calls.threadId:
          return PROCESS_ID;
        case calls.sendSignal:
          // What abort() does: nobody can handle the signal, so it ends the program.
          if (first === PROCESS_ID && second === PROCESS_ID && third === SIGNAL_ABORT)
            return { kind: 'exit', status: 128 + SIGNAL_ABORT };
          break;
      }
      options.effects.unknownCall?.(call);
      return errors.noSuchCall;
    },
  };
}
