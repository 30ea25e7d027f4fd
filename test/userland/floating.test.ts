/** A C program that works its way through floating point prints in every tier what it prints on qemu. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createBareProgram } from '../../src/hw/bare.ts';
import { parseElf } from '../../src/hw/elf.ts';
import type { Tier } from '../../src/hw/machine.ts';
import { testNeeding } from '../tools/needs.ts';
import { scratchFolder } from '../tools/scratch.ts';

const perdureCc = join(import.meta.dirname, '../../src/userland/kit/perdure-cc');
const source = join(import.meta.dirname, 'programs/floating.c');
const built = testNeeding(test, 'qemu-riscv64-static', 'riscv64-unknown-elf-gcc');

/** What the program prints on our machine. */
function runOn(tier: Tier, file: string): string {
  let output = '';
  const program = createBareProgram(parseElf(readFileSync(file), file), {
    ramBytes: 64 * 1024 * 1024,
    arguments: [file],
    environment: [],
    ticksPerNanosecond: 4,
    wallBaseNs: 0n,
    random: new Uint8Array(16),
    tier,
    effects: {
      write: (_, bytes) => {
        output += Buffer.from(bytes).toString();
      },
      read: () => new Uint8Array(0),
    },
  });
  assert.equal(program?.run(1e9), { kind: 'exit', status: 0 });
  return output;
}

for (const optimization of ['-O0', '-O2']) {
  built(
    `mathematics, rounding modes, flags, text and jumps give what qemu gives, compiled with ${optimization}`,
    () => {
      const file = join(scratchFolder(), 'floating.elf');
      execFileSync(perdureCc, ['-mbare', optimization, '-frounding-math', source, '-lm', '-o', file]);
      const expected = execFileSync('qemu-riscv64-static', [file], { encoding: 'utf8' });
      assert.is(expected.split('\n').length, 26);
      assert.match(expected, /kept over a jump: 1/);
      for (const tier of ['interpreter', 'translator', 'auto'] as const)
        assert.is(runOn(tier, file), expected, tier);
    },
  );
}

test.run();
