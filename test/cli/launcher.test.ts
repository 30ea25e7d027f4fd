import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { project } from '../tools/arrows.ts';
import { findTool } from '../tools/needs.ts';
import { plant, scratchFolder } from '../tools/scratch.ts';

const shell = findTool('sh') ?? '/bin/sh';
/** Prints what the launcher gave to Node: the file, the words and the process. */
const probe =
  'console.log(JSON.stringify({ main: process.argv[1], words: process.argv.slice(2), pid: process.pid }));\n';

/** A package tree with the launcher and a probe in the place of the command line. */
function tree(files: Record<string, string> = { 'src/cli/main.ts': probe }, at = 'perdure'): string {
  const root = join(scratchFolder(), at);
  mkdirSync(join(root, 'bin'), { recursive: true });
  for (const name of ['perdure', 'resolve.mjs']) {
    copyFileSync(join(project, 'bin', name), join(root, 'bin', name));
  }
  plant(root, files);
  return root;
}

/** A folder with a program `node` of the given shell text, or with this test's own Node. */
function folderWithNode(text: string | null): string {
  const folder = scratchFolder();
  if (text === null) symlinkSync(process.execPath, join(folder, 'node'));
  else {
    plant(folder, { node: `#!${shell}\n${text}\n` });
    chmodSync(join(folder, 'node'), 0o755);
  }
  return folder;
}

const oldNode = () => folderWithNode('echo v20.20.2');

function start(launcher: string, path: string, words: string[] = [], cwd?: string) {
  const ran = spawnSync(shell, [launcher, ...words], { encoding: 'utf8', cwd, env: { PATH: path } });
  const said = ran.stdout.startsWith('{') ? JSON.parse(ran.stdout) : null;
  return { ...ran, said, errorLines: ran.stderr.split('\n').filter((line) => line !== '') };
}

test('it runs the packaged Node of the checkout, whatever PATH has', () => {
  for (const path of ['', '/nowhere', oldNode()]) {
    const ran = spawnSync(join(project, 'bin/perdure'), ['version'], {
      encoding: 'utf8',
      env: { PATH: path },
    });
    assert.match(ran.stdout, /^perdure \d+\.\d+\.\d+\n$/, ran.stderr);
    assert.is(ran.status, 0);
  }
});

test('without a packaged Node it takes the first Node in PATH that is new enough, past older ones', () => {
  const root = tree();
  for (const path of [
    folderWithNode(null),
    `${oldNode()}:${folderWithNode(null)}`,
    `/nowhere::${oldNode()}:${folderWithNode('exit 1')}:${folderWithNode('echo nonsense')}:${folderWithNode(null)}:${oldNode()}`,
  ]) {
    const { said, stderr, status } = start(join(root, 'bin/perdure'), path, ['run', 'a b', '--x', '', '*']);
    assert.is(status, 0, stderr);
    assert.equal(said?.words, ['run', 'a b', '--x', '', '*']);
    assert.is(realpathSync(said?.main), realpathSync(join(root, 'src/cli/main.ts')));
  }
});

test('with no Node, or with old ones only, it says so in one line and exits 69', () => {
  const root = tree();
  for (const [path, expected] of [
    ['', /needs Node 24 or newer and found none;/],
    [scratchFolder(), /needs Node 24 or newer and found none;/],
    [oldNode(), /only .*node of version 20\.20\.2/],
    [folderWithNode('exit 1'), /found none;/],
    [folderWithNode('echo nonsense'), /found none;/],
    [folderWithNode('echo v9.11.2'), /only .* of version 9\.11\.2/],
  ] as const) {
    const { status, stdout, errorLines } = start(join(root, 'bin/perdure'), path, ['version']);
    assert.is(status, 69);
    assert.is(stdout, '');
    assert.is(errorLines.length, 1, errorLines.join('\n'));
    assert.match(String(errorLines[0]), expected);
  }
});

test('a packaged Node that cannot run does not stand in the way of another', () => {
  const root = tree();
  plant(root, { 'node_modules/node/bin/node': 'This file intentionally left blank' });
  chmodSync(join(root, 'node_modules/node/bin/node'), 0o755);
  const { said, stderr } = start(join(root, 'bin/perdure'), folderWithNode(null), ['x']);
  assert.equal(said?.words, ['x'], stderr);
});

