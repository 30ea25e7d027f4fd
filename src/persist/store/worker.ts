/**
 * The store's worker thread: owns the lock, the writing connection and all transactions.
 *
 * A loop: a batch in the ring first, then messages, then folding, then the write-ahead log, then sleep. Invariants: nothing
 * is written before the main thread has verified the image and said 'go'; the first error ends the loop, is told to the
 * main thread, and nothing is acknowledged after it. Started by `store.ts`. This file is the rim: it has the clock and
 * the kill; the rest gets them as effects.
 */
import { flushCompileCache } from 'node:module';
import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import type Database from 'better-sqlite3';
import { assert } from '../../base/assert.ts';
import { sha256 } from './bytes.ts';
import { control, type Reply, type Request, type WorkerOptions, workerStates } from './channel.ts';
import { Committer } from './committer.ts';
import { DamageError } from './contract.ts';
import type { PlainError } from './errors.ts';
import { Folder } from './folder.ts';
import { OpenImage, type WorkerEffects } from './image.ts';
import { DEFAULT_LADDER, type Ladder, LadderError, parseLadder } from './ladder.ts';
import { POLL_MS_MAX, POLL_MS_MIN, POLL_PART, POLL_UNTIL_MS } from './limits.ts';
import { Log } from './log.ts';
import type { WorkerPhase } from './phases.ts';
import { toPlain } from './plain-error.ts';
import { forgetPrograms, writeProgram } from './programs.ts';
import { PackedRecord } from './record.ts';
import { refuseCutLog } from './restart.ts';
import { openExisting, openReader, openWriter } from './schema.ts';
import { shrink } from './shrink.ts';
import { isBusy, openSide, type SideFile } from './side.ts';
import type { ThreadData } from './thread.ts';

const { port, told } = workerData as ThreadData;

/** What to open: the thread may have been started before anybody knew. */
function awaitOptions(): WorkerOptions {
  Atomics.wait(new Int32Array(told), 0, 0);
  return (receiveMessageOnPort(port) as { message: WorkerOptions }).message;
}

const options = awaitOptions();
const words = new Int32Array(options.shared.control);

/** The clock, and the death that a test has ordered. */
function makeEffects(): WorkerEffects {
  let visits = 0;
  return {
    nowMs: () => Number(process.hrtime.bigint()) / 1e6,
    phase: (label: WorkerPhase) => {
      if (options.crashPoint?.label !== label) return;
      if (++visits === options.crashPoint.visit) process.kill(process.pid, 'SIGKILL');
    },
  };
}

const effects = makeEffects();

function setState(state: number): void {
  Atomics.store(words, control.state, state);
  Atomics.notify(words, control.state);
}

function reply(error: PlainError | null, lost: number | null = null): void {
  port.postMessage({ error, lost } satisfies Reply);
  Atomics.add(words, control.replies, 1);
  Atomics.notify(words, control.replies);
}

/** Who has the image, as its newest life row says. */
function describeOwner(): string {
  try {
    const reader = openReader(options.path);
    try {
      const pid = reader.prepare('SELECT pid FROM life ORDER BY id DESC LIMIT 1').pluck().get();
      return pid === undefined ? 'another process' : `process ${pid}`;
    } finally {
      reader.close();
    }
  } catch {
    return 'another process';
  }
}

/** Loads what the records say that are not folded. Their hashes were verified by the main thread before 'go'. */
function loadRecords(image: OpenImage): void {
  const { generation, history } = image.head;
  const rows = image.database
    .prepare<[number], { generation: number; body: Buffer }>(
      'SELECT generation, body FROM record WHERE generation > ? ORDER BY generation',
    )
    .all(history.through);
  for (const row of rows) {
    assert(row.generation <= generation, 'worker: no record is newer than the head');
    image.noteRecord(new PackedRecord(row.body), sha256(row.body));
  }
}

const KEEP_COMPILED_MS = 1000;

class WorkerLoop {
  private readonly database: Database.Database;
  private readonly side: SideFile;
  private readonly image: OpenImage;
  private readonly committer: Committer;
  private folder: Folder | null = null;
  private foldWaiting = false;
  private closeWaiting = false;
  private collectWaiting = false;
  private shrinkWanted = false;
  private ended = false;
  private readonly log: Log;
  private lastBatchMs = Number.NEGATIVE_INFINITY;
  /** Between the last two batches. */
  private batchGapMs = POLL_UNTIL_MS;
  private baseGeneration = 0;
  private keepCompiledMs = effects.nowMs() + KEEP_COMPILED_MS;

