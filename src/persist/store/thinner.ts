/**
 * Thinning history: what the ladder does not keep is merged into the next kept generation, what is too old or too large
 * is deleted, all in small steps between commits.
 *
 * Invariants: a kept generation answers the same before and after each transaction; tagged generations are never
 * thinned; the head never depends on what is done here; a damaged row is left as it is, for a reader to name. A merge is
 * prepared in memory over several steps and written in one transaction. Works only after records came: an idle machine
 * writes nothing. Worker only; called by `folder.ts`.
 */
import type Database from 'better-sqlite3';
import { readInteger, sha256 } from './bytes.ts';
import { addRow, removeRow } from './head.ts';
import type { OpenImage, RecordFact } from './image.ts';
import { type Kept, keptOf } from './keep.ts';
import type { Ladder } from './ladder.ts';
import { RecordMerge } from './merge.ts';
import { PackedRecord, recordHeader } from './record.ts';
import { type HistoryRow, historyRowHash } from './rows.ts';

/** Records merged at once, and their bytes at most. */
const MERGE_ROWS = 128;
const MERGE_BYTES = 4 * 1024 * 1024;
/** Milliseconds of one step that writes nothing: a commit waits for no more. */
const STEP_MS = 1;
/** Pages merged between two looks at the clock. */
const MERGE_PAGES = 16;
/** Rows read, or deleted, in one step. */
const LOAD_ROWS = 500;
const DELETE_ROWS = 128;
const DELETE_REVERSE_ROWS = 32;
/** An epoch ends after so much time of the machine, so many things put aside, or this part of the size bound. */
const EPOCH_MS = 600_000;
const EPOCH_ENTRIES = 200_000;
const EPOCH_PARTS = 16;

/** A stretch of folding that has ended: rows of `reverse` up to `lastId`. Two may have begun at the same generation. */
interface EpochFact {
  readonly begin: number;
  readonly base: number;
  readonly lastId: number;
  bytes: number;
}

interface MergeJob {
  readonly facts: readonly RecordFact[];
  readonly rows: HistoryRow[];
  readonly merge: RecordMerge;
}

export class Thinner {
  private readonly image: OpenImage;
  private ladder: Ladder;
  /** Generations that nobody wants whatever the ladder says: lines that a restore left, when they are collected. */
  private abandoned: ReadonlySet<number> = new Set();
  /** The tagged generations that the plan in progress goes by. */
  private tagsSeen: readonly number[] = [];
  private readonly statements: ReturnType<typeof prepare>;
  /** Records of history, oldest first; what was there at opening is loaded when there is something to do. */
  private facts: RecordFact[] = [];
  private added: RecordFact[] = [];
  private readonly epochs: EpochFact[] = [];
  private isLoaded = false;
  private loadedThrough = 0;
  private readonly historyAtOpening: number;
  private readonly reverseAtOpening: number;
  private recordBytes = 0;
  private oldReverseBytes = 0;
  private epochSinceMs = -1;
  /** Bytes of records that came in this epoch. */
  private epochRecordBytes = 0;
  private job: MergeJob | null = null;
  private wanted = false;
  private wantedSinceMs = 0;
  private dropBelow = 0;
  private rowsThinned = 0;
  private readonly damaged = new Set<number>();

  constructor(image: OpenImage, ladder: Ladder) {
    this.image = image;
    this.ladder = ladder;
    this.statements = prepare(image.database);
    this.reverseAtOpening = image.reverse.lastId;
    this.historyAtOpening = image.head.history.through;
  }

  /** A pass of folding has ended, after which these records are history (none when older ones still wait). */
  add(moved: readonly RecordFact[]): void {
    for (const fact of moved) {
      this.added.push(fact);
      this.recordBytes += storedBytes(fact.bytes);
      this.epochRecordBytes += storedBytes(fact.bytes);
    }
    if (this.epochSinceMs < 0) this.epochSinceMs = this.nowMs();
    this.changeEpoch();
    if (!this.wanted) this.wantedSinceMs = this.image.effects.nowMs();
    this.wanted = true;
  }

  /** From now on goes by another ladder, and gives up what was abandoned; see collect.ts. */
  collect(ladder: Ladder, abandoned: ReadonlySet<number>): void {
    this.ladder = ladder;
    this.abandoned = abandoned;
    this.wanted = true;
    this.wantedSinceMs = this.image.effects.nowMs();
  }

  hasWork(): boolean {
    return this.wanted;
  }

  /** It has waited so long, or history takes so much more than its bound, that a commit may wait for it. */
  isUrgent(): boolean {
    if (!this.wanted) return false;
    const { limits, effects } = this.image;
    if (effects.nowMs() - this.wantedSinceMs > limits.thinPatienceMs) return true;
    return this.isLoaded && this.bytes() > this.ladder.sizeBytes + limits.pageFoldBytes;
  }

