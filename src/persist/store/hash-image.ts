/**
 * The image hash: what two runs of one machine must have in common.
 *
 * SHA-256 over the pages that are not all zeros (number, content), the objects (address, type, serial, state, links; a
 * link whose target is gone counts as null), and the kernel record, each in order. Not over generations, statistics or
 * where things lie in the file. Reads a folded image, verifying everything as a restart does; any connection can do it.
 */
import { createHash } from 'node:crypto';
import type Database from 'better-sqlite3';
import { assert } from '../../base/assert.ts';
import { GrowingBytes } from './bytes.ts';
import type { StoredLink, StoredObject } from './contract.ts';
import { DamageError } from './contract.ts';
import { appendObject } from './entries.ts';
import { HeadTable } from './head.ts';
import { isZero, PageMap } from './map.ts';
import { preparePageSelect, readFoldedPage } from './pages.ts';
import { readObjects, readRecords } from './restart.ts';
import { readImageId } from './schema.ts';

/** The hash of an image whose head is folded, in hexadecimal. */
export function hashImage(database: Database.Database): string {
  return database.transaction(() => {
    const head = new HeadTable(database, readImageId(database)).read();
    assert(head.pagesFolded === head.generation, 'image hash: pages are folded');
    const { records } = readRecords(database, head);
    const sum = createHash('sha256');
    const blockSelect = database.prepare('SELECT entries FROM map WHERE id = ?').pluck();
    const map = new PageMap((key) => blockSelect.get(key) as Buffer | undefined);
    map.setRoot(head.map);
    hashPages(database, map, sum);
    const objects = readObjects(database, head, records);
    const bytes = new GrowingBytes(4096);
    for (const object of withoutStaleLinks(objects)) {
      bytes.length = 0;
      appendObject(bytes, object);
      sum.update(bytes.used());
    }
    const kernelRecord = records.at(-1)?.kernelRecord;
    if (kernelRecord !== undefined) sum.update(kernelRecord);
    return sum.digest('hex');
  })();
}

function hashPages(database: Database.Database, map: PageMap, sum: ReturnType<typeof createHash>): void {
  const select = preparePageSelect(database);
  const prefix = Buffer.alloc(8);
  for (const number of map.present()) {
    const entry = map.lookup(number);
    assert(entry !== null, 'image hash: a present page has an entry');
    const content = readFoldedPage(select, number, entry);
    if (isZero(content)) continue;
    prefix.writeUInt32LE(number, 0);
    sum.update(prefix).update(content);
  }
  const rows = database.prepare('SELECT count(*) FROM page').pluck().get() as number;
  const known = [...map.present()].length;
  if (rows !== known) throw new DamageError(`there are ${rows} pages, the map has ${known}`);
}

/** Objects with each link that names no living object replaced by null. */
function* withoutStaleLinks(objects: readonly StoredObject[]): Generator<StoredObject> {
  const serials = new Map(objects.map((object) => [object.address, object.serial]));
  for (const object of objects) {
    const links = object.links.map((link): StoredLink => {
      if (link === null || 'name' in link) return link;
      return serials.get(link.address) === link.serial ? link : null;
    });
    yield { ...object, links };
  }
}
