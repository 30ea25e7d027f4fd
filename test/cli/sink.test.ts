/** P.08: a file sink has every byte once whatever happens to it between lives, or is refused; nobody's bytes are lost. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { OperatorError } from '../../src/cli/errors.ts';
import type { FileSinkState, Sink } from '../../src/cli/machine/sink.ts';
import { checkNewSink, openFileSink } from '../../src/cli/machine/sink.ts';
import { scratchFolder } from '../tools/scratch.ts';

const run = (offset: number, text: string) => ({ offset, bytes: new TextEncoder().encode(text) });
const fresh: FileSinkState = { origin: 0, proof: null, confirmed: 0, unconfirmed: [] };
const text = (file: string): string => fs.readFileSync(file, 'utf8');

function exitOf(work: () => void): number {
  try {
    work();
  } catch (error) {
    assert.instance(error, OperatorError);
    return (error as OperatorError).exit;
  }
  return 0;
}

/** A file with `hello world`, whose last six bytes the image had not confirmed. */
function written(): { file: string; state: FileSinkState } {
  const file = path.join(scratchFolder(), 'out.txt');
  const sink = openFileSink(file, fresh, false);
  sink.write(run(0, 'hello'));
  const state = {
    origin: sink.origin,
    proof: sink.proof(),
    confirmed: sink.confirmed(),
    unconfirmed: [run(5, ' world')],
  };
  sink.write(run(5, ' world'));
  sink.close();
  assert.is(text(file), 'hello world');
  return { file, state };
}

function reopen(file: string, state: FileSinkState): Sink {
  const sink = openFileSink(file, state, false);
  sink.checkpointCommitted();
  return sink;
}

test('what happens to an output file between two lives, and what the next one makes of it', () => {
  const rows: readonly [string, (file: string) => void, string | number][] = [
    ['nothing', () => undefined, 'hello world'],
    ['the last bytes never got there', (file) => fs.truncateSync(file, 7), 'hello world'],
    ['all unconfirmed bytes are gone', (file) => fs.truncateSync(file, 5), 'hello world'],
    ['it has its length but zeros after a loss of power', (file) => zeros(file, 5, 6), 'hello world'],
    ['confirmed bytes are gone', (file) => fs.truncateSync(file, 4), 65],
    ['it was emptied, as by a rotation', (file) => fs.truncateSync(file, 0), ' world'],
    ['it was removed', (file) => fs.unlinkSync(file), ' world'],
    ['it was moved to another file system and back', (file) => copyBack(file), 'hello world'],
    ['somebody appended', (file) => fs.appendFileSync(file, '!'), 65],
    ['another file of the same length', (file) => fs.writeFileSync(file, 'HELLO world'), 65],
    ['another file of the confirmed length', (file) => fs.writeFileSync(file, 'jello'), 65],
    ['unconfirmed bytes were changed', (file) => fs.writeFileSync(file, 'hello WORLD'), 65],
    ['zeros where bytes are confirmed', (file) => zeros(file, 0, 5), 65],
    ['a pipe', (file) => replaceBy(file, 'mkfifo'), 73],
    ['a folder', (file) => replaceBy(file, 'mkdir'), 73],
  ];
  for (const [what, change, expected] of rows) {
    const { file, state } = written();
    change(file);
    const before = fs.statSync(file, { throwIfNoEntry: false })?.isFile() === true ? text(file) : null;
    if (typeof expected === 'number') {
      assert.is(
        exitOf(() => reopen(file, state)),
        expected,
        what,
      );
      if (before !== null) assert.is(text(file), before, `${what}: a refused file is as it was`);
    } else {
      const sink = reopen(file, state);
      assert.is(sink.failure, null, what);
      sink.write(run(11, '.'));
      sink.close();
      assert.is(text(file), `${expected}.`, what);
    }
  }
});

