/**
 * `npm run bench:kernel`: what entry points, messages, faults and states cost, in host time and guest instructions.
 *
 *     node test/bench/kernel.ts [--json] [--quick] [--rounds N] [--kind NAME]... [--objects N] [--tier T]
 *
 * Guest programs loop around one thing each (kernel/kinds.ts), in a world with ten further objects and in one with
 * `--objects` (100,000), a tenth of them threads. The median of the rounds (five, or as many as asked for) counts. With --json the last
 * line is one JSON object, without it the end is a table. Exits 0 however fast it was, 64 on wrong options.
 */
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { tuneEngine } from '../../src/cli/engine.ts';
import { type Kind, kinds } from './kernel/kinds.ts';
import { type Figure, measureAll, type Timed } from './kernel/measure.ts';
import { type Figures, toJson, toTable } from './kernel/report.ts';
import { createBenchWorld } from './kernel/world.ts';

const FEW = 10;
const MANY = 100_000;

// The hart is measured with the settings that `perdure` gives it.
tuneEngine(process.versions.v8, setFlagsFromString);

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    kind: { type: 'string', multiple: true, default: [] },
    objects: { type: 'string', default: String(MANY) },
  },
});

function refuse(what: string): never {
  console.error(`bench:kernel: ${what}`);
  process.exit(64);
}

const rounds = Number(values.rounds ?? (values.quick ? 5 : 9));
const objects = Number(values.objects);
if (!(rounds >= 1) || !(objects >= FEW)) refuse('--rounds or --objects is wrong');
const unknown = values.kind.find((name) => !kinds.some((kind) => kind.name === name));
if (unknown !== undefined) refuse(`--kind ${unknown}: one of ${kinds.map(({ name }) => name).join(', ')}`);
const chosen = kinds.filter(({ name }) => values.kind.length === 0 || values.kind.includes(name));

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const startMs = performance.now();
const few = createBenchWorld(FEW);
const many = createBenchWorld(objects);
say(`built ${objects} objects in ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
const ofFew: readonly Timed[] = chosen.map((kind) => ({ kind, at: few }));
const ofMany: readonly Timed[] = chosen
  .filter(({ onlyAlone }) => onlyAlone === undefined)
  .map((kind) => ({ kind, at: many }));
const { figures, emptyTripNs } = measureAll([...ofFew, ...ofMany], {
  rounds,
  warmUps: 3,
  sampleMs: values.quick ? 8 : 40,
  progress: (round) => say(round < 0 ? 'warming up' : `round ${round + 1} of ${rounds}`),
});
const byName = (timed: readonly Timed[]): Map<Kind['name'], Figure> =>
  new Map(
    timed.flatMap((one) => {
      const figure = figures.get(one);
      return figure === undefined ? [] : [[one.kind.name, figure] as const];
    }),
  );
const result: Figures = {
  few: byName(ofFew),
  many: byName(ofMany),
  objects,
  emptyTripNs,
  rounds,
  quick: values.quick,
  cpu: `${cpus().length} x ${cpus()[0]?.model.trim()}`,
  loadAverage: loadavg()[0] ?? 0,
  seconds: Number(((performance.now() - startMs) / 1000).toFixed(1)),
};
console.log(values.json ? JSON.stringify(toJson(result)) : toTable(result));
