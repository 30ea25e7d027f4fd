/**
 * Frames of RAM and the pages of bottom spaces that they hold.
 *
 * Invariants: a frame holds at most one page; a page's frame is given up only with its table entries removed and its
 * log entry forgotten; a frame's old content is never seen through another page. A frame is only a cache of a page
 * (law 6): what a program can observe never depends on which pages have one. Called by supply, evict, discard, tasks.
 */
import { PAGE_SIZE } from '../../base/limits.ts';
import type { Bottom, KernelState, Page, Space } from '../state.ts';
import { note, traceEvents } from '../trace.ts';
import { ENTRIES_MIN, removeEntries } from './tables.ts';

/** A free frame, or -1. Its content is whatever was there. */
function takeFrame(k: KernelState): number {
  if (k.freeFrameCount > 0) {
    k.freeFrameCount -= 1;
    return k.freeFrames[k.freeFrameCount] as number;
  }
  if (k.frameBump >= k.machine.frameCount) return -1;
  k.frameBump += 1;
  return k.frameBump - 1;
}

/** Frames that a page could get now. */
export function freeFrameCount(k: KernelState): number {
  return k.freeFrameCount + (k.machine.frameCount - k.frameBump);
}

function addPage(
  k: KernelState,
  space: Space,
  bottom: Bottom,
  number: number,
  frame: number,
  isTaskMemory: boolean,
) {
  const page: Page = {
    space,
    number,
    frame,
    protection: 7,
    pins: 0,
    isTaskMemory,
    entries: [],
    entriesMax: ENTRIES_MIN,
  };
  bottom.pages.set(number, page);
  k.pageOfFrame[frame] = page;
  return page;
}

/** Brings a page into memory with this content (null: zeros). Null when no frame is free. */
export function makePage(
  k: KernelState,
  space: Space,
  bottom: Bottom,
  number: number,
  content: Uint8Array | null,
): Page | null {
  const frame = takeFrame(k);
  if (frame < 0) return null;
  const bytes = k.machine.frame(frame);
  if (content === null) bytes.fill(0);
  else bytes.set(content);
  k.machine.log.forget(frame);
  k.machine.hart.frameChanged(frame);
  note(k, traceEvents.supply.kind, 0, number, frame);
  const page = addPage(k, space, bottom, number, frame, false);
  k.contentSums?.set(page, contentSum(k, frame));
  return page;
}

/** A sum of what is in a frame, for the check of pages that nobody wrote to. */
export function contentSum(k: KernelState, frame: number): number {
  const words = new Uint32Array(
    k.machine.bytes.buffer,
    k.machine.ramOffset + frame * PAGE_SIZE,
    PAGE_SIZE / 4,
  );
  let sum = 0;
  for (const word of words) sum = (Math.imul(sum, 31) + word) | 0;
  return sum;
}

/** Takes a page out of memory. What was in it is lost unless somebody has it. */
export function dropPage(k: KernelState, bottom: Bottom, page: Page): void {
  removeEntries(k, page);
  note(k, traceEvents.drop.kind, 0, page.number, page.frame);
  k.machine.log.forget(page.frame);
  k.contentSums?.delete(page);
  bottom.pages.delete(page.number);
  k.pageOfFrame[page.frame] = null;
  k.freeFrames[k.freeFrameCount] = page.frame;
  k.freeFrameCount += 1;
}

/** A user task's own memory: pages that stay, in frames side by side. Null when RAM is too small. */
export function makeTaskMemory(
  k: KernelState,
  space: Space,
  bottom: Bottom,
  address: number,
  pageCount: number,
): Uint8Array | null {
  if (k.frameBump + pageCount > k.machine.frameCount) return null;
  const first = k.frameBump;
  k.frameBump += pageCount;
  for (let i = 0; i < pageCount; i += 1) {
    addPage(k, space, bottom, address / PAGE_SIZE + i, first + i, true);
  }
  const start = k.machine.ramOffset + first * PAGE_SIZE;
  const memory = k.machine.bytes.subarray(start, start + pageCount * PAGE_SIZE);
  memory.fill(0);
  return memory;
}
