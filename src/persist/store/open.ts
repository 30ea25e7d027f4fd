/**
 * Opening an image: start the worker (which refuses what is no image and takes the lock), verify, let it go.
 *
 * The worker needs a while until it has the lock. Meanwhile the image is read already, and the caller may prepare what
 * needs no image; what was read counts only if nobody wrote before the lock was ours.
 * Invariants: nothing is written beside a file that is not an image; nothing is written into an image before it was
 * verified by its owner. Called by the entry point.
 */
import { existsSync, realpathSync } from 'node:fs';
import { endianness } from 'node:os';
import type Database from 'better-sqlite3';
import { assert } from '../../base/assert.ts';
import { makeRing, makeShared, type Shared, type WorkerOptions } from './channel.ts';
import { exitCodes, StoreError } from './errors.ts';
import { type StoreLimits, storeLimits } from './limits.ts';
import { WorkerLink } from './link.ts';
import { isSame, type Opening, readOpening } from './opening.ts';
import type { StoreOptions } from './options.ts';
import type { MainPhase } from './phases.ts';
import { missing, openReader, probeFile, translate } from './schema.ts';
import { refuseLost } from './side.ts';
import { OpenStore } from './store.ts';

/** Opens the image, verified, with this process as its owner. Throws StoreError or DamageError. */
export function openStore(path: string, options: StoreOptions): OpenStore {
  return startStore(path, options).finish();
}

/** Begins to open the image; nothing of it is refused before `finish`, which must be called, or `abandon`. */
export function startStore(path: string, options: StoreOptions): StartingStore {
  assert(endianness() === 'LE', 'store: the host is little endian');
  return new StartingStore(path, options);
}

/** An image that is being opened. */
export class StartingStore {
  /** The lock must be the same however the image is named. */
  private readonly path: string;
  private readonly options: StoreOptions;
  private readonly limits: StoreLimits;
  private readonly ring: WebAssembly.Memory;
  private readonly shared: Shared;
  private readonly link: WorkerLink;
  private reader: Database.Database | null = null;
  private early: Opening | null = null;

  constructor(path: string, options: StoreOptions) {
    this.options = options;
    this.phase('open');
    this.limits = { ...storeLimits, ...options.limits };
    const isThere = probeFile(path) === 'file';
    if (!isThere && !options.create) {
      refuseLost(path, options.effects.bootId ?? '');
      throw missing(path);
    }
    this.path = isThere ? realpathSync(path) : path;
    this.ring = makeRing(this.limits.ringBytes);
    this.shared = makeShared(this.ring.buffer);
    const told: WorkerOptions = {
      path: this.path,
      create: options.create ? newImage(options) : null,
      durability: options.durability,
      limits: this.limits,
      crashPoint: options.crashPoint?.point ?? null,
      acceptLoss: options.acceptLoss ?? false,
      keep: options.keep ?? null,
      pid: options.effects.pid,
      bootId: options.effects.bootId ?? '',
      startedMs: options.effects.wallMs(),
      shared: this.shared,
      ring: this.ring,
    };
    this.link = new WorkerLink(told, options.thread);
    if (isThere) this.readEarly();
  }

  /**
   * Reads before the lock is ours. Not what was stopped cleanly: the worker is about to give it a log, for which nobody may
   * be reading. Whatever is wrong is said by `finish`, when it is still wrong.
   */
  private readEarly(): void {
    if (!existsSync(`${this.path}-wal`)) return;
    try {
      this.reader = openReader(this.path);
      this.early = readOpening(this.reader, this.path, () => undefined);
    } catch {
      this.reader?.close();
      this.reader = null;
    }
  }

  /** Waits for the lock, and for what was not read yet. Throws StoreError or DamageError. */
  finish(): OpenStore {
    try {
      this.link.awaitOpened();
      this.phase('verify');
      this.reader ??= openReader(this.path);
      const opening = this.opening(this.reader);
      if (opening.head === null && this.options.needsCheckpoint === true) throw noCheckpoint(this.path);
      const { path, limits, reader, link, shared, ring } = this;
      const phase = (label: MainPhase): void => this.phase(label);
      const store = new OpenStore(path, limits, phase, reader, link, shared, ring, opening);
      // The worker reads what it needs, and waits for the disk, while the machine runs already; batches wait in the ring.
      if (store.head === null) link.ask({ kind: 'go' });
      else link.tell({ kind: 'go' });
      return store;
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  private opening(reader: Database.Database): Opening {
    const { early, path } = this;
    this.early = null;
    if (early === null || !translate(path, () => isSame(reader, early)))
      return readOpening(reader, path, (label) => this.phase(label));
    this.phase('load-objects');
    return early;
  }

  /** Leaves everything as it was. */
  abandon(): void {
    this.reader?.close();
    this.link.abandon();
  }

  private phase(label: MainPhase): void {
    this.options.crashPoint?.phase(label);
  }
}

function noCheckpoint(path: string): StoreError {
  return new StoreError(
    exitCodes.missing,
    `${path}: the image has no checkpoint yet, and there is no program to start in it`,
    'perdure run IMAGE PROGRAM.elf',
  );
}

function newImage({ effects }: StoreOptions) {
  const id = Buffer.from(effects.randomBytes(16)).toString('hex');
  return { id, createdMs: effects.wallMs() };
}
