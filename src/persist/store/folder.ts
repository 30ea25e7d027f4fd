/**
 * Folding: what records hold moves into the tables, in small transactions between commits.
 *
 * Two passes. Objects (with checkpoints, journal and output): within a second of their commit. Pages: when records have
 * some megabytes, when the machine is idle, now and then, or on request. Then the records that both have passed are
 * history's, where `thinner.ts` has its say. Invariants: after each transaction the head describes the tables;
 * a pass never goes beyond what is committed; with nothing new there is nothing to do, so an idle machine writes nothing.
 * Worker only. Called by `worker.ts` when no batch waits.
 */
import type Database from 'better-sqlite3';
import { checkpointColumns } from './checkpoint-row.ts';
import { addRow, removeRow } from './head.ts';
import type { OpenImage, RecordFact } from './image.ts';
import type { Ladder } from './ladder.ts';
import { isZero } from './map.ts';
import { type DatedObject, ObjectBlocks } from './object-blocks.ts';
import { readPageContent } from './pages.ts';
import type { PackedRecord } from './record.ts';
import { objectRowHash, objectRowOf, outputRowHash } from './rows.ts';
import { Thinner } from './thinner.ts';

/** Pages that a transaction may look at for each that it may write: many pools are made and killed between two passes. */
const LOOKS_PER_ROW = 16;
/** Milliseconds that folding waits behind commits that follow one another without a pause. */
const FOLD_PATIENCE_MS = 200;

interface ObjectPass {
  readonly through: number;
  readonly records: readonly PackedRecord[];
  /** Newest state of each object that changed, null when it is gone. */
  readonly newest: (readonly [number, DatedObject | null])[];
  index: number;
}

interface PagePass {
  readonly through: number;
  readonly bytesBefore: number;
  readonly numbers: readonly number[];
  index: number;
}

export class Folder {
  private readonly image: OpenImage;
  private readonly folded: (generation: number) => void;
  private readonly statements: ReturnType<typeof prepare>;
  private readonly blocks: ObjectBlocks;
  private objectPass: ObjectPass | null = null;
  private pagePass: PagePass | null = null;
  /** When the oldest record came whose objects, or pages, are not folded; -1 when there is none. */
  private objectsSinceMs = -1;
  private pagesSinceMs = -1;
  /** Since when something is due that commits have held up; -1 when nothing is. */
  private dueSinceMs = -1;
  private lastCommitMs: number;
  private requested = false;
  private moved: RecordFact[] = [];
  readonly thinner: Thinner;
  /** While thinning is urgent it has every second turn. */
  private thinnerTurn = false;

  /** `folded` is told up to which generation records are folded. */
  constructor(image: OpenImage, ladder: Ladder, folded: (generation: number) => void) {
    this.image = image;
    this.folded = folded;
    this.statements = prepare(image.database);
    this.blocks = new ObjectBlocks(image.database);
    this.thinner = new Thinner(image, ladder);
    this.lastCommitMs = image.effects.nowMs();
    if (image.pendingRecords.length > 0) this.objectsSinceMs = this.lastCommitMs;
    if (image.head.generation > image.head.pagesFolded) this.pagesSinceMs = this.lastCommitMs;
  }

  /** A record was committed. */
  noteCommit(): void {
    const now = this.image.effects.nowMs();
    this.lastCommitMs = now;
    if (this.objectsSinceMs < 0) this.objectsSinceMs = now;
    if (this.pagesSinceMs < 0) this.pagesSinceMs = now;
  }

  /** Everything is to be folded as soon as possible. */
  request(): void {
    this.requested = true;
  }

  requestDone(): void {
    this.requested = false;
  }

  isComplete(): boolean {
    const { head } = this.image;
    return head.pagesFolded === head.generation && head.objectsFolded === head.generation;
  }

