/**
 * Asking an image: SQL about the newest generation or any kept one, with functions for what SQL cannot do by itself.
 *
 * Invariants: the file is only read; every answer is of one generation, exactly, verified where it comes out of history;
 * what a query needs of other generations is opened once and closed with it, so nothing is held longer than the work that is given.
 * Called by the verbs that look at images; never by a machine that runs.
 */
import { registerFunctions } from './functions.ts';
import { Moment } from './moment.ts';
import { registerTables } from './tables.ts';

/** Runs `work` on the generation that `when` names (null: the newest). Throws StoreError, DamageError and what `work` throws. */
export function lookAt<T>(path: string, when: string | null, work: (moment: Moment) => T): T {
  const moments = new Map<string, Moment>();
  const at = (asked: string): Moment => {
    const known = moments.get(asked) ?? open(asked);
    moments.set(asked, known);
    return known;
  };
  const open = (asked: string): Moment =>
    new Moment(path, asked, (moment) => {
      const own = (other: string | null): Moment => (other === null ? moment : at(other));
      registerFunctions(moment.rows, own);
      registerTables(moment.rows, own);
    });
  // Not one of those: while it answers, its rows cannot be asked, and a query may ask for `thread_at('HEAD')`.
  const shown = open(when ?? 'HEAD');
  try {
    return work(shown);
  } finally {
    shown.close();
    for (const moment of moments.values()) moment.close();
  }
}
