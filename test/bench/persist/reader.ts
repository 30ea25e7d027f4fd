/**
 * Somebody who looks at an image while it is measured: asks it in SQL twenty times a second, until it is killed.
 *
 *     node reader.ts IMAGE
 */
import Database from 'better-sqlite3';

const database = new Database(process.argv[2] as string, { readonly: true, timeout: 5000 });
const questions = [
  'SELECT count(*), max(generation), sum(page_count) FROM checkpoint',
  'SELECT address, state, pc FROM thread',
  'SELECT count(*) FROM page',
].map((text) => database.prepare(text));
setInterval(() => {
  for (const question of questions) question.all();
}, 50);
