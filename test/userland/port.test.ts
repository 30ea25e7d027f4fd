/** Start code, port and stubs on the real hart, under a kernel that changes every register it may. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { testNeeding } from '../tools/needs.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { fillChecksums, stockTranscript } from './expected.ts';
import { runScrambled } from './scrambler.ts';

const program = (name: string): string => join(import.meta.dirname, '../../src/userland/programs', name);

test('hello gets its arguments, and its status reaches the parent', () => {
  const { status, stdout } = runScrambled(program('hello.elf'), { args: ['hello', 'one', 'two words', ''] });
  assert.is(stdout, 'hello from Perdure\nargument 1: one\nargument 2: two words\nargument 3: \n');
  assert.is(status, 3);
});

test('a line leaves in one call, and every line leaves before the program ends', () => {
  const { stdout, names } = runScrambled(program('counter.elf'), { args: ['counter', '3', '0'] });
  assert.is(stdout, 'count 1\ncount 2\ncount 3\n');
  assert.equal(names, ['ipc_call', 'ipc_call', 'ipc_call', 'ipc_call']);
});

test('counter sleeps as long as it was told', () => {
  const { slept } = runScrambled(program('counter.elf'), { args: ['counter', '5', '20'] });
  // The way from reading the clock to sleeping takes its time too.
  assert.ok(slept > 99_900_000n && slept <= 100_000_000n, `${slept} ns`);
});

test('output that is taken in bites, and input that comes in pieces, loses nothing', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\n'), maxLength: 60 });
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 9 }), fc.nat(), (input, bite, seed) => {
      const { stdout, status } = runScrambled(program('echo.elf'), { args: ['echo'], input, bite, seed });
      const lines = input.split('\n');
      if (lines.at(-1) === '') lines.pop();
      const echoed = lines.map((line, index) => `${index + 1}: ${line}\n`).join('');
      assert.is(stdout, `${echoed}echo: ${lines.length} lines\n`);
      assert.is(status, 0);
    }),
    { numRuns: 20 },
  );
});

test('fill computes the right sums in demand-zero memory', () => {
  const { stdout } = runScrambled(program('fill.elf'), { args: ['fill', '2', '1'] });
  assert.equal(stdout.trimEnd().split('\n'), fillChecksums(2, 1));
});

const cross = testNeeding(test, 'riscv64-unknown-elf-gcc');
cross('stock C prints the same on the native port as elsewhere', () => {
  const file = join(scratchFolder(), 'stock.elf');
  const compiler = join(import.meta.dirname, '../../src/userland/kit/perdure-cc');
  execFileSync(compiler, ['-O2', join(import.meta.dirname, 'programs/stock.c'), '-lm', '-o', file]);
  const { status, stdout } = runScrambled(file, {
    args: ['stock', 'a', 'b c'],
    environment: ['COLOUR=blue'],
    input: 'abcdefghij\nk',
  });
  // Both streams go to the parent's output port here; the exit handlers run last.
  const both = stockTranscript('stock').replace('end of input 1\n', 'end of input 1\nto the error stream\n');
  assert.is(stdout, both);
  assert.is(status, 7);
});

test.run();
