/**
 * A machine for measuring parts of the hart alone: a program's memory mapped one to one, virtual page p on frame p.
 *
 * So code translated without a TLB finds its data too. Everything is mapped before the program starts, and of Linux's
 * calls only write, brk and exit are answered, so that nothing but the hart takes time. Called by costs.ts; not a way to
 * run programs.
 */
import { createMachine } from '../../src/hw/create.ts';
import type { ElfProgram } from '../../src/hw/elf.ts';
import { type Machine, type MachineOptions, pte, traps } from '../../src/hw/machine.ts';
import { createPageTables } from '../../src/hw/tables.ts';

const MIB = 2 ** 20;
const RAM_BYTES = 64 * MIB;
/** Frames from here on hold page tables; below it programs have their memory, the stack at its end. */
const PROGRAM_END = 60 * MIB;
const HEAP_END = 59 * MIB;
const PAGE = 4096;
const SPACE = 1;
const calls = { write: 64, exit: 93, brk: 214 } as const;

export interface FlatProgram {
  readonly machine: Machine;
  /** What the program has written so far. */
  output(): string;
  /** Called at each write; whoever measures from the first line of output to the end leaves warming up out. */
  onWrite: () => void;
  /**
   * Runs to the program's end in slices of this many instructions, calling `between` after each; returns the instructions
   * that the hart counted.
   */
  run(slice: number, between?: () => void): number;
}

/** Words of the stack as at a program's start on Linux: argc, argv, no environment, no auxiliary vector. */
function placeArguments(machine: Machine, args: readonly string[]): number {
  const at = (address: number): number => machine.ramOffset + address;
  let top = PROGRAM_END;
  const addresses = args.map((text) => {
    const bytes = new TextEncoder().encode(`${text}\0`);
    top -= bytes.length;
    machine.bytes.set(bytes, at(top));
    return top;
  });
  const words = [args.length, ...addresses, 0, 0, 0, 0];
  const start = Math.floor((top - words.length * 8) / 16) * 16;
  words.forEach((word, i) => {
    machine.view.setBigUint64(at(start + i * 8), BigInt(word), true);
  });
  return start;
}

/** Loads a program that was linked below 59 MiB. */
export function loadFlat(program: ElfProgram, args: readonly string[], options: MachineOptions): FlatProgram {
  const machine = createMachine(RAM_BYTES, options);
  const { hart } = machine;
  let nextFrame = PROGRAM_END / PAGE;
  const tables = createPageTables(machine, () => (nextFrame < machine.frameCount ? nextFrame++ : -1));
  if (tables === null) throw new Error('flat: there is no room for page tables');
  hart.setAddressSpace(tables.root, SPACE);
  for (let page = 0; page < PROGRAM_END; page += PAGE)
    if (!tables.map(page, page / PAGE, pte.read | pte.write | pte.execute))
      throw new Error('flat: there is no room for page tables');
  let heapEnd = 0;
  for (const { address, bytes, memorySize } of program.segments) {
    if (address + memorySize > HEAP_END) throw new Error('flat: the program is linked too high');
    machine.bytes.set(bytes, machine.ramOffset + address);
    heapEnd = Math.max(heapEnd, Math.ceil((address + memorySize) / PAGE) * PAGE);
  }
  hart.x[2] = BigInt(placeArguments(machine, args));
  hart.pcWord[0] = BigInt(program.entry);
  let text = '';

  /** Answers a call; true when the program has ended. */
  const answer = (): boolean => {
    const [call, first, second, third] = [17, 10, 11, 12].map((i) =>
      Number(BigInt.asIntN(64, hart.x[i] ?? 0n)),
    );
    let result = -38;
    if (call === calls.exit) {
      if (first !== 0) throw new Error(`flat: the program ended with ${first}: ${text}`);
      return true;
    }
    if (call === calls.write && second !== undefined && third !== undefined) {
      // A copy, because the memory is shared and the decoder refuses shared bytes.
      text += new TextDecoder().decode(
        machine.bytes.slice(machine.ramOffset + second, machine.ramOffset + second + third),
      );
      result = third;
      flat.onWrite();
    }
    if (call === calls.brk && first !== undefined) {
      if (first >= heapEnd && first <= HEAP_END) heapEnd = first;
      result = heapEnd;
    }
    hart.x[10] = BigInt.asUintN(64, BigInt(result));
    hart.pcWord[0] = (hart.pcWord[0] ?? 0n) + 4n;
    return false;
  };

  const flat: FlatProgram = {
    machine,
    onWrite: () => {},
    output: () => text,
    run(slice, between) {
      for (;;) {
        const cause = hart.run(slice);
        if (cause === traps.environmentCall) {
          if (answer()) return Number(hart.retiredWord[0]);
        } else if (cause === traps.budget) between?.();
        else throw new Error(`flat: trap ${cause} at 0x${(hart.pcWord[0] ?? 0n).toString(16)}`);
      }
    },
  };
  return flat;
}
