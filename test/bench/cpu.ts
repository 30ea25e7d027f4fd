/**
 * `npm run bench:cpu`: how fast the hart is, beside native code and qemu.
 *
 *     node test/bench/cpu.ts [--json] [--quick] [--runs N] [--workload NAME]... [--engine NAME]...
 *                            [--seed S] [--tier T] [--build FOLDER] [--no-extras]
 *
 * The full run measures five rounds of a second for each workload; --quick one round of less than half of that (see
 * workloads.ts), or as many as fit into a minute; on a slow or busy machine it takes smaller parts (pace.ts), so that it
 * always ends in time. --build keeps what was built in that folder and uses it again. With --json the last line is one
 * JSON object, without it the end is a table. Exits 0 when everything ran and agreed (however fast it was), 1 when
 * something failed, 64 on wrong options, 69 when a tool is missing.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BuildError, buildPrograms, project, requireTools } from './build.ts';
import { type EngineName, engineNames, engineTools, runJobs, type Tier } from './engines.ts';
import { firstInstructionMs, interpreterMips } from './extras.ts';
import { type Measurement, measure } from './measure.ts';
import { createPace } from './pace.ts';
import { type Circumstances, type Extras, toJson, toTable } from './report.ts';
import { workloads } from './workloads.ts';

const ROUNDS = 5;
/** Rounds of a quick run end by then, counted from the start; the rest is for the extras. */
const QUICK_MS = 68_000;
const EXTRA_RUNS = 5;
const EXTRA_RUNS_FULL = 9;

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    runs: { type: 'string' },
    workload: { type: 'string', multiple: true, default: [] },
    engine: { type: 'string', multiple: true, default: [] },
    seed: { type: 'string', default: '1' },
    tier: { type: 'string', default: 'auto' },
    build: { type: 'string' },
    'no-extras': { type: 'boolean', default: false },
  },
});

function refuse(what: string): never {
  console.error(`bench:cpu: ${what}`);
  process.exit(64);
}

function count(text: string, option: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  return refuse(`${option} ${text}: must be a positive whole number`);
}

/** Those of `all` whose names were given; all when none was. */
function chosen<T>(
  names: readonly string[],
  all: readonly T[],
  nameOf: (one: T) => string,
  option: string,
): T[] {
  const unknown = names.find((name) => !all.some((one) => nameOf(one) === name));
  if (unknown !== undefined) refuse(`${option} ${unknown}: must be one of ${all.map(nameOf).join(', ')}`);
  return all.filter((one) => names.length === 0 || names.includes(nameOf(one)));
}

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

function firstLine(command: string, args: readonly string[]): string {
  return (spawnSync(command, args, { encoding: 'utf8' }).stdout ?? '').split('\n')[0] ?? '';
}

function versionsOf(engines: readonly EngineName[]): Record<string, string> {
  const tools = engines.flatMap((engine) => engineTools[engine] ?? []);
  return {
    gcc: firstLine('gcc', ['--version']),
    cross: firstLine('riscv64-unknown-elf-gcc', ['--version']),
    ...Object.fromEntries([...new Set(tools)].map((tool) => [tool, firstLine(tool, ['--version'])])),
    node: `Node ${firstLine(join(project, 'node_modules', 'node', 'bin', 'node'), ['--version'])}`,
  };
}

/** A failure of one of the two is a line, not the end of the other. */
async function measureExtras(built: Parameters<typeof firstInstructionMs>[0], runs: number): Promise<Extras> {
  const failures: string[] = [];
  const attempt = async (values: () => number[] | Promise<number[]>): Promise<number[]> => {
    try {
      return await values();
    } catch (error) {
      failures.push((error as Error).message);
      return [];
    }
  };
  const mips = await attempt(() => interpreterMips(built, runs, count(values.seed, '--seed')));
  const milliseconds = await attempt(() => firstInstructionMs(built, runs));
  return { interpreterMips: mips, firstInstructionMs: milliseconds, failures };
}

async function main(folder: string): Promise<number> {
  const startMs = performance.now();
  const engines = chosen(values.engine, engineNames, (name) => name, '--engine');
  const plannedWorkloads = chosen(values.workload, workloads, ({ name }) => name, '--workload');
  const tiers: readonly Tier[] = ['auto', 'translator', 'interpreter'];
  const tier = tiers.find((name) => name === values.tier) ?? refuse(`--tier ${values.tier}: unknown`);
  const wantedRounds = values.runs === undefined ? null : count(values.runs, '--runs');
  requireTools(engines.flatMap((engine) => engineTools[engine] ?? []));
  say('building');
  const built = await buildPrograms(folder);
  const loadAverage = loadavg()[0] ?? 0;
  const pace = createPace(plannedWorkloads, startMs + QUICK_MS, () => performance.now());
  const another = (rounds: number): boolean => {
    if (wantedRounds !== null) return rounds < wantedRounds;
    return values.quick ? pace.fitsAnother(rounds) : rounds < ROUNDS;
  };
  const measurement: Measurement = measure({
    workloads: plannedWorkloads,
    engines,
    partOf: (workload) => (values.quick ? pace.partOf(workload) : 1),
    firstSeed: count(values.seed, '--seed'),
    another,
    run: (engine, jobs) => runJobs(engine, built, jobs, tier),
    progress: say,
  });
  const none: Extras = { interpreterMips: [], firstInstructionMs: [], failures: [] };
  const extras = values['no-extras']
    ? none
    : await measureExtras(built, values.quick ? EXTRA_RUNS : EXTRA_RUNS_FULL);
  const circumstances: Circumstances = {
    versions: versionsOf(engines),
    cpu: `${cpus().length} x ${cpus()[0]?.model.trim()}`,
    loadAverage,
    quick: values.quick,
    seconds: Number(((performance.now() - startMs) / 1000).toFixed(1)),
  };
  if (values.json) console.log(JSON.stringify(toJson(measurement, extras, circumstances)));
  else console.log(toTable(measurement, extras, circumstances));
  return measurement.failures.length + extras.failures.length === 0 ? 0 : 1;
}

const kept = values.build === undefined ? null : resolve(values.build);
const folder = kept ?? mkdtempSync(join(tmpdir(), 'perdure-bench-'));
try {
  process.exitCode = await main(folder);
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(`bench:cpu: ${error.message}`);
  process.exitCode = 69;
} finally {
  if (kept === null) rmSync(folder, { recursive: true, force: true });
}
