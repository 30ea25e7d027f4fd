/**
 * `npm run bench:costs`: what the MMU, the budget checks and the modification log cost in translated code, each alone.
 *
 *     node test/bench/costs.ts [--json] [--runs N] [--workload NAME]... [--part P] [--build FOLDER]
 *
 * Everything runs in this process on machines of flat.ts at --part of the full sizes (a quarter), each workload twice in
 * one machine, of which the second time counts: translating and warming up are left out. Time is processor time of the
 * thread that runs the hart, so that the engine's compiler beside it does not count. Each way of running is compared with the common one within a round: a part above 0 is time that the common way takes longer for what
 * the other leaves out, or the other for what it adds. Medians of rounds. Checksums must be equal in all ways.
 *
 * - MMU: against code translated with no look into the TLB, which must be mapped one to one.
 * - budget: against code that counts nothing and runs to the program's end. The count is what makes a run exact.
 * - slices: a run cut into slices of so many instructions, against slices of ten million.
 * - log: the modification log emptied after each slice, against the same slices without. A store into a page that is in
 *   the log already costs nothing besides the TLB's look.
 * - loops: five instructions that go through memory and the same ones on registers.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type ElfProgram, parseElf } from '../../src/hw/elf.ts';
import type { MachineOptions } from '../../src/hw/machine.ts';
import { BuildError, buildPrograms } from './build.ts';
import { loadFlat } from './flat.ts';
import { geometricMean, median, spread } from './statistics.ts';
import { workloads } from './workloads.ts';

const LONG = 10_000_000;

/** A way of running a program: how its code is made, how it is cut, and whether the log is emptied after each slice. */
interface Way {
  readonly name: string;
  readonly measure: NonNullable<MachineOptions['measure']>;
  readonly slice: number;
  readonly drains: boolean;
  /** The way it is compared with; null for the common way itself. */
  readonly against: string | null;
}

const whole = { measure: {}, slice: LONG, drains: false, against: 'common' } as const;
const slices = [1000, 10_000, 100_000, 1_000_000] as const;

const ways: readonly Way[] = [
  { ...whole, name: 'common', against: null },
  { ...whole, name: 'no MMU', measure: { withoutTlb: true } },
  { ...whole, name: 'no budget', measure: { withoutBudget: true } },
  { ...whole, name: 'neither', measure: { withoutTlb: true, withoutBudget: true } },
  ...slices.map((slice) => ({ ...whole, name: `slice ${slice}`, slice })),
  ...slices.map((slice) => ({
    ...whole,
    name: `log ${slice}`,
    slice,
    drains: true,
    against: `slice ${slice}`,
  })),
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
  /** Time of this way as a part of that of the way it is compared with, less 1: median and spread. */
  readonly more: number;
  readonly spread: number;
  /** With the log: nanoseconds an emptying and a page in it. */
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
  const costs = ways.flatMap((way): Cost[] => {
    if (way.against === null) return [];
    const [these, those] = [of(way.name), of(way.against)];
    const ratios = these.map(({ seconds }, i) => seconds / (those[i]?.seconds ?? Number.NaN));
    const pages = these.map((one) => one.pages);
    const extraNs = these.map((one, i) => (one.seconds - (those[i]?.seconds ?? 0)) * 1e9);
    return [
      {
        name: way.name,
        more: median(ratios) - 1,
        spread: spread(ratios),
        nsPerPage: way.drains ? median(extraNs.map((ns, i) => ns / Math.max(1, pages[i] ?? 1))) : null,
        pagesPerDrain: way.drains ? median(these.map((one) => one.pages / Math.max(1, one.drains))) : null,
      },
    ];
  });
  return { costs, mips: median(of('common').map((one) => one.instructions / one.seconds / 1e6)) };
}

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    runs: { type: 'string', default: '5' },
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
  const { user } = await buildPrograms(folder);
  const program = parseElf(readFileSync(user), user);
  const measured = chosen.map(({ name, size }) => {
    process.stderr.write(`${name}\n`);
    return { name, ...costsOf(program, name, Math.max(1, Math.round(size * part)), runs) };
  });
  const means = (measured[0]?.costs ?? []).map(({ name }, i) => ({
    name,
    more: geometricMean(measured.map(({ costs }) => 1 + (costs[i]?.more ?? 0))) - 1,
  }));
  if (values.json) {
    console.log(JSON.stringify({ workloads: measured, means }));
    return;
  }
  const percent = (more: number): string => `${(more * 100).toFixed(1)}%`.padStart(12);
  console.log(
    'Time more (less: -) than the common way; slices against one of ten million, log against its slice',
  );
  console.log(`${''.padEnd(10)}${'MIPS'.padStart(6)}${means.map(({ name }) => name.padStart(12)).join('')}`);
  for (const { name, mips, costs } of measured)
    console.log(
      `${name.padEnd(10)}${mips.toFixed(0).padStart(6)}${costs.map(({ more }) => percent(more)).join('')}`,
    );
  console.log(`${'mean'.padEnd(16)}${means.map(({ more }) => percent(more)).join('')}`);
  const logs = measured.flatMap(({ costs }) => costs.filter(({ name }) => name === `log ${slices[2]}`));
  console.log(
    `Log emptied each ${slices[2]} instructions: ${median(logs.map((c) => c.pagesPerDrain ?? 0)).toFixed(0)} pages, ` +
      `${median(logs.map((c) => c.nsPerPage ?? 0)).toFixed(0)} ns a page (medians of the workloads)`,
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