  private objectsDue(now: number): boolean {
    const { limits, pendingRecordBytes, head } = this.image;
    if (head.objectsFolded === head.generation) return false;
    if (this.requested || pendingRecordBytes > limits.pageFoldBytes / 2) return true;
    return now - this.objectsSinceMs >= limits.objectFoldMs;
  }

  private pagesDue(now: number): boolean {
    const { limits, unfoldedBytes, head } = this.image;
    if (head.pagesFolded === head.generation) return false;
    if (this.requested || unfoldedBytes > limits.pageFoldBytes) return true;
    if (now - this.lastCommitMs >= limits.idleFoldMs) return true;
    return now - this.pagesSinceMs >= limits.pageFoldMs;
  }

  /** Milliseconds until there is something to do; Infinity when a commit has to come first. */
  dueInMs(): number {
    return this.thinner.hasWork() ? 0 : this.foldDueInMs();
  }

  private foldDueInMs(): number {
    const now = this.image.effects.nowMs();
    const { limits, head } = this.image;
    if (this.objectPass !== null || this.pagePass !== null) return 0;
    if (this.objectsDue(now) || this.pagesDue(now)) return 0;
    let due = Number.POSITIVE_INFINITY;
    if (head.objectsFolded < head.generation) {
      due = Math.min(due, this.objectsSinceMs + limits.objectFoldMs - now);
    }
    if (head.pagesFolded < head.generation) {
      due = Math.min(due, this.lastCommitMs + limits.idleFoldMs - now);
      due = Math.min(due, this.pagesSinceMs + limits.pageFoldMs - now);
    }
    return Math.max(0, due);
  }

  /** Folding, or thinning, has waited so long behind commits that it must have its turn. */
  isUrgent(): boolean {
    if (this.thinner.isUrgent()) return true;
    if (this.foldDueInMs() > 0) {
      this.dueSinceMs = -1;
      return false;
    }
    const now = this.image.effects.nowMs();
    if (this.dueSinceMs < 0) this.dueSinceMs = now;
    return now - this.dueSinceMs > FOLD_PATIENCE_MS;
  }

  /**
   * After a commit: what is urgent, and as many steps as keep records that are not folded within twice their limit, and
   * the two records that came last. A pass is as far as its successor has grown, so each commit pays for what it brings.
   */
  keepUp(): void {
    if (this.isUrgent()) this.step();
    while (this.isBehind()) this.stepFold();
  }

  private isBehind(): boolean {
    const { objectPass, pagePass } = this;
    const { limits, pendingRecordBytes, unfoldedBytes } = this.image;
    const objectBytesMax = limits.pageFoldBytes / 2;
    if (objectPass === null && pendingRecordBytes > objectBytesMax) return true;
    if (objectPass !== null && lags(objectPass.newest, objectPass.index, pendingRecordBytes / objectBytesMax))
      return true;
    if (pagePass === null) return unfoldedBytes > limits.pageFoldBytes;
    return lags(
      pagePass.numbers,
      pagePass.index,
      (unfoldedBytes - pagePass.bytesBefore) / limits.pageFoldBytes,
    );
  }

  /** Does one small thing. Only when something is due. */
  step(): void {
    this.thinnerTurn = !this.thinnerTurn;
    if (this.thinnerTurn && this.thinner.isUrgent()) {
      this.thinner.step();
      return;
    }
    if (!this.stepFold() && this.thinner.hasWork()) this.thinner.step();
  }

  /** Does one small transaction of folding; false when there is nothing to fold. */
  private stepFold(): boolean {
    const now = this.image.effects.nowMs();
    if (this.objectPass === null && this.objectsDue(now)) this.beginObjects();
    if (this.objectPass !== null) {
      this.stepObjects(this.objectPass);
      return true;
    }
    if (this.pagePass === null && this.pagesDue(now)) this.beginPages();
    if (this.pagePass === null) return false;
    this.stepPages(this.pagePass);
    return true;
  }

