/**
 * The tier that PERDURE_TIER asks for, for tests that make a machine in their own process: so that `npm run tiers` can
 * run them, unchanged, in each tier and with the tier changed at random between two slices.
 *
 * Without the variable: the default. Called by what builds the machines of test/kernel, test/persist and test/userland.
 */
import { generator } from '../../src/cli/crash/plan.ts';
import { tierPlanOf } from '../../src/cli/machine/tier.ts';
import type { Machine, MachineOptions } from '../../src/hw/machine.ts';

export interface TierOfTests {
  readonly options: MachineOptions;
  /** To be called before each slice. */
  readonly turn: (machine: Machine) => void;
}

/** A new sequence of random tiers for each machine, always the same one, because such machines live a short time. */
export function tierOfTests(): TierOfTests {
  const plan = tierPlanOf(process.env);
  const random = generator(1);
  const turn = (machine: Machine): void => {
    if (plan.at !== null) machine.setTier(plan.at(BigInt(Math.floor(random() * 2 ** 30))).tier);
  };
  return { options: { tier: plan.first }, turn };
}
