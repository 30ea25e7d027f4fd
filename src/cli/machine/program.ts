/**
 * A program file for an image: loaded, checked, with its hash and symbols.
 *
 * Called by the verbs that take PROGRAM.elf. Never runs it.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { ElfError, parseElf } from '../../hw/elf.ts';
import type { ProgramImage } from '../../persist/create.ts';
import type { ProgramRow } from '../../persist/store/contract.ts';
import { ExitCode, OperatorError } from '../errors.ts';

export interface Program {
  readonly path: string;
  readonly image: ProgramImage;
  readonly arguments: readonly string[];
  readonly row: ProgramRow;
}

/** Reads and checks PROGRAM.elf. `args` are what follows it; argv[0] is its name. Throws OperatorError (65, 66). */
export function loadProgram(file: string, args: readonly string[]): Program {
  const elf = fs.readFileSync(file);
  const name = path.basename(file);
  const argv = [name, ...args];
  try {
    const parsed = parseElf(elf, file);
    const hash = createHash('sha256').update(elf).digest();
    return {
      path: file,
      image: parsed,
      arguments: argv,
      row: { name, hash, elf, arguments: argv, symbols: parsed.symbols },
    };
  } catch (error) {
    if (!(error instanceof ElfError)) throw error;
    throw new OperatorError(
      ExitCode.damaged,
      error.message,
      'give a static RISC-V program (ELF64), built with the guest kit',
    );
  }
}
