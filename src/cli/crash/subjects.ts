/**
 * The programs of the crash campaign: each of another kind, all ending after a second or so, so that a run is killed a few
 * times and compared often. Called by `perdure crash --programs` and the tests.
 */
import { fileURLToPath } from 'node:url';

export interface Subject {
  readonly name: string;
  /** The ELF file. */
  readonly program: string;
  readonly arguments: readonly string[];
  /** Value of --ram. */
  readonly ram: string;
  /** Lines that are typed, each when the one before was answered; none: standard input is empty. */
  readonly inputLines: number;
}

function elf(name: string): string {
  return fileURLToPath(new URL(`../../userland/programs/${name}.elf`, import.meta.url));
}

function subject(name: string, args: readonly string[], more: Partial<Subject> = {}): Subject {
  return { name, program: elf(name), arguments: args, ram: '16M', inputLines: 0, ...more };
}

/** By name, with what each is there for. */
export const subjects: readonly Subject[] = [
  // Threads, mutex and cond, a server in another space, sleeps: every line holds a hash of all before.
  subject('transcript', ['2000']),
  // Every entry point, again and again.
  subject('examples', ['4']),
  // Nothing but computing, with a result that anybody can look up.
  subject('digits', ['700']),
  // Floating point state: four threads in four rounding modes, flags, NaNs.
  subject('orbits', ['60', '2000']),
  // Threads by the hundred, waiting on conds of their own.
  subject('relay', ['300', '3000']),
  // Reliable IPC between two spaces.
  subject('service', ['2000']),
  // Timers: idle time is skipped, each deadline is in a thread's registers.
  subject('alarms', ['24', '30']),
  // Handlers, exceptions, interrupts.
  subject('survivor', ['200']),
  // A scheduler in C, which gives its children the processor.
  subject('stride', ['3000']),
  // A pager in C, whose child's faults it answers.
  subject('demand', ['24']),
  // Memory that grows and shrinks, more of it than RAM.
  subject('tide', ['20', '3']),
  // A checkpointer in the machine: it saves its child, destroys it and brings it back, while it is saved itself.
  subject('checkpointer', ['30', '2', '200', '64', '4', '300']),
  // Journaled input: a line is typed when the one before was answered.
  subject('echo', [], { inputLines: 60 }),
];
