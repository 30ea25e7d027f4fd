/**
 * Which generations of history are kept: tagged ones, those that the ladder chooses, none of a line that a restore left.
 *
 * Pure functions over facts about records. Called by `thinner.ts`, which deletes and merges accordingly, and by
 * `collect.ts`, which says beforehand what `perdure gc` would do: so both say the same.
 */
import type { RecordFact } from './image.ts';
import { bucketOf, EACH, type Ladder, TOO_OLD } from './ladder.ts';

export interface Rules {
  readonly ladder: Ladder;
  readonly tagged: ReadonlySet<number>;
  /** Untagged generations below are given up because history takes too much. */
  readonly dropBelow: number;
  /** Untagged generations that are given up whatever the ladder says. */
  readonly abandoned: ReadonlySet<number>;
}

export interface Kept {
  /** Oldest kept generation; null when there is none. */
  readonly floor: number | null;
  /** Index of the first record from which on all are kept; before it only these. */
  readonly end: number;
  readonly generations: ReadonlySet<number>;
}

/** What is kept of records, oldest first, when the newest checkpoint is of `nowMs`. */
export function keptOf(facts: readonly RecordFact[], nowMs: number, rules: Rules): Kept {
  const { ladder, tagged, dropBelow, abandoned } = rules;
  const generations = new Set<number>();
  let bucketBefore = TOO_OLD;
  let floor: number | null = null;
  let end = 0;
  for (; end < facts.length; end++) {
    const { generation, wallMs } = facts[end] as RecordFact;
    let isKept = tagged.has(generation);
    const bucket = bucketOf(ladder, wallMs, nowMs);
    if (bucket !== TOO_OLD && generation >= dropBelow && !abandoned.has(generation)) {
      if (bucket === EACH && abandoned.size === 0) break;
      isKept ||= bucket === EACH || bucket !== bucketBefore;
      bucketBefore = bucket;
    }
    if (!isKept) continue;
    generations.add(generation);
    floor ??= generation;
  }
  return { floor: floor ?? facts[end]?.generation ?? null, end, generations };
}

/** What a record says of where it came from. */
export interface Descent {
  readonly generation: number;
  readonly since: number;
  readonly parent: number;
}

/** Generations that did not lead to the newest: a restore went back behind them. `descents` has all records, oldest first. */
export function abandonedOf(descents: readonly Descent[]): Set<number> {
  const abandoned = new Set<number>();
  // Everything newer than this, and older than what was looked at last, was left behind.
  let parent = Number.POSITIVE_INFINITY;
  for (const one of descents.toReversed()) {
    if (one.generation > parent) {
      abandoned.add(one.generation);
      continue;
    }
    parent = Math.min(one.parent, one.since);
  }
  return abandoned;
}
