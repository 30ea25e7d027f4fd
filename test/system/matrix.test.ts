/**
 * I.08: every verb on a running, stopped, killed, finished, damaged, empty, foreign and missing image, from the verb table.
 * A verb that is new in the table fails here until it says what it needs.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { dispatch } from '../../src/cli/dispatch.ts';
import { bufferWriter } from '../../src/cli/output.ts';
import { verbTable } from '../../src/cli/verbs.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { perdure, program, sizeOf } from './perdure.ts';

const states = [
  'running',
  'stopped',
  'killed',
  'finished',
  'damaged',
  'empty',
  'foreign',
  'missing',
] as const;
type State = (typeof states)[number];
/** The states of a short run; CI takes all. */
const few: readonly State[] = ['running', 'killed', 'damaged', 'foreign', 'missing'];
const chosen = process.env.CI === undefined ? few : states;
type Expected = Readonly<Record<State, number>>;

/** Exit codes of a verb that looks. */
const looks: Expected = {
  running: 0,
  stopped: 0,
  killed: 0,
  finished: 0,
  damaged: 65,
  empty: 66,
  foreign: 65,
  missing: 66,
};
const changes: Expected = { ...looks, running: 69 };
const MAIN_THREAD = '0x400000000';

/** What stands behind the verb, and how it ends in each state. Verbs that run programs are called as processes. */
const verbs: Readonly<Record<string, { words: (image: string) => string[]; expected: Expected } | null>> = {
  log: { words: (image) => [image], expected: looks },
  show: { words: (image) => [image], expected: looks },
  diff: { words: (image) => [`${image}@HEAD`, image], expected: looks },
  ps: { words: (image) => [image], expected: looks },
  memory: { words: (image) => [image, '1', 'main', '16'], expected: looks },
  // The only thread of a program that has ended is gone.
  backtrace: { words: (image) => [image, MAIN_THREAD], expected: { ...looks, finished: 0 } },
  stat: { words: (image) => [image], expected: looks },
  sql: { words: (image) => [image, 'SELECT count(*) FROM thread'], expected: looks },
  fork: { words: (image) => [image, `${image}.fork`], expected: looks },
  // `import` has another kind of file, export.test.ts tries it.
  import: null,
  export: { words: (image) => [image, `${image}.zst`], expected: looks },
  check: { words: (image) => ['--deep', image], expected: { ...looks, damaged: 1 } },
  // What the damage has taken is in the history, so something is left.
  repair: { words: (image) => [image, `${image}.whole`], expected: { ...looks, damaged: 0 } },
  restore: { words: (image) => [`${image}@HEAD`], expected: changes },
  tag: { words: (image) => [image, 'good'], expected: looks },
  gc: { words: (image) => ['--keep', 'none', '--yes', image], expected: changes },
  kill: {
    words: (image) => [image],
    expected: { ...looks, running: 0, stopped: 1, killed: 1, finished: 1, damaged: 1, empty: 1, foreign: 1 },
  },
  run: {
    words: (image) => ['--stop-at', '1', image],
    expected: changes,
  },
  // They have no image.
  hart: null,
  crash: null,
};

async function call(words: readonly string[], cwd: string) {
  if (words[0] === 'run') {
    const { status, stderr, stdout } = await perdure(words, { cwd });
    return { code: status, stderr, stdout };
  }
  const [stdout, stderr] = [bufferWriter(), bufferWriter()];
  const code = await dispatch(words, { stdout, stderr, env: {}, cwd });
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

/** Copies an image with the files that belong to it. */
function copy(from: string, to: string): void {
  for (const suffix of ['', '-wal', '-side']) {
    if (fs.existsSync(from + suffix)) fs.copyFileSync(from + suffix, to + suffix);
  }
}

/** A folder with an image in each state but running. */
async function makeImages(cwd: string): Promise<void> {
  const at = (name: string): string => path.join(cwd, `${name}.db`);
  const clock = ['run', '--clock', 'instructions', '--seed', '1'];
  const service = program('service');
  await perdure([...clock, '--stop-at', '40000000', 'stopped.db', service, '100000'], { cwd });
  await perdure([...clock, 'finished.db', program('transcript'), '5'], { cwd });
  await perdure([...clock, '--out', 'o', 'killed.db', service, '100000'], {
    cwd,
    killWhen: () => sizeOf(path.join(cwd, 'o')) > 200,
  });
  copy(at('stopped'), at('damaged'));
  const database = new Database(at('damaged'));
  database.exec("UPDATE object SET links = '{}' WHERE address = (SELECT min(address) FROM object)");
  database.exec('UPDATE object_block SET hash = zeroblob(16) WHERE id = (SELECT min(id) FROM object_block)');
  database.exec('UPDATE head SET map_hash = zeroblob(16)');
  database.close();
  fs.writeFileSync(at('empty'), '');
  const other = new Database(at('foreign'));
  other.exec('CREATE TABLE notes (text)');
  other.close();
}

test('the matrix knows every verb', () => {
  assert.equal(Object.keys(verbs).sort(), verbTable.map((row) => row.name).sort());
});

test('every verb on an image in every state ends as it is documented, and changes nothing that it only looks at', async () => {
  const cwd = scratchFolder();
  await makeImages(cwd);
  const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
  const startMachine = async () => {
    for (const suffix of ['', '-wal', '-shm', '-side'])
      fs.rmSync(path.join(cwd, `running.db${suffix}`), { force: true });
    const words = ['run', '--out', 'r', 'running.db', program('service'), '100000000'];
    const child = spawn(process.execPath, [main, ...words], { cwd, stdio: 'ignore' });
    while (sizeOf(path.join(cwd, 'r')) === 0) await new Promise((done) => setTimeout(done, 20));
    return child;
  };
  const machine = await startMachine();
  const ended = once(machine, 'exit');
  try {
    for (const [verb, row] of Object.entries(verbs)) {
      if (row === null) continue;
      const isLook = verbTable.find(({ name }) => name === verb)?.group === 'look';
      for (const state of chosen.filter((name) => verb !== 'kill' || name !== 'running')) {
        const image = `${verb}-${state}.db`;
        const file = path.join(cwd, state === 'running' ? 'running.db' : image);
        if (state !== 'running') copy(path.join(cwd, `${state}.db`), file);
        const before = state === 'running' || !fs.existsSync(file) ? null : fs.readFileSync(file);
        const words = [verb, ...row.words(path.basename(file))];
        const { code, stderr } = await call(words, cwd);
        const what = `perdure ${words.join(' ')} (${state}): ${stderr}`;
        assert.is(code, row.expected[state], what);
        if (code !== 0 && verb !== 'check') assert.ok(/^perdure: .+\n( {2}next: .+\n)?$/.test(stderr), what);
        if (before !== null && isLook)
          assert.ok(fs.readFileSync(file).equals(before), `${what} changed the file`);
        if (before === null && code !== 0 && state !== 'running')
          assert.ok(!fs.existsSync(file), `${what} made a file`);
      }
    }
    assert.is(machine.exitCode, null, 'the machine still runs');
    assert.is((await call(['kill', 'running.db'], cwd)).code, 0);
  } finally {
    machine.kill('SIGKILL');
    await ended;
  }
});

test.run();
