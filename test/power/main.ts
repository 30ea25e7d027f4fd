/**
 * `npm run power -- [--cuts N] [--seed S] [--durability process|power]`: cuts the power at N places of a recorded run and opens what is left.
 *
 * Needs gcc. A failing cut prints how to repeat it alone (`--only STEP:LOSS`). Last line `N passed, N failed`.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Durability } from '../../src/persist/store/contract.ts';
import { randomOf } from '../persist/store-model.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { chooseCuts, makeCuts, recordLives } from './campaign.ts';
import { losses } from './disk.ts';

const { values } = parseArgs({
  options: {
    cuts: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    durability: { type: 'string', default: 'power' },
    only: { type: 'string' },
  },
});
const seed = Number(values.seed);
const durability = values.durability as Durability;
const folder = scratchFolder();
const { steps, imageFolder } = recordLives(folder, seed, durability);
const [onlyStep, onlyLoss] = (values.only ?? '').split(':').map(Number);
const cuts =
  values.only === undefined
    ? chooseCuts(steps, Number(values.cuts), randomOf(seed))
    : [{ step: onlyStep ?? 0, loss: onlyLoss ?? 0 }];
let failed = 0;
let refused = 0;
let newer = 0;
for await (const result of makeCuts(steps, imageFolder, join(folder, 'left'), cuts, seed, durability)) {
  const { cut, acknowledged, generation, trouble, refusal } = result;
  if (generation > acknowledged) newer++;
  if (refusal !== '') refused++;
  if (trouble === '') continue;
  failed++;
  console.log(`FAIL step ${cut.step} of ${steps.length}, ${losses[cut.loss]?.what}: ${trouble}`);
}
console.log(
  `${steps.length} steps recorded, ${cuts.length} cuts (seed ${seed}): ${newer} opened newer than acknowledged, ${refused} refused before anything was acknowledged`,
);
console.log(`${cuts.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 && cuts.length > 0 ? 0 : 1;
