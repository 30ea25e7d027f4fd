/**
 * What an operator can get wrong with `perdure run`, checked before anything is changed.
 *
 * Invariant: nothing here creates, writes or renames a file. Called once by the verb; what only a verified image can tell
 * is checked again after it was opened.
 */
import fs from 'node:fs';
import path from 'node:path';
import { ownerOf } from '../../persist/store/owner.ts';
import { peekImage } from '../../persist/store/peek.ts';
import { refuseLost } from '../../persist/store/side.ts';
import { ExitCode, OperatorError, usageError } from '../errors.ts';
import { bootId } from './boot.ts';
import type { Program } from './program.ts';
import { checkNewSink } from './sink.ts';

export interface Admission {
  /** Null for a machine that is not kept. */
  readonly image: string | null;
  /** Null lets an image go on with what it has. */
  readonly program: Program | null;
  /** The old image is put aside and a new one made. */
  readonly isFresh: boolean;
  /** The file for output, or null: standard output. */
  readonly out: string | null;
  readonly report: string | null;
  readonly trace: string | null;
  readonly stats: string | null;
}

/** Returns true when the image has to be made. Throws OperatorError. */
export function admit(wanted: Admission): boolean {
  const { image, program, isFresh, out, report, trace, stats } = wanted;
  const options = [
    ['--out', out],
    ['--report', report],
    ['--trace', trace],
    ['--stats', stats],
  ] as const;
  refuseSameFiles(image, program?.path ?? null, options);
  for (const [option, file] of options) if (file !== null) checkFolder(option, file);
  if (image === null) {
    if (isFresh)
      throw usageError('--fresh and --ephemeral exclude each other', 'an ephemeral machine is always new');
    if (out !== null) checkNewSink(out);
    return false;
  }
  if (isFresh) {
    if (program === null)
      throw usageError('--fresh needs a program to start', 'perdure run --fresh IMAGE PROGRAM.elf');
    refuseInUse(image);
    if (out !== null && fs.statSync(out, { throwIfNoEntry: false })?.isFile() !== true) checkNewSink(out);
    return true;
  }
  if (program === null) {
    if (fs.existsSync(image)) return false;
    refuseLost(image, bootId());
    throw new OperatorError(
      ExitCode.inputMissing,
      `${image}: there is no such image, and no program to make one with`,
      'perdure run IMAGE PROGRAM.elf',
    );
  }
  const seen = peekImage(image);
  if (seen !== null && seen.generation > 0) {
    refuseOther(image, seen.programs[0], program);
    return false;
  }
  if (out !== null) checkNewSink(out);
  return !fs.existsSync(image);
}

/** Files that lie beside an image. */
const companions = ['-wal', '-shm', '-side', '-side-journal'] as const;

/** What is written must be a file of its own. Devices can be named as often as one likes. */
function refuseSameFiles(
  image: string | null,
  program: string | null,
  options: readonly (readonly [string, string | null])[],
): void {
  const taken: [string, string][] = [];
  if (image !== null) {
    taken.push(['the image itself', image]);
    for (const suffix of companions) taken.push([`a file of the image (${suffix})`, image + suffix]);
  }
  if (program !== null) taken.push(['the program', program]);
  for (const [option, file] of options) {
    if (file === null) continue;
    const same = taken.find(([, other]) => isSameFile(file, other));
    if (same !== undefined)
      throw usageError(`${option} ${file}: it is ${same[0]}, too`, 'choose another file');
    taken.push([option, file]);
  }
}

function isSameFile(one: string, other: string): boolean {
  const found = fs.statSync(one, { throwIfNoEntry: false });
  const second = fs.statSync(other, { throwIfNoEntry: false });
  if (found === undefined || second === undefined) return one === other;
  return found.isFile() && found.dev === second.dev && found.ino === second.ino;
}

function checkFolder(option: string, file: string): void {
  const folder = path.dirname(file);
  if (fs.statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw new OperatorError(
    ExitCode.cannotCreate,
    `${option} ${file}: the folder ${folder} does not exist`,
    'make the folder',
  );
}

/** Renaming the files of a running machine would leave it without an image. */
function refuseInUse(image: string): void {
  if (fs.statSync(image, { throwIfNoEntry: false })?.isFile() !== true) return;
  const pid = ownerOf(image);
  if (pid === null) return;
  throw new OperatorError(
    ExitCode.unavailable,
    `${image} is in use by process ${pid}`,
    'stop that machine, or wait until it has ended',
  );
}

/** An image goes on only with the program and arguments it was made with. */
export function refuseOther(
  image: string,
  own: { name: string; hash: Uint8Array; arguments: readonly string[] } | undefined,
  program: Program,
): void {
  if (own === undefined) return;
  const isSame =
    Buffer.compare(own.hash, program.row.hash) === 0 &&
    own.arguments.length === program.arguments.length &&
    own.arguments.every((argument, i) => argument === program.arguments[i]);
  if (isSame) return;
  throw usageError(
    `${image} was made with another program or other arguments (${own.name}); nothing was changed`,
    'leave the program out to go on, or start anew with perdure run --fresh',
  );
}
