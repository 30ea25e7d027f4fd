/**
 * What `perdure gc` gives up: lines that a restore left, and generations that a ladder does not keep; what stays and why.
 *
 * Only reads; the same rules (keep.ts) then guide the thinner, which deletes. Invariant: what is said here is what goes when
 * nothing is committed in between. The last generation of a line that a restore has just left stays until the machine has run
 * on: the newest record proves it by its hash. Called by the verb `gc`.
 */
import type Database from 'better-sqlite3';
import { readInteger } from './bytes.ts';
import type { History } from './history.ts';
import type { RecordFact } from './image.ts';
import { abandonedOf, keptOf } from './keep.ts';
import type { Ladder } from './ladder.ts';
import { recordHeader } from './record.ts';
import { readTags } from './tags.ts';

export interface Collection {
  /** Generations that go, ascending. */
  readonly gone: readonly number[];
  /** Those of them that lie on a line that a restore left. */
  readonly goneOfLines: readonly number[];
  /** Generations that stay, ascending, the newest last. */
  readonly kept: readonly number[];
  /** Generations that nobody wants any more; the thinner is told them. */
  readonly abandoned: ReadonlySet<number>;
  /** Bytes of the rows of history, and of those that go: some of them become part of others. */
  readonly historyBytes: number;
  readonly goneBytes: number;
}

interface Row {
  readonly generation: number;
  readonly since: number;
  readonly bytes: number;
  /** The record's parent and wall clock, as it has them. */
  readonly parent: Buffer;
  readonly time: Buffer;
}

/** What would go by the ladder; inside the caller's snapshot. */
export function planCollection(database: Database.Database, history: History, ladder: Ladder): Collection {
  const { offset } = recordHeader;
  const rows = database
    .prepare<[], Row>(
      `SELECT generation, since, length(body) AS bytes, substr(body, ${offset.parent + 1}, 8) AS parent,
         substr(body, ${offset.wallMs + 1}, 8) AS time FROM record ORDER BY generation`,
    )
    .all();
  const tagged = new Set(readTags(database).map(({ generation }) => generation));
  const abandoned = abandonedOf(rows.map((row) => ({ ...row, parent: readInteger(row.parent, 0) })));
  for (const generation of tagged) abandoned.delete(generation);
  const facts = rows.slice(0, -1).map((row): RecordFact => ({ ...row, wallMs: readInteger(row.time, 0) }));
  const nowMs = facts.at(-1)?.wallMs ?? 0;
  const { floor, end, generations } = keptOf(facts, nowMs, { ladder, tagged, dropBelow: 0, abandoned });
  const later = new Set(facts.slice(end).map(({ generation }) => generation));
  const head = history.head.generation;
  // What lies before the newest record is one record at least.
  const last = floor === null ? undefined : facts.at(-1)?.generation;
  const isKept = (generation: number): boolean =>
    generation === head || generation === last || generations.has(generation) || later.has(generation);
  const now = history.generations();
  const gone = now.filter((generation) => !isKept(generation));
  const unkept = new Set(gone);
  const reverse = reverseBytes(database, head, floor ?? head);
  return {
    gone,
    goneOfLines: gone.filter((generation) => abandoned.has(generation)),
    kept: now.filter(isKept),
    abandoned,
    historyBytes: rows.reduce((sum, { bytes }) => sum + bytes, 0) + reverse.all,
    goneBytes:
      rows.reduce((sum, { generation, bytes }) => sum + (unkept.has(generation) ? bytes : 0), 0) +
      reverse.gone,
  };
}

/** Bytes of what folding put aside: all, and what no generation from `floor` on needs. */
function reverseBytes(database: Database.Database, head: number, floor: number) {
  const epochs = database
    .prepare<[], { epoch: number; bytes: number }>(
      'SELECT epoch, sum(length(body)) AS bytes FROM reverse GROUP BY epoch ORDER BY epoch',
    )
    .all();
  let all = 0;
  let gone = 0;
  for (const [i, { bytes }] of epochs.entries()) {
    all += bytes;
    if ((epochs[i + 1]?.epoch ?? head) <= floor) gone += bytes;
  }
  return { all, gone };
}