function zeros(file: string, from: number, count: number): void {
  const bytes = fs.readFileSync(file);
  bytes.fill(0, from, from + count);
  fs.writeFileSync(file, bytes);
}

function copyBack(file: string): void {
  fs.copyFileSync(file, `${file}.copy`);
  fs.unlinkSync(file);
  fs.copyFileSync(`${file}.copy`, file);
}

function replaceBy(file: string, command: string): void {
  fs.unlinkSync(file);
  execFileSync(command, [file]);
}

test('a file that somebody changes while the machine runs gets nothing more, and nothing more is confirmed', () => {
  const changes: readonly ((file: string) => void)[] = [
    (file) => fs.appendFileSync(file, 'mine'),
    (file) => fs.truncateSync(file, 0),
    (file) => fs.truncateSync(file, 3),
    (file) => fs.unlinkSync(file),
  ];
  for (const change of changes) {
    const file = path.join(scratchFolder(), 'out.txt');
    const sink = openFileSink(file, fresh, false);
    sink.write(run(0, 'hello'));
    change(file);
    const after = fs.existsSync(file) ? text(file) : null;
    sink.write(run(5, ' world'));
    assert.instance(sink.failure, OperatorError);
    assert.is((sink.failure as OperatorError).exit, 74);
    assert.is(sink.confirmed(), 5);
    if (after !== null) assert.is(text(file), after);
    sink.close();
  }
});

test('an image that was put back or copied does not touch the file of the line it came from', () => {
  const { file } = written();
  // What run.ts makes of such an image: everything up to here belongs to the other line.
  const detached = { origin: 11, proof: null, confirmed: 11, unconfirmed: [] };
  assert.is(
    exitOf(() => openFileSink(file, detached, false)),
    65,
  );
  assert.is(text(file), 'hello world');
  const other = path.join(path.dirname(file), 'other.txt');
  const sink = openFileSink(other, detached, false);
  sink.write(run(11, 'again'));
  sink.close();
  assert.is(text(other), 'again');
});

test('a device takes everything and keeps no place', () => {
  const sink = openFileSink('/dev/null', fresh, true);
  sink.write(run(0, 'hello'));
  assert.is(sink.confirmed(), 5);
  assert.is(sink.proof(), null);
  sink.close();
  checkNewSink('/dev/null');
});

test('whatever is written, confirmed, lost and rewritten, the file holds each byte once', async () => {
  const seed = Number(process.env.PERDURE_SEED ?? 5);
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('write' as const),
      text: fc.string({ minLength: 1, maxLength: 700, unit: 'binary-ascii' }),
    }),
    fc.record({ kind: fc.constant('save' as const) }),
    fc.record({ kind: fc.constant('die' as const), lost: fc.double({ min: 0, max: 1, noNaN: true }) }),
  );
  const folder = scratchFolder();
  const counter = { files: 0 };
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const file = path.join(folder, `out-${counter.files++}`);
      let saved: FileSinkState = fresh;
      let sink = openFileSink(file, saved, false);
      // Committed output: what the file must hold once it was released.
      let all = '';
      const save = (): void => {
        saved = { origin: sink.origin, proof: sink.proof(), confirmed: sink.confirmed(), unconfirmed: [] };
      };
      for (const each of steps) {
        if (each.kind === 'write') {
          const next = run(all.length, each.text);
          saved = { ...saved, unconfirmed: [...saved.unconfirmed, next] };
          all += each.text;
          sink.write(next);
        } else if (each.kind === 'save') save();
        else {
          sink.close();
          // What was not confirmed may be lost, from its end.
          const open = all.length - saved.confirmed;
          fs.truncateSync(file, all.length - Math.floor(open * each.lost));
          sink = openFileSink(file, saved, false);
          sink.checkpointCommitted();
        }
        assert.is(sink.failure, null);
        assert.is(text(file), all);
      }
      sink.close();
    }),
    { seed, numRuns: 60 },
  );
});

test.run();