  constructor(database: Database.Database, side: SideFile) {
    this.database = database;
    this.side = side;
    this.image = new OpenImage(database, options.limits, effects, options.shared);
    this.committer = new Committer(this.image, side, options.shared, options.ring);
    this.log = new Log(this.image, options);
  }

  run(): void {
    while (!this.ended) {
      const seen = Atomics.load(words, control.wake);
      if (this.work()) continue;
      const due = this.dueInMs();
      if (due > 0) this.rest(seen, due);
    }
  }

  /** Does one thing; false when there is nothing to do now. Folding and the log have their turn under any load. */
  private work(): boolean {
    const { folder } = this;
    if (!this.committer.isOpen && this.log.hasWork()) {
      this.log.step();
      return true;
    }
    // The machine need not wait until the life has begun in the file; its batches do.
    if (folder !== null && this.committer.hasWork()) {
      this.committer.take();
      const nowMs = effects.nowMs();
      this.batchGapMs = Math.min(nowMs - this.lastBatchMs, POLL_UNTIL_MS);
      this.lastBatchMs = nowMs;
      this.log.isDirty = true;
      if (this.committer.isOpen) return true;
      folder.noteCommit();
      folder.keepUp();
      return true;
    }
    if (this.committer.isOpen) return false;
    const message = receiveMessageOnPort(port) as { message: Request } | undefined;
    if (message !== undefined) {
      this.answer(message.message);
      return true;
    }
    if (folder === null) return false;
    const { thinner } = folder;
    const mustThin =
      (this.closeWaiting && thinner.isOverSize()) || (this.collectWaiting && thinner.hasWork());
    if ((this.foldWaiting || this.closeWaiting || this.collectWaiting) && folder.isComplete() && !mustThin) {
      this.finishFold(folder);
      return true;
    }
    if (folder.dueInMs() === 0) {
      folder.step();
      this.log.isDirty = true;
      return true;
    }
    return false;
  }

  private dueInMs(): number {
    const { folder } = this;
    if (folder === null || this.committer.isOpen) return Number.POSITIVE_INFINITY;
    const due = folder.dueInMs();
    if (due !== Number.POSITIVE_INFINITY || !this.log.isDirty || this.log.isCopying) return due;
    // Everything is folded: copy the log once the machine has been quiet for a moment, then sleep for good.
    const quiet = this.lastBatchMs + options.limits.idleFoldMs - effects.nowMs();
    if (quiet > 0) return quiet;
    this.log.copy();
    return Number.POSITIVE_INFINITY;
  }

  /** Waits for something to do, at most so long: with open eyes while batches come, asleep when they do not. */
  private rest(seen: number, dueMs: number): void {
    this.keepCompiled();
    const isBusy = effects.nowMs() - this.lastBatchMs < POLL_UNTIL_MS;
    if (isBusy) {
      const pollMs = Math.min(POLL_MS_MAX, Math.max(POLL_MS_MIN, this.batchGapMs / POLL_PART));
      Atomics.wait(words, control.wake, seen, Math.min(dueMs, pollMs));
      return;
    }
    // The other side adds to `wake` before it looks at this; so it sees it, or the wait does not begin.
    Atomics.store(words, control.sleeping, 1);
    Atomics.wait(words, control.wake, seen, dueMs);
    Atomics.store(words, control.sleeping, 0);
  }

  /** Once: Node keeps what it compiled when a thread ends, but this one may be killed (cli/main.ts does the same). */
  private keepCompiled(): void {
    if (this.keepCompiledMs > effects.nowMs()) return;
    this.keepCompiledMs = Number.POSITIVE_INFINITY;
    flushCompileCache();
  }