test('it works through symbolic links, relative and absolute, from any folder', () => {
  const root = tree();
  const path = folderWithNode(null);
  const other = scratchFolder();
  mkdirSync(join(other, 'bin'));
  symlinkSync(join(root, 'bin/perdure'), join(other, 'bin/absolute'));
  symlinkSync('absolute', join(other, 'bin/twice'));
  mkdirSync(join(root, 'else where'));
  symlinkSync('../bin/perdure', join(root, 'else where/relative'));
  for (const [launcher, cwd] of [
    [join(other, 'bin/absolute'), '/'],
    [join(other, 'bin/twice'), other],
    [join(root, 'else where/relative'), other],
    ['bin/twice', other],
    ['else where/relative', root],
    ['./bin/perdure', root],
    ['perdure', join(root, 'bin')],
  ] as const) {
    const { said, stderr } = start(launcher, path, ['y'], cwd);
    assert.equal(said?.words, ['y'], `${launcher}: ${stderr}`);
  }
});

test('in a package it runs what was built, with the Node beside it', () => {
  const built = {
    'dist/cli/main.js': probe,
    'src/cli/main.ts': 'throw new Error("types are not stripped here")',
    'package.json': '{"type":"module"}',
  };
  const root = tree(built, 'node_modules/perdure');
  mkdirSync(join(root, '../node/bin'), { recursive: true });
  symlinkSync(process.execPath, join(root, '../node/bin/node'));
  mkdirSync(join(root, '../.bin'));
  symlinkSync('../perdure/bin/perdure', join(root, '../.bin/perdure'));
  const { said, stderr } = start(join(root, '../.bin/perdure'), '', ['z']);
  assert.equal(said?.words, ['z'], stderr);
  assert.match(said?.main, /dist\/cli\/main\.js$/);
});

/** A probe that tells where Node keeps what it compiled. */
const cacheProbe = `import { getCompileCacheDir } from 'node:module';
console.log(JSON.stringify({ cache: getCompileCacheDir() ?? null }));
`;

test('Node keeps what it compiled beside the packages, and takes nothing old from there', () => {
  const root = tree({ 'src/cli/main.ts': cacheProbe });
  const path = folderWithNode(null);
  const launcher = join(root, 'bin/perdure');
  assert.is(start(launcher, path).said?.cache, null, 'without node_modules there is no place for it');
  assert.not.ok(existsSync(join(root, 'node_modules')));
  mkdirSync(join(root, 'node_modules'));
  for (const told of ['first', 'other', 'third']) {
    plant(root, { 'src/cli/main.ts': `${cacheProbe}console.error('${told}');\n` });
    const { said, errorLines } = start(launcher, path);
    assert.ok(said?.cache.startsWith(join(realpathSync(root), 'node_modules/.cache/perdure')), said?.cache);
    assert.equal(errorLines, [told]);
  }
  assert.ok(readdirSync(join(root, 'node_modules/.cache/perdure')).length > 0);
});

test('a place for it that was given is kept, and one that cannot be written does no harm', () => {
  const root = tree({ 'src/cli/main.ts': cacheProbe });
  mkdirSync(join(root, 'node_modules'));
  const given = join(scratchFolder(), 'given');
  const ran = spawnSync(shell, [join(root, 'bin/perdure')], {
    encoding: 'utf8',
    env: { PATH: folderWithNode(null), NODE_COMPILE_CACHE: given },
  });
  assert.ok(JSON.parse(ran.stdout).cache.startsWith(given), ran.stdout);
  assert.not.ok(existsSync(join(root, 'node_modules/.cache')));
  plant(root, { 'node_modules/.cache': 'a file stands in the way' });
  const { said, status, stderr } = start(join(root, 'bin/perdure'), folderWithNode(null));
  assert.is(status, 0, stderr);
  assert.is(stderr, '');
  assert.is(said?.cache, null);
});

