/**
 * Nothing that comes out of a file is believed: forged objects, records and rows are refused, or are a legal system.
 * `npm run damage` does more of each.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readBorder } from '../../src/cli/machine/border-state.ts';
import { copyImage, withCrashed } from './damage-tools.ts';
import { forgeAndRun, forgedBorders, makeBases } from './forged.ts';
import { forgeFile, tryForged } from './forged-file.ts';

const seed = Number(process.env.PERDURE_SEED ?? 7);
const repeat = `repeat with PERDURE_SEED=${seed}`;

test('a machine whose objects or counters are forged refuses, or goes on as a legal system', () => {
  const bases = makeBases();
  let refused = 0;
  for (let i = 0; i < 150; i++) {
    const { store, subject } = bases[i % bases.length] as (typeof bases)[number];
    if (forgeAndRun(store, subject, seed * 1000 + i).verdict === 'refused') refused++;
  }
  assert.ok(refused > 30 && refused < 150, `${refused} of 150 were refused; ${repeat}`);
});

test('a file whose rows are forged, hashes and all, is refused as damaged or can be read', async () => {
  await withCrashed(seed, async (images) => {
    let refused = 0;
    for (let i = 0; i < 12; i++) {
      copyImage(images.newer, images.copy);
      forgeFile(images.copy, seed * 1000 + i);
      if (await tryForged(images.copy)) refused++;
    }
    assert.ok(refused > 0, `${refused} of 12 were refused; ${repeat}`);
  });
});

test('a border that no machine wrote is refused', () => {
  for (const border of forgedBorders) {
    assert.throws(() => readBorder(border), /^the state of the border: |state of the border/, border);
  }
});

test.run();
