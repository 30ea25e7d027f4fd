/**
 * A process of bench:persist: one machine of the built `dist`, put together as `perdure run` does it, with gauges on it.
 *
 *     node rig.ts CONFIG     (a `RigConfig` as JSON; the last line of stdout is a list of `RigRound`)
 *
 * What is measured is the product's own: `Runner`, `Server` and the store with its worker; the gauges only read clocks
 * when output comes and goes and when commits are noticed. The program says "ready", then it is warmed up, then measured.
 */
import { getRandomValues, randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';
import { PassThrough } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import type { StoreLimits } from '../../../src/persist/store/limits.ts';
import { type Quantiles, quantiles } from '../statistics.ts';
import { type Part, Split } from './split.ts';

export interface RigConfig {
  /** Of the sources instead of `dist`. */
  readonly isSource: boolean;
  /** Null: without a store, as `--ephemeral`. */
  readonly image: string | null;
  readonly program: string;
  readonly arguments: readonly string[];
  readonly ramBytes: number;
  readonly intervalMs: number;
  readonly durability: 'process' | 'power';
  readonly clock: 'real' | 'instructions';
  readonly warmMs: number;
  /** Of each round; 0: one round, until the program ends. */
  readonly measureMs: number;
  readonly rounds: number;
  /** Clocks are read between the steps of a demarcation too. */
  readonly isSplit?: boolean;
  readonly limits?: Partial<StoreLimits>;
}

export interface RigRound {
  /** Host time between two runs of the hart, microseconds: for each checkpoint the longest around it. */
  readonly pauseUs: Quantiles;
  /** Processor time of a demarcation alone, microseconds, in the mean: says something on a busy machine too. */
  readonly cpuUs: number;
  readonly checkpoints: number;
  /** Commits that were acknowledged while measured, a second. */
  readonly rateHz: number;
  /** From demarcation to the notice of its commit, milliseconds. */
  readonly lagMs: Quantiles;
  /** From the program's call to the sink, milliseconds. */
  readonly outputMs: Quantiles;
  readonly seconds: number;
  readonly pagesPerCheckpoint: number;
  readonly recordBytesPerCheckpoint: number;
  /** How much longer the log is, for each commit; says something only when nothing is folded or copied. */
  readonly logBytesPerCheckpoint: number;
  readonly logBytesMax: number;
  /** Bytes given to the operating system to write, a second. */
  readonly writtenPerSecond: number;
  /** The parts of a pause in their order, microseconds; what happens between slices without a demarcation comes last. */
  readonly partsUs: Readonly<Record<string, Part>>;
  /** Milliseconds the collector of garbage had the main thread. */
  readonly collectorMs: number;
  readonly instructions: number;
  readonly store: Readonly<Record<string, number>>;
}

const config = JSON.parse(process.argv[2] as string) as RigConfig;
const [room, ending] = config.isSource ? ['src', '.ts'] : ['dist', '.js'];
const load = (path: string): Promise<unknown> =>
  import(new URL(`../../../${room}/${path}${ending}`, import.meta.url).href);

type Engine = typeof import('../../../src/cli/engine.ts');
type Parts = typeof import('../../../src/cli/machine/assemble.ts');
type Run = typeof import('../../../src/cli/machine/runner.ts');
const { tuneEngine } = (await load('cli/engine')) as Engine;
tuneEngine(process.versions.v8, setFlagsFromString);
const { assemble, emptyBorder } = (await load('cli/machine/assemble')) as Parts;
const { Runner } = (await load('cli/machine/runner')) as Run;
const { loadProgram } = (await load(
  'cli/machine/program',
)) as typeof import('../../../src/cli/machine/program.ts');
const { initialRecord } = (await load(
  'cli/machine/record',
)) as typeof import('../../../src/cli/machine/record.ts');
const { openSource } = (await load(
  'cli/machine/source',
)) as typeof import('../../../src/cli/machine/source.ts');
const { openStore } = (await load(
  'persist/store/open',
)) as typeof import('../../../src/persist/store/open.ts');
const { VolatileStore } = (await load(
  'persist/store/volatile',
)) as typeof import('../../../src/persist/store/volatile.ts');

const nowMs = (): number => performance.now();
const split = new Split(nowMs);
const phase = config.isSplit === true ? split.mark : () => undefined;
const program = loadProgram(config.program, config.arguments);
const store =
  config.image === null
    ? new VolatileStore()
    : openStore(config.image, {
        create: true,
        durability: config.durability,
        ...(config.isSplit === true ? { crashPoint: { point: null, phase } } : {}),
        effects: { wallMs: () => Date.now(), randomBytes, pid: process.pid },
        ...(config.limits === undefined ? {} : { limits: config.limits }),
      });
store.addProgram(program.row);

let isMeasuring = false;
const outputMs: number[] = [];
const lagMs: number[] = [];
let taken: number[] = [];
let readyMs = -1;
const parts = assemble(store, {
  ramBytes: config.ramBytes,
  machine: { tier: 'auto', now: nowMs },
  record: initialRecord(new Uint8Array(32), Date.now()),
  hashWords: getRandomValues(new Uint32Array(4)),
  border: emptyBorder,
  program: { image: program.image, arguments: program.arguments },
  sink: () => {
    const here = nowMs();
    if (isMeasuring) for (const since of taken) outputMs.push(here - since);
    taken = [];
    if (readyMs < 0) readyMs = here;
  },
  phase,
});
const receive = parts.output.receive.bind(parts.output);
parts.output.receive = (request) => {
  taken.push(nowMs());
  return receive(request);
};
const sink = {
  confirmed: () => Number.MAX_SAFE_INTEGER,
  origin: 0,
  proof: () => null,
  write: () => undefined,
  flush: () => Promise.resolve(),
  wantsCheckpoint: false,
  checkpointCommitted: () => undefined,
  failure: null,
  close: () => undefined,
};
// Nothing is ever typed.
const source = openSource(new PassThrough() as unknown as NodeJS.ReadStream, () => undefined);
const runner = new Runner(
  parts,
  store,
  { ...sink, confirmed: () => 0 },
  source,
  {
    intervalMs: config.intervalMs,
    clock: config.clock,
    stopAt: null,
    place: null,
    sliceTicksMax: 50_000_000,
    tierPlan: { name: 'auto', first: 'auto', at: null },
    life: { kind: 'created', id: randomBytes(16), seed: null },
  },
  { nowMs, wallMs: () => Date.now(), phase: () => undefined },
);

if (config.isSplit === true) split.watch(parts.kernel, parts.server, runner);

const cpuUs: number[] = [];
const cpuNow = (): number => {
  const { user, system } = process.threadCpuUsage();
  return user + system;
};
const whole = runner as unknown as { demarcate: (force: boolean, clean: boolean) => void };
const demarcateAll = whole.demarcate.bind(runner);
whole.demarcate = (force, clean) => {
  const before = isMeasuring ? cpuNow() : 0;
  demarcateAll(force, clean);
  if (isMeasuring) cpuUs.push(cpuNow() - before);
};

const publishedMs = new Map<number, number>();
const demarcate = parts.server.demarcate.bind(parts.server);
parts.server.demarcate = (input) => {
  const generation = demarcate(input);
  if (generation !== null && isMeasuring) publishedMs.set(generation, nowMs());
  return generation;
};
let noticed = 0;
store.onCommit((committed) => {
  for (; noticed <= committed; noticed++) {
    const since = publishedMs.get(noticed);
    if (since === undefined) continue;
    lagMs.push(nowMs() - since);
    publishedMs.delete(noticed);
  }
});

let collectorMs = 0;
new PerformanceObserver((list) => {
  if (isMeasuring) for (const { duration } of list.getEntries()) collectorMs += duration;
}).observe({ entryTypes: ['gc'] });

interface Reading {
  readonly ms: number;
  readonly committed: number;
  readonly writtenBytes: number;
  readonly logBytes: number;
  readonly instructions: number;
  readonly store: Readonly<Record<string, number>>;
}

function read(): Reading {
  const io = /^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'));
  const log = config.image === null ? undefined : statSync(`${config.image}-wal`, { throwIfNoEntry: false });
  return {
    ms: nowMs(),
    committed: store.committed,
    writtenBytes: Number(io?.[1] ?? 0),
    logBytes: log?.size ?? 0,
    instructions: parts.kernel.statistics().retired,
    store: store.statistics(),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function roundOf(a: Reading, b: Reading): RigRound {
  const seconds = (b.ms - a.ms) / 1000;
  const count = b.committed - a.committed;
  const grown = (name: string): number => (b.store[name] ?? 0) - (a.store[name] ?? 0);
  return {
    pauseUs: quantiles(Array.from(runner.pausesUs())),
    cpuUs: mean(cpuUs.splice(0)),
    checkpoints: count,
    rateHz: count / seconds,
    lagMs: quantiles(lagMs.splice(0)),
    outputMs: quantiles(outputMs.splice(0)),
    seconds,
    pagesPerCheckpoint: grown('pagesCommitted') / count,
    recordBytesPerCheckpoint: grown('recordBytes') / count,
    logBytesPerCheckpoint: (b.logBytes - a.logBytes) / count,
    logBytesMax: b.store.logBytesMax ?? 0,
    writtenPerSecond: (b.writtenBytes - a.writtenBytes) / seconds,
    partsUs: split.take(),
    collectorMs,
    instructions: b.instructions - a.instructions,
    store: b.store,
  };
}

const found: RigRound[] = [];
let from: Reading | null = null;

function begin(): void {
  from = read();
  collectorMs = 0;
  isMeasuring = true;
  runner.forgetPauses();
  // Not this one, in which the machine stood while the gauges were read: it has run again by the turn after the next.
  setImmediate(() =>
    setImmediate(() => {
      runner.forgetPauses();
      split.take();
    }),
  );
  if (config.measureMs > 0) setTimeout(end, config.measureMs);
}

function end(): void {
  isMeasuring = false;
  if (from !== null) found.push(roundOf(from, read()));
  from = null;
  if (config.measureMs > 0 && found.length < config.rounds) begin();
  else runner.requestStop();
}

if (config.measureMs === 0) begin();
else {
  const watch = setInterval(() => {
    if (readyMs < 0) return;
    clearInterval(watch);
    setTimeout(begin, config.warmMs);
  }, 5);
}
await runner.run();
if (from !== null) end();
source.close();
await store.close();
console.log(JSON.stringify(found));
process.exit(0);
