/**
 * A campaign in one tier: programs of seed after seed until enough random instructions were compared with qemu.
 *
 * Every other program is cut into small pieces. Invariant: a campaign that was to try the translator and interpreted
 * instead does not pass (`checkTranslated`). Called by the campaign tool and by the test.
 */
import type { Tier } from '../../../src/hw/machine.ts';
import { compareWithQemu, type Way } from './compare.ts';

const INSTRUCTIONS_PER_PROGRAM = 100_000;
const CUT_MAX = 400;
/**
 * How much of what ran in one piece must have run translated. For the translator nearly all; for `auto` the sequences
 * that are made to become hot, which are most of what retires.
 */
const TRANSLATED_MIN: Readonly<Record<Tier, number>> = { interpreter: 0, translator: 0.8, auto: 0.5 };

export interface CampaignPart {
  readonly tier: Tier;
  readonly instructions: number;
  /** Of the instructions retired by programs that were not cut, how many were translated: 0 to 1; null without any. */
  readonly translatedShare: number | null;
  /** Null when everything was equal. */
  readonly difference: string | null;
}

/** Which program is cut; the same for a seed in whatever campaign it is. */
export function wayOf(seed: number, tier: Tier): Way {
  return { tier, cutMax: seed % 2 === 0 ? 0 : CUT_MAX };
}

/** Compares at least this many random instructions, from this seed on. */
export function campaign(
  tier: Tier,
  firstSeed: number,
  instructionsMin: number,
  folder: string,
  tell: (line: string) => void,
): CampaignPart {
  let instructions = 0;
  let translated = 0;
  let retired = 0;
  let difference: string | null = null;
  for (let seed = firstSeed; instructions < instructionsMin && difference === null; seed++) {
    const way = wayOf(seed, tier);
    const wanted = Math.min(INSTRUCTIONS_PER_PROGRAM, instructionsMin - instructions);
    const comparison = compareWithQemu(seed, wanted, folder, way);
    instructions += comparison.instructions;
    if (way.cutMax === 0) {
      translated += comparison.statistics.translated;
      retired += comparison.statistics.translated + comparison.statistics.interpreted;
    }
    tell(`${tier}, seed ${seed}: ${instructions} instructions`);
    if (comparison.difference === null) continue;
    const again = `node test/hw/differential.ts --tier ${tier} --seed ${seed} --instructions ${wanted}`;
    difference = `${comparison.difference}\nagain: ${again}`;
  }
  return { tier, instructions, translatedShare: retired === 0 ? null : translated / retired, difference };
}

/** What is wrong with how a campaign ran, or null. A campaign whose every program was cut is not judged. */
export function checkTranslated({ tier, translatedShare }: CampaignPart): string | null {
  if (translatedShare === null) return null;
  if (tier === 'interpreter')
    return translatedShare === 0 ? null : 'tier interpreter: something was translated';
  if (translatedShare >= TRANSLATED_MIN[tier]) return null;
  const share = (100 * translatedShare).toFixed(1);
  return `tier ${tier}: only ${share} % of the instructions ran translated, so this compared little of it`;
}
