import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseElf } from '../../src/hw/elf.ts';
import { testNeeding } from '../tools/needs.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { buildPrograms } from './build.ts';
import { type EngineName, engineNames, type Run, runJobs } from './engines.ts';
import { loadFlat } from './flat.ts';
import { CASES, generateSwitch } from './generate-switch.ts';
import { type Measurement, meanRatio, measure, ratioOf, secondsOf } from './measure.ts';
import { createPace } from './pace.ts';
import { type Circumstances, type Extras, toJson, toTable, worstOf } from './report.ts';
import { geometricMean, median, spread } from './statistics.ts';
import { QUICK_PART, type Workload, workloads } from './workloads.ts';

const crossTest = testNeeding(
  test,
  'gcc',
  'riscv64-unknown-elf-gcc',
  'qemu-riscv64-static',
  'qemu-system-riscv64',
);
const tool = join(fileURLToPath(new URL('.', import.meta.url)), 'cpu.ts');

const near = (value: number | undefined | null, wanted: number): void =>
  assert.ok(Math.abs((value ?? Number.NaN) - wanted) < 1e-9, `${value} is ${wanted}`);

/** A run of a made-up engine. */
function fakeRun(seconds: number, checksum = 'x 1', failure: string | null = null): Run {
  return { seconds, lines: [checksum], report: null, failure };
}

type Answer = (engine: EngineName, name: string | null, seed: number) => Run;

/** Measures two workloads on made-up engines. */
function measureFakes(
  rounds: number,
  answer: Answer,
  engines: readonly EngineName[] = engineNames,
): Measurement {
  return measure({
    workloads: [
      { name: 'a', size: 8, smallSize: 1 },
      { name: 'b', size: 8, smallSize: 1 },
    ],
    engines,
    partOf: () => 1 / 4,
    firstSeed: 5,
    another: (done) => done < rounds,
    run: (engine, jobs) => answer(engine, jobs[0]?.name ?? null, jobs[0]?.seed ?? 0),
    progress: () => {},
  });
}

const noExtras: Extras = { interpreterMips: [], firstInstructionMs: [], failures: [] };
const circumstances: Circumstances = {
  versions: { qemu: 'qemu 1' },
  cpu: '2 x CPU',
  loadAverage: 0,
  quick: true,
  seconds: 1,
};

test('median, spread and geometric mean are what their names say', () => {
  assert.is(median([3, 1, 2]), 2);
  assert.is(median([4, 1, 2, 3]), 2.5);
  assert.ok(Number.isNaN(median([])) && Number.isNaN(geometricMean([])));
  near(spread([2, 1, 3]), 1);
  near(geometricMean([0.5, 2, 8]), 2);
});

test('the time of the empty program is taken off, per engine', () => {
  const m = measureFakes(1, (engine, name) => {
    const startUp = engine === 'hart' ? 10 : 1;
    return fakeRun(name === null ? startUp : startUp + (engine === 'hart' ? 4 : 2));
  });
  for (const one of m.workloads) {
    assert.equal(secondsOf(one, 'hart'), [4]);
    assert.equal(secondsOf(one, 'native'), [2]);
    near(ratioOf(one, 'qemuUser')?.ratio, 0.5);
  }
  near(meanRatio(m, 'qemuIcount'), 0.5);
});

test('ratios are taken within a round, and their median counts', () => {
  // The machine is slower round by round, for all engines alike: no ratio changes.
  const m = measureFakes(3, (engine, name, seed) =>
    fakeRun(name === null ? 0 : (seed - 4) * (engine === 'hart' ? 1 : 3)),
  );
  const [a] = m.workloads;
  assert.equal(a && secondsOf(a, 'hart'), [1, 2, 3]);
  near(a && ratioOf(a, 'native')?.ratio, 3);
  near(a && ratioOf(a, 'native')?.spread, 0);
});

test('every round has other contents, a size is that part of the full one, and engines take turns to be first', () => {
  const asked: string[] = [];
  measure({
    workloads: [{ name: 'a', size: 10, smallSize: 1 }],
    engines: ['hart', 'native'],
    partOf: () => 1 / 2,
    firstSeed: 7,
    another: (done) => done < 2,
    run: (engine, jobs) => {
      asked.push(`${engine} ${jobs.map((job) => `${job.name} ${job.size} ${job.seed}`).join()}`);
      return fakeRun(1);
    },
    progress: () => {},
  });
  const empty = ['hart ', 'native ', 'hart ', 'native ', 'hart ', 'native '];
  assert.equal(asked, [...empty, 'hart a 5 7', 'native a 5 7', ...empty, 'native a 5 8', 'hart a 5 8']);
});

