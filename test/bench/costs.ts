/**
 * `npm run bench:costs`: what the MMU, the budget checks and the modification log cost in translated code, each alone.
 *
 *     node test/bench/costs.ts [--json] [--runs N] [--workload NAME]... [--part P] [--build FOLDER]
 *
 * Everything runs in this process on machines of flat.ts at --part of the full sizes (a quarter), each workload twice in
 * one machine, of which the second time counts: translating and warming up are left out. Time is processor time of the
 * thread that runs the hart (known to about 2 ms), so that the engine's compiler beside it does not count. Two ways of
 * running are compared within a round, and the median of the rounds counts. Checksums must be equal in all ways.
 *
 * - MMU: code translated as always, against code that does not look into the TLB (which must be mapped one to one).
 * - budget: code translated as always, against code that counts nothing and cannot be stopped.
 * - slice N: a run cut into slices of N instructions, against slices of ten million.
 * - log N: the modification log emptied after each slice of N, against the same slices without. A store into a page that
 *   is in the log already costs nothing besides the TLB's look.
 * - loops: five instructions through memory and the same ones on registers (workloads/loops.S), MIPS.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { tuneEngine } from '../../src/cli/engine.ts';
import { type ElfProgram, parseElf } from '../../src/hw/elf.ts';
import type { MachineOptions } from '../../src/hw/machine.ts';
import { BuildError, buildPrograms } from './build.ts';
import { loadFlat } from './flat.ts';
import { geometricMean, median, spread } from './statistics.ts';
import { workloads } from './workloads.ts';

const LONG = 10_000_000;
/** Of loops.S: instructions of one loop. */
const LOOP_INSTRUCTIONS = 5 * 20_000_000;

/** A way of running a program: how its code is made, how it is cut, and whether the log is emptied after each slice. */
interface Way {
  readonly name: string;
  readonly measure: NonNullable<MachineOptions['measure']>;
  readonly slice: number;
  readonly drains: boolean;
}

const common: Way = { name: 'common', measure: {}, slice: LONG, drains: false };
const withoutTlb: Way = { ...common, name: 'without TLB', measure: { withoutTlb: true } };
const withoutBudget: Way = { ...common, name: 'without budget', measure: { withoutBudget: true } };
const withoutBoth: Way = {
  ...common,
  name: 'without both',
  measure: { withoutTlb: true, withoutBudget: true },
};
const sliced = [1000, 10_000, 100_000, 1_000_000].map((slice) => ({
  ...common,
  name: `slice ${slice}`,
  slice,
}));
const drained = sliced.map((way) => ({ ...way, name: `log ${way.slice}`, drains: true }));
const ways: readonly Way[] = [common, withoutTlb, withoutBudget, withoutBoth, ...sliced, ...drained];

/** A cost: the time of `way` as a part of the time of `base`, less 1. */
const comparisons: readonly { readonly name: string; readonly way: Way; readonly base: Way }[] = [
  { name: 'MMU', way: common, base: withoutTlb },
  { name: 'budget', way: common, base: withoutBudget },
  { name: 'both', way: common, base: withoutBoth },
  ...sliced.map((way) => ({ name: way.name, way, base: common })),
  ...drained.map((way, i) => ({ name: way.name, way, base: sliced[i] ?? common })),
];

interface Ran {
  readonly seconds: number;
  readonly instructions: number;
  readonly output: string;
  /** Pages that the log has reported, and how often it was emptied. */
  readonly pages: number;
  readonly drains: number;
}

/** Runs the workload twice in one machine and measures the second time, when everything is translated. */
function runWay(program: ElfProgram, job: readonly string[], way: Way): Ran {
  const args = [...job, ...job];
  const flat = loadFlat(program, ['bench', ...args], { tier: 'auto', measure: way.measure });
  let [pages, drains] = [0, 0];
  const drain = (): void => {
    drains++;
    flat.machine.log.drain(() => {
      pages++;
    });
  };
  let start: NodeJS.CpuUsage | null = null;
  let before = 0n;
  flat.onWrite = () => {
    if (start !== null) return;
    start = process.threadCpuUsage();
    before = flat.machine.hart.retiredWord[0] ?? 0n;
    [pages, drains] = [0, 0];
  };
  const retired = flat.run(way.slice, way.drains ? drain : undefined);
  const used = process.threadCpuUsage(start ?? undefined);
  const seconds = (used.user + used.system) / 1e6;
  const instructions = retired - Number(before);
  return { seconds, instructions, output: flat.output(), pages, drains };
}

interface Cost {
  readonly name: string;
  /** How much longer the one takes than the other, as a part: the median, and the spread of the ratio. */
  readonly more: number;
  readonly spread: number;
  /** With the log: nanoseconds for each page in it, and pages each time it is emptied. */
  readonly nsPerPage: number | null;
  readonly pagesPerDrain: number | null;
}

