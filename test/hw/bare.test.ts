/** The bare runner answers the calls of small C libraries as Linux does; `perdure hart` shows its ends to people. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type BareEnd, type BareProgram, createBareProgram } from '../../src/hw/bare.ts';
import { parseElf } from '../../src/hw/elf.ts';
import { type Tier, traps } from '../../src/hw/machine.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { asm, encode } from './bench.ts';
import { writeElf } from './differential/elf-writer.ts';

const CODE = 0x1_0000;
const DATA = 0x2_0000;
const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');
const programs = join(import.meta.dirname, '../../src/userland/programs');

function elfOf(codes: readonly number[], data = new Uint8Array(16)): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(codes.length * 4);
  codes.forEach((code, i) => {
    new DataView(bytes.buffer).setUint32(i * 4, code, true);
  });
  return writeElf(
    CODE,
    [
      { address: CODE, bytes, flags: 5 },
      { address: DATA, bytes: data, memorySize: 8192, flags: 6 },
    ],
    [{ name: 'start', address: CODE, size: bytes.length, type: 2 }],
  );
}

interface Ran {
  readonly end: BareEnd;
  readonly output: string;
  readonly bare: BareProgram;
}

/** Runs a program in this process with these bytes of input. */
function runBare(
  elf: Uint8Array,
  args: readonly string[] = ['p'],
  input = '',
  budget = 1e9,
  tier: Tier = 'auto',
  inputBytesMax = Number.POSITIVE_INFINITY,
): Ran {
  let output = '';
  let rest = Buffer.from(input);
  const bare = createBareProgram(parseElf(elf, 'p'), {
    ramBytes: 64 * 1024 * 1024,
    arguments: args,
    environment: ['A=b'],
    ticksPerNanosecond: 4,
    wallBaseNs: 1_000_000_000_000_000_000n,
    random: new Uint8Array(16).fill(7),
    tier,
    effects: {
      write: (descriptor, bytes) => {
        output += `${descriptor}:${Buffer.from(bytes).toString()}`;
      },
      read: (lengthMax) => {
        const taken = rest.subarray(0, Math.min(lengthMax, inputBytesMax));
        rest = rest.subarray(taken.length);
        return taken;
      },
    },
  });
  if (bare === null) throw new Error('the program does not fit');
  return { end: bare.run(budget), output, bare };
}

/** Instructions that do a call with these constants as arguments and keep the result in `keep`. */
function call(number: number, args: readonly number[], keep = 0): number[] {
  const codes = args.flatMap((value, i) => [
    asm.lui(10 + i, (value + 0x800) >>> 12),
    encode.i(0x1b, 0, 10 + i, 10 + i, value & 0xfff),
  ]);
  return [...codes, asm.addi(17, 0, number), asm.ecall, ...(keep === 0 ? [] : [asm.addi(keep, 10, 0)])];
}
const tiers: readonly Tier[] = ['interpreter', 'translator', 'auto'];
const exitWith = (status: number): number[] => call(93, [status]);

test('exit gives its status, of which eight bits count', () => {
  assert.equal(runBare(elfOf(exitWith(7))).end, { kind: 'exit', status: 7 });
  assert.equal(runBare(elfOf(exitWith(256 + 9))).end, { kind: 'exit', status: 9 });
  assert.equal(runBare(elfOf(call(94, [3]))).end, { kind: 'exit', status: 3 });
});

