/**
 * Builds the C programs of test/userland/programs with the kit, once a test file.
 *
 * Called by tests that need the cross compiler and say so.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { scratchFolder } from '../tools/scratch.ts';

const compiler = join(import.meta.dirname, '../../src/userland/kit/perdure-cc');

/** Compiles one source of test/userland/programs; returns the ELF file. */
export function buildProgram(source: string, ...flags: string[]): string {
  const file = join(scratchFolder(), `${source.replace(/\.c+$/, '')}.elf`);
  const args = [...flags, '-O2', join(import.meta.dirname, 'programs', source), '-lm', '-o', file];
  execFileSync(compiler, args);
  return file;
}
