/** Bare mode and the C library port, checked under another machine: qemu-riscv64. */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { testNeeding } from '../tools/needs.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { fillChecksums, stockTranscript } from './expected.ts';

const programs = join(import.meta.dirname, '../../src/userland/programs');
const perdureCc = join(import.meta.dirname, '../../src/userland/kit/perdure-cc');
const emulated = testNeeding(test, 'qemu-riscv64-static');
const built = testNeeding(test, 'qemu-riscv64-static', 'riscv64-unknown-elf-gcc');

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function emulate(file: string, args: readonly string[], input = '', environment = ''): Ended {
  const before = environment === '' ? [] : ['-E', environment];
  const { status, stdout, stderr } = spawnSync('qemu-riscv64-static', [...before, file, ...args], {
    input,
    encoding: 'utf8',
    env: { PATH: process.env.PATH },
  });
  return { status, stdout, stderr };
}

emulated('hello gets its arguments and gives its exit status', () => {
  const { status, stdout } = emulate(join(programs, 'hello.bare.elf'), ['one', 'two words']);
  assert.is(stdout, 'hello from Perdure\nargument 1: one\nargument 2: two words\n');
  assert.is(status, 2);
});

emulated('fill computes what an independent reckoning does', () => {
  const { status, stdout } = emulate(join(programs, 'fill.bare.elf'), ['1', '2']);
  assert.equal(stdout.trimEnd().split('\n'), fillChecksums(1, 2));
  assert.is(status, 0);
});

emulated('echo prints every line, also a last one without an end', () => {
  const { stdout } = emulate(join(programs, 'echo.bare.elf'), [], 'first\n\nlast');
  assert.is(stdout, '1: first\n2: \n3: last\necho: 3 lines\n');
});

built(
  'stock C builds unmodified: stdio, heap, mathematics, time, jumps, arguments, environment, status',
  () => {
    const file = join(scratchFolder(), 'stock.elf');
    const source = join(import.meta.dirname, 'programs/stock.c');
    execFileSync(perdureCc, ['-mbare', '-O2', source, '-lm', '-o', file]);
    const { status, stdout, stderr } = emulate(file, ['a', 'b c'], 'abcdefghij\nk', 'COLOUR=blue');
    assert.is(stdout, stockTranscript(file));
    assert.is(stderr, 'to the error stream\n');
    assert.is(status, 7);
  },
);

built('freestanding C++ builds: classes, templates, virtual calls, static objects', () => {
  const file = join(scratchFolder(), 'freestanding.elf');
  const source = join(import.meta.dirname, 'programs/freestanding.cc');
  execFileSync(perdureCc, ['-mbare', '-O2', '-fno-exceptions', '-fno-rtti', source, '-o', file]);
  assert.equal(emulate(file, []), { status: 0, stdout: 'area 36, twice 72\n', stderr: '' });
});

test.run();
