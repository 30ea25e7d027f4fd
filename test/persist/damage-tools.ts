/**
 * Images to damage: a crashed one with folded and unfolded parts, its older self, and the verdict on a damaged copy.
 *
 * Used by the damage test and by `npm run damage`.
 */
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as assert from 'uvu/assert';
import { Model } from './store-model.ts';
import { open, runChild, withImage } from './store-tools.ts';

const parts = ['', '-wal', '-side'];

/** Models that were made already, by seed and generation. */
const models = new Map<string, Model>();

/** The model at a generation; not to be changed. */
export function modelAt(seed: number, generation: number): Model {
  const key = `${seed} ${generation}`;
  const model = models.get(key) ?? Model.at(seed, generation);
  models.set(key, model);
  return model;
}

/** Copies an image that nobody has open. */
export function copyImage(from: string, to: string): void {
  for (const part of parts) {
    rmSync(to + part, { force: true });
    if (existsSync(from + part)) copyFileSync(from + part, to + part);
  }
  rmSync(`${to}-shm`, { force: true });
}

/** What is wrong with an image: the error of opening or reading it, '' when all is as the model has it. */
export async function verdict(path: string, seed: number): Promise<string> {
  let store: ReturnType<typeof open> | null = null;
  try {
    store = open(path, { create: false });
    const generation = store.head?.generation ?? 0;
    const wrong = modelAt(seed, generation).differencesAtOpening(store);
    return wrong.length === 0 ? '' : `SHOWN: ${wrong.join('; ')}`;
  } catch (error) {
    const { name, message, exitCode } = error as { name: string; message: string; exitCode?: number };
    return `${name}${exitCode === undefined ? '' : ` ${exitCode}`}: ${message}`;
  } finally {
    await store?.close().catch(() => undefined);
  }
}

export interface Images {
  /** A crashed image with folded and unfolded parts, and the same machine some generations earlier. */
  readonly newer: string;
  readonly older: string;
  readonly copy: string;
}

export async function withCrashed(seed: number, work: (images: Images) => Promise<void>): Promise<void> {
  await withImage(async (path) => {
    const at = (name: string): string => join(dirname(path), name);
    const images = { newer: at('newer.db'), older: at('older.db'), copy: at('copy.db') };
    const old = await runChild({ path: images.older, seed, last: 400, crash: 'acknowledged:60' });
    assert.is(old.signal, 'SIGKILL');
    copyImage(images.older, images.newer);
    const end = await runChild({ path: images.newer, seed, last: 400, crash: 'acknowledged:40' });
    assert.is(end.signal, 'SIGKILL');
    copyImage(images.newer, images.copy);
    assert.is(await verdict(images.copy, seed), '', 'the image is good before it is damaged');
    await work(images);
  });
}

/** True for a verdict that an operator can live with: all as it was, or one clear refusal. */
export function isClear(found: string): boolean {
  return found === '' || /^(DamageError|StoreError 65): /.test(found);
}
