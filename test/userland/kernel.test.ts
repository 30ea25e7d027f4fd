/** The programs under the real kernel: threads, spaces, IPC and sleeps, and what the library builds of them. */
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { KEY_VALUE_PAGES, KeyValueServer } from '../../examples/key-value-server.ts';
import { TICKS_PER_NANOSECOND } from '../../src/kernel/abi/memory.ts';
import { testNeeding } from '../tools/needs.ts';
import { buildProgram } from './build.ts';
import { fillChecksums, stockTranscript, transcript } from './expected.ts';
import { runProgram } from './parent.ts';

const program = (name: string): string =>
  join(import.meta.dirname, '../../src/userland/programs', `${name}.elf`);
const lines = (text: string): string[] => text.trimEnd().split('\n');

test('hello prints its arguments and ends with its status', () => {
  const { status, stdout } = runProgram(program('hello'), { args: ['hello', 'one', 'two words'] });
  assert.is(stdout, 'hello from Perdure\nargument 1: one\nargument 2: two words\n');
  assert.is(status, 2);
});

test('counter counts, and sleeps as long as it was told', () => {
  const { stdout, tick } = runProgram(program('counter'), { args: ['counter', '3', '20'] });
  assert.is(stdout, 'count 1\ncount 2\ncount 3\n');
  const sleptTicks = BigInt(3 * 20_000_000 * TICKS_PER_NANOSECOND);
  assert.ok(tick > sleptTicks && tick < sleptTicks + 1_000_000n, `${tick} ticks`);
});

test('two threads hand over every token once and in order', () => {
  const { status, stdout } = runProgram(program('pair'), { args: ['pair', '50'] });
  const expected = Array.from({ length: 50 }, (_, i) => `token ${i + 1} sum ${((i + 1) * (i + 2)) / 2}`);
  assert.equal(lines(stdout), [...expected, 'pair: 50 tokens, sum 1275']);
  assert.is(status, 0);
});

test('a client in its own space gets its answers, and shares no variable with the server', () => {
  const { status, stdout } = runProgram(program('service'), { args: ['service', '20'] });
  const expected = Array.from(
    { length: 20 },
    (_, i) => `question ${i + 1}: square ${(i + 1) ** 2}, served ${i + 1}, mine 0`,
  );
  assert.equal(lines(stdout), [...expected, 'service: 20 questions answered']);
  assert.is(status, 0);
});

test('fill computes the right sums in memory that comes on demand', () => {
  const { stdout } = runProgram(program('fill'), { args: ['fill', '2', '1'] });
  assert.equal(lines(stdout), fillChecksums(2, 1));
});

test('digits are those of pi', () => {
  const { status, stdout } = runProgram(program('digits'), { args: ['digits', '60'] });
  const pi = ['3141592653', '5897932384', '6264338327', '9502884197', '1693993751', '0582097494'];
  assert.equal(lines(stdout), [
    ...pi.map((digits, i) => `${String(i * 10).padStart(6, '0')} ${digits}`),
    '60 digits of pi',
  ]);
  assert.is(status, 0);
});

test('a planet is where this host finds it too, in the rounding mode that both have; every mode has its own flags', () => {
  const { status, stdout } = runProgram(program('orbits'), { args: ['orbits', '4', '500'] });
  assert.is(status, 0);
  const planet = { x: 1, y: 0, vx: 0, vy: 0.875 };
  const bits = (number: number): string =>
    new BigUint64Array(new Float64Array([number]).buffer)[0]?.toString(16).padStart(16, '0') ?? '';
  const nearest = lines(stdout).filter((line) => line.startsWith('mode 0'));
  for (const [i, line] of nearest.entries()) {
    for (let step = 0; step < 500; step++) {
      const dt = 1 / 1024;
      planet.x += planet.vx * (dt / 2);
      planet.y += planet.vy * (dt / 2);
      const square = planet.x * planet.x + planet.y * planet.y;
      const pull = -dt / (square * Math.sqrt(square));
      planet.vx += pull * planet.x;
      planet.vy += pull * planet.y;
      planet.x += planet.vx * (dt / 2);
      planet.y += planet.vy * (dt / 2);
    }
    const flags = ['09', '11', '05', '03'][i];
    assert.ok(
      line.startsWith(`mode 0 line 000${i + 1} x ${bits(planet.x)} y ${bits(planet.y)} flags ${flags}`),
      line,
    );
  }
  assert.is(nearest.length, 4);
  const ends = [0, 1, 2, 3].map((mode) =>
    lines(stdout)
      .find((line) => line.startsWith(`mode ${mode} line 0004`))
      ?.slice(17),
  );
  assert.is(new Set(ends).size, 4, 'four modes, four ways');
});