test('write and read move bytes and say how many; what cannot be done has its error number', () => {
  const { bare, output, end } = runBare(
    elfOf([
      ...call(63, [0, DATA + 4094, 6], 5),
      ...call(64, [1, DATA + 4094, 6], 6),
      ...call(64, [2, DATA + 4094, 2], 7),
      ...call(63, [0, DATA, 100], 8),
      ...call(64, [3, DATA, 1], 9),
      ...call(63, [1, DATA, 1], 18),
      ...call(64, [1, 0x7000_0000, 1], 19),
      ...call(63, [0, CODE, 1], 20),
      ...call(999, [], 21),
      ...exitWith(0),
    ]),
    ['p'],
    'abcdefg',
  );
  assert.is(end.kind, 'exit');
  assert.is(output, '1:abcdef2:ab');
  const result = (register: number): bigint => BigInt.asIntN(64, bare.machine.hart.x[register] as bigint);
  assert.equal([5, 6, 7, 8].map(result), [6n, 6n, 2n, 1n]);
  assert.equal([9, 18, 19, 20, 21].map(result), [-9n, -9n, -14n, -14n, -38n]);
  assert.is(bare.read(DATA, 1)?.[0], 'g'.charCodeAt(0));
});

test('the heap grows and shrinks, and comes back as zeros', () => {
  const start = 0x2_2000;
  const use = [asm.lui(9, start >> 12), asm.ld(18, 9, 8), asm.addi(19, 0, 5), asm.sd(19, 9, 8)];
  const { bare, end } = runBare(
    elfOf([
      ...call(214, [0], 5),
      ...call(214, [start + 10], 6),
      ...use,
      ...call(214, [start], 7),
      ...call(214, [start + 8192], 8),
      asm.ld(20, 9, 8),
      ...call(214, [1], 21),
      asm.lui(9, 3 + (start >> 12)),
      asm.sd(0, 9, 0),
    ]),
  );
  const { x } = bare.machine.hart;
  assert.equal(
    [5, 6, 7, 8, 21].map((i) => Number(x[i])),
    [start, start + 10, start, start + 8192, start + 8192],
  );
  assert.equal([x[18], x[20]], [0n, 0n]);
  assert.is(end.kind === 'trap' && end.cause, traps.storePageFault, 'beyond the heap there is nothing');
});

/** What Linux's mmap and mprotect take. */
const [NONE, READ, READ_WRITE, PRIVATE_ANONYMOUS, FIXED] = [0, 1, 3, 0x22, 0x32];

test('memory can be mapped, protected and unmapped; what Linux refuses is refused', () => {
  const { bare, end } = runBare(
    elfOf([
      ...call(222, [0, 10_000, READ_WRITE, PRIVATE_ANONYMOUS], 9),
      asm.sd(9, 9, 8),
      asm.addi(10, 9, 0),
      asm.lui(11, 1),
      asm.addi(12, 0, READ),
      ...[asm.addi(17, 0, 226), asm.ecall, asm.addi(18, 10, 0)],
      asm.ld(19, 9, 8),
      ...call(222, [0x50_0000, 4096, READ_WRITE, FIXED], 20),
      ...call(222, [0x50_0001, 4096, READ_WRITE, FIXED], 21),
      ...call(222, [0, 0, READ_WRITE, PRIVATE_ANONYMOUS], 22),
      ...call(222, [0, 4096, READ_WRITE, 2], 23),
      ...call(226, [0x51_0000, 4096, READ], 24),
      ...call(215, [0x50_0000, 4096], 25),
      ...call(226, [0x50_0000, 4096, READ], 26),
      ...call(215, [0x50_0001, 4096], 27),
      // Read only by now.
      asm.sd(9, 9, 0),
    ]),
  );
  const { x } = bare.machine.hart;
  const result = (register: number): number => Number(BigInt.asIntN(64, x[register] as bigint));
  const mapped = result(9);
  assert.is(mapped % 4096, 0);
  assert.equal([18, 20, 25].map(result), [0, 0x50_0000, 0]);
  assert.is(result(19), mapped);
  assert.equal([21, 22, 23, 24, 26, 27].map(result), [-22, -22, -19, -12, -12, -22]);
  assert.equal(end, {
    kind: 'trap',
    cause: traps.storePageFault,
    pc: end.kind === 'trap' ? end.pc : 0n,
    value: BigInt(mapped),
  });
});

