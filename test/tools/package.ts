/**
 * Proves that the package runs where it is installed: builds it, packs it, unpacks it below a node_modules folder
 * beside its run-time packages, and starts its launcher through a link as npm makes it.
 *
 * `npm run check:package`; called by .ci/run and by hand. Needs no download; leaves dist/ freshly built.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const folder = mkdtempSync(join(tmpdir(), 'perdure-package-'));
const modules = join(folder, 'node_modules');
let [passed, failed] = [0, 0];

/** Runs a command and counts whether it did what is expected; returns its stdout. */
function step(
  what: string,
  command: string,
  words: readonly string[],
  cwd: string,
  fits: RegExp = /^/,
): string {
  const ran = spawnSync(command, words, { cwd, encoding: 'utf8', timeout: 300_000 });
  const fine = ran.status === 0 && fits.test(ran.stdout);
  if (fine) passed++;
  else failed++;
  console.log(`${fine ? 'ok  ' : 'FAIL'} ${what}`);
  if (!fine) console.log(`${ran.stdout ?? ''}${ran.stderr ?? ''}${ran.error?.message ?? ''}`);
  return ran.stdout ?? '';
}

function prove(): void {
  step('npm run build', 'npm', ['run', '-s', 'build'], project);
  mkdirSync(join(modules, '.bin'), { recursive: true });
  step('npm pack', 'npm', ['pack', '--silent', '--pack-destination', folder], project, /\.tgz/);
  const archive = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? 'no archive';
  step('the archive unpacks', 'tar', ['-xzf', archive], folder);
  // Moved, not linked: what counts is the real path below node_modules.
  step('it lies below node_modules', 'mv', ['package', join(modules, 'perdure')], folder);
  const { dependencies } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'));
  for (const name of [...Object.keys(dependencies), 'node', 'node-addon-api', 'readdirp']) {
    const installed = join(project, 'node_modules', name);
    if (existsSync(installed)) symlinkSync(installed, join(modules, name));
  }
  const launcher = join(modules, '.bin/perdure');
  symlinkSync('../perdure/bin/perdure', launcher);
  step('perdure version', launcher, ['version'], folder, /^perdure \d+\.\d+\.\d+\n$/);
  const program = join(modules, 'perdure/dist/userland/programs/counter.elf');
  const words = ['run', '--clock', 'instructions', 'image.db', program, '3', '1'];
  step('perdure run creates an image and ends with its program', launcher, words, folder, /3/);
  const query = 'SELECT count(*) AS threads FROM thread';
  step('perdure sql answers', launcher, ['sql', '--json', 'image.db', query], folder, /threads/);
}

try {
  prove();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