test('three hundred threads pass a baton, sleepers wake in time, memory comes and goes', () => {
  const relay = runProgram(program('relay'), { args: ['relay', '300', '400'] });
  assert.is(relay.status, 0);
  assert.match(relay.stdout, /^end 400 passes, 400 held, \d+ counted/m);
  const alarms = runProgram(program('alarms'), { args: ['alarms', '10', '5'] });
  assert.is(alarms.status, 0);
  assert.match(alarms.stdout, /^end: 0 of 50 alarms early$/m);
  const tide = runProgram(program('tide'), { args: ['tide', '2', '5'] });
  assert.is(tide.status, 0);
  assert.is([...tide.stdout.matchAll(/wrong 0 sum/g)].length, 5);
});

test('echo prints back what was typed', () => {
  const { stdout } = runProgram(program('echo'), { args: ['echo'], input: 'first\n\nlast' });
  assert.is(stdout, '1: first\n2: \n3: last\necho: 3 lines\n');
});

test('the transcript is what an independent reckoning says, however the run is sliced', () => {
  const expected = transcript(120, 64);
  const ticks = new Set<bigint>();
  for (const sliceTicks of [1_000_000, 10_007, 333]) {
    const { status, stdout, tick } = runProgram(program('transcript'), {
      args: ['transcript', '120', '64', '16', '500'],
      sliceTicks,
    });
    assert.equal(lines(stdout), expected);
    assert.is(status, 0);
    ticks.add(tick);
  }
  assert.is(ticks.size, 1, 'the run takes the same time');
});

test('the transcript does not depend on how long its pauses are', () => {
  for (const pause of ['1', '3']) {
    const { stdout } = runProgram(program('transcript'), { args: ['transcript', '60', '32', pause, '100'] });
    assert.equal(lines(stdout), transcript(60, 32));
  }
});

test('a program handles its own exceptions and interrupts, and goes on', () => {
  const round = [
    'null: fault 0x20d at address 8, sum so far 6',
    'breakpoint 1: a0 is 1',
    'breakpoint 2: a0 is 3',
    'breakpoint 3: a0 is 6',
    'breakpoint 4: a0 is 1004',
    'breakpoints: total 1004',
    'interrupt: the computation gave up',
    'error: not the owner',
  ];
  for (const sliceTicks of [1_000_000, 1_009]) {
    const { status, stdout } = runProgram(program('survivor'), { args: ['survivor', '2'], sliceTicks });
    assert.equal(lines(stdout), [...round, ...round]);
    assert.is(status, 0);
  }
});

const cross = testNeeding(test, 'riscv64-unknown-elf-gcc');
cross('stock C runs unmodified under the kernel', () => {
  const { status, stdout } = runProgram(buildProgram('stock.c'), {
    args: ['stock', 'a', 'b c'],
    input: 'abcdefghij\nk',
  });
  const expected = stockTranscript('stock')
    .replace('environment blue', 'environment without')
    .replace('end of input 1\n', 'end of input 1\nto the error stream\n');
  assert.is(stdout, expected);
  assert.is(status, 7);
});

