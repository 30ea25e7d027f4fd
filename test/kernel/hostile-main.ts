/**
 * The long hostile campaign: attacks of many seeds, one after the other in one process.
 *
 *     npm run hostile -- --calls 2000000 --seed 1 [--steps 1500] [--compare] [--survey] [--json] [--go-on]
 *
 * A failing attack is shrunk and printed with the command that repeats it. With `--go-on` it is noted unshrunk and the next
 * seed has its turn; the exit code is 1 all the same. Every 50,000 calls a line on standard error says how far it is.
 */
import type { Seen } from './hostile-arena.ts';
import {
  type Attack,
  addSeen,
  attackOf,
  type Report,
  runAttack,
  seenByName,
  undeclared,
  unseen,
} from './hostile-campaign.ts';
import { again, runOrExplain } from './hostile-shrink.ts';

const TELL_EVERY = 50_000;

function option(name: string, fallback: number): number {
  const index = process.argv.indexOf(`--${name}`);
  return index < 0 ? fallback : Number(process.argv[index + 1]);
}

const isGoingOn = process.argv.includes('--go-on');

/** Runs it; what a failing one says goes to `failures` when the campaign goes on after it. */
function run(attack: Attack, failures: string[]): Report {
  if (!isGoingOn) return runOrExplain(attack);
  try {
    return runAttack(attack);
  } catch (error) {
    const line = `${error instanceof Error ? error.message : String(error)}\n  ${again(attack)}`;
    failures.push(line);
    console.error(`hostile: seed ${attack.seed} fails: ${line}`);
    return { calls: attack.steps.length, seen: new Map() };
  }
}

function main(): void {
  const wanted = option('calls', 100_000);
  const steps = option('steps', 1500);
  const first = option('seed', 1);
  let calls = 0;
  let told = 0;
  let seed = first;
  let slowest = { milliseconds: 0, seed: 0 };
  const failures: string[] = [];
  const seen: Seen = new Map();
  const began = process.cpuUsage();
  while (calls < wanted) {
    const start = process.cpuUsage();
    const report = run(attackOf(seed, steps, true), failures);
    const milliseconds = process.cpuUsage(start).user / 1000;
    if (milliseconds > slowest.milliseconds) slowest = { milliseconds, seed };
    calls += report.calls;
    addSeen(seen, report.seen);
    seed += 1;
    if (calls < told + TELL_EVERY) continue;
    told = calls;
    console.error(`hostile: ${calls} calls, seeds ${first} to ${seed - 1}, ${failures.length} failures`);
  }
  const used = process.cpuUsage(began);
  const result = {
    calls,
    seeds: [first, seed - 1],
    failures,
    cpuSeconds: Math.round((used.user + used.system) / 1e5) / 10,
    slowest,
    seen: seenByName(seen),
    undeclared: undeclared(seen),
    unseen: unseen(seen),
  };
  if (process.argv.includes('--json')) console.log(JSON.stringify(result));
  else {
    if (process.argv.includes('--survey')) tellCodes(result);
    for (const line of failures) console.log(line);
    console.log(
      `hostile: ${calls} calls, seeds ${first} to ${seed - 1}, ${failures.length} failures, ${result.cpuSeconds} s of processor time`,
    );
  }
  if (failures.length > 0) process.exitCode = 1;
}

/** Which codes were seen, and which of the table were not. */
function tellCodes(result: {
  readonly seen: Readonly<Record<string, string[]>>;
  readonly undeclared: readonly string[];
  readonly unseen: readonly string[];
}): void {
  for (const [name, codes] of Object.entries(result.seen)) console.log(`${name}: ${codes.join(' ')}`);
  console.log(`not declared: ${result.undeclared.join(', ')}`);
  console.log(`declared and not seen: ${result.unseen.join(', ')}`);
}

main();
