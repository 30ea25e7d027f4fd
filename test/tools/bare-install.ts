/**
 * Proves that `npm ci` works on a machine with nothing but sh, node and npm in PATH: no Python, no compiler, no git.
 *
 * Copies package.json and package-lock.json to a temporary folder, installs there, and loads what the install must
 * have brought: SQLite's binding and a Node that is new enough. Called by .ci/run and by hand: it downloads.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findTool } from './needs.ts';

const project = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const folder = mkdtempSync(join(tmpdir(), 'perdure-bare-install-'));

/** The machine's own node and npm, not those that this project brings into PATH of its npm scripts. */
function machineTool(name: string): string {
  const outside = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((entry) => !entry.includes('node_modules'))
    .join(delimiter);
  const path = findTool(name, outside);
  if (path === null) throw new Error(`bare install: ${name} is in PATH`);
  return path;
}

function run(what: string, command: string, words: readonly string[], env: NodeJS.ProcessEnv): boolean {
  const ran = spawnSync(command, words, { cwd: folder, env, encoding: 'utf8', timeout: 300_000 });
  const fine = ran.status === 0;
  console.log(`${fine ? 'ok  ' : 'FAIL'} ${what}`);
  if (!fine) console.log(`${ran.stdout ?? ''}${ran.stderr ?? ''}${ran.error?.message ?? ''}`);
  return fine;
}

function prove(): boolean[] {
  const tools = join(folder, 'tools');
  mkdirSync(tools);
  for (const name of ['sh', 'node', 'npm']) symlinkSync(machineTool(name), join(tools, name));
  for (const name of ['package.json', 'package-lock.json'])
    copyFileSync(join(project, name), join(folder, name));
  const { PATH: _path, ...others } = process.env;
  const inherited = Object.entries(others).filter(([name]) => !/^(npm_|NODE|CC$|CXX$|PYTHON)/i.test(name));
  const env = { ...Object.fromEntries(inherited), PATH: tools };
  // A second try, because a download may fail without our fault.
  const install = () => run('npm ci', join(tools, 'npm'), ['ci'], env);
  const installed = install() || install();
  const node = join(folder, 'node_modules/.bin/node');
  const script =
    "if (new (require('better-sqlite3'))(':memory:').prepare('select 1 + 1').pluck().get() !== 2) throw 1";
  return [
    installed,
    run(
      'the packaged Node is 24 or newer',
      node,
      ['-e', 'process.exit(+(parseInt(process.versions.node) < 24))'],
      env,
    ),
    run('SQLite answers', node, ['-e', script], env),
  ];
}

try {
  const results = prove();
  const passed = results.filter((fine) => fine).length;
  console.log(`${passed} passed, ${results.length - passed} failed`);
  process.exitCode = passed === results.length ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