  private answer(request: Request): void {
    switch (request.kind) {
      case 'go':
        this.start();
        reply(null);
        return;
      case 'addProgram':
        writeProgram(this.image, request.program);
        reply(null);
        return;
      case 'fold':
        this.folder?.request();
        this.foldWaiting = true;
        return;
      case 'collect':
        this.folder?.request();
        this.folder?.thinner.collect(request.ladder, request.abandoned);
        this.collectWaiting = true;
        this.shrinkWanted = true;
        return;
      case 'prepareClose':
        this.folder?.request();
        this.closeWaiting = true;
        return;
      case 'close':
        this.close();
        reply(null);
        return;
      case 'abandon':
        this.database.close();
        this.side.abandon();
        this.ended = true;
        reply(null);
        return;
    }
  }

  private start(): void {
    const { image } = this;
    loadRecords(image);
    if (image.head.generation === 0) forgetPrograms(image);
    this.baseGeneration = image.head.generation;
    this.side.adopt(image.head.generation);
    image.begin();
    image.database
      .prepare('INSERT INTO life (pid, started, generation) VALUES (?, ?, ?)')
      .run(options.pid, options.startedMs, image.head.generation);
    const ladder = this.readLadder();
    image.commit();
    effects.phase('open-life');
    this.folder = new Folder(image, ladder, (generation) => {
      Atomics.store(words, control.folded, (generation - this.baseGeneration) | 0);
      Atomics.notify(words, control.committed);
    });
    this.lastBatchMs = effects.nowMs();
  }

  /** The ladder that was asked for, noted in the image; else the image's, or the default. */
  private readLadder(): Ladder {
    const { database } = this;
    const kept = database.prepare("SELECT value FROM image WHERE key = 'keep'").pluck().get();
    if (options.keep !== null && options.keep !== kept) {
      database.prepare("INSERT OR REPLACE INTO image VALUES ('keep', ?)").run(options.keep);
    }
    try {
      return parseLadder(options.keep ?? (typeof kept === 'string' ? kept : DEFAULT_LADDER));
    } catch (error) {
      if (error instanceof LadderError) throw new DamageError(`the ladder of history: ${error.message}`);
      throw error;
    }
  }

  private finishFold(folder: Folder): void {
    assert(folder.isComplete(), 'worker: a requested fold folds everything');
    if (this.closeWaiting) {
      const { image } = this;
      effects.phase('close-folded');
      image.begin();
      image.head.closed = true;
      image.headTable.write(image.head);
      image.commit();
      effects.phase('close-marked');
    }
    folder.requestDone();
    this.foldWaiting = false;
    this.closeWaiting = false;
    this.collectWaiting = false;
    reply(null);
  }

  private close(): void {
    // Whoever reads the image now is not waited for: then the log stays beside it, and all is as complete.
    this.database.pragma('busy_timeout = 0');
    this.log.close();
    effects.phase('close-shrink');
    shrink(this.database, this.shrinkWanted);
    effects.phase('log-before');
    this.database.pragma('wal_checkpoint(TRUNCATE)');
    this.leaveLog();
    this.database.close();
    effects.phase('close-side');
    this.side.remove();
    this.ended = true;
  }

  /** So that a stock client that looks at a stopped image leaves no files beside it. Not while one is looking now. */
  private leaveLog(): void {
    try {
      this.database.pragma('journal_mode = DELETE');
    } catch (error) {
      if (!isBusy(error)) throw error;
    }
  }
}

function main(): void {
  let side: SideFile | null = null;
  let database: Database.Database | null = null;
  let existing: Database.Database | null = null;
  try {
    existing = openExisting(options.path, options.create !== null, options.bootId);
    side = openSide(options.path, options, describeOwner);
    effects.phase('open-locked');
    const created = () => effects.phase('open-created');
    database = openWriter(options.path, options.create, options.durability, created);
    // Not before: the index of the log would have to be made anew.
    existing?.close();
    const lost = refuseCutLog(database, options.path, side, options);
    const loop = new WorkerLoop(database, side);
    setState(workerStates.running);
    reply(null, lost);
    side.announce();
    loop.run();
    setState(workerStates.ended);
  } catch (error) {
    // Closed before anybody is told: a closing connection removes the log by its name.
    if (Atomics.load(words, control.state) === workerStates.starting) {
      existing?.close();
      database?.close();
      side?.abandon();
    }
    reply(toPlain(options.path, error));
    setState(workerStates.failed);
    for (const word of [control.committed, control.released]) Atomics.notify(words, word);
  } finally {
    port.close();
  }
}

main();
