/**
 * `npm start`: a program counts, is killed with a real SIGKILL, goes on, and its image answers three questions in SQL.
 *
 * Every step is a command that can be typed by hand; it is printed before it is run. Checks what it shows (the kill was
 * real, no number is missing, the image knows both lives) and ends with exit 1 and a reason when it is not so. Ends by
 * itself in under a minute, also without a terminal. Leaves its image in store/ (or in the folder given as argument),
 * to be looked at or deleted; refuses to touch the image of a demo that still runs.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ownerOf } from '../src/persist/store/owner.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const image = path.join(process.argv[2] ?? 'store', 'demo.db');
const program = 'src/userland/programs/counter.elf';
/** The program counts to this number, with a pause of so many milliseconds between two. */
const count = 35;
const pauseMs = 100;
/** The kill comes after this number. */
const killAfter = 20;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Says what went wrong and ends the demo. */
function fail(what: string): never {
  process.stderr.write(`npm start: ${what}\n`);
  process.exit(1);
}

/** An argument as a person would type it. */
const typed = (word: string): string => (/^[\w./@:=-]+$/.test(word) ? word : `"${word}"`);

/**
 * Prints the command line, runs `bin/perdure` with these arguments and shows its output as it comes. Returns its lines
 * and how it ended, in the shell's way: 137 after SIGKILL.
 */
function perdure(
  args: readonly string[],
  onLine: (line: string) => void = () => undefined,
): Promise<{ readonly lines: readonly string[]; readonly status: number }> {
  say(`\n  $ bin/perdure ${args.map(typed).join(' ')}`);
  const child = spawn('bin/perdure', args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) {
      say(`  ${line}`);
      lines.push(line);
      onLine(line);
    }
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) =>
      resolve({ lines, status: signal === 'SIGKILL' ? 137 : (status ?? 1) }),
    );
  });
}

/** Asks the image and shows the answer. */
async function ask(what: string, query: string): Promise<readonly string[]> {
  say(`\n  ${what}`);
  const { lines, status } = await perdure(['sql', image, query]);
  if (status !== 0 || lines.length < 2) fail('the question was not answered');
  return lines;
}

const numberOf = (line: string): number => Number(/^count (\d+)$/.exec(line)?.[1]);

function clearAway(): void {
  const file = path.resolve(root, image);
  if (fs.existsSync(file) && ownerOf(file) !== null)
    fail(`a machine runs ${image}; end it first: bin/perdure kill ${image}`);
  for (const suffix of ['', '-wal', '-shm', '-side', '-side-journal'])
    fs.rmSync(file + suffix, { force: true });
}

async function countUntilKilled(): Promise<number> {
  say(
    '1. A program (src/userland/programs/counter.c) counts on the modeled machine. Nothing in it saves anything:',
  );
  say('   the number is in its memory and nowhere else.');
  const kills: ReturnType<typeof perdure>[] = [];
  const run = ['run', image, program, String(count), String(pauseMs)];
  const first = await perdure(run, (line) => {
    if (numberOf(line) !== killAfter) return;
    say(
      '\n2. While it counts, as if from another terminal, a real kill -9 (the command takes a moment to start).',
    );
    kills.push(perdure(['kill', image]));
  });
  if (kills.length !== 1) fail('the program did not count');
  if ((await kills[0])?.status !== 0) fail('the kill failed');
  if (first.status !== 137) fail(`the machine should have died of SIGKILL, it ended with ${first.status}`);
  return numberOf(first.lines.at(-1) ?? '');
}

async function goOn(last: number): Promise<void> {
  say('\n4. The same command without the program lets it go on. It does not know that anything happened.');
  const { lines, status } = await perdure(['run', image]);
  if (status !== 0) fail(`the resumed machine should end with 0, it ended with ${status}`);
  const numbers = lines.map(numberOf);
  const next = numbers[0] ?? fail('the resumed machine printed nothing');
  const isWhole = numbers.every((number, i) => number === next + i) && numbers.at(-1) === count;
  if (next > last + 1 || next < last - 1 || !isWhole) fail('a number is missing, or came again');
  say(`\n  Before the kill the last line was "count ${last}", afterwards it went on with "count ${next}".`);
  if (next <= last) {
    say('  Nobody can know whether a terminal showed its last line, so it comes again. A file can be asked:');
    say('  with --out FILE every byte is written exactly once.');
  }
}

const inFunction =
  "SELECT state, printf('0x%x', pc) AS pc, printf('0x%x', sp) AS sp, " +
  "(SELECT name FROM symbol WHERE kind = 'function' AND address <= pc ORDER BY address DESC LIMIT 1) AS function " +
  'FROM thread';

const beganMs = performance.now();
clearAway();
const last = await countUntilKilled();
say('\n3. The process is dead; what it left is a SQLite database. Ask it:');
await ask('Where was the program? (Its thread sleeps between two numbers.)', inFunction);
await goOn(last);
say('\n5. Two more questions to the image:');
await ask(
  'What did the newest checkpoints hold, and how long did the machine stand still for them?',
  'SELECT generation, page_count, object_count, byte_count, pause_us, clean FROM checkpoint_recent LIMIT 5',
);
const lives = await ask(
  'How many processes has this machine lived in?',
  'SELECT id, pid, generation AS from_generation FROM life',
);
if (lives.length !== 3) fail('the image should know two lives');
const seconds = ((performance.now() - beganMs) / 1000).toFixed(0);
say(`\nThat was all, in ${seconds} s. ${image} is yours:`);
say(`  any SQLite client reads it:   sqlite3 -readonly ${image} .schema`);
say('  what else there is:           bin/perdure help, and README.md');
