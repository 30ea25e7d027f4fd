/**
 * What types into a machine that is killed: a line at a time, the next when the one before was answered.
 *
 * Invariant: a line is typed again exactly when the image does not have it, as a sender does that was not acknowledged.
 * Called by the campaign; looks into an image only while no machine has it.
 */
import fs from 'node:fs';
import type { Writable } from 'node:stream';
import { HeadTable } from '../../persist/store/head.ts';
import { readRecords } from '../../persist/store/restart.ts';
import { openReader, readImageId } from '../../persist/store/schema.ts';
import type { BorderState } from '../machine/assemble.ts';

const POLL_MS = 4;
const LINE_BYTES = 24;

function line(index: number): string {
  return `typed line ${String(index * 7919).padStart(LINE_BYTES - 12, '.')}\n`;
}

/** Lines that entered the image at `path`, in whichever life. */
function linesEntered(path: string): number {
  if (!fs.existsSync(path)) return 0;
  let reader: ReturnType<typeof openReader>;
  try {
    reader = openReader(path);
  } catch {
    // Its creation has not come to a first commit.
    return 0;
  }
  try {
    const head = new HeadTable(reader, readImageId(reader)).read();
    const newest = readRecords(reader, head).records.at(-1);
    if (newest === undefined) return 0;
    return Math.floor((JSON.parse(newest.border) as BorderState).input.taken / LINE_BYTES);
  } finally {
    reader.close();
  }
}

function linesOf(path: string): number {
  if (!fs.existsSync(path)) return 0;
  let count = 0;
  for (const byte of fs.readFileSync(path)) if (byte === 10) count++;
  return count;
}

/** Types the lines that the image at `image` lacks into `stream`; returns what stops it. */
export function typeInto(stream: Writable, image: string, output: string, lineCount: number): () => void {
  let typed = linesEntered(image);
  // A machine that died takes no more; that it died is seen elsewhere.
  stream.on('error', () => undefined);
  const timer = setInterval(() => {
    const answered = Math.min(linesOf(output), lineCount);
    if (answered < typed) return;
    if (typed < lineCount) stream.write(line(typed++));
    else {
      clearInterval(timer);
      stream.end();
    }
  }, POLL_MS);
  return () => clearInterval(timer);
}
