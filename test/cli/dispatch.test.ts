import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InvariantError } from '../../src/base/assert.ts';
import { dispatch } from '../../src/cli/dispatch.ts';
import { ExitCode, isDefect, OperatorError, troubleOf } from '../../src/cli/errors.ts';
import { verbHelp } from '../../src/cli/help.ts';
import { bufferWriter, jsonLine, streamWriter } from '../../src/cli/output.ts';
import {
  camelCase,
  commonOptions,
  editDistance,
  formatSize,
  nearest,
  parseLine,
  parseSize,
} from '../../src/cli/parse.ts';
import type { VerbRow } from '../../src/cli/verb.ts';
import { verbTable } from '../../src/cli/verbs.ts';
import { DamageError } from '../../src/persist/store/contract.ts';
import { StoreError } from '../../src/persist/store/errors.ts';
import { project } from '../tools/arrows.ts';
import { projectFiles } from '../tools/tidy.ts';

async function call(...words: string[]) {
  const [stdout, stderr] = [bufferWriter(), bufferWriter()];
  const code = await dispatch(words, { stdout, stderr, env: {}, cwd: project });
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

const sample: VerbRow = {
  name: 'sample',
  load: () => Promise.reject(new Error('never loaded')),
  group: 'live',
  summary: 'shows all kinds of options',
  examples: [
    { command: 'perdure sample a', meaning: 'one' },
    { command: 'perdure sample --fast a', meaning: 'two' },
  ],
  operands: 'IMAGE [PROGRAM [ARGS...]]',
  operandsMin: 1,
  operandsMax: Number.POSITIVE_INFINITY,
  guestFrom: 1,
  options: [
    { name: 'fast', kind: 'switch', summary: 'a switch' },
    { name: 'out', kind: 'text', placeholder: 'FILE', summary: 'a text' },
    { name: 'colour', kind: 'choice', choices: ['red', 'blue'], default: 'red', summary: 'a choice' },
    { name: 'stop-at', kind: 'integer', placeholder: 'N', min: 1, max: 100, summary: 'an integer' },
    { name: 'interval', kind: 'number', placeholder: 'MS', min: 0.1, default: 10, summary: 'a number' },
    {
      name: 'ram',
      kind: 'size',
      placeholder: 'SIZE',
      min: 1024,
      max: 2 ** 31,
      default: 4096,
      summary: 'a size',
    },
  ],
  exits: ['damaged'],
  guestStatus: false,
};
const parse = (...words: string[]) => parseLine(sample, words);
const refuses = (words: string[], pattern: RegExp) =>
  assert.throws(
    () => parse(...words),
    (thrown: unknown) =>
      thrown instanceof OperatorError &&
      thrown.exit === ExitCode.usage &&
      pattern.test(`${thrown.what}; ${thrown.next}`),
    `${words.join(' ')} is refused with ${pattern}`,
  );

test('options arrive converted, by camel-case name, with their defaults', () => {
  const standard = { fast: false, out: undefined, colour: 'red', stopAt: undefined, interval: 10, ram: 4096 };
  assert.equal(parse('x').options, standard);
  assert.equal(
    parse('--fast', '--out', 'f', '--colour=blue', '--stop-at', '7', '--interval=0.5', '--ram', '2M', 'x')
      .options,
    {
      fast: true,
      out: 'f',
      colour: 'blue',
      stopAt: 7,
      interval: 0.5,
      ram: 2 * 1024 * 1024,
    },
  );
});

test('the common options count and combine', () => {
  const parsed = parse('--json', '-qvv', '--verbose', '-v', 'x');
  assert.equal([parsed.json, parsed.quiet, parsed.verbosity, parsed.help], [true, true, 4, false]);
  assert.is(parse('--help').help, true);
  assert.is(parse('-h').help, true);
});

test('a wrong value is refused, and the message names the option and what is possible', () => {
  refuses(['--stop-at', '0', 'x'], /--stop-at 0: out of range, 1 to 100/);
  refuses(['--stop-at', '101', 'x'], /out of range/);
  refuses(['--interval', '0.01', 'x'], /at least 0.1/);
  refuses(['--ram', '1G3', 'x'], /a size such as/);
  refuses(['--ram', '1', 'x'], /1K to 2G/);
  refuses(['--colour', 'green', 'x'], /red or blue/);
  refuses(['--out=', 'x'], /must not be empty/);
  refuses(['--fast=yes', 'x'], /takes no value/);
  refuses(['--json=yes', 'x'], /takes no value/);
  refuses(['--out'], /needs a value/);
  for (const text of ['', '-1', '1.5', '0x10', '1e3', '９', 'NaN', ' 5', '99999999999999999999']) {
    refuses([`--stop-at=${text}`, 'x'], /--stop-at/);
  }
});

test('an unknown option is refused and the nearest one suggested', () => {
  refuses(['--intervall', '5', 'x'], /no option --intervall; did you mean --interval\?/);
  refuses(['--jsno', 'x'], /did you mean --json\?/);
  refuses(['-x', 'y'], /no option -x; see: perdure sample --help/);
  refuses(['--constructor', 'y'], /no option --constructor/);
});

test('options stand before the operands, and what follows PROGRAM belongs to the guest', () => {
  refuses(['--fast'], /needs IMAGE/);
  assert.equal(parse('image', 'program', '--fast', '-q', '--', '--out').operands, [
    'image',
    'program',
    '--fast',
    '-q',
    '--',
    '--out',
  ]);
  assert.is(parse('image', 'program', '--json').json, false);
  assert.equal(parse('--', 'image').operands, ['image']);
  assert.equal(parse('-').operands, ['-']);
  const strict = { ...sample, guestFrom: null, operandsMax: 1 };
  assert.throws(() => parseLine(strict, ['image', '--fast']), /--fast stands behind an operand/);
  assert.throws(() => parseLine(strict, ['image', 'more']), /takes only IMAGE/);
});

test('parsing never throws anything but a usage error, whatever the words are', () => {
  const option = fc.constantFrom(
    ...sample.options.map((row) => `--${row.name}`),
    '--json',
    '-q',
    '-vv',
    '--',
    '-',
  );
  const word = fc.oneof(
    option,
    fc.string(),
    fc.string().map((text) => `--${text}`),
    fc.nat().map(String),
  );
  fc.assert(
    fc.property(fc.constantFrom(sample, ...verbTable), fc.array(word), (row, words) => {
      try {
        const { operands, help } = parseLine(row, words);
        assert.ok(help || operands.length >= row.operandsMin);
        assert.equal(words.slice(words.length - operands.length), operands);
      } catch (thrown) {
        if (!(thrown instanceof OperatorError)) throw thrown;
        assert.is(thrown.exit, ExitCode.usage);
        assert.ok(thrown.next !== null && !thrown.message.includes('undefined'));
      }
    }),
  );
});

test('sizes are read in powers of 1024 and shown in the unit that fits', () => {
  for (const [text, bytes] of [
    ['64M', 64 * 2 ** 20],
    ['1.5G', 1.5 * 2 ** 30],
    ['16MiB', 2 ** 24],
    ['3kb', 3072],
    ['512', 512],
  ] as const) {
    assert.is(parseSize(text), bytes);
  }
  for (const text of ['', 'M', '-1', '1X', '1.3', '1 M', '0x10', '9999999T'])
    assert.is(parseSize(text), null, text);
  fc.assert(fc.property(fc.maxSafeNat(), (bytes) => assert.is(parseSize(formatSize(bytes)), bytes)));
});

test('edit distance is a metric with swaps, and the nearest name is suggested only when it is near', () => {
  for (const [from, to, distance] of [
    ['run', 'run', 0],
    ['rnu', 'run', 1],
    ['', 'abc', 3],
    ['kill', 'kil', 1],
    ['sql', 'slq', 1],
    ['hart', 'chart', 1],
    ['crash', 'brush', 2],
  ] as const) {
    assert.is(editDistance(from, to), distance);
    assert.is(editDistance(to, from), distance);
  }
  const word = fc.string({ maxLength: 8 });
  fc.assert(
    fc.property(word, word, (from, to) => {
      const distance = editDistance(from, to);
      assert.is(distance === 0, from === to);
      assert.ok(
        distance <= Math.max(from.length, to.length) && distance >= Math.abs(from.length - to.length),
      );
    }),
  );
  assert.is(nearest('chekpoint', ['run', 'checkpoint']), 'checkpoint');
  assert.is(nearest('ver', ['run', 'version']), 'version');
  assert.is(nearest('zebra', ['run', 'checkpoint']), null);
});

test('an unknown verb exits 64 and suggests the nearest', async () => {
  const { code, stderr, stdout } = await call('hlep');
  assert.is(code, 64);
  assert.is(stdout, '');
  assert.match(stderr, 'no verb hlep');
  assert.match(stderr, 'did you mean: perdure help?');
  assert.is((await call('constructor')).code, 64);
});

test('without words it says how to call it, on stderr, exit 64; help and version go to stdout, exit 0', async () => {
  const none = await call();
  assert.equal([none.code, none.stdout], [64, '']);
  assert.match(none.stderr, 'usage: perdure VERB');
  for (const words of [['help'], ['--help'], ['-h']]) {
    const { code, stdout, stderr } = await call(...words);
    assert.equal([code, stderr], [0, '']);
    for (const row of verbTable) assert.match(stdout, row.summary);
  }
  assert.match((await call('version')).stdout, /^perdure \d+\.\d+\.\d+\n$/);
  assert.type(JSON.parse((await call('--version', '--json')).stdout).version, 'string');
});

test('the help of every verb begins with its two examples and names each option and exit code', async () => {
  for (const row of verbTable) {
    const page = verbHelp(row, bufferWriter());
    const [first, , second] = page.split('\n');
    assert.is(first, `  ${row.examples[0].command}`);
    assert.is(second, `  ${row.examples[1].command}`);
    for (const option of [...row.options, ...commonOptions]) assert.match(page, `--${option.name}`);
    for (const exit of row.exits) assert.match(page, `  ${ExitCode[exit]} `);
  }
  for (const row of verbTable) {
    const page = verbHelp(row, bufferWriter());
    assert.equal(await call(row.name, '--help'), { code: 0, stdout: page, stderr: '' });
    assert.equal(await call('help', row.name), { code: 0, stdout: page, stderr: '' });
  }
});

test('the rows of the table are whole: examples parse, names are unique and well formed', () => {
  assert.is(new Set(verbTable.map((row) => row.name)).size, verbTable.length);
  for (const row of verbTable) {
    assert.match(row.name, /^[a-z]+$/);
    for (const option of row.options) {
      assert.match(option.name, /^[a-z]+(-[a-z]+)*$/);
      assert.not(
        commonOptions.some((common) => common.name === option.name),
        `${row.name} --${option.name}`,
      );
      assert.match(camelCase(option.name), /^[a-zA-Z]+$/);
    }
    for (const { command } of row.examples) {
      const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
      assert.equal(words.slice(0, 2), ['perdure', row.name]);
      parseLine(row, words.slice(2));
    }
  }
});

test('every module of a verb has its row, and every row loads the module of its name', async () => {
  const modules = projectFiles(project)
    .filter((path) => /^src\/cli\/verbs\/[a-z]+\.ts$/.test(path))
    .map((path) => path.replace(/^.*\/|\.ts$/g, ''));
  assert.equal(modules, verbTable.map((row) => row.name).sort());
  for (const row of verbTable) {
    const module = await row.load();
    assert.is(module.run, (await import(`../../src/cli/verbs/${row.name}.ts`)).run, row.name);
  }
});

test('whatever is thrown has an exit code, says what, and says what to do next', () => {
  const system = (code: string) => Object.assign(new Error(`${code}: no luck, open 'x.db'`), { code });
  for (const [thrown, exit, pattern] of [
    [new OperatorError(ExitCode.damaged, 'x.db: page 7 is damaged', 'perdure check x.db'), 65, /page 7/],
    [new StoreError(69, 'x.db: process 7 runs it', 'perdure kill x.db'), 69, /process 7/],
    [new DamageError('page 17 of generation 5'), 65, /page 17 of generation 5/],
    [new InvariantError('kernel: a fact'), 70, /invariant broken: kernel: a fact/],
    [system('ENOENT'), 66, /x\.db/],
    [system('EACCES'), 74, /x\.db/],
    [system('ENOSPC'), 74, /x\.db/],
    [system('EROFS'), 73, /x\.db/],
    [new TypeError('oops'), 70, /unexpected TypeError: oops/],
    ['a string', 70, /unexpected a string/],
    [undefined, 70, /unexpected undefined/],
  ] as const) {
    const trouble = troubleOf(thrown);
    assert.is(trouble.exit, exit);
    assert.match(trouble.what, pattern);
    assert.ok(trouble.next !== null && trouble.next.length > 5);
    assert.is(isDefect(thrown), exit === 70);
  }
});

test('with --json a failure ends with one JSON line on stderr', async () => {
  const { code, stdout, stderr } = await call('nothing', '--json');
  assert.equal([code, stdout], [64, '']);
  const last = JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '');
  assert.is(last.ended, 'error');
  assert.is(last.exitCode, 64);
});

test('colour is used on a terminal only, and never with NO_COLOR', () => {
  const stream = (isTTY: boolean) => ({ write: () => true, isTTY });
  assert.is(streamWriter(stream(true), {}).hasColour, true);
  assert.is(streamWriter(stream(true), { NO_COLOR: '' }).hasColour, true);
  assert.is(streamWriter(stream(true), { NO_COLOR: '1' }).hasColour, false);
  assert.is(streamWriter(stream(true), { TERM: 'dumb' }).hasColour, false);
  assert.is(streamWriter(stream(false), {}).hasColour, false);
});

test('JSON has numbers where they are exact, decimal strings where they are not, bytes in hexadecimal', () => {
  const line = jsonLine({ small: 5n, large: 2n ** 60n, bytes: new Uint8Array([0, 255]) });
  assert.is(line, '{"small":5,"large":"1152921504606846976","bytes":"00ff"}\n');
});

test.run();