test('memory that was unmapped is gone, and comes back as zeros; that without permission faults until it has one', () => {
  const place = 0x50_0000;
  const atPlace = [asm.lui(9, place >> 12), asm.ld(18, 9, 0)];
  const store = [asm.lui(9, place >> 12), asm.addi(8, 0, 77), asm.sd(8, 9, 0)];
  const map = (protection: number): number[] => call(222, [place, 4096, protection, FIXED]);
  const ends = [
    [...map(READ_WRITE), ...store, ...map(READ_WRITE), ...atPlace, ...exitWith(0)],
    [...map(READ_WRITE), ...store, ...call(226, [place, 4096, NONE]), ...atPlace],
    [...map(READ_WRITE), ...store, ...call(215, [place, 4096]), ...atPlace],
    [
      ...[...map(READ_WRITE), ...store, ...call(226, [place, 4096, NONE]), ...call(226, [place, 4096, READ])],
      ...[...atPlace, ...exitWith(0)],
    ],
  ].map((codes) => runBare(elfOf(codes)));
  assert.equal(
    ends.map(({ end }) => (end.kind === 'trap' ? end.cause : end.kind)),
    ['exit', traps.loadPageFault, traps.loadPageFault, 'exit'],
  );
  assert.is(ends[0]?.bare.machine.hart.x[18], 0n);
  assert.is(ends[3]?.bare.machine.hart.x[18], 77n);
});

test('code that a program makes, drops and makes again elsewhere and anew runs as it is, in every tier', () => {
  const [first, second] = [0x50_0000, 0x51_0000];
  const functions = new Uint8Array(
    new Uint32Array([asm.addi(5, 5, 1), asm.jalr(0, 1, 0), asm.addi(5, 5, 100), asm.jalr(0, 1, 0)]).buffer,
  );
  /** Maps a page for everything there, copies the function from DATA + `from` and calls it 300 times; unmaps it. */
  const useCode = (place: number, from: number): number[] => [
    ...call(222, [place, 4096, 7, FIXED]),
    ...[asm.lui(8, DATA >> 12), asm.lui(9, place >> 12), asm.addi(18, 0, 300)],
    ...[asm.ld(6, 8, from), asm.sd(6, 9, 0), 0x0000_100f], // fence.i
    ...[asm.jalr(1, 9, 0), asm.addi(18, 18, -1), asm.bne(18, 0, -8)],
    ...call(215, [place, 4096]),
  ];
  const round = [...useCode(first, 0), ...useCode(first, 8), ...useCode(second, 0), ...useCode(first, 0)];
  const codes = [
    asm.addi(20, 0, 4),
    ...round,
    asm.addi(20, 20, -1),
    asm.bne(20, 0, -4 * (round.length + 1)),
    ...exitWith(0),
  ];
  for (const tier of tiers) {
    const { end, bare } = runBare(elfOf(codes, functions), ['p'], '', 1e9, tier);
    assert.equal(end, { kind: 'exit', status: 0 }, tier);
    assert.is(bare.machine.hart.x[5], BigInt(4 * 300 * 103), tier);
  }
});

test('a heap that shrinks and mappings that go give their RAM back', () => {
  // Four times 48 MiB in a machine of 64 MiB, each page written.
  const size = 0x300_0000;
  const round = (take: number[], give: number[]): number[] => [
    ...take,
    asm.addi(9, 10, 0),
    asm.lui(8, 1),
    asm.lui(7, size >> 12),
    asm.add(7, 9, 7),
    asm.sd(8, 9, 0),
    asm.add(9, 9, 8),
    asm.bne(9, 7, -8),
    ...give,
  ];
  const mapping = round(call(222, [0, size, READ_WRITE, PRIVATE_ANONYMOUS]), [
    ...[asm.lui(11, size >> 12), encode.r(0x33, 0, 0x20, 10, 9, 11), asm.addi(17, 0, 215), asm.ecall],
  ]);
  const heap = round([...call(214, [0x2_2000 + size]), asm.lui(10, 0x22)], call(214, [0x2_2000]));
  const codes = Array.from({ length: 2 }, () => [...mapping, ...heap]).flat();
  assert.equal(runBare(elfOf([...codes, ...exitWith(3)])).end, { kind: 'exit', status: 3 });
});

