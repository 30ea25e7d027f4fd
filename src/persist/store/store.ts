/**
 * The open store as the persistence server sees it: batches, pages, waiting, closing. Main thread.
 *
 * Invariants: this thread never writes to the file; a page's newest bytes are in the ring until their generation is
 * committed, then in the file; nothing from the file is given out before it was verified against the head of the same
 * snapshot. Called by the persistence server and the command line; all writing is done by `worker.ts`.
 */
import type Database from 'better-sqlite3';
import { assert } from '../../base/assert.ts';
import { PAGE_SIZE } from '../../base/limits.ts';
import { BatchRoom, OpenBatch, PAGE_GONE } from './batch.ts';
import { control, type Shared, statisticNames } from './channel.ts';
import type { Batch, Head, ProgramRow, Store, StoredObject } from './contract.ts';
import { hashImage } from './hash-image.ts';
import { HeadTable } from './head.ts';
import type { Ladder } from './ladder.ts';
import { HASH_SLOTS, type StoreLimits } from './limits.ts';
import type { WorkerLink } from './link.ts';
import { PageMap } from './map.ts';
import type { Opening } from './opening.ts';
import {
  type FileView,
  type PageSelect,
  PageTraces,
  preparePageSelect,
  RecordCache,
  readPageContent,
} from './pages.ts';
import type { MainPhase } from './phases.ts';
import { hurry, PAGE_ITEM_BYTES, RingWriter } from './ring.ts';
import { readImageId, translate } from './schema.ts';

/** Pages copied into the ring whose traces may wait for a moment when the machine does not stand. */
const NOTES_WAITING_MAX = 64 * 1024;
/** Pages looked at after a commit for whether all of their records are folded. */
const PAGES_TRIMMED = 256;

const LOG_BYTES = statisticNames.indexOf('logBytes');

/** An image that this process owns. Made by `open.ts`; 'go' is said to the worker after it was made. */
export class OpenStore implements Store {
  readonly path: string;
  readonly head: Head | null;
  readonly lostGeneration: number | null;
  readonly pageMemory: WebAssembly.Memory;
  private readonly limits: StoreLimits;
  private readonly phase: (label: MainPhase) => void;
  private readonly reader: Database.Database;
  private readonly link: WorkerLink;
  private readonly hashes: Buffer;
  private readonly statisticValues: Float64Array;
  private readonly ring: RingWriter;
  private readonly headTable: HeadTable;
  private readonly map: PageMap;
  private readonly select: PageSelect;
  private readonly records: RecordCache;
  private readonly recordHashes: Map<number, Buffer>;
  private readonly traces = new PageTraces();
  private readonly openingGeneration: number;
  private readonly openingObjects: readonly StoredObject[];
  private readonly listeners: ((generation: number) => void)[] = [];
  private readonly inSnapshot: <T>(work: (view: FileView) => T) => T;
  private readonly page = Buffer.alloc(PAGE_SIZE);
  private readonly batchRoom = new BatchRoom();
  private batch: OpenBatch | null = null;
  private published: number;
  private committedNow: number;
  /** The word `control.committed` as it was last looked at. */
  private commitsSeen = 0;
  private told: number;
  private foldedSeen = 0;
  private isClosed = false;

