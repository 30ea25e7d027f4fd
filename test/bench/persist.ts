/**
 * `npm run bench:persist`: how long a checkpoint stops the machine, how many there are a second, what they cost, and how
 * fast an image goes on. On the built `dist` (`npm run build`).
 *
 *     node test/bench/persist.ts [--json] [--quick] [--section NAME]... [--pages N]... [--ram MIB]... [--round-ms N] [--parts] [--sources]
 *
 * With --parts the section pause also tells where the time goes, part by part. Sections: pause, rate, slowdown, output,
 * resume, commits, written. Real programs in real machines (persist/rig.ts), contents
 * that really change, five rounds each. With --json the last line is one JSON object (null for what was not asked
 * for), without it the end is a table. --sources measures src instead. Exits 0 however fast it was, 1 when something is missing, 64 on wrong options.
 */
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { BuildError } from './build.ts';
import { buildDirty, GIB, MIB, requireDist, withFolder } from './persist/machine.ts';
import { type Figures, type SectionName, sectionNames, toJson, toTable } from './persist/report.ts';
import {
  measureCommits,
  measureOutput,
  measurePauses,
  measureRate,
  measureResume,
  measureSlowdown,
  measureWritten,
  type Scale,
} from './persist/sections.ts';

function refuse(what: string): never {
  console.error(`bench:persist: ${what}`);
  process.exit(64);
}

function options() {
  try {
    return parseArgs({
      options: {
        json: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        section: { type: 'string', multiple: true, default: [] },
        pages: { type: 'string', multiple: true, default: [] },
        ram: { type: 'string', multiple: true, default: [] },
        'round-ms': { type: 'string' },
        parts: { type: 'boolean', default: false },
        sources: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    return refuse((error as Error).message);
  }
}

const values = options();
const numbers = (given: readonly string[], otherwise: readonly number[]): readonly number[] => {
  const found = given.map(Number);
  if (found.some((value) => !Number.isSafeInteger(value) || value < 1))
    refuse(`${given.join(', ')}: not whole numbers`);
  return found.length > 0 ? found : otherwise;
};
const [roundMs] = numbers(values['round-ms'] === undefined ? [] : [values['round-ms']], [
  values.quick ? 700 : 3000,
]);
const wanted = values.section.length > 0 ? values.section : sectionNames;
const unknown = wanted.find((name) => !(sectionNames as readonly string[]).includes(name));
if (unknown !== undefined) refuse(`--section ${unknown}: one of ${sectionNames.join(', ')}`);
const wants = (name: SectionName): boolean => wanted.includes(name);

const { quick } = values;
const scale: Scale = {
  dirty: numbers(values.pages, [1, 8, 64, 256, 4096]),
  ram: numbers(values.ram, [16, 256, 2048]).map((mebibytes) => mebibytes * MIB),
  areaBytesMax: quick ? 128 * MIB : GIB,
  warmMs: Math.min(quick ? 1000 : 3000, 2 * (roundMs as number)),
  roundMs: roundMs as number,
  rounds: 5,
  rateMs: quick ? 5 * (roundMs as number) : 60_000,
  writtenMs: quick ? 5 * (roundMs as number) : 120_000,
  pairs: quick ? 3 : 7,
  work: Math.round((quick ? 100 : 400) * (roundMs as number)),
  isSource: values.sources,
  isSplit: values.parts,
  imageBytes: quick ? [10 * MIB, 64 * MIB] : [10 * MIB, 2 * GIB],
  imageObjects: quick ? [1000, 20_000] : [1000, 100_000],
  resumes: quick ? 3 : 7,
  say: (line) => {
    process.stderr.write(`${line}\n`);
  },
};

async function measure(program: string): Promise<Partial<Figures>> {
  const found: { -readonly [Name in keyof Figures]?: Figures[Name] } = {};
  if (wants('pause')) {
    found.pauses = await measurePauses(program, scale, {});
    if (!quick) {
      found.pausesWhole = await measurePauses(program, scale, { bytes: 4096 });
      found.pausesThreads = await measurePauses(program, scale, { threads: 100 });
    }
  }
  if (wants('rate')) {
    found.rateProcess = await measureRate(program, scale, 'process', 64);
    found.ratePower = await measureRate(program, scale, 'power', 8);
  }
  if (wants('slowdown')) found.slowdown = await measureSlowdown(program, scale);
  if (wants('output')) found.output = await measureOutput(program, scale);
  if (wants('resume')) {
    found.resumes = [];
    for (const bytes of scale.imageBytes)
      for (const objects of scale.imageObjects)
        found.resumes = [
          ...found.resumes,
          { bytes, objects, ...(await measureResume(program, scale, bytes, objects)) },
        ];
  }
  if (wants('commits')) {
    found.commits = [];
    for (const pages of scale.dirty)
      for (const [bytes, threads] of quick
        ? [[8, 1]]
        : [
            [8, 1],
            [104, 1],
            [4096, 1],
            [8, 100],
          ])
        found.commits = [
          ...found.commits,
          {
            pages,
            changed: bytes as number,
            threads: threads as number,
            ...(await measureCommits(program, scale, pages, bytes as number, threads as number)),
          },
        ];
  }
  if (wants('written')) {
    found.written = [];
    for (const pages of [8, 64])
      found.written = [
        ...found.written,
        { pages, bytesPerSecond: await measureWritten(program, scale, pages) },
      ];
  }
  return found;
}

const startMs = performance.now();
try {
  if (!values.sources) requireDist();
  const found = await withFolder((folder) => measure(buildDirty(folder)));
  const figures = {
    ...found,
    quick,
    cpu: `${cpus().length} x ${cpus()[0]?.model.trim()}`,
    loadAverage: loadavg()[0] ?? 0,
    seconds: Number(((performance.now() - startMs) / 1000).toFixed(1)),
  };
  console.log(values.json ? JSON.stringify(toJson(figures)) : toTable(figures));
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(`bench:persist: ${error.message}`);
  process.exit(1);
}
