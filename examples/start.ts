/**
 * `npm start`: a program counts, is killed with a real SIGKILL, goes on, and its image answers three questions in SQL.
 *
 * Every step is a command that can be typed by hand; it is printed before it is run. Ends by itself in under a minute
 * with exit 0, also without a terminal. Leaves its image in store/, to be looked at or deleted.
 */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const image = 'store/demo.db';
const program = 'src/userland/programs/counter.elf';
/** The program counts to this number, with a pause of so many milliseconds between two. */
const count = 40;
const pauseMs = 50;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Runs `bin/perdure` with these arguments; prints what it prints, calls `onLine` for each line of its stdout. */
function perdure(args: readonly string[], onLine: (line: string) => void): Promise<number> {
  say(`\n$ bin/perdure ${args.map((word) => (word.includes(' ') ? `"${word}"` : word)).join(' ')}`);
  const child = spawn('bin/perdure', args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  let rest = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      say(line);
      onLine(line);
    }
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => resolve(signal === 'SIGKILL' ? 137 : (status ?? 1)));
  });
}

function fail(what: string): never {
  process.stderr.write(`npm start: ${what}\n`);
  process.exit(1);
}

for (const suffix of ['', '-wal', '-shm', '-side'])
  fs.rmSync(path.join(root, image + suffix), { force: true });

say('1. A program counts on the modeled machine. Its number is nowhere but in its memory.');
let lines = 0;
let last = '';
const first = await perdure(['run', image, program, String(count), String(pauseMs)], (line) => {
  last = line;
  if (++lines === 15) {
    say('\n2. From another terminal, a real kill -9:');
    say(`$ bin/perdure kill ${image}`);
    const kill = spawnSync('bin/perdure', ['kill', image], { cwd: root, encoding: 'utf8' });
    say(kill.stdout.trim());
    if (kill.status !== 0) fail(`the kill failed: ${kill.stderr}`);
  }
});
if (first !== 137) fail(`the machine should have died of SIGKILL, it ended with ${first}`);

say(
  '\n3. The process is dead. Start it again: the program goes on, it does not know that anything happened.',
);
const resumed: string[] = [];
const second = await perdure(['run', image], (line) => resumed.push(line));
if (second !== 0) fail(`the resumed machine should end with 0, it ended with ${second}`);
const firstResumed = resumed[0];
if (firstResumed === undefined) fail('the resumed machine printed nothing');
say(`   (before the kill it had printed "${last}", afterwards it went on with "${firstResumed}")`);

say('\n4. The image is a SQLite database. Three questions:');
const questions = [
  'SELECT generation, tick, page_count, object_count, pause_us FROM checkpoint ORDER BY generation DESC LIMIT 5',
  'SELECT type, count(*) AS objects FROM object GROUP BY type ORDER BY type',
  "SELECT printf('0x%x', pc) AS pc, printf('0x%x', sp) AS sp, a7 AS entry FROM thread",
];
for (const question of questions) {
  if ((await perdure(['sql', image, question], () => undefined)) !== 0) fail('the question was not answered');
}
say(`\nThat was all. ${image} is yours to look at: sqlite3 -readonly ${image}, or bin/perdure help.`);
