/**
 * The crash campaign on one program: it runs undisturbed once; then it is killed with SIGKILL again and again, resumed
 * each time, and must end with the same output and the same image.
 *
 * Real processes, a real SIGKILL, a real file. Invariant: a kill counts only when the process really died of it; the
 * verdict compares bytes. Called by `perdure crash`, for several programs by `campaigns.ts`.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { typeInto } from './input.ts';
import type { KillPhase, KillPlan } from './plan.ts';
import { generator, planner } from './plan.ts';

export interface CampaignOptions {
  /** How to start perdure: executable and leading arguments. */
  readonly command: readonly [string, ...string[]];
  readonly program: string;
  readonly arguments: readonly string[];
  /** Value of --ram; 16M when not given. */
  readonly ram?: string;
  /** Lines that are typed into each run (input.ts). */
  readonly inputLines?: number;
  readonly kills: number;
  readonly seed: number;
  /** An empty folder for images and output files. */
  readonly folder: string;
  /** Where Node keeps what it compiled; below `folder` when not given. */
  readonly compiled?: string;
  readonly progress: (line: string) => void;
}

export interface CampaignResult {
  kills: number;
  byPhase: Record<KillPhase, number>;
  /** Kills at each labelled point. */
  byPoint: Record<string, number>;
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
const LIFE_MS_MAX = 240_000;
const POINT_MS_MAX = 4_000;
const STARTUP_MS = 120;
/** A point that was planned so often in a row and not reached is out of this program's reach. */
const MISSES_MAX = 2;
/** Plans that are looked at for one that is not of a kill from outside. */
const PLANS_MAX = 100;
/** An image does not depend on how often it was checkpointed: each life has another interval. */
const intervalsMs = [1, 2, 3, 5, 10] as const;

export function emptyResult(): CampaignResult {
  return {
    kills: 0,
    byPhase: { running: 0, demarcation: 0, commit: 0, recovery: 0 },
    byPoint: {},
    rounds: 0,
    identical: true,
    lostLines: 0,
    repeatedLines: 0,
    differentImages: 0,
    damagedImages: 0,
    failures: [],
  };
}

export function isGood(result: CampaignResult): boolean {
  return result.identical && result.damagedImages === 0;
}

/** One campaign; owns what its lives have in common. */
class Campaign {
  private readonly options: CampaignOptions;
  readonly result = emptyResult();
  /** How often in a row each point was planned and not reached. */
  private readonly misses = new Map<string, number>();
  private readonly nextPlan: () => KillPlan;
  private readonly random: () => number;
  private expectedStatus = 0;

  constructor(options: CampaignOptions) {
    this.options = options;
    this.nextPlan = planner(options.seed, (label) => (this.misses.get(label) ?? 0) >= MISSES_MAX);
    this.random = generator(options.seed ^ 0x5bd1_e995);
  }

  async run(): Promise<void> {
    const { options, result } = this;
    const reference = path.join(options.folder, 'undisturbed');
    const undisturbed = await this.live(reference, null);
    if (undisturbed.killed || undisturbed.status === null || undisturbed.status >= 64) {
      this.fail(`the undisturbed run failed: ${undisturbed.words.trim()}`);
      return;
    }
    this.expectedStatus = undisturbed.status;
    const expected = fs.readFileSync(`${reference}.out`);
    const expectedHash = imageHash(reference);
    while (result.kills < options.kills) {
      const round = path.join(options.folder, `round-${result.rounds + 1}`);
      const good = await this.playRound(round);
      result.rounds++;
      if (!good) return;
      compare(round, expected, expectedHash, result);
      if (!result.identical) return;
      for (const file of filesOf(round)) fs.rmSync(file, { force: true });
      options.progress(`${result.kills} of ${options.kills} kills, ${result.rounds} runs compared`);
    }
  }

  private fail(words: string): void {
    this.result.identical = false;
    this.result.failures.push(words);
  }

  /** Points that were not reached count as running; so that half of the kills lie inside, others take their place. */
  private choose(): KillPlan | null {
    const { result, options } = this;
    if (result.kills >= options.kills) return null;
    let plan = this.nextPlan();
    for (let i = 0; i < PLANS_MAX && plan.phase === 'running'; i++) {
      if (result.byPhase.running * 2 <= result.kills) break;
      plan = this.nextPlan();
    }
    return plan;
  }

  private noteReach(plan: KillPlan, isReached: boolean, life: Life): void {
    if (plan.label === null) return;
    if (isReached) this.misses.delete(plan.label);
    // A program that ended before the point's fortieth visit says nothing.
    else if (life.isOutside || plan.point === `${plan.label}:1`)
      this.misses.set(plan.label, (this.misses.get(plan.label) ?? 0) + 1);
  }

  /** One run to the end, killed as often as plans allow; false when it could not be finished. */
  private async playRound(round: string): Promise<boolean> {
    const { result } = this;
    for (;;) {
      const plan = this.choose();
      const life = await this.live(round, plan);
      const isReached = life.killed && !life.isOutside;
      if (plan !== null) this.noteReach(plan, isReached, life);
      if (life.killed) {
        if (plan === null) {
          this.fail(`${round}: hung`);
          return false;
        }
        result.kills++;
        // A point that was not reached in time: the kill from outside hit the machine wherever it was.
        result.byPhase[isReached ? plan.phase : 'running']++;
        if (isReached && plan.label !== null)
          result.byPoint[plan.label] = (result.byPoint[plan.label] ?? 0) + 1;
        continue;
      }
      if (life.status === this.expectedStatus) return true;
      if (life.status === 65) result.damagedImages++;
      this.fail(`${round}: exit ${life.status} after ${plan?.point ?? 'no plan'}: ${life.words.trim()}`);
      return false;
    }
  }

  /** One life of the machine. Naming the program of an image that has it changes nothing. */
  private live(base: string, plan: KillPlan | null): Promise<Life> {
    const { options } = this;
    const inputLines = options.inputLines ?? 0;
    const [executable, ...leading] = options.command;
    const interval = intervalsMs[Math.floor(this.random() * intervalsMs.length)] as number;
    const child = spawn(
      executable,
      [
        ...leading,
        ...['run', '--clock', 'instructions', '--durability', 'process', '--interval', String(interval)],
        ...['--seed', '1', '--ram', options.ram ?? '16M'],
        ...['--out', `${base}.out`, '--report', `${base}.json`, `${base}.db`],
        options.program,
        ...options.arguments,
      ],
      {
        stdio: [inputLines > 0 ? 'pipe' : 'ignore', 'ignore', 'pipe'],
        env: {
          // Half of a start is compiling; bin/perdure gives Node a place for the results in the same way.
          NODE_COMPILE_CACHE: options.compiled ?? path.join(options.folder, 'compiled'),
          ...process.env,
          ...(plan?.point == null ? {} : { PERDURE_CRASH_POINT: plan.point }),
        },
      },
    );
    const stopTyping =
      child.stdin === null ? () => undefined : typeInto(child.stdin, `${base}.db`, `${base}.out`, inputLines);
    return new Promise((resolve, reject) => {
      let words = '';
      child.stderr?.on('data', (chunk) => {
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
        stopTyping();
        resolve({ killed: signal === 'SIGKILL', isOutside, status, words });
      });
    });
  }
}

export async function campaign(options: CampaignOptions): Promise<CampaignResult> {
  const one = new Campaign(options);
  await one.run();
  return one.result;
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
