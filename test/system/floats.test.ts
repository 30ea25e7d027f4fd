/**
 * M.13 and law 1 for floating point: values in f registers, rounding modes that the program changes and flags that stick
 * are each thread's own, over interruptions, sleeps, SIGKILLs and changes of the tier.
 *
 * What the program prints is checked against the exact model of test/hw/float/model.ts.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  add,
  DZ,
  double,
  type Format,
  fromInteger,
  NV,
  NX,
  OF,
  roundingModes,
  single,
} from '../hw/float/model.ts';
import { testNeeding } from '../tools/needs.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { perdure, readReport } from './perdure.ts';

const kit = path.join(import.meta.dirname, '../../src/userland/kit/perdure-cc');
const source = path.join(import.meta.dirname, '../userland/programs/fractions.c');
const built = testNeeding(test, 'riscv64-unknown-elf-gcc');

const ROUNDS = 60;
const STEPS = 4000;
/** What the five threads raise; the first computes exactly. */
const flags = [0, NX, NX | DZ, NX | NV, NX | OF];
const tenths = new Map<Format, bigint>([
  [double, 0x3fb9_9999_9999_999an],
  [single, 0x3dcc_cccdn],
]);

/** A sum of STEPS equal terms, each addition rounded. */
function sumOf(format: Format, mode: number, term: bigint): bigint {
  let sum = 0n;
  for (let step = 0; step < STEPS; step++) sum = add(format, mode, sum, term).bits;
  return sum;
}

/** The beginnings of all lines of a thread, in their order, by the model. */
function expectedLines(): string[][] {
  const byMode = roundingModes.map((mode) => (isExact: boolean): string => {
    const [sum, small] = [double, single].map((format) =>
      sumOf(format, mode, isExact ? fromInteger(format, mode, 1n).bits : (tenths.get(format) as bigint)),
    );
    const words = [sum, 0xffff_ffff_0000_0000n | (small ?? 0n)].map((word) =>
      word?.toString(16).padStart(16, '0'),
    );
    return `sum ${words[0]} single ${words[1]}`;
  });
  const sums = [true, false].map((isExact) => byMode.map((of) => of(isExact)));
  return flags.map((flag, thread) =>
    Array.from({ length: ROUNDS }, (_, round) => {
      const mode = (thread + round) % roundingModes.length;
      const fcsr = ((mode << 5) | flag).toString(16).padStart(2, '0');
      return `thread ${thread} mode ${mode} fcsr ${fcsr} ${sums[thread === 0 ? 0 : 1]?.[mode]}`;
    }),
  );
}

function checkOutput(text: string): void {
  const lines = text.trimEnd().split('\n');
  expectedLines().forEach((expected, thread) => {
    const own = lines.filter((line) => line.startsWith(`thread ${thread} `));
    assert.equal(
      own.map((line) => line.replace(/ hash .*$/, '')),
      expected,
    );
    // All 32 registers: the same whenever the same was computed.
    assert.is(new Set(own.map((line) => line.replace(/fcsr .* hash/, 'hash'))).size, roundingModes.length);
  });
  assert.is(lines.length, flags.length * ROUNDS);
}

/** A life of the machine, and where it dies. */
const lives = [
  { tier: 'auto', point: 'commit-after:6' },
  { tier: 'translator', point: 'acknowledged:7' },
  { tier: 'random:3', point: 'demarcation-begin:9' },
  { tier: 'interpreter', point: 'commit-before:5' },
  { tier: 'random:4', point: 'acknowledged:9' },
  { tier: 'translator', point: null },
] as const;

built(
  'registers, rounding modes and flags are what the exact model says, whatever is killed and which tier runs',
  async () => {
    const elf = path.join(scratchFolder(), 'fractions.elf');
    execFileSync(kit, ['-O2', '-DPICOLIBC_INTEGER_PRINTF_SCANF', source, '-o', elf]);
    const live = (cwd: string, tier: string, point: string | null) =>
      perdure(
        [
          ...['run', '--clock', 'instructions', '--durability', 'process', '--seed', '5', '--interval', '1'],
          ...['--out', 'out.txt', '--report', 'report.json', 'image.db', elf, String(ROUNDS), String(STEPS)],
        ],
        { cwd, env: { PERDURE_TIER: tier, ...(point === null ? {} : { PERDURE_CRASH_POINT: point }) } },
      );
    const plain = scratchFolder();
    const undisturbed = await live(plain, 'interpreter', null);
    assert.is(undisturbed.status, 0, undisturbed.stderr);
    const expected = fs.readFileSync(path.join(plain, 'out.txt'), 'utf8');
    checkOutput(expected);
    const cwd = scratchFolder();
    for (const { tier, point } of lives) {
      const outcome = await live(cwd, tier, point);
      if (point === null) assert.is(outcome.status, 0, outcome.stderr);
      else assert.is(outcome.signal, 'SIGKILL', `${tier}, ${point}: ${outcome.stderr}`);
    }
    assert.is(fs.readFileSync(path.join(cwd, 'out.txt'), 'utf8'), expected);
    assert.is(readReport(cwd).imageHash, readReport(plain).imageHash);
  },
);

test.run();
