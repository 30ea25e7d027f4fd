/**
 * A campaign of random instructions compared with qemu-riscv64, in one tier or in each:
 *
 *     node test/hw/differential.ts [--instructions N] [--seed S] [--tier interpreter|translator|auto] [--json]
 *
 * N is for each tier. Prints the seed, the tier, the instruction and what differs, and ends with 1, at the first
 * difference; 0 when there is none. A tier that hardly translated what it should is a failure too.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Tier } from '../../src/hw/machine.ts';
import { type CampaignPart, campaign, checkTranslated } from './differential/campaign.ts';

const tiers: readonly Tier[] = ['interpreter', 'translator', 'auto'];

const { values } = parseArgs({
  options: {
    instructions: { type: 'string', default: '2000000' },
    seed: { type: 'string', default: '1' },
    tier: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const wanted = Number(values.instructions);
const seed = Number(values.seed);
const chosen = tiers.filter((tier) => values.tier === undefined || tier === values.tier);
if (chosen.length === 0 || !(wanted > 0) || !Number.isSafeInteger(seed)) {
  console.error(
    'differential: --tier is interpreter, translator or auto; --instructions and --seed are numbers',
  );
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), 'perdure-differential-'));
const report: (CampaignPart & { readonly seconds: number })[] = [];
let failure: string | null = null;
try {
  for (const tier of chosen) {
    const startMs = performance.now();
    const part = campaign(tier, seed, wanted, folder, (line) => {
      if (!values.json) console.log(line);
    });
    report.push({ ...part, seconds: Number(((performance.now() - startMs) / 1000).toFixed(1)) });
    failure ??= part.difference ?? checkTranslated(part);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (failure !== null) console.error(failure);
if (values.json) console.log(JSON.stringify({ seed, tiers: report, failure }));
else {
  for (const { tier, instructions, translatedShare, seconds, difference } of report) {
    const share =
      translatedShare === null ? 'all cut' : `${(100 * translatedShare).toFixed(1)} % ran translated`;
    console.log(
      `${tier}: ${instructions} instructions compared in ${seconds} s, ${share}, ${difference === null ? 'all equal' : 'a difference'}`,
    );
  }
}
process.exitCode = failure === null ? 0 : 1;