test('vectors are written and read in order; one that is too long or not there is refused', () => {
  const data = new Uint8Array(128);
  const view = new DataView(data.buffer);
  data.set(new TextEncoder().encode('one, two, three'), 64);
  [
    [DATA + 64, 5],
    [DATA + 69, 5],
    [DATA + 74, 5],
    [0x7000_0000, 1],
  ].forEach(([address = 0, length = 0], index) => {
    view.setBigUint64(16 * index, BigInt(address), true);
    view.setBigUint64(16 * index + 8, BigInt(length), true);
  });
  const { bare, output } = runBare(
    elfOf(
      [
        ...call(66, [1, DATA, 3], 5),
        ...call(66, [1, DATA, 4], 6),
        ...call(66, [1, DATA + 48, 1], 7),
        ...call(66, [1, DATA, 1025], 8),
        ...call(66, [1, 0x7000_0000, 1], 9),
        ...call(66, [7, DATA, 1], 18),
        ...call(65, [0, DATA, 2], 19),
        ...exitWith(0),
      ],
      data,
    ),
    ['p'],
    'ABCDEFG',
  );
  assert.is(output, '1:one, 1:two, 1:three1:one, 1:two, 1:three');
  const result = (register: number): number =>
    Number(BigInt.asIntN(64, bare.machine.hart.x[register] as bigint));
  assert.equal([5, 6, 7, 8, 9, 18, 19].map(result), [15, 15, -14, -22, -14, -9, 7]);
  assert.is(Buffer.from(bare.read(DATA + 64, 15) as Uint8Array).toString(), 'ABCDEFGo, three');
});

test('a vector is filled as far as one read goes', () => {
  const data = new Uint8Array(64);
  const words = new BigUint64Array(data.buffer);
  words.set([BigInt(DATA + 32), 4n, BigInt(DATA + 40), 4n]);
  const program = elfOf([...call(65, [0, DATA, 2], 5), ...call(65, [0, DATA, 2], 6), ...exitWith(0)], data);
  const { bare } = runBare(program, ['p'], 'ABCDEFG', 1e9, 'auto', 3);
  assert.equal([bare.machine.hart.x[5], bare.machine.hart.x[6]], [3n, 3n]);
  assert.is(Buffer.from(bare.read(DATA + 32, 3) as Uint8Array).toString(), 'DEF');
  assert.is(bare.read(DATA + 40, 1)?.[0], 0);
});

test('the heap does not grow over a mapping', () => {
  const heap = 0x2_2000;
  const { bare } = runBare(
    elfOf([
      ...call(222, [heap + 8192, 4096, READ_WRITE, FIXED]),
      ...call(214, [heap + 8192], 5),
      ...call(214, [heap + 8193], 6),
      ...call(215, [heap + 8192, 4096]),
      ...call(214, [heap + 8193], 7),
      ...exitWith(0),
    ]),
  );
  assert.equal(
    [5, 6, 7].map((i) => Number(bare.machine.hart.x[i])),
    [heap + 8192, heap + 8192, heap + 8193],
  );
});

test('arguments and environment may take a quarter of the stack', () => {
  const text = (length: number): string => 'x'.repeat(length);
  const fits = runBare(elfOf(exitWith(0)), ['p', text(2 * 1024 * 1024 - 1000)]);
  assert.equal(fits.end, { kind: 'exit', status: 0 });
  assert.throws(() => runBare(elfOf(exitWith(0)), ['p', text(2 * 1024 * 1024)]), /does not fit/);
  assert.throws(() => runBare(elfOf(exitWith(0)), ['p', text(9 * 1024 * 1024)]), /does not fit/);
});

test('abort ends as with its signal, and other signals are not pretended', () => {
  assert.equal(runBare(elfOf(call(131, [1, 1, 6]))).end, { kind: 'exit', status: 134 });
  const { bare } = runBare(elfOf([...call(131, [1, 1, 15], 5), ...call(172, [], 6), ...exitWith(0)]));
  assert.is(BigInt.asIntN(64, bare.machine.hart.x[5] as bigint), -38n);
  assert.is(bare.machine.hart.x[6], 1n);
});

