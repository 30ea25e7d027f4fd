/**
 * Who has an image open: for tools that look from outside.
 *
 * The lock on the side file says whether somebody has it; the file's header says who. Never to be called by the owner's
 * own process: closing the file that is read here would drop the owner's lock (POSIX).
 */
import { closeSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { isBusy, sidePath } from './side.ts';

/** Offset of user_version in the header of an SQLite file; 4 bytes, big endian. */
const USER_VERSION_OFFSET = 60;

/** The process id of the image's owner, or null when nobody has it. */
export function ownerOf(imagePath: string): number | null {
  const real =
    statSync(imagePath, { throwIfNoEntry: false }) === undefined ? imagePath : realpathSync(imagePath);
  const path = sidePath(real);
  if (statSync(path, { throwIfNoEntry: false }) === undefined || !isLocked(path)) return null;
  const bytes = Buffer.alloc(4);
  const file = openSync(path, 'r');
  const count = readSync(file, bytes, 0, 4, USER_VERSION_OFFSET);
  closeSync(file);
  const pid = count === 4 ? bytes.readUInt32BE(0) : 0;
  return pid > 0 ? pid : null;
}

function isLocked(path: string): boolean {
  const database = new Database(path, { readonly: true, fileMustExist: true, timeout: 0 });
  try {
    database.prepare('SELECT count(*) FROM sqlite_schema').get();
    return false;
  } catch (error) {
    if (isBusy(error)) return true;
    throw error;
  } finally {
    database.close();
  }
}