cross('200,000 bytes and a reference stream through the stubs, received in pieces', () => {
  for (const sliceTicks of [1_000_000, 777]) {
    const { status, stdout } = runProgram(buildProgram('stream.c'), {
      args: ['stream'],
      sliceTicks,
      tickLimit: 10_000_000_000,
    });
    assert.equal(lines(stdout), [
      'server: outcome 0, flavour 3, alias 9, 200000 bytes in 7 pieces, reference to type 1, room for 0',
      'client: outcome 4, left to send 0, room 100, references left 0, wrong 0',
      'client: pointers advanced 1 1',
    ]);
    assert.is(status, 0);
  }
});

test('a demand pager in the machine computes pages when they are looked at, in fewer frames than pages', () => {
  const ticks = new Set<bigint>();
  for (const sliceTicks of [1_000_000, 777]) {
    const { status, stdout, tick } = runProgram(program('demand'), { args: ['demand'], sliceTicks });
    assert.is(stdout, 'demand: 192 faults for 64 pages in 8 frames, 0 wrong\n');
    assert.is(status, 0);
    ticks.add(tick);
  }
  assert.is(ticks.size, 1, 'the run takes the same time');
});

cross('a copy-on-write pager in the machine forks memory: reading shares, the first write copies', () => {
  for (const sliceTicks of [1_000_000, 777]) {
    const { status, stdout } = runProgram(buildProgram('copies.c'), { args: ['copies'], sliceTicks });
    assert.is(stdout, 'copies: 32 pages shared by reading, 12 copied, right\n');
    assert.is(status, 0);
  }
});

test('a stride scheduler in C gives three children in spaces of their own the processor by tickets 1:2:3', () => {
  const ticks = new Set<bigint>();
  for (const sliceTicks of [1_000_000, 777]) {
    const { status, stdout, tick } = runProgram(program('stride'), { args: ['stride'], sliceTicks });
    assert.equal(lines(stdout).slice(-3), [
      'child 0: 167 of 1000 given, 167 of 1000 counted',
      'child 1: 333 of 1000 given, 333 of 1000 counted',
      'child 2: 500 of 1000 given, 500 of 1000 counted',
    ]);
    assert.is(status, 0);
    ticks.add(tick);
  }
  assert.is(ticks.size, 1, 'the run takes the same time');
});

cross('a server in TypeScript keeps the values of four threads in C, by reliable calls', () => {
  const ticks = new Set<bigint>();
  for (const sliceTicks of [1_000_000, 777]) {
    let server: KeyValueServer | null = null;
    const { status, stdout, tick } = runProgram(buildProgram('keyvalue.c'), {
      args: ['keyvalue'],
      optOut: 'kernel: key-value',
      sliceTicks,
      tickLimit: 10_000_000_000,
      serve(kernel) {
        const task = kernel.createTask({ memoryPages: KEY_VALUE_PAGES });
        server = new KeyValueServer(task);
        return { task, port: server.port };
      },
    });
    assert.is(stdout, 'keyvalue: status 0, 8 bytes, 3 keys, wrong 0\n');
    assert.is(status, 0);
    assert.is((server as KeyValueServer | null)?.served, 4 * 5 * 2 + 3);
    ticks.add(tick);
  }
  assert.is(ticks.size, 1, 'however the run is sliced');
});

cross('a handler in C leaves no trace in the registers of what it interrupted', () => {
  const { status, stdout } = runProgram(buildProgram('registers.c'), { args: ['registers'] });
  assert.is(stdout, 'registers: 3 stops, 0 wrong\n');
  assert.is(status, 0);
});

cross('the C library holds when several threads print and allocate at the same time', () => {
  const { status, stdout } = runProgram(buildProgram('crowd.c'), { args: ['crowd'] });
  assert.is(status, 0, stdout);
  assert.is(stdout.at(-1), '\n');
  const letters = new Map<string, number>();
  for (const letter of stdout.replace(/crowd.*\n/, '')) letters.set(letter, (letters.get(letter) ?? 0) + 1);
  for (const letter of 'abcd') assert.is(letters.get(letter), 2000 * 30, `every ${letter} was printed once`);
});

test.run();
