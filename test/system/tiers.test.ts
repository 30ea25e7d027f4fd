/** PERDURE_TIER, the hook of M.13: each plan runs what it says, the report tells, and nothing else shows it. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { tierPlanOf } from '../../src/cli/machine/tier.ts';
import type { Tier } from '../../src/hw/machine.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { perdure, program, readReport } from './perdure.ts';

const planOf = (text: string) => tierPlanOf({ PERDURE_TIER: text });

/** The tier of each tick that a plan changes at, up to some tick. */
function course(text: string, from: bigint, to: bigint): [bigint, Tier][] {
  const plan = planOf(text);
  const found: [bigint, Tier][] = [];
  for (let tick = from; tick < to; ) {
    const { tier, ticks } = plan.at?.(tick) ?? { tier: plan.first, ticks: 0 };
    assert.ok(ticks > 0, 'a plan gets on');
    found.push([tick, tier]);
    tick += BigInt(ticks);
  }
  return found;
}

test('without the variable, and with the name of a tier, nothing changes during a run', () => {
  assert.equal(tierPlanOf({}), { name: 'auto', first: 'auto', at: null });
  assert.equal(planOf(''), { name: 'auto', first: 'auto', at: null });
  for (const name of ['interpreter', 'translator', 'auto'])
    assert.equal(planOf(name), { name, first: name, at: null });
});

test('random is a function of seed and tick, comes through all tiers and seldom stays', () => {
  const whole = course('random:7', 0n, 20_000_000n);
  assert.equal(course('random:7', 0n, 20_000_000n), whole);
  for (const [tick, tier] of whole) assert.is(planOf('random:7').at?.(tick + 5n).tier, tier);
  const shares = (['interpreter', 'translator', 'auto'] as const).map(
    (name) => whole.filter(([, tier]) => tier === name).length / whole.length,
  );
  for (const share of shares) assert.ok(share > 0.28 && share < 0.39, shares.join());
  const changes = whole.filter(([, tier], i) => i > 0 && whole[i - 1]?.[1] !== tier).length;
  assert.ok(changes > whole.length / 2, `${changes} changes in ${whole.length}`);
  assert.is.not(String(course('random:8', 0n, 20_000_000n)), String(whole));
  assert.equal(course('random', 0n, 2_000_000n), course('random:1', 0n, 2_000_000n));
});

test('a tier that does not exist is refused with 64 before anything is made', async () => {
  const cwd = scratchFolder();
  for (const tier of ['fast', 'random:', 'random:x', 'Auto', 'random:1:2']) {
    const outcome = await perdure(['run', 'image.db', program('hello')], {
      cwd,
      env: { PERDURE_TIER: tier },
    });
    assert.is(outcome.status, 64, tier);
    assert.match(outcome.stderr, /there is no such tier/);
  }
  const afterwards = await perdure(['run', 'image.db'], { cwd });
  assert.is(afterwards.status, 66, 'there is no image');
});

test('the report says which tier ran what; tick, instructions and image do not depend on it', async () => {
  const reports: ReturnType<typeof readReport>[] = [];
  for (const tier of ['interpreter', 'translator', 'random:2', 'auto']) {
    const cwd = scratchFolder();
    const outcome = await perdure(
      [
        ...[
          'run',
          '--clock',
          'instructions',
          '--durability',
          'process',
          '--seed',
          '5',
          '--stop-at',
          '60000000',
        ],
        ...['--out', 'out.txt', '--report', 'report.json', 'image.db', program('transcript'), '100000'],
      ],
      { cwd, env: { PERDURE_TIER: tier } },
    );
    assert.is(outcome.status, 0, outcome.stderr);
    const report = readReport(cwd);
    assert.is(report.tier, tier);
    assert.is(report.tiers.interpreted + report.tiers.translated, report.instructions, tier);
    reports.push(report);
  }
  const [interpreter, translator, random] = reports;
  assert.is(interpreter?.tiers.translated, 0);
  assert.is(interpreter?.tiers.regions, 0);
  const share = (report: typeof interpreter): number =>
    (report?.tiers.translated ?? 0) / (report?.instructions ?? 1);
  assert.ok(share(translator) > 0.9, `${share(translator)} translated`);
  assert.ok(share(random) > 0.3 && share(random) < 0.9, `${share(random)} translated at random`);
  for (const what of ['tick', 'instructions', 'imageHash'] as const)
    assert.is(new Set(reports.map((report) => report[what])).size, 1, what);
});

test.run();
