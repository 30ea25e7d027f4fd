/**
 * A campaign of random instructions compared with qemu-riscv64:
 *
 *     node test/hw/differential.ts [--instructions N] [--seed S] [--json]
 *
 * Prints the seed, the instruction and what differs, and ends with 1, at the first difference; 0 when there is none.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { generator } from './bench.ts';
import { compareWithQemu } from './differential/compare.ts';

const INSTRUCTIONS_PER_PROGRAM = 100_000;

const { values } = parseArgs({
  options: {
    instructions: { type: 'string', default: '2000000' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});
const wanted = Number(values.instructions);
const folder = mkdtempSync(join(tmpdir(), 'perdure-differential-'));
const startMs = performance.now();
let instructions = 0;
let difference: string | null = null;
try {
  for (let seed = Number(values.seed); instructions < wanted && difference === null; seed++) {
    const random = generator(seed);
    // Every other program is cut into small pieces.
    const cut = seed % 2 === 0 ? () => 1_000_000 : () => 1 + random(50);
    const count = Math.min(INSTRUCTIONS_PER_PROGRAM, wanted - instructions);
    const comparison = compareWithQemu(seed, count, folder, cut);
    instructions += comparison.instructions;
    difference = comparison.difference;
    if (!values.json) console.log(`seed ${seed}: ${instructions} instructions`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const seconds = Number(((performance.now() - startMs) / 1000).toFixed(1));
if (difference !== null) console.error(difference);
if (values.json)
  console.log(JSON.stringify({ instructions, seed: Number(values.seed), seconds, difference }));
else
  console.log(
    `${instructions} instructions compared in ${seconds} s, ${difference === null ? 'all equal' : 'a difference'}`,
  );
process.exitCode = difference === null ? 0 : 1;
