/**
 * Loss of power, again and again: a recorded life of an image, cut at its syncs, and what is left is opened.
 *
 * Called by `npm run power` and, with few cuts, by its test. What is opened must be whole, at least as new as what was
 * acknowledged before the cut when every commit waits for the disk, and never newer than what was published.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Durability } from '../../src/persist/store/contract.ts';
import { Model, randomOf } from '../persist/store-model.ts';
import { effects, open } from '../persist/store-tools.ts';
import { Disk, kinds, losses, readTrace, type Step } from './disk.ts';

const child = fileURLToPath(new URL('../persist/store-child.ts', import.meta.url));
const recorderSource = fileURLToPath(new URL('./recorder.c', import.meta.url));

export function buildRecorder(folder: string): string {
  const library = join(folder, 'recorder.so');
  execFileSync('gcc', ['-shared', '-fPIC', '-O2', '-o', library, recorderSource, '-ldl', '-lpthread']);
  return library;
}

export interface Life {
  /** Generation at which it stops cleanly, if it comes to that. */
  readonly last: number;
  /** `label:visit` of a death of the process, or an empty string. */
  readonly crash: string;
}

/** Some lives of one image: ends by death of the process and clean stops, folds, copies of the log, spills. */
export const lives: readonly Life[] = [
  { last: 400, crash: 'acknowledged:30' },
  { last: 400, crash: 'fold-pages-commit:2' },
  { last: 75, crash: '' },
  { last: 400, crash: 'acknowledged:12' },
  { last: 95, crash: '' },
];

/** Runs the lives under the recorder; the trace of all of them. */
export function recordLives(
  folder: string,
  seed: number,
  durability: Durability,
  planned: readonly Life[] = lives,
): { steps: Step[]; imageFolder: string } {
  const imageFolder = join(folder, `lives-${durability}`);
  const trace = join(folder, `trace-${durability}`);
  mkdirSync(imageFolder);
  const env = {
    ...process.env,
    LD_PRELOAD: buildRecorder(folder),
    PERDURE_RECORD_FOLDER: imageFolder,
    PERDURE_RECORD_TRACE: trace,
  };
  for (const { last, crash } of planned) {
    const words = [child, join(imageFolder, 'image.db'), String(seed), String(last), crash, durability];
    const end = spawnSync(process.execPath, words, { env, encoding: 'utf8', timeout: 120_000 });
    const expected = crash === '' ? end.status === 0 : end.signal === 'SIGKILL';
    if (!expected) throw new Error(`a recorded life ended with ${end.status ?? end.signal}: ${end.stderr}`);
  }
  return { steps: readTrace(readFileSync(trace)), imageFolder };
}

export interface Cut {
  /** Index of the step that did not happen any more, and of the loss. */
  readonly step: number;
  readonly loss: number;
}

/** `count` cuts spread evenly over all syncs (each before the sync did anything), with any kind of loss, in their order. */
export function chooseCuts(steps: readonly Step[], count: number, random: (below: number) => number): Cut[] {
  const places = steps.flatMap((step, i) =>
    step.kind === kinds.sync || step.kind === kinds.unlink ? [i] : [],
  );
  const all = places.flatMap((step) => losses.map((_, loss) => ({ step, loss })));
  if (all.length <= count) return all;
  // One out of each of so many parts: none of the life is left out by chance.
  return Array.from({ length: count }, (_, i) => {
    const [from, to] = [i, i + 1].map((part) => Math.floor((part * all.length) / count)) as [number, number];
    return all[from + random(to - from)] as Cut;
  });
}

export interface CutResult {
  readonly cut: Cut;
  readonly acknowledged: number;
  /** The generation that was opened; -1 when it was refused. */
  readonly generation: number;
  /** What is wrong, or ''. */
  readonly trouble: string;
  readonly refusal: string;
}

/** Makes each cut in turn and opens what is left. */
export async function* makeCuts(
  steps: readonly Step[],
  imageFolder: string,
  target: string,
  cuts: readonly Cut[],
  seed: number,
  durability: Durability,
): AsyncGenerator<CutResult> {
  const disk = new Disk(imageFolder);
  let done = 0;
  let acknowledged = 0;
  let published = 0;
  for (const cut of cuts) {
    for (; done < cut.step; done++) {
      const step = steps[done] as Step;
      if (step.kind === kinds.mark) {
        for (const [, word, number] of step.data.toString().matchAll(/(\w+) (\d+)\n/g)) {
          if (word === 'acknowledged') acknowledged = Math.max(acknowledged, Number(number));
          else published = Math.max(published, Number(number));
        }
      } else disk.apply(step);
    }
    const loss = losses[cut.loss];
    if (loss === undefined) throw new Error(`there is a loss ${cut.loss}`);
    disk.writeAfterLoss(target, loss, randomOf(seed * 7919 + cut.step * 31 + cut.loss));
    yield { cut, acknowledged, ...(await openLeft(target, seed, durability, acknowledged, published)) };
  }
}

const models = new Map<string, Model>();

function modelAt(seed: number, generation: number): Model {
  const key = `${seed} ${generation}`;
  const model = models.get(key) ?? Model.at(seed, generation);
  models.set(key, model);
  return model;
}

/** Opens what is left and closes it. */
async function openLeft(
  target: string,
  seed: number,
  durability: Durability,
  acknowledged: number,
  published: number,
): Promise<Omit<CutResult, 'cut' | 'acknowledged'>> {
  const path = join(target, 'image.db');
  let store: ReturnType<typeof open> | null = null;
  try {
    store = open(path, { durability, effects: { ...effects, bootId: 'after the power came back' } });
    const generation = store.head?.generation ?? 0;
    const trouble: string[] = [];
    if (durability === 'power' && generation < acknowledged)
      trouble.push(`${generation} < acknowledged ${acknowledged}`);
    if (generation > published + 1) trouble.push(`${generation} > published ${published}`);
    if (generation > 0) trouble.push(...modelAt(seed, generation).differencesAtOpening(store));
    return { generation, trouble: trouble.join('; '), refusal: '' };
  } catch (error) {
    const { name, message, stack } = error as Error;
    const refusal = `${name}: ${message}`;
    const isClear = name === 'StoreError' || name === 'DamageError';
    const isAllowed = isClear && acknowledged === 0;
    return { generation: -1, trouble: isAllowed ? '' : isClear ? refusal : (stack ?? refusal), refusal };
  } finally {
    await store?.close().catch(() => undefined);
  }
}
