/**
 * Which tier of the hart a machine runs in: PERDURE_TIER=interpreter|translator|auto|random[:SEED] in the environment.
 *
 * A hook of the tests, to show that it makes no difference. Invariant: the plan is no part of any state; `random` is a
 * function of its seed and the tick alone, so that it is the same in every life of an image. Read by `perdure run`.
 */
import type { Tier } from '../../hw/machine.ts';
import { generator } from '../crash/plan.ts';
import { usageError } from '../errors.ts';
import type { Invocation } from '../verb.ts';

export interface TierPlan {
  /** As it was given; for the report. */
  readonly name: string;
  readonly first: Tier;
  /** The tier at this tick, and how many ticks it stays; null: it never changes. */
  readonly at: ((tick: bigint) => { readonly tier: Tier; readonly ticks: number }) | null;
}

const tiers: readonly Tier[] = ['interpreter', 'translator', 'auto'];

/** Ticks that `random` stays in one tier: long enough for code to become hot, and no divisor of anything. */
const STAY_TICKS = 20_011;
const SEED_DEFAULT = 1;

function isTier(name: string): name is Tier {
  return (tiers as readonly string[]).includes(name);
}

/** One tier for each stretch of STAY_TICKS, drawn from the seed. */
function randomPlan(name: string, seed: number): TierPlan {
  const drawn = (stretch: bigint): Tier => {
    const draw = generator(Math.imul(seed, 0x9e37_79b1) ^ Number(BigInt.asUintN(32, stretch)))();
    return tiers[Math.floor(draw * tiers.length)] as Tier;
  };
  const stay = BigInt(STAY_TICKS);
  return {
    name,
    first: 'auto',
    at: (tick) => ({ tier: drawn(tick / stay), ticks: Number(stay - (tick % stay)) }),
  };
}

/** Throws OperatorError when the variable is none of these. */
export function tierPlanOf(env: Invocation['env']): TierPlan {
  const text = env.PERDURE_TIER ?? '';
  const name = text === '' ? 'auto' : text;
  if (isTier(name)) return { name, first: name, at: null };
  const match = /^random(?::(\d{1,9}))?$/.exec(name);
  if (match === null) {
    throw usageError(
      `PERDURE_TIER=${name}: there is no such tier`,
      `${tiers.join(', ')}, random or random:SEED`,
    );
  }
  return randomPlan(name, Number(match[1] ?? SEED_DEFAULT));
}
