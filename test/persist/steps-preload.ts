/**
 * Loaded before a program by `node --import`: sees every step that can change a file, names it by where it stands in the
 * source, and makes the process die before or after one of them.
 *
 * A step is a call that SQLite or the file system gets from our code: a statement on a connection that may write, a pragma,
 * a write, a sync, a removal. Its site is `file:line`, and where that is a helper, `file:line < file:line of its caller`.
 * PERDURE_STEP_LOG=FILE: appends each step's site. PERDURE_STEP_DEATH='before|after VISIT SITE': SIGKILL at that visit.
 * Works in the worker too, which inherits `--import`. Used by steps.ts; product code knows nothing of it.
 */
import fs from 'node:fs';
import Database from 'better-sqlite3';

const log = process.env.PERDURE_STEP_LOG ?? '';
const [when, visit, site] =
  /^(before|after) (\d+) (.+)$/.exec(process.env.PERDURE_STEP_DEATH ?? '')?.slice(1) ?? [];
const { writeSync, openSync } = fs;
const descriptor = log === '' ? -1 : openSync(log, 'a');
const state = { left: Number(visit ?? 0), depth: 0 };

function siteOf(): string {
  const frames: string[] = [];
  for (const line of (new Error().stack ?? '').split('\n')) {
    const found = /\/src\/([\w/-]+\.ts):(\d+):\d+\)?$/.exec(line);
    if (found !== null) frames.push(`${found[1]}:${found[2]}`);
    if (frames.length === 2) break;
  }
  return frames.join(' < ');
}

function step<T>(work: () => T): T {
  // What a step calls in turn is part of it.
  if (state.depth > 0) return work();
  const here = siteOf();
  if (here === '') return work();
  const isHere = here === site && --state.left === 0;
  if (isHere && when === 'before') process.kill(process.pid, 'SIGKILL');
  if (descriptor >= 0) writeSync(descriptor, `${here}\n`);
  state.depth++;
  try {
    return work();
  } finally {
    state.depth--;
    if (isHere && when === 'after') process.kill(process.pid, 'SIGKILL');
  }
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Puts a step around a method where `counts` says so. */
function wrap(owner: object, name: string, counts: (self: unknown, args: unknown[]) => boolean): void {
  const methods = owner as Record<string, Method>;
  const original = methods[name] as Method;
  methods[name] = function (...args) {
    return counts(this, args) ? step(() => original.apply(this, args)) : original.apply(this, args);
  };
}

const writes = (self: unknown): boolean => !(self as Database.Database).readonly;
const sample = new Database(':memory:');
const statementOf = Object.getPrototypeOf(sample.prepare('SELECT 1')) as object;
sample.close();
wrap(statementOf, 'run', (self) => writes((self as Database.Statement).database));
wrap(Database.prototype, 'exec', writes);
wrap(Database.prototype, 'pragma', writes);
wrap(Database.prototype, 'close', writes);
for (const name of ['writeSync', 'ftruncateSync', 'fsyncSync', 'fdatasyncSync'])
  wrap(fs, name, (_self, [target]) => Number(target) > 2 && target !== descriptor);
for (const name of [
  'unlinkSync',
  'renameSync',
  'rmSync',
  'writeFileSync',
  'mkdirSync',
  'copyFileSync',
  'linkSync',
])
  wrap(fs, name, () => true);
wrap(fs, 'openSync', (_self, [, flags]) => flags !== undefined && flags !== 'r');
// Importers by name see the wrapped ones too.
const { syncBuiltinESMExports } = await import('node:module');
syncBuiltinESMExports();
