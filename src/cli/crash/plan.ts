/**
 * When a life of a machine shall end: at a random moment, or at the n-th visit of a labelled point.
 *
 * Invariant: the plans are a function of the seed and of which points the program comes to. At least a third of them lie inside demarcation, commit or
 * recovery. Called by the campaign.
 */

import type { ServerPhase } from '../../persist/phases.ts';
import { serverPhases } from '../../persist/phases.ts';
import { mainPhases, workerPhases } from '../../persist/store/phases.ts';

export type KillPhase = 'running' | 'demarcation' | 'commit' | 'recovery';

export interface KillPlan {
  readonly phase: KillPhase;
  /** The point at which the process is to die, or null for a kill from outside. */
  readonly label: string | null;
  /** Value of PERDURE_CRASH_POINT, or null for a kill from outside. */
  readonly point: string | null;
  /** Milliseconds after the first sign of life at which the kill comes from outside. */
  readonly afterMs: number;
}

const recoveryLabels: ReadonlySet<string> = new Set([
  'open',
  'verify',
  'load-objects',
  'restart-begin',
  'objects-created',
  'objects-linked',
  'restart-end',
  'open-locked',
  'open-created',
  'open-life',
]);

/** Need more memory or a longer life than a campaign's; `npm run crash:points` visits them. */
const outOfReach: ReadonlySet<string> = new Set(['segment-taken', 'log-after', 'copy-before', 'copy-after']);

/** Points of one phase, with the most visits that a short life makes. */
const labels: Readonly<Record<Exclude<KillPhase, 'running'>, readonly string[]>> = {
  recovery: [...Object.keys(mainPhases), ...Object.keys(workerPhases), ...Object.keys(serverPhases)].filter(
    (label) => recoveryLabels.has(label),
  ),
  demarcation: [
    ...(Object.keys(serverPhases) as ServerPhase[]).filter((label) => !recoveryLabels.has(label)),
    'batch-begin',
    'batch-publish',
  ],
  commit: Object.keys(workerPhases).filter((label) => !recoveryLabels.has(label) && !outOfReach.has(label)),
};

/** Passed once or twice in a short life: the first visit is the one. */
function isRare(label: string): boolean {
  return /^(fold|log|close)-/.test(label);
}

/** A small generator (mulberry32), so that a campaign can be repeated from its seed. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let word = state;
    word = Math.imul(word ^ (word >>> 15), word | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/**
 * The next plan. Every label comes again and again: they are taken in turn, with a random number of visits. Those that
 * `isOutOfReach` says this program does not come to are left out.
 */
export function planner(
  seed: number,
  isOutOfReach: (label: string) => boolean = () => false,
): () => KillPlan {
  const random = generator(seed);
  const turns: Record<string, number> = {};
  const pick = (phase: Exclude<KillPhase, 'running'>): string | undefined => {
    const list = labels[phase].filter((label) => !isOutOfReach(label));
    const turn = turns[phase] ?? Math.floor(random() * list.length);
    turns[phase] = turn + 1;
    return list[turn % list.length];
  };
  return () => {
    const draw = random();
    const outside: KillPlan = { phase: 'running', label: null, point: null, afterMs: random() ** 2 * 400 };
    if (draw < 0.35) return outside;
    const phase = draw < 0.6 ? 'demarcation' : draw < 0.85 ? 'commit' : 'recovery';
    const label = pick(phase);
    if (label === undefined) return outside;
    const visit = phase === 'recovery' || isRare(label) ? 1 : 1 + Math.floor(random() ** 2 * 40);
    return { phase, label, point: `${label}:${visit}`, afterMs: 0 };
  };
}
