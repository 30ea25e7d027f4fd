import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { verbTable } from '../../src/cli/verbs.ts';
import { project } from './arrows.ts';
import {
  bansFor,
  checkBanned,
  checkBuildable,
  checkDocument,
  checkEffects,
  checkFolderMap,
  checkHead,
  checkLength,
  checkModuleState,
  checkTestFile,
  isText,
  linesMax,
  type Promised,
  projectFiles,
  readText,
} from './tidy.ts';

const files = projectFiles(project).filter(isText);
const documents = files.filter((path) => path.endsWith('.md'));
const scripts = Object.keys(JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')).scripts);
const promised: Promised = {
  scripts,
  verbs: [...verbTable.map((row) => row.name), 'help', 'version'],
  exists: (path) => existsSync(join(project, path)),
};

const registry = process.env.npm_config_registry;
const bans = bansFor(
  [project, dirname(project), homedir()],
  registry === undefined ? [] : [new URL(registry).host],
);

/** Runs a rule over all text files and expects that nothing is wrong. */
function checkAll(rule: (path: string, text: string) => string[]): void {
  assert.ok(files.length > 30, 'the files of the project were found');
  assert.equal(
    files.flatMap((path) => rule(path, readFileSync(join(project, path), 'utf8'))),
    [],
  );
}

test('no source file is longer than the limit without saying why', () => checkAll(checkLength));
test('every source file begins with a comment that says what it is', () => checkAll(checkHead));
test("no file names a path of a machine, a registry's host or what lies outside the project", () => {
  checkAll((path, text) => checkBanned(path, text, bans));
});
test('no module is found by an address that a build does not have', () => checkAll(checkBuildable));
test('no test file hides a test or forgets a suite', () => checkAll(checkTestFile));
test('clock, randomness, console and process of the host stay at the rim', () => checkAll(checkEffects));
test('nothing below the rim is mutable at module scope', () => checkAll(checkModuleState));

test('every npm script, verb and file that a document names exists', () => {
  assert.ok(documents.length >= 4, 'the documents were found');
  const wrong = documents.flatMap((path) => checkDocument(path, readText(project, path) ?? '', promised));
  assert.equal(wrong, []);
});

test('README, ARCHITECTURE, HACKING and LICENSE are there, and the code map names every room', () => {
  for (const path of ['README.md', 'ARCHITECTURE.md', 'HACKING.md', 'LICENSE'])
    assert.ok(readText(project, path), path);
  assert.equal(checkFolderMap(project, readText(project, 'ARCHITECTURE.md') ?? ''), []);
  assert.match(readText(project, 'LICENSE') ?? '', 'Apache License');
});

test('the README has the two commands, and its test command is the one that CI calls', () => {
  const readme = readText(project, 'README.md') ?? '';
  assert.match(readme, 'npm ci && npm start');
  assert.match(readme, 'npm ci && npm test');
  const ci = readText(project, '.ci/run') ?? '';
  assert.match(ci, /\bnpm ci\b/);
  assert.match(ci, /^step .* npm test$/m);
});

test('all packages are pinned exactly, and the lockfile lets no install script need a compiler', () => {
  const manifest = JSON.parse(readText(project, 'package.json') ?? '');
  const pins = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies };
  assert.ok(Object.keys(pins).length >= 8);
  for (const [name, version] of Object.entries(pins)) assert.match(String(version), /^\d+\.\d+\.\d+$/, name);
  const lock = JSON.parse(readText(project, 'package-lock.json') ?? '');
  // Without this, npm sees binding.gyp and wants Python, although the package brings its binding ready-made.
  assert.is(lock.packages['node_modules/better-sqlite3'].gypfile, false);
  assert.is(lock.packages['node_modules/node'].optional, true);
  assert.equal(manifest.allowScripts, { node: true, 'better-sqlite3': false });
});

const planted: readonly (readonly [string, () => string[]])[] = [
  ['a file that is too long', () => checkLength('src/a.ts', '/** A. */\n'.padEnd(linesMax + 20, '\n'))],
  ['a file without a head', () => checkHead('src/hw/a.ts', 'export const a = 1;\n')],
  [
    'a path of this machine',
    () => checkBanned('docs/a.md', 'see /srv/build/x.ts', bansFor(['/srv/build'], [])),
  ],
  ['a path of a user', () => checkBanned('docs/a.md', 'see /home/ann/x', bans)],
  ['a folder outside the project', () => checkBanned('docs/a.md', `see ${'..'}/shared/x`, bans)],
  ['an address in the lockfile', () => checkBanned('package-lock.json', '"resolved": "https://x"', bans)],
  [
    "a registry's host",
    () => checkBanned('a.md', 'from cache.example:99', bansFor([], ['cache.example:99'])),
  ],
  ['a module that a build has not', () => checkBuildable('src/cli/a.ts', "new URL('./b.ts', x)")],
  ['a focused test', () => checkTestFile('test/a.test.ts', "test.only('a', () => {});\n")],
  [
    'a suite that is never run',
    () => checkTestFile('test/a.test.ts', "const sums = suite('sums');\ntest.run();\n"),
  ],
  ['console in the hardware', () => checkEffects('src/hw/a.ts', "console.log('a');")],
  ['process in the kernel', () => checkEffects('src/kernel/a.ts', 'export const a = process.pid;')],
  [
    'Math.random in the store',
    () => checkEffects('src/persist/store/a.ts', 'export const a = Math.random();'),
  ],
  ['Date in the persistence server', () => checkEffects('src/persist/a.ts', 'export const a = new Date();')],
  ['a timer in the border', () => checkEffects('src/userland/border/a.ts', 'setTimeout(() => {}, 1);')],
  ['a host name as a value', () => checkEffects('src/hw/a.ts', 'export const a = { b: performance };')],
  ['a variable at module scope', () => checkModuleState('src/kernel/a.ts', 'export let a = 1;\n')],
  ['a script that is not there', () => checkDocument('a.md', '`npm run -s nothing`', promised)],
  ['a verb that is not there', () => checkDocument('a.md', 'Try `perdure frobnicate x`.', promised)],
  [
    'a verb in a code block that is not there',
    () => checkDocument('a.md', '```\nbin/perdure frobnicate\n```', promised),
  ],
  ['a file that is not there', () => checkDocument('a.md', 'see `src/hw/nothing.ts`', promised)],
  ['a room that the map misses', () => checkFolderMap(project, '`src/base`')],
];

for (const [what, check] of planted) {
  test(`${what} is found`, () => assert.ok(check().length > 0));
}

test('what only looks like a violation is not found', () => {
  assert.equal(checkBanned('a.md', 'src/srv/build, /srv/builder', bansFor(['/srv/build'], [])), []);
  assert.equal(checkLength('src/a.ts', `/** A. Long because of a table. */\n${'\n'.repeat(linesMax)}`), []);
  assert.equal(
    checkEffects('src/hw/a.ts', 'interface A { process: number; console(): void }\nexport type { A };'),
    [],
  );
  assert.equal(
    checkEffects('src/hw/a.ts', 'export const a = (host: { performance: number }) => host.performance;'),
    [],
  );
  assert.equal(checkEffects('src/cli/a.ts', "console.log('a');"), []);
  assert.equal(
    checkModuleState('src/kernel/a.ts', 'export const a = () => { let b = 1; b++; return b; };\n'),
    [],
  );
  assert.equal(checkDocument('a.md', 'To perdure is to persist. `npm run check`', promised), []);
});

test.run();