test('a wrong checksum counts as a failure of that engine, and its time does not count', () => {
  const m = measureFakes(1, (engine, name) =>
    fakeRun(name === null ? 0 : 1, engine === 'hart' && name === 'b' ? 'b 2' : 'b 1'),
  );
  assert.is(m.failures.length, 1);
  assert.match(m.failures[0]?.what ?? '', 'b 2');
  assert.equal([m.failures[0]?.engine, m.failures[0]?.workload], ['hart', 'b']);
  const [a, b] = m.workloads;
  assert.ok(a && b && ratioOf(a, 'native') !== null && ratioOf(b, 'native') === null);
  assert.is(meanRatio(m, 'native'), null, 'a mean over a part of the workloads is none');
});

test('a time that is lost in what starting a process takes is no time', () => {
  const m = measureFakes(1, (engine, name) =>
    fakeRun(name === null ? 0.01 : engine === 'native' ? 0.009 : 1),
  );
  assert.equal(
    m.failures.map(({ workload, engine }) => `${workload} ${engine}`),
    ['a native', 'b native'],
  );
  assert.is(meanRatio(m, 'native'), null);
  assert.ok(meanRatio(m, 'qemuUser') !== null);
});

test('a quick run takes its parts in time, smaller ones on a slow machine, and rounds while they fit', () => {
  const many: readonly Workload[] = Array.from({ length: 10 }, (_, i) => ({
    name: String(i),
    size: 1,
    smallSize: 1,
  }));
  /** Milliseconds that the first round ends at, and the parts, when a whole size takes so long. */
  const play = (
    wholeMs: number,
    overheadMs: number,
  ): { endMs: number; parts: number[]; another: boolean } => {
    let nowMs = 20_000;
    const pace = createPace(many, 70_000, () => nowMs);
    const parts = many.map((workload) => {
      const part = pace.partOf(workload);
      nowMs += overheadMs + wholeMs * part;
      return part;
    });
    return { endMs: nowMs, parts, another: pace.fitsAnother(1) };
  };
  const fast = play(1000, 100);
  assert.ok(fast.parts.every((part) => part === QUICK_PART));
  assert.ok(fast.another);
  const usual = play(8000, 100);
  assert.ok(usual.parts.every((part) => part === QUICK_PART));
  assert.not(usual.another);
  for (const wholeMs of [15_000, 30_000, 45_000]) {
    const slow = play(wholeMs, 500);
    assert.ok(slow.endMs < 75_000, `${wholeMs}: ends at ${slow.endMs}`);
    assert.ok((slow.parts.at(-1) ?? 1) < QUICK_PART, `${slow.parts}`);
    assert.not(slow.another);
  }
});

test('an engine that fails is shown beside the others', () => {
  const m = measureFakes(2, (engine, name, seed) =>
    engine === 'qemuUser' && name === 'a' && seed === 5
      ? fakeRun(9, '', 'ended with SIGSEGV')
      : fakeRun(name === null ? 0 : 2),
  );
  const [a] = m.workloads;
  assert.equal(a?.seconds.qemuUser, [null, 2]);
  near(a && ratioOf(a, 'qemuUser')?.ratio, 1);
  assert.match(toTable(m, noExtras, circumstances), /FAILED: a on qemu-user, seed 5: ended with SIGSEGV/);
});

test('the JSON object has what is asked for, the worst workload among it', () => {
  const m = measureFakes(3, (engine, name) => {
    if (name === null) return fakeRun(0);
    return fakeRun(engine === 'hart' ? 2 : name === 'a' ? 4 : 1);
  });
  assert.equal(worstOf(m), { name: 'b', ratio: 0.5 });
  const extras: Extras = { interpreterMips: [200, 210, 190], firstInstructionMs: [100], failures: [] };
  const json = JSON.parse(JSON.stringify(toJson(m, extras, circumstances)));
  assert.equal(json.geomean, { qemuUser: 1, qemuSystem: 1, qemuIcount: 1, native: 1 });
  assert.equal(json.worst, { name: 'b', ratio: 0.5 });
  assert.is(json.interpreterMips, 200);
  assert.is(json.firstInstructionMs, 100);
  assert.equal(
    json.workloads.map((w: { name: string }) => w.name),
    ['a', 'b'],
  );
  assert.equal(json.workloads[0].seconds, { hart: 2, qemuUser: 4, qemuSystem: 4, qemuIcount: 4, native: 4 });
  assert.equal(json.failures, []);
  const table = toTable(m, extras, circumstances);
  assert.match(table, /Worst workload to qemu-user: +0\.500 \(b\), asked 0\.25: met/);
  assert.match(table, /Geometric mean to icount: +1\.000, asked 1\.8: NOT MET/);
});

