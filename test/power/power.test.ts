/**
 * Loss of power: a recorded run, cut at some of its syncs, opens to what was acknowledged. `npm run power` makes every cut.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Durability } from '../../src/persist/store/contract.ts';
import { randomOf } from '../persist/store-model.ts';
import { testNeeding } from '../tools/needs.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { chooseCuts, type Life, makeCuts, recordLives } from './campaign.ts';
import { Disk, kinds, losses, type Step } from './disk.ts';

const seed = Number(process.env.PERDURE_SEED ?? 5);
const gccTest = testNeeding(test, 'gcc');
const short: readonly Life[] = [
  { last: 400, crash: 'acknowledged:8' },
  { last: 16, crash: '' },
];

/** `begunMin` of the cuts must leave an image with a generation: at durability process only a copy of the log makes one certain. */
async function cutsHold(durability: Durability, count: number, begunMin: number): Promise<void> {
  const folder = scratchFolder();
  const { steps, imageFolder } = recordLives(folder, seed, durability, short);
  const cuts = chooseCuts(steps, count, randomOf(seed));
  let opened = 0;
  for await (const result of makeCuts(steps, imageFolder, join(folder, 'left'), cuts, seed, durability)) {
    const { step, loss } = result.cut;
    assert.is(result.trouble, '', `cut at ${step}, ${losses[loss]?.what}; repeat with PERDURE_SEED=${seed}`);
    if (result.generation > 0) opened++;
  }
  assert.ok(opened >= begunMin, `${opened} of ${count} cuts left an image that had begun`);
}

gccTest('at durability power a loss of power leaves what was acknowledged', () => cutsHold('power', 12, 5));
gccTest('at durability process a loss of power leaves an older generation, whole', () =>
  cutsHold('process', 8, 1),
);

test('the disk of the power tests keeps what was synced and may lose, or spoil, only what was not', () => {
  const step = (kind: number, more: Partial<Step>): Step => ({
    ...{ kind, descriptor: 3, flags: 0, path: '', offset: 0, data: Buffer.alloc(0) },
    ...more,
  });
  const folder = '/recorded';
  const disk = new Disk(folder);
  const target = join(scratchFolder(), 'left');
  const left = (loss: number): string => {
    disk.writeAfterLoss(target, losses[loss] as (typeof losses)[number], randomOf(1));
    return readdirSync(target)
      .map((name) => `${name}=${readFileSync(join(target, name), 'latin1')}`)
      .join();
  };
  disk.apply(step(kinds.open, { path: `${folder}/a`, flags: 0o100 }));
  disk.apply(step(kinds.write, { data: Buffer.from('one') }));
  disk.apply(step(kinds.sync, {}));
  assert.is(left(0), '', 'a name is certain after a sync of its folder only');
  assert.is(left(1), 'a=one');
  disk.apply(step(kinds.open, { path: folder, descriptor: 4 }));
  disk.apply(step(kinds.sync, { descriptor: 4 }));
  disk.apply(step(kinds.write, { offset: 3, data: Buffer.from('two') }));
  assert.is(left(0), 'a=one');
  assert.is(left(1), 'a=onetwo');
  disk.apply(step(kinds.truncate, { offset: 1 }));
  assert.is(left(0), 'a=one');
  assert.is(left(1), 'a=o');
  disk.apply(step(kinds.rename, { path: `${folder}/a`, data: Buffer.from(`${folder}/b`) }));
  assert.is(left(0), 'a=one');
  assert.is(left(1), 'b=o');
  disk.apply(step(kinds.sync, {}));
  assert.is(left(0), 'a=o');
});

test.run();
