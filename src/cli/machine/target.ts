/**
 * Which file is the image and which the program, told apart by their first bytes; and old files put aside.
 *
 * Never opens an image as a database, never deletes a file. Called by `perdure run`.
 */
import fs from 'node:fs';
import path from 'node:path';
import { ExitCode, OperatorError, usageError } from '../errors.ts';

export interface Target {
  /** Null for a machine that is not kept. */
  readonly image: string | null;
  readonly program: string | null;
  readonly arguments: readonly string[];
  /** The image's name was made from the program's. */
  readonly isImplied: boolean;
}

/** ELF magic (System V ABI, chapter 4). */
const ELF_MAGIC = Buffer.from([0x7f, 0x45, 0x4c, 0x46]);

function isElf(file: string): boolean {
  let descriptor: number;
  try {
    descriptor = fs.openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  try {
    const magic = Buffer.alloc(ELF_MAGIC.length);
    return (
      fs.fstatSync(descriptor).isFile() && fs.readSync(descriptor, magic) === 4 && magic.equals(ELF_MAGIC)
    );
  } finally {
    fs.closeSync(descriptor);
  }
}

/** `--ephemeral PROGRAM [ARGS]`: a program without an image. */
export function ephemeralTarget(operands: readonly string[], cwd: string): Target {
  const [first, ...args] = operands;
  if (first === undefined) throw usageError('a program is missing', 'perdure run --ephemeral PROGRAM.elf');
  const program = path.resolve(cwd, first);
  if (fs.existsSync(program) && !isElf(program)) {
    throw usageError(
      `--ephemeral ${first}: it is not a program, and an ephemeral machine has no image`,
      'perdure run --ephemeral PROGRAM.elf, or perdure run IMAGE',
    );
  }
  return { image: null, program, arguments: args, isImplied: false };
}

/** `IMAGE [PROGRAM [ARGS]]`, or `PROGRAM [ARGS]` alone, whose image is ./PROGRAM.db. */
export function resolveTarget(operands: readonly string[], cwd: string): Target & { readonly image: string } {
  const [first, second, ...rest] = operands;
  if (first === undefined) throw usageError('an image or a program is missing', 'perdure run --help');
  if (isElf(path.resolve(cwd, first))) {
    const image = path.join(cwd, `${path.basename(first).replace(/\.elf$/, '')}.db`);
    const args = second === undefined ? [] : [second, ...rest];
    return { image, program: path.resolve(cwd, first), arguments: args, isImplied: true };
  }
  const image = path.resolve(cwd, first);
  if (second === undefined) return { image, program: null, arguments: [], isImplied: false };
  return { image, program: path.resolve(cwd, second), arguments: rest, isImplied: false };
}

/** Files that belong to an image beside the image itself. */
const companions = ['', '-wal', '-shm', '-side', '-side-journal'];

/**
 * Renames the old image, what belongs to it and the old output file; says where they are. Only regular files are moved:
 * a device such as /dev/null stays where it is, and a folder is refused.
 */
export function setAside(image: string, out: string | null, say: (line: string) => void): void {
  const found = fs.statSync(image, { throwIfNoEntry: false });
  if (found !== undefined && !found.isFile()) {
    throw new OperatorError(ExitCode.damaged, `${image} is not a file`, 'name an image file');
  }
  const stamp = new Date().toISOString().replace(/[:.]/g, '-');
  const files = companions.map((suffix) => image + suffix);
  if (out !== null) files.push(out);
  for (const file of files) {
    if (fs.statSync(file, { throwIfNoEntry: false })?.isFile() !== true) continue;
    const companion = companions.find((suffix) => suffix !== '' && file === image + suffix) ?? '';
    const base = file.slice(0, file.length - companion.length);
    const aside = `${base}.${stamp}${companion}`;
    if (fs.existsSync(aside)) {
      throw new OperatorError(ExitCode.cannotCreate, `${aside}: exists already`, 'move it away');
    }
    fs.renameSync(file, aside);
    if (companion === '') say(`the old ${file} is now ${aside}`);
  }
}
