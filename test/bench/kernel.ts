/**
 * `npm run bench:kernel`: what entry points, messages, faults and states cost, in host time and guest instructions.
 *
 *     node test/bench/kernel.ts [--json] [--quick] [--rounds N] [--warm-ups N] [--kind NAME]... [--objects N] [--tier T]
 *
 * Guest programs loop around one thing each (kernel/kinds.ts), in a world with ten further objects and in one with
 * `--objects` (100,000), a tenth of them threads; each world in a process of its own. The median of the rounds (five, or as many as asked for) counts. With --json the last
 * line is one JSON object, without it the end is a table. Exits 0 however fast it was, 64 on wrong options.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Kind, kinds } from './kernel/kinds.ts';
import { figuresOf, type Round } from './kernel/measure.ts';
import { type Figures, toJson, toTable } from './kernel/report.ts';
import { median } from './statistics.ts';

const FEW = 10;
const MANY = 100_000;

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    'warm-ups': { type: 'string' },
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

/** A process with a world of its own. */
interface Timer {
  round(): Promise<Round>;
  end(): void;
}

async function startTimer(objectCount: number, chosenHere: readonly Kind[]): Promise<Timer> {
  const path = fileURLToPath(new URL('kernel/world-main.ts', import.meta.url));
  const args = [String(objectCount), String(values.quick ? 15 : 40), ...chosenHere.map(({ name }) => name)];
  const child = fork(path, args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  child.on('exit', (code) => {
    if (code === 0) return;
    console.error(`bench:kernel: the process with ${objectCount} objects ended with ${code}`);
    process.exit(1);
  });
  await once(child, 'message');
  return {
    async round() {
      child.send('round');
      const [found] = await once(child, 'message');
      return found as Round;
    },
    end: () => child.disconnect(),
  };
}

const few = await startTimer(FEW, chosen);
const many = await startTimer(
  objects,
  chosen.filter(({ onlyAlone }) => onlyAlone === undefined),
);
say(`built ${objects} objects in ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
const ofFew: Round[] = [];
const ofMany: Round[] = [];
/** V8 compiles what all kinds share again and again, until it has met them all: it takes about half a second each. */
const warmUps = Number(values['warm-ups'] ?? (values.quick ? 12 : 8));
for (let round = -warmUps; round < rounds; round += 1) {
  say(round < 0 ? 'warming up' : `round ${round + 1} of ${rounds}`);
  const found = [await few.round(), await many.round()] as const;
  if (round < 0) continue;
  ofFew.push(found[0]);
  ofMany.push(found[1]);
}
few.end();
many.end();
const result: Figures = {
  few: figuresOf(ofFew),
  many: figuresOf(ofMany),
  objects,
  emptyTripNs: median(ofFew.map(({ tripNs }) => tripNs)),
  rounds,
  quick: values.quick,
  cpu: `${cpus().length} x ${cpus()[0]?.model.trim()}`,
  loadAverage: loadavg()[0] ?? 0,
  seconds: Number(((performance.now() - startMs) / 1000).toFixed(1)),
};
console.log(values.json ? JSON.stringify(toJson(result)) : toTable(result));
