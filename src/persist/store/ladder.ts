/**
 * The ladder of history: which generations are kept, by their age, and how many bytes they may take.
 *
 * Written as text, steps from young to old, each `SPACING:AGE`: of what is younger than AGE one generation is kept in each
 * SPACING; `all` keeps each one. `size:BYTES` bounds everything and always wins, but for tagged generations. `none` keeps
 * nothing but the newest. Example: `all:10s,1s:1m,1m:1h,1h:1d,1d:30d,size:1G`. Age is measured by the wall clock of the
 * checkpoints, from the newest one, so a machine that stands still loses no history. Pure functions.
 */

/** One step: of generations younger than `ageMs`, the first in each `spacingMs` is kept; 0 keeps all. */
export interface LadderStep {
  readonly spacingMs: number;
  readonly ageMs: number;
}

export interface Ladder {
  /** Ascending in both. */
  readonly steps: readonly LadderStep[];
  /** Bytes of all that history takes in the file. */
  readonly sizeBytes: number;
}

/** Steps of a ladder. */
const STEPS_MAX = 16;

/** What `run` keeps when nothing else was said. */
export const DEFAULT_LADDER = 'all:10s,1s:1m,1m:1h,1h:1d,1d:30d,size:1G';

const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const sizes: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

/** Why a text is no ladder. */
export class LadderError extends Error {
  override readonly name = 'LadderError';
}

function readTime(text: string): number {
  const [, digits, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  if (digits === undefined)
    throw new LadderError(`'${text}' is not a time such as 500ms, 10s, 5m, 1h or 30d`);
  return Number(digits) * (units[unit as string] as number);
}

function readSize(text: string): number {
  const [, digits, unit] = /^(\d{1,9})([KMGT]?)$/.exec(text) ?? [];
  if (digits === undefined) throw new LadderError(`'${text}' is not a size such as 512M or 2G`);
  return Number(digits) * (sizes[unit as string] as number);
}

/** Reads a ladder as a person writes it. Throws LadderError. */
export function parseLadder(text: string): Ladder {
  if (text === 'none') return { steps: [], sizeBytes: 0 };
  const steps: LadderStep[] = [];
  let sizeBytes: number | null = null;
  for (const part of text.split(',')) {
    const [name, value, more] = part.split(':');
    if (name === undefined || value === undefined || more !== undefined) {
      throw new LadderError(`'${part}' is not SPACING:AGE or size:BYTES`);
    }
    if (name === 'size') {
      if (sizeBytes !== null) throw new LadderError('the size is given twice');
      sizeBytes = readSize(value);
      continue;
    }
    const step = { spacingMs: name === 'all' ? 0 : readTime(name), ageMs: readTime(value) };
    const last = steps.at(-1);
    if (last !== undefined && (step.ageMs <= last.ageMs || step.spacingMs <= last.spacingMs)) {
      throw new LadderError(`'${part}' must be older and wider than the step before it`);
    }
    if (steps.push(step) > STEPS_MAX) throw new LadderError(`more than ${STEPS_MAX} steps`);
  }
  return { steps, sizeBytes: sizeBytes ?? parseLadder(DEFAULT_LADDER).sizeBytes };
}

/** The same without a bound of bytes: only age counts. */
export function byAge(ladder: Ladder): Ladder {
  return { ...ladder, sizeBytes: Number.POSITIVE_INFINITY };
}

/** True for a text that parseLadder can read. */
export function isLadder(text: string): boolean {
  try {
    parseLadder(text);
    return true;
  } catch (error) {
    if (error instanceof LadderError) return false;
    throw error;
  }
}

/** What `bucketOf` says of a generation that is kept in any case, or not at all. */
export const EACH = -1;
export const TOO_OLD = -2;

/**
 * The bucket that a generation taken at `wallMs` shares with its neighbours when the newest is of `nowMs`: of several
 * with the same bucket the first is kept. A bucket changes its step as a whole, when all of it is old enough: so what is
 * merged is merged once a step.
 */
export function bucketOf({ steps }: Ladder, wallMs: number, nowMs: number): number {
  const last = steps.at(-1);
  if (last === undefined || nowMs - wallMs >= last.ageMs) return TOO_OLD;
  let index = 0;
  for (; index < steps.length - 1; index++) {
    const { ageMs } = steps[index] as LadderStep;
    const { spacingMs } = steps[index + 1] as LadderStep;
    const bucketEnd = (Math.floor(wallMs / spacingMs) + 1) * spacingMs;
    if (bucketEnd > nowMs - ageMs) break;
  }
  const { spacingMs } = steps[index] as LadderStep;
  return spacingMs === 0 ? EACH : Math.floor(wallMs / spacingMs) * STEPS_MAX + index;
}