// Five instructions come before each call; the call itself does not retire. Four ticks are a nanosecond.
test('time follows the instructions and the wall clock its base', () => {
  const { bare } = runBare(
    elfOf([
      ...call(113, [1, DATA], 5),
      ...call(113, [0, DATA + 16]),
      ...call(113, [77, DATA], 6),
      ...exitWith(0),
    ]),
  );
  const words = new BigUint64Array((bare.read(DATA, 32) as Uint8Array).slice().buffer);
  assert.equal([...words], [0n, 1n, 1_000_000_000n, 2n]);
  assert.is(bare.machine.hart.x[5], 0n);
  assert.is(BigInt.asIntN(64, bare.machine.hart.x[6] as bigint), -22n);
});

test('the stack holds arguments, environment and the auxiliary vector', () => {
  const { bare } = runBare(elfOf(exitWith(0)), ['prog', 'one', 'zwei €']);
  const sp = Number(bare.machine.hart.x[2]);
  assert.is(sp % 16, 0);
  const word = (index: number): number =>
    Number(new DataView((bare.read(sp + index * 8, 8) as Uint8Array).slice().buffer).getBigUint64(0, true));
  const text = (address: number): string => {
    const bytes: number[] = [];
    for (let at = address; bytes.at(-1) !== 0; at++) bytes.push(bare.read(at, 1)?.[0] ?? 0);
    return Buffer.from(bytes.slice(0, -1)).toString();
  };
  assert.is(word(0), 3);
  assert.equal(
    [1, 2, 3].map((i) => text(word(i))),
    ['prog', 'one', 'zwei €'],
  );
  assert.is(word(4), 0);
  assert.is(text(word(5)), 'A=b');
  assert.is(word(6), 0);
  const auxiliary = new Map<number, number>();
  for (let i = 7; word(i) !== 0; i += 2) auxiliary.set(word(i), word(i + 1));
  assert.is(auxiliary.get(6), 4096);
  assert.is(auxiliary.get(9), CODE);
  assert.equal([...(bare.read(auxiliary.get(25) as number, 16) as Uint8Array)], Array(16).fill(7));
  assert.is(auxiliary.get(16), 0x112d, 'I, M, A, F, D, C');
  assert.is(text(auxiliary.get(31) as number), 'prog');
});

test('a budget ends every program after exactly its instructions', () => {
  for (const tier of tiers) {
    for (const budget of [1, 2, 17, 1000, 2_345_678]) {
      const { end, bare } = runBare(elfOf([asm.addi(5, 5, 1), asm.jal(0, -4)]), ['p'], '', budget, tier);
      assert.equal(end, { kind: 'budget' });
      assert.is(bare.machine.hart.retiredWord[0], BigInt(budget));
      assert.is(bare.machine.hart.x[5], BigInt(Math.ceil(budget / 2)));
    }
  }
  // A call that is answered does not retire, but counts as one.
  const calling = runBare(elfOf([asm.ecall, asm.jal(0, -4)]), ['p'], '', 1000);
  assert.equal(calling.end, { kind: 'budget' });
  assert.is(calling.bare.machine.hart.retiredWord[0], 500n);
});

test('a program that uses up RAM is told from one that goes astray', () => {
  const size = 0x3000_0000;
  const codes = [
    ...call(214, [size]),
    asm.lui(9, 0x2_2000 >> 12),
    asm.lui(8, 1),
    asm.sd(9, 9, 0),
    asm.add(9, 9, 8),
    asm.jal(0, -8),
  ];
  assert.equal(runBare(elfOf(codes)).end, { kind: 'exhausted' });
});

