/**
 * P.19: for random programs and random demarcations, "run to the end" equals "run, checkpoint, go on in a new process, run
 * to the end": registers, memory and objects (the image hash), the tick, the output and how it ended.
 *
 * Random programs of entry points are `chaos` with a seed; random instructions come from the differential campaign's
 * generator. PERDURE_SEED=n repeats, RUNS=n makes more programs.
 */
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { generator } from '../../src/cli/crash/plan.ts';
import { buildProgram, sequencesFor } from '../hw/differential/generate.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { perdure, program, readReport } from './perdure.ts';

const seed = Number(process.env.PERDURE_SEED ?? 1);
const RUNS = Number(process.env.RUNS ?? 1);

interface End {
  readonly cwd: string;
  readonly hash: string | null;
  readonly tick: string;
  readonly ended: string;
  readonly output: string;
}

/** Runs the program to a tick, in a process for each of `stops` and one for the rest. */
async function reach(elf: readonly string[], stops: readonly number[], last: number): Promise<End> {
  const cwd = scratchFolder();
  for (const stop of [...stops, last]) {
    const args = ['run', '--clock', 'instructions', '--durability', 'process', '--seed', '9', '--ram', '16M'];
    const files = ['--out', 'out.txt', '--report', 'report.json', 'image.db'];
    const outcome = await perdure([...args, '--stop-at', String(stop), ...files, ...elf], { cwd });
    assert.ok(outcome.signal === null && outcome.status !== 70, outcome.stderr);
    const { ended } = readReport(cwd);
    if (ended !== 'stop-at') break;
  }
  const { imageHash: hash, tick, ended } = readReport(cwd);
  return { cwd, hash, tick, ended, output: fs.readFileSync(path.join(cwd, 'out.txt'), 'utf8') };
}

/** What differs between two images, for the message: objects by address, pages by number. */
function differences(one: End, other: End): string[] {
  const look = (end: End, query: string): Map<unknown, string> => {
    const database = new Database(path.join(end.cwd, 'image.db'), { readonly: true });
    const rows = database.prepare(query).raw().all() as unknown[][];
    database.close();
    return new Map(rows.map(([key, ...rest]) => [key, JSON.stringify(rest)]));
  };
  const found: string[] = [];
  for (const [what, query] of [
    ['object', 'SELECT address, type, serial, state, links FROM object'],
    ['page', 'SELECT number, hex(content) FROM page'],
  ] as const) {
    const [a, b] = [look(one, query), look(other, query)];
    for (const key of new Set([...a.keys(), ...b.keys()]))
      if (a.get(key) !== b.get(key)) found.push(`${what} ${key}: ${a.get(key)} or ${b.get(key)}`);
  }
  return found.map((line) => line.slice(0, 600)).slice(0, 5);
}

async function goesOnAlike(elf: readonly string[], last: number, what: string): Promise<End> {
  const random = generator(seed * 7919 + last);
  const plain = await reach(elf, [], last);
  const stops = Array.from({ length: 3 }, () => 1 + Math.floor(random() * (Number(plain.tick) - 1)));
  stops.sort((a, b) => a - b);
  const cut = await reach(elf, stops, last);
  const repeat = `${what}, stopped at ${stops.join(', ')}; PERDURE_SEED=${seed}`;
  assert.is(cut.ended, plain.ended, repeat);
  assert.is(cut.tick, plain.tick, repeat);
  assert.is(cut.output, plain.output, repeat);
  assert.ok(plain.hash !== null, repeat);
  if (cut.hash !== plain.hash) assert.equal(differences(plain, cut), [], repeat);
  assert.is(cut.hash, plain.hash, repeat);
  return plain;
}

test('a random program of entry points ends alike, restored in new processes at random demarcations or not', async () => {
  for (let run = 0; run < RUNS; run++) {
    const chaos = [program('chaos'), String(seed * 1000 + run), '4000'];
    await goesOnAlike(chaos, 700_000, chaos.slice(1).join(' '));
  }
});

interface Branch {
  readonly name: string;
  readonly end: End;
}

