/**
 * What the store's tests share: a folder for images, opening one, a child process that writes one.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Store } from '../../src/persist/store/contract.ts';
import { openStore } from '../../src/persist/store/open.ts';
import type { StoreOptions } from '../../src/persist/store/options.ts';
import type { OpenStore } from '../../src/persist/store/store.ts';
import { tinyLimits } from './store-model.ts';

export const effects: StoreOptions['effects'] = {
  wallMs: () => Date.now(),
  randomBytes,
  pid: process.pid,
  bootId: 'this life of the system',
};

const opened: Store[] = [];

/** Runs `work` with a path for an image in a folder of its own, which is removed afterwards. */
export async function withImage<T>(work: (path: string) => Promise<T> | T): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'perdure-store-'));
  try {
    return await work(join(folder, 'image.db'));
  } finally {
    // A test that failed has left its store open, and its worker would keep the process alive.
    for (const store of opened.splice(0)) await store.close().catch(() => undefined);
    rmSync(folder, { recursive: true, force: true });
  }
}

export function open(path: string, more: Partial<StoreOptions> = {}): OpenStore {
  const store = openStore(path, {
    create: true,
    durability: 'process',
    effects,
    limits: tinyLimits,
    ...more,
  });
  opened.push(store);
  return store;
}

export interface ChildEnd {
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
  /** Newest generation that the child said was acknowledged; 0 if none. */
  readonly acknowledged: number;
  readonly published: number;
  readonly errors: string;
}

export interface ChildPlan {
  readonly path: string;
  readonly seed: number;
  /** Generation at which it stops and closes cleanly. */
  readonly last: number;
  /** `label:visit`, or an empty string. */
  readonly crash?: string;
  /** Milliseconds after its first batch at which it is killed from outside. */
  readonly killAfterMs?: number;
  readonly durability?: string;
  /** Ladder of history. */
  readonly keep?: string;
}

const script = fileURLToPath(new URL('./store-child.ts', import.meta.url));

/** Runs the child until it ends or is killed. */
export function runChild(plan: ChildPlan): Promise<ChildEnd> {
  const { path, seed, last, crash = '', durability = 'process', keep = '' } = plan;
  const child = spawn(process.execPath, [script, path, String(seed), String(last), crash, durability, keep]);
  return new Promise((resolve, reject) => {
    let words = '';
    let errors = '';
    let timer: NodeJS.Timeout | undefined;
    child.stdout.on('data', (data: Buffer) => {
      words += data.toString();
      if (plan.killAfterMs === undefined || timer !== undefined || !words.includes('published')) return;
      timer = setTimeout(() => child.kill('SIGKILL'), plan.killAfterMs);
    });
    child.stderr.on('data', (data: Buffer) => {
      errors += data.toString();
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const numbers = (word: string) =>
        [...words.matchAll(new RegExp(`${word} (\\d+)\n`, 'g'))].map((match) => Number(match[1]));
      resolve({
        code,
        signal,
        errors,
        acknowledged: Math.max(0, ...numbers('acknowledged')),
        published: Math.max(0, ...numbers('published')),
      });
    });
  });
}