  /** A clean stop waits until history is within its bound. */
  isOverSize(): boolean {
    return this.wanted && (!this.isLoaded || this.bytes() > this.ladder.sizeBytes);
  }

  /** Bytes that history takes in the file. */
  private bytes(): number {
    return this.recordBytes + this.oldReverseBytes + storedBytes(this.image.reverse.epochBytes);
  }

  /** Wall clock of the newest checkpoint that history knows: the age of the others counts from it. */
  private nowMs(): number {
    return (this.added.at(-1) ?? this.facts.at(-1))?.wallMs ?? 0;
  }

  /** Does one small thing. */
  step(): void {
    if (!this.isLoaded) this.load();
    else if (this.job !== null) this.stepMerge(this.job);
    else this.plan();
    this.image.set('historyBytes', this.bytes());
  }

  private load(): void {
    const rows = this.statements.recordsAfter.all(this.loadedThrough, this.historyAtOpening, LOAD_ROWS);
    for (const { generation, since, bytes, time } of rows) {
      const fact = { generation, since, wallMs: readInteger(time, 0), bytes };
      this.facts.push(fact);
      this.recordBytes += storedBytes(bytes);
    }
    this.loadedThrough = rows.at(-1)?.generation ?? this.loadedThrough;
    if (rows.length === LOAD_ROWS) return;
    const older: EpochFact[] = [];
    for (const found of this.statements.epochs.all(this.reverseAtOpening)) {
      older.push({ ...found, bytes: storedBytes(found.bytes) });
      this.oldReverseBytes += storedBytes(found.bytes);
    }
    this.epochs.unshift(...older);
    this.isLoaded = true;
  }

  /** Finds what is to be done next, and does it or begins it. */
  private plan(): void {
    this.facts.push(...this.added.splice(0));
    const kept = this.keptFacts();
    const floor = this.floorOf(kept);
    if (this.deleteEpochs(floor) || this.deleteRecords(floor)) return;
    if (this.bytes() > this.ladder.sizeBytes && this.dropOldest()) return;
    this.job = this.findMerge(kept);
    if (this.job === null) this.wanted = false;
  }

  /** Which records are kept, by the tags that there are now. */
  private keptFacts(): Kept {
    const { ladder, dropBelow, abandoned } = this;
    this.tagsSeen = this.statements.tagged.all() as number[];
    const tagged = new Set(this.tagsSeen);
    return keptOf(this.facts, this.nowMs(), { ladder, tagged, dropBelow, abandoned });
  }

  /** Oldest generation that can be read when these are kept. */
  private floorOf({ floor }: Kept): number {
    return floor ?? this.image.head.history.through + 1;
  }

  /** What was put aside so far is not needed from the newest generation on: so an epoch may end after any pass. */
  private changeEpoch(): void {
    const { reverse, head } = this.image;
    const { epoch } = reverse;
    const base = Math.min(head.pagesFolded, head.objectsFolded);
    if (base <= epoch.base && reverse.epochBytes === 0) return;
    const { sizeBytes } = this.ladder;
    const bytes = storedBytes(reverse.epochBytes);
    const isOld = this.nowMs() - this.epochSinceMs >= EPOCH_MS;
    const isLarge = (bytes + this.epochRecordBytes) * EPOCH_PARTS > sizeBytes;
    if (!isOld && !isLarge && reverse.size < EPOCH_ENTRIES) return;
    this.epochs.push({ begin: epoch.begin, base: epoch.base, lastId: reverse.lastId, bytes });
    this.oldReverseBytes += bytes;
    this.epochSinceMs = this.nowMs();
    this.epochRecordBytes = 0;
    reverse.beginEpoch(head);
  }

  /** Where the epoch after `index` begins: from there on its rows are not needed. */
  private endOfEpoch(index: number): number {
    return this.epochs[index + 1]?.begin ?? this.image.reverse.epoch.begin;
  }

  /** Deletes rows of the oldest epoch if no kept generation needs them. */
  private deleteEpochs(floor: number): boolean {
    const oldest = this.epochs[0];
    if (oldest === undefined || this.endOfEpoch(0) > floor) return false;
    const rows = this.statements.reverseOf.all(oldest.begin, oldest.lastId, DELETE_REVERSE_ROWS);
    const remove = (): void => {
      for (const { id, base, hash } of rows) {
        this.removeFromSum({ kind: 'reverse', key: id, since: oldest.begin, base, hash });
        this.statements.reverseDelete.run(id);
      }
    };
    if (rows.length > 0 && !this.transaction(floor, remove)) return true;
    if (rows.length === DELETE_REVERSE_ROWS) return true;
    this.epochs.shift();
    this.oldReverseBytes -= oldest.bytes;
    return true;
  }

