/** M.08: programs made elsewhere run on the bench top, in every tier: stock compilers, two C libraries, no file of the kit. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { project } from '../tools/arrows.ts';
import { testNeeding } from '../tools/needs.ts';
import { scratchFolder } from '../tools/scratch.ts';

const sources = join(project, 'test/userland/programs');
const programs = join(project, 'src/userland/programs');
const SQUARES = (2 ** 18 * (2 ** 18 - 1)) / 2;
const expected = {
  status: 21,
  stdout: `3 words, blue\nword a\nword b\nsum ${SQUARES}, square root 1.4142135623730951, float 0.333333343\nline x y\n`,
  stderr: 'to the other output\n',
};

interface Shown {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a person gets who types `perdure hart` with these words. */
function hart(words: readonly string[], input = ''): Shown {
  const { status, stdout, stderr } = spawnSync(join(project, 'bin/perdure'), ['hart', ...words], {
    input,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, COLOUR: 'blue' },
  });
  return { status, stdout, stderr };
}

/** Runs it in every tier and under qemu; it would say so if it saw what the launcher gives to Node. */
function checkEverywhere(file: string): void {
  for (const tier of ['auto', 'interpreter', 'translator']) {
    assert.equal(hart(['--tier', tier, file, 'b', 'a'], 'x y\n'), expected, tier);
  }
  const { status, stdout, stderr } = spawnSync('qemu-riscv64-static', [file, 'b', 'a'], {
    input: 'x y\n',
    encoding: 'utf8',
    env: { PATH: process.env.PATH, COLOUR: 'blue' },
  });
  assert.equal({ status, stdout, stderr }, expected, 'qemu');
}

const bare = testNeeding(test, 'riscv64-unknown-elf-gcc', 'qemu-riscv64-static');
bare('a program of plain gcc and picolibc runs, with floating-point registers and without', () => {
  const folder = scratchFolder();
  // The linker's own script, not that of picolibc, which is for boards.
  const script = join(folder, 'linker.ld');
  const told = execFileSync('riscv64-unknown-elf-ld', ['--verbose'], { encoding: 'utf8' });
  writeFileSync(script, told.split(/^=+$/m)[1] ?? '');
  for (const target of [
    ['-march=rv64gc', '-mabi=lp64d'],
    ['-march=rv64imac', '-mabi=lp64'],
  ]) {
    const file = join(folder, 'program.elf');
    execFileSync('riscv64-unknown-elf-gcc', [
      ...['--specs=picolibc.specs', '-nostartfiles', '-T', script, '-mcmodel=medany', '-O2', ...target],
      ...[join(sources, 'elsewhere.c'), join(sources, 'elsewhere-start.c'), '-lm', '-o', file],
    ]);
    checkEverywhere(file);
  }
});

const linux = testNeeding(test, 'riscv64-linux-gnu-gcc', 'qemu-riscv64-static');
linux('a static program for Linux with glibc runs', () => {
  const file = join(scratchFolder(), 'linux.elf');
  execFileSync('riscv64-linux-gnu-gcc', ['-static', '-O2', join(sources, 'elsewhere.c'), '-lm', '-o', file]);
  checkEverywhere(file);
});

linux('a dynamic program for Linux, and one that is not linked, are refused with what is wrong', () => {
  const folder = scratchFolder();
  const file = join(folder, 'program.elf');
  const build = (...options: string[]): void => {
    execFileSync('riscv64-linux-gnu-gcc', [...options, join(sources, 'elsewhere.c'), '-lm', '-o', file]);
  };
  build('-no-pie');
  assert.match(
    hart([file]).stderr,
    /program\.elf: program header \d: the program is dynamically linked; .*-static/,
  );
  build('-c');
  assert.match(
    hart([file]).stderr,
    /program\.elf: file header: it is no static executable \(type 1, not 2\)/,
  );
  assert.is(hart([file]).status, 65);
});

test('the tier changes what the report says of it, and nothing else', () => {
  const report = join(scratchFolder(), 'report.json');
  const file = join(programs, 'fill.bare.elf');
  const reports = (['interpreter', 'translator', 'auto'] as const).map((tier) => {
    const shown = hart(['--tier', tier, '--report', report, file, '1', '2']);
    const { seconds, mips, tiers, tier: told, ...rest } = JSON.parse(readFileSync(report, 'utf8'));
    assert.is(told, tier);
    assert.is(tiers.interpreted + tiers.translated, rest.instructions);
    assert.ok(seconds > 0 && mips > 0);
    return { tiers, rest, shown };
  });
  assert.equal(reports[1]?.rest, reports[0]?.rest);
  assert.equal(reports[2]?.rest, reports[0]?.rest);
  assert.equal(reports[1]?.shown, reports[0]?.shown);
  assert.equal(reports[2]?.shown, reports[0]?.shown);
  const [interpreter, translator, auto] = reports.map(({ tiers }) => tiers);
  assert.is(interpreter.translated, 0);
  assert.equal([interpreter.compiled, interpreter.codeBytes, interpreter.translateMs], [0, 0, 0]);
  for (const tiers of [translator, auto]) {
    assert.ok(tiers.translated > tiers.interpreted, JSON.stringify(tiers));
    assert.ok(tiers.compiled > 0 && tiers.codeBytes > 0 && tiers.translateMs > 0, JSON.stringify(tiers));
    assert.ok(tiers.regions >= 0 && tiers.dropped >= 0, JSON.stringify(tiers));
  }
});

test('a trace is the same in every tier', () => {
  const folder = scratchFolder();
  const file = join(programs, 'hello.bare.elf');
  const traces = ['interpreter', 'translator', 'auto'].map((tier) => {
    const trace = join(folder, tier);
    assert.is(hart(['--tier', tier, '--trace', trace, file, 'x']).status, 1);
    return readFileSync(trace, 'utf8');
  });
  assert.ok((traces[0] ?? '').split('\n').length > 1000);
  assert.is(traces[1], traces[0]);
  assert.is(traces[2], traces[0]);
});

test('misuse is told: a tier that is none, a file that is none, a folder, a device', () => {
  const file = join(programs, 'hello.bare.elf');
  for (const tier of ['fast', '', 'Auto', 'interpreter,auto']) {
    const { status, stdout, stderr } = hart(['--tier', tier, file]);
    assert.equal([status, stdout], [64, '']);
    assert.match(stderr, /^perdure: --tier .*: must be interpreter, translator or auto\n/);
    assert.match(stderr, /next: see: perdure hart --help/);
  }
  assert.match(hart(['--tier']).stderr, /--tier needs a value/);
  assert.match(hart(['--help']).stdout, /--tier interpreter\|translator\|auto .*\(default auto\)/);
  assert.is(hart([scratchFolder()]).status, 66);
  assert.match(hart(['/dev/zero']).stderr, /\/dev\/zero: it is no file/);
  assert.is(hart([join(scratchFolder(), 'nothing')]).status, 66);
});

test.run();
