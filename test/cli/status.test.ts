/** P.13: the status line shows what it should and never disturbs what stands on the terminal. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Reading, statusText } from '../../src/cli/machine/gauges.ts';
import { openStatus } from '../../src/cli/machine/status.ts';

/** A small terminal: lines, a cursor, and the two controls that the status line uses. */
function screen() {
  const lines = [''];
  let column = 0;
  const write = (content: string | Uint8Array): void => {
    const text = typeof content === 'string' ? content : new TextDecoder().decode(content);
    for (let at = 0; at < text.length; at++) {
      const last = lines.length - 1;
      const line = lines[last] ?? '';
      if (text.startsWith('\x1b[K', at)) {
        lines[last] = line.slice(0, column);
        at += 2;
      } else if (text[at] === '\x1b') at = text.indexOf('m', at);
      else if (text[at] === '\r') column = 0;
      else if (text[at] === '\n') {
        lines.push('');
        column = 0;
      } else {
        lines[last] = line.slice(0, column) + text[at] + line.slice(column + 1);
        column += 1;
      }
    }
  };
  return { write, isTerminal: true, hasColour: true, lines, column: () => column };
}

const reading: Reading = {
  time: '2026-11-23T00:00:00.000Z',
  seconds: 1,
  generation: 1234,
  committed: 1230,
  checkpoints: 100,
  pauseUsMax: 85.4,
  dirtyPages: 8.2,
  recordBytesPerSecond: 400_000,
  writtenBytesPerSecond: 1_234_567,
  mips: 350.4,
  tick: '1',
};

test('the line says generation, pause, dirty pages, bytes a second and MIPS', () => {
  assert.is(statusText(reading), 'generation 1234 | pause 85 us | 8 pages | 1.2 MB/s | 350 MIPS');
  assert.is(
    statusText({ ...reading, dirtyPages: null, writtenBytesPerSecond: null, recordBytesPerSecond: 0 }),
    'generation 1234 | pause 85 us | - pages | 0 B/s | 350 MIPS',
  );
});

test('it is cut to the terminal, and not drawn on one without a width or behind an unfinished line', () => {
  for (const [columns, expected] of [
    [11, 'generation'],
    [1, ''],
    [0, ''],
  ] as const) {
    const terminal = screen();
    openStatus(terminal, () => columns).draw('generation 1');
    assert.equal(terminal.lines, [expected]);
    assert.is(terminal.column(), 0);
  }
  const terminal = screen();
  const status = openStatus(terminal, () => 80);
  const output = new TextEncoder().encode('name? ');
  status.around(() => terminal.write(output), output);
  status.draw('generation 1');
  assert.equal(terminal.lines, ['name? ']);
  assert.is(terminal.column(), 6);
});

test('whatever is drawn in between, output and words stand as if nothing had been drawn', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('draw' as const),
      text: fc.string({ maxLength: 30, unit: 'grapheme-ascii' }),
    }),
    fc.record({
      kind: fc.constantFrom('output' as const),
      text: fc.constantFrom('a', 'bc\n', 'd\ne', '\n', 'long line\n'),
    }),
    fc.record({ kind: fc.constantFrom('words' as const), text: fc.constantFrom('stopping\n', 'stopped\n') }),
  );
  const seed = Number(process.env.PERDURE_SEED ?? 9);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.integer({ min: 0, max: 25 }), (steps, columns) => {
      const seen = screen();
      const plain = screen();
      const status = openStatus(seen, () => columns);
      for (const { kind, text } of steps) {
        if (kind === 'draw') status.draw(text);
        else {
          plain.write(text);
          if (kind === 'words') status.words(() => seen.write(text));
          else status.around(() => seen.write(text), new TextEncoder().encode(text));
          assert.equal(seen.lines, plain.lines);
        }
      }
      status.draw(null);
      assert.equal(seen.lines, plain.lines);
      assert.is(seen.column(), plain.column());
    }),
    { seed, numRuns: 200 },
  );
});

test.run();
