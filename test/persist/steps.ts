/**
 * Dies before and after every statement: of the store's whole life, of recovery, and of a machine with an output file.
 *
 * A first life of each scenario is recorded (steps-preload.ts), so the list of steps is what really ran, not what somebody
 * wrote down. Then for each step a life dies just before it and one just after it, and what is left must be what the model,
 * or the undisturbed run, says. Called by steps.test.ts and crash-points.ts.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { scratchFolder } from '../tools/scratch.ts';
import { Model } from './store-model.ts';
import { open } from './store-tools.ts';

export interface Death {
  readonly when: 'before' | 'after';
  readonly visit: number;
  readonly site: string;
}

interface Life {
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
  readonly words: string;
  readonly errors: string;
}

export interface Scenario {
  readonly name: string;
  /** Prepares an empty folder. */
  readonly prepare: (folder: string) => Promise<void>;
  /** The life that is recorded, or dies: arguments of Node. */
  readonly life: readonly string[];
  /** What is wrong with what is left after `life`; null when nothing is. */
  readonly check: (folder: string, life: Life) => Promise<string | null>;
}

const preload = new URL('./steps-preload.ts', import.meta.url).href;
const child = fileURLToPath(new URL('./store-child.ts', import.meta.url));
const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const counter = fileURLToPath(new URL('../../src/userland/programs/counter.elf', import.meta.url));

function live(
  folder: string,
  args: readonly string[],
  more: Readonly<Record<string, string>>,
): Promise<Life> {
  const process_ = spawn(process.execPath, ['--import', preload, ...args], {
    cwd: folder,
    env: { ...process.env, ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new Promise((resolve, reject) => {
    let words = '';
    let errors = '';
    const timer = setTimeout(() => process_.kill('SIGTERM'), 60_000);
    process_.stdout.on('data', (data) => {
      words += String(data);
    });
    process_.stderr.on('data', (data) => {
      errors += String(data);
    });
    process_.on('error', reject);
    process_.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, words, errors });
    });
  });
}

/** Opens what is left and compares it with the model. */
function checkStore(seed: number): Scenario['check'] {
  return async (folder, { words, errors }) => {
    const numbers = (word: string): number =>
      Math.max(
        0,
        ...[...words.matchAll(new RegExp(`${word} (\\d+)\n`, 'g'))].map((match) => Number(match[1])),
      );
    if (errors !== '') return errors;
    const store = open(path.join(folder, 'image.db'));
    const generation = store.head?.generation ?? 0;
    const wrong = generation === 0 ? [] : Model.at(seed, generation).differencesAtOpening(store);
    await store.close();
    if (generation < numbers('acknowledged'))
      return `generation ${generation}, but ${numbers('acknowledged')} was acknowledged`;
    if (generation > numbers('published') + 1 && numbers('published') > 0)
      return `generation ${generation}, but only ${numbers('published')} was published`;
    return wrong.length === 0 ? null : wrong.slice(0, 3).join('; ');
  };
}

const SEED = 1;
const LINES = 24;
const storeLife = (last: number, crash = ''): string[] => [
  ...[child, 'image.db', String(SEED), String(last), crash, 'process', '', 'short'],
];
const run = [
  main,
  ...['run', '--clock', 'instructions', '--interval', '1', '--ram', '16M', '--seed', '1', '--out', 'out.txt'],
  ...['image.db', counter, String(LINES), '1'],
];

async function checkOutput(folder: string): Promise<string | null> {
  const last = await live(folder, run, {});
  if (last.code !== 0) return `goes on with exit ${last.code}: ${last.errors}`;
  const want = Array.from({ length: LINES }, (_, i) => `count ${i + 1}\n`).join('');
  const got = fs.readFileSync(path.join(folder, 'out.txt'), 'utf8');
  return got === want ? null : `the output is ${JSON.stringify(got.slice(0, 200))}`;
}

/** So much of the file is free that a clean stop writes it anew. */
function leaveFreePages(image: string): void {
  const database = new Database(image);
  database.exec(
    'CREATE TABLE filler (bytes); INSERT INTO filler VALUES (zeroblob(6000000)); DROP TABLE filler',
  );
  database.close();
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'a new image, to a clean end',
    prepare: async () => undefined,
    life: storeLife(14),
    check: checkStore(SEED),
  },
  {
    name: 'an image, mostly free, whose owner died in a commit, to a clean end',
    prepare: async (folder) => {
      await live(folder, storeLife(3), {});
      leaveFreePages(path.join(folder, 'image.db'));
      await live(folder, storeLife(1000, 'commit-before:9'), {});
    },
    life: storeLife(20),
    check: checkStore(SEED),
  },
  {
    name: 'a machine with an output file, to its end',
    prepare: async () => undefined,
    life: run,
    check: checkOutput,
  },
];

export interface Recording {
  /** How often each site was visited. */
  readonly visits: ReadonlyMap<string, number>;
  readonly wrong: string | null;
}

/** Lives undisturbed and notes the steps. */
export async function record(scenario: Scenario): Promise<Recording> {
  const folder = scratchFolder();
  await scenario.prepare(folder);
  const log = path.join(folder, 'steps.log');
  const life = await live(folder, scenario.life, { PERDURE_STEP_LOG: log });
  const visits = new Map<string, number>();
  for (const site of fs.readFileSync(log, 'utf8').trimEnd().split('\n'))
    visits.set(site, (visits.get(site) ?? 0) + 1);
  const wrong = life.code === 0 ? await scenario.check(folder, life) : `exit ${life.code}: ${life.errors}`;
  fs.rmSync(folder, { recursive: true, force: true });
  return { visits, wrong };
}

/** The deaths that visit every step of a recording: just before and just after it, early and in the middle. */
export function deathsOf({ visits }: Recording): Death[] {
  return [...visits].flatMap(([site, count]) => {
    const deaths: Death[] = [
      { when: 'before', visit: 1, site },
      { when: 'after', visit: count > 3 ? Math.ceil(count / 2) : 1, site },
    ];
    return deaths;
  });
}

/** What folding and the log do depends on time: a step that was not reached is tried again. */
const TRIES = 4;

/** One death; returns what is wrong, or null. */
export async function die(scenario: Scenario, { when, visit, site }: Death): Promise<string | null> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const folder = scratchFolder();
    await scenario.prepare(folder);
    const wanted = attempt === 0 ? visit : 1;
    const life = await live(folder, scenario.life, { PERDURE_STEP_DEATH: `${when} ${wanted} ${site}` });
    const wrong = await scenario.check(folder, life);
    if (wrong !== null) return `${wrong}; the files are in ${folder}`;
    fs.rmSync(folder, { recursive: true, force: true });
    if (life.signal === 'SIGKILL') return null;
  }
  return 'was not reached';
}