  constructor(
    path: string,
    limits: StoreLimits,
    phase: (label: MainPhase) => void,
    reader: Database.Database,
    link: WorkerLink,
    shared: Shared,
    ring: WebAssembly.Memory,
    opening: Opening,
  ) {
    this.path = path;
    this.pageMemory = ring;
    this.limits = limits;
    this.phase = phase;
    this.reader = reader;
    this.link = link;
    this.lostGeneration = link.lostGeneration;
    this.hashes = Buffer.from(shared.hashes);
    this.statisticValues = new Float64Array(shared.statistics);
    this.ring = new RingWriter(shared, () => link.throwFailure());
    this.headTable = new HeadTable(reader, readImageId(reader));
    const blockSelect = reader.prepare('SELECT entries FROM map WHERE id = ?').pluck();
    this.map = new PageMap((key) => blockSelect.get(key) as Buffer | undefined);
    this.select = preparePageSelect(reader);
    const bodySelect = reader.prepare('SELECT body FROM record WHERE generation = ?').pluck();
    this.records = new RecordCache({
      body: (generation) => bodySelect.get(generation) as Buffer | undefined,
      hashOf: (generation) => this.recordHashes.get(generation),
    });
    this.inSnapshot = (work) => this.snapshot(work);
    this.openingGeneration = opening.generation;
    this.openingObjects = opening.objects;
    this.recordHashes = new Map(opening.hashes);
    this.head = opening.head;
    this.published = opening.generation;
    this.committedNow = opening.generation;
    this.told = opening.generation;
    for (const record of opening.records) {
      this.records.add(record);
      if (record.generation <= opening.pagesFolded) continue;
      for (let i = 0; i < record.pageCount; i++) {
        this.traces.note(record.pageNumber(i), record.generation, -1);
      }
    }
    this.listen();
  }

  objects(): Iterable<StoredObject> {
    return this.openingObjects;
  }

  /** Runs `work` in one snapshot of the file whose head was verified. */
  private snapshot<T>(work: (view: FileView) => T): T {
    return translate(this.path, () =>
      this.reader.transaction(() => {
        const head = this.headTable.readRow();
        this.map.setRoot(head.map);
        const { map, select, records } = this;
        return work({ map, select, records, pagesFolded: head.pagesFolded });
      })(),
    );
  }

  readPage(number: number): Uint8Array | null {
    this.poll();
    this.traces.settle();
    const trace = this.traces.pages.get(number);
    if (trace !== undefined && trace.newest > this.committedNow) {
      if (trace.ringOffset === PAGE_GONE) return null;
      if (trace.ringOffset >= 0) {
        this.page.set(this.ring.pageAt(trace.ringOffset));
        return this.page;
      }
      // A batch larger than the ring: its pages are in the open transaction, which nobody else can see.
      this.waitForCommit(trace.newest);
    }
    return this.inSnapshot((view) => readPageContent(number, view, trace));
  }

  pageGeneration(number: number): number {
    this.traces.settle();
    const trace = this.traces.pages.get(number);
    if (trace !== undefined) return trace.newest;
    return this.inSnapshot((view) => view.map.lookup(number)?.generation ?? 0);
  }

  begin(byteCount: number): Batch | null {
    assert(this.batch === null, 'store: one batch is open at a time');
    assert(!this.isClosed, 'store: it is open');
    this.link.throwFailure();
    this.poll();
    if (this.published - this.committedNow >= this.limits.batchesMax) return null;
    const need = Math.ceil((byteCount / PAGE_SIZE) * PAGE_ITEM_BYTES) + PAGE_SIZE;
    const isLarge = need > this.limits.ringBytes / 2;
    if (isLarge ? !this.ring.isEmpty() : this.ring.room() < need) return null;
    this.ring.rewind();
    if (this.traces.waitingCount > NOTES_WAITING_MAX) this.traces.settle();
    this.phase('batch-begin');
    const generation = this.published + 1;
    this.batch = new OpenBatch(this.ring, this.traces, this.batchRoom, generation, () => {
      this.phase('batch-publish');
      this.batch = null;
      this.published = generation;
    });
    return this.batch;
  }

  placeAhead(index: number): number {
    assert(this.batch === null, 'store: nobody writes ahead of an open batch');
    return this.ring.placeAhead(index);
  }

  get committed(): number {
    this.poll();
    return this.committedNow;
  }

