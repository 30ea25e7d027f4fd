/**
 * The bare runner: one user-mode program on the hart, without kernel or image. For `perdure hart` and for tests.
 *
 * It answers the few calls of Linux that small C libraries need (bare/calls.ts) and -ENOSYS to all others. Pages come
 * when they are first touched (bare/memory.ts): segments, heap, stack. Invariant: everything the program can see is a
 * function of the file, the arguments and what `BareEffects` returned; the tier is not. Takes no effects but those.
 */
import { present } from '../base/assert.ts';
import { alignUp } from '../base/integer.ts';
import { PAGE_SIZE } from '../base/limits.ts';
import { createCalls } from './bare/calls.ts';
import { BareMemory } from './bare/memory.ts';
import { loadSegments, placeStack } from './bare/start.ts';
import { createMachine } from './create.ts';
import type { ElfProgram } from './elf.ts';
import { instructionLength } from './instructions/disassemble.ts';
import { type Machine, type MachineOptions, pte, type Tier, traps } from './machine.ts';

export interface BareEffects {
  /** Bytes for standard output (1) or error (2). */
  write(descriptor: 1 | 2, bytes: Uint8Array): void;
  /** Up to this many bytes of standard input; none at its end. */
  read(lengthMax: number): Uint8Array;
  /** Told of a call that is none of those answered here, before it is answered with -ENOSYS; may throw to end the run. */
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
  /** Which tier executes; `auto` when not given. No program can tell. */
  readonly tier?: Tier;
  /** See `MachineOptions`. */
  readonly heat?: NonNullable<MachineOptions['heat']>;
  /** A clock in milliseconds, for the tiers' statistics only. */
  readonly now?: () => number;
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

/** Instructions between two looks at the budget; also lets the engine change to better code. */
const SLICE = 1_000_000;

const faultAccess: Readonly<Record<number, number>> = {
  [traps.instructionPageFault]: pte.execute,
  [traps.loadPageFault]: pte.read,
  [traps.storePageFault]: pte.write,
};

/** The bits of the instruction at pc, for a trace: what of it can be fetched, the rest zero. */
function instructionAt(memory: BareMemory, pc: number): number {
  const halfwordAt = (address: number): number | null => {
    const bytes = memory.read(address, 2, pte.execute);
    return bytes === null ? null : (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8);
  };
  const low = halfwordAt(pc) ?? 0;
  return instructionLength(low) === 2 ? low : (low | ((halfwordAt(pc + 2) ?? 0) << 16)) >>> 0;
}

/**
 * Makes a machine with the program loaded in it, ready to run from its entry. Null when RAM cannot hold the program, or
 * its stack the arguments and the environment.
 */
export function createBareProgram(program: ElfProgram, options: BareOptions): BareProgram | null {
  const { ramBytes, tier, heat, now } = options;
  const machine = createMachine(ramBytes, {
    ...(tier === undefined ? {} : { tier }),
    ...(heat === undefined ? {} : { heat }),
    ...(now === undefined ? {} : { now }),
  });
  const { hart } = machine;
  const memory = new BareMemory(machine);
  if (!loadSegments(memory, program)) return null;
  const stackPointer = placeStack(memory, program, options);
  if (stackPointer === -1) return null;
  const last = present(program.segments.at(-1), 'bare: a program has a segment');
  const heapStart = alignUp(last.address + last.memorySize, PAGE_SIZE);
  const calls = createCalls(hart, memory, heapStart, options);
  hart.x[2] = BigInt(stackPointer);
  hart.pcWord[0] = BigInt(program.entry);

  /** What to do after a trap: null to go on. */
  const handle = (cause: number): BareEnd | null => {
    const pc = hart.pcWord[0] ?? 0n;
    if (cause === traps.environmentCall) {
      const result = calls.answer();
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
