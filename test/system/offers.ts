/**
 * What is offered for damaged images of real machines, by real processes, as an operator would go on: `perdure run` refuses and
 * advises a `perdure fork`, that very command is run, and the machine that comes out of it is run to its end.
 *
 * Right is what ends as the undisturbed run does: the same status, and its output continues the undisturbed output from where
 * the generation offered stood. Damage that is not refused must be harmless: the run ends whole. Used by `npm run damage`.
 */
import fs from 'node:fs';
import path from 'node:path';
import { cases, damageCopy } from '../persist/damage-cases.ts';
import { copyImage } from '../persist/damage-tools.ts';
import { randomOf } from '../persist/store-model.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { perdure, program, sizeOf } from './perdure.ts';

const LINES = '600';

/** What a damage came to. */
export interface OfferVerdict {
  readonly how: string;
  /** '' when all is well. */
  readonly trouble: string;
  readonly noticed: boolean;
  /** Undefined when it was not refused. */
  readonly offered?: 'fork' | 'none' | undefined;
}

export interface OfferBase {
  readonly cwd: string;
  /** The undisturbed output. */
  readonly whole: string;
  /** Output when the image was killed the second time. */
  readonly shown: string;
}

const options = ['run', '--clock', 'instructions', '--seed', '1', '--durability', 'process', '--out'];

/** A machine that was killed twice: `older.db`, and `newer.db` from later. */
export async function makeOfferBase(): Promise<OfferBase> {
  const cwd = scratchFolder();
  const elf = program('transcript');
  const undisturbed = await perdure([...options, 'whole.txt', 'whole.db', elf, LINES], { cwd });
  if (undisturbed.status !== 0)
    throw new Error(`offers: the undisturbed run ends well: ${undisturbed.stderr}`);
  const whole = fs.readFileSync(path.join(cwd, 'whole.txt'), 'utf8');
  const out = path.join(cwd, 'out.txt');
  for (const [name, share] of [
    ['older.db', 0.3],
    ['newer.db', 0.6],
  ] as const) {
    const killWhen = (): boolean => sizeOf(out) > whole.length * share;
    const killed = await perdure([...options, 'out.txt', 'copy.db', elf, LINES], { cwd, killWhen });
    if (killed.signal !== 'SIGKILL') throw new Error(`offers: the run is killed: ${killed.stderr}`);
    copyImage(path.join(cwd, 'copy.db'), path.join(cwd, name));
  }
  return { cwd, whole, shown: fs.readFileSync(out, 'utf8') };
}

/** Damages the copy; says how. */
function damage({ cwd }: OfferBase, seed: number): string {
  const random = randomOf(seed);
  const images = { newer: `${cwd}/newer.db`, older: `${cwd}/older.db`, copy: `${cwd}/copy.db` };
  if (random(3) > 0) {
    const one = cases[random(cases.length)] as (typeof cases)[number];
    try {
      damageCopy(images, one.sql);
      return one.what;
    } catch (error) {
      // This image has nothing of the kind.
      if (!/was not done|constraint/.test(String(error))) throw error;
    }
  }
  copyImage(images.newer, images.copy);
  const part = ['', '', '-wal', '-wal', '-side'][random(5)] as string;
  const bytes = fs.readFileSync(images.copy + part);
  if (random(4) === 0) {
    const at = random(bytes.length);
    fs.writeFileSync(images.copy + part, bytes.subarray(0, at));
    return `image${part} cut at ${at}`;
  }
  const at = random(bytes.length);
  const length = [1, 64, 4096][random(3)] as number;
  for (let i = at; i < Math.min(bytes.length, at + length); i++) bytes[i] = random(256);
  fs.writeFileSync(images.copy + part, bytes);
  return `${length} bytes of image${part} at ${at}`;
}

/** One damaged copy of the newer image, and what became of it. */
export async function tryOffer(base: OfferBase, seed: number): Promise<OfferVerdict> {
  const { cwd, whole, shown } = base;
  const how = damage(base, seed);
  const said = (trouble: string, offered?: OfferVerdict['offered']): OfferVerdict => ({
    how,
    trouble,
    noticed: offered !== undefined,
    offered,
  });
  const out = path.join(cwd, 'out.txt');
  // The same file as before: a sink is known by more than its name.
  fs.writeFileSync(out, shown);
  const run = await perdure([...options, 'out.txt', 'copy.db'], { cwd });
  if (run.status === 0) {
    return said(fs.readFileSync(out, 'utf8') === whole ? '' : 'it was not refused, and its output is wrong');
  }
  const lines = run.stderr.trimEnd().split('\n');
  const words = lines.at(-1) ?? '';
  if (run.status !== 65 || / {4}at /.test(run.stderr)) return said(`exit ${run.status}: ${run.stderr}`);
  if (!whole.startsWith(fs.readFileSync(out, 'utf8'))) return said(`a wrong byte was shown, then: ${words}`);
  const [, command] = /perdure (fork \S+) NEW$/.exec(words) ?? [];
  if (command === undefined) return said('', 'none');
  for (const name of ['new.db', 'new.txt']) fs.rmSync(path.join(cwd, name), { force: true });
  const forked = await perdure([...command.split(' '), 'new.db'], { cwd });
  if (forked.status !== 0) return said(`${words}; and then: ${forked.stderr}`, 'fork');
  const ended = await perdure([...options, 'new.txt', 'new.db'], { cwd });
  if (ended.status !== 0)
    return said(`${command}: the new image ends with ${ended.status}: ${ended.stderr}`, 'fork');
  const rest = fs.readFileSync(path.join(cwd, 'new.txt'), 'utf8');
  return said(rest !== '' && whole.endsWith(rest) ? '' : `${command}: the new image goes on wrong`, 'fork');
}
