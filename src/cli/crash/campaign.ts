/**
 * The crash campaign: a program runs undisturbed once; then it is killed with SIGKILL again and again, resumed each
 * time, and must end with the same output and the same image.
 *
 * Real processes, a real SIGKILL, a real file. Invariant: a kill counts only when the process really died of it; the
 * verdict compares bytes. Called by `perdure crash`; never looks into an image.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import type { KillPhase, KillPlan } from './plan.ts';
import { planner } from './plan.ts';

export interface CampaignOptions {
  /** How to start perdure: executable and leading arguments. */
  readonly command: readonly [string, ...string[]];
  readonly program: string;
  readonly arguments: readonly string[];
  readonly kills: number;
  readonly seed: number;
  /** An empty folder for images and output files. */
  readonly folder: string;
  readonly progress: (line: string) => void;
}

export interface CampaignResult {
  kills: number;
  byPhase: Record<KillPhase, number>;
  /** Complete runs compared. */
  rounds: number;
  /** Every round's output was byte for byte that of the undisturbed run, and its image had the same hash. */
  identical: boolean;
  lostLines: number;
  repeatedLines: number;
  /** Rounds whose image hash differed although the output did not. */
  differentImages: number;
  damagedImages: number;
  /** What went wrong, with the files kept. */
  failures: string[];
}

interface Life {
  readonly killed: boolean;
  /** The kill came from outside, because the time for it was over. */
  readonly isOutside: boolean;
  readonly status: number | null;
  readonly words: string;
}

/** Longest a life may take before it counts as hung; a planned point that is not reached ends earlier. */
const LIFE_MS_MAX = 120_000;
const POINT_MS_MAX = 4_000;
const STARTUP_MS = 120;

export async function campaign(options: CampaignOptions): Promise<CampaignResult> {
  const reference = path.join(options.folder, 'undisturbed');
  const result: CampaignResult = {
    kills: 0,
    byPhase: { running: 0, demarcation: 0, commit: 0, recovery: 0 },
    rounds: 0,
    identical: true,
    lostLines: 0,
    repeatedLines: 0,
    differentImages: 0,
    damagedImages: 0,
    failures: [],
  };
  const undisturbed = await live(options, reference, null);
  if (undisturbed.killed || undisturbed.status === null || undisturbed.status >= 64) {
    result.identical = false;
    result.failures.push(`the undisturbed run failed: ${undisturbed.words.trim()}`);
    return result;
  }
  const expected = fs.readFileSync(`${reference}.out`);
  const expectedHash = imageHash(reference);
  const nextPlan = planner(options.seed);
  while (result.kills < options.kills) {
    const round = path.join(options.folder, `round-${result.rounds + 1}`);
    const good = await playRound(options, round, nextPlan, undisturbed.status, result);
    result.rounds++;
    if (!good) break;
    compare(round, expected, expectedHash, result);
    if (result.identical) for (const file of filesOf(round)) fs.rmSync(file, { force: true });
    options.progress(`${result.kills} of ${options.kills} kills, ${result.rounds} runs compared`);
  }
  return result;
}

/** One run to the end, killed as often as plans allow; false when it could not be finished. */
async function playRound(
  options: CampaignOptions,
  round: string,
  nextPlan: () => KillPlan,
  expectedStatus: number,
  result: CampaignResult,
): Promise<boolean> {
  for (;;) {
    let plan = result.kills < options.kills ? nextPlan() : null;
    // Points that were not reached count as running; so that half of the kills lie inside, others take their place.
    while (plan?.phase === 'running' && result.byPhase.running * 2 > result.kills) plan = nextPlan();
    const life = await live(options, round, plan);
    if (life.killed) {
      if (plan === null) {
        result.failures.push(`${round}: hung`);
        result.identical = false;
        return false;
      }
      result.kills++;
      // A point that was not reached in time: the kill from outside hit the machine wherever it was.
      result.byPhase[life.isOutside ? 'running' : plan.phase]++;
      continue;
    }
    if (life.status === expectedStatus) return true;
    if (life.status === 65) result.damagedImages++;
    result.identical = false;
    result.failures.push(
      `${round}: exit ${life.status} after ${plan?.point ?? 'no plan'}: ${life.words.trim()}`,
    );
    return false;
  }
}

/** One life of the machine. Naming the program of an image that has it changes nothing. */
function live(options: CampaignOptions, base: string, plan: KillPlan | null): Promise<Life> {
  const [executable, ...leading] = options.command;
  const child = spawn(
    executable,
    [
      ...leading,
      ...['run', '--clock', 'instructions', '--durability', 'process', '--interval', '3', '--seed', '1'],
      ...['--ram', '16M', '--out', `${base}.out`, '--report', `${base}.json`, `${base}.db`],
      options.program,
      ...options.arguments,
    ],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...(plan?.point == null ? {} : { PERDURE_CRASH_POINT: plan.point }) },
    },
  );
  return new Promise((resolve, reject) => {
    let words = '';
    child.stderr.on('data', (chunk) => {
      words += String(chunk);
    });
    const limitMs =
      plan === null ? LIFE_MS_MAX : plan.point === null ? STARTUP_MS + plan.afterMs : POINT_MS_MAX;
    let isOutside = false;
    const timer = setTimeout(() => {
      isOutside = child.kill('SIGKILL');
    }, limitMs);
    child.on('error', reject);
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      resolve({ killed: signal === 'SIGKILL', isOutside, status, words });
    });
  });
}

function imageHash(base: string): string {
  return (JSON.parse(fs.readFileSync(`${base}.json`, 'utf8')) as { imageHash: string }).imageHash;
}

function compare(round: string, expected: Buffer, expectedHash: string, result: CampaignResult): void {
  const got = fs.readFileSync(`${round}.out`);
  if (!got.equals(expected)) {
    result.identical = false;
    const { lost, repeated } = lineDifference(expected.toString(), got.toString());
    result.lostLines += lost;
    result.repeatedLines += repeated;
    result.failures.push(`${round}.out differs: ${lost} lines lost, ${repeated} repeated or foreign`);
  } else if (imageHash(round) !== expectedHash) {
    result.identical = false;
    result.differentImages++;
    result.failures.push(`${round}.db ends with another image hash than the undisturbed run`);
  }
}

/** How many lines of `expected` are missing in `got`, and how many of `got` are too many. */
export function lineDifference(expected: string, got: string): { lost: number; repeated: number } {
  const counts = new Map<string, number>();
  for (const line of expected.split('\n')) counts.set(line, (counts.get(line) ?? 0) + 1);
  let repeated = 0;
  for (const line of got.split('\n')) {
    const left = counts.get(line) ?? 0;
    if (left === 0) repeated++;
    else counts.set(line, left - 1);
  }
  let lost = 0;
  for (const left of counts.values()) lost += left;
  return { lost, repeated };
}

function filesOf(base: string): string[] {
  const folder = path.dirname(base);
  const name = path.basename(base);
  return fs
    .readdirSync(folder)
    .filter((file) => file.startsWith(`${name}.`))
    .map((file) => path.join(folder, file));
}
