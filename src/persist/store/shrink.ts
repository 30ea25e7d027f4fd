/**
 * Free pages of the file go back to the file system at a clean stop.
 *
 * What is deleted leaves free pages, which the next rows use: a running machine's file levels off, but does not get
 * shorter. `auto_vacuum` would make it so at the price of a pointer-map page in the log of nearly every commit; instead
 * the file is written anew when more of it is free than in use, so that it costs no more than it gives back, and not
 * when that would keep somebody waiting who wants to stop. Worker only, after the last commit.
 */
import type Database from 'better-sqlite3';
import { PAGE_SIZE } from '../../base/limits.ts';

/** Free bytes that are not worth the trouble. */
const FREE_BYTES_MIN = 4 * 1024 * 1024;
/** Bytes in use that are not written anew while somebody waits: about two seconds of an ordinary disk. */
const USED_BYTES_MAX = 256 * 1024 * 1024;

/** True when the file should be written anew: sizes in bytes. */
export function isWorthShrinking(freeBytes: number, usedBytes: number): boolean {
  return freeBytes >= FREE_BYTES_MIN && freeBytes > usedBytes && usedBytes <= USED_BYTES_MAX;
}

/** Writes the file anew without its free pages, if that is worth it or wanted in any case. One transaction: a death on the way changes nothing. */
export function shrink(database: Database.Database, isWanted: boolean): void {
  const count = (name: string): number => Number(database.pragma(name, { simple: true })) * PAGE_SIZE;
  const freeBytes = count('freelist_count');
  if (!isWanted && !isWorthShrinking(freeBytes, count('page_count') - freeBytes)) return;
  try {
    database.exec('VACUUM');
  } catch {
    // No room for the copy, or a stock client looks at the file: the image is complete as it is.
  }
}