/** Runs what lies in `cwd` on to the tick. */
async function goOn(cwd: string, image: string, last: number): Promise<End> {
  const args = ['run', '--clock', 'instructions', '--durability', 'process', '--seed', '9', '--ram', '16M'];
  const files = ['--out', `${image}.out`, '--report', `${image}.json`, image];
  const outcome = await perdure([...args, '--stop-at', String(last), ...files], { cwd });
  assert.ok(outcome.signal === null && outcome.status !== 70, outcome.stderr);
  const { imageHash: hash, tick, ended } = readReport(cwd, `${image}.json`);
  return { cwd, hash, tick, ended, output: fs.readFileSync(path.join(cwd, `${image}.out`), 'utf8') };
}

/** Forks a random kept generation, packs and unpacks it, and goes back to it: three images that go on to the same tick. */
async function branches(recorded: End, last: number, what: string): Promise<Branch[]> {
  const { cwd } = recorded;
  const call = async (...words: string[]): Promise<string> => {
    const { status, stdout, stderr } = await perdure(words, { cwd });
    assert.is(status, 0, `${words.join(' ')}: ${stderr}; ${what}`);
    return stdout;
  };
  const kept = (
    JSON.parse(await call('log', '--json', '-n', '100000', 'image.db')) as { generation: number }[]
  ).map(({ generation }) => generation);
  const chosen = kept[Math.floor(generator(seed * 31 + last)() * kept.length)] as number;
  await call('fork', `image.db@${chosen}`, 'forked.db');
  await call('export', `image.db@${chosen}`, 'packed.zst');
  await call('import', 'packed.zst', 'imported.db');
  fs.copyFileSync(path.join(cwd, 'image.db'), path.join(cwd, 'restored.db'));
  await call('restore', `restored.db@${chosen}`);
  const found: Branch[] = [];
  for (const name of ['forked', 'imported', 'restored'])
    found.push({ name: `${name} from ${chosen}`, end: await goOn(cwd, `${name}.db`, last) });
  return found;
}

test('a kept generation of a random program goes on alike, forked, packed and unpacked, or restored, and most as they were recorded', async () => {
  // Seven processes for each: CI, `npm run restored`, and who asks for it.
  if (RUNS === 1 && process.env.CI === undefined) return;
  let asRecorded = 0;
  const runs = Math.ceil(RUNS / 2);
  for (let run = 0; run < runs; run++) {
    const chaos = [program('chaos'), String(seed * 2000 + run), '4000'];
    const recorded = await reach(chaos, [], 400_000 + run);
    const [first, ...others] = await branches(recorded, 400_000 + run, chaos.slice(1).join(' '));
    assert.ok(first !== undefined && others.length === 2);
    const { name, end } = first;
    const repeat = `${name}; ${chaos.slice(1).join(' ')}; PERDURE_SEED=${seed}`;
    assert.is(end.ended, recorded.ended, repeat);
    // Another life seeds the generator anew: what draws from it goes another way from there.
    if (end.tick === recorded.tick && recorded.output.endsWith(end.output)) asRecorded++;
    assert.ok(end.hash !== null, repeat);
    for (const other of others) {
      assert.is(other.end.hash, end.hash, `${other.name}; ${repeat}`);
      assert.is(other.end.tick, end.tick, `${other.name}; ${repeat}`);
      assert.is(other.end.output, end.output, `${other.name}; ${repeat}`);
    }
  }
  assert.ok(2 * asRecorded >= runs, `${asRecorded} of ${runs} went on as recorded`);
  console.log(`${asRecorded} of ${RUNS} went on as recorded`);
});

/** Far beyond where such a program ends, whichever the seed. */
const INSTRUCTIONS_MAX = 200_000_000;

test('random instructions end alike, restored in new processes at random demarcations or not', async () => {
  for (let run = 0; run < RUNS; run++) {
    const { elf } = buildProgram(seed + run, sequencesFor(seed + run, 20_000, 40));
    const file = path.join(scratchFolder(), 'random.elf');
    fs.writeFileSync(file, elf);
    const end = await goesOnAlike([file], INSTRUCTIONS_MAX, `instructions of seed ${seed + run}`);
    // It was made for Linux, and asks for what there is none of here when it is through.
    assert.is(end.ended, 'trap');
    assert.ok(Number(end.tick) > 20_000, `tick ${end.tick}`);
  }
});

test.run();