  /** Deletes records from which no content of a kept generation is built. */
  private deleteRecords(floor: number): boolean {
    const base = this.epochs[0]?.base ?? this.image.reverse.epoch.base;
    let count = 0;
    for (const { generation } of this.facts) {
      if (generation > base || generation >= floor || count === DELETE_ROWS) break;
      count++;
    }
    if (count === 0) return false;
    const gone = this.facts.slice(0, count);
    const last = (gone.at(-1) as RecordFact).generation;
    const isDone = this.transaction(floor, () => {
      const rows = this.statements.recordRows.all(0, last);
      for (const { generation, since, hash } of rows) {
        this.removeFromSum({ kind: 'record', key: generation, since, base: 0, hash });
      }
      this.statements.recordDelete.run(0, last);
      this.thinRows((gone[0] as RecordFact).generation, last);
    });
    if (!isDone) return true;
    this.facts.splice(0, count);
    for (const { bytes } of gone) this.recordBytes -= storedBytes(bytes);
    return true;
  }

  /** Too large: gives up the oldest epoch's generations. False when there is no more to give. */
  private dropOldest(): boolean {
    for (let i = 0; i < this.epochs.length; i++) {
      const end = this.endOfEpoch(i);
      if (end <= this.dropBelow) continue;
      this.dropBelow = end;
      return true;
    }
    return false;
  }

  /** The next records that become one: none but the last of them is kept. */
  private findMerge({ end, generations }: Kept): MergeJob | null {
    const { facts } = this;
    let begin = 0;
    for (let i = 0; i <= Math.min(end, facts.length - 1); i++) {
      // What is kept after the last of them is not history yet: they become one for the time being.
      const isLast = i === facts.length - 1;
      if (i < end && !isLast && !generations.has((facts[i] as RecordFact).generation)) continue;
      const chosen = begin < i ? this.chooseFrom(facts.slice(begin, i + 1)) : [];
      if (chosen.length > 1) return { facts: chosen, rows: [], merge: new RecordMerge() };
      begin = i + 1;
    }
    return null;
  }

  /** Neighbours in the group that may be merged at once; fewer than two when there are none. */
  private chooseFrom(group: readonly RecordFact[]): RecordFact[] {
    // A long group first becomes a few records, and these then one: no byte is copied often.
    const raw = group.findIndex((fact) => fact.since === fact.generation - 1);
    let begin = group.length > MERGE_ROWS && raw > 0 ? raw : 0;
    for (; begin < group.length - 1; begin++) {
      const chosen: RecordFact[] = [];
      let bytes = 0;
      for (const fact of group.slice(begin, begin + MERGE_ROWS)) {
        bytes += fact.bytes;
        if (bytes > MERGE_BYTES || this.damaged.has(fact.generation)) break;
        chosen.push(fact);
      }
      if (chosen.length > 1) return chosen;
    }
    return [];
  }

  private stepMerge(job: MergeJob): void {
    const { effects } = this.image;
    const begun = effects.nowMs();
    while (job.rows.length < job.facts.length) {
      if (!this.takeRow(job)) {
        this.job = null;
        return;
      }
      if (effects.nowMs() - begun > STEP_MS) return;
    }
    while (!job.merge.work(MERGE_PAGES)) if (effects.nowMs() - begun > STEP_MS) return;
    this.writeMerge(job);
    this.job = null;
  }

  /** Reads the job's next record; false when it is damaged. */
  private takeRow(job: MergeJob): boolean {
    const { generation } = job.facts[job.rows.length] as RecordFact;
    const row = this.statements.record.get(generation);
    if (row === undefined || !sha256(row.body).equals(row.hash)) {
      this.damaged.add(generation);
      return false;
    }
    const { since, hash } = row;
    job.rows.push({ kind: 'record', key: generation, since, base: 0, hash });
    job.merge.add(new PackedRecord(row.body));
    return true;
  }

  private writeMerge({ facts, rows, merge }: MergeJob): void {
    const first = rows[0] as HistoryRow;
    const body = merge.finish(first.since);
    const last = facts.at(-1) as RecordFact;
    const hash = sha256(body);
    const row = { kind: 'record', key: last.generation, since: first.since, base: 0, hash } as const;
    const isDone = this.transaction(this.image.head.history.floor, () => {
      for (const old of rows) this.removeFromSum(old);
      this.statements.recordUpdate.run(row.since, hash, body, row.key);
      this.statements.recordDelete.run(first.key, row.key - 1);
      const { head } = this.image;
      const sum = addRow(head.history.rows, historyRowHash(row));
      head.history = { ...head.history, rows: sum };
      this.thinRows(first.key, last.generation);
    });
    if (!isDone) return;
    const merged = { ...last, since: first.since, bytes: body.length };
    const at = this.facts.indexOf(facts[0] as RecordFact);
    this.facts.splice(at, facts.length, merged);
    for (const { bytes } of facts) this.recordBytes -= storedBytes(bytes);
    this.recordBytes += storedBytes(body.length);
    this.image.count('recordsMerged', facts.length);
    this.image.count('historyBytesMerged', body.length);
  }

