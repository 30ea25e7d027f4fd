/**
 * Loaded before the command line (`node --import`): from the moment the file PERDURE_STUCK_FROM exists, the store's worker
 * waits at each COMMIT until the file PERDURE_STUCK_UNTIL exists, as it would for a disk that does not answer. Tests only.
 */
import fs from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import Database from 'better-sqlite3';

const from = process.env.PERDURE_STUCK_FROM ?? '';
const until = process.env.PERDURE_STUCK_UNTIL ?? '';
const nap = new Int32Array(new SharedArrayBuffer(4));
const prepare = Database.prototype.prepare;

if (!isMainThread) {
  Database.prototype.prepare = function slow(this: Database.Database, sql: string) {
    const statement = prepare.call(this, sql) as Database.Statement;
    if (sql !== 'COMMIT') return statement;
    const { run } = statement;
    statement.run = (...values: unknown[]) => {
      if (fs.existsSync(from)) while (!fs.existsSync(until)) Atomics.wait(nap, 0, 0, 5);
      return run.apply(statement, values);
    };
    return statement;
  } as typeof prepare;
}
