/**
 * Visits every labelled point: the process must die exactly there, go on, and end with the same output and the same image
 * as undisturbed; then chains of deaths inside recovery; then a death before and after every statement that changes a file
 * (test/persist/steps.ts). `npm run crash:points [-- [--before] WORDS]`, two at a time.
 *
 * Too slow for `npm test`; CI runs it. A label that cannot be reached is a failure. Last line `N passed, N failed`.
 */
import fs from 'node:fs';
import path from 'node:path';
import { serverPhases } from '../../src/persist/phases.ts';
import { mainPhases, workerPhases } from '../../src/persist/store/phases.ts';
import { deathsOf, die, record, scenarios } from '../persist/steps.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { perdure, program, readReport } from './perdure.ts';

interface Subject {
  readonly program: string;
  readonly arguments: readonly string[];
  readonly options: readonly string[];
}

const ordinary: Subject = {
  program: 'transcript',
  arguments: ['250'],
  options: ['--interval', '3', '--ram', '16M'],
};
/** One checkpoint with more pages than the ring holds. */
const large: Subject = {
  program: 'fill',
  arguments: ['40', '1'],
  options: ['--interval', '3600000', '--ram', '128M'],
};
/** Enough bytes that the log is copied while the machine runs. */
const busy: Subject = {
  program: 'fill',
  arguments: ['4', '3'],
  options: ['--interval', '5', '--ram', '64M'],
};
/** Little history, so that some is thinned. */
const thinning: Subject = {
  ...busy,
  options: [...busy.options, '--keep', 'all:30ms,10ms:60ms,size:1M'],
};
const subjects: Readonly<Record<string, Subject>> = {
  'segment-taken': large,
  'log-after': busy,
  'copy-before': busy,
  'copy-after': busy,
  'thin-begin': thinning,
  'thin-commit': thinning,
  'thin-after': thinning,
};

/** Reached only by a machine that goes on with an image. */
const recovery = ['restart-begin', 'objects-created', 'objects-linked', 'restart-end'];
/** Passed once in a life. */
const once = new Set([
  ...recovery,
  ...[
    'open',
    'verify',
    'load-objects',
    'open-locked',
    'open-created',
    'open-life',
    'log-before',
    'log-after',
  ],
  ...['close-folded', 'close-marked', 'close-shrink', 'close-side', 'segment-taken'],
  ...Object.keys(workerPhases).filter((label) => /^(copy|fold|thin)-/.test(label)),
]);

async function live(subject: Subject, cwd: string, point: string | null) {
  const args = [
    ...['run', '--clock', 'instructions', '--seed', '1', ...subject.options],
    ...['--out', 'out.txt', '--report', 'report.json', 'image.db'],
    ...[program(subject.program), ...subject.arguments],
  ];
  return perdure(args, { cwd, env: point === null ? {} : { PERDURE_CRASH_POINT: point } });
}

interface End {
  readonly output: Buffer;
  readonly hash: string | null;
}

function endOf(cwd: string): End {
  return { output: fs.readFileSync(path.join(cwd, 'out.txt')), hash: readReport(cwd).imageHash };
}

const references = new Map<Subject, Promise<End>>();
async function undisturbed(subject: Subject): Promise<End> {
  const cwd = scratchFolder();
  const { status, stderr } = await live(subject, cwd, null);
  if (status !== 0) throw new Error(`the undisturbed run ended with ${status}: ${stderr}`);
  return endOf(cwd);
}

/** Dies at each point in turn, then runs to the end; returns what is wrong, or null. */
async function visit(subject: Subject, points: readonly string[]): Promise<string | null> {
  const reference = references.get(subject) ?? undisturbed(subject);
  references.set(subject, reference);
  const want = await reference;
  const cwd = scratchFolder();
  for (const point of points) {
    const life = await live(subject, cwd, point);
    if (life.signal !== 'SIGKILL') return `${point} was not reached: exit ${life.status} ${life.stderr}`;
  }
  const last = await live(subject, cwd, null);
  if (last.status !== 0) return `goes on with exit ${last.status}: ${last.stderr}`;
  const got = endOf(cwd);
  if (!got.output.equals(want.output)) return `the output differs; the files are in ${cwd}`;
  if (got.hash !== want.hash) return `the image hash differs; the files are in ${cwd}`;
  fs.rmSync(cwd, { recursive: true, force: true });
  return null;
}

/** With --before: no file changes between two statements, so a death after one is a death before the next: left out but for the last. */
const isBeforeOnly = process.argv.includes('--before');
const wanted = process.argv.slice(2).find((word) => !word.startsWith('--'));
const cases: { subject: Subject; points: readonly string[] }[] = [];
for (const label of [
  ...Object.keys(mainPhases),
  ...Object.keys(workerPhases),
  ...Object.keys(serverPhases),
]) {
  const subject = subjects[label] ?? ordinary;
  const before = recovery.includes(label) ? ['acknowledged:3'] : [];
  cases.push({ subject, points: [...before, `${label}:1`] });
  if (!once.has(label)) cases.push({ subject, points: [`${label}:3`] });
}
cases.push({
  subject: ordinary,
  points: [
    ...['acknowledged:3', 'open-locked:1', 'open-life:1', 'verify:1', 'load-objects:1', 'restart-begin:1'],
    ...['objects-created:1', 'objects-linked:1', 'restart-end:1', 'demarcation-begin:1', 'commit-before:1'],
  ],
});
cases.push({ subject: ordinary, points: ['open-created:1', 'open-life:1', 'published:1', 'close-marked:1'] });

type Case = readonly [string, () => Promise<string | null>];

const pointCases = cases.map(
  ({ subject, points }): Case => [points.join(', '), () => visit(subject, points)],
);

/** Every statement that changes a file: a step that another scenario has visited already is not visited again. */
async function stepCases(): Promise<Case[]> {
  const seen = new Set<string>();
  const found: Case[] = [];
  for (const [i, scenario] of scenarios.entries()) {
    const recording = await record(scenario);
    if (recording.wrong !== null) found.push([scenario.name, async () => recording.wrong]);
    // The first two are a whole life and a whole recovery; of the others only what is theirs.
    const last = [...recording.visits.keys()].at(-1);
    for (const death of deathsOf(recording)) {
      if (i > 1 && seen.has(death.site)) continue;
      if (isBeforeOnly && death.when === 'after' && death.site !== last) continue;
      const name = `${death.when} ${death.site}, visit ${death.visit}: ${scenario.name}`;
      found.push([name, () => die(scenario, death)]);
    }
    for (const site of recording.visits.keys()) seen.add(site);
  }
  return found;
}

let passed = 0;
let failed = 0;
const all = [...pointCases, ...(await stepCases())];
const queue = all.filter(([name]) => wanted === undefined || name.includes(wanted)).values();
const work = async (): Promise<void> => {
  for (const [name, run] of queue) {
    const began = performance.now();
    const trouble = await run();
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    if (trouble === null) passed++;
    else failed++;
    console.log(
      `${trouble === null ? 'ok  ' : 'FAIL'} ${name}  ${seconds} s${trouble === null ? '' : `\n     ${trouble}`}`,
    );
  }
};
await Promise.all([work(), work()]);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