  /** Rows of `checkpoint` and `journal` go with their generations, but for the newest; `first` to `last` were thinned. */
  private thinRows(first: number, last: number): void {
    const { head, limits } = this.image;
    const { checkpointThin, journalThin } = this.statements;
    const end = head.objectsFolded - limits.checkpointRows;
    const ranges = [
      [first, Math.min(last, end)],
      // Thinned earlier, and not among the newest any more.
      [this.rowsThinned + 1, end],
    ] as const;
    for (const [from, to] of ranges) {
      if (from > to) continue;
      checkpointThin.run(from, to);
      journalThin.run(from, to);
    }
    this.rowsThinned = Math.max(this.rowsThinned, end);
  }

  private removeFromSum(row: HistoryRow): void {
    const { head } = this.image;
    head.history = { ...head.history, rows: removeRow(head.history.rows, historyRowHash(row)) };
  }

  /** Changes rows by a plan; false, and nothing is changed, when a tag came since it was made. */
  private transaction(floor: number, work: () => void): boolean {
    const { image } = this;
    const { head, effects } = image;
    image.begin();
    if (this.isTaggedAnew()) {
      image.commit();
      return false;
    }
    effects.phase('thin-begin');
    work();
    head.history = { ...head.history, floor: Math.max(head.history.floor, floor) };
    image.headTable.write(head);
    effects.phase('thin-commit');
    image.commit();
    effects.phase('thin-after');
    return true;
  }

  private isTaggedAnew(): boolean {
    const known = new Set(this.tagsSeen);
    return (this.statements.tagged.all() as number[]).some((generation) => !known.has(generation));
  }
}

/** About what a row with so many bytes takes in the file: SQLite gives large ones pages of their own. */
function storedBytes(bytes: number): number {
  return bytes < 1024 ? bytes + 64 : Math.ceil((bytes + 64) / 2048) * 2048;
}

interface RecordColumns {
  readonly generation: number;
  readonly since: number;
  readonly hash: Buffer;
}

function prepare(database: Database.Database) {
  const timeAt = recordHeader.offset.wallMs + 1;
  return {
    recordsAfter: database.prepare<
      [number, number, number],
      { generation: number; since: number; bytes: number; time: Buffer }
    >(
      `SELECT generation, since, length(body) AS bytes, substr(body, ${timeAt}, 8) AS time FROM record
       WHERE generation > ? AND generation <= ? ORDER BY generation LIMIT ?`,
    ),
    epochs: database.prepare<[number], EpochFact>(
      `SELECT epoch AS begin, min(base) AS base, max(id) AS lastId, sum(length(body)) AS bytes FROM reverse
       WHERE id <= ? GROUP BY epoch ORDER BY epoch`,
    ),
    tagged: database.prepare('SELECT generation FROM tag ORDER BY generation').pluck(),
    record: database.prepare<[number], RecordColumns & { body: Buffer }>(
      'SELECT generation, since, hash, body FROM record WHERE generation = ?',
    ),
    recordRows: database.prepare<[number, number], RecordColumns>(
      'SELECT generation, since, hash FROM record WHERE generation BETWEEN ? AND ?',
    ),
    recordUpdate: database.prepare('UPDATE record SET since = ?, hash = ?, body = ? WHERE generation = ?'),
    recordDelete: database.prepare('DELETE FROM record WHERE generation BETWEEN ? AND ?'),
    reverseOf: database.prepare<[number, number, number], { id: number; base: number; hash: Buffer }>(
      'SELECT id, base, hash FROM reverse WHERE epoch = ? AND id <= ? ORDER BY id LIMIT ?',
    ),
    reverseDelete: database.prepare('DELETE FROM reverse WHERE id = ?'),
    checkpointThin: database.prepare(
      `DELETE FROM checkpoint WHERE generation BETWEEN ? AND ?
         AND NOT EXISTS (SELECT 1 FROM record WHERE record.generation = checkpoint.generation)`,
    ),
    journalThin: database.prepare(
      `DELETE FROM journal WHERE generation BETWEEN ? AND ?
         AND NOT EXISTS (SELECT 1 FROM checkpoint WHERE checkpoint.generation = journal.generation)`,
    ),
  };
}