  private beginObjects(): void {
    const { image } = this;
    const records = image.pendingRecords.splice(0);
    image.pendingRecordBytes = 0;
    const newest = new Map<number, DatedObject | null>();
    for (const record of records) {
      for (const address of record.gone()) newest.set(address, null);
      for (const { object } of record.objects()) {
        newest.set(object.address, { object, generation: record.generation });
      }
    }
    this.objectsSinceMs = -1;
    const through = image.head.generation;
    // In the order of addresses, so that a block is written once for all that lies in it.
    const ordered = [...newest].sort((one, other) => one[0] - other[0]);
    this.objectPass = { through, records, newest: ordered, index: 0 };
    image.count('objectFolds', 1);
  }

  private stepObjects(pass: ObjectPass): void {
    const { image } = this;
    image.begin();
    image.effects.phase('fold-objects-begin');
    const end = Math.min(pass.newest.length, pass.index + image.limits.foldRows * 4);
    const changes = pass.newest.slice(pass.index, end);
    for (const [address, entry] of changes) this.writeObject(address, entry);
    image.head.objectBlocks = this.blocks.write(image.head.objectBlocks, changes);
    image.count('objectsFolded', end - pass.index);
    pass.index = end;
    const isLast = end === pass.newest.length;
    if (isLast) {
      for (const record of pass.records) this.writeRows(record);
      image.head.objectsFolded = pass.through;
      this.moveToHistory();
    }
    image.reverse.flush(image.head);
    image.headTable.write(image.head);
    image.effects.phase('fold-objects-commit');
    image.commit();
    image.effects.phase('fold-objects-after');
    if (!isLast) return;
    this.objectPass = null;
    this.tellMoved();
  }

  private writeObject(address: number, entry: DatedObject | null): void {
    const { head } = this.image;
    const { statements } = this;
    const { reverse } = this.image;
    // From the block, which is proved: a row that was damaged is right again after this, and so is the sum.
    const before = this.blocks.find(address);
    if (before !== null) {
      head.objects = removeRow(head.objects, objectRowHash(objectRowOf(before.object, before.generation)));
    }
    if (reverse.needsObject(address)) reverse.saveObject(address, before?.object ?? null);
    if (entry === null) {
      statements.objectDelete.run(address);
      return;
    }
    const row = objectRowOf(entry.object, entry.generation);
    const hash = objectRowHash(row);
    statements.objectWrite.run({ ...row, hash });
    head.objects = addRow(head.objects, hash);
  }

  /** The checkpoint's row, its journal, and what it did to output. */
  private writeRows(record: PackedRecord): void {
    const { head } = this.image;
    const { statements } = this;
    const { generation } = record;
    const hash = this.image.recordHashes.get(generation) as Buffer;
    statements.checkpoint.run(checkpointColumns(record, hash));
    let sequence = 0;
    for (const row of record.journal()) {
      statements.journal.run(generation, sequence++, row.name, Buffer.from(row.data));
    }
    for (const { name: sink, offset, data } of record.output()) {
      const row = { sink, offset, generation, bytes: Buffer.from(data) };
      const rowHash = outputRowHash(row);
      statements.outputWrite.run({ ...row, hash: rowHash });
      head.output = addRow(head.output, rowHash);
    }
    for (const { name: sink, offset } of record.confirmations()) {
      for (const row of statements.outputBelow.all(sink, offset)) {
        head.output = removeRow(head.output, row.hash);
        statements.outputDelete.run(sink, row.offset);
      }
    }
  }

  private beginPages(): void {
    const { image } = this;
    this.pagesSinceMs = -1;
    const numbers = [...image.traces.pages.keys()].sort((a, b) => a - b);
    const through = image.head.generation;
    this.pagePass = { through, bytesBefore: image.unfoldedBytes, numbers, index: 0 };
    image.count('pageFolds', 1);
  }