test('the generated switch is the same each time, and no two of its cases have one body', () => {
  const text = generateSwitch();
  assert.is(text, generateSwitch());
  const bodies = text
    .split(/^ {6}case \d+: \{$/m)
    .slice(1)
    .map((body) => body.replace(/uint64_t t = .*/, ''));
  assert.is(bodies.length, CASES);
  assert.ok(CASES >= 500, 'at least five hundred');
  assert.is(new Set(bodies).size, CASES);
});

test('wrong options end with 64, a missing tool with 69 and what to install', () => {
  const run = (args: readonly string[], path: string) =>
    spawnSync(process.execPath, [tool, ...args], { encoding: 'utf8', env: { ...process.env, PATH: path } });
  const nowhere = scratchFolder();
  for (const args of [
    ['--workload', 'sorting'],
    ['--engine', 'bochs'],
    ['--runs', '0'],
    ['--tier', 'fast'],
  ]) {
    const { status, stderr } = run(args, nowhere);
    assert.is(status, 64, args.join(' '));
    assert.match(stderr, args.join(' '));
  }
  const { status, stdout, stderr } = run([], nowhere);
  assert.is(status, 69);
  assert.is(stdout, '');
  assert.match(stderr, /qemu-riscv64-static.* missing; install qemu-user-static/);
});

const folder = scratchFolder();
/** Built once, with a small switch: the large one takes too long to compile. */
const programs = () => buildPrograms(folder, 40);

crossTest('all engines and tiers compute the same checksums', async () => {
  const built = await programs();
  const jobs = workloads.map(({ name, smallSize }, i) => ({ name, size: smallSize, seed: 11 + i }));
  const expected = runJobs('native', built, jobs);
  assert.is(expected.failure, null);
  assert.equal(
    expected.lines.map((line) => line.split(' ')[0]),
    workloads.map(({ name }) => name),
  );
  for (const engine of engineNames) {
    for (const tier of engine === 'hart'
      ? (['interpreter', 'translator', 'auto'] as const)
      : (['auto'] as const)) {
      const run = runJobs(engine, built, jobs, tier);
      assert.is(run.failure, null, `${engine} ${tier}: ${run.failure}`);
      assert.equal(run.lines, expected.lines, `${engine} ${tier}`);
    }
  }
  const other = runJobs(
    'native',
    built,
    jobs.map((job) => ({ ...job, seed: job.seed + 100 })),
  );
  other.lines.forEach((line, i) => {
    assert.is.not(line, expected.lines[i], 'another seed makes other contents');
  });
});

crossTest('what is measured alone computes what the whole computes', async () => {
  const built = await programs();
  const program = parseElf(readFileSync(built.user), built.user);
  const jobs = workloads.map(({ name, smallSize }) => ({ name, size: Math.ceil(smallSize / 4), seed: 3 }));
  const args = jobs.flatMap(({ name, size, seed }) => [name, String(size), String(seed)]);
  const expected = `${runJobs('native', built, jobs).lines.join('\n')}\n`;
  const counts: number[] = [];
  const codeBytes: number[] = [];
  for (const parts of [
    {},
    { withoutTlb: true },
    { withoutBudget: true },
    { withoutTlb: true, withoutBudget: true },
  ]) {
    const flat = loadFlat(program, ['bench', ...args], { tier: 'auto', measure: parts });
    const instructions = flat.run(100_000, () => flat.machine.log.drain(() => {}));
    assert.is(flat.output(), expected, JSON.stringify(parts));
    counts.push(instructions);
    codeBytes.push(flat.machine.tierStatistics().codeBytes / flat.machine.tierStatistics().compiled);
  }
  // Code that counts nothing makes the count too small, code without TLB is short: else nothing was left out.
  const [whole, noTlb, noBudget, neither] = counts as [number, number, number, number];
  assert.is(noTlb, whole);
  assert.ok(noBudget < whole * 0.75 && neither < whole * 0.75, `${counts}`);
  const [bytes, bytesNoTlb] = codeBytes as [number, number];
  assert.ok(bytesNoTlb < bytes * 0.97, `${codeBytes}`);
});

test.run();
