/**
 * `npm run tiers`: the tests of the whole system, unchanged, with the translator off, on wherever it can be, and with the
 * tier changed at random while programs run. `auto` is what `npm test` runs them in.
 *
 *     node test/tools/tiers.ts [FILTER...]
 *
 * Without FILTER: transcripts, determinism, the laws of demarcations, kernel states and the round trip through a file. The
 * last line is `N passed, N failed`, the sum of all runs.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('../..', import.meta.url));
const tiers = ['interpreter', 'translator', 'random:1'] as const;
const standard = [
  'system/transcript',
  'system/determinism',
  'system/law7',
  'kernel/modes',
  'persist/roundtrip',
] as const;

const given = process.argv.slice(2);
const filters = given.length > 0 ? given : standard;
let passed = 0;
let failed = 0;
for (const tier of tiers) {
  console.log(`--- PERDURE_TIER=${tier}`);
  const { stdout, status } = spawnSync(process.execPath, ['test/run.ts', ...filters], {
    cwd: project,
    // `npm test` and the campaigns kill more often.
    env: { KILLS: '1', ...process.env, PERDURE_TIER: tier },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 28,
  });
  process.stdout.write(stdout);
  const last = /^(\d+) passed, (\d+) failed/m.exec(stdout.trimEnd().split('\n').at(-1) ?? '');
  passed += Number(last?.[1] ?? 0);
  failed += Math.max(Number(last?.[2] ?? 0), status === 0 && last !== null ? 0 : 1);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
