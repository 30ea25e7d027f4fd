/**
 * `npm run atomic`: every entry point stopped at every instruction; then the tests of the kernel and of programs under it,
 * unchanged, with everything taken apart after every entry of a guest and made again in a fresh kernel.
 *
 *     node test/tools/atomic.ts [--entries | FILTER...]
 *
 * `--entries` leaves out the first part, which takes long.
 * The last line is `N passed, N failed`, the sum of both. What is opted out is listed in test/kernel/every-entry.ts.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('../..', import.meta.url));
/** Files that choose for themselves what is taken apart when, and those that campaigns of their own run. */
const themselves = ['modes', 'atomicity', 'promptness', 'hostile', 'model', 'ipc-model'];

const isEntriesOnly = process.argv[2] === '--entries';
const given = isEntriesOnly ? [] : process.argv.slice(2);
const suites = readdirSync(`${project}/test/kernel`)
  .filter((file) => file.endsWith('.test.ts') && !themselves.some((name) => file === `${name}.test.ts`))
  .map((file) => `test/kernel/${file}`);
/** Those that run programs under the kernel: they take longest, and so come first. */
const programs = ['kernel', 'entries', 'nested', 'checkpointer'].map(
  (name) => `test/userland/${name}.test.ts`,
);

let passed = 0;
let failed = 0;
function run(title: string, environment: Readonly<Record<string, string>>, filters: readonly string[]): void {
  console.log(`--- ${title}`);
  const options = ['--jobs', '2', '--timeout-seconds', '900'];
  const { stdout, status } = spawnSync(process.execPath, ['test/run.ts', ...options, ...filters], {
    cwd: project,
    env: { ...process.env, ...environment },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 28,
  });
  process.stdout.write(stdout);
  const last = /^(\d+) passed, (\d+) failed/m.exec(stdout.trimEnd().split('\n').at(-1) ?? '');
  passed += Number(last?.[1] ?? 0);
  failed += Math.max(Number(last?.[2] ?? 0), status === 0 && last !== null ? 0 : 1);
}

if (given.length === 0 && !isEntriesOnly)
  run('every instruction', { ATOMIC: 'all' }, ['kernel/atomicity', 'kernel/promptness']);
run('every entry', { PERDURE_REBUILD: 'entry' }, given.length > 0 ? given : [...programs, ...suites]);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