interface Shown {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function hart(args: readonly string[], input = ''): Shown {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'hart', ...args], {
    input,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

test('perdure hart runs programs made by the guest kit: arguments, input, status', () => {
  const hello = hart([join(programs, 'hello.bare.elf'), 'one', '--two']);
  assert.is(hello.stdout, 'hello from Perdure\nargument 1: one\nargument 2: --two\n');
  assert.is(hello.status, 2);
  const echo = hart([join(programs, 'echo.bare.elf')], 'a\nb');
  assert.is(echo.stdout, '1: a\n2: b\necho: 2 lines\n');
  assert.is(echo.status, 0);
});

test('perdure hart shows a trap with cause, pc, address, registers and symbol, and exits like Linux', () => {
  const folder = scratchFolder();
  const file = join(folder, 'trap.elf');
  const ends: readonly (readonly [readonly number[], number, RegExp])[] = [
    [
      [asm.nop, asm.ld(10, 0, 8)],
      139,
      /load page fault \(cause 13\) at pc 0x10004 \(start\+0x4\), address 0x8/,
    ],
    [[asm.sd(10, 0, 8)], 139, /store page fault \(cause 15\)/],
    [[asm.jalr(0, 0, 0)], 139, /instruction page fault \(cause 12\) at pc 0x0, address 0x0/],
    [
      [0xffff_ffff],
      132,
      /illegal instruction \(cause 2\) at pc 0x10000 \(start\+0x0\), instruction 0xffffffff/,
    ],
    [[asm.ebreak], 133, /breakpoint \(cause 3\)/],
    [
      [asm.addi(11, 0, 1), asm.amo(0, true, 0, 11, 0)],
      135,
      /misaligned atomic store \(cause 6\).*address 0x1/,
    ],
  ];
  for (const [codes, status, message] of ends) {
    writeFileSync(file, elfOf(codes));
    const shown = hart([file]);
    assert.is(shown.status, status);
    assert.match(shown.stderr, message);
    assert.match(shown.stderr, /zero 0{16} {4}ra 0{16} {4}sp 0000003e/);
    assert.match(shown.stderr, / fs8 0{16} {3}fs9 0{16} {2}fs10 0{16} {2}fs11 0{16}\n.*\n {2}fcsr 00\n/);
    assert.is(shown.stdout, '');
  }
});

test('perdure hart stops at its budget, traces a line an instruction, and reports as JSON', () => {
  const folder = scratchFolder();
  const [file, trace, report] = ['p.elf', 'trace.txt', 'report.json'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(file, elfOf([asm.addi(5, 5, 1), 0x0001_0001, asm.jal(0, -8)]));
  const shown = hart(['--budget', '5', '--trace', trace, '--report', report, '--json', file]);
  assert.is(shown.status, 0);
  assert.is(
    readFileSync(trace, 'utf8'),
    [
      '0000010000 00128293 addi t0, t0, 1',
      '0000010004 0001     addi zero, zero, 0',
      '0000010006 0001     addi zero, zero, 0',
      '0000010008 ff9ff06f jal zero, pc-8',
      '0000010000 00128293 addi t0, t0, 1',
      '',
    ].join('\n'),
  );
  const written = JSON.parse(readFileSync(report, 'utf8'));
  assert.is(written.ended, 'budget');
  assert.is(written.instructions, 5);
  assert.is(written.tier, 'auto');
  assert.equal(Object.keys(written.tiers), [
    ...[
      'interpreted',
      'translated',
      'entered',
      'batches',
      'regions',
      'compiled',
      'dropped',
      'codeBytes',
      'translateMs',
    ],
  ]);
  assert.ok(written.seconds >= 0 && written.mips >= 0);
  assert.equal(JSON.parse(shown.stderr.trimEnd().split('\n').at(-1) as string), written);
});

test('perdure hart refuses what is no program, and says why', () => {
  const folder = scratchFolder();
  const file = join(folder, 'no.elf');
  writeFileSync(file, 'text');
  const shown = hart([file]);
  assert.is(shown.status, 65);
  assert.match(shown.stderr, /no\.elf: file header: this is no ELF file/);
  assert.is(hart([join(folder, 'missing.elf')]).status, 66);
});

test.run();
