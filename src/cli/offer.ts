/**
 * What to tell the operator of a damaged image: what is lost, and the newest generation without the damage.
 *
 * Reads the image once more, when nobody has it open any more, and may take as long as reading all of it takes. Never
 * writes. Called by the verbs when an image was refused, or damage was found while it ran.
 */

import { DamageError } from '../persist/store/contract.ts';
import { exitCodes, StoreError } from '../persist/store/errors.ts';
import type { GenerationView } from '../persist/store/history.ts';
import { openLooker } from '../persist/store/schema.ts';
import { newestUndamaged, type Undamaged } from '../persist/store/undamaged.ts';
import { checkKernelRecord, checkSerials, checkStored, nextSerialOf } from '../persist/validate.ts';
import { ExitCode, OperatorError } from './errors.ts';
import { readBorder } from './machine/border-state.ts';

/** Losses that are named; the others are counted. */
const NAMED_MAX = 4;

/** The error to show instead of `error`: itself, unless it says that the image at `file` is damaged. */
export function withOffer(name: string, file: string, error: unknown): unknown {
  const isCut = error instanceof StoreError && error.exitCode === exitCodes.foreign;
  if (!isCut && !(error instanceof DamageError)) return error;
  const found = lookForUndamaged(file);
  if (found === null) return error;
  const said = isCut ? error.message : `${name} is damaged: ${error.message}`;
  const what = said + others(error.message, found.losses);
  const { generation, head, wallMs } = found;
  const before = isCut ? `${error.advice}, or ` : '';
  if (generation === null) {
    const next = isCut ? error.advice : 'go back to a copy of it made by a clean stop';
    return new OperatorError(
      ExitCode.damaged,
      `${what}; no generation that it keeps is without the damage`,
      next,
    );
  }
  // Whoever refused it knows more than what can be read here.
  if (!isCut && generation === head && found.losses.length === 0) return error;
  const time = new Date(wallMs).toISOString();
  const which =
    generation === head
      ? `nothing of its newest generation, ${generation} (${time}), is lost`
      : `the newest generation without the damage is ${generation} (${time})`;
  return new OperatorError(
    ExitCode.damaged,
    `${what}; ${which}`,
    `${before}make an image of that generation: perdure fork ${quoted(`${name}@${generation}`)} NEW`,
  );
}

/** As a shell must have it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Null when the file cannot be looked at as an image. */
export function lookForUndamaged(file: string): Undamaged | null {
  try {
    const reader = openLooker(file);
    try {
      return newestUndamaged(reader, refuseIllegal);
    } finally {
      reader.close();
    }
  } catch (error) {
    if (error instanceof StoreError || error instanceof DamageError) return null;
    throw error;
  }
}

/** What a restart has to say against a generation before its kernel has. Throws DamageError. */
function refuseIllegal(view: GenerationView): void {
  checkKernelRecord(view.kernelRecord);
  readBorder(view.border);
  const nextSerial = nextSerialOf(view.kernelRecord);
  const objects = view.objects();
  for (const object of objects) checkStored(object, nextSerial);
  checkSerials(objects);
}

/** Losses that the message does not name already. */
function others(message: string, losses: readonly string[]): string {
  const more = losses.filter((loss) => !message.includes(loss));
  if (more.length === 0) return '';
  const rest = more.length > NAMED_MAX ? `; and ${more.length - NAMED_MAX} more` : '';
  return `; also: ${more.slice(0, NAMED_MAX).join('; ')}${rest}`;
}
