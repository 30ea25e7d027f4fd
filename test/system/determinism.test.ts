/**
 * Law 8: between two demarcations the subtree is a pure function of its state. With the instruction clock, the image at
 * a tick is the same however the machine was sliced, checkpointed, squeezed for memory, or killed, and whichever tier ran.
 */
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { generator } from '../../src/cli/crash/plan.ts';
import { scratchFolder } from '../tools/scratch.ts';
import type { Report } from './perdure.ts';
import { perdure, program, readReport } from './perdure.ts';

interface Variation {
  readonly sliceTicks?: number;
  readonly intervalMs?: number;
  readonly ram?: string;
  readonly kills?: number;
  /** One for each life, in turn; all are what PERDURE_TIER says when the tests themselves run with it. */
  readonly tiers?: readonly string[];
  /** RAM of each life, in turn; instead of `ram`. */
  readonly rams?: readonly string[];
}

interface Subject {
  readonly elf: string;
  readonly arguments: readonly string[];
  readonly stopAt: number;
}

function environmentOf({ sliceTicks, tiers }: Variation, life: number): Record<string, string> {
  const tier = process.env.PERDURE_TIER ?? tiers?.[life % tiers.length];
  return {
    ...(sliceTicks === undefined ? {} : { PERDURE_SLICE_TICKS: String(sliceTicks) }),
    ...(tier === undefined ? {} : { PERDURE_TIER: tier }),
  };
}

/** Runs the subject to its tick and returns the report; with kills, in as many lives. */
async function reach(subject: Subject, variation: Variation): Promise<Report> {
  const cwd = scratchFolder();
  const random = generator(7);
  const { rams = [variation.ram ?? '64M'] } = variation;
  const argumentsOf = (life: number): string[] => [
    ...['run', '--clock', 'instructions', '--durability', 'process', '--seed', '5'],
    ...['--interval', String(variation.intervalMs ?? 10), '--ram', rams[life % rams.length] as string],
    ...['--stop-at', String(subject.stopAt), '--out', 'out.txt', '--report', 'report.json'],
    ...[path.join(cwd, 'image.db'), subject.elf, ...subject.arguments],
  ];
  let kills = variation.kills ?? 0;
  for (let life = 0; ; life++) {
    const env = environmentOf(variation, life);
    const plan = kills > 0 ? { killAfterMs: 120 + random() * 250 } : {};
    const outcome = await perdure(argumentsOf(life), { cwd, env, ...plan });
    if (outcome.signal === 'SIGKILL' && kills > 0) {
      kills--;
      continue;
    }
    assert.is(outcome.status, 0, outcome.stderr);
    assert.is(kills, 0, 'the run was long enough for all kills');
    return readReport(cwd);
  }
}

async function sameImage(subject: Subject, variations: readonly Variation[]): Promise<Report[]> {
  const plain = await reach(subject, {});
  assert.is(plain.ended, 'stop-at');
  const reports: Report[] = [];
  for (const variation of variations) {
    const report = await reach(subject, variation);
    const what = JSON.stringify(variation);
    assert.is(report.tick, plain.tick, `tick, ${what}`);
    assert.is(report.imageHash, plain.imageHash, `image hash, ${what}`);
    reports.push(report);
  }
  return reports;
}

const transcript: Subject = { elf: program('transcript'), arguments: ['100000'], stopAt: 60_000_000 };

test('the image at a tick is the same over slice lengths, intervals and tiers', async () => {
  await sameImage(transcript, [
    { sliceTicks: 777, tiers: ['translator'] },
    { sliceTicks: 100_003, intervalMs: 1, tiers: ['random:2'] },
    { intervalMs: 60, tiers: ['interpreter'] },
    { intervalMs: 2, ram: '16M', tiers: ['random:3'] },
  ]);
});

/** Kills of each subject; `npm run determinism` takes 50, and more subjects. */
const KILLS = Number(process.env.KILLS ?? 3);
const isCampaign = KILLS >= 10;
const tiers = ['auto', 'interpreter', 'random:4', 'translator', 'random:5'];

test('the image at a tick is the same with kills, each life in another tier', async () => {
  await sameImage({ ...transcript, stopAt: 40_000_000 + KILLS * 18_000_000 }, [
    { kills: KILLS, intervalMs: 3, tiers },
  ]);
});

const campaignTest = (name: string, work: () => Promise<void>): void => {
  if (isCampaign) test(name, work);
};

campaignTest('the image at a tick is the same with threads by the hundred, killed, in any tier', async () => {
  const relay: Subject = {
    elf: program('relay'),
    arguments: ['400', '1000000'],
    stopAt: 30_000_000 + KILLS * 8_000_000,
  };
  await sameImage(relay, [{ kills: KILLS, intervalMs: 2, tiers, sliceTicks: 5_003 }]);
});

test('the image at a tick is the same when pages are evicted all the time', async () => {
  const fill: Subject = { elf: program('fill'), arguments: ['24', '3'], stopAt: 90_000_000 };
  const [squeezed] = await sameImage(fill, [{ ram: '16M', tiers: ['random:6'] }]);
  assert.ok((squeezed?.pagesEvicted ?? 0) > 1000, 'pages were evicted');
});

campaignTest(
  'the image at a tick is the same when memory comes and goes, is more than RAM, and every life has another RAM',
  async () => {
    const tide: Subject = { elf: program('tide'), arguments: ['20', '2000'], stopAt: 30_000_000 };
    const kills = Math.min(KILLS, 10);
    await sameImage(tide, [
      { kills, intervalMs: 3, rams: ['16M', '32M', '16M', '128M'], tiers: ['random:7', 'auto'] },
    ]);
  },
);

test('the image at another tick is another one', async () => {
  const one = await reach(transcript, {});
  const other = await reach({ ...transcript, stopAt: 60_000_100 }, {});
  assert.is.not(one.imageHash, other.imageHash);
});

test.run();
