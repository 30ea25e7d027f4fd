/**
 * M.11: traps, page tables and code that change at random moments, and the modification log, look the same whichever tier
 * runs, however a run is cut.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { makeReference, modes, runMode } from './differential/modes.ts';
import { pagedSubject } from './differential/paged.ts';

const SEEDS = 10;
/** The smaller loops are to become hot. */
const positionsOf = (seed: number): number => (seed % 4 < 2 ? 8_000 : 25_000);

test('pages that come and go, change frames and permissions, and code that changes are the same in every tier', () => {
  const causes = new Map<string, number>();
  let translated = 0;
  let retired = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const create = pagedSubject(seed);
    const reference = makeReference(create, positionsOf(seed));
    for (const note of reference.subject.notes) {
      const kind = note.startsWith('trap') ? (/^trap \d+/.exec(note)?.[0] as string) : 'log';
      causes.set(kind, (causes.get(kind) ?? 0) + 1);
    }
    for (const mode of modes) {
      const { difference, statistics } = runMode(create, mode, seed, reference);
      assert.is(difference, null, `seed ${seed}, ${difference}`);
      if (mode.name !== 'translator, in one run') continue;
      translated += statistics.translated;
      retired += statistics.translated + statistics.interpreted;
    }
  }
  // Each kind of fault happened, so that comparing them means something.
  for (const kind of ['trap 2', 'trap 12', 'trap 13', 'trap 15', 'log'])
    assert.ok((causes.get(kind) ?? 0) >= 20, `${kind} happened ${causes.get(kind) ?? 0} times`);
  assert.ok(translated > retired * 0.3, `only ${translated} of ${retired} instructions ran translated`);
});

test.run();
