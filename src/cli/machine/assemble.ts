/**
 * Puts a machine together around a store: hardware, kernel, border, persistence server. A list, one step a line.
 *
 * Invariant: the counters of the kernel record are those of the file when the first guest instruction runs, whatever
 * boot created on the way, so that a resumed machine goes on exactly as an undisturbed one would.
 * Called by the runner; holds no state.
 */

import { createMachine } from '../../hw/create.ts';
import type { Machine, MachineOptions } from '../../hw/machine.ts';
import { Kernel } from '../../kernel/kernel.ts';
import { SERVER_MEMORY_PAGES } from '../../persist/arena.ts';
import type { ProgramImage } from '../../persist/create.ts';
import type { Ended } from '../../persist/server.ts';
import { Server } from '../../persist/server.ts';
import type { Store } from '../../persist/store/contract.ts';
import { checkKernelRecord } from '../../persist/validate.ts';
import type { ConsoleInputState, ConsoleOutputState, OutputRun } from '../../userland/border/console.ts';
import { borderPort, ConsoleInput, ConsoleOutput, createPort } from '../../userland/border/console.ts';
import type { LivesState } from '../../userland/border/lives.ts';
import { Lives } from '../../userland/border/lives.ts';
import type { Processor } from '../../userland/task/task.ts';

import type { OutputProof } from './sink.ts';
import type { InputPlace } from './source-file.ts';

/** What the border saves with each checkpoint (`border` of the checkpoint's row). */
export interface BorderState {
  readonly output: ConsoleOutputState;
  readonly input: ConsoleInputState;
  readonly lives: LivesState;
  /** Output offset of the first byte of the file sink. */
  readonly outputOrigin: number;
  /** What the end of the file sink's confirmed bytes looks like. */
  readonly outputProof: OutputProof | null;
  /** How far an input file has been read. */
  readonly inputPlace: InputPlace | null;
  readonly ended: Ended | null;
}

export const emptyBorder: BorderState = {
  output: { taken: 0 },
  input: { taken: 0, unread: '', ended: false },
  lives: { count: 0, told: 0, life: '' },
  outputOrigin: 0,
  outputProof: null,
  inputPlace: null,
  ended: null,
};

export interface AssemblyOptions {
  readonly ramBytes: number;
  readonly machine?: MachineOptions;
  /** Made already, while the image was opened. */
  readonly hardware?: Machine;
  readonly record: Uint8Array;
  /** Four random words, for the kernel's tables. */
  readonly hashWords: Uint32Array;
  readonly border: BorderState;
  /** The program of a new image; null resumes the store's head. */
  readonly program: { readonly image: ProgramImage; readonly arguments: readonly string[] } | null;
  readonly sink: (run: OutputRun) => void;
  readonly phase: (label: string) => void;
}

export interface Assembly {
  readonly machine: Machine;
  readonly kernel: Kernel;
  readonly server: Server;
  readonly output: ConsoleOutput;
  readonly input: ConsoleInput;
  readonly lives: Lives;
  /** Objects that restart brought back. */
  readonly objectCount: number;
}

const BORDER_MEMORY_PAGES = 1;

/** Builds the machine; after it the first slice may run. */
export function assemble(store: Store, options: AssemblyOptions): Assembly {
  if (options.program === null) checkKernelRecord(options.record);
  const machine = options.hardware ?? createMachine(options.ramBytes, options.machine);
  const kernel = new Kernel(machine, options.record, options.hashWords);
  const outputTask = kernel.createTask({ memoryPages: BORDER_MEMORY_PAGES, name: 'output' });
  const inputTask = kernel.createTask({ memoryPages: BORDER_MEMORY_PAGES, name: 'input' });
  const livesTask = kernel.createTask({ memoryPages: BORDER_MEMORY_PAGES, name: 'lives' });
  const serverTask = kernel.createTask({ memoryPages: SERVER_MEMORY_PAGES, name: 'server' });
  const output = new ConsoleOutput(options.border.output, options.sink);
  outputTask.serve(createPort(outputTask, 1), output);
  const input = new ConsoleInput(inputTask, createPort(inputTask, 2), options.border.input);
  const lives = new Lives(livesTask, createPort(livesTask, 3), options.border.lives);
  const server = new Server(serverTask, store, { phase: options.phase });
  const grant = (from: Processor, name: 'output' | 'input' | 'life'): void =>
    kernel.grant(from, borderPort(from), serverTask, server.externalReference(name));
  grant(outputTask, 'output');
  grant(inputTask, 'input');
  grant(livesTask, 'life');
  let objectCount = 0;
  if (options.program === null) {
    objectCount = server.resume(options.border.ended);
    // What boot and restart made on the way must leave no trace in the counters.
    kernel.restoreRecord(options.record);
  } else server.createImage(options.program.image, options.program.arguments);
  input.openOrClose();
  lives.openOrClose();
  return { machine, kernel, server, output, input, lives, objectCount };
}
