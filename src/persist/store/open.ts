/**
 * Opening an image: refuse what is no image, start the worker (which takes the lock), verify, let it go.
 *
 * Invariants: nothing is written beside a file that is not an image; nothing is written into an image before it was
 * verified. Called by the entry point.
 */
import { realpathSync } from 'node:fs';
import { endianness } from 'node:os';
import type Database from 'better-sqlite3';
import { assert } from '../../base/assert.ts';
import { makeShared } from './channel.ts';
import type { Store } from './contract.ts';
import { exitCodes, StoreError } from './errors.ts';
import { storeLimits } from './limits.ts';
import { WorkerLink } from './link.ts';
import type { StoreOptions } from './options.ts';
import { openReader, probeFile } from './schema.ts';
import { OpenStore } from './store.ts';

/** Opens the image, verified, with this process as its owner. Throws StoreError or DamageError. */
export function openStore(path: string, options: StoreOptions): Store {
  assert(endianness() === 'LE', 'store: the host is little endian');
  const phase = options.crashPoint?.phase ?? (() => undefined);
  phase('open');
  const limits = { ...storeLimits, ...options.limits };
  const early = openEarly(path, options.create);
  const shared = makeShared(limits.ringBytes);
  // The lock must be the same however the image is named.
  const real = early === null ? path : realpathSync(path);
  let link: WorkerLink | null = null;
  let reader = early;
  try {
    link = new WorkerLink({
      path: real,
      create: options.create ? newImage(options) : null,
      durability: options.durability,
      limits,
      crashPoint: options.crashPoint?.point ?? null,
      acceptLoss: options.acceptLoss ?? false,
      keep: options.keep ?? null,
      pid: options.effects.pid,
      bootId: options.effects.bootId ?? '',
      startedMs: options.effects.wallMs(),
      shared,
    });
    reader ??= openReader(real);
    phase('verify');
    const store = new OpenStore(real, limits, phase, reader, link, shared);
    // The worker reads what it needs while the machine is put together; the first batch waits for it.
    if (store.head === null) link.ask({ kind: 'go' });
    else link.tell({ kind: 'go' });
    return store;
  } catch (error) {
    reader?.close();
    link?.abandon();
    throw error;
  }
}

/** Refuses what is no image before anything is written beside it; null when there is nothing yet. */
function openEarly(path: string, create: boolean): Database.Database | null {
  if (create && probeFile(path) !== 'file') return null;
  try {
    return openReader(path);
  } catch (error) {
    // A creation that died before its tables were committed: made anew.
    if (create && error instanceof StoreError && error.exitCode === exitCodes.missing) return null;
    throw error;
  }
}

function newImage({ effects }: StoreOptions) {
  const id = Buffer.from(effects.randomBytes(16)).toString('hex');
  return { id, createdMs: effects.wallMs() };
}
