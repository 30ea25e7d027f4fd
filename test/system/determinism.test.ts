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
  const args = [
    ...['run', '--clock', 'instructions', '--durability', 'process', '--seed', '5'],
    ...['--interval', String(variation.intervalMs ?? 10), '--ram', variation.ram ?? '64M'],
    ...['--stop-at', String(subject.stopAt), '--out', 'out.txt', '--report', 'report.json'],
    ...[path.join(cwd, 'image.db'), subject.elf, ...subject.arguments],
  ];
  let kills = variation.kills ?? 0;
  for (let life = 0; ; life++) {
    const env = environmentOf(variation, life);
    const plan = kills > 0 ? { killAfterMs: 120 + random() * 250 } : {};
    const outcome = await perdure(args, { cwd, env, ...plan });
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

test('the image at a tick is the same with 20 kills, each life in another tier', async () => {
  const tiers = ['auto', 'interpreter', 'random:4', 'translator', 'random:5'];
  await sameImage({ ...transcript, stopAt: 400_000_000 }, [{ kills: 20, intervalMs: 3, tiers }]);
});

test('the image at a tick is the same when pages are evicted all the time', async () => {
  const fill: Subject = { elf: program('fill'), arguments: ['24', '3'], stopAt: 90_000_000 };
  const [squeezed] = await sameImage(fill, [{ ram: '16M', tiers: ['random:6'] }]);
  assert.ok((squeezed?.pagesEvicted ?? 0) > 1000, 'pages were evicted');
});

test('the image at another tick is another one', async () => {
  const one = await reach(transcript, {});
  const other = await reach({ ...transcript, stopAt: 60_000_100 }, {});
  assert.is.not(one.imageHash, other.imageHash);
});

test.run();
