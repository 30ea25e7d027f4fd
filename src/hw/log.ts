/**
 * The modification log: which frames were written since it was drained last, in the order of the first writes.
 *
 * Lies in the linear memory, where the hart's stores append to it; each frame has at most one entry, whose index the
 * frame's word in `logIndexes` tells. An entry that was forgotten stays as a gap until the log is drained or compacted.
 * Made by create.ts; used through the contract of machine.ts. A class for the reason given in hart.ts.
 */
import { assert } from '../base/assert.ts';
import { at, type LinearMemory, LOG_ENTRY_SIZE, LOG_FORGOTTEN } from './layout.ts';
import type { ModificationLog } from './machine.ts';

export class ModelLog implements ModificationLog {
  readonly #view: DataView;
  readonly #place: LinearMemory;
  readonly #flushWrites: () => void;
  readonly #frameChanged: (frame: number) => void;
  #forgotten = 0;
  /** Entries below this index were reported. */
  #reported = 0;
  #isDraining = false;

  /** `flushWrites`: the hart is to log its next write to each frame. */
  constructor(
    view: DataView,
    place: LinearMemory,
    flushWrites: () => void,
    frameChanged: (frame: number) => void,
  ) {
    this.#view = view;
    this.#place = place;
    this.#flushWrites = flushWrites;
    this.#frameChanged = frameChanged;
  }

  get #count(): number {
    return this.#view.getUint32(at.logCount, true);
  }

  set #count(value: number) {
    this.#view.setUint32(at.logCount, value, true);
  }

  #entryAt(index: number): number {
    return this.#place.log + index * LOG_ENTRY_SIZE;
  }

  #indexWord(frame: number): number {
    return this.#place.logIndexes + frame * 4;
  }

  get length(): number {
    return this.#count - this.#forgotten;
  }

  drain(report: (frame: number, pcLow: number, pcHigh: number) => void): void {
    const view = this.#view;
    const entries = this.#count;
    const reported = this.#reported;
    this.#isDraining = true;
    for (let index = 0; index < entries; index++) {
      const entry = this.#entryAt(index);
      const frame = view.getUint32(entry, true);
      if (frame === LOG_FORGOTTEN) continue;
      view.setUint32(this.#indexWord(frame), 0, true);
      if (index >= reported) report(frame, view.getUint32(entry + 8, true), view.getUint32(entry + 12, true));
    }
    this.#isDraining = false;
    this.#count = 0;
    this.#forgotten = 0;
    this.#reported = 0;
    this.#flushWrites();
  }

  read(count: number, report: (frame: number, pcLow: number, pcHigh: number) => void): void {
    const view = this.#view;
    const end = Math.min(this.#count, this.#reported + count);
    this.#isDraining = true;
    for (let index = this.#reported; index < end; index++) {
      const entry = this.#entryAt(index);
      const frame = view.getUint32(entry, true);
      if (frame === LOG_FORGOTTEN) continue;
      report(frame, view.getUint32(entry + 8, true), view.getUint32(entry + 12, true));
    }
    this.#isDraining = false;
    this.#reported = end;
  }

  note(frame: number, pcLow: number, pcHigh: number): void {
    this.#checkFrame(frame);
    this.#frameChanged(frame);
    const view = this.#view;
    const indexWord = this.#indexWord(frame);
    if (view.getUint32(indexWord, true) !== 0) return;
    const index = this.#count;
    const entry = this.#entryAt(index);
    view.setUint32(entry, frame, true);
    view.setUint32(entry + 8, pcLow, true);
    view.setUint32(entry + 12, pcHigh, true);
    this.#count = index + 1;
    view.setUint32(indexWord, index + 1, true);
  }

  forget(frame: number): void {
    this.#checkFrame(frame);
    const view = this.#view;
    const index = view.getUint32(this.#indexWord(frame), true);
    if (index === 0) return;
    view.setUint32(this.#indexWord(frame), 0, true);
    view.setUint32(this.#entryAt(index - 1), LOG_FORGOTTEN, true);
    this.#forgotten += 1;
    // As many forgotten entries as frames, and each frame once: that is the log's capacity.
    if (this.#forgotten >= this.#place.frameCount) this.#compact();
    this.#flushWrites();
  }

  #checkFrame(frame: number): void {
    assert(!this.#isDraining, 'modification log: it does not change while it is drained');
    assert(frame >= 0 && frame < this.#place.frameCount, 'modification log: the frame is one of RAM');
  }

  #compact(): void {
    const view = this.#view;
    const reported = this.#reported;
    let kept = 0;
    for (let index = 0; index < this.#count; index++) {
      if (index === reported) this.#reported = kept;
      const from = this.#entryAt(index);
      const frame = view.getUint32(from, true);
      if (frame === LOG_FORGOTTEN) continue;
      const to = this.#entryAt(kept++);
      view.setUint32(to, frame, true);
      view.setBigUint64(to + 8, view.getBigUint64(from + 8, true), true);
      view.setUint32(this.#indexWord(frame), kept, true);
    }
    if (reported >= this.#count) this.#reported = kept;
    this.#count = kept;
    this.#forgotten = 0;
  }
}
