/**
 * P.14: a checkpointer that is a program of the machine (law 4). It saves its child, destroys it and brings it back, again
 * and again; the child's output is that of a child that nobody disturbed. What it brought back the program compares
 * itself, word for word, with what it had saved; with real deaths of the host see test/system/nested.test.ts.
 */
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { rebuildsAfterEntry } from '../kernel/every-entry.ts';
import { transcript } from './expected.ts';
import { runProgram } from './parent.ts';

const program = join(import.meta.dirname, '../../src/userland/programs/checkpointer.elf');

interface Child {
  readonly tickUs: number;
  /** Ticks to a life of the child. */
  readonly life: number;
  readonly lines: number;
  readonly words: number;
}

/** Runs the checkpointer over a transcript; returns how often the child was brought back, and the ticks it all took. */
function run({ tickUs, life, lines, words }: Child, sliceTicks = 1_000_000): { lives: number; tick: bigint } {
  const args = ['checkpointer', ...[tickUs, life, lines, words, 4, 300].map(String)];
  const { status, stdout, tick } = runProgram(program, { args, sliceTicks, tickLimit: 20_000_000_000 });
  assert.is(status, 0, stdout.slice(-200));
  const printed = stdout.trimEnd().split('\n');
  const last = printed.pop() ?? '';
  assert.equal(printed, transcript(lines, words));
  const lives = /^checkpointer: the child was destroyed and brought back (\d+) times$/.exec(last)?.[1];
  return { lives: Number(lives), tick };
}

test('a child with threads and a child of its own ends as undisturbed, destroyed and brought back many times', () => {
  // Taken apart after every entry, each life of the child takes thousands of restarts of the machine.
  const child = { tickUs: 200, life: 2, lines: 8, words: 8 };
  if (rebuildsAfterEntry) assert.ok(run(child).lives >= 3);
  else assert.ok(run({ ...child, tickUs: 50, lines: 40, words: 32 }).lives >= 10);
});

/** What the first test does taken apart is enough: these are about the life that nobody disturbs. */
function undisturbed(name: string, work: () => void): void {
  if (!rebuildsAfterEntry) test(name, work);
}

undisturbed('whatever the child is doing when it is saved, it goes on with it', () => {
  // Each tick falls elsewhere in its steps: at a lock, in a conversation, asleep, in the middle of a computation.
  for (const tickUs of [37, 91, 170, 410]) {
    assert.ok(run({ tickUs, life: 3, lines: 16, words: 8 }).lives >= 1, `${tickUs} us`);
  }
});

undisturbed('however the run is sliced, the checkpointer does the same at the same ticks', () => {
  const child = { tickUs: 60, life: 2, lines: 8, words: 8 };
  assert.equal(run(child, 1009), run(child));
});

test.run();