test('in a package it keeps it in the node_modules that the package is in', () => {
  const built = { 'dist/cli/main.js': cacheProbe, 'package.json': '{"type":"module"}' };
  const root = tree(built, 'node_modules/perdure');
  const { said, stderr } = start(join(root, 'bin/perdure'), folderWithNode(null));
  assert.ok(
    said?.cache.startsWith(join(realpathSync(root), '../.cache/perdure')),
    `${said?.cache} ${stderr}`,
  );
});

test('modules find each other, wherever the checkout lies and with or without what speeds it up', () => {
  const files = {
    'src/cli/main.ts': `import { hello } from './far/hello.ts';
      const { later } = await import('../later.ts');
      import { part } from 'other';
      console.log(JSON.stringify({ words: [hello, later, part, import.meta.filename] }));`,
    // A package finds its own files as Node says: without endings, through its package.json.
    'node_modules/other/index.js': "exports.part = require('./lib');",
    'node_modules/other/lib/index.js': "module.exports = 'part';",
    'src/cli/far/hello.ts':
      "import { base } from '../../base.ts'; export const hello: string = 'hello ' + base;",
    'src/base.ts': "import { sep } from 'node:path'; export const base: string = sep;",
    'src/later.ts': "export { base as later } from './base.ts';",
  };
  for (const at of ['perdure', 'with  spaces', 'hash#and?more%20', 'zwei €']) {
    const root = tree(files, at);
    const main = join(realpathSync(root), 'src/cli/main.ts');
    for (const has of [true, false]) {
      if (!has) rmSync(join(root, 'bin/resolve.mjs'));
      const { said, stderr } = start(join(root, 'bin/perdure'), folderWithNode(null));
      assert.equal(said?.words, ['hello /', '/', 'part', main], `${at}: ${stderr}`);
    }
  }
});

test('a module that is missing is told with its path', () => {
  const root = tree({ 'src/cli/main.ts': "import './gone.ts';" });
  const { status, stderr } = start(join(root, 'bin/perdure'), folderWithNode(null));
  assert.is.not(status, 0);
  assert.match(stderr, 'src/cli/gone.ts');
});

test('a package that is not whole is said in one line, exit 69', () => {
  const root = tree({});
  const { status, errorLines } = start(join(root, 'bin/perdure'), folderWithNode(null), []);
  assert.is(status, 69);
  assert.is(errorLines.length, 1);
  assert.match(String(errorLines[0]), /is missing/);
});

test("the launcher's pid is the machine's, so that kill -9 of it kills the machine", async () => {
  const root = tree({ 'src/cli/main.ts': `${probe}setTimeout(() => {}, 60_000);\n` });
  const child = spawn(join(root, 'bin/perdure'), [], {
    env: { PATH: folderWithNode(null) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await new Promise<string[]>((settle) =>
    child.stdout.on('data', (bytes) => settle([String(bytes)])),
  );
  assert.is(JSON.parse(String(line)).pid, child.pid);
  child.kill('SIGKILL');
  const signal = await new Promise((settle) => child.on('exit', (_code, by) => settle(by)));
  assert.is(signal, 'SIGKILL');
});

test('the preflight of the npm scripts refuses an old Node in one line and lets this one pass', () => {
  const preflight = join(project, 'scripts/preflight.cjs');
  assert.is(spawnSync(process.execPath, [preflight]).status, 0);
  const pretend = "Object.defineProperty(process.versions, 'node', { value: '20.20.2' });";
  const planted = join(scratchFolder(), 'preflight.cjs');
  plant(join(planted, '..'), { 'preflight.cjs': `${pretend}\n${readFileSync(preflight, 'utf8')}` });
  const ran = spawnSync(process.execPath, [planted], { encoding: 'utf8' });
  assert.is(ran.status, 69);
  assert.match(ran.stderr, /^perdure: needs Node 24 or newer, this is 20\.20\.2 [^\n]*\n$/);
});

test('a copied checkout with spaces in its path works', () => {
  const root = tree({ 'src/cli/main.ts': probe }, 'a folder/with  spaces');
  cpSync(join(project, 'package.json'), join(root, 'package.json'));
  assert.ok(existsSync(join(root, 'bin/perdure')));
  const { said, stderr } = start(join(root, 'bin/perdure'), folderWithNode(null), ['w']);
  assert.equal(said?.words, ['w'], stderr);
});

test.run();