/** Runs a workload in all ways, round by round. */
function costsOf(
  program: ElfProgram,
  name: string,
  size: number,
  runs: number,
): { costs: Cost[]; mips: number } {
  const ran = new Map<string, Ran[]>(ways.map((way) => [way.name, []]));
  const of = (way: string): readonly Ran[] => ran.get(way) ?? [];
  for (let round = 0; round < runs; round++) {
    let expected: string | null = null;
    for (let i = 0; i < ways.length; i++) {
      const way = ways[(i + round * 5) % ways.length] as Way;
      const result = runWay(program, [name, String(size), String(round + 1)], way);
      ran.get(way.name)?.push(result);
      expected ??= result.output;
      if (result.output !== expected)
        throw new Error(`${name}, ${way.name}: "${result.output.trim()}", not "${expected.trim()}"`);
    }
  }
  const costs = comparisons.map(({ name: cost, way, base }): Cost => {
    const [these, those] = [of(way.name), of(base.name)];
    const ratios = these.map(({ seconds }, i) => seconds / (those[i]?.seconds ?? Number.NaN));
    const extraNs = these.map((one, i) => (one.seconds - (those[i]?.seconds ?? 0)) * 1e9);
    return {
      name: cost,
      more: median(ratios) - 1,
      spread: spread(ratios),
      nsPerPage: way.drains ? median(extraNs.map((ns, i) => ns / Math.max(1, these[i]?.pages ?? 1))) : null,
      pagesPerDrain: way.drains ? median(these.map((one) => one.pages / Math.max(1, one.drains))) : null,
    };
  });
  return { costs, mips: median(of('common').map((one) => one.instructions / one.seconds / 1e6)) };
}

/** MIPS of the two loops of loops.S, each the second time it runs. */
function loopMips(program: ElfProgram, measure: Way['measure']): { memory: number; registers: number } {
  const flat = loadFlat(program, ['loops'], { tier: 'auto', measure });
  const marks: NodeJS.CpuUsage[] = [];
  flat.onWrite = () => {
    marks.push(process.threadCpuUsage());
  };
  flat.run(LONG);
  const mips = (from: number): number => {
    const [start, end] = [marks[from], marks[from + 1]];
    if (start === undefined || end === undefined) throw new Error('loops: it did not write its marks');
    const micros = end.user + end.system - start.user - start.system;
    // Code that does not count its budget is not counted: five instructions a turn, twenty million turns.
    return LOOP_INSTRUCTIONS / micros;
  };
  return { memory: mips(0), registers: mips(2) };
}

// The hart is measured with the settings that `perdure` gives it.
tuneEngine(process.versions.v8, setFlagsFromString);

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    runs: { type: 'string', default: '3' },
    part: { type: 'string', default: '0.25' },
    workload: { type: 'string', multiple: true, default: [] },
    build: { type: 'string' },
  },
});

async function main(folder: string): Promise<void> {
  const [runs, part] = [Number(values.runs), Number(values.part)];
  const chosen = workloads.filter(
    ({ name }) => values.workload.length === 0 || values.workload.includes(name),
  );
  if (!(runs >= 1 && part > 0 && chosen.length > 0)) {
    console.error('bench:costs: --runs, --part or --workload is wrong');
    process.exitCode = 64;
    return;
  }
  const { user, loops } = await buildPrograms(folder);
  const program = parseElf(readFileSync(user), user);
  const measured = chosen.map(({ name, size }) => {
    process.stderr.write(`${name}\n`);
    return { name, ...costsOf(program, name, Math.max(1, Math.round(size * part)), runs) };
  });
  const means = (measured[0]?.costs ?? []).map(({ name }, i) => ({
    name,
    more: geometricMean(measured.map(({ costs }) => 1 + (costs[i]?.more ?? 0))) - 1,
  }));
  const loopProgram = parseElf(readFileSync(loops), loops);
  const loopRows = [common, withoutTlb, withoutBudget, withoutBoth].map((way) => {
    const ran = Array.from({ length: runs }, () => loopMips(loopProgram, way.measure));
    return {
      name: way.name,
      memory: median(ran.map(({ memory }) => memory)),
      registers: median(ran.map(({ registers }) => registers)),
    };
  });
  if (values.json) {
    console.log(JSON.stringify({ workloads: measured, means, loops: loopRows }));
    return;
  }
  const percent = (more: number): string => `${(more * 100).toFixed(1)}%`.padStart(13);
  const names = means.map(({ name }) => name.padStart(13)).join('');
  console.log(`Time more, medians of ${runs} rounds\n${'MIPS'.padStart(16)}${names}`);
  for (const { name, mips, costs } of measured)
    console.log(
      `${name.padEnd(10)}${mips.toFixed(0).padStart(6)}${costs.map(({ more }) => percent(more)).join('')}`,
    );
  console.log(`${'mean'.padEnd(16)}${means.map(({ more }) => percent(more)).join('')}`);
  for (const { name } of drained) {
    const logs = measured.flatMap(({ costs }) => costs.filter((cost) => cost.name === name));
    const pages = median(logs.map(({ pagesPerDrain }) => pagesPerDrain ?? 0));
    const ns = median(logs.map(({ nsPerPage }) => nsPerPage ?? 0));
    console.log(
      `${name}: ${pages.toFixed(0)} pages each time, ${ns.toFixed(0)} ns a page (medians of the workloads)`,
    );
  }
  for (const { name, memory, registers } of loopRows)
    console.log(
      `loop ${name}: ${memory.toFixed(0)} MIPS through memory, ${registers.toFixed(0)} on registers`,
    );
}

const kept = values.build === undefined ? null : resolve(values.build);
const folder = kept ?? mkdtempSync(join(tmpdir(), 'perdure-bench-'));
try {
  await main(folder);
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(`bench:costs: ${error.message}`);
  process.exitCode = 69;
} finally {
  if (kept === null) rmSync(folder, { recursive: true, force: true });
}
