/**
 * The test runner: `node test/run.ts [FILTER...]` runs each test/**\/*.test.ts alone in its own process, two at a time.
 *
 * Options: --jobs N, --timeout-seconds N (per file), --root DIR (the folder searched; `test` beside this project by
 * default). FILTER: a file runs when its path contains any of them.
 * Invariants: a file fails when it has no test, forgets `test.run()`, exits before its summary, does not end in time
 * or leaves `test.only` behind; a skip says what was missing and is a failure under CI=true or
 * PERDURE_REQUIRE_TOOLS=1. The last line is `N passed, N failed` (`, N skipped` only when something was), and the exit
 * code is 0 only when nothing failed and something passed.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const project = dirname(dirname(fileURLToPath(import.meta.url)));
/** Where Node keeps what it compiled, as `bin/perdure` says too: half of the start of each process that a test starts. */
const compiled = join(project, 'node_modules/.cache/perdure');
const usage = 'usage: node test/run.ts [--jobs N] [--timeout-seconds N] [--root DIR] [FILTER...]';

interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Why the file failed although no single test did; null when that is not so. */
  readonly complaint: string | null;
}

/** Test files below `folder`, in the order of their paths. */
function findTests(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts') && !path.split('/').includes('node_modules'))
    .map((path) => join(folder, path))
    .sort();
}

/** Takes uvu's summary, the last in the output, apart; null when there is none. */
function readSummary(output: string): { total: number; passed: number; skipped: number } | null {
  const found = [...output.matchAll(/^ {2}Total: {5}(\d+)\n {2}Passed: {4}(\d+)\n {2}Skipped: {3}(\d+)$/gm)];
  // A second summary means that a test ran suites of its own in this process; its last one counts.
  const last = found.at(-1);
  if (last === undefined) return null;
  return { total: Number(last[1]), passed: Number(last[2]), skipped: Number(last[3]) };
}

/** What one process's end and output amount to. */
function judge(
  output: string,
  ended: { code: number | null; signal: string | null; late: boolean },
): Outcome {
  const summary = readSummary(output);
  const { total, passed, skipped } = summary ?? { total: 0, passed: 0, skipped: 0 };
  const failed = total - passed;
  const fail = (complaint: string): Outcome => ({ passed, failed: Math.max(failed, 1), skipped, complaint });
  if (ended.late) return fail('did not end in time and was killed');
  if (ended.signal !== null) return fail(`was ended by ${ended.signal}`);
  if (summary === null) {
    return fail(
      ended.code === 0 ? 'no summary: it forgets test.run(), or exits early' : `exit code ${ended.code}`,
    );
  }
  if (total + skipped === 0) return fail('it holds no test');
  if (failed === 0 && ended.code !== 0) return fail(`all tests passed, but the exit code is ${ended.code}`);
  if (failed > 0 && ended.code === 0) return fail('tests failed, but the exit code is 0');
  return { passed, failed, skipped, complaint: null };
}

/** The processes that are running now; each leads its own group, so that its children can be ended with it. */
const running = new Set<number>();

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // The group has gone already.
  }
}

function runFile(
  file: string,
  timeoutMs: number,
): Promise<{ outcome: Outcome; output: string; seconds: number }> {
  return new Promise((settle) => {
    const started = performance.now();
    const child = spawn(process.execPath, ['--enable-source-maps', file], {
      cwd: project,
      env: { NODE_COMPILE_CACHE: compiled, ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const leader = child.pid ?? 0;
    running.add(leader);
    let output = '';
    let late = false;
    const take = (bytes: Buffer) => {
      output += bytes.toString();
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    const timer = setTimeout(() => {
      late = true;
      killGroup(leader);
    }, timeoutMs);
    child.on('exit', () => killGroup(leader));
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      running.delete(leader);
      const seconds = (performance.now() - started) / 1000;
      settle({ outcome: judge(output, { code, signal, late }), output, seconds });
    });
  });
}

function count(text: string | undefined, standard: number, option: string): number {
  const value = text === undefined ? standard : Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  console.error(`${option} ${text}: a positive number is needed\n${usage}`);
  process.exit(64);
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { jobs: { type: 'string' }, 'timeout-seconds': { type: 'string' }, root: { type: 'string' } },
    allowPositionals: true,
  });
  const jobs = count(values.jobs, Math.min(2, availableParallelism()), '--jobs');
  const timeoutMs = count(values['timeout-seconds'], 240, '--timeout-seconds') * 1000;
  const requireTools = process.env.CI === 'true' || process.env.PERDURE_REQUIRE_TOOLS === '1';
  const root = resolve(values.root ?? join(project, 'test'));
  const named = findTests(root).map((file) => ({ file, name: relative(dirname(root), file) }));
  // In the order in which they were asked for: who knows what takes long says it first.
  const asked = positionals.flatMap((part) => named.filter(({ name }) => name.includes(part)));
  const files = positionals.length === 0 ? named : [...new Set(asked)];
  if (files.length === 0) console.error(`no test file matches ${positionals.join(' ') || root}`);

  let [passed, failed, skipped] = [0, files.length === 0 ? 1 : 0, 0];
  const queue = files.values();
  const work = async () => {
    for (const { file, name } of queue) {
      const { outcome, output, seconds } = await runFile(file, timeoutMs);
      passed += outcome.passed;
      failed += outcome.failed;
      skipped += outcome.skipped;
      const bad = outcome.failed > 0;
      if (bad) console.log(output.trimEnd());
      else for (const line of output.match(/^SKIPPED .*$/gm) ?? []) console.log(line);
      const counts = `${outcome.passed} passed${bad ? `, ${outcome.failed} failed` : ''}`;
      console.log(`${bad ? 'FAIL' : 'ok  '} ${name}  ${counts}  ${seconds.toFixed(1)} s`);
      if (outcome.complaint !== null) console.log(`     ${name}: ${outcome.complaint}`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  if (skipped > 0 && requireTools) {
    console.log(`${skipped} skipped: a failure here, because CI=true or PERDURE_REQUIRE_TOOLS=1 is set`);
    failed += skipped;
  }
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    for (const leader of running) killGroup(leader);
    process.exit(130);
  });
}
process.exitCode = await main();
