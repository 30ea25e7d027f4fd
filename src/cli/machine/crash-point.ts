/**
 * Crash points: with PERDURE_CRASH_POINT=label:n in the environment, the process kills itself with a real SIGKILL at the
 * n-th visit of that labelled point (persist/store/phases.ts lists them). Used by `perdure crash` and the tests.
 *
 * Invariant: without the variable, a visit does nothing at all.
 */

import { serverPhases } from '../../persist/phases.ts';
import { mainPhases, workerPhases } from '../../persist/store/phases.ts';
import { usageError } from '../errors.ts';
import type { Invocation } from '../verb.ts';

export interface CrashPoint {
  /** For the store's worker, which counts its own visits; null: no crash is wanted. */
  readonly point: { readonly label: string; readonly visit: number } | null;
  readonly phase: (label: string) => void;
}

export function crashPointOf(env: Invocation['env']): CrashPoint {
  const text = env.PERDURE_CRASH_POINT;
  if (text === undefined || text === '') return { point: null, phase: () => undefined };
  const match = /^([a-z-]+):([1-9][0-9]*)$/.exec(text);
  if (match === null) throw usageError(`PERDURE_CRASH_POINT=${text} is not label:n`, 'unset it');
  const label = match[1] as string;
  // A label that does not exist would never be reached, and a test would believe that it had been.
  if (!(label in serverPhases || label in mainPhases || label in workerPhases))
    throw usageError(`PERDURE_CRASH_POINT=${text}: there is no point ${label}`, 'see persist/phases.ts');
  let left = Number(match[2]);
  return {
    point: { label, visit: left },
    phase: (visited) => {
      if (visited === label && --left === 0) process.kill(process.pid, 'SIGKILL');
    },
  };
}
