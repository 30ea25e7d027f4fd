/**
 * What is read of an image when it is opened: the head and all that proves itself by it, in one snapshot, verified.
 *
 * It may be read before this process is the owner, to save time: then it counts only if the file is still the same when it
 * is (`version`), and what was found wrong is looked at again. Called by `open.ts` with a connection that only reads.
 */
import type Database from 'better-sqlite3';
import type { Head, StoredObject } from './contract.ts';
import { HeadTable } from './head.ts';
import type { MainPhase } from './phases.ts';
import { readPrograms } from './programs.ts';
import type { PackedRecord } from './record.ts';
import { readObjects, readOutput, readRecords } from './restart.ts';
import { contentVersion, readImageId, translate } from './schema.ts';

export interface Opening {
  /** Of the file's content: another one says that somebody has written since. */
  readonly version: unknown;
  readonly generation: number;
  readonly pagesFolded: number;
  /** Null for an image without a checkpoint. */
  readonly head: Head | null;
  readonly objects: readonly StoredObject[];
  /** Oldest first, with their hashes by generation. */
  readonly records: readonly PackedRecord[];
  readonly hashes: ReadonlyMap<number, Buffer>;
}

/** True when the file is as it was then. */
export function isSame(reader: Database.Database, opening: Opening): boolean {
  return reader.transaction(() => {
    // A snapshot begins with the first row that is read.
    reader.prepare('SELECT 1 FROM sqlite_schema').get();
    return contentVersion(reader) === opening.version;
  })();
}

/** Reads and verifies. Throws DamageError and StoreError. */
export function readOpening(
  reader: Database.Database,
  path: string,
  phase: (label: MainPhase) => void,
): Opening {
  return translate(path, () =>
    reader.transaction((): Opening => {
      const row = new HeadTable(reader, readImageId(reader)).read();
      const { records, hashes } = readRecords(reader, row);
      const newest = records.at(-1);
      const programs = readPrograms(reader, row.programHash);
      const head: Head | null =
        newest === undefined
          ? null
          : {
              generation: row.generation,
              tick: newest.header.tick,
              kernelRecord: newest.kernelRecord,
              border: newest.border,
              clean: newest.clean,
              ...(newest.origin === null ? {} : { origin: newest.origin }),
              programs,
              unconfirmedOutput: readOutput(reader, row, records),
            };
      phase('load-objects');
      const objects = readObjects(reader, row, records);
      const { generation, pagesFolded } = row;
      return { version: contentVersion(reader), generation, pagesFolded, head, objects, records, hashes };
    })(),
  );
}
