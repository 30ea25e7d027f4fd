/**
 * Runs the canaries: `node test/canaries/run.ts [FILTER]`. Each broken build lies in a copy of the project; its test must
 * fail there, and pass in the unbroken copy first. Last line: `N passed, N failed`.
 *
 * Called by `npm run canaries` and CI. Never changes the project itself.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { canaries } from './list.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const copy = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-canary-'));
const filter = process.argv[2] ?? '';

for (const entry of [
  'src',
  'test',
  'store',
  'bin',
  'examples',
  'docs',
  'scripts',
  'package.json',
  'tsconfig.json',
]) {
  if (fs.existsSync(path.join(root, entry))) {
    fs.cpSync(path.join(root, entry), path.join(copy, entry), { recursive: true });
  }
}
fs.symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));

function passes(test: string): boolean {
  const result = spawnSync(process.execPath, ['test/run.ts', test], { cwd: copy, encoding: 'utf8' });
  const summary = /^(\d+) passed, (\d+) failed/m.exec(result.stdout ?? '');
  if (summary === null || Number(summary[1]) + Number(summary[2]) === 0) {
    throw new Error(`${test} ran no test:\n${result.stdout}\n${result.stderr}`);
  }
  return result.status === 0;
}

let passed = 0;
let failed = 0;
const judge = (good: boolean, line: string): void => {
  if (good) passed++;
  else failed++;
  console.log(`${good ? 'ok  ' : 'FAIL'} ${line}`);
};

const chosen = canaries.filter((canary) => canary.name.includes(filter));
for (const test of new Set(chosen.map((canary) => canary.test)))
  judge(passes(test), `${test} passes unbroken`);
for (const { name, file, find, replace, test } of chosen) {
  const target = path.join(copy, file);
  const text = fs.readFileSync(target, 'utf8');
  const places = text.split(find).length - 1;
  if (places !== 1) {
    judge(false, `${name}: the text to break stands ${places} times in ${file}`);
    continue;
  }
  fs.writeFileSync(
    target,
    text.replace(find, () => replace),
  );
  judge(!passes(test), `${name}: caught by ${test}`);
  fs.writeFileSync(target, text);
}
fs.rmSync(copy, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
