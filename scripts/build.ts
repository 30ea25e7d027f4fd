/**
 * Builds dist/: what an installed package runs, because Node strips no types below node_modules.
 *
 * `npm run build`. The compiler turns src/**\/*.ts into dist/**\/*.js; every other file of src (ELF programs, headers,
 * SQL) is copied beside it, so that a module finds its files at the same relative place in both. What `perdure run` and
 * the store's worker need is joined into a file each (bundle.ts), because a machine must go on at once.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.ts';

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const [source, target] = [join(project, 'src'), join(project, 'dist')];

rmSync(target, { recursive: true, force: true });
const compiler = join(project, 'node_modules/typescript/bin/tsc');
const compiled = spawnSync(process.execPath, [compiler, '-p', join(project, 'tsconfig.build.json')], {
  stdio: 'inherit',
});
if (compiled.status !== 0) {
  console.error('build: the compiler found errors; dist is not whole');
  process.exit(1);
}
let copied = 0;
for (const item of readdirSync(source, { recursive: true, withFileTypes: true })) {
  if (!item.isFile() || item.name.endsWith('.ts')) continue;
  const from = join(item.parentPath, item.name);
  const to = join(target, relative(source, from));
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
  copied++;
}

const { generateInterpreter } = (await import(
  join(target, 'hw/interpreter.js')
)) as typeof import('../src/hw/interpreter.ts');
for (const isFused of [false, true]) {
  const place = join(target, 'hw/interpreter', `${isFused ? 'fused' : 'plain'}.wasm`);
  writeFileSync(place, generateInterpreter(true, isFused));
}
const main = join(target, 'cli/main.js');
const start = join(target, 'cli/start.js');
const run = join(target, 'cli/run.js');
writeFileSync(run, bundle(start, [join(target, 'cli/verbs/run.js')], run));
// One of the two: errors are told apart by their classes, so there must not be two of each.
// As src/cli/main.ts.
writeFileSync(
  main,
  `import { startThread } from '../persist/store/thread.js';
const isRun = process.argv[2] === 'run';
const thread = isRun ? startThread() : null;
const { start } = await import(isRun ? './run.js' : './start.js');
await start(thread);
`,
);
const worker = join(target, 'persist/store/worker.js');
writeFileSync(worker, bundle(worker, [], worker));
console.log(`build: dist is whole, ${copied} files beside the code`);
