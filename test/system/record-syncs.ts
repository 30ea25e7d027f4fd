/**
 * Loaded before the command line (`node --import`): writes what is asked of SQLite about syncing, and each sync of an
 * output file, as lines into the file PERDURE_RECORD. Tests only.
 */
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';

const record = process.env.PERDURE_RECORD ?? '';
const note = (line: string): void => fs.appendFileSync(record, `${line}\n`);
const { pragma } = Database.prototype;
const { fdatasync } = fs;

Database.prototype.pragma = function noted(this: Database.Database, ...words: Parameters<typeof pragma>) {
  const result = pragma.apply(this, words);
  if (words[0].startsWith('synchronous =')) {
    const level = pragma.call(this, 'synchronous', { simple: true });
    note(`${path.basename(this.name)} synchronous ${level}`);
  }
  return result;
};
fs.fdatasync = ((descriptor: number, done: fs.NoParamCallback) => {
  note('output synced');
  fdatasync(descriptor, done);
}) as typeof fs.fdatasync;
