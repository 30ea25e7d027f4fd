/**
 * Runs the canaries: `node test/canaries/run.ts [--broken] [FILTER]`. Each broken build lies in a copy of the project; its test must
 * fail there, and pass in the unbroken copy. Two at a time. Last line: `N passed, N failed`.
 *
 * Called by `npm run canaries` and CI. Never changes the project itself.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Canary, canaries } from './list.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** With --broken: the unbroken tests have just passed elsewhere. */
const isBrokenOnly = process.argv.includes('--broken');
const filter = process.argv.slice(2).find((word) => !word.startsWith('--')) ?? '';

/** A copy of the project without what a test does not need. */
function makeCopy(): string {
  const copy = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-canary-'));
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
  return copy;
}

/** `mustPass`: shows what the test says when it does not. */
function passes(copy: string, test: string, mustPass = false): Promise<boolean> {
  const child = spawn(process.execPath, ['test/run.ts', test], { cwd: copy });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      output += String(data);
    });
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => {
      const summary = /^(\d+) passed, (\d+) failed/m.exec(output);
      if (summary === null || Number(summary[1]) + Number(summary[2]) === 0)
        reject(new Error(`${test} ran no test:\n${output}`));
      else {
        if (mustPass && status !== 0) console.log(output);
        resolve(status === 0);
      }
    });
  });
}

let passed = 0;
let failed = 0;
const judge = (good: boolean, line: string): void => {
  if (good) passed++;
  else failed++;
  console.log(`${good ? 'ok  ' : 'FAIL'} ${line}`);
};

/** Breaks one thing in this copy, sees what the test says, and mends it again. */
async function fly(copy: string, { name, file, find, replace, test }: Canary): Promise<void> {
  const target = path.join(copy, file);
  const text = fs.readFileSync(target, 'utf8');
  const places = text.split(find).length - 1;
  if (places !== 1) {
    judge(false, `${name}: the text to break stands ${places} times in ${file}`);
    return;
  }
  fs.writeFileSync(
    target,
    text.replace(find, () => replace),
  );
  const began = performance.now();
  const isCaught = !(await passes(copy, test));
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  judge(isCaught, `${name}: caught by ${test}  ${seconds} s`);
  fs.writeFileSync(target, text);
}

/** A tier makes no difference to a test of the store alone: it runs no guest. */
const isTierAsked = process.env.PERDURE_TIER !== undefined;
const seesTier = ({ test }: Canary): boolean => !/^test\/persist\/(store|history)/.test(test);
const chosen = canaries.filter(
  (canary) => canary.name.includes(filter) && (!isTierAsked || seesTier(canary)),
);
if (isTierAsked) console.log(`${chosen.length} of ${canaries.length} canaries run guests`);
const tasks: ((copy: string) => Promise<void>)[] = [
  ...(isBrokenOnly ? [] : [...new Set(chosen.map((canary) => canary.test))]).map(
    (test) => async (copy: string) => {
      judge(await passes(copy, test, true), `${test} passes unbroken`);
    },
  ),
  ...chosen.map((canary) => (copy: string) => fly(copy, canary)),
];
const queue = tasks.values();
/** Each in a copy of its own, one thing at a time. */
const work = async (): Promise<void> => {
  const copy = makeCopy();
  for (const task of queue) await task(copy);
  fs.rmSync(copy, { recursive: true, force: true });
};
await Promise.all([work(), work()]);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