  /** Takes notice of what the worker has committed. */
  private poll(): void {
    const count = Atomics.load(this.link.words, control.committed);
    const news = (count - this.commitsSeen) >>> 0;
    if (news === 0) return;
    this.commitsSeen = count;
    assert(news < HASH_SLOTS, 'store: commits are noticed before their hashes are overwritten');
    for (let i = 0; i < news; i++) {
      const generation = ++this.committedNow;
      const at = (generation % HASH_SLOTS) * 32;
      this.recordHashes.set(generation, Buffer.from(this.hashes.subarray(at, at + 32)));
    }
  }

  /** Forgets what the worker has folded. Not within a pause. */
  private trim(): void {
    this.traces.settle();
    const word = Atomics.load(this.link.words, control.folded);
    const folded = this.openingGeneration + word;
    if (word !== this.foldedSeen) this.traces.trimLater(folded);
    this.traces.trimSome(PAGES_TRIMMED);
    if (word === this.foldedSeen) return;
    this.foldedSeen = word;
    this.records.trim(folded);
    for (const generation of this.recordHashes.keys()) {
      if (generation > folded) break;
      this.recordHashes.delete(generation);
    }
  }

  private listen(): void {
    if (this.isClosed) return;
    const wait = Atomics.waitAsync(this.link.words, control.committed, this.commitsSeen);
    const notice = () => {
      if (this.isClosed) return;
      this.tell();
      this.trim();
      if (this.link.checkFailure() === null) this.listen();
    };
    void Promise.resolve(wait.value).then(notice);
  }

  private tell(): void {
    this.poll();
    if (this.committedNow === this.told) return;
    this.told = this.committedNow;
    for (const listener of this.listeners) listener(this.told);
  }

  onCommit(listener: (generation: number) => void): void {
    this.listeners.push(listener);
  }

  waitForCommit(generation: number): void {
    assert(generation <= this.published, `store: generation ${generation} was published`);
    for (;;) {
      const seen = Atomics.load(this.link.words, control.committed);
      this.poll();
      if (this.committedNow >= generation) {
        // Back-pressure ends here: who waited for the newest batch finds the ring empty.
        if (generation === this.published && this.batch === null) this.ring.waitUntilEmpty();
        return;
      }
      this.link.throwFailure();
      hurry(this.link.words);
      Atomics.wait(this.link.words, control.committed, seen, 1000);
    }
  }

  get failure(): Error | null {
    return this.link.checkFailure();
  }

  addProgram(program: ProgramRow): void {
    this.link.ask({ kind: 'addProgram', program });
  }

  imageHash(): string {
    this.waitForCommit(this.published);
    this.link.ask({ kind: 'fold' });
    return translate(this.path, () => hashImage(this.reader));
  }

  /** Thins history once by `ladder` and without the generations given up; the file is written anew at the close. */
  collect(ladder: Ladder, abandoned: ReadonlySet<number>): void {
    this.waitForCommit(this.published);
    this.link.ask({ kind: 'collect', ladder, abandoned });
  }

  get logBytes(): number {
    return this.statisticValues[LOG_BYTES] as number;
  }

  statistics(): Readonly<Record<string, number>> {
    this.traces.settle();
    const values = statisticNames.map((name, i) => [name, this.statisticValues[i] as number]);
    return {
      ...(Object.fromEntries(values) as Record<string, number>),
      published: this.published,
      committed: this.committed,
      tracedPages: this.traces.pages.size,
    };
  }

  async close(): Promise<void> {
    assert(!this.isClosed, 'store: it is closed once');
    let trouble: unknown = null;
    try {
      if (this.link.checkFailure() === null) {
        this.waitForCommit(this.published);
        this.link.ask({ kind: 'prepareClose' });
        this.tell();
      }
    } catch (error) {
      trouble = error;
    }
    this.isClosed = true;
    Atomics.notify(this.link.words, control.committed);
    this.reader.close();
    if (trouble === null && this.link.checkFailure() === null) this.link.ask({ kind: 'close' });
    // Also after a failure: a thread that still has the file open would remove its log by name when it ends.
    await this.link.ended();
    if (trouble !== null) throw trouble;
    this.link.throwFailure();
  }
}
