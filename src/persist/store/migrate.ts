/**
 * Bringing an image of an older format up to this release's, one version at a time.
 *
 * Invariant: a step and the change of `user_version` are one transaction, so a crash leaves one version or the next.
 * Called by `schema.ts` when it opens the writing connection. Formats before FORMAT_OLDEST were never in a release.
 */
import type Database from 'better-sqlite3';
import { assert } from '../../base/assert.ts';

/** The format that this release writes; kept in SQLite's user_version. */
export const FORMAT_VERSION = 4;
/**
 * The oldest format that can be brought up to it: format 1 knew no counters, handlers and limits, format 2 no lives and no
 * place of an input, format 3 no blocks of objects and no tags apart.
 */
export const FORMAT_OLDEST = 4;

/** `steps[n]` turns format n into format n + 1. */
export type MigrationSteps = Readonly<Record<number, (database: Database.Database) => void>>;

const steps: MigrationSteps = {};

/** Runs the steps that are missing. `known` and `target` differ from the defaults only in tests. */
export function migrate(
  database: Database.Database,
  known: MigrationSteps = steps,
  target: number = FORMAT_VERSION,
): void {
  for (;;) {
    const version = database.pragma('user_version', { simple: true }) as number;
    assert(version <= target, `migrate: format ${version} is at most ${target}`);
    if (version === target) return;
    const step = known[version];
    assert(step !== undefined, `migrate: there is a step from format ${version}`);
    database
      .transaction(() => {
        step(database);
        database.pragma(`user_version = ${version + 1}`);
      })
      .immediate();
  }
}