  private stepPages(pass: PagePass): void {
    const { image } = this;
    image.begin();
    image.effects.phase('fold-pages-begin');
    const end = Math.min(pass.numbers.length, pass.index + image.limits.foldRows * LOOKS_PER_ROW);
    let written = 0;
    for (; pass.index < end && written < image.limits.foldRows; pass.index++) {
      if (this.foldPage(pass.numbers[pass.index] as number)) written++;
    }
    image.count('pagesFolded', written);
    image.flushMap(image.head.generation);
    const isLast = pass.index === pass.numbers.length;
    if (isLast) {
      image.head.pagesFolded = pass.through;
      this.moveToHistory();
    }
    image.reverse.flush(image.head);
    image.headTable.write(image.head);
    image.effects.phase('fold-pages-commit');
    image.commit();
    image.effects.phase('fold-pages-after');
    if (!isLast) return;
    this.pagePass = null;
    image.traces.trim(pass.through);
    image.setUnfolded(image.unfoldedBytes - pass.bytesBefore);
    this.tellMoved();
    if (image.head.pagesFolded < image.head.generation && this.pagesSinceMs < 0) {
      this.pagesSinceMs = image.effects.nowMs();
    }
  }

  /** True when there was something to write: not for what was written already, or was made and discarded since. */
  private foldPage(number: number): boolean {
    const { image } = this;
    const trace = image.traces.pages.get(number);
    if (trace === undefined) return false;
    const entry = image.map.lookup(number);
    if (entry !== null && entry.generation >= trace.newest) return false;
    const slot = image.shadow.find(number);
    const content = slot >= 0 ? image.shadow.page(slot) : readPageContent(number, image.view(), trace);
    if (entry === null && (content === null || isZero(content))) return false;
    image.writePage(number, trace.newest, content);
    return true;
  }

  /** In the last transaction of a pass: hands on what both passes are done with. Before the head is written. */
  private moveToHistory(): void {
    this.moved = this.image.moveToHistory();
  }

  /** After that transaction. */
  private tellMoved(): void {
    const last = this.moved.at(-1);
    if (last !== undefined) {
      this.image.records.trim(last.generation);
      this.folded(Math.min(this.image.head.pagesFolded, last.generation));
    }
    this.thinner.add(this.moved);
    this.moved = [];
  }
}

/** True when less than that share of the items is done. */
function lags(items: readonly unknown[], index: number, share: number): boolean {
  return share >= 1 || index < items.length * share;
}

function prepare(database: Database.Database) {
  return {
    objectWrite: database.prepare(
      `INSERT INTO object (address, serial, type, generation, state, links, hash)
       VALUES (@address, @serial, @type, @generation, @state, @links, @hash)
       ON CONFLICT (address) DO UPDATE SET serial = excluded.serial, type = excluded.type,
         generation = excluded.generation, state = excluded.state, links = excluded.links,
         hash = excluded.hash`,
    ),
    objectDelete: database.prepare('DELETE FROM object WHERE address = ?'),
    checkpoint: database.prepare(
      `INSERT INTO checkpoint (generation, parent, tick, wall_ms, pause_us, page_count, object_count,
         byte_count, clean, hash, next_ticket, next_turn, next_serial, wall_base)
       VALUES (@generation, @parent, @tick, @wall_ms, @pause_us, @page_count, @object_count,
         @byte_count, @clean, @hash, @next_ticket, @next_turn, @next_serial, @wall_base)`,
    ),
    journal: database.prepare('INSERT INTO journal (generation, sequence, kind, data) VALUES (?, ?, ?, ?)'),
    outputWrite: database.prepare(
      'INSERT INTO output (sink, offset, generation, bytes, hash) VALUES (@sink, @offset, @generation, @bytes, @hash)',
    ),
    outputBelow: database.prepare<[string, number], { offset: number; hash: Buffer }>(
      'SELECT offset, hash FROM output WHERE sink = ? AND offset + length(bytes) <= ?',
    ),
    outputDelete: database.prepare('DELETE FROM output WHERE sink = ? AND offset = ?'),
  };
}
