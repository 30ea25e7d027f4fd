/**
 * I.10: images of each format, stopped in the middle of calls, are opened by this release: whole, answering what was written
 * down when they were made, and going on to the end of their program. `npm run golden` makes those of this format.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { zstdDecompressSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FORMAT_OLDEST, FORMAT_VERSION } from '../../src/persist/store/migrate.ts';
import { formatsIn, type Golden, inside, lasting, schemaHash, stateHash } from '../golden/golden.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { perdure } from './perdure.ts';

/** CI asks all stops; a short run some. */
const isLong = process.env.CI !== undefined;
const folder = fileURLToPath(new URL('../golden/', import.meta.url));

function read(format: number): Golden {
  return JSON.parse(fs.readFileSync(path.join(folder, `stages-${format}.json`), 'utf8')) as Golden;
}

function unpack(format: number): string {
  const cwd = scratchFolder();
  const packed = fs.readFileSync(path.join(folder, `stages-${format}.db.zst`));
  fs.writeFileSync(path.join(cwd, 'image.db'), zstdDecompressSync(packed));
  return cwd;
}

test('there is a golden image of every format that is opened, and of the tables as they are now', () => {
  for (let format = FORMAT_OLDEST; format <= FORMAT_VERSION; format++)
    assert.ok(formatsIn(folder).includes(format), `format ${format}: npm run golden makes it`);
  assert.is(
    read(FORMAT_VERSION).schema,
    schemaHash(),
    `store/schema.sql has changed since the golden image of format ${FORMAT_VERSION} was made: before that format is in a release, ` +
      'npm run golden makes it anew; after it, the format needs a new number and a step in migrate.ts',
  );
});

test('every stop of a golden image is whole and answers what was written down', async () => {
  for (const format of formatsIn(folder)) {
    const golden = read(format);
    const image = path.join(unpack(format), 'image.db');
    for (const [i, { tag, entries, hash }] of golden.stops.entries()) {
      if (!isLong && i % 5 !== 0) continue;
      assert.is(stateHash(image, tag), hash, `format ${format}, ${tag}`);
      assert.equal(inside(image, tag), entries, `format ${format}, ${tag}`);
    }
    const seen = golden.stops.flatMap(({ entries }) => entries);
    assert.ok(seen.length >= golden.stops.length, 'each is inside some call');
  }
});

test('a golden image is whole, and goes on from its newest stop and from an older one to the end of its program', async () => {
  for (const format of formatsIn(folder)) {
    const golden = read(format);
    const cwd = unpack(format);
    const run = ['run', '--clock', 'instructions', '--seed', '1', '--ram', '16M'];
    const must = async (...words: string[]): Promise<string> => {
      const { status, stdout, stderr } = await perdure(words, { cwd });
      assert.is(status, 0, `format ${format}: perdure ${words.join(' ')}: ${stderr}`);
      return stdout;
    };
    await must('check', '--deep', 'image.db');
    const older = golden.stops[Math.floor(golden.stops.length / 3)];
    await must('fork', `image.db@${older?.tag}`, 'fork.db');
    const [newest, forked] = [
      lasting(await must(...run, 'image.db')),
      lasting(await must(...run, 'fork.db')),
    ];
    assert.ok(
      newest.length > 0 && forked.length > newest.length,
      `${newest.length} lines, ${forked.length} from ${older?.tag}`,
    );
    assert.equal(forked.slice(-newest.length), newest);
    // As a run wrote it that was never stopped.
    assert.is(createHash('sha256').update(newest.join('\n')).digest('hex'), golden.output);
  }
});

test.run();
