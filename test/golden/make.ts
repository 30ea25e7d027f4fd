/**
 * `npm run golden`: makes the images of this format that all later releases must open, and what is known of them.
 *
 * A program that calls every entry point is traced once. Then it runs again and is stopped, each time in a process of its own,
 * at ticks at which threads wait in stages of multi-stage entries; each stop is a tagged generation of the one image. Kept is the file
 * itself, compressed, with all of its history, so what a later release opens is what this one wrote.
 * Invariant: an image is said to be inside an entry when a thread of it is about to go on with it, and not because the trace says
 * so; what no stop is inside is listed as missing. Needed when the format changes
 * before a release; after one, golden images are only added.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { zstdCompressSync } from 'node:zlib';
import { entries } from '../../src/kernel/abi/entries.ts';
import { lookAt } from '../../src/persist/query/reader.ts';
import { FORMAT_VERSION } from '../../src/persist/store/migrate.ts';
import { addTag } from '../../src/persist/store/tags.ts';
import { perdure, program } from '../system/perdure.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { type Golden, inside, lasting, type Stop, schemaHash, stateHash } from './golden.ts';

const TICKS_PER_MICROSECOND = 4000;
const words = [
  'run',
  '--clock',
  'instructions',
  '--seed',
  '1',
  '--ram',
  '16M',
  '--keep',
  'all:3650d,size:1G',
];

interface Event {
  readonly ph: string;
  readonly name: string;
  readonly cat?: string;
  readonly ts: number;
  readonly pid: number;
  readonly tid: number;
}

interface Span {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** When threads waited inside multi-stage entries, in ticks. A stage that does not wait is over before a tick could be. */
function spansOf(events: readonly Event[]): Span[] {
  const begun = new Map<string, Event[]>();
  const spans: Span[] = [];
  for (const event of events.filter(({ cat }) => cat === 'entry')) {
    const thread = `${event.pid}:${event.tid}`;
    const stack = begun.get(thread) ?? [];
    begun.set(thread, stack);
    const add = ({ name, ts }: Event, to: number): number =>
      spans.push({ name, from: ts * TICKS_PER_MICROSECOND, to: to * TICKS_PER_MICROSECOND });
    if (event.ph === 'B') stack.push(event);
    else if (event.ph === 'E') {
      const first = stack.pop();
      if (first !== undefined) add(first, event.ts);
    }
  }
  return spans.filter(({ name }) => isMultiStage(name));
}

function isMultiStage(name: string): boolean {
  return Object.entries(entries).some(([known, entry]) => known === name && entry.class === 'multi-stage');
}

/** Ticks, few of them, in the middle of a span of each entry in `names`. */
function chooseTicks(spans: readonly Span[], names: ReadonlySet<string>): number[] {
  const left = new Set(names);
  const ticks: number[] = [];
  while (left.size > 0) {
    let best = 0;
    let met: string[] = [];
    for (const { name, from, to } of spans) {
      if (!left.has(name)) continue;
      const tick = Math.floor((from + to) / 2);
      const found = [...left].filter((one) =>
        spans.some((span) => span.name === one && span.from < tick && tick < span.to),
      );
      if (found.length > met.length) [best, met] = [tick, found];
    }
    if (met.length === 0) break;
    ticks.push(best);
    for (const name of met) left.delete(name);
  }
  return ticks.sort((a, b) => a - b);
}

async function must(cwd: string, args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await perdure(args, { cwd });
  if (status !== 0) throw new Error(`perdure ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** One image, stopped and tagged at each of the ticks. */
async function stopAt(cwd: string, file: string, elf: string, ticks: readonly number[]): Promise<Stop[]> {
  const stops: Stop[] = [];
  for (const [i, tick] of ticks.entries()) {
    await must(cwd, [
      ...words,
      '--out',
      `${file}.out`,
      '--stop-at',
      String(tick),
      file,
      ...(i === 0 ? [elf] : []),
    ]);
    const image = path.join(cwd, file);
    const generation = lookAt(image, null, (moment) => moment.generation);
    addTag(image, { name: `stop-${i + 1}`, generation, createdMs: 0, message: '' });
    stops.push({ tag: `stop-${i + 1}`, tick, entries: inside(image, null), hash: stateHash(image, null) });
  }
  return stops;
}

async function main(): Promise<void> {
  const cwd = scratchFolder();
  const elf = program('examples');
  const output = await must(cwd, [...words, '--trace', 'trace.json', 'traced.db', elf]);
  const spans = spansOf(JSON.parse(fs.readFileSync(path.join(cwd, 'trace.json'), 'utf8')) as Event[]);
  const wanted = Object.keys(entries).filter(isMultiStage);
  const stops = await stopAt(cwd, 'stages.db', elf, chooseTicks(spans, new Set(wanted)));
  const seen = new Set(stops.flatMap((stop) => stop.entries));
  const missing = wanted.filter((name) => !seen.has(name));
  const folder = path.dirname(fileURLToPath(import.meta.url));
  const before = lasting(fs.readFileSync(path.join(cwd, 'stages.db.out'), 'utf8')).length;
  const golden: Golden = {
    format: FORMAT_VERSION,
    schema: schemaHash(),
    missing,
    output: createHash('sha256').update(lasting(output).slice(before).join('\n')).digest('hex'),
    stops,
  };
  const packed = zstdCompressSync(fs.readFileSync(path.join(cwd, 'stages.db')));
  fs.writeFileSync(path.join(folder, `stages-${FORMAT_VERSION}.db.zst`), packed);
  fs.writeFileSync(
    path.join(folder, `stages-${FORMAT_VERSION}.json`),
    `${JSON.stringify(golden, null, 2)}\n`,
  );
  process.stdout.write(
    `stages-${FORMAT_VERSION}.db.zst has ${packed.length} bytes: ${stops.length} stops; not inside: ${missing.join(' ') || 'none'}\n`,
  );
}

await main();
